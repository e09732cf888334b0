//! The candidates of a deploy, in the order in which they are tried.

use std::cmp::Reverse;

use crate::{
    Cloud, CpuFlavor, DeployError, Error, ErrorKind, Event, GpuType, Hardware, Order, PodSpec, Problem,
    RunPod, SpecError, Stock,
    deploy::nearest::{quoted, unknown},
    spec::{CpuSpec, GpuSpec, HardwareSpec, disk, offer::stock_in},
    version::Feature,
};

/// The most GPUs a pod that the catalog is asked for.
const MOST_ASKED: u32 = 1_000;

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
    /// Stock in the data centers allowed; `None` if the catalog does not say, as for the community cloud with
    /// data centers pinned.
    pub stock: Option<Stock>,
}

/// The places a spec may go, after everything that had to be looked up was.
#[derive(Clone, Debug)]
pub(crate) struct Placement {
    pub(crate) candidates: Vec<Candidate>,
    /// Allowed data centers; empty for any.
    pub(crate) data_centers: Vec<String>,
    /// Hardware that was left out, and other surprises.
    pub(crate) warnings: Vec<String>,
}

/// The catalog's offer for a kind of hardware; `None` where it cannot be read.
enum Offer {
    Gpus(Vec<(Cloud, Option<Vec<GpuType>>)>),
    Cpus(Option<Vec<CpuFlavor>>),
}

impl RunPod {
    /// Looks up what a spec leaves to RunPod's catalog: pools, flavors, the network volume's data center; and
    /// checks the spec by itself, before anything is sent, and then by what the catalog knows. Each check tells
    /// every problem at once.
    pub(crate) async fn placement(&self, spec: &PodSpec) -> Result<Placement, DeployError> {
        let mut problems = spec.problems();
        add(spec.unsupported_by(self.version()), &mut problems);
        if !problems.is_empty() {
            return Err(DeployError::Spec(SpecError::unsent(&spec.name, problems)));
        }
        let outcome = self.place(spec, &mut problems).await;
        match problems.is_empty() {
            true => outcome,
            false => Err(DeployError::Spec(SpecError::by_catalog(&spec.name, problems))),
        }
    }

    /// Places a spec, if there are no problems in the end.
    async fn place(&self, spec: &PodSpec, problems: &mut Vec<Problem>) -> Result<Placement, DeployError> {
        let home = self.volume_home(spec).await;
        let offer = self.offer(spec).await?;
        let data_centers = match home {
            Ok(home) => self.data_centers(spec, home, offer.data_centers(), problems).await,
            Err(error) => Err(error),
        };
        let (mut warnings, pinned) = (Vec::new(), data_centers.as_deref().unwrap_or_default());
        let candidates = match (&spec.hardware, &offer) {
            (HardwareSpec::Gpu(gpu), Offer::Gpus(offers)) => {
                gpu_candidates(gpu, offers, pinned, self.supports(Feature::Catalog), &mut warnings)
            }
            (HardwareSpec::Cpu(cpu), Offer::Cpus(flavors)) => {
                cpu_candidates(spec, cpu, flavors.as_deref(), pinned)
            }
            _ => Ok(Vec::new()),
        };
        let mut candidates = candidates.unwrap_or_else(|found| {
            add(found, problems);
            Vec::new()
        });
        // Only now: a spec that is wrong besides is told everything at once.
        let data_centers = data_centers?;
        sort(&mut candidates, spec.order);
        if !data_centers.is_empty() && candidates.iter().any(|one| one.cloud == Cloud::Community) {
            warnings.push(format!(
                "the catalog does not tell in which data centers the community cloud has stock: with {} pinned it may have none",
                data_centers.join(", ")
            ));
        }
        Ok(Placement { candidates, data_centers, warnings })
    }

    async fn offer(&self, spec: &PodSpec) -> Result<Offer, DeployError> {
        let has_catalog = self.supports(Feature::Catalog);
        let HardwareSpec::Gpu(gpu) = &spec.hardware else {
            let flavors = if has_catalog { self.or_nothing(self.cpu_flavors().await)? } else { None };
            return Ok(Offer::Cpus(flavors));
        };
        let mut offers = Vec::new();
        for &cloud in spec.clouds() {
            let types = match has_catalog {
                // A count that is a problem by itself says nothing of the types.
                true => {
                    self.or_nothing(self.gpu_types_shared(gpu.count.clamp(1, MOST_ASKED), cloud).await)?
                }
                false => None,
            };
            offers.push((cloud, types));
        }
        Ok(Offer::Gpus(offers))
    }

    async fn gpu_types_shared(&self, count: u32, cloud: Cloud) -> Result<Vec<GpuType>, Error> {
        let shared = &self.lookups().gpu_types[usize::from(cloud == Cloud::Community)];
        shared.get(count, self.lookups().oldest(), self.gpu_types(count, cloud)).await
    }

    /// A catalog, or nothing if it cannot be read or has no entry: a deploy goes on without.
    pub(crate) fn or_nothing<T>(
        &self,
        catalog: Result<Vec<T>, Error>,
    ) -> Result<Option<Vec<T>>, DeployError> {
        match catalog {
            // RunPod always rents something: a catalog of nothing knows nothing.
            Ok(catalog) => Ok(Some(catalog).filter(|entries| !entries.is_empty())),
            Err(error) if forbids_more_than_a_read(&error) => Err(DeployError::Lookup(error)),
            Err(error) => {
                self.notify(&Event::CatalogUnread { error: unread("the catalog", &error) });
                Ok(None)
            }
        }
    }
}

/// Adds problems to those that are known, each value of a field once.
pub(crate) fn add(found: Vec<Problem>, problems: &mut Vec<Problem>) {
    for problem in found {
        if !problems.iter().any(|known| (known.field, &known.value) == (problem.field, &problem.value)) {
            problems.push(problem);
        }
    }
}

/// Returns true if what kept something optional from being read keeps the create from being accepted as well.
pub(crate) fn forbids_more_than_a_read(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Retired)
}

/// Why something optional could not be read: the right that the key lacks, or the error.
pub(crate) fn unread(what: &str, error: &Error) -> String {
    match error.kind() {
        ErrorKind::Forbidden => format!("the API key lacks the right to read {what} ({})", error.what()),
        _ => error.to_string(),
    }
}

impl Offer {
    /// Every data center in which it shows stock.
    fn data_centers(&self) -> Vec<String> {
        let names = |list: &[(String, Stock)]| list.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        let mut ids: Vec<String> = match self {
            Self::Gpus(offers) => {
                let types = offers.iter().flat_map(|(_, types)| types.iter().flatten());
                types.flat_map(|gpu| names(&gpu.data_centers)).collect()
            }
            Self::Cpus(flavors) => {
                flavors.iter().flatten().flat_map(|flavor| names(&flavor.data_centers)).collect()
            }
        };
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// The candidates of a GPU pod, cloud by cloud. More GPUs than a pod can have rule one out.
fn gpu_candidates(
    spec: &GpuSpec,
    offers: &[(Cloud, Option<Vec<GpuType>>)],
    data_centers: &[String],
    has_catalog: bool,
    warnings: &mut Vec<String>,
) -> Result<Vec<Candidate>, Vec<Problem>> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for (cloud, types) in offers {
        let cloud = *cloud;
        // REST v1 takes a list of types and chooses by itself.
        if !has_catalog {
            let hardware = Hardware::AnyGpu { ids: expand_as_observed(&spec.types), count: spec.count };
            candidates.push(Candidate { hardware, cloud, price_usd_per_hour: None, stock: None });
            continue;
        }
        let ids = match types {
            Some(types) => expand(&spec.types, types)?,
            None => expand_as_observed(&spec.types),
        };
        for id in ids {
            let known = types.iter().flatten().find(|gpu| gpu.id == id);
            match known.and_then(|gpu| too_many(spec.count, gpu, cloud)) {
                Some(ceiling) if !warnings.contains(&ceiling) => warnings.push(ceiling),
                Some(_) => {}
                None => {
                    let candidate = gpu_candidate(id, spec.count, known, cloud, data_centers);
                    if !candidates.contains(&candidate) {
                        candidates.push(candidate);
                    }
                }
            }
        }
    }
    if candidates.is_empty() && !warnings.is_empty() {
        let problem = Problem::new("gpu_count", spec.count.to_string(), warnings.join("; "));
        return Err(vec![problem]);
    }
    Ok(candidates)
}

fn gpu_candidate(
    id: String,
    count: u32,
    known: Option<&GpuType>,
    cloud: Cloud,
    data_centers: &[String],
) -> Candidate {
    // Stock per data center does not tell where community hosts are (observed).
    let is_told = cloud != Cloud::Community || data_centers.is_empty();
    Candidate {
        price_usd_per_hour: known
            .and_then(|gpu| gpu.price_usd_per_hour)
            .map(|price| price * f64::from(count)),
        stock: known.filter(|_| is_told).and_then(|gpu| stock_in(data_centers, gpu.stock, &gpu.data_centers)),
        hardware: Hardware::Gpu { id, count },
        cloud,
    }
}

/// Says so if a pod cannot have so many GPUs of a type. A cloud that does not offer it may say 0.
fn too_many(count: u32, gpu: &GpuType, cloud: Cloud) -> Option<String> {
    let most = gpu.max_count.filter(|most| (1..i64::from(count)).contains(most))?;
    let cloud = if cloud == Cloud::Community { "community" } else { "secure" };
    let plural = if most == 1 { "" } else { "s" };
    Some(format!("a pod has at most {most} GPU{plural} of {} in the {cloud} cloud", quoted(&gpu.id)))
}

fn cpu_candidates(
    pod: &PodSpec,
    spec: &CpuSpec,
    flavors: Option<&[CpuFlavor]>,
    data_centers: &[String],
) -> Result<Vec<Candidate>, Vec<Problem>> {
    let chosen = match flavors {
        Some(flavors) => choose(spec, flavors)?,
        None if spec.flavors.is_empty() => FLAVORS.map(str::to_owned).to_vec(),
        None => spec.flavors.clone(),
    };
    let chosen = with_room_for(pod.container_disk_gb, spec.vcpus, chosen)?;
    let candidate = |flavor: String| {
        let known = flavors.into_iter().flatten().find(|known| known.id == flavor);
        Candidate {
            price_usd_per_hour: known
                .and_then(|known| known.price_usd_per_vcpu_hour)
                .map(|price| price * f64::from(spec.vcpus)),
            stock: known.and_then(|known| stock_in(data_centers, known.stock, &known.data_centers)),
            hardware: Hardware::Cpu { flavor, vcpus: spec.vcpus },
            cloud: Cloud::Secure,
        }
    };
    Ok(chosen.into_iter().map(candidate).collect())
}

/// The flavors that allow a container disk of this size.
fn with_room_for(
    disk_gb: Option<u32>,
    vcpus: u32,
    flavors: Vec<String>,
) -> Result<Vec<String>, Vec<Problem>> {
    let Some(size) = disk_gb else { return Ok(flavors) };
    let refusal = |flavor: &String| disk::over_cap(size, flavor, vcpus);
    let fitting: Vec<String> = flavors.iter().filter(|flavor| refusal(flavor).is_none()).cloned().collect();
    if !fitting.is_empty() {
        return Ok(fitting);
    }
    let caps: Vec<String> = flavors.iter().filter_map(refusal).collect();
    Err(vec![Problem::new("container_disk_gb", size.to_string(), caps.join("; "))])
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
fn expand(wanted: &[String], types: &[GpuType]) -> Result<Vec<String>, Vec<Problem>> {
    // RunPod's catalog has an entry of that id, which nobody can rent.
    let types: Vec<&GpuType> = types.iter().filter(|gpu| gpu.id != "unknown").collect();
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
            let pools = types.iter().filter_map(|gpu| gpu.pool.as_deref());
            let known = types.iter().map(|gpu| gpu.id.as_str()).chain(pools);
            problems.push(Problem::new("gpus", name, unknown("GPU type or pool", name, known)));
        }
    }
    if problems.is_empty() { Ok(ids) } else { Err(problems) }
}

/// The flavors a CPU pod may have: those named, else all that offer as many vCPUs, the cheapest first.
fn choose(spec: &CpuSpec, flavors: &[CpuFlavor]) -> Result<Vec<String>, Vec<Problem>> {
    let fits = |flavor: &CpuFlavor| (flavor.min_vcpus..=flavor.max_vcpus).contains(&i64::from(spec.vcpus));
    let mut problems = Vec::new();
    for name in &spec.flavors {
        match flavors.iter().find(|flavor| flavor.id == *name) {
            None => {
                let known = flavors.iter().map(|flavor| flavor.id.as_str());
                problems.push(Problem::new("cpu_flavors", name, unknown("CPU flavor", name, known)));
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
        return Err(problems);
    }
    if !spec.flavors.is_empty() {
        return Ok(spec.flavors.clone());
    }
    let price = |flavor: &CpuFlavor| flavor.price_usd_per_vcpu_hour.unwrap_or(f64::INFINITY);
    fitting.sort_by(|a, b| price(a).total_cmp(&price(b)));
    Ok(fitting.into_iter().map(|flavor| flavor.id.clone()).collect())
}

/// CPU flavors as last observed: used only when the catalog cannot be read and the spec names none.
const FLAVORS: [&str; 3] = ["cpu3c", "cpu3g", "cpu5c"];

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
