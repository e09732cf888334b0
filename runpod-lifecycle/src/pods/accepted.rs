//! The consequences of an accepted start, stop, restart or terminate.

use std::time::SystemTime;

use humantime::format_rfc3339_seconds;

use crate::{Pod, PodState, backend::Action};

/// A start, stop, restart or terminate that RunPod has accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// Consequences for data and money, one sentence each. Empty where nothing is known of the pod.
    pub warnings: Vec<String>,
    /// The state in RunPod's answer, which may still be the one from before; `None` if it names none.
    pub state: Option<PodState>,
}

impl Accepted {
    /// Returns the consequences of an action that was accepted at `now`, by RunPod's clock.
    pub(crate) fn by_action(action: Action, pod: Option<&Pod>, now: SystemTime) -> Self {
        let Some(pod) = pod else { return Self::default() };
        let mut warnings = Vec::new();
        match action {
            Action::Stop => {
                warnings.push("the container disk is wiped".to_owned());
                if let Some(size) = pod.volume_gb {
                    warnings.push(format!(
                        "{size} GB of pod volume are kept on the host and bill at twice the running price"
                    ));
                }
                if pod.gpu.is_some() {
                    warnings.push(
                        "the GPU is given back: a later start fails if the host has none free".to_owned(),
                    );
                }
            }
            Action::Start => {
                warnings.push("addresses and external ports are new: take a fresh connection".to_owned());
                if let Some(end) = pod.renewed_by_start(now) {
                    let end = format_rfc3339_seconds(end);
                    warnings.push(format!("its lifetime was over: a new one began and ends at {end}"));
                }
            }
            Action::Restart => warnings.push("the container disk is wiped".to_owned()),
        }
        Self { warnings: with_network_volume(warnings, pod), state: pod.state.clone() }
    }

    pub(crate) fn by_terminate(pod: &Pod) -> Self {
        let mut warnings = Vec::new();
        if let Some(size) = pod.volume_gb {
            warnings.push(format!("{size} GB of pod volume are deleted with the pod"));
        }
        Self { warnings: with_network_volume(warnings, pod), state: None }
    }
}

fn with_network_volume(mut warnings: Vec<String>, pod: &Pod) -> Vec<String> {
    if let Some(id) = &pod.network_volume {
        warnings.push(format!("network volume {id} is kept and goes on billing"));
    }
    warnings
}
