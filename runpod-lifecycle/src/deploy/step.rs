//! The step after a failed create.

use tokio::time::Instant;

use crate::{Candidate, Cloud, DeployError, Error, ErrorKind, Pod, PodHandle, PodSpec};

/// Why a create is not sent once time is up.
pub(crate) const OVER: &str = "the time to wait for stock is over";

/// Why a candidate brought no pod.
pub(crate) enum CandidateError {
    NextCandidate(Error),
    End(DeployError),
    /// The time to wait for stock was over before it was sent.
    Late,
}

/// The step after a round of creates that brought no pod.
pub(crate) enum AfterRound {
    /// Another round, of these candidates, which were chosen then.
    Round(Vec<Candidate>, Instant),
    /// A create of an earlier round had made the pod after all. It costs no more than it may.
    Made(Box<Pod>),
    /// Another process has made a pod of the name, which is taken.
    Adopted(PodHandle),
    /// No other round.
    Over,
}

/// The step that follows a failed create.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NextStep {
    /// Proven that nothing was created, and this candidate may still come.
    Again,
    /// Proven that nothing was created; another candidate may do.
    NextCandidate,
    /// Proven that nothing was created, and no candidate will do.
    End,
    /// Nobody knows yet.
    SearchForIt,
}

impl NextStep {
    pub(crate) fn after(error: &Error) -> Self {
        match error.kind() {
            // Before anything else that the answer says: a pod may bill.
            _ if error.may_have_been_applied() => Self::SearchForIt,
            ErrorKind::RateLimited | ErrorKind::Unreachable => Self::Again,
            ErrorKind::ProxyRefused if error.is_retryable() => Self::Again,
            ErrorKind::NoCapacity | ErrorKind::Forbidden => Self::NextCandidate,
            // RunPod has the same 400 for stock and for rules; a 422 is always a rule.
            ErrorKind::Rejected if error.status() == Some(400) => Self::NextCandidate,
            _ => Self::End,
        }
    }

    /// Returns the step after a create of an unknown outcome whose pod no list shows, by its status alone.
    pub(crate) fn once_absent(error: &Error) -> Self {
        match error.status() {
            Some(300..=399 | 401 | 402 | 404) => Self::End,
            Some(403) => Self::NextCandidate,
            // A lost answer or a 5xx says nothing of the candidate.
            _ => Self::Again,
        }
    }
}

/// Suggests changes that would widen the search, the likeliest cause of the refusals first.
pub(crate) fn suggestions(spec: &PodSpec) -> Vec<&'static str> {
    let mut suggestions = Vec::new();
    if spec.network_volume.is_some() {
        suggestions.push("a network volume in another data center, since it pins the pod to its own");
    } else if !spec.data_centers.is_empty() {
        suggestions.push("any data center in place of those that are pinned");
    }
    suggestions.push(match spec.get_gpu_count() {
        0 => "another CPU flavor",
        _ => "another GPU type or a pool such as ADA_24",
    });
    if spec.cloud != Cloud::Either && spec.get_gpu_count() > 0 && spec.network_volume.is_none() {
        suggestions.push("the other cloud");
    }
    if spec.get_gpu_count() > 1 {
        suggestions.push("fewer GPUs per pod");
    }
    suggestions
}
