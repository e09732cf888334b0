//! Warnings: facts about a pod, a spec or an account that may surprise, with the ids of the pods they are about.

use std::time::SystemTime;

use humantime::format_rfc3339_seconds;

use crate::{
    Cloud, Pod, Port,
    pod::{PUBLIC_KEY, is_no_key, time::writable},
    spec::offer::quoted,
};

/// A fact that may surprise, and what to do about it.
///
/// [`Event::Warned`](crate::Event::Warned), [`Plan`](crate::Plan) and [`Accepted`](crate::Accepted) carry them. Its
/// Display is one sentence for a person; [`pod_ids`](Self::pod_ids) says which pods it is about.
///
/// ```
/// use runpod_lifecycle::Warning;
///
/// let warning = Warning::VolumeDeleted { pod_id: "k3x9".to_owned(), size_gb: 20 };
/// assert_eq!(warning.to_string(), "20 GB of pod volume are deleted with the pod");
/// assert_eq!(warning.pod_ids(), ["k3x9"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Warning {
    /// A stop or restart wipes the container disk.
    #[error("the container disk is wiped")]
    DiskWiped {
        /// The pod.
        pod_id: String,
    },
    /// A stop keeps the pod volume, which bills.
    #[error("{size_gb} GB of pod volume are kept on the host and bill at twice the running price")]
    VolumeKept {
        /// The pod.
        pod_id: String,
        /// Size of the volume in GB.
        size_gb: i64,
    },
    /// A terminate deletes the pod volume.
    #[error("{size_gb} GB of pod volume are deleted with the pod")]
    VolumeDeleted {
        /// The pod.
        pod_id: String,
        /// Size of the volume in GB.
        size_gb: i64,
    },
    /// A network volume outlives the pod, and bills.
    #[error("network volume {network_volume} is kept and goes on billing")]
    NetworkVolumeKept {
        /// The pod.
        pod_id: String,
        /// Id of the volume.
        network_volume: String,
    },
    /// A stop gives the GPU back.
    #[error("the GPU is given back: a later start fails if the host has none free")]
    GpuReleased {
        /// The pod.
        pod_id: String,
    },
    /// A start gives the pod new addresses.
    #[error("addresses and external ports are new: take a fresh connection")]
    AddressesChanged {
        /// The pod.
        pod_id: String,
    },
    /// A start after the end of the pod's lifetime began a new one.
    #[error("its lifetime was over: a new one began and ends at {}", format_rfc3339_seconds(writable(*ends_at)))]
    LifetimeRenewed {
        /// The pod.
        pod_id: String,
        /// End of the new lifetime, by RunPod's clock.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::time"))]
        ends_at: SystemTime,
    },

    /// RunPod did not say what a pod costs whose spec has a limit.
    #[error("RunPod does not say what pod {pod_id} costs, so it may cost more than the spec allows")]
    PriceUnknown {
        /// The pod.
        pod_id: String,
    },
    /// The work with a pod is over, and the pod is not ended with it.
    #[error("pod {pod_id} was adopted, not created for this, so it is kept and goes on billing")]
    AdoptedKept {
        /// The pod.
        pod_id: String,
    },
    /// A pod that was to be terminated may bill.
    #[error("pod {pod_id} was to be terminated and may bill: {reason}")]
    LeftRunning {
        /// The pod.
        pod_id: String,
        /// Why it was not terminated.
        reason: String,
    },

    /// No candidate of a spec is in stock.
    #[error("the catalog shows no stock for any candidate right now")]
    OutOfStock,
    /// A cloud does not offer some hardware.
    #[error("the catalog does not offer {hardware} in the {cloud:?} cloud")]
    NotOffered {
        /// The hardware, for example `1x NVIDIA GeForce RTX 4090`.
        hardware: String,
        /// The cloud.
        cloud: Cloud,
    },
    /// A GPU type was left out, since no pod has as many of it as the spec asks for.
    #[error(
        "a pod has at most {most} GPU{} of {} in the {} cloud",
        if *most == 1 { "" } else { "s" },
        quoted(gpu),
        if *cloud == Cloud::Community { "community" } else { "secure" }
    )]
    GpuLimit {
        /// Id of the GPU type.
        gpu: String,
        /// GPUs that a pod can have.
        most: i64,
        /// The cloud.
        cloud: Cloud,
    },
    /// The community cloud is among the candidates, and its stock in the spec's data centers is unknown.
    #[error(
        "the catalog does not tell in which data centers the community cloud has stock: with {} pinned it may have none",
        data_centers.join(", ")
    )]
    StockUnknown {
        /// The data centers that the spec allows.
        data_centers: Vec<String>,
    },
    /// The spec has a pod volume, which stays on its host.
    #[error(
        "a pod volume stays on its host: it goes on billing while the pod is stopped and is deleted with it"
    )]
    VolumeStays,
    /// The spec's template has disk and volume that the price leaves out.
    #[error("the price leaves out the disk and volume of the template")]
    PriceWithoutTemplate,
    /// The spec allows the community cloud for something that only the secure cloud has.
    #[error("{subject} exist in the secure cloud only")]
    SecureCloudOnly {
        /// `network volumes` or `CPU pods`.
        subject: &'static str,
    },
    /// The price leaves out the spec's network volume, whose price RunPod does not name.
    #[error(
        "the price leaves out network volume {network_volume}, which bills on its own until it is deleted"
    )]
    PriceWithoutNetworkVolume {
        /// Id of the volume.
        network_volume: String,
    },
    /// Nobody knows if the account has the secrets that the spec's environment refers to.
    #[error("it is not known if the account has the secrets {}: {reason}", names.join(", "))]
    SecretsUnchecked {
        /// Names of the secrets.
        names: Vec<String>,
        /// Why they could not be read.
        reason: String,
    },
    /// The outcome of a create is unclear; lists are searched for what it made.
    #[error("it is unclear if {what} {name:?} was created, searching for it: {reason}")]
    CreateUnclear {
        /// `network volume` or `registry credential`.
        what: &'static str,
        /// Its name.
        name: String,
        /// The failure of the create.
        reason: String,
    },
    /// A registry credential of the wanted name is there, with a user and a password that nobody can compare.
    #[error(
        "registry credential {name:?} ({id}) is there already and was left as it is: RunPod does not show its user and password, so delete it first to replace them"
    )]
    RegistryNotCompared {
        /// Its name.
        name: String,
        /// Its id.
        id: String,
    },
    /// The data center of the spec's network volume could not be read, so no create is limited to it.
    #[error("the pod is not pinned to the data center of {network_volume}: {reason}")]
    NotPinned {
        /// Id of the volume.
        network_volume: String,
        /// Why it could not be read.
        reason: String,
    },

    /// The spec sets `PUBLIC_KEY` to something that is no key.
    #[error("PUBLIC_KEY holds no key: no login will be accepted, and a later one needs a new pod")]
    PublicKeyEmpty,
    /// The spec starts sshd without opening 22/tcp.
    #[error("sshd is started but 22/tcp is not opened: only RunPod's SSH proxy will work")]
    SshPortClosed,
    /// The account has no SSH key.
    #[error(
        "the account has no SSH key, so sshd will not start: add one with add_ssh_key before deploying, since a key that is added later needs a new pod"
    )]
    NoSshKey,
    /// The account's SSH keys may not be read with this API key.
    #[error(
        "the API key lacks the right to read the account's SSH keys, without which sshd does not start ({reason})"
    )]
    SshKeysForbidden {
        /// RunPod's refusal.
        reason: String,
    },
    /// Some of the account's SSH keys cannot be read.
    #[error("{count} of the account's SSH keys cannot be read")]
    SshKeysUnreadable {
        /// Number of such keys.
        count: usize,
    },
    /// The pod was created without an SSH key.
    #[error(
        "pod {} was created without an SSH key (PUBLIC_KEY is {value:?}), so no login will be accepted; a key that is added to the account now needs a new pod",
        pod_id.escape_debug()
    )]
    CreatedWithoutKey {
        /// The pod.
        pod_id: String,
        /// Its `PUBLIC_KEY`.
        value: String,
    },
    /// Some ports of the pod cannot be read, and no wait goes by them.
    #[error("pod {pod_id} has ports that cannot be read, and are not waited for: {}", ports.join(", "))]
    PortsUnreadable {
        /// The pod.
        pod_id: String,
        /// The ports as RunPod wrote them.
        ports: Vec<String>,
    },
    /// An entry of the pod list cannot be read.
    #[error("{problem}")]
    EntryUnreadable {
        /// The pod, if the entry shows its id.
        pod_id: Option<String>,
        /// The problem.
        problem: String,
    },

    /// RunPod's answers carry no date, so lifetimes are counted by this machine's clock.
    #[error(
        "RunPod's answers carry no date: {} counted by this machine's clock",
        name.as_ref().map_or("lifetimes are".to_owned(), |name| format!("the lifetime of pod {name:?} is"))
    )]
    LocalClock {
        /// Name of the pod to create; `None` for every pod.
        name: Option<String>,
    },
    /// The answer to a create does not show the lifetime that was sent.
    #[error(
        "RunPod's answer does not show the lifetime of pod {pod_id}: unless it shows it later, `reap` cannot tell when it is over, so terminate the pod yourself"
    )]
    LifetimeHidden {
        /// The pod.
        pod_id: String,
    },
    /// The answer to a create does not show the marker that was sent.
    #[error(
        "RunPod's answer does not show the marker of pod {pod_id}: unless it shows it later, nobody can tell that it was made by this deploy, neither `reap` nor another deploy of its name"
    )]
    MarkerHidden {
        /// The pod.
        pod_id: String,
    },
    /// A new pod has a lifetime although none was sent.
    #[error(
        "pod {pod_id} has a lifetime that nobody asked for, probably its template's: clear the variables of the template that begin with RUNPOD_LIFECYCLE_, or `reap` may end the pod"
    )]
    LifetimeInherited {
        /// The pod.
        pod_id: String,
    },
    /// A new pod has another lifetime than was sent.
    #[error(
        "RunPod's answer shows another lifetime of pod {pod_id} than was asked for, and `reap` goes by what RunPod shows"
    )]
    LifetimeDiffers {
        /// The pod.
        pod_id: String,
    },
    /// The labels of a pod are not shown as they were sent, or not shown at all.
    #[error(
        "the labels of pod {pod_id} are not known, so it may be missing from what is found by them: {reason}"
    )]
    LabelsHidden {
        /// The pod.
        pod_id: String,
        /// Why they are not known.
        reason: String,
    },
    /// A lifetime may be over, and the pod was left out of a reap.
    #[error("pod {pod_id} may have outlived its lifetime, and bill: {reason}")]
    MayBeOverdue {
        /// The pod.
        pod_id: String,
        /// Why that is unknown.
        reason: String,
    },
    /// A lifetime is over, and a reap that failed left the pod as it was.
    #[error("the lifetime of pod {pod_id} is over, and it {}: {reason}", if *is_kept { "bills on" } else { "may bill" })]
    Overdue {
        /// The pod.
        pod_id: String,
        /// True if it was kept on purpose, false if it could not be ended.
        is_kept: bool,
        /// Why it was left.
        reason: String,
    },

    /// An earlier create of the deploy was unclear, so a second pod may appear.
    #[error(
        "a second pod may still come up beside {pod_id}, and bill, since an earlier create was unclear; the first wait for {pod_id} ends it if it shows within 15 s from now, else look for its name: {reason}"
    )]
    SecondPodPossible {
        /// The pod of the deploy.
        pod_id: String,
        /// The failure of the earlier create.
        reason: String,
    },
    /// The search for a second pod of a create ended without certainty.
    #[error(
        "a second pod may have been created beside {pod_id}{}, and bill; look for its name: {reason}",
        if others.is_empty() { String::new() } else { format!(" as {}", others.join(" and as ")) }
    )]
    SecondPodUnknown {
        /// The pod of the deploy.
        pod_id: String,
        /// The pods that may be the second.
        others: Vec<String>,
        /// Why that is unknown.
        reason: String,
    },
    /// A pod that no deploy made, or that another deploy has adopted, has the name of one that a deploy made.
    #[error(
        "pod {other} has the name {name:?} too, and is not for this deploy to end: both bill, and the name tells them apart no more"
    )]
    NameShared {
        /// The pod of the deploy.
        pod_id: String,
        /// The other pod.
        other: String,
        /// The name.
        name: String,
    },
    /// The pod of an unclear create was terminated before it was found.
    #[error("pod {pod_id}, which the create had made, is terminated already")]
    TerminatedAlready {
        /// The pod.
        pod_id: String,
    },
    /// An earlier deploy of the name was dropped with its create under way.
    #[error(
        "a deploy of pod name {name:?} was dropped with its create on the way; lists are read until they would show its pod"
    )]
    DeployDropped {
        /// The name.
        name: String,
    },
}

impl Warning {
    /// The ids of the pods it is about; empty if it is about none, or RunPod has shown no id.
    #[must_use]
    pub fn pod_ids(&self) -> Vec<&str> {
        match self {
            Self::DiskWiped { pod_id }
            | Self::VolumeKept { pod_id, .. }
            | Self::VolumeDeleted { pod_id, .. }
            | Self::NetworkVolumeKept { pod_id, .. }
            | Self::GpuReleased { pod_id }
            | Self::AddressesChanged { pod_id }
            | Self::LifetimeRenewed { pod_id, .. }
            | Self::CreatedWithoutKey { pod_id, .. }
            | Self::PortsUnreadable { pod_id, .. }
            | Self::LabelsHidden { pod_id, .. }
            | Self::LifetimeHidden { pod_id }
            | Self::MarkerHidden { pod_id }
            | Self::LifetimeInherited { pod_id }
            | Self::LifetimeDiffers { pod_id }
            | Self::MayBeOverdue { pod_id, .. }
            | Self::Overdue { pod_id, .. }
            | Self::SecondPodPossible { pod_id, .. }
            | Self::TerminatedAlready { pod_id }
            | Self::PriceUnknown { pod_id }
            | Self::AdoptedKept { pod_id }
            | Self::LeftRunning { pod_id, .. } => vec![pod_id],
            Self::EntryUnreadable { pod_id, .. } => pod_id.as_deref().into_iter().collect(),
            Self::SecondPodUnknown { pod_id, others, .. } => {
                std::iter::once(pod_id).chain(others).map(String::as_str).collect()
            }
            Self::NameShared { pod_id, other, .. } => vec![pod_id, other],
            Self::OutOfStock
            | Self::NotOffered { .. }
            | Self::GpuLimit { .. }
            | Self::StockUnknown { .. }
            | Self::VolumeStays
            | Self::PriceWithoutTemplate
            | Self::SecureCloudOnly { .. }
            | Self::PriceWithoutNetworkVolume { .. }
            | Self::SecretsUnchecked { .. }
            | Self::CreateUnclear { .. }
            | Self::RegistryNotCompared { .. }
            | Self::NotPinned { .. }
            | Self::PublicKeyEmpty
            | Self::SshPortClosed
            | Self::NoSshKey
            | Self::SshKeysForbidden { .. }
            | Self::SshKeysUnreadable { .. }
            | Self::LocalClock { .. }
            | Self::DeployDropped { .. } => Vec::new(),
        }
    }

    /// Everything about a pod that a wait warns of.
    pub(crate) fn of_pod(pod: &Pod) -> impl Iterator<Item = Self> {
        let ports = pod.unreadable_ports();
        let unreadable = (!ports.is_empty())
            .then(|| Self::PortsUnreadable { pod_id: pod.id.clone(), ports: ports.to_vec() });
        Self::of_key(pod).into_iter().chain(unreadable)
    }

    /// A warning about the SSH keys that a pod was created with, as far as its environment tells.
    fn of_key(pod: &Pod) -> Option<Self> {
        let key = pod.env.get(PUBLIC_KEY)?.expose();
        (is_no_key(key) && pod.ports.contains(&Port::SSH))
            .then(|| Self::CreatedWithoutKey { pod_id: pod.id.clone(), value: key.trim().to_owned() })
    }
}
