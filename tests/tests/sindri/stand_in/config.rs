//! Sindri's config: a file, and what its typed parse leaves of it. Keys that no type names are dropped in silence, and
//! defaults are filled in.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde_json::Value;

/// A file that was read, and where from.
pub(crate) struct SindriConfig {
    pub(crate) config: SindriConfigFile,
    pub(crate) config_path: Utf8PathBuf,
}

impl SindriConfig {
    /// Reads a file without looking at a schema, as every command but `config validate` does.
    pub(crate) fn load(path: &Utf8Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)?;
        Ok(Self { config: serde_saphyr::from_str(&text)?, config_path: path.to_owned() })
    }

    pub(crate) fn inner(&self) -> &SindriConfigFile {
        &self.config
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    pub(crate) fn secrets(&self) -> &[SecretConfig] {
        &self.config.secrets
    }

    /// The image that the file names, without a build: a digest goes before a tag, a tag before a version, a version needs
    /// a resolver, and the old `image` comes last.
    pub(crate) async fn resolve_image(&self, resolver: Option<&str>) -> anyhow::Result<String> {
        let deployment = &self.config.deployment;
        let Some(image) = &deployment.image_config else {
            return deployment.image.clone().ok_or_else(|| anyhow::anyhow!("No image configured"));
        };
        Ok(match (&image.digest, &image.tag_override, &image.version, resolver) {
            (Some(digest), ..) => format!("{}@{digest}", image.registry),
            (None, Some(tag), ..) => format!("{}:{tag}", image.registry),
            (None, None, Some(_), Some(tag)) => format!("{}:{tag}", image.registry),
            (None, None, Some(_), None) => {
                anyhow::bail!("image_config.version requires an image version resolver")
            }
            (None, None, None, _) => format!("{}:latest", image.registry),
        })
    }
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what must be there for a file to be read")]
pub(crate) struct SindriConfigFile {
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) deployment: DeploymentConfig,
    pub(crate) extensions: Value,
    #[serde(default)]
    pub(crate) secrets: Vec<SecretConfig>,
    #[serde(default)]
    pub(crate) providers: ProvidersConfig,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what must be there for a file to be read")]
pub(crate) struct DeploymentConfig {
    pub(crate) provider: ProviderName,
    #[serde(default)]
    pub(crate) image: Option<String>,
    #[serde(default)]
    pub(crate) image_config: Option<ImageConfig>,
    #[serde(default, rename = "buildFromSource")]
    pub(crate) build_from_source: Option<BuildFromSource>,
    #[serde(default)]
    pub(crate) resources: ResourcesConfig,
    #[serde(default)]
    pub(crate) volumes: VolumesConfig,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProviderName {
    Docker,
    DockerCompose,
    Fly,
    Devpod,
    E2b,
    Kubernetes,
    Runpod,
    Northflank,
}

#[derive(Deserialize)]
pub(crate) struct ImageConfig {
    pub(crate) registry: String,
    #[serde(default)]
    pub(crate) version: Option<String>,
    #[serde(default)]
    pub(crate) tag_override: Option<String>,
    #[serde(default)]
    pub(crate) digest: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct BuildFromSource {
    #[serde(default)]
    pub(crate) enabled: bool,
}

#[derive(Default, Deserialize)]
#[expect(dead_code, reason = "what must fit its type for a file to be read")]
pub(crate) struct ResourcesConfig {
    #[serde(default)]
    pub(crate) memory: Option<String>,
    #[serde(default)]
    pub(crate) cpus: Option<u32>,
    #[serde(default)]
    pub(crate) gpu: Option<GpuConfig>,
}

/// A tier without `enabled` is a GPU that is off.
#[derive(Deserialize)]
#[expect(dead_code, reason = "what must fit its type for a file to be read")]
pub(crate) struct GpuConfig {
    #[serde(default)]
    pub(crate) enabled: bool,
    #[serde(default = "one")]
    pub(crate) count: u32,
    #[serde(default)]
    pub(crate) tier: Option<String>,
}

#[derive(Default, Deserialize)]
#[expect(dead_code, reason = "what must fit its type for a file to be read")]
pub(crate) struct VolumesConfig {
    #[serde(default)]
    pub(crate) workspace: Option<WorkspaceVolume>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what must fit its type for a file to be read")]
pub(crate) struct WorkspaceVolume {
    #[serde(default = "ten_gb")]
    pub(crate) size: String,
}

#[derive(Deserialize)]
pub(crate) struct SecretConfig {
    pub(crate) name: String,
    pub(crate) source: SecretSource,
    #[serde(default, rename = "fromFile")]
    pub(crate) from_file: Option<String>,
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default)]
    pub(crate) path: Option<String>,
    #[serde(default, rename = "vaultPath")]
    pub(crate) vault_path: Option<String>,
    #[serde(default, rename = "vaultKey")]
    pub(crate) vault_key: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SecretSource {
    Env,
    File,
    Vault,
    S3,
}

#[derive(Default, Deserialize)]
pub(crate) struct ProvidersConfig {
    #[serde(default)]
    pub(crate) runpod: Option<RunpodProviderConfig>,
}

/// Keys that are left of `providers.runpod`: every other is gone.
#[derive(Debug, Deserialize)]
pub(crate) struct RunpodProviderConfig {
    #[serde(default, rename = "gpuTypeId", alias = "gpu_type_id", alias = "gpu_type")]
    pub(crate) gpu_type_id: Option<String>,
    #[serde(default = "one", rename = "gpuCount", alias = "gpu_count")]
    pub(crate) gpu_count: u32,
    #[serde(default = "twenty", rename = "containerDiskGb", alias = "container_disk_gb")]
    pub(crate) container_disk_gb: u32,
    #[serde(default = "fifty", rename = "volumeSizeGb", alias = "volume_size_gb")]
    pub(crate) volume_size_gb: u32,
    #[serde(default = "workspace", rename = "volumeMountPath", alias = "volume_mount_path")]
    pub(crate) volume_mount_path: String,
    #[serde(default, rename = "cloudType", alias = "cloud_type")]
    pub(crate) cloud_type: CloudType,
    #[serde(default)]
    pub(crate) region: Option<String>,
    #[serde(default, rename = "exposePorts", alias = "expose_ports")]
    pub(crate) expose_ports: Vec<u16>,
    #[serde(default, rename = "spotBid", alias = "spot_bid")]
    pub(crate) spot_bid: Option<f64>,
    #[serde(default = "yes", rename = "startSsh", alias = "start_ssh")]
    pub(crate) start_ssh: bool,
    #[serde(default, rename = "cpuOnly", alias = "cpu_only")]
    pub(crate) cpu_only: bool,
    #[serde(default, rename = "cpuInstanceId", alias = "cpu_instance_id")]
    pub(crate) cpu_instance_id: Option<String>,
    #[serde(default, rename = "templateId", alias = "template_id")]
    pub(crate) template_id: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum CloudType {
    #[default]
    Community,
    Secure,
}

fn one() -> u32 {
    1
}

fn twenty() -> u32 {
    20
}

fn fifty() -> u32 {
    50
}

fn yes() -> bool {
    true
}

fn workspace() -> String {
    "/workspace".to_owned()
}

fn ten_gb() -> String {
    "10GB".to_owned()
}
