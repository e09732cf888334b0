//! From a config to the pod it asks for.

use std::time::Duration;

use runpod_lifecycle::{ApiVersion, IfExists, PodSpec, Port, Protocol};

use crate::{
    CloudType, ConfigError, ConfigProblem, GpuTypes, RunpodConfig, SindriConfig,
    config::{
        runpod::{DEFAULT_GPU, DEFAULT_VCPUS, DEFAULT_VOLUME_GB},
        user_problem,
    },
};

/// The image when a config names none.
const DEFAULT_IMAGE: &str = "runpod/pytorch:latest";
/// The CPU flavor on REST v1 when a config names none.
const FLAVOR_ON_V1: &str = "cpu3c";
/// The most GPUs of a pod.
const MOST_GPUS: u32 = 16;
/// The smallest pod volume RunPod sells, in GB.
const SMALLEST_VOLUME_GB: u32 = 10;

/// The longest lifetime in hours: a century.
const MOST_HOURS: f64 = 876_000.0;

/// A config with every default filled in, as the facade wants it.
#[derive(Clone, Debug)]
pub(crate) struct Blueprint {
    pub(crate) version: ApiVersion,
    pub(crate) spec: PodSpec,
    pub(crate) compute: Compute,
    /// `None` if a template names it.
    pub(crate) image: Option<String>,
    pub(crate) cloud: CloudType,
    /// `None` if the config does not say.
    pub(crate) container_disk_gb: Option<u32>,
    /// 0 for none, or for a template's own.
    pub(crate) volume_gb: u32,
    pub(crate) network_volume: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) ports: Vec<String>,
    pub(crate) public_ip: bool,
    pub(crate) spot: bool,
    pub(crate) starts_ssh: bool,
    /// Settings that were dropped or assumed.
    pub(crate) warnings: Vec<String>,
}

/// The hardware a config asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Compute {
    Gpu { types: Vec<String>, count: u32 },
    Cpu { flavor: Option<String>, vcpus: u32 },
}

impl Compute {
    /// The same for a version of the API: REST v1 has no catalog to choose a CPU flavor from.
    fn on(self, version: ApiVersion, warnings: &mut Vec<String>) -> Self {
        match self {
            Self::Cpu { flavor: None, vcpus } if version != ApiVersion::V2 => {
                warnings.push(format!(
                    "REST v1 names no CPU flavors: {FLAVOR_ON_V1} is used; cpuInstanceId names another"
                ));
                Self::Cpu { flavor: Some(FLAVOR_ON_V1.to_owned()), vcpus }
            }
            compute => compute,
        }
    }
}

impl Blueprint {
    /// Checks a config and fills in every default. Sends nothing.
    pub(crate) fn new(config: &SindriConfig, version: ApiVersion) -> Result<Self, ConfigError> {
        let runpod = config.runpod();
        if runpod.spot == Some(true) && version == ApiVersion::V2 {
            return Err(ConfigError::SpotUnsupported);
        }
        let Wanted { cpu, image: named, volume } = Wanted::by(config, &runpod)?;
        let mut warnings = Vec::new();
        let compute = compute(config, &runpod, cpu, &mut warnings).on(version, &mut warnings);
        let image = image(named, &runpod, &mut warnings);
        let region = region(&runpod, &mut warnings);
        let ports = runpod.open_ports();
        let has_template = runpod.template_id.is_some();
        // Which ports a template opens shows once the pod is there.
        let is_ssh_likely = has_template && ports.is_empty() || ports.contains(&Port::SSH.to_string());
        let mut blueprint = Self {
            version,
            spec: spec(&config.name, &compute, image.as_deref(), &runpod),
            volume_gb: volume.on(&compute, &runpod, &mut warnings),
            cloud: cloud(&compute, &runpod, &mut warnings),
            container_disk_gb: runpod.container_disk_gb,
            network_volume: runpod.network_volume_id,
            region,
            public_ip: runpod.public_ip.unwrap_or(false),
            spot: runpod.spot.unwrap_or(false),
            compute,
            image,
            ports,
            starts_ssh: runpod.start_ssh.unwrap_or(is_ssh_likely),
            warnings,
        };
        blueprint.warn_of_resources(config);
        let mount_path = blueprint.mount_path(runpod.volume_mount_path);
        // With a template only what is written here is sent.
        let start_ssh = runpod.start_ssh.or((!has_template).then_some(blueprint.starts_ssh));
        blueprint.spec = blueprint.complete(mount_path, start_ssh);
        blueprint.spec.validate()?;
        Ok(blueprint)
    }

    /// The spec with everything that does not depend on the kind of hardware.
    fn complete(&self, mount_path: Option<String>, start_ssh: Option<bool>) -> PodSpec {
        let mut spec = self
            .spec
            .clone()
            .cloud(self.cloud.into())
            .interruptible(self.spot)
            // REST v2 has no such switch: a tcp port brings a public address.
            .public_ip(self.public_ip && self.version != ApiVersion::V2);
        spec = mount_path.into_iter().fold(spec, PodSpec::mount_path);
        spec = self.container_disk_gb.into_iter().fold(spec, PodSpec::container_disk_gb);
        spec = start_ssh.into_iter().fold(spec, PodSpec::ssh);
        for port in &self.ports {
            spec = spec.port(port);
        }
        if let Some(region) = &self.region {
            spec = spec.data_center(region);
        }
        match &self.network_volume {
            Some(id) => spec.network_volume(id),
            None if self.volume_gb > 0 => spec.volume_gb(self.volume_gb),
            None => spec,
        }
    }

    /// Mount path of the volume, if the config gives one. A CPU pod without network volume has none.
    fn mount_path(&mut self, path: Option<String>) -> Option<String> {
        let is_dropped = self.network_volume.is_none() && matches!(self.compute, Compute::Cpu { .. });
        if let (Some(path), true) = (&path, is_dropped) {
            self.warnings.push(format!("volumeMountPath ({path}) was dropped: the pod has no volume"));
        }
        path.filter(|_| !is_dropped)
    }

    fn warn_of_resources(&mut self, config: &SindriConfig) {
        let resources = &config.deployment.resources;
        if let Some(memory) = &resources.memory {
            self.warnings.push(format!(
                "deployment.resources.memory ({memory}) has no effect: on RunPod it comes with the GPU or the vCPUs"
            ));
        }
        if let Some(memory) = resources.gpu.as_ref().and_then(|gpu| gpu.memory.as_deref()) {
            self.warnings.push(format!(
                "deployment.resources.gpu.memory ({memory}) has no effect: the tier or providers.runpod.gpuType decides it"
            ));
        }
        if let Some(vendor) =
            resources.gpu.as_ref().and_then(|gpu| gpu.vendor.as_deref()).filter(|it| *it != "nvidia")
        {
            self.warnings.push(format!(
                "deployment.resources.gpu.type ({vendor}) has no effect: providers.runpod.gpuType names the GPU"
            ));
        }
        if let Some(cpus) = resources.cpus {
            self.warnings.push(format!(
                "deployment.resources.cpus ({cpus}) has no effect: on RunPod they come with the GPU, or from providers.runpod.vcpuCount"
            ));
        }
    }

    /// The spec that replaces an environment of its name, or does not.
    pub(crate) fn spec(&self, force: bool) -> PodSpec {
        self.spec.clone().if_exists(if force { IfExists::Replace } else { IfExists::Fail })
    }

    /// Settings that would widen the search, in the words of sindri.yaml.
    pub(crate) fn suggestions(&self) -> Vec<&'static str> {
        let mut suggestions = Vec::new();
        if self.network_volume.is_some() {
            suggestions.push("a networkVolumeId in another data center");
        } else if self.region.is_some() {
            suggestions.push("no region");
        }
        match self.compute {
            Compute::Gpu { count, .. } => {
                suggestions.push("another gpuType (a list is tried in order)");
                suggestions.push("a pool such as gpuType: AMPERE_24");
                if count > 1 {
                    suggestions.push("a smaller gpuCount");
                }
            }
            Compute::Cpu { .. } => suggestions.push("another vcpuCount"),
        }
        match (&self.compute, self.cloud) {
            (Compute::Cpu { .. }, _) => {}
            _ if self.network_volume.is_some() => {}
            (_, CloudType::Secure) => suggestions.push("cloudType: COMMUNITY"),
            (_, CloudType::Community) => suggestions.push("cloudType: SECURE"),
        }
        suggestions
    }
}

/// Settings that a config gives in so many words.
struct Wanted {
    /// Flavor and vCPUs.
    cpu: Option<(String, Option<u32>)>,
    image: Option<String>,
    volume: Volume,
}

impl Wanted {
    /// Reads it off a config, or tells of everything that is wrong with that.
    fn by(config: &SindriConfig, runpod: &RunpodConfig) -> Result<Self, ConfigError> {
        let mut problems = problems(config, runpod);
        let (cpu, image) = (instance(runpod), config.deployment.image());
        let volume = Volume::wanted(config, runpod);
        let has_none = volume.as_ref().is_ok_and(|volume| volume.size_gb == 0);
        let path = runpod.volume_mount_path.as_ref().filter(|_| has_none && mounts_nothing(config, runpod));
        problems.extend(path.map(|path| {
            let allowed = "nothing would be mounted there: set volumeSizeGb or networkVolumeId as well";
            ConfigProblem::new("providers.runpod.volumeMountPath", path, allowed)
        }));
        match (cpu, image, volume) {
            (Ok(cpu), Ok(image), Ok(volume)) if problems.is_empty() => Ok(Self { cpu, image, volume }),
            (cpu, image, volume) => {
                problems.extend(cpu.err().into_iter().chain(image.err()).chain(volume.err()));
                Err(ConfigError::Invalid(problems))
            }
        }
    }
}

/// Everything wrong with a config that does not need a look at RunPod.
fn problems(config: &SindriConfig, runpod: &RunpodConfig) -> Vec<ConfigProblem> {
    let mut problems = Vec::new();
    let mut refuse =
        |key, value: String, allowed: &str| problems.push(ConfigProblem::new(key, value, allowed));
    if let Some(provider) = config.deployment.provider.as_deref().filter(|provider| *provider != "runpod") {
        refuse("deployment.provider", provider.to_owned(), "this provider deploys to runpod only");
    }
    if let Some(bid) = runpod.spot_bid.filter(|bid| *bid != 0.0) {
        let allowed = "RunPod's REST APIs take no bids; leave it out, or 0 for on demand";
        refuse("providers.runpod.spotBid", bid.to_string(), allowed);
    }
    let types = runpod.gpu_type.as_ref().map(GpuTypes::ids);
    if types.is_some_and(|types| types.is_empty() || types.iter().any(|id| id.trim().is_empty())) {
        refuse("providers.runpod.gpuType", String::new(), "name a GPU type or pool, for example ADA_24");
    }
    let gpu = config.deployment.resources.gpu.as_ref();
    for (key, count) in [
        ("providers.runpod.gpuCount", runpod.gpu_count),
        ("deployment.resources.gpu.count", gpu.and_then(|gpu| gpu.count)),
    ] {
        if let Some(count) = count.filter(|count| !(1..=MOST_GPUS).contains(count)) {
            refuse(key, count.to_string(), "a pod has 1 to 16 GPUs");
        }
    }
    if let Some(count) = runpod.vcpu_count.filter(|count| *count < 2 || !count.is_power_of_two()) {
        refuse("providers.runpod.vcpuCount", count.to_string(), "REST v2 takes a power of two, at least 2");
    }
    if let Some(problem) = runpod.ssh_user.as_deref().and_then(user_problem) {
        problems.push(problem);
    }
    problems.extend(settings_problems(runpod));
    problems
}

/// Everything wrong with RunPod's own settings about storage and ports.
fn settings_problems(runpod: &RunpodConfig) -> Vec<ConfigProblem> {
    let mut problems = Vec::new();
    let mut refuse =
        |key, value: String, allowed: &str| problems.push(ConfigProblem::new(key, value, allowed));
    if runpod.container_disk_gb == Some(0) {
        refuse("providers.runpod.containerDiskGb", "0".to_owned(), "a container disk has at least 1 GB");
    }
    if let Some(path) = runpod.volume_mount_path.as_ref().filter(|path| !path.starts_with('/')) {
        let allowed = "a mount path is absolute, for example /workspace";
        refuse("providers.runpod.volumeMountPath", path.clone(), allowed);
    }
    if let Some(country) = runpod.region.as_ref().filter(|region| is_country(region)) {
        let allowed =
            "that is a country: RunPod takes a data center, for example US-CA-2; leave it out for any";
        refuse("providers.runpod.region", country.clone(), allowed);
    }
    if let Some(hours) = runpod.lifetime_hours.filter(|hours| !(0.01..=MOST_HOURS).contains(hours)) {
        let allowed = "a lifetime is 0.01 to 876000 hours";
        refuse("providers.runpod.lifetimeHours", hours.to_string(), allowed);
    }
    if runpod.at_end.is_some() && runpod.lifetime_hours.is_none() {
        refuse(
            "providers.runpod.atEnd",
            String::new(),
            "it is about the end of a lifetime: set lifetimeHours as well",
        );
    }
    let ports = runpod.open_ports();
    for port in &ports {
        if let Err(invalid) = port.parse::<Port>() {
            refuse("providers.runpod.ports", port.clone(), &invalid.to_string());
        }
    }
    let is_tcp = |port: &String| port.parse::<Port>().is_ok_and(|port| port.protocol() == Protocol::Tcp);
    let are_known = runpod.template_id.is_none() || !ports.is_empty();
    if runpod.public_ip == Some(true) && are_known && !ports.iter().any(is_tcp) {
        let allowed = "a public address is for tcp ports: open 22/tcp or another tcp port in ports";
        refuse("providers.runpod.publicIp", "true".to_owned(), allowed);
    }
    problems
}

/// Returns true if nothing but a pod volume could be mounted.
fn mounts_nothing(config: &SindriConfig, runpod: &RunpodConfig) -> bool {
    !is_cpu(config, runpod) && runpod.network_volume_id.is_none()
}

/// Returns true for two or three letters, as REST v1's country codes were: every data center's id has more.
fn is_country(region: &str) -> bool {
    (2..=3).contains(&region.len()) && region.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_cpu(config: &SindriConfig, runpod: &RunpodConfig) -> bool {
    let gpu = config.deployment.resources.gpu.as_ref();
    runpod.cpu_only == Some(true) || gpu.is_some_and(|gpu| gpu.enabled == Some(false))
}

/// Flavor and vCPUs of a `cpuInstanceId` such as `cpu3c-2-4`.
fn instance(runpod: &RunpodConfig) -> Result<Option<(String, Option<u32>)>, ConfigProblem> {
    let Some(id) = &runpod.cpu_instance_id else { return Ok(None) };
    let refuse = |allowed| ConfigProblem::new("providers.runpod.cpuInstanceId", id, allowed);
    let mut parts = id.split('-');
    let flavor = parts.next().filter(|flavor| !flavor.is_empty()).unwrap_or_default().to_owned();
    let numbers: Result<Vec<u32>, _> = parts.map(str::parse).collect();
    match numbers.as_deref() {
        Ok([]) if !flavor.is_empty() => Ok(Some((flavor, None))),
        Ok([vcpus] | [vcpus, _]) if !flavor.is_empty() && *vcpus >= 2 && vcpus.is_power_of_two() => {
            match runpod.vcpu_count {
                Some(count) if count != *vcpus => {
                    Err(refuse("it contradicts vcpuCount; leave one of them out"))
                }
                _ => Ok(Some((flavor, Some(*vcpus)))),
            }
        }
        _ => Err(refuse(
            "it is written FLAVOR-VCPUS-MEMORY, for example cpu3c-2-4, with a power of two of vCPUs",
        )),
    }
}

fn compute(
    config: &SindriConfig,
    runpod: &RunpodConfig,
    cpu: Option<(String, Option<u32>)>,
    warnings: &mut Vec<String>,
) -> Compute {
    let gpu = config.deployment.resources.gpu.clone().unwrap_or_default();
    if is_cpu(config, runpod) {
        if runpod.gpu_type.is_some() {
            warnings.push("gpuType was dropped: this is a CPU pod".to_owned());
        }
        let (flavor, vcpus) = cpu.map_or((None, None), |(flavor, vcpus)| (Some(flavor), vcpus));
        return Compute::Cpu { flavor, vcpus: vcpus.or(runpod.vcpu_count).unwrap_or(DEFAULT_VCPUS) };
    }
    for (key, set) in [("vcpuCount", runpod.vcpu_count.is_some()), ("cpuInstanceId", cpu.is_some())] {
        if set {
            warnings.push(format!("{key} was dropped: this is a GPU pod; set cpuOnly: true for a CPU pod"));
        }
    }
    let types = match (&runpod.gpu_type, gpu.tier) {
        (Some(types), _) => types.ids(),
        (None, Some(tier)) => vec![tier.pool().to_owned()],
        (None, None) => vec![DEFAULT_GPU.to_owned()],
    };
    Compute::Gpu { types, count: runpod.gpu_count.or(gpu.count).unwrap_or(1) }
}

fn image(named: Option<String>, runpod: &RunpodConfig, warnings: &mut Vec<String>) -> Option<String> {
    match (&runpod.template_id, named) {
        (Some(_), Some(image)) => {
            warnings.push(format!("deployment.image ({image}) was dropped: templateId names the image"));
            None
        }
        (Some(_), None) => None,
        (None, Some(image)) => Some(image),
        (None, None) => {
            warnings.push(format!("deployment.image is not set: {DEFAULT_IMAGE} is used"));
            Some(DEFAULT_IMAGE.to_owned())
        }
    }
}

fn spec(name: &str, compute: &Compute, image: Option<&str>, runpod: &RunpodConfig) -> PodSpec {
    let image = image.unwrap_or(DEFAULT_IMAGE);
    let spec = match compute {
        Compute::Gpu { types, count } => PodSpec::gpu(name, image, types).gpu_count(*count),
        Compute::Cpu { flavor, vcpus } => {
            let spec = PodSpec::cpu(name, image, *vcpus);
            flavor.iter().fold(spec, |spec, flavor| spec.cpu_flavor(flavor))
        }
    };
    let spec = runpod.template_id.iter().fold(spec, PodSpec::template);
    let spec = runpod.registry_id.iter().fold(spec, PodSpec::registry);
    let lifetime = runpod.lifetime_hours.map(|hours| Duration::from_secs_f64(hours * 3600.0));
    let spec = lifetime.into_iter().fold(spec, PodSpec::lifetime);
    runpod.at_end.into_iter().fold(spec, |spec, end| spec.at_end(end.into()))
}

/// The pod volume that a config asks for.
#[derive(Debug, Default)]
struct Volume {
    /// 0 for none, or for a template's own.
    size_gb: u32,
    /// Key and value as written; `None` if nothing is.
    written: Option<String>,
}

impl Volume {
    fn wanted(config: &SindriConfig, runpod: &RunpodConfig) -> Result<Self, ConfigProblem> {
        let workspace = config.deployment.workspace()?;
        Ok(match (runpod.volume_size_gb, workspace) {
            (Some(size_gb), _) => Self { size_gb, written: Some(format!("volumeSizeGb ({size_gb})")) },
            (None, Some((size_gb, text))) => {
                Self { size_gb, written: Some(format!("deployment.volumes.workspace.size ({text})")) }
            }
            (None, None) if runpod.template_id.is_some() => Self::default(),
            (None, None) => Self { size_gb: DEFAULT_VOLUME_GB, written: None },
        })
    }

    /// The size that is really asked for; 0 for none.
    fn on(self, compute: &Compute, runpod: &RunpodConfig, warnings: &mut Vec<String>) -> u32 {
        let Self { size_gb, written } = self;
        let dropped = match (compute, &runpod.network_volume_id) {
            _ if size_gb == 0 => return 0,
            (_, Some(_)) => "a pod with a network volume has no pod volume",
            (Compute::Cpu { .. }, None) => {
                "CPU pods have no pod volume, so a stop wipes everything; networkVolumeId keeps it"
            }
            (Compute::Gpu { .. }, None) => {
                if let Some(written) = written.filter(|_| size_gb < SMALLEST_VOLUME_GB) {
                    warnings
                        .push(format!("{written} becomes 10: RunPod sells pod volumes of 10 GB and more"));
                }
                return size_gb.max(SMALLEST_VOLUME_GB);
            }
        };
        warnings.extend(written.map(|written| format!("{written} was dropped: {dropped}")));
        0
    }
}

fn region(runpod: &RunpodConfig, warnings: &mut Vec<String>) -> Option<String> {
    let region = runpod.region.clone().filter(|region| !region.is_empty());
    if runpod.region.is_some() && region.is_none() {
        warnings.push("region is empty: any data center will do".to_owned());
    }
    region
}

fn cloud(compute: &Compute, runpod: &RunpodConfig, warnings: &mut Vec<String>) -> CloudType {
    match (compute, runpod.cloud_type.unwrap_or_default()) {
        (Compute::Cpu { .. }, CloudType::Community) => {
            warnings
                .push("cloudType COMMUNITY was dropped: CPU pods exist in the secure cloud only".to_owned());
            CloudType::Secure
        }
        (_, cloud) => cloud,
    }
}
