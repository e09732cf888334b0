//! A pod's log: its lines, and what is asked of it.

use std::fmt;

use runpod_api::printable;

/// The source of a log line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogSource {
    /// The container's own output.
    Container,
    /// RunPod's machinery: image pulls, starts, exits.
    System,
    /// A source this version does not know.
    Other(String),
}

impl LogSource {
    /// RunPod's word: `container` or `system`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Container => "container",
            Self::System => "system",
            Self::Other(word) => word,
        }
    }
}

/// One line of a pod's log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// Its source.
    pub source: LogSource,
    /// The text, without line break.
    pub line: String,
    /// When, RFC 3339 as RunPod wrote it; `None` if it did not.
    pub at: Option<String>,
}

/// One line, safe to show on a terminal; [`line`](Self::line) is what the container wrote.
impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{} {} {}", self.at.as_deref().unwrap_or("-"), self.source.as_str(), self.line);
        f.write_str(&printable(&line))
    }
}

/// The lines of a log that are asked for.
#[derive(Clone, Debug)]
pub(crate) struct LogQuery {
    /// One source's; `None` for all.
    pub(crate) source: Option<LogSource>,
    /// Past lines to begin with.
    pub(crate) tail: u32,
}

/// The place where a new connection begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// With as many past lines as were asked for.
    Tail,
    /// After the event with this id.
    After(String),
    /// At this moment, RFC 3339.
    Since(String),
}
