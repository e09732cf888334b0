//! The areas of the API that a key may have no right to.

use serde::{Deserialize, Serialize};

/// A part of the API that a key may have no right to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Area {
    /// Pods, their logs excepted.
    Pods,
    /// Logs of pods.
    Logs,
    /// GPU types, CPU flavors, data centers and public templates.
    Catalog,
    /// The account's SSH keys.
    SshKeys,
    /// Network volumes.
    Volumes,
    /// The account's own templates.
    Templates,
    /// Credentials for registries.
    Registries,
    /// Secrets of the account.
    Secrets,
    /// Billing.
    Billing,
}

impl Area {
    /// The area an operation of either contract belongs to; `None` when it belongs to no area a key can lack.
    pub(crate) fn of(operation: &str) -> Option<Self> {
        Some(match operation {
            "getPodLogs" => Self::Logs,
            name if name.contains("Billing") => Self::Billing,
            name if name.contains("SshKeys") => Self::SshKeys,
            name if name.contains("NetworkVolume") => Self::Volumes,
            "listGpuTypes"
            | "getGpuType"
            | "listCpuTypes"
            | "getCpuType"
            | "listDataCenters"
            | "getDataCenter"
            | "listPublicTemplates" => Self::Catalog,
            name if name.contains("Secret") => Self::Secrets,
            name if name.contains("Template") => Self::Templates,
            name if name.contains("Registr") => Self::Registries,
            name if name.ends_with("Pod") || name.ends_with("Pods") || name == "podAction" => Self::Pods,
            _ => return None,
        })
    }

    /// The name in a refusal.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Logs => "pod logs",
            Self::Catalog => "the catalog",
            Self::SshKeys => "SSH keys",
            Self::Volumes => "network volumes",
            Self::Templates => "templates",
            Self::Registries => "registries",
            Self::Secrets => "secrets",
            Self::Billing => "billing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_of_both_contracts_have_their_area() {
        for (operation, area) in [
            ("createPod", Some(Area::Pods)),
            ("StartPod", Some(Area::Pods)),
            ("podAction", Some(Area::Pods)),
            ("ListPods", Some(Area::Pods)),
            ("getPodLogs", Some(Area::Logs)),
            ("listPodBilling", Some(Area::Billing)),
            ("listGpuTypes", Some(Area::Catalog)),
            ("listPublicTemplates", Some(Area::Catalog)),
            ("getTemplate", Some(Area::Templates)),
            ("updateSshKeys", Some(Area::SshKeys)),
            ("ListNetworkVolumes", Some(Area::Volumes)),
            ("listRegistries", Some(Area::Registries)),
            ("createSecret", Some(Area::Secrets)),
            ("listClusters", None),
        ] {
            assert_eq!(Area::of(operation), area, "{operation}");
        }
    }
}
