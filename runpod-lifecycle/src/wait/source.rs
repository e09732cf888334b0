//! The source of a wait's polls.

use std::time::Duration;

use crate::{Error, Pod, Probe};

/// The longest pause between two polls that succeed, and the only one while a pod boots.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The observation of a pod that one poll brings.
#[derive(Clone, Debug)]
pub(crate) enum Observation {
    /// The pod as it is.
    Pod(Box<Pod>),
    /// It is proven that there is no such pod any more.
    Gone,
    /// The answer proves nothing about how the pod is now: why, and the pod as it was shown.
    Unclear(String, Option<Box<Pod>>),
}

/// The source of polls for a wait for one pod.
pub(crate) trait Source: Send {
    /// The pod as it is now.
    fn poll(&mut self) -> impl Future<Output = Result<Observation, Error>> + Send;

    /// Returns false if the pod was changed since a poll showed it so.
    fn is_current(&self, pod: &Pod) -> bool;

    /// The longest pause between two polls.
    fn pace(&self) -> Duration;

    /// Completes when a poll would bring something new at no cost. Cancel safe.
    fn news(&mut self) -> impl Future<Output = ()> + Send;

    /// Asks whether something on the pod answers; the error says what was missing.
    fn probe(&self, probe: &Probe) -> impl Future<Output = Result<(), String>> + Send;

    /// Returns true if the system log may be read while the wait goes on: not by everybody at once.
    fn may_read_log(&self) -> bool;

    /// The last lines of the pod's system log, as many as come within `longest`.
    fn system_log(&self, longest: Duration) -> impl Future<Output = Vec<String>> + Send;
}
