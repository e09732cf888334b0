//! Everything wrong with a spec.

use std::fmt;

use runpod_api::printable;

/// A pod spec that RunPod would refuse. No pod was created by it, or none is left.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SpecError {
    name: String,
    problems: Vec<Problem>,
    was_catalog_read: bool,
    /// Deeds before it was found, as clauses.
    notes: Vec<String>,
}

impl SpecError {
    /// The error of a spec that is wrong by itself, for tests of programs that handle one, too.
    #[must_use]
    pub fn new(pod_name: &str, problems: Vec<Problem>) -> Self {
        Self { name: pod_name.to_owned(), problems, was_catalog_read: false, notes: Vec::new() }
    }

    /// The error of a spec that RunPod's catalog contradicts.
    pub(crate) fn by_catalog(name: &str, problems: Vec<Problem>) -> Self {
        Self { was_catalog_read: true, ..Self::new(name, problems) }
    }

    /// The same error, saying also what was done before it was found.
    pub(crate) fn with_note(mut self, note: &str) -> Self {
        self.notes.push(note.to_owned());
        self
    }

    /// The name of the pod that was to be.
    #[must_use]
    pub fn pod_name(&self) -> &str {
        &self.name
    }

    /// Every problem found, at least one.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = if self.was_catalog_read { "none was created" } else { "nothing was sent" };
        write!(f, "pod {:?} cannot be deployed as specified, and {sent}", self.name)?;
        for (position, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if position == 0 { ": " } else { "; " })?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

impl std::error::Error for SpecError {}

/// One thing wrong with a pod spec.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Problem {
    /// The field, named as the setter.
    pub field: &'static str,
    /// The offending value, shortened. Never an env value.
    pub value: String,
    /// The values that are allowed.
    pub allowed: String,
}

impl Problem {
    /// A problem with a field, whose value is shortened. Characters that would act on a terminal are escaped.
    #[must_use]
    pub fn new(field: &'static str, value: impl AsRef<str>, allowed: impl Into<String>) -> Self {
        let allowed = printable(&shortened(&allowed.into(), 2000)).into_owned();
        Self { field, value: shortened(value.as_ref(), 80), allowed }
    }
}

/// So many characters of a text.
fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {}", self.field, self.value, self.allowed)
    }
}
