//! From a config to the pod it asks for.

mod wanted;

use std::time::Duration;

use runpod_lifecycle::{ApiVersion, Cloud, IfExists, PodSpec, Port, Volume};

use crate::{
    CloudType, ConfigError, NetworkVolume, RunpodConfig, SindriConfig,
    blueprint::wanted::{PodVolume, Wanted, is_cpu},
    config::runpod::{DEFAULT_GPU, DEFAULT_VCPUS},
};

/// The image when a config names none.
const DEFAULT_IMAGE: &str = "runpod/pytorch:latest";
/// The CPU flavor on REST v1 when a config names none.
const FLAVOR_ON_V1: &str = "cpu3c";
/// The smallest pod volume RunPod sells, in GB.
const SMALLEST_VOLUME_GB: u32 = 10;

/// A config with every default filled in, as the facade wants it.
#[derive(Clone, Debug)]
pub(crate) struct Blueprint {
    pub(crate) version: ApiVersion,
    pub(crate) spec: PodSpec,
    /// True if every tcp port must have a public address. REST v2 has no such setting of a spec.
    pub(crate) public_ip: bool,
    /// True if sshd is expected to answer. Beside a template the spec does not say.
    pub(crate) expects_ssh: bool,
    /// The network volume to be found or made by its name before the create.
    pub(crate) volume: Option<NetworkVolume>,
    /// Where that is mounted; `None` for the default.
    pub(crate) mount_path: Option<String>,
    /// Settings that were dropped or assumed.
    pub(crate) warnings: Vec<String>,
}

impl Blueprint {
    /// Checks a config and fills in every default. Sends nothing.
    pub(crate) fn new(config: &SindriConfig, version: ApiVersion) -> Result<Self, ConfigError> {
        let runpod = config.runpod();
        if runpod.spot == Some(true) && version == ApiVersion::V2 {
            return Err(ConfigError::SpotUnsupported);
        }
        let Wanted { cpu, image, volume } = Wanted::by(config, &runpod)?;
        let mut warnings = Vec::new();
        let spec = match is_cpu(config, &runpod) {
            true => cpu_spec(config, &runpod, image.as_deref(), cpu, version, &mut warnings),
            false => gpu_spec(config, &runpod, image.as_deref(), cpu.is_some(), &mut warnings),
        };
        warnings.extend(image_warning(&runpod, image.as_deref()));
        let spec = in_region(spec, &runpod, &mut warnings);
        let spec = with_volume(spec, &runpod, volume, &mut warnings);
        let spec = in_cloud(spec, &runpod, &mut warnings);
        warn_of_resources(config, &mut warnings);
        let spec = mounted(spec, &runpod, &mut warnings);
        let has_template = runpod.template_id.is_some();
        // Which ports a template opens shows once the pod is there.
        let ports = runpod.open_ports();
        let is_ssh_likely = has_template && ports.is_empty() || ports.contains(&Port::SSH.to_string());
        let expects_ssh = runpod.start_ssh.unwrap_or(is_ssh_likely);
        // With a template only what is written here is sent.
        let start_ssh = runpod.start_ssh.or((!has_template).then_some(expects_ssh));
        let public_ip = runpod.public_ip.unwrap_or(false);
        // REST v2 has no such switch: a tcp port brings a public address.
        let spec = with(spec, start_ssh, PodSpec::ssh).public_ip(public_ip && version != ApiVersion::V2);
        let spec = settings(ports.iter().fold(spec, PodSpec::port), &runpod);
        spec.validate()?;
        let (volume, mount_path) = (runpod.network_volume.clone(), runpod.volume_mount_path.clone());
        Ok(Self { version, spec, public_ip, expects_ssh, volume, mount_path, warnings })
    }

    /// The same with its network volume, once it is known which one that is.
    pub(crate) fn mounting(&self, volume: &Volume) -> Self {
        let spec = self.spec.clone().network_volume(volume);
        Self { spec: with(spec, self.mount_path.as_ref(), PodSpec::mount_path), ..self.clone() }
    }

    /// The spec that replaces an environment of its name, or does not.
    pub(crate) fn spec(&self, force: bool) -> PodSpec {
        self.spec.clone().if_exists(if force { IfExists::Replace } else { IfExists::Fail })
    }

    /// Settings that would widen the search, in the words of sindri.yaml.
    pub(crate) fn suggestions(&self) -> Vec<&'static str> {
        let mut suggestions = Vec::new();
        let has_network_volume = self.spec.get_network_volume().is_some();
        if has_network_volume {
            suggestions.push("a networkVolumeId in another data center");
        } else if !self.spec.get_data_centers().is_empty() {
            suggestions.push("no region");
        }
        if self.spec.get_vcpus().is_some() {
            suggestions.push("another vcpuCount");
            return suggestions;
        }
        suggestions.push("another gpuType (a list is tried in order)");
        suggestions.push("a pool such as gpuType: AMPERE_24");
        if self.spec.get_gpu_count() > 1 {
            suggestions.push("a smaller gpuCount");
        }
        match self.spec.get_cloud() {
            _ if has_network_volume => {}
            Cloud::Community => suggestions.push("cloudType: SECURE"),
            _ => suggestions.push("cloudType: COMMUNITY"),
        }
        suggestions
    }
}

/// Applies a setting that the config has.
fn with<T>(spec: PodSpec, value: Option<T>, set: impl FnOnce(PodSpec, T) -> PodSpec) -> PodSpec {
    match value {
        Some(value) => set(spec, value),
        None => spec,
    }
}

/// The settings that depend on nothing else.
fn settings(spec: PodSpec, runpod: &RunpodConfig) -> PodSpec {
    let spec = spec.interruptible(runpod.spot.unwrap_or(false));
    let spec = with(spec, runpod.container_disk_gb, PodSpec::container_disk_gb);
    let spec = with(spec, runpod.template_id.as_ref(), PodSpec::template);
    let spec = with(spec, runpod.registry_id.as_ref(), PodSpec::registry);
    let spec = with(spec, runpod.max_usd_per_hour, PodSpec::max_usd_per_hour);
    let patience = runpod.patience_minutes.map(|minutes| Duration::from_secs(60 * u64::from(minutes)));
    let spec = with(spec, patience, PodSpec::patience);
    let spec = runpod.env.iter().fold(spec, |spec, (name, value)| spec.env(name, value.clone()));
    let spec = runpod.labels.iter().fold(spec, |spec, (key, value)| spec.label(key, value));
    let secrets = runpod.account_secrets.iter();
    let spec = secrets.fold(spec, |spec, (variable, secret)| spec.account_secret(variable, secret));
    let lifetime = runpod.lifetime_hours.map(|hours| Duration::from_secs_f64(hours * 3600.0));
    let spec = with(spec, lifetime, PodSpec::lifetime);
    with(spec, runpod.at_end, |spec, end| spec.at_end(end.into()))
}

fn cpu_spec(
    config: &SindriConfig,
    runpod: &RunpodConfig,
    image: Option<&str>,
    cpu: Option<(String, Option<u32>)>,
    version: ApiVersion,
    warnings: &mut Vec<String>,
) -> PodSpec {
    if runpod.gpu_type.is_some() {
        warnings.push("gpuType was dropped: this is a CPU pod".to_owned());
    }
    if runpod.min_vram_gb.is_some() {
        warnings.push("minVramGb was dropped: this is a CPU pod".to_owned());
    }
    let (mut flavor, vcpus) = cpu.map_or((None, None), |(flavor, vcpus)| (Some(flavor), vcpus));
    // REST v1 has no catalog to choose a flavor from.
    if flavor.is_none() && version != ApiVersion::V2 {
        warnings.push(format!(
            "REST v1 names no CPU flavors: {FLAVOR_ON_V1} is used; cpuInstanceId names another"
        ));
        flavor = Some(FLAVOR_ON_V1.to_owned());
    }
    let vcpus = vcpus.or(runpod.vcpu_count).unwrap_or(DEFAULT_VCPUS);
    let spec = PodSpec::cpu(&config.name, image.unwrap_or(DEFAULT_IMAGE), vcpus);
    with(spec, flavor, PodSpec::cpu_flavor)
}

fn gpu_spec(
    config: &SindriConfig,
    runpod: &RunpodConfig,
    image: Option<&str>,
    names_cpu: bool,
    warnings: &mut Vec<String>,
) -> PodSpec {
    for (key, set) in [("vcpuCount", runpod.vcpu_count.is_some()), ("cpuInstanceId", names_cpu)] {
        if set {
            warnings.push(format!("{key} was dropped: this is a GPU pod; set cpuOnly: true for a CPU pod"));
        }
    }
    let gpu = config.deployment.resources.gpu.clone().unwrap_or_default();
    let types = match (&runpod.gpu_type, gpu.tier) {
        (Some(types), _) => types.ids(),
        (None, Some(tier)) => vec![tier.pool().to_owned()],
        (None, None) if runpod.min_vram_gb.is_some() => Vec::new(),
        (None, None) => vec![DEFAULT_GPU.to_owned()],
    };
    let count = runpod.gpu_count.or(gpu.count).unwrap_or(1);
    let spec = PodSpec::gpu(&config.name, image.unwrap_or(DEFAULT_IMAGE), types).gpu_count(count);
    with(spec, runpod.min_vram_gb, |spec, size| spec.or_any_gpu().min_vram_gb(size))
}

fn image_warning(runpod: &RunpodConfig, image: Option<&str>) -> Option<String> {
    match (&runpod.template_id, image) {
        (Some(_), Some(image)) => {
            Some(format!("deployment.image ({image}) was dropped: templateId names the image"))
        }
        (None, None) => Some(format!("deployment.image is not set: {DEFAULT_IMAGE} is used")),
        _ => None,
    }
}

fn in_region(spec: PodSpec, runpod: &RunpodConfig, warnings: &mut Vec<String>) -> PodSpec {
    let region = runpod.region.as_ref().filter(|region| !region.is_empty());
    if runpod.region.is_some() && region.is_none() {
        warnings.push("region is empty: any data center will do".to_owned());
    }
    with(spec, region, PodSpec::data_center)
}

/// The spec with its volume, if it has one: a network volume goes before a pod volume.
fn with_volume(
    spec: PodSpec,
    runpod: &RunpodConfig,
    volume: PodVolume,
    warnings: &mut Vec<String>,
) -> PodSpec {
    let PodVolume { size_gb, written } = volume;
    let spec = with(spec, runpod.network_volume_id.as_deref(), PodSpec::network_volume);
    let dropped = match (runpod.has_network_volume(), spec.get_vcpus()) {
        _ if size_gb == 0 => return spec,
        (true, _) => "a pod with a network volume has no pod volume",
        (false, Some(_)) => {
            "CPU pods have no pod volume, so a stop wipes everything; networkVolumeId keeps it"
        }
        (false, None) => {
            if let Some(written) = written.filter(|_| size_gb < SMALLEST_VOLUME_GB) {
                warnings.push(format!("{written} becomes 10: RunPod sells pod volumes of 10 GB and more"));
            }
            return spec.volume_gb(size_gb.max(SMALLEST_VOLUME_GB));
        }
    };
    warnings.extend(written.map(|written| format!("{written} was dropped: {dropped}")));
    spec
}

fn in_cloud(spec: PodSpec, runpod: &RunpodConfig, warnings: &mut Vec<String>) -> PodSpec {
    let cloud = runpod.cloud_type.unwrap_or_default();
    if cloud == CloudType::Community && spec.get_vcpus().is_some() {
        warnings.push("cloudType COMMUNITY was dropped: CPU pods exist in the secure cloud only".to_owned());
        return spec.cloud(Cloud::Secure);
    }
    match (runpod.any_cloud, &runpod.network_volume) {
        // Network volumes exist there only.
        (Some(true), Some(_)) => spec.cloud(Cloud::Secure),
        (Some(true), None) => spec.cloud(Cloud::Either),
        _ => spec.cloud(cloud.into()),
    }
}

/// The spec with its mount path, if it has one. A CPU pod without network volume has none.
fn mounted(spec: PodSpec, runpod: &RunpodConfig, warnings: &mut Vec<String>) -> PodSpec {
    let path = runpod.volume_mount_path.as_ref();
    if runpod.network_volume.is_some() {
        // It is mounted once it is known which one that is.
        return spec;
    }
    let is_dropped = spec.get_network_volume().is_none() && spec.get_vcpus().is_some();
    if let (Some(path), true) = (path, is_dropped) {
        warnings.push(format!("volumeMountPath ({path}) was dropped: the pod has no volume"));
    }
    with(spec, path.filter(|_| !is_dropped), PodSpec::mount_path)
}

fn warn_of_resources(config: &SindriConfig, warnings: &mut Vec<String>) {
    let resources = &config.deployment.resources;
    if let Some(memory) = &resources.memory {
        warnings.push(format!(
            "deployment.resources.memory ({memory}) has no effect: on RunPod it comes with the GPU or the vCPUs"
        ));
    }
    if let Some(memory) = resources.gpu.as_ref().and_then(|gpu| gpu.memory.as_deref()) {
        warnings.push(format!(
            "deployment.resources.gpu.memory ({memory}) has no effect: the tier or providers.runpod.gpuType decides it"
        ));
    }
    if let Some(vendor) =
        resources.gpu.as_ref().and_then(|gpu| gpu.vendor.as_deref()).filter(|it| *it != "nvidia")
    {
        warnings.push(format!(
            "deployment.resources.gpu.type ({vendor}) has no effect: providers.runpod.gpuType names the GPU"
        ));
    }
    if let Some(cpus) = resources.cpus {
        warnings.push(format!(
            "deployment.resources.cpus ({cpus}) has no effect: on RunPod they come with the GPU, or from providers.runpod.vcpuCount"
        ));
    }
}
