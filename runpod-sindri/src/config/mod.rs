//! `sindri.yaml`, as far as a RunPod deployment reads it.

pub(crate) mod error;
pub(crate) mod job;
pub(crate) mod runpod;
pub(crate) mod schema;
pub(crate) mod secret;
mod yaml;

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

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
    /// The environment to deploy.
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
    /// The folder of the file it was read from, where relative paths begin.
    #[serde(skip)]
    pub(crate) folder: Option<PathBuf>,
    #[serde(skip)]
    pub(crate) text: Text,
}

/// The text that a config was read from, to find the lines of keys; empty if there is none.
#[derive(Clone, Default)]
pub(crate) struct Text(String);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// Deployment settings that every provider shares.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct DeploymentConfig {
    /// The provider: `runpod`, which is also taken for granted when nothing is said.
    #[serde(default)]
    pub provider: Option<String>,
    /// Container image. Without one, and without `image_config`, `runpod/pytorch:latest` is deployed, with a warning.
    #[serde(default)]
    pub image: Option<String>,
    /// Container image in parts, for where `image` is not set.
    #[serde(default)]
    pub image_config: Option<ImageConfig>,
    /// A build of Sindri's own image, which only Sindri can make.
    #[serde(default, rename = "buildFromSource")]
    pub build_from_source: Option<BuildFromSource>,
    /// The hardware.
    #[serde(default)]
    pub resources: ResourcesConfig,
    /// Volumes.
    #[serde(default)]
    pub volumes: Option<VolumesConfig>,
}

impl DeploymentConfig {
    /// The image as far as the file names it; `None` if it names none.
    pub(crate) fn image(&self) -> Result<Option<String>, ConfigProblem> {
        if self.build_from_source.as_ref().is_some_and(|build| build.enabled) {
            let allowed =
                "only Sindri builds images: deploy with it, or set enabled: false and deployment.image";
            return Err(ConfigProblem::new("deployment.buildFromSource.enabled", true, allowed));
        }
        if let Some(image) = self.image.as_ref().filter(|image| !image.is_empty()) {
            return Ok(Some(image.clone()));
        }
        let Some(parts) = &self.image_config else { return Ok(None) };
        let ImageConfig { registry, version, tag_override, digest } = parts;
        match (digest, tag_override, version) {
            (Some(digest), _, _) => Ok(Some(format!("{registry}@{digest}"))),
            (None, Some(tag), _) => Ok(Some(format!("{registry}:{tag}"))),
            (None, None, None) => Ok(Some(format!("{registry}:latest"))),
            (None, None, Some(version)) => {
                let allowed = "only Sindri looks versions up: deploy with it, or set tag_override, digest or deployment.image";
                Err(ConfigProblem::new("deployment.image_config.version", version, allowed))
            }
        }
    }

    /// The size of the workspace's volume in GB, rounded up, with what is written; `None` if nothing is.
    pub(crate) fn workspace(&self) -> Result<Option<(u32, &str)>, ConfigProblem> {
        let workspace = self.volumes.as_ref().and_then(|volumes| volumes.workspace.as_ref());
        let Some(size) = workspace.and_then(|workspace| workspace.size.as_deref()) else { return Ok(None) };
        let gb = match (size.strip_suffix("GB"), size.strip_suffix("MB")) {
            (Some(gb), _) => gb.parse().ok(),
            (_, Some(mb)) => mb.parse::<u32>().ok().map(|mb| mb.div_ceil(1024)),
            _ => None,
        };
        let allowed = "a size is written with GB or MB, for example 100GB";
        let problem = || ConfigProblem::new("deployment.volumes.workspace.size", size, allowed);
        gb.map(|gb| Some((gb, size))).ok_or_else(problem)
    }
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

/// An image as Sindri resolves it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct ImageConfig {
    /// The image without its tag, for example `ghcr.io/org/image`.
    pub registry: String,
    /// A version for Sindri to look up in the registry. Not read by itself.
    #[serde(default)]
    pub version: Option<String>,
    /// The tag.
    #[serde(default)]
    pub tag_override: Option<String>,
    /// The digest; it goes before a tag.
    #[serde(default)]
    pub digest: Option<String>,
}

/// A build of Sindri's own image.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct BuildFromSource {
    /// True if Sindri builds the image. Default: false.
    #[serde(default)]
    pub enabled: bool,
}

/// Volumes, in words that every provider shares.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct VolumesConfig {
    /// The workspace.
    #[serde(default)]
    pub workspace: Option<WorkspaceVolume>,
}

/// The volume of the workspace.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct WorkspaceVolume {
    /// Its size, for example `100GB`: that of the pod volume, unless `providers.runpod.volumeSizeGb` says it.
    #[serde(default)]
    #[schemars(regex(pattern = "^[0-9]+(MB|GB)$"))]
    pub size: Option<String>,
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
    /// Number of GPUs, unless `providers.runpod.gpuCount` says it.
    #[serde(default)]
    #[schemars(range(min = 1, max = 16))]
    pub count: Option<u32>,
    /// The vendor: `nvidia`. RunPod's pools are NVIDIA's.
    #[serde(default, rename = "type")]
    pub vendor: Option<String>,
    /// Memory a GPU should have at least. The tier or `providers.runpod.gpuType` decides it, so it has no effect.
    #[serde(default)]
    pub memory: Option<String>,
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

/// The one key that finding an environment takes.
#[derive(Deserialize)]
struct Named {
    name: String,
}

impl SindriConfig {
    /// A config with nothing but a name: all that finding an environment takes.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            version: None,
            name: name.into(),
            deployment: DeploymentConfig::default(),
            extensions: None,
            secrets: Vec::new(),
            providers: ProvidersConfig::default(),
            folder: None,
            text: Text::default(),
        }
    }

    /// Reads a file to look at, stop or destroy its environment: where anything but the name is wrong, the config is
    /// [`named`](Self::named) and the second value says what is wrong, with key and line.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read, is no YAML, or names no environment.
    pub fn name_from_path(path: impl AsRef<Path>) -> Result<(Self, Option<ConfigError>), ConfigError> {
        let (path, text) = (path.as_ref(), text(path.as_ref())?);
        match Self::from_yaml(&text) {
            Ok(config) => Ok((Self { folder: path.parent().map(Path::to_owned), ..config }, None)),
            Err(wrong) => match yaml::read::<Named>(&text) {
                Ok(Named { name }) => Ok((Self::named(name), Some(wrong))),
                Err(_) => Err(wrong),
            },
        }
    }

    /// Reads a config from a file of at most 1 MiB.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read, is no YAML, or says something of the wrong type.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        Ok(Self { folder: path.parent().map(Path::to_owned), ..Self::from_yaml(&text(path)?)? })
    }

    /// The same config with an image that was resolved or built elsewhere, whatever the file says of images.
    #[must_use]
    pub fn with_image(mut self, image: impl Into<String>) -> Self {
        let deployment = &mut self.deployment;
        deployment.image = Some(image.into());
        (deployment.image_config, deployment.build_from_source) = (None, None);
        self
    }

    /// Reads a config from YAML, of which JSON is a part.
    ///
    /// # Errors
    /// [`ConfigError`] if it is no YAML, nests or repeats itself without measure, or says something of the wrong type.
    pub fn from_yaml(yaml: &str) -> Result<Self, ConfigError> {
        let config: Self = yaml::read(yaml).map_err(|reason| ConfigError::Unreadable { reason })?;
        Ok(Self { text: Text(yaml.to_owned()), ..config })
    }

    /// The same error with the lines that its problems are in.
    pub(crate) fn located(&self, error: ConfigError) -> ConfigError {
        let ConfigError::Invalid(problems) = error else { return error };
        let locate =
            |problem: ConfigProblem| ConfigProblem { line: yaml::line(&self.text.0, problem.key), ..problem };
        ConfigError::Invalid(problems.into_iter().map(locate).collect())
    }

    /// The folder of the file it was read from, where relative paths begin; `None` if it was read from none.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The user to log in as over direct SSH; `None` for the one RunPod names.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if it is no user name.
    pub fn ssh_user(&self) -> Result<Option<String>, ConfigError> {
        let user = self.runpod().ssh_user;
        match user.as_deref().and_then(user_problem) {
            Some(problem) => Err(self.located(ConfigError::Invalid(vec![problem]))),
            None => Ok(user),
        }
    }

    /// The same config in another folder: where relative paths begin, and where `.env.local` and `.env` are.
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// The private key to log in with; `None` for those that ssh finds.
    #[must_use]
    pub fn identity_file(&self) -> Option<PathBuf> {
        Some(placed(&self.runpod().identity_file?, self.folder.as_deref()))
    }

    /// RunPod's settings; all defaults if the file has none.
    #[must_use]
    pub fn runpod(&self) -> RunpodConfig {
        self.providers.runpod.clone().unwrap_or_default()
    }
}

/// The file that a config means: `~` is the home directory, and what is not absolute is beside the config.
pub(crate) fn placed(path: &str, folder: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir(), folder) {
        (Some(rest), Some(home), _) => home.join(rest),
        (_, _, Some(folder)) => folder.join(path),
        _ => PathBuf::from(path),
    }
}

fn text(path: &Path) -> Result<String, ConfigError> {
    let unread = |source| ConfigError::Unread { path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(unread)?;
    file.take(LARGEST_FILE + 1).read_to_string(&mut text).map_err(unread)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(ConfigError::TooLarge { path: path.to_owned() });
    }
    Ok(text)
}

/// Finds what is wrong with a user to log in as: ssh could take it for an option, or a shell for more than a word.
pub(crate) fn user_problem(user: &str) -> Option<ConfigProblem> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_user = !user.is_empty() && !user.starts_with('-') && user.bytes().all(is_plain);
    let allowed = "a user name has letters, digits, dots, underscores and hyphens, for example ubuntu";
    (!is_user).then(|| ConfigProblem::new("providers.runpod.sshUser", user, allowed))
}
