//! Everything that is done by calls to RunPod.

/// A call's purpose: what errors name, and what advice depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    CreatePod,
    StartPod,
    StopPod,
    RestartPod,
    TerminatePod,
    GetPod,
    FindPod,
    ListPods,
    ReadLogs,
    ReadBilling,
    ListGpuTypes,
    ListCpuFlavors,
    ListDataCenters,
    GetNetworkVolume,
    ReadSshKeys,
    WriteSshKeys,
}

impl Operation {
    /// Says it in the words of errors and events, for example `create pod`.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::CreatePod => "create pod",
            Self::StartPod => "start pod",
            Self::StopPod => "stop pod",
            Self::RestartPod => "restart pod",
            Self::TerminatePod => "terminate pod",
            Self::GetPod => "get pod",
            Self::FindPod => "find pod",
            Self::ListPods => "list pods",
            Self::ReadLogs => "read logs of pod",
            Self::ReadBilling => "read billing of pod",
            Self::ListGpuTypes => "list GPU types",
            Self::ListCpuFlavors => "list CPU flavors",
            Self::ListDataCenters => "list data centers",
            Self::GetNetworkVolume => "get network volume",
            Self::ReadSshKeys => "read the account's SSH keys",
            Self::WriteSshKeys => "write the account's SSH keys",
        }
    }

    /// Returns true if its target is a pod that exists, so that a 404 may be about that pod.
    pub(super) fn is_about_a_pod(self) -> bool {
        self != Self::CreatePod && self.words().ends_with(" pod")
    }
}
