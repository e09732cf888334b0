//! A create request.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::world::catalog::Cloud;

/// A create request as it arrived, after the contract has accepted it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatePod {
    pub(crate) name: String,
    pub(crate) image: Option<String>,
    pub(crate) args: Option<String>,
    pub(crate) entrypoint: Option<Vec<String>>,
    pub(crate) cmd: Option<Vec<String>>,
    pub(crate) disk: Option<u64>,
    #[serde(default)]
    pub(crate) env: Env,
    pub(crate) ports: Option<Vec<String>>,
    pub(crate) registry: Option<String>,
    #[serde(default)]
    pub(crate) cloud: Cloud,
    pub(crate) cpu: Option<CpuOrder>,
    pub(crate) gpu: Option<GpuOrder>,
    #[serde(default)]
    pub(crate) data_center_ids: Vec<String>,
    #[serde(default)]
    pub(crate) global_networking: bool,
    #[serde(default)]
    pub(crate) mounts: Mounts,
    pub(crate) start_ssh: Option<bool>,
    pub(crate) start_jupyter: Option<bool>,
    pub(crate) template_id: Option<String>,
    /// Spot; v1 only.
    #[serde(skip)]
    pub(crate) interruptible: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GpuOrder {
    pub(crate) id: String,
    /// Without it no machine matches.
    pub(crate) count: Option<u32>,
    #[serde(default)]
    pub(crate) allowed_cuda_versions: Vec<String>,
    pub(crate) min_cuda_version: Option<String>,
    /// GB.
    #[serde(default)]
    pub(crate) min_ram_per_gpu: u32,
    #[serde(default)]
    pub(crate) min_vcpu_count_per_gpu: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CpuOrder {
    pub(crate) id: String,
    pub(crate) vcpu_count: u32,
}

/// Storage mounts, in a request and in a pod alike.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mounts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) persistent: Option<PersistentMount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) network: Option<Vec<NetworkMount>>,
}

impl Mounts {
    pub(crate) fn network_volume(&self) -> Option<&str> {
        self.network.as_ref()?.first().map(|mount| mount.volume_id.as_str())
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PersistentMount {
    pub(crate) size: u64,
    pub(crate) path: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NetworkMount {
    pub(crate) volume_id: String,
    pub(crate) path: String,
}

/// A pod's environment. Its values never show in debug output.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Env(pub(crate) BTreeMap<String, String>);

impl Env {
    /// With its names, and stars for its values.
    pub(crate) fn starred(&self) -> Self {
        Self(self.0.keys().map(|name| (name.clone(), "********".to_owned())).collect())
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
