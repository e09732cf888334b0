//! A deploy that brought no pod, as a program sees it, and errors for the tests of programs.

use std::time::Duration;

use crate::{Attempt, Cloud, DeployError, Error, ErrorKind, Hardware, Waited, deploy::error::is_over_price};

impl DeployError {
    /// Returns the kind of failure: that of the call that decided it; [`ErrorKind::Rejected`] for a spec that is wrong,
    /// [`ErrorKind::Conflict`] for a name that is taken or busy, [`ErrorKind::NoCapacity`] if stock is all that lacks.
    ///
    /// ```
    /// use runpod_lifecycle::{Attempt, Cloud, DeployError, Error, ErrorKind, Hardware};
    ///
    /// let refusal = Error::new(ErrorKind::NoCapacity, "create pod", "no instances available");
    /// let error = DeployError::AllRefused {
    ///     name: "trainer".into(),
    ///     attempts: vec![Attempt::new(Hardware::Gpu { id: "NVIDIA L4".into(), count: 1 }, Cloud::Secure, refusal)],
    ///     suggestions: Vec::new(),
    ///     waited: None,
    ///     replaced: Vec::new(),
    /// };
    /// assert_eq!((error.kind(), error.http_status()), (ErrorKind::NoCapacity, 503));
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Spec(_) => ErrorKind::Rejected,
            Self::NameTaken { .. } | Self::NameBusy { .. } | Self::GaveWay(_) => ErrorKind::Conflict,
            Self::CalledOff { .. } => ErrorKind::CalledOff,
            Self::Lookup(error) | Self::Refused(error) | Self::NotStarted { source: error, .. } => {
                error.kind()
            }
            Self::NotReplaced(error) => error.kind(),
            Self::NotReady { source, .. } => source.kind(),
            Self::AllRefused { .. } if self.is_no_capacity() => ErrorKind::NoCapacity,
            Self::AllRefused { attempts, .. } if attempts.iter().any(is_over_price) => ErrorKind::OverPrice,
            Self::AllRefused { attempts, .. } => {
                attempts.last().map_or(ErrorKind::Rejected, |attempt| attempt.error.kind())
            }
            Self::OverPrice { .. } => ErrorKind::OverPrice,
            Self::Unclear { .. } | Self::Duplicated { .. } => ErrorKind::Unclear,
        }
    }

    /// Returns the longest time that RunPod asked to wait before the next request; `None` if it did not.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Lookup(error)
            | Self::Refused(error)
            | Self::NotStarted { source: error, .. }
            | Self::OverPrice { source: error, .. }
            | Self::Duplicated { source: error, .. } => error.retry_after(),
            Self::NotReplaced(error) => error.retry_after(),
            Self::NotReady { source, .. } => source.retry_after(),
            Self::AllRefused { attempts, .. } => {
                attempts.iter().filter_map(|attempt| attempt.error.retry_after()).max()
            }
            Self::Unclear { source, .. } => source.as_ref().and_then(Error::retry_after),
            Self::Spec(_)
            | Self::NameTaken { .. }
            | Self::NameBusy { .. }
            | Self::CalledOff { .. }
            | Self::GaveWay(_) => None,
        }
    }

    /// The HTTP status with which a service would answer its own caller: [`ErrorKind::http_status`] of its kind.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        self.kind().http_status()
    }
}

impl Attempt {
    /// A refusal, for tests of programs that handle them.
    #[must_use]
    pub fn new(hardware: Hardware, cloud: Cloud, error: Error) -> Self {
        Self { hardware, cloud, error }
    }
}

impl Waited {
    /// A wait for stock that brought none, for tests of programs that handle it.
    #[must_use]
    pub fn new(duration: Duration, rounds: u32) -> Self {
        Self { duration, rounds }
    }
}
