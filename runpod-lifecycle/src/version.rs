//! The versions of RunPod's REST API, and what not every one of them has.

use std::fmt;

use crate::word::words;

/// A version of RunPod's REST API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApiVersion {
    /// REST v2. The default.
    #[default]
    V2,
    /// REST v1, retired on 2026-11-15: it answers 410, except where something else speaks its language.
    #[cfg(feature = "v1")]
    V1,
}

words!(
    ApiVersion,
    "version of the API",
    V2 => "v2",
    #[cfg(feature = "v1")]
    V1 => "v1",
);

impl ApiVersion {
    /// Returns true if this version has a feature.
    pub(crate) fn has(self, _feature: Feature) -> bool {
        self == Self::V2
    }
}

/// A feature that not every version of the API has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    AccountSecrets,
    Billing,
    Catalog,
    Logs,
    NetworkVolumes,
    Registries,
    SshKeys,
    Templates,
    Uptime,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccountSecrets => "secrets of the account",
            Self::Billing => "billing of single pods",
            Self::Catalog => "catalog",
            Self::Logs => "logs",
            Self::NetworkVolumes => "network volumes in this crate",
            Self::Registries => "registry credentials in this crate",
            Self::SshKeys => "SSH keys",
            Self::Templates => "list of templates in this crate",
            Self::Uptime => "uptime of containers",
        })
    }
}
