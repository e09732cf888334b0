//! States of a deployment, in Sindri's words.

use std::fmt;

use runpod_lifecycle::{Pod, PodState};
use serde::{Deserialize, Serialize};

/// State of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeploymentState {
    /// There is none.
    NotDeployed,
    /// It is on its way up.
    Creating,
    /// It runs.
    Running,
    /// It is stopped and can be started.
    Stopped,
    /// Of Sindri's vocabulary; RunPod has no such state.
    Suspended,
    /// Of Sindri's vocabulary; RunPod has no such state.
    Paused,
    /// RunPod gave up on it.
    Error,
    /// Of Sindri's vocabulary; RunPod deletes at once.
    Destroying,
    /// RunPod used a word nobody here knows, or none.
    Unknown,
}

impl DeploymentState {
    /// Translates a pod's state; [`Unknown`](Self::Unknown) if RunPod names none.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        match &pod.state {
            Some(PodState::Created | PodState::Provisioning | PodState::Starting) => Self::Creating,
            Some(PodState::Running) => Self::Running,
            Some(PodState::Stopped | PodState::Exited) => Self::Stopped,
            Some(PodState::Error) => Self::Error,
            Some(PodState::Terminated) => Self::NotDeployed,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for DeploymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDeployed => "not deployed",
            Self::Creating => "creating",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Suspended => "suspended",
            Self::Paused => "paused",
            Self::Error => "error",
            Self::Destroying => "destroying",
            Self::Unknown => "unknown",
        })
    }
}
