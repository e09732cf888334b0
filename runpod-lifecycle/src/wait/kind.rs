//! A wait that failed, as a program sees it.

use std::time::Duration;

use crate::{ErrorKind, WaitError};

impl WaitError {
    /// Returns the kind of failure: that of the call if one failed, else [`ErrorKind::TimedOut`],
    /// [`ErrorKind::Failed`], or [`ErrorKind::Conflict`] for a pod that was given up for another.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::TimedOut { .. } => ErrorKind::TimedOut,
            Self::Failed { .. } => ErrorKind::Failed,
            Self::Call { source, .. } => source.kind(),
            Self::GaveWay { .. } => ErrorKind::Conflict,
        }
    }

    /// Returns the time that RunPod asks to wait before the next request; `None` if it does not.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Call { source, .. } => source.retry_after(),
            _ => None,
        }
    }

    /// The HTTP status with which a service would answer its own caller.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        self.kind().http_status()
    }
}
