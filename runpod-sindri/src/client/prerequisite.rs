//! Prerequisites of a deploy.

use serde::Serialize;

use crate::{ProviderError, RunpodProvider, client::KEY};

/// Prerequisites that are there, and those that are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrerequisiteStatus {
    /// True if nothing is missing.
    pub satisfied: bool,
    /// Prerequisites that are missing.
    pub missing: Vec<Prerequisite>,
    /// Prerequisites that are there, or need not be.
    pub available: Vec<Prerequisite>,
}

/// Something that must be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prerequisite {
    /// A name for programs: `runpod-api-key` or `ssh`.
    pub name: String,
    /// Explains it, or what happens without it.
    pub description: String,
    /// The way to get it; `None` if it is there.
    pub install_hint: Option<String>,
    /// Its version; `None` if it has none.
    pub version: Option<String>,
}

impl RunpodProvider {
    pub(crate) fn require_prerequisites(&self) -> Result<(), ProviderError> {
        let missing: Vec<String> = self
            .prerequisites()
            .missing
            .into_iter()
            .map(|missing| {
                format!("{}: {}", missing.name, missing.install_hint.unwrap_or(missing.description))
            })
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(ProviderError::Unprepared { missing }) }
    }

    pub(crate) fn prerequisites(&self) -> PrerequisiteStatus {
        let (mut missing, mut available) = (Vec::new(), vec![self.ssh_client()]);
        let key = |description: &str, hint: Option<&str>| Prerequisite {
            name: "runpod-api-key".to_owned(),
            description: description.to_owned(),
            install_hint: hint.map(str::to_owned),
            version: None,
        };
        if self.variables().get(KEY).is_some() {
            available.insert(0, key("RunPod API key", None));
        } else {
            let hint = "set RUNPOD_API_KEY to a key made at https://console.runpod.io/user/settings";
            missing.push(key("RunPod API key: not set", Some(hint)));
        }
        PrerequisiteStatus { satisfied: missing.is_empty(), missing, available }
    }

    fn ssh_client(&self) -> Prerequisite {
        let version = self.ssh_version();
        let description = match version {
            Some(_) => "ssh client",
            None => "ssh client: not found, so instructions will be shown in place of a shell",
        };
        Prerequisite {
            name: "ssh".to_owned(),
            description: description.to_owned(),
            install_hint: version.is_none().then(|| "install an OpenSSH client".to_owned()),
            version,
        }
    }
}
