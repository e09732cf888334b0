//! One thing a deploy may ask RunPod for, and why another is not asked for.

use std::{cmp::Reverse, fmt, time::Duration};

use crate::{
    Cloud, Hardware, Order, Pod, PodSpec, Problem, Stock, Warning, pods::cost::running_storage,
    spec::HardwareSpec,
};

/// The shortest life that is worth a create.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);
/// The most of what was left out that an error shows.
const SHOWN: usize = 5;

/// One thing a deploy may ask RunPod for.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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
    /// The data centers allowed that have some, with how many there are. Empty if the catalog does not say, as for the
    /// community cloud.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::object"))]
    pub data_centers: Vec<(String, Stock)>,
}

impl Candidate {
    /// Returns true if it is the same hardware in the same cloud.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (&self.hardware, self.cloud) == (&other.hardware, other.cloud)
    }

    /// Returns true if a pod may come of it, as far as the pod shows its hardware and cloud.
    pub(crate) fn is_of(&self, pod: &Pod) -> bool {
        let gpu = |has: &dyn Fn(&str) -> bool| pod.gpu.as_ref().is_none_or(|gpu| has(&gpu.id));
        let is_hardware = match &self.hardware {
            Hardware::Gpu { id, .. } => gpu(&|shown| shown == id),
            Hardware::AnyGpu { ids, .. } => gpu(&|shown| ids.iter().any(|id| id == shown)),
            Hardware::Cpu { flavor, .. } => pod.cpu.as_ref().is_none_or(|cpu| cpu.flavor == *flavor),
        };
        is_hardware && pod.cloud.is_none_or(|cloud| cloud == self.cloud)
    }
}

/// Hardware that a deploy does not ask for, although the spec allows it by name or by need.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LeftOut {
    /// The hardware.
    pub hardware: Hardware,
    /// The cloud, never [`Cloud::Either`].
    pub cloud: Cloud,
    /// Why, as a phrase such as `it has 16 GB of VRAM`.
    pub reason: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?}): {}", self.hardware, self.cloud, self.reason)
    }
}

/// The candidates for a spec, and what was left out on the way to them.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) left_out: Vec<LeftOut>,
    /// Types that were left out although they are named.
    pub(crate) warnings: Vec<Warning>,
}

impl Choice {
    pub(crate) fn add(&mut self, candidate: Candidate) {
        if !self.has(&candidate) {
            self.candidates.push(candidate);
        }
    }

    /// Returns true if the same is asked for already: a catalog may list a type twice, with different stock.
    pub(crate) fn has(&self, candidate: &Candidate) -> bool {
        self.candidates.iter().any(|known| known.is_like(candidate))
    }

    pub(crate) fn leave_out(&mut self, id: String, count: u32, cloud: Cloud, reason: String) {
        self.left_out.push(LeftOut { hardware: Hardware::Gpu { id, count }, cloud, reason });
    }

    pub(crate) fn warn_and_leave_out(&mut self, id: String, count: u32, cloud: Cloud, limit: Warning) {
        let reason = limit.to_string();
        if !self.warnings.contains(&limit) {
            self.warnings.push(limit);
        }
        self.leave_out(id, count, cloud, reason);
    }

    /// Some of what was left out, with the reasons.
    pub(crate) fn nearest(&self) -> String {
        let shown: Vec<String> = self.left_out.iter().take(SHOWN).map(LeftOut::to_string).collect();
        match self.left_out.len().saturating_sub(SHOWN) {
            _ if shown.is_empty() => "it has no entry".to_owned(),
            0 => shown.join("; "),
            others => format!("{}; and {others} others", shown.join("; ")),
        }
    }
}

impl PodSpec {
    /// The list price of a candidate in USD per hour, its container disk and pod volume included; `None` if the
    /// catalog names none. A template's disk and volume are not known.
    pub(crate) fn usd_per_hour(&self, candidate: &Candidate) -> Option<f64> {
        candidate.price_usd_per_hour.map(|price| price + self.storage_usd_per_hour(&candidate.hardware))
    }

    /// The lifetime of a pod of a candidate: the spec's, or as long as its list price allows if that is shorter.
    pub(crate) fn lifetime_of(&self, candidate: &Candidate) -> Option<Duration> {
        self.lifetime.into_iter().chain(self.affordable(candidate)).min()
    }

    /// The time that the total pays for; `None` without one, or without a list price.
    fn affordable(&self, candidate: &Candidate) -> Option<Duration> {
        let hours = self.max_total_usd? / self.usd_per_hour(candidate)?;
        Some(Duration::try_from_secs_f64(hours * 3600.0).unwrap_or(Duration::MAX))
    }

    /// The limit of what the pod may cost, with its setter; `None` if there is none.
    fn budget(&self) -> Option<(&'static str, f64)> {
        let hourly = self.max_usd_per_hour.map(|limit| ("max_usd_per_hour", limit));
        hourly.or(self.max_total_usd.map(|limit| ("max_total_usd", limit)))
    }

    /// Returns true if nothing can be deployed without the catalog.
    pub(crate) fn needs_catalog(&self) -> bool {
        let is_by_need = match &self.hardware {
            HardwareSpec::Gpu(gpu) => gpu.takes_any,
            HardwareSpec::Cpu(cpu) => cpu.is_by_need || cpu.min_ram_gb.is_some(),
        };
        is_by_need || self.budget().is_some()
    }

    /// Everything beside hardware and cloud that a machine must have, in a form that is the same for the same.
    pub(crate) fn demand(&self, data_centers: &[String]) -> String {
        let of_gpu = match &self.hardware {
            HardwareSpec::Gpu(gpu) => {
                Some((gpu.min_ram_gb, gpu.min_vcpus, &gpu.cuda_versions, &gpu.min_cuda_version))
            }
            HardwareSpec::Cpu(_) => None,
        };
        let disks = (self.container_disk_gb, self.volume_gb, &self.network_volume, &self.template);
        format!("{:?}", (data_centers, of_gpu, disks, self.global_networking))
    }

    /// The cost of container disk and pod volume on some hardware in USD per hour, as far as the spec names them.
    pub(crate) fn storage_usd_per_hour(&self, hardware: &Hardware) -> f64 {
        let gb = |size: Option<u32>| f64::from(size.unwrap_or(0));
        running_storage(gb(self.disk_gb(hardware)) + gb(self.volume_gb))
    }
}

impl Choice {
    pub(crate) fn sorted(mut self, order: Option<Order>) -> Self {
        sort(&mut self.candidates, order.unwrap_or_default(), false);
        self
    }

    /// Leaves out every candidate that costs more than the spec allows, or whose price nobody knows.
    pub(crate) fn within_budget(mut self, spec: &PodSpec) -> Result<Self, Problem> {
        let Some((field, limit)) = spec.budget() else { return Ok(self) };
        let most = spec.max_usd_per_hour.unwrap_or(f64::INFINITY);
        let all = std::mem::take(&mut self.candidates);
        let cheapest = all
            .iter()
            .filter_map(|candidate| Some((spec.usd_per_hour(candidate)?, candidate)))
            .min_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(usd, candidate)| format!("{} ({:?}) at ${usd:.3}", candidate.hardware, candidate.cloud));
        for candidate in all {
            let reason = match spec.usd_per_hour(&candidate) {
                Some(usd) if usd <= most => {
                    if spec.affordable(&candidate).is_none_or(|lifetime| lifetime >= SHORTEST_LIFE) {
                        self.candidates.push(candidate);
                        continue;
                    }
                    "it would run for less than a minute".to_owned()
                }
                Some(usd) => format!("it costs ${usd:.3} per hour with its storage"),
                None => "the catalog names no price for it".to_owned(),
            };
            self.left_out.push(LeftOut { hardware: candidate.hardware, cloud: candidate.cloud, reason });
        }
        if !self.candidates.is_empty() {
            return Ok(self);
        }
        let allowed = match cheapest {
            Some(cheapest) => format!("the cheapest that fits is {cheapest} per hour, storage included"),
            None => "RunPod's catalog names no price for anything that fits".to_owned(),
        };
        Err(Problem::new(field, limit.to_string(), allowed))
    }
}

/// Sorts candidates. For [`Order::Cheapest`] among types that nobody named, those without stock come last: a
/// catalog has dozens of them.
pub(crate) fn sort(candidates: &mut [Candidate], order: Order, is_stock_first: bool) {
    let is_out = |candidate: &Candidate| is_stock_first && candidate.stock == Some(Stock::None);
    match order {
        Order::AsGiven => {}
        Order::Cheapest => candidates.sort_by(|a, b| {
            let price = |candidate: &Candidate| candidate.price_usd_per_hour.unwrap_or(f64::INFINITY);
            is_out(a).cmp(&is_out(b)).then(price(a).total_cmp(&price(b)))
        }),
        Order::MostAvailable => candidates.sort_by_key(|candidate| Reverse(candidate.stock)),
    }
}
