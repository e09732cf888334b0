//! The causes for which a wait can no longer be over as wanted, as far as the last poll and the log show them.

use crate::{Cause, Pod, PodState};

/// The cause of a [`WaitError::Failed`](crate::WaitError), to match on; its `reason` says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "type", content = "cause", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum WaitCause {
    /// The pod does not exist any more. It bills nothing.
    Gone,
    /// The pod is stopped.
    Stopped,
    /// RunPod gave the pod up (`ERROR`).
    GivenUp,
    /// The pod came back from a stop without a GPU: its host has none free.
    NoGpu,
    /// RunPod's system log says what keeps the pod from coming up, and it does not heal by itself
    /// ([`fail_early`](crate::Wait::fail_early)).
    Diagnosed(Cause),
    /// The condition itself can never hold for this pod, such as one for a port that it does not have.
    Condition,
}

impl WaitCause {
    /// The cause that the last poll shows.
    pub(super) fn seen(last_pod: Option<&Pod>) -> Self {
        let Some(pod) = last_pod else { return Self::Gone };
        match &pod.state {
            Some(state) if state.is_gone() => Self::Gone,
            Some(state) if state.is_stopped() => Self::Stopped,
            Some(PodState::Error) => Self::GivenUp,
            Some(PodState::Running) if pod.gpu.as_ref().is_some_and(|gpu| gpu.count == 0) => Self::NoGpu,
            _ => Self::Condition,
        }
    }
}
