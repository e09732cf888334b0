//! One change, and what it means for users of the bindings.

use std::fmt;

use serde::Serialize;

/// Meaning of a change for code that uses the bindings.
///
/// The promise it is measured by: code reads answers by field, matches enums with a `_` arm (they are
/// `#[non_exhaustive]`) and ends request literals with `..base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    /// Code does not see it; who releases should.
    Note,
    /// Code goes on to compile and to work.
    Additive,
    /// Some code no longer compiles, or what it sends is refused.
    Breaking,
}

/// Kind of change to the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Added,
    Removed,
    Changed,
}

/// Kind of subject that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Operation,
    Parameter,
    Schema,
    Property,
    Type,
    Required,
    Constraint,
    Enum,
    Server,
    Correction,
    Skipped,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Change {
    pub(crate) effect: Effect,
    pub(crate) kind: Kind,
    pub(crate) action: Action,
    /// `operation`, `operation.parameter`, `Schema`, `Schema.property` or `Schema.VALUE`.
    pub(crate) subject: String,
    /// Details beyond that, and why it is breaking where that is not plain.
    pub(crate) detail: String,
}

/// The changes found so far.
#[derive(Debug, Default)]
pub(crate) struct Changes(pub(crate) Vec<Change>);

impl Changes {
    pub(crate) fn add(
        &mut self,
        effect: Effect,
        kind: Kind,
        action: Action,
        subject: impl Into<String>,
        detail: impl Into<String>,
    ) {
        self.0.push(Change { effect, kind, action, subject: subject.into(), detail: detail.into() });
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = format!("{:?}", self.kind).to_lowercase();
        let action = format!("{:?}", self.action).to_lowercase();
        write!(f, "{kind} {} {action}", self.subject)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

/// The semantic versioning step that changes ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    None,
    Minor,
    Major,
}

impl Step {
    /// The step for the worst of these.
    pub(crate) fn of(changes: &[Change]) -> Self {
        match changes.iter().map(|change| change.effect).max() {
            None | Some(Effect::Note) => Self::None,
            Some(Effect::Additive) => Self::Minor,
            Some(Effect::Breaking) => Self::Major,
        }
    }

    /// The step in one word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }

    /// The step in words, for versions from 1.0 on and before.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minor => "minor (patch while the version is 0.x)",
            Self::Major => "major (minor while the version is 0.x)",
        }
    }
}
