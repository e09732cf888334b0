//! The operation and its subject, as spans and reports name them.

/// An operation that is to begin: its name and what it is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doing<'a> {
    /// In words, for example `deploy pod`.
    pub(crate) operation: &'static str,
    /// The id or name of what it is about.
    pub(crate) target: Option<&'a str>,
    /// The hardware that is asked for.
    #[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "only its span has it"))]
    pub(crate) candidate: Option<&'a str>,
    /// The condition that is waited for.
    #[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "only its span has it"))]
    pub(crate) condition: Option<&'a str>,
}

impl<'a> Doing<'a> {
    pub(crate) fn new(operation: &'static str, target: impl Into<Option<&'a str>>) -> Self {
        Self { operation, target: target.into(), candidate: None, condition: None }
    }
}

#[cfg(feature = "tracing")]
impl<'a> Doing<'a> {
    /// Its subject, as a pod or as something else.
    pub(super) fn pod_or_target(&self) -> (Option<&'a str>, Option<&'a str>) {
        if self.operation.ends_with(" pod") { (self.target, None) } else { (None, self.target) }
    }
}
