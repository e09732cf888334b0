use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::Cloud;
use crate::endpoints::SYMMETRIC;

/// The largest number a port is asked for by.
const MOST: u32 = 99_999;

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

/// A port a pod asks for, such as `22/tcp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Port {
    /// 1 to 65535; from 70000 on, a TCP port asks for one number inside and outside.
    pub(crate) number: u32,
    pub(crate) kind: PortKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortKind {
    Http,
    Tcp,
    Udp,
}

impl PortKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl Port {
    pub(crate) const SSH: Self = Self { number: 22, kind: PortKind::Tcp };

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (number, kind) = text.split_once('/')?;
        let kind =
            [PortKind::Http, PortKind::Tcp, PortKind::Udp].into_iter().find(|known| known.name() == kind)?;
        let plain = number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|_| plain)?;
        let legal = match number {
            1..=65_535 => true,
            SYMMETRIC..=MOST => kind == PortKind::Tcp,
            _ => false,
        };
        legal.then_some(Self { number, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_parse_only_in_their_one_form() {
        assert_eq!(Port::parse("22/tcp"), Some(Port::SSH));
        assert_eq!(Port::parse("8888/http").map(|port| port.kind), Some(PortKind::Http));
        assert_eq!(Port::parse("70000/tcp").map(|port| port.number), Some(70_000));
        for odd in [
            "",
            "22",
            "22/",
            "/tcp",
            "0/tcp",
            "65536/tcp",
            "69999/tcp",
            "70000/http",
            "100000/tcp",
            "22/TCP",
            "22/tcp/udp",
            "x/tcp",
            "-1/tcp",
            "+1/tcp",
        ] {
            assert_eq!(Port::parse(odd), None, "{odd}");
        }
    }
}
