//! Operations of the facade, and the calls it makes for each.

use runpod_lifecycle::ApiVersion;

/// An operation of the facade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    DeployNew,
    DeployTaken,
    DeployAdopt,
    /// Of a pod that is stopped.
    DeployAdoptAndStart,
    DeployReplace,
    DeployPatient,
    DeployAll,
    WaitRunning,
    WaitSsh,
    WaitStopped,
    WaitGone,
    Start,
    Stop,
    Restart,
    Terminate,
    TerminateAll,
    Find,
    Labelled,
    Get,
    Plan,
    Logs,
    Reap,
    Keys,
    AddKey,
    /// A deploy from a template by its name, with a secret of the account.
    DeployStored,
    EnsureVolume,
    GrowVolume,
    DeleteVolume,
    EnsureRegistry,
    DeleteRegistry,
    SetSecret,
    ReplaceSecret,
    DeleteSecret,
    FindTemplate,
}

/// Meaning of a failed call to the operation that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// It is repeated.
    Repeated,
    /// It ends billing, or looks for what is to be ended: it is repeated, also into a window that is used up.
    Ending,
    /// It is made once.
    Once,
    /// The operation does without.
    Ignored,
    /// The operation does without what its key may not read, unless RunPod refuses to answer at all.
    Catalog,
    /// The operation finds out first if it was applied.
    Create,
    /// It is made once; the operation finds out if it was applied, and says so if it does not find what it made.
    Make,
    /// The operation goes on without, and says so, unless RunPod refuses to answer at all.
    Optional,
    /// The wait goes on.
    Watched,
    /// The wait for stock goes on, with a create where the catalog cannot be read, which RunPod may refuse to answer too.
    Stock,
    /// The first wait for a new pod: it goes on until a list shows the pod and with it its twin, or says that none did.
    Twins,
}

/// A row of the matrix: an operation, and the call of it that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) version: ApiVersion,
    pub(crate) operation: Operation,
    /// The contract's name of the call.
    pub(crate) call: &'static str,
    pub(crate) policy: Policy,
}

impl Row {
    pub(crate) fn all() -> Vec<Self> {
        use Operation as O;
        use Policy as P;
        let row = |operation, call, policy| Self { version: ApiVersion::V2, operation, call, policy };
        let old = |operation, call, policy| Self { version: ApiVersion::V1, operation, call, policy };
        vec![
            row(O::DeployNew, "listGpuTypes", P::Catalog),
            row(O::DeployNew, "listPods", P::Repeated),
            row(O::DeployNew, "getSshKeys", P::Ignored),
            row(O::DeployNew, "createPod", P::Create),
            row(O::DeployTaken, "listPods", P::Repeated),
            row(O::DeployAdopt, "listPods", P::Repeated),
            row(O::DeployAdopt, "getPod", P::Repeated),
            row(O::DeployAdoptAndStart, "listPods", P::Repeated),
            row(O::DeployAdoptAndStart, "getPod", P::Repeated),
            row(O::DeployAdoptAndStart, "podAction", P::Repeated),
            row(O::DeployReplace, "listPods", P::Repeated),
            row(O::DeployReplace, "deletePod", P::Ending),
            row(O::DeployReplace, "getPod", P::Watched),
            row(O::DeployReplace, "createPod", P::Create),
            row(O::DeployPatient, "listGpuTypes", P::Stock),
            row(O::DeployAll, "listPods", P::Repeated),
            row(O::DeployAll, "createPod", P::Create),
            row(O::WaitRunning, "getPod", P::Watched),
            row(O::WaitRunning, "listPods", P::Twins),
            row(O::WaitSsh, "getPod", P::Watched),
            row(O::WaitStopped, "getPod", P::Watched),
            row(O::WaitGone, "getPod", P::Watched),
            row(O::Start, "podAction", P::Repeated),
            row(O::Stop, "podAction", P::Ending),
            row(O::Restart, "podAction", P::Once),
            row(O::Terminate, "deletePod", P::Ending),
            row(O::TerminateAll, "deletePod", P::Ending),
            row(O::Find, "listPods", P::Repeated),
            row(O::Labelled, "listPods", P::Repeated),
            row(O::Get, "getPod", P::Repeated),
            row(O::Plan, "listGpuTypes", P::Catalog),
            row(O::Plan, "listPods", P::Repeated),
            row(O::Plan, "getSshKeys", P::Ignored),
            row(O::Logs, "getPodLogs", P::Repeated),
            row(O::Reap, "listPods", P::Ending),
            row(O::Reap, "deletePod", P::Ending),
            row(O::Keys, "getSshKeys", P::Repeated),
            row(O::AddKey, "getSshKeys", P::Repeated),
            row(O::AddKey, "updateSshKeys", P::Repeated),
            row(O::DeployStored, "listSecrets", P::Optional),
            row(O::DeployStored, "listTemplates", P::Repeated),
            row(O::EnsureVolume, "listNetworkVolumes", P::Repeated),
            row(O::EnsureVolume, "listDataCenters", P::Ignored),
            row(O::EnsureVolume, "createNetworkVolume", P::Make),
            row(O::GrowVolume, "getNetworkVolume", P::Repeated),
            row(O::GrowVolume, "updateNetworkVolume", P::Repeated),
            row(O::DeleteVolume, "listPods", P::Ending),
            row(O::DeleteVolume, "deleteNetworkVolume", P::Ending),
            row(O::EnsureRegistry, "listRegistries", P::Repeated),
            row(O::EnsureRegistry, "createRegistry", P::Make),
            row(O::DeleteRegistry, "deleteRegistry", P::Repeated),
            row(O::SetSecret, "listSecrets", P::Repeated),
            row(O::SetSecret, "createSecret", P::Repeated),
            row(O::ReplaceSecret, "updateSecret", P::Repeated),
            row(O::DeleteSecret, "listSecrets", P::Repeated),
            row(O::DeleteSecret, "deleteSecret", P::Repeated),
            row(O::FindTemplate, "listTemplates", P::Repeated),
            old(O::DeployNew, "ListPods", P::Repeated),
            old(O::DeployNew, "CreatePod", P::Create),
            old(O::DeployTaken, "ListPods", P::Repeated),
            old(O::DeployAdopt, "ListPods", P::Repeated),
            old(O::DeployAdopt, "GetPod", P::Repeated),
            old(O::DeployAdoptAndStart, "ListPods", P::Repeated),
            old(O::DeployAdoptAndStart, "GetPod", P::Repeated),
            old(O::DeployAdoptAndStart, "StartPod", P::Repeated),
            old(O::DeployReplace, "ListPods", P::Repeated),
            old(O::DeployReplace, "DeletePod", P::Ending),
            old(O::DeployReplace, "GetPod", P::Watched),
            old(O::DeployReplace, "CreatePod", P::Create),
            old(O::WaitRunning, "GetPod", P::Watched),
            old(O::WaitRunning, "ListPods", P::Twins),
            old(O::WaitSsh, "GetPod", P::Watched),
            old(O::WaitStopped, "GetPod", P::Watched),
            old(O::WaitGone, "GetPod", P::Watched),
            old(O::Start, "StartPod", P::Repeated),
            old(O::Stop, "StopPod", P::Ending),
            old(O::Restart, "RestartPod", P::Once),
            old(O::Terminate, "DeletePod", P::Ending),
            old(O::Find, "ListPods", P::Repeated),
            old(O::Get, "GetPod", P::Repeated),
            old(O::Plan, "ListPods", P::Repeated),
            old(O::Reap, "ListPods", P::Ending),
            old(O::Reap, "DeletePod", P::Ending),
        ]
    }

    /// Returns true if the call's answer holds pods.
    pub(crate) fn answers_pods(&self) -> bool {
        self.call == "podAction" || ["listPods", "getPod", "createPod"].iter().any(|call| self.makes(call))
    }

    /// Returns true if it is this call, by its name on v2.
    pub(crate) fn makes(&self, call: &str) -> bool {
        self.call.eq_ignore_ascii_case(call)
    }

    /// Returns true if the call's answer has no body.
    pub(crate) fn is_delete(&self) -> bool {
        self.call.to_lowercase().starts_with("delete")
    }

    /// Returns true if the call's answer is a JSON document.
    pub(crate) fn answers_json(&self) -> bool {
        match self.version {
            ApiVersion::V2 => !self.is_delete() && self.call != "getPodLogs",
            _ => self.answers_pods(),
        }
    }
}

impl Operation {
    /// As people say it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::DeployNew => "deploy",
            Self::DeployTaken => "deploy, Fail",
            Self::DeployAdopt => "deploy, Adopt",
            Self::DeployAdoptAndStart => "deploy, AdoptAndStart",
            Self::DeployReplace => "deploy, Replace",
            Self::DeployPatient => "deploy, patience",
            Self::DeployAll => "deploy_all",
            Self::WaitRunning => "wait Running",
            Self::WaitSsh => "wait Ready::Ssh",
            Self::WaitStopped => "wait Stopped",
            Self::WaitGone => "wait Gone",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Terminate => "terminate",
            Self::TerminateAll => "terminate_all",
            Self::Find => "find",
            Self::Labelled => "list_labelled",
            Self::Get => "get",
            Self::Plan => "plan",
            Self::Logs => "logs",
            Self::Reap => "reap",
            Self::Keys => "ssh_keys",
            Self::AddKey => "add_ssh_key",
            Self::DeployStored => "deploy, by names",
            Self::EnsureVolume => "ensure_volume",
            Self::GrowVolume => "grow_volume",
            Self::DeleteVolume => "delete_volume",
            Self::EnsureRegistry => "ensure_registry",
            Self::DeleteRegistry => "delete_registry",
            Self::SetSecret => "set_account_secret, new",
            Self::ReplaceSecret => "set_account_secret",
            Self::DeleteSecret => "delete_account_secret",
            Self::FindTemplate => "find_template",
        }
    }

    /// Returns true if it is about what the account stores, and about no pod.
    pub(crate) fn is_of_stored(self) -> bool {
        matches!(self.group(), "Network volumes" | "Credentials and templates") && self != Self::DeployStored
    }

    /// The table it stands in.
    pub(crate) fn group(self) -> &'static str {
        match self {
            Self::DeployNew | Self::DeployTaken | Self::DeployAdopt | Self::DeployReplace => "Deploy",
            Self::DeployAdoptAndStart | Self::DeployPatient | Self::DeployAll => "Deploy",
            Self::WaitRunning | Self::WaitSsh | Self::WaitStopped | Self::WaitGone => "Wait",
            Self::Start | Self::Stop | Self::Restart | Self::Terminate | Self::TerminateAll => "Act",
            Self::Find | Self::Labelled | Self::Get | Self::Plan | Self::Logs => "Look",
            Self::Reap | Self::Keys | Self::AddKey => "Reap and SSH keys",
            Self::EnsureVolume | Self::GrowVolume | Self::DeleteVolume => "Network volumes",
            _ => "Credentials and templates",
        }
    }
}
