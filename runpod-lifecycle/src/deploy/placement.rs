//! What a deploy asks RunPod for, in which order.

use std::{cmp::Reverse, fmt};

use crate::{
    Cloud, CpuFlavor, DeployError, Error, Event, GpuType, PodSpec, Problem, RunPod, SpecError, Stock,
    catalog::stock_in,
    client::{Call, Feature},
    spec::{CpuSpec, GpuSpec, HardwareSpec},
};

/// In which order a deploy tries its candidates.
///
/// The catalog's stock and prices order candidates; they never rule one out, since stock changes
/// between the look and the create.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// As the spec names them; a pool in the catalog's order. The default.
    #[default]
    AsGiven,
    /// By list price, the lowest first.
    Cheapest,
    /// By stock, the best first.
    MostAvailable,
}

/// The hardware of one candidate: RunPod takes exactly one per create.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hardware {
    /// So many GPUs of one type.
    Gpu {
        /// GPU type id.
        id: String,
        /// How many.
        count: u32,
    },
    /// So many GPUs of whichever of these types RunPod has, in order of preference. Only REST v1
    /// chooses by itself.
    AnyGpu {
        /// GPU type ids.
        ids: Vec<String>,
        /// How many.
        count: u32,
    },
    /// So many vCPUs of one flavor.
    Cpu {
        /// CPU flavor id.
        flavor: String,
        /// How many.
        vcpus: u32,
    },
}

impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gpu { id, count } => write!(f, "{count}x {id}"),
            Self::AnyGpu { ids, count } => write!(f, "{count}x {}", ids.join(" or ")),
            Self::Cpu { flavor, vcpus } => write!(f, "{vcpus} vCPUs of {flavor}"),
        }
    }
}

/// One thing a deploy may ask RunPod for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// The hardware.
    pub hardware: Hardware,
    /// The cloud, never [`Cloud::Either`].
    pub cloud: Cloud,
    /// List price of the whole pod without storage in USD per hour; `None` if the cloud does not
    /// offer it or the catalog does not say.
    pub price_usd_per_hour: Option<f64>,
    /// Stock in the data centers allowed; `None` if the catalog does not say.
    pub stock: Option<Stock>,
}

/// Where a spec may go, after everything that had to be looked up was.
#[derive(Clone, Debug)]
pub(crate) struct Placement {
    pub(crate) candidates: Vec<Candidate>,
    /// Allowed data centers; empty for any.
    pub(crate) data_centers: Vec<String>,
}

impl RunPod {
    /// Looks up what a spec leaves to RunPod's catalog: pools, flavors, the network volume's data center.
    pub(crate) async fn placement(&self, spec: &PodSpec) -> Result<Placement, DeployError> {
        spec.check_version(self.version()).map_err(DeployError::Spec)?;
        let data_centers = self.data_centers(spec).await?;
        let clouds: &[Cloud] = match (spec.cloud, &spec.hardware) {
            (Cloud::Either, HardwareSpec::Gpu(_)) => &[Cloud::Secure, Cloud::Community],
            (Cloud::Community, HardwareSpec::Gpu(_)) => &[Cloud::Community],
            // CPU pods exist in the secure cloud only.
            _ => &[Cloud::Secure],
        };
        let mut candidates = Vec::new();
        for &cloud in clouds {
            candidates.extend(match &spec.hardware {
                HardwareSpec::Gpu(gpu) => self.gpu_candidates(gpu, cloud, &data_centers).await?,
                HardwareSpec::Cpu(cpu) => self.cpu_candidates(cpu, cloud, &data_centers).await?,
            });
        }
        sort(&mut candidates, spec.order);
        Ok(Placement { candidates, data_centers })
    }

    /// The data centers allowed, with a network volume's own pinned.
    async fn data_centers(&self, spec: &PodSpec) -> Result<Vec<String>, DeployError> {
        let Some(volume) = &spec.network_volume else { return Ok(spec.data_centers.clone()) };
        let call = Call::look("get network volume", Some(volume));
        let home = self
            .repeatedly(call, || self.backend().network_volume_data_center(volume))
            .await
            .map_err(DeployError::Lookup)?;
        let Some(home) = home else { return Ok(spec.data_centers.clone()) };
        if !spec.data_centers.is_empty() && !spec.data_centers.contains(&home) {
            let allowed = format!(
                "network volume {volume} is in {home}, so the pod can only run there; leave the data center out or use a volume in one of {}",
                spec.data_centers.join(", ")
            );
            let problem = Problem::new("data_centers", spec.data_centers.join(", "), allowed);
            return Err(DeployError::Spec(SpecError::new(vec![problem])));
        }
        Ok(vec![home])
    }

    async fn gpu_candidates(
        &self,
        spec: &GpuSpec,
        cloud: Cloud,
        data_centers: &[String],
    ) -> Result<Vec<Candidate>, DeployError> {
        if !self.supports(Feature::Catalog) {
            let hardware = Hardware::AnyGpu { ids: expand_as_observed(&spec.types), count: spec.count };
            return Ok(vec![Candidate { hardware, cloud, price_usd_per_hour: None, stock: None }]);
        }
        let shared = &self.lookups().gpu_types[usize::from(cloud == Cloud::Community)];
        let types = shared.get(spec.count, self.lookups().oldest(), self.gpu_types(spec.count, cloud)).await;
        let types = self.or_nothing(types)?;
        let ids = match &types {
            Some(types) => expand(&spec.types, types).map_err(DeployError::Spec)?,
            None => expand_as_observed(&spec.types),
        };
        let mut candidates: Vec<Candidate> = Vec::new();
        for id in ids {
            let known = types.iter().flatten().find(|gpu| gpu.id == id);
            let candidate = Candidate {
                price_usd_per_hour: known
                    .and_then(|gpu| gpu.price_usd_per_hour)
                    .map(|price| price * f64::from(spec.count)),
                stock: known.and_then(|gpu| stock_in(data_centers, gpu.stock, &gpu.data_centers)),
                hardware: Hardware::Gpu { id, count: spec.count },
                cloud,
            };
            if !candidates.contains(&candidate) {
                candidates.push(candidate);
            }
        }
        Ok(candidates)
    }

    async fn cpu_candidates(
        &self,
        spec: &CpuSpec,
        cloud: Cloud,
        data_centers: &[String],
    ) -> Result<Vec<Candidate>, DeployError> {
        let flavors = match self.supports(Feature::Catalog) {
            true => self.or_nothing(self.cpu_flavors().await)?,
            false => None,
        };
        let chosen = match &flavors {
            Some(flavors) => choose(spec, flavors).map_err(DeployError::Spec)?,
            None if spec.flavors.is_empty() => return Err(DeployError::Spec(flavors_unknown())),
            None => spec.flavors.clone(),
        };
        let candidate = |flavor: String| {
            let known = flavors.iter().flatten().find(|known| known.id == flavor);
            Candidate {
                price_usd_per_hour: known
                    .and_then(|known| known.price_usd_per_vcpu_hour)
                    .map(|price| price * f64::from(spec.vcpus)),
                stock: known.and_then(|known| stock_in(data_centers, known.stock, &known.data_centers)),
                hardware: Hardware::Cpu { flavor, vcpus: spec.vcpus },
                cloud,
            }
        };
        Ok(chosen.into_iter().map(candidate).collect())
    }

    /// A catalog, or nothing if it cannot be read for now: a deploy goes on without.
    fn or_nothing<T>(&self, catalog: Result<T, Error>) -> Result<Option<T>, DeployError> {
        match catalog {
            Ok(catalog) => Ok(Some(catalog)),
            Err(error) if error.is_retryable() => {
                self.notify(&Event::CatalogUnread { error: error.to_string() });
                Ok(None)
            }
            Err(error) => Err(DeployError::Lookup(error)),
        }
    }
}

fn sort(candidates: &mut [Candidate], order: Order) {
    match order {
        Order::AsGiven => {}
        Order::Cheapest => candidates.sort_by(|a, b| {
            let price = |candidate: &Candidate| candidate.price_usd_per_hour.unwrap_or(f64::INFINITY);
            price(a).total_cmp(&price(b))
        }),
        Order::MostAvailable => candidates.sort_by_key(|candidate| Reverse(candidate.stock)),
    }
}

/// Replaces pools by their types and refuses what the catalog does not know.
fn expand(wanted: &[String], types: &[GpuType]) -> Result<Vec<String>, SpecError> {
    let mut ids = Vec::new();
    let mut problems = Vec::new();
    for name in wanted {
        let members = types.iter().filter(|gpu| gpu.pool.as_ref() == Some(name)).map(|gpu| gpu.id.clone());
        let before = ids.len();
        if types.iter().any(|gpu| gpu.id == *name) {
            ids.push(name.clone());
        } else {
            ids.extend(members);
        }
        if ids.len() == before {
            let known = types.iter().map(|gpu| gpu.id.as_str()).filter(|id| *id != "unknown");
            problems.push(Problem::new("gpus", name, unknown("GPU type or pool", known)));
        }
    }
    if problems.is_empty() { Ok(ids) } else { Err(SpecError::new(problems)) }
}

/// The flavors a CPU pod may have: those named, else all that offer as many vCPUs, the cheapest first.
fn choose(spec: &CpuSpec, flavors: &[CpuFlavor]) -> Result<Vec<String>, SpecError> {
    let fits = |flavor: &CpuFlavor| (flavor.min_vcpus..=flavor.max_vcpus).contains(&i64::from(spec.vcpus));
    let mut problems = Vec::new();
    for name in &spec.flavors {
        match flavors.iter().find(|flavor| flavor.id == *name) {
            None => {
                let known = flavors.iter().map(|flavor| flavor.id.as_str());
                problems.push(Problem::new("cpu_flavors", name, unknown("CPU flavor", known)));
            }
            Some(flavor) if !fits(flavor) => {
                let allowed = format!("{name} has {} to {} vCPUs", flavor.min_vcpus, flavor.max_vcpus);
                problems.push(Problem::new("vcpus", spec.vcpus.to_string(), allowed));
            }
            Some(_) => {}
        }
    }
    let mut fitting: Vec<&CpuFlavor> = flavors.iter().filter(|flavor| fits(flavor)).collect();
    if fitting.is_empty() && problems.is_empty() {
        let most = flavors.iter().map(|flavor| flavor.max_vcpus).max().unwrap_or_default();
        let allowed = format!("no CPU flavor has as many; the largest has {most}");
        problems.push(Problem::new("vcpus", spec.vcpus.to_string(), allowed));
    }
    if !problems.is_empty() {
        return Err(SpecError::new(problems));
    }
    if !spec.flavors.is_empty() {
        return Ok(spec.flavors.clone());
    }
    let price = |flavor: &CpuFlavor| flavor.price_usd_per_vcpu_hour.unwrap_or(f64::INFINITY);
    fitting.sort_by(|a, b| price(a).total_cmp(&price(b)));
    Ok(fitting.into_iter().map(|flavor| flavor.id.clone()).collect())
}

fn flavors_unknown() -> SpecError {
    let allowed = "RunPod's catalog cannot be read to choose a CPU flavor; name one with cpu_flavor";
    SpecError::new(vec![Problem::new("cpu_flavors", "none", allowed)])
}

fn unknown<'a>(what: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    known.dedup();
    format!("RunPod's catalog has no such {what}; it has {}", known.join(", "))
}

/// Pools and their types as last observed: used only when the catalog cannot be read.
const POOLS: [(&str, &[&str]); 8] = [
    (
        "AMPERE_16",
        &[
            "NVIDIA RTX A4000",
            "NVIDIA RTX A4500",
            "NVIDIA RTX 4000 Ada Generation",
            "NVIDIA RTX 2000 Ada Generation",
        ],
    ),
    ("AMPERE_24", &["NVIDIA L4", "NVIDIA RTX A5000", "NVIDIA GeForce RTX 3090"]),
    ("ADA_24", &["NVIDIA GeForce RTX 4090"]),
    ("AMPERE_48", &["NVIDIA RTX A6000", "NVIDIA A40"]),
    ("ADA_48_PRO", &["NVIDIA L40", "NVIDIA L40S", "NVIDIA RTX 6000 Ada Generation"]),
    ("AMPERE_80", &["NVIDIA A100 80GB PCIe", "NVIDIA A100-SXM4-80GB"]),
    ("ADA_80_PRO", &["NVIDIA H100 PCIe", "NVIDIA H100 80GB HBM3", "NVIDIA H100 NVL"]),
    ("HOPPER_141", &["NVIDIA H200"]),
];

/// Replaces pools by the types last observed in them; anything else is taken for a type.
fn expand_as_observed(wanted: &[String]) -> Vec<String> {
    let members = |name: &String| match POOLS.iter().find(|(pool, _)| pool == name) {
        Some((_, ids)) => ids.iter().map(|id| (*id).to_owned()).collect(),
        None => vec![name.clone()],
    };
    wanted.iter().flat_map(members).collect()
}
