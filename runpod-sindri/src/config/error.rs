//! Errors of a config.

use std::{fmt, io, path::PathBuf};

use runpod_lifecycle::SpecError;

/// A config that cannot be deployed. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}; name a sindri.yaml with --config", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than a config ever is.
    #[error("{} is larger than 1 MiB, which no sindri.yaml is", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is not YAML, or says something of the wrong type.
    #[error("sindri.yaml cannot be understood: {reason}")]
    Unreadable {
        /// The problem, and where in the text it is. Holds no excerpt of it.
        reason: String,
    },
    /// `spot: true`, which only REST v1 can do.
    #[error(
        "providers.runpod.spot: REST v2 rents no spot pods, only REST v1 does (nothing was sent); set spot: false, or cloudType: COMMUNITY for a lower price, or RUNPOD_API_VERSION=v1 where that is still reached"
    )]
    SpotUnsupported,
    /// It says something that cannot be deployed.
    #[error("sindri.yaml cannot be deployed (nothing was sent): {}", list(.0))]
    Invalid(Vec<ConfigProblem>),
    /// It says something that RunPod would refuse.
    #[error(transparent)]
    Spec(#[from] SpecError),
}

/// One thing wrong with a config.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigProblem {
    /// The key, with its path.
    pub key: &'static str,
    /// Its words, shortened.
    pub value: String,
    /// The allowed values.
    pub allowed: String,
    /// The line of the file it is in; `None` if the file does not say it in so many words.
    pub line: Option<u64>,
}

impl ConfigProblem {
    pub(crate) fn new(key: &'static str, value: impl ToString, allowed: impl Into<String>) -> Self {
        let value = value.to_string().chars().take(80).collect();
        Self { key, value, allowed: allowed.into(), line: None }
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {}", self.key, self.value, self.allowed)?;
        self.line.map_or(Ok(()), |line| write!(f, " (line {line})"))
    }
}

fn list(problems: &[ConfigProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
