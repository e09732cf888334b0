//! Reports on requests and operations that are over.

use std::{fmt, time::Duration};

use runpod_api::printable;

use crate::{event::rate_window::RateWindow, word::words};

/// The end that a request or an operation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It brought what it was made for.
    Succeeded,
    /// It ended with an error.
    Failed,
    /// Its future was dropped before it ended: what a request was to do may have been done.
    Dropped,
}

words!(
    Outcome,
    "outcome",
    Succeeded => "succeeded",
    Failed => "failed",
    Dropped => "dropped",
);

impl Outcome {
    /// The outcome of work that ended.
    pub(crate) fn of(is_ok: bool) -> Self {
        if is_ok { Self::Succeeded } else { Self::Failed }
    }
}

/// A request to RunPod that is over ([`Event::RequestEnded`](crate::Event::RequestEnded)). It holds no header and no body.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RequestReport {
    /// The purpose of the request, for example `create pod`.
    pub operation: &'static str,
    /// The id or name of what it is about; `None` for a list.
    pub target: Option<String>,
    /// Its number among the attempts at one thing, from 1 on.
    pub attempt: u32,
    /// The end it came to.
    pub outcome: Outcome,
    /// HTTP status of the answer; `None` if there was none.
    pub status: Option<u16>,
    /// RunPod's `x-request-id`, which its support asks for.
    pub request_id: Option<String>,
    /// The failure in words; `None` if it did not fail.
    pub error: Option<String>,
    /// The time for which the rate limit held it back before it was sent.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "waited_seconds", serialize_with = "crate::serial::seconds")
    )]
    pub waited: Duration,
    /// From the moment it was sent until its answer was read, or until the answer began for the log of a pod.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "elapsed_seconds", serialize_with = "crate::serial::seconds")
    )]
    pub elapsed: Duration,
    /// The rate limit after it, as [`RunPod::rate_budget`](crate::RunPod::rate_budget) has it; empty if it was dropped.
    pub rate_budget: Vec<RateWindow>,
}

/// An operation that is over ([`Event::OperationEnded`](crate::Event::OperationEnded)): one call of this crate, with all its requests.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OperationReport {
    /// The operation, for example `deploy pod` or `wait for pod`.
    pub operation: &'static str,
    /// The id or name of what it is about; `None` if it is about the account.
    pub target: Option<String>,
    /// The end it came to.
    pub outcome: Outcome,
    /// From its beginning to its end.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "elapsed_seconds", serialize_with = "crate::serial::seconds")
    )]
    pub elapsed: Duration,
}

impl fmt::Display for RequestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = of(self.operation, self.target.as_deref());
        line += &match (self.status, self.outcome) {
            (Some(status), _) => format!(": {status}"),
            (None, Outcome::Dropped) => ": given up".to_owned(),
            (None, _) => ": no answer".to_owned(),
        };
        line += &format!(" after {:.3} s", self.elapsed.as_secs_f64());
        if self.attempt > 1 {
            line += &format!(", attempt {}", self.attempt);
        }
        if !self.waited.is_zero() {
            line += &format!(", held back for {:.3} s", self.waited.as_secs_f64());
        }
        line.extend(self.request_id.iter().map(|id| format!(" [request {id}]")));
        line.extend(self.error.iter().map(|error| format!(": {error}")));
        f.write_str(&printable(&line))
    }
}

impl fmt::Display for OperationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = of(self.operation, self.target.as_deref());
        let line = format!("{of}: {} after {:.1} s", self.outcome, self.elapsed.as_secs_f64());
        f.write_str(&printable(&line))
    }
}

/// An operation on something, in words.
fn of(operation: &str, target: Option<&str>) -> String {
    let on = target.map(|target| format!(" {target}")).unwrap_or_default();
    format!("{operation}{on}")
}
