//! Settings that a config gives in so many words, and everything that is wrong with them by themselves.

use runpod_lifecycle::{Port, Protocol};

use crate::{
    CloudType, ConfigError, ConfigProblem, GpuTypes, RunpodConfig, SindriConfig,
    config::{runpod::DEFAULT_VOLUME_GB, user_problem},
};

/// The most GPUs of a pod.
const MOST_GPUS: u32 = 16;
/// The longest lifetime in hours: a century.
const MOST_HOURS: f64 = 876_000.0;

/// Settings that a config gives in so many words.
pub(crate) struct Wanted {
    /// Flavor and vCPUs.
    pub(super) cpu: Option<(String, Option<u32>)>,
    pub(super) image: Option<String>,
    pub(super) volume: PodVolume,
}

impl Wanted {
    /// Reads it off a config, or tells of everything that is wrong with that.
    pub(super) fn by(config: &SindriConfig, runpod: &RunpodConfig) -> Result<Self, ConfigError> {
        let mut problems = problems(config, runpod);
        let (cpu, image) = (instance(runpod), config.deployment.image());
        let volume = PodVolume::wanted(config, runpod);
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

/// Everything wrong with a config that can be told without asking RunPod.
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
    problems.extend(limit_problems(runpod));
    problems.extend(volume_problem(runpod));
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

/// Everything wrong with RunPod's own settings about needs, money and time.
fn limit_problems(runpod: &RunpodConfig) -> Vec<ConfigProblem> {
    let mut problems = Vec::new();
    let mut refuse =
        |key, value: String, allowed: &str| problems.push(ConfigProblem::new(key, value, allowed));
    if runpod.min_vram_gb == Some(0) {
        refuse("providers.runpod.minVramGb", "0".to_owned(), "a GPU has at least 1 GB");
    }
    if runpod.patience_minutes == Some(0) {
        refuse(
            "providers.runpod.patienceMinutes",
            "0".to_owned(),
            "at least 1 minute; leave it out for none",
        );
    }
    if runpod.idle_minutes == Some(0) {
        refuse("providers.runpod.idleMinutes", "0".to_owned(), "at least 1 minute");
    }
    if let Some(limit) = runpod.max_usd_per_hour.filter(|limit| !(limit.is_finite() && *limit > 0.0)) {
        refuse("providers.runpod.maxUsdPerHour", limit.to_string(), "a price limit is more than 0");
    }
    if let Some(hours) = runpod.lifetime_hours.filter(|hours| !(0.01..=MOST_HOURS).contains(hours)) {
        let allowed = "a lifetime is 0.01 to 876000 hours";
        refuse("providers.runpod.lifetimeHours", hours.to_string(), allowed);
    }
    if runpod.job.as_ref().is_some_and(|job| job.timeout_minutes == Some(0)) {
        let allowed = "at least 1 minute; leave it out for none";
        refuse("providers.runpod.job.timeoutMinutes", "0".to_owned(), allowed);
    }
    if runpod.job.as_ref().is_some_and(|job| job.command.is_empty()) {
        let allowed = "a list of words, or a line for sh";
        refuse("providers.runpod.job.command", String::new(), allowed);
    }
    if runpod.at_end.is_some() && runpod.lifetime_hours.is_none() {
        refuse(
            "providers.runpod.atEnd",
            String::new(),
            "it is about the end of a lifetime: set lifetimeHours as well",
        );
    }
    problems
}

/// The problem of a network volume by its name.
fn volume_problem(runpod: &RunpodConfig) -> Option<ConfigProblem> {
    let volume = runpod.network_volume.as_ref()?;
    let allowed = if runpod.network_volume_id.is_some() {
        "networkVolumeId names one already: leave one of them out"
    } else if runpod.cloud_type == Some(CloudType::Community) {
        "network volumes exist in the secure cloud only: leave cloudType out"
    } else if volume.name.trim().is_empty() || !(10..=4096).contains(&volume.size_gb) {
        "a network volume has a name, and 10 to 4096 GB"
    } else {
        return None;
    };
    let value = format!("{} ({} GB)", volume.name, volume.size_gb);
    Some(ConfigProblem::new("providers.runpod.networkVolume", value, allowed))
}

/// Returns true if nothing but a pod volume could be mounted.
fn mounts_nothing(config: &SindriConfig, runpod: &RunpodConfig) -> bool {
    !is_cpu(config, runpod) && !runpod.has_network_volume()
}

/// Returns true for two or three letters, as REST v1's country codes were: every data center's id has more.
fn is_country(region: &str) -> bool {
    (2..=3).contains(&region.len()) && region.bytes().all(|byte| byte.is_ascii_alphabetic())
}

pub(super) fn is_cpu(config: &SindriConfig, runpod: &RunpodConfig) -> bool {
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

/// The pod volume that a config asks for.
#[derive(Debug, Default)]
pub(super) struct PodVolume {
    /// 0 for none, or for a template's own.
    pub(super) size_gb: u32,
    /// Key and value as written; `None` if nothing is.
    pub(super) written: Option<String>,
}

impl PodVolume {
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
}
