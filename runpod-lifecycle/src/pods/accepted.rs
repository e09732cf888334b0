//! The consequences of an accepted start, stop, restart or terminate.

use std::time::SystemTime;

use crate::{Pod, PodState, Warning, backend::Action};

/// A start, stop, restart or terminate that RunPod has accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// Consequences for data and money, one sentence each. Empty where nothing is known of the pod.
    pub warnings: Vec<Warning>,
    /// The state in RunPod's answer, which may still be the one from before; `None` if it names none.
    pub state: Option<PodState>,
}

impl Accepted {
    /// Returns the consequences of an action that was accepted at `now`, by RunPod's clock.
    pub(crate) fn by_action(action: Action, pod: Option<&Pod>, now: SystemTime) -> Self {
        let Some(pod) = pod else { return Self::default() };
        let pod_id = || pod.id.clone();
        let mut warnings = Vec::new();
        match action {
            Action::Stop => {
                warnings.push(Warning::DiskWiped { pod_id: pod_id() });
                let kept = |size_gb| Warning::VolumeKept { pod_id: pod_id(), size_gb };
                warnings.extend(pod.volume_gb.map(kept));
                warnings.extend(pod.gpu.as_ref().map(|_| Warning::GpuReleased { pod_id: pod_id() }));
            }
            Action::Start => {
                warnings.push(Warning::AddressesChanged { pod_id: pod_id() });
                let renewed = |ends_at| Warning::LifetimeRenewed { pod_id: pod_id(), ends_at };
                warnings.extend(pod.renewed_by_start(now).map(renewed));
            }
            Action::Restart => warnings.push(Warning::DiskWiped { pod_id: pod_id() }),
        }
        warnings.extend(network_volume_kept(pod));
        Self { warnings, state: pod.state.clone() }
    }

    pub(crate) fn by_terminate(pod: &Pod) -> Self {
        let deleted = |size_gb| Warning::VolumeDeleted { pod_id: pod.id.clone(), size_gb };
        let warnings = pod.volume_gb.map(deleted).into_iter().chain(network_volume_kept(pod));
        Self { warnings: warnings.collect(), state: None }
    }
}

fn network_volume_kept(pod: &Pod) -> Option<Warning> {
    let network_volume = pod.network_volume.clone()?;
    Some(Warning::NetworkVolumeKept { pod_id: pod.id.clone(), network_volume })
}
