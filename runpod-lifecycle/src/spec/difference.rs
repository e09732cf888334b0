//! A setting that a pod does not have as a spec says.

use std::fmt;

use runpod_api::printable;

/// A setting of a spec that a pod differs in, by [`PodSpec::differences`](crate::PodSpec::differences).
///
/// Its Display is a phrase such as `image is "app:1", not "app:2"`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Difference {
    /// The setting, named as the setter.
    pub field: &'static str,
    /// The spec's value. Of an environment variable its name.
    pub wanted: String,
    /// The pod's. Of an environment variable no more than that it is another, or missing.
    pub found: String,
}

impl Difference {
    pub(crate) fn new(field: &'static str, wanted: impl Into<String>, found: impl Into<String>) -> Self {
        Self { field, wanted: wanted.into(), found: found.into() }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&format!("{} is {}, not {}", self.field, self.found, self.wanted)))
    }
}
