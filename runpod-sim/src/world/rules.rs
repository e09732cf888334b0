//! Rules of a create that reach across fields.

use axum::http::StatusCode;
use rand::{Rng, seq::IndexedRandom};
use serde_json::{Value, json};

use crate::{
    contract::Problem,
    world::{
        behavior::Behavior,
        capacity::{Capacity, Place, Used},
        catalog::{self, Cloud, CpuFlavor, GpuType},
        order::{CpuOrder, CreatePod, GpuOrder, Mounts},
        port::Port,
        store::Store,
        volume::Volume,
    },
};

/// RunPod's words for being out of stock.
pub(crate) const NO_INSTANCES: &str = "There are no longer any instances available with the requested specifications. Please refresh and try again.";
/// Refusal of a disk of its own for a CPU pod.
pub(crate) const NO_PERSISTENT: &str = "mounts.persistent is not available on CPU pods: use a network volume";
/// The largest request body RunPod takes, in bytes; what a template filled in counts too.
pub(crate) const MAX_BODY: usize = 102_400;
const NO_CONFIGURATION: &str = "You must either provide a template id or pod configuration parameters";

/// The compute of a pod.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Compute {
    Gpu { kind: &'static GpuType, count: u32 },
    Cpu { flavor: &'static CpuFlavor, vcpus: u32 },
}

impl Compute {
    pub(crate) fn type_id(&self) -> &'static str {
        match self {
            Self::Gpu { kind, .. } => kind.id,
            Self::Cpu { flavor, .. } => flavor.id,
        }
    }

    /// Units of stock it takes: GPUs or vCPUs.
    pub(crate) fn units(&self) -> u32 {
        match self {
            Self::Gpu { count, .. } => *count,
            Self::Cpu { vcpus, .. } => *vcpus,
        }
    }

    pub(crate) fn usd_per_hour(&self, cloud: Cloud) -> f64 {
        let exact = match self {
            Self::Gpu { kind, count } => kind.offer(cloud).price * f64::from(*count),
            Self::Cpu { flavor, vcpus } => flavor.price_per_vcpu * f64::from(*vcpus),
        };
        (exact * 10_000.0).round() / 10_000.0
    }

    fn data_centers(&self) -> &'static [&'static str] {
        match self {
            Self::Gpu { kind, .. } => kind.data_centers,
            Self::Cpu { flavor, .. } => flavor.data_centers,
        }
    }
}

/// A create request that broke no rule.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) compute: Compute,
    pub(crate) image: String,
    pub(crate) disk: u64,
    pub(crate) ports: Vec<Port>,
}

/// Refuses a request that its template made too large.
pub(crate) fn check_size(order: &CreatePod) -> Result<(), Box<Problem>> {
    let mut whole = serde_json::to_value(order).unwrap_or_default();
    if let Some(map) = whole.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    if whole.to_string().len() > MAX_BODY { Err(too_large()) } else { Ok(()) }
}

pub(crate) fn too_large() -> Box<Problem> {
    let detail = format!("the request body exceeds {MAX_BODY} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// Applies the rules that reach across fields.
pub(crate) fn check(
    order: &CreatePod,
    volumes: &Store<Volume>,
    behavior: &Behavior,
) -> Result<Accepted, Box<Problem>> {
    check_words(order, behavior)?;
    let compute = match (&order.gpu, &order.cpu) {
        (Some(_), Some(_)) => {
            return Err(Problem::bad_request("gpu and cpu are mutually exclusive: send exactly one"));
        }
        (None, None) => return Err(Problem::bad_request("exactly one of gpu or cpu is required")),
        (Some(gpu), None) => gpu_compute(gpu, order.cloud)?,
        (None, Some(cpu)) => cpu_compute(cpu, order, behavior)?,
    };
    if behavior.refuse_pinned_community
        && order.cloud == Cloud::Community
        && !order.data_center_ids.is_empty()
    {
        return Err(Problem::bad_request(NO_INSTANCES));
    }
    check_mounts(&order.mounts, order.cloud, &order.data_center_ids, volumes)?;
    let global = matches!(compute, Compute::Gpu { kind, .. } if kind.manufacturer == "NVIDIA");
    if order.global_networking && !global {
        return Err(Problem::bad_request("globalNetworking requires an NVIDIA GPU"));
    }
    let (Some(image), Some(disk)) = (order.image.clone(), order.disk) else {
        return Err(Problem::bad_request(NO_CONFIGURATION));
    };
    Ok(Accepted { compute, image, disk, ports: ports(order.ports.as_deref().unwrap_or_default())? })
}

/// `entrypoint` and `cmd` stand beside `args` only if both say the same; an older v2 knows only `args`.
fn check_words(order: &CreatePod, behavior: &Behavior) -> Result<(), Box<Problem>> {
    let given = [("cmd", &order.cmd), ("entrypoint", &order.entrypoint)];
    let given: Vec<_> = given.into_iter().filter(|(_, words)| words.is_some()).collect();
    let Some((first, _)) = given.first() else { return Ok(()) };
    if !behavior.entrypoint_and_cmd {
        return Err(Problem::invalid(vec![format!("$: additional properties '{first}' not allowed")]));
    }
    let args = order.args.as_deref().unwrap_or_default();
    let said: Value = serde_json::from_str(args).unwrap_or_default();
    let same = |(name, words): &(&str, &Option<Vec<String>>)| json!(words) == said[*name];
    if args.is_empty() || (said.is_object() && given.iter().all(same)) {
        return Ok(());
    }
    Err(Problem::bad_request("args cannot be combined with entrypoint or cmd unless both say the same"))
}

fn gpu_compute(order: &GpuOrder, cloud: Cloud) -> Result<Compute, Box<Problem>> {
    let Some(kind) = catalog::gpu(&order.id).filter(|kind| kind.manufacturer != "UNKNOWN") else {
        let text = format!("Unknown GPU type: {}", order.id);
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, text));
    };
    if !order.allowed_cuda_versions.is_empty() && order.min_cuda_version.is_some() {
        return Err(Problem::bad_request(
            "gpu.allowedCudaVersions and gpu.minCudaVersion are mutually exclusive",
        ));
    }
    let most = kind.secure.max_count.max(kind.community.max_count);
    // Without a count no machine matches.
    let Some(count) = order.count else { return Err(Problem::bad_request(NO_INSTANCES)) };
    if count > most {
        let detail = format!("gpu.count {count} exceeds the maximum of {most} for {}", kind.id);
        return Err(Problem::bad_request(detail));
    }
    let too_small = kind.ram_gb < order.min_ram_per_gpu || kind.vcpus < order.min_vcpu_count_per_gpu;
    if count > kind.offer(cloud).max_count || too_small {
        return Err(Problem::bad_request(NO_INSTANCES));
    }
    Ok(Compute::Gpu { kind, count })
}

fn cpu_compute(order: &CpuOrder, whole: &CreatePod, behavior: &Behavior) -> Result<Compute, Box<Problem>> {
    let Some(flavor) = catalog::cpu(&order.id) else {
        return Err(Problem::bad_request(format!("Unknown CPU flavor: {}", order.id)));
    };
    let (min, max, vcpus) = (flavor.min_vcpus, flavor.max_vcpus, order.vcpu_count);
    if !vcpus.is_power_of_two() || !(min..=max).contains(&vcpus) {
        let detail = format!("cpu.vcpuCount must be a power of two from {min} to {max} for {}", flavor.id);
        return Err(Problem::bad_request(detail));
    }
    if whole.mounts.persistent.is_some() {
        return Err(Problem::bad_request(NO_PERSISTENT));
    }
    if whole.cloud == Cloud::Community {
        return Err(Problem::bad_request(NO_INSTANCES));
    }
    let most = u64::from(vcpus) * flavor.disk_gb_per_vcpu();
    if behavior.disk_caps && whole.disk.is_some_and(|disk| disk > most) {
        let detail = format!("disk must be at most {most} GB for {vcpus} vCPUs of {}", flavor.id);
        return Err(Problem::bad_request(detail));
    }
    Ok(Compute::Cpu { flavor, vcpus })
}

/// The rules of storage, for a pod in a cloud and, unless the list is empty, in one of some data centers.
pub(crate) fn check_mounts(
    mounts: &Mounts,
    cloud: Cloud,
    data_centers: &[String],
    volumes: &Store<Volume>,
) -> Result<(), Box<Problem>> {
    if mounts.persistent.is_some() && mounts.network.is_some() {
        return Err(Problem::bad_request("mounts.persistent and mounts.network are mutually exclusive"));
    }
    if mounts.network.as_ref().is_some_and(Vec::is_empty) {
        return Err(Problem::bad_request("mounts.network must name a volume"));
    }
    let Some(id) = mounts.network_volume() else { return Ok(()) };
    let volume = volumes.get(id).ok_or_else(|| Problem::not_found("network volume"))?;
    if cloud == Cloud::Community {
        return Err(Problem::bad_request("network volumes are available in the SECURE cloud only"));
    }
    if !data_centers.is_empty() && !data_centers.contains(&volume.data_center) {
        let detail = format!(
            "network volume \"{id}\" is in {}, which dataCenterIds does not include",
            volume.data_center
        );
        return Err(Problem::bad_request(detail));
    }
    Ok(())
}

/// The ports a pod asks for.
pub(crate) fn ports(texts: &[String]) -> Result<Vec<Port>, Box<Problem>> {
    let parse = |text: &String| {
        Port::parse(text).ok_or_else(|| {
            Problem::bad_request(format!(
                "ports: \"{text}\" is not of the form <1-65535>/<http|tcp|udp> or <70000-99999>/tcp"
            ))
        })
    };
    texts.iter().map(parse).collect()
}

/// Finds a machine: its place and the CUDA version it reports.
pub(crate) fn place(
    order: &CreatePod,
    compute: &Compute,
    volumes: &Store<Volume>,
    capacity: &Capacity,
    used: Used<'_>,
    rng: &mut impl Rng,
) -> Result<(Place, Option<&'static str>), Box<Problem>> {
    let volume = order.mounts.network_volume().and_then(|id| volumes.get(id));
    let wanted = |center: &str| match volume {
        Some(volume) => volume.data_center == center,
        None => order.data_center_ids.is_empty() || order.data_center_ids.iter().any(|id| id == center),
    };
    let global = |center: &str| {
        !order.global_networking || catalog::data_center(center).is_some_and(|center| center.global_network)
    };
    let place_in = |center: &&str| Place {
        type_id: compute.type_id().to_owned(),
        data_center: (*center).to_owned(),
        cloud: order.cloud,
    };
    let centers = compute.data_centers().iter().filter(|center| wanted(center) && global(center));
    let free: Vec<Place> =
        centers.map(place_in).filter(|place| capacity.fits(place, compute.units(), used)).collect();
    let cuda = cuda_versions(order.gpu.as_ref(), compute);
    let host = cuda.choose(rng).copied();
    match free.choose(rng) {
        Some(place) if host.is_some() || !constrains_cuda(order.gpu.as_ref()) => Ok((place.clone(), host)),
        _ => Err(Problem::bad_request(NO_INSTANCES)),
    }
}

fn constrains_cuda(order: Option<&GpuOrder>) -> bool {
    order.is_some_and(|gpu| !gpu.allowed_cuda_versions.is_empty() || gpu.min_cuda_version.is_some())
}

fn cuda_versions(order: Option<&GpuOrder>, compute: &Compute) -> Vec<&'static str> {
    let (Some(order), Compute::Gpu { kind, .. }) = (order, compute) else { return Vec::new() };
    let allowed = |version: &&str| {
        (order.allowed_cuda_versions.is_empty()
            || order.allowed_cuda_versions.iter().any(|text| text == version))
            && order
                .min_cuda_version
                .as_deref()
                .is_none_or(|least| version_key(version) >= version_key(least))
    };
    kind.cuda.iter().copied().filter(allowed).collect()
}

/// Orders `major.minor` numerically, so that 12.11 comes after 12.2.
pub(crate) fn version_key(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(u64::MAX)).collect()
}
