//! Statements about RunPod, and what a run says about each.

use std::fmt;

use serde::Serialize;

use crate::exchange::Evidence;

/// A statement that the project believes about RunPod.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// Its name, in kebab-case.
    pub id: &'static str,
    /// The statement.
    pub says: &'static str,
    /// Its source.
    pub source: Source,
    /// The month or day of the source.
    pub date: &'static str,
    /// The files of the project that rest on it.
    pub rests: &'static [&'static str],
    pub(crate) probe: fn(&Evidence) -> Seen,
}

/// The source of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Somebody saw it on the real service.
    Live,
    /// RunPod says so.
    Documented,
    /// It was collected from documentation, public threads and other clients' traffic, without a record of who saw it.
    Collected,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "seen live",
            Self::Documented => "documented",
            Self::Collected => "collected",
        })
    }
}

impl Statement {
    /// Judges the statement by what a run has seen.
    #[must_use]
    pub fn judge(&self, evidence: &Evidence) -> Seen {
        (self.probe)(evidence)
    }
}

/// A verdict about a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// It was seen as it is believed.
    AsBelieved,
    /// Something else was seen.
    Differs,
    /// Nothing was seen that speaks for or against it.
    NotSeen,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsBelieved => "as believed",
            Self::Differs => "differs",
            Self::NotSeen => "not seen",
        })
    }
}

/// A verdict, and what was seen in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The verdict.
    pub verdict: Verdict,
    /// A few words.
    pub words: String,
}

impl Seen {
    /// Seen as believed.
    pub(crate) fn believed(words: impl Into<String>) -> Self {
        Self { verdict: Verdict::AsBelieved, words: words.into() }
    }

    /// Something else was seen.
    pub(crate) fn differs(words: impl Into<String>) -> Self {
        Self { verdict: Verdict::Differs, words: words.into() }
    }

    /// Nothing was seen.
    pub(crate) fn nothing(words: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotSeen, words: words.into() }
    }

    /// Believed or differs, as a rule was kept or broken.
    pub(crate) fn rule(kept: bool, words: impl Into<String>) -> Self {
        if kept { Self::believed(words) } else { Self::differs(words) }
    }

    /// Believed or not seen, for what RunPod does only sometimes.
    pub(crate) fn maybe(seen: bool, words: impl Into<String>) -> Self {
        if seen { Self::believed(words) } else { Self::nothing(words) }
    }
}

impl From<Result<Self, String>> for Seen {
    /// An error is the reason for which nothing was seen.
    fn from(judged: Result<Self, String>) -> Self {
        judged.unwrap_or_else(Self::nothing)
    }
}
