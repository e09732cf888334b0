//! The keys of `providers.runpod`.

use std::{collections::BTreeMap, fmt};

use runpod_lifecycle::{AtEnd, Cloud, Port, Secret};
use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Serialize};

use crate::JobConfig;

/// The GPU when neither `gpuType` nor a tier names one.
pub(crate) const DEFAULT_GPU: &str = "NVIDIA GeForce RTX 4090";
/// vCPUs of a CPU pod when nothing is said.
pub(crate) const DEFAULT_VCPUS: u32 = 4;
/// Container disk in GB when nothing is said.
const DEFAULT_CONTAINER_DISK_GB: u32 = 50;
/// Pod volume in GB when nothing is said.
pub(crate) const DEFAULT_VOLUME_GB: u32 = 20;
/// Mount path of volumes where none is given.
const DEFAULT_MOUNT_PATH: &str = "/workspace";
/// Minutes without work when nothing is said.
pub(crate) const DEFAULT_IDLE_MINUTES: u32 = 20;
/// The ports when nothing is said.
pub(crate) const DEFAULT_PORTS: [&str; 2] = ["8888/http", "22/tcp"];

/// `providers.runpod`: everything about a deployment that only RunPod has. Unknown keys are refused.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(transform = add_old_names)]
pub struct RunpodConfig {
    /// GPU type id (`NVIDIA GeForce RTX 4090`) or pool id (`ADA_24`), or a list of them in order of preference.
    /// Default: the pool of `deployment.resources.gpu.tier`, else `NVIDIA GeForce RTX 4090`.
    #[serde(
        alias = "gpuTypeId",
        alias = "gpu_type_id",
        alias = "gpu_type",
        skip_serializing_if = "Option::is_none"
    )]
    pub gpu_type: Option<GpuTypes>,
    /// GPUs of the pod, 1 to 16. Default: `deployment.resources.gpu.count`, else 1.
    #[serde(alias = "gpu_count", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16))]
    pub gpu_count: Option<u32>,
    /// The least VRAM of one GPU in GB: every type that has as much will do, the cheapest first, after those that `gpuType`
    /// or a tier names. Default: only what is named.
    #[serde(alias = "min_vram_gb", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub min_vram_gb: Option<u32>,
    /// The most that the pod may cost in USD per hour, container disk and pod volume included. Default: any.
    #[serde(alias = "max_usd_per_hour", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001))]
    pub max_usd_per_hour: Option<f64>,
    /// True if either cloud will do: the secure one is asked first, whatever `cloudType` says. Default: false.
    #[serde(alias = "any_cloud", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub any_cloud: Option<bool>,
    /// True for a pod without a GPU. Default: false, unless `deployment.resources.gpu.enabled` is false.
    #[serde(alias = "cpu_only", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub cpu_only: Option<bool>,
    /// vCPUs of a CPU pod: a power of two, at least 2 on REST v2. Default: 4.
    #[serde(alias = "vcpu_count", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = DEFAULT_VCPUS))]
    pub vcpu_count: Option<u32>,
    /// Container disk in GB, wiped on stop. Default: 50, or what the CPU flavor allows if that is less; a template's
    /// own.
    #[serde(alias = "container_disk_gb", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = DEFAULT_CONTAINER_DISK_GB))]
    pub container_disk_gb: Option<u32>,
    /// Pod volume in GB, kept while the pod is stopped: 0 for none; 1 to 9 become 10, the smallest there is. Default:
    /// `deployment.volumes.workspace.size`, else 20. CPU pods and pods with a network volume have none; with a template
    /// the default is the template's.
    #[serde(alias = "volume_size_gb", skip_serializing_if = "Option::is_none")]
    #[schemars(
        range(min = 0),
        extend("default" = DEFAULT_VOLUME_GB)
    )]
    pub volume_size_gb: Option<u32>,
    /// Mount path of the volume, absolute. Default: `/workspace`.
    #[serde(alias = "volume_mount_path", skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^/"), extend("default" = DEFAULT_MOUNT_PATH))]
    pub volume_mount_path: Option<String>,
    /// RunPod's own data centers or other providers' machines. Default: `SECURE`.
    #[serde(alias = "cloud_type", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "SECURE"))]
    pub cloud_type: Option<CloudType>,
    /// Data center id, for example `US-CA-2`; no country. Default, and if it is empty: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// An interruptible pod, which REST v1 rents and REST v2 does not. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub spot: Option<bool>,
    /// Ports, each `NUMBER/http` or `NUMBER/tcp`. Default: `8888/http` and `22/tcp`, or the template's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(inner(regex(pattern = "^[0-9]+/(http|tcp)$")), extend("default" = DEFAULT_PORTS))]
    pub ports: Option<Vec<String>>,
    /// Id of an existing network volume to mount, in the secure cloud. Its data center must be `region`, if that is
    /// set. Default: none.
    #[serde(alias = "network_volume_id", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub network_volume_id: Option<String>,
    /// Network volume by its name, made at the first deploy if there is none: in the secure cloud, in `region` if that is set, else where the
    /// hardware is in stock. Excludes `networkVolumeId`. Default: none.
    #[serde(alias = "network_volume", skip_serializing_if = "Option::is_none")]
    pub network_volume: Option<NetworkVolume>,
    /// Environment variables whose values are secrets of the RunPod account: variable to the secret's name. RunPod fills them in when the
    /// container starts, and shows them to nobody. Default: none.
    #[serde(alias = "account_secrets", skip_serializing_if = "BTreeMap::is_empty")]
    pub account_secrets: BTreeMap<String, String>,
    /// Environment variables of the pod, in clear: what must not be in the file is for `secrets` and `accountSecrets`. Default: none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub env: BTreeMap<String, Secret>,
    /// Labels of the pod, by which programs find it again: at most 64. Default: none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// True if the pod must be reachable at a public address of its own; needs a tcp port. Default: false.
    #[serde(alias = "public_ip", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub public_ip: Option<bool>,
    /// The user to log in as over direct SSH, where the image has no root. Default: `root`.
    #[serde(alias = "ssh_user", skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[A-Za-z0-9._][A-Za-z0-9._-]*$"), extend("default" = "root"))]
    pub ssh_user: Option<String>,
    /// The private key to log in with over direct SSH, and no other. `~/` is the home directory, and a relative path begins beside the
    /// config. Default: those of ssh-agent and `~/.ssh`.
    #[serde(alias = "identity_file", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub identity_file: Option<String>,
    /// Id of the registry credential that the image is pulled with, from
    /// <https://console.runpod.io/user/settings>. Default: none.
    #[serde(alias = "registry_id", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub registry_id: Option<String>,
    /// Minutes for which a deploy waits for stock where RunPod has none. Default: none.
    #[serde(alias = "patience_minutes", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub patience_minutes: Option<u32>,
    /// Hours until the pod has outlived its purpose, fractions allowed, counted anew by a start after their end. `reap`
    /// ends it then: nothing does so by itself. Default: no end.
    #[serde(alias = "lifetime_hours", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 876_000.0))]
    pub lifetime_hours: Option<f64>,
    /// The end that `reap` makes of it then. Default: `TERMINATE`, which keeps a stopped pod with a volume.
    #[serde(alias = "at_end", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "TERMINATE"))]
    pub at_end: Option<LifetimeEnd>,
    /// Minutes without work after which `stop --when-idle` stops the pod: nothing does so by itself. Default: 20.
    #[serde(alias = "idle_minutes", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = DEFAULT_IDLE_MINUTES))]
    pub idle_minutes: Option<u32>,
    /// The job of the command `run`, on a pod of its own. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobConfig>,
    /// Old name: http ports to open beside `22/tcp`. Use `ports`.
    #[serde(alias = "expose_ports", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("deprecated" = true))]
    pub expose_ports: Option<Vec<ExposedPort>>,
    /// Old name: whether RunPod starts sshd. Default: if `22/tcp` is among the ports.
    #[serde(alias = "start_ssh", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("deprecated" = true))]
    pub start_ssh: Option<bool>,
    /// Old name: CPU flavor, vCPUs and GB of memory in one, for example `cpu3c-2-4`. Use `vcpuCount`.
    #[serde(alias = "cpu_instance_id", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("deprecated" = true))]
    pub cpu_instance_id: Option<String>,
    /// Old name: a template of the account to take the image from, in place of `deployment.image`, and disk, volume and
    /// ports unless they are set here.
    #[serde(alias = "template_id", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("deprecated" = true))]
    pub template_id: Option<String>,
    /// Old name: 0 for on demand. There are no bids any more: RunPod's REST APIs take none.
    #[serde(alias = "spot_bid", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 0.0), extend("deprecated" = true))]
    pub spot_bid: Option<f64>,
}

/// A network volume by its name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkVolume {
    /// Its name, which no other volume of the account has.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Its size in GB, at least: a larger one is taken, a smaller one refused.
    #[serde(alias = "size_gb")]
    #[schemars(range(min = 10, max = 4096))]
    pub size_gb: u32,
}

/// The one old name that is nothing but another name, so that editors do not complain about it.
fn add_old_names(schema: &mut Schema) {
    let Some(properties) = schema.get_mut("properties").and_then(|value| value.as_object_mut()) else {
        return;
    };
    let old = json_schema!({ "$ref": "#/$defs/GpuTypes", "deprecated": true, "description": "Old name of `gpuType`." });
    properties.insert("gpuTypeId".to_owned(), old.to_value());
}

/// One GPU type or pool, or several in order of preference.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "expected a GPU type or pool id, or a list of them")]
pub enum GpuTypes {
    /// One.
    One(String),
    /// Several.
    Several(#[schemars(length(min = 1))] Vec<String>),
}

impl GpuTypes {
    /// The ids in order of preference.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        match self {
            Self::One(id) => vec![id.clone()],
            Self::Several(ids) => ids.clone(),
        }
    }
}

/// One of RunPod's two clouds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CloudType {
    /// RunPod's own data centers.
    #[default]
    Secure,
    /// Machines of other providers.
    Community,
}

impl From<CloudType> for Cloud {
    fn from(cloud: CloudType) -> Self {
        match cloud {
            CloudType::Secure => Self::Secure,
            CloudType::Community => Self::Community,
        }
    }
}

impl From<Cloud> for CloudType {
    fn from(cloud: Cloud) -> Self {
        if cloud == Cloud::Community { Self::Community } else { Self::Secure }
    }
}

impl fmt::Display for CloudType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secure => "SECURE",
            Self::Community => "COMMUNITY",
        })
    }
}

/// The end of a pod whose lifetime is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum LifetimeEnd {
    /// It is deleted.
    Terminate,
    /// It is stopped.
    Stop,
}

impl From<LifetimeEnd> for AtEnd {
    fn from(end: LifetimeEnd) -> Self {
        match end {
            LifetimeEnd::Terminate => Self::Terminate,
            LifetimeEnd::Stop => Self::Stop,
        }
    }
}

/// A port as old configs write it: a number, with or without protocol.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "expected a port number")]
pub enum ExposedPort {
    /// A number, opened as http.
    Number(u16),
    /// A text: a number, or `NUMBER/http` or `NUMBER/tcp`.
    Text(String),
}

impl ExposedPort {
    /// The port as `ports` has it.
    pub(crate) fn to_port(&self) -> String {
        match self {
            Self::Number(number) => format!("{number}/http"),
            Self::Text(text) if text.contains('/') => text.clone(),
            Self::Text(text) => format!("{text}/http"),
        }
    }
}

impl RunpodConfig {
    /// Returns true if a network volume is mounted, by its id or its name.
    pub(crate) fn has_network_volume(&self) -> bool {
        self.network_volume_id.is_some() || self.network_volume.is_some()
    }

    /// Minutes without work after which `stop --when-idle` stops the pod.
    #[must_use]
    pub fn idle_minutes(&self) -> u32 {
        self.idle_minutes.unwrap_or(DEFAULT_IDLE_MINUTES)
    }

    /// Every port to open, defaults filled in unless a template has its own.
    #[must_use]
    pub fn open_ports(&self) -> Vec<String> {
        let exposed = self.expose_ports.as_deref().filter(|ports| !ports.is_empty());
        let mut ports = match (&self.ports, exposed) {
            (Some(ports), _) => ports.clone(),
            (None, Some(_)) => vec![Port::SSH.to_string()],
            (None, None) if self.template_id.is_some() => Vec::new(),
            (None, None) => DEFAULT_PORTS.map(str::to_owned).to_vec(),
        };
        for port in exposed.into_iter().flatten().map(ExposedPort::to_port) {
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
        ports
    }
}
