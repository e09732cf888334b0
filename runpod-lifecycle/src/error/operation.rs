//! Everything that is done by calls to RunPod.

use crate::error::refusal::Subject;

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
    ListNetworkVolumes,
    CreateNetworkVolume,
    GrowNetworkVolume,
    DeleteNetworkVolume,
    ListRegistries,
    CreateRegistry,
    DeleteRegistry,
    ListSecrets,
    SetSecret,
    DeleteSecret,
    ListTemplates,
    ReadSshKeys,
    WriteSshKeys,
    /// One of somebody else's, by its words.
    Named(&'static str),
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
            Self::ListNetworkVolumes => "list network volumes",
            Self::CreateNetworkVolume => "create network volume",
            Self::GrowNetworkVolume => "grow network volume",
            Self::DeleteNetworkVolume => "delete network volume",
            Self::ListRegistries => "list registry credentials",
            Self::CreateRegistry => "create registry credential",
            Self::DeleteRegistry => "delete registry credential",
            Self::ListSecrets => "list the account's secrets",
            Self::SetSecret => "set account secret",
            Self::DeleteSecret => "delete account secret",
            Self::ListTemplates => "list templates",
            Self::ReadSshKeys => "read the account's SSH keys",
            Self::WriteSshKeys => "write the account's SSH keys",
            Self::Named(words) => words,
        }
    }

    /// The thing whose absence a 404 proves and much hangs on; `None` where a 404 is no more than a refusal.
    pub(super) fn subject(self) -> Option<Subject> {
        let called = |names, beside| Some(Subject { names, beside });
        match self {
            Self::CreatePod => None,
            Self::GetNetworkVolume | Self::GrowNetworkVolume | Self::DeleteNetworkVolume => {
                called("volume", "network")
            }
            Self::DeleteRegistry => called("registry credential login", "container auth"),
            Self::DeleteSecret => called("secret", "account"),
            pod => called("pod", "").filter(|_| pod.words().ends_with(" pod")),
        }
    }

    /// Returns true if it ends something that others may use.
    pub(super) fn is_delete(self) -> bool {
        self.words().starts_with("delete ")
    }

    /// The thing it makes, in every word that RunPod may have for it; `None` if it makes nothing that may be made twice.
    pub(super) fn product(self) -> Option<&'static str> {
        match self {
            Self::CreatePod => Some("pod pods"),
            Self::CreateNetworkVolume => Some("network volume volumes"),
            Self::CreateRegistry => Some("container registry auth credential login"),
            _ => None,
        }
    }
}
