//! States of a deployment, in Sindri's words.

use std::fmt;

use runpod_lifecycle::Pod;
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

impl From<runpod_lifecycle::DeploymentState> for DeploymentState {
    fn from(state: runpod_lifecycle::DeploymentState) -> Self {
        use runpod_lifecycle::DeploymentState as Facade;
        match state {
            Facade::NotDeployed => Self::NotDeployed,
            Facade::Creating => Self::Creating,
            Facade::Running => Self::Running,
            Facade::Stopped => Self::Stopped,
            Facade::Suspended => Self::Suspended,
            Facade::Paused => Self::Paused,
            Facade::Error => Self::Error,
            Facade::Destroying => Self::Destroying,
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

/// Translates a pod's state into Sindri's words.
pub(crate) fn state(pod: &Pod) -> DeploymentState {
    pod.deployment_state().into()
}
