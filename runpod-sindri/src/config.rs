//! `sindri.yaml`, as far as a RunPod deployment reads it.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ConfigError, ConfigProblem, RunpodConfig, SecretConfig};

/// The most bytes of a config file that are read.
const LARGEST_FILE: u64 = 1024 * 1024;

/// A `sindri.yaml`. Keys that Sindri has for other purposes pass unread.
///
/// ```
/// use runpod_sindri::SindriConfig;
///
/// let config = SindriConfig::from_yaml("name: my-env\nproviders: {runpod: {gpuType: ADA_24}}")?;
/// assert_eq!(config.name, "my-env");
/// # Ok::<(), runpod_sindri::ConfigError>(())
/// ```
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[schemars(title = "sindri.yaml, as far as RunPod reads it")]
pub struct SindriConfig {
    /// Version of the file's format, for example `3.0`. Not read.
    #[serde(default)]
    pub version: Option<String>,
    /// Name of the environment, and of the pod it becomes.
    #[schemars(length(min = 1, max = 191))]
    pub name: String,
    /// What to deploy.
    #[serde(default)]
    pub deployment: DeploymentConfig,
    /// Sindri's extensions. The image installs them; the provider does not read this.
    #[serde(default)]
    pub extensions: Option<serde_json::Value>,
    /// Secrets that become environment variables of the pod.
    #[serde(default)]
    pub secrets: Vec<SecretConfig>,
    /// Settings per provider.
    #[serde(default)]
    pub providers: ProvidersConfig,
}

/// What to deploy, in words that every provider shares.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct DeploymentConfig {
    /// The provider: `runpod`, which is also taken for granted when nothing is said.
    #[serde(default)]
    pub provider: Option<String>,
    /// Container image. Without one `runpod/pytorch:latest` is deployed, with a warning.
    #[serde(default)]
    pub image: Option<String>,
    /// The hardware.
    #[serde(default)]
    pub resources: ResourcesConfig,
}

/// The hardware, in words that every provider shares.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct ResourcesConfig {
    /// Memory, for example `8GB`. RunPod decides it by the GPU or the vCPUs, so it has no effect.
    #[serde(default)]
    pub memory: Option<String>,
    /// CPUs. RunPod decides them by the GPU, or by `providers.runpod.vcpuCount`, so it has no effect.
    #[serde(default)]
    pub cpus: Option<u32>,
    /// The GPU.
    #[serde(default)]
    pub gpu: Option<GpuConfig>,
}

/// A GPU, in words that every provider shares.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct GpuConfig {
    /// `false` makes it a CPU pod. When nothing is said, it is a GPU pod.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// A size, for which `providers.runpod.gpuType` is the exact word.
    #[serde(default)]
    pub tier: Option<GpuTier>,
    /// How many GPUs, unless `providers.runpod.gpuCount` says it.
    #[serde(default)]
    #[schemars(range(min = 1, max = 16))]
    pub count: Option<u32>,
}

/// Sindri's sizes of GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GpuTier {
    /// RunPod's pool `ADA_24`.
    GpuSmall,
    /// RunPod's pool `AMPERE_48`.
    GpuMedium,
    /// RunPod's pool `AMPERE_80`.
    GpuLarge,
    /// RunPod's pool `ADA_80_PRO`.
    GpuXlarge,
}

impl GpuTier {
    /// RunPod's pool for the size.
    #[must_use]
    pub fn pool(self) -> &'static str {
        match self {
            Self::GpuSmall => "ADA_24",
            Self::GpuMedium => "AMPERE_48",
            Self::GpuLarge => "AMPERE_80",
            Self::GpuXlarge => "ADA_80_PRO",
        }
    }
}

/// Settings per provider.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct ProvidersConfig {
    /// RunPod's.
    #[serde(default)]
    pub runpod: Option<RunpodConfig>,
    /// Every other provider's, unread.
    #[serde(flatten)]
    #[schemars(skip)]
    pub others: BTreeMap<String, serde_json::Value>,
}

impl SindriConfig {
    /// Reads a config from a file of at most 1 MiB.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read, is no YAML, or says something of the wrong type.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let unread = |source| ConfigError::Unread { path: path.to_owned(), source };
        let mut text = String::new();
        let file = File::open(path).map_err(unread)?;
        file.take(LARGEST_FILE + 1).read_to_string(&mut text).map_err(unread)?;
        if text.len() as u64 > LARGEST_FILE {
            return Err(ConfigError::TooLarge { path: path.to_owned() });
        }
        Self::from_yaml(&text)
    }

    /// Reads a config from YAML, of which JSON is a part.
    ///
    /// # Errors
    /// [`ConfigError`] if it is no YAML, nests or repeats itself without measure, or says something of the wrong type.
    pub fn from_yaml(yaml: &str) -> Result<Self, ConfigError> {
        // The excerpt that comes with an error may show whatever else stands in the file.
        serde_saphyr::from_str(yaml).map_err(|error| {
            // A name in the file is part of it, and may move the cursor.
            let reason = error.without_snippet().to_string().replace(char::is_control, "\u{fffd}");
            ConfigError::Unreadable { reason }
        })
    }

    /// The user to log in as over direct SSH; `None` for the one RunPod names.
    pub(crate) fn ssh_user(&self) -> Result<Option<String>, ConfigError> {
        let user = self.runpod().ssh_user;
        match user.as_deref().and_then(user_problem) {
            Some(problem) => Err(ConfigError::Invalid(vec![problem])),
            None => Ok(user),
        }
    }

    /// RunPod's settings; all defaults if the file has none.
    #[must_use]
    pub fn runpod(&self) -> RunpodConfig {
        self.providers.runpod.clone().unwrap_or_default()
    }
}

/// What is wrong with a user to log in as: ssh could take it for an option, or a shell for more than a word.
pub(crate) fn user_problem(user: &str) -> Option<ConfigProblem> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_user = !user.is_empty() && !user.starts_with('-') && user.bytes().all(is_plain);
    let allowed = "a user name has letters, digits, dots, underscores and hyphens, for example ubuntu";
    (!is_user).then(|| ConfigProblem::new("providers.runpod.sshUser", user, allowed))
}
