//! The log of a pod, for programs without async code.

use crate::{
    Error, LogLine, LogSource,
    blocking::{RunPod, runtime},
};

/// A query of a pod's log, begun by [`RunPod::logs`].
#[derive(Clone, Debug)]
#[must_use = "nothing is read until history or follow is called"]
pub struct Logs(crate::Logs);

impl RunPod {
    /// Opens the log of a pod. Goes on with [`Logs::history`] or [`Logs::follow`].
    pub fn logs(&self, pod_id: impl Into<String>) -> Logs {
        Logs(crate::RunPod::logs(self, pod_id))
    }
}

impl Logs {
    /// Only the lines of one source. Default: all.
    pub fn source(self, source: LogSource) -> Self {
        Self(self.0.source(source))
    }

    /// The number of past lines to begin with, at most 5000. Default 100.
    pub fn tail(self, lines: u32) -> Self {
        Self(self.0.tail(lines))
    }

    /// Blocks until [`Logs::history`](crate::Logs::history) is over, 10 s at most.
    ///
    /// # Errors
    /// As there, and [where async code runs](crate::blocking#errors).
    pub fn history(self) -> Result<Vec<LogLine>, Error> {
        runtime::block("history", self.0.history())?
    }

    /// The past lines and then every new one, each waited for when it is asked for, as [`Logs::follow`](crate::Logs::follow)
    /// brings them.
    ///
    /// # Errors
    /// [Where async code runs](crate::blocking#errors). Those of the log are items.
    ///
    /// # Cancellation
    /// A silent log blocks for as long as it is silent.
    pub fn follow(self) -> Result<impl Iterator<Item = Result<LogLine, Error>>, Error> {
        runtime::iter(self.0.follow())
    }
}
