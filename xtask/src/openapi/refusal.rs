//! Refusal of a rule that cannot carry a part of a document.

/// A part of the document that cannot be carried, where it is, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{pointer}: {problem}; {remedy}")]
pub(crate) struct Refusal {
    pointer: String,
    problem: String,
    remedy: String,
}

impl Refusal {
    /// Refuses what is at `pointer`.
    pub(crate) fn new(pointer: &str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        let pointer = if pointer.is_empty() { "/".to_owned() } else { pointer.to_owned() };
        Self { pointer, problem: problem.into(), remedy: remedy.into() }
    }

    /// Its place.
    pub(crate) fn pointer(&self) -> &str {
        &self.pointer
    }
}

/// A rule's answer.
pub(crate) type Carried<T> = Result<T, Refusal>;
