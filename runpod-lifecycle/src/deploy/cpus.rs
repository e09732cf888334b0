//! The CPU candidates of a deploy.

use crate::{
    Cloud, CpuFlavor, Hardware, PodSpec, Problem,
    deploy::{
        candidate::{Candidate, Choice, LeftOut},
        nearest::unknown,
    },
    spec::{
        CpuSpec, disk,
        offer::{stock_in, stocked},
    },
};

/// CPU flavors as last observed: used only when the catalog cannot be read and the spec names none.
const FLAVORS: [&str; 3] = ["cpu3c", "cpu3g", "cpu5c"];
/// The most vCPUs that a need may come to, far above what RunPod sells: a catalog may name no bound.
const MOST_VCPUS: u32 = 1024;
/// The fewest vCPUs of a pod.
const FEWEST_VCPUS: u32 = 2;

/// The candidates of a CPU pod: the flavors that are named, else all that do, the cheapest first.
pub(crate) fn cpu_candidates(
    pod: &PodSpec,
    spec: &CpuSpec,
    flavors: Option<&[CpuFlavor]>,
    data_centers: &[String],
) -> Result<Choice, Vec<Problem>> {
    let (fitting, mut left_out) = match flavors {
        Some(flavors) => choose(spec, flavors)?,
        None if spec.flavors.is_empty() => {
            (FLAVORS.map(|id| (id.to_owned(), spec.vcpus)).to_vec(), Vec::new())
        }
        None => (spec.flavors.iter().map(|id| (id.clone(), spec.vcpus)).collect(), Vec::new()),
    };
    let fitting = with_room_for(pod.container_disk_gb, fitting, &mut left_out)?;
    let candidate = |(flavor, vcpus): (String, u32)| {
        let known = flavors.into_iter().flatten().find(|known| known.id == flavor);
        Candidate {
            price_usd_per_hour: known.and_then(|known| price(known, vcpus)),
            stock: known.and_then(|known| stock_in(data_centers, known.stock, &known.data_centers)),
            data_centers: known.map_or_else(Vec::new, |known| stocked(data_centers, &known.data_centers)),
            hardware: Hardware::Cpu { flavor, vcpus },
            cloud: Cloud::Secure,
        }
    };
    Ok(Choice { candidates: fitting.into_iter().map(candidate).collect(), left_out, warnings: Vec::new() })
}

fn price(flavor: &CpuFlavor, vcpus: u32) -> Option<f64> {
    flavor.price_usd_per_vcpu_hour.map(|price| price * f64::from(vcpus))
}

fn leave_out(flavor: String, vcpus: u32, reason: String) -> LeftOut {
    LeftOut { hardware: Hardware::Cpu { flavor, vcpus }, cloud: Cloud::Secure, reason }
}

/// The flavors that allow a container disk of this size.
fn with_room_for(
    disk_gb: Option<u32>,
    flavors: Flavors,
    left_out: &mut Vec<LeftOut>,
) -> Result<Flavors, Vec<Problem>> {
    let Some(size) = disk_gb else { return Ok(flavors) };
    let (mut fitting, mut caps) = (Vec::new(), Vec::new());
    for (flavor, vcpus) in flavors {
        match disk::over_cap(size, &flavor, vcpus) {
            None => fitting.push((flavor, vcpus)),
            Some(cap) => {
                caps.push(cap.clone());
                left_out.push(leave_out(flavor, vcpus, cap));
            }
        }
    }
    match fitting.is_empty() {
        true => Err(vec![Problem::new("container_disk_gb", size.to_string(), caps.join("; "))]),
        false => Ok(fitting),
    }
}

impl CpuSpec {
    /// The vCPUs that a pod of a flavor would have, or why none does.
    fn vcpus_of(&self, flavor: &CpuFlavor) -> Result<u32, String> {
        let is_sold = |vcpus: u32| (flavor.min_vcpus..=flavor.max_vcpus).contains(&i64::from(vcpus));
        let Some(ram_gb) = self.min_ram_gb.map(f64::from) else {
            return self.sizes().find(|vcpus| is_sold(*vcpus)).ok_or_else(|| self.range_of(flavor));
        };
        let Some(per_vcpu) = flavor.ram_gb_per_vcpu else {
            return Err("the catalog does not say how much RAM it has".to_owned());
        };
        let has_ram = |vcpus: &u32| f64::from(*vcpus) * per_vcpu >= ram_gb;
        let sold: Vec<u32> = self.sizes().filter(|vcpus| is_sold(*vcpus)).collect();
        // RAM grows with the vCPUs: the largest size tells whether any would do.
        let most = sold.last().ok_or_else(|| self.range_of(flavor))?;
        let too_little = || format!("it has {} GB of RAM with {most} vCPUs", f64::from(*most) * per_vcpu);
        sold.iter().copied().find(has_ram).ok_or_else(too_little)
    }

    /// The sizes that will do, the smallest first: RunPod sells powers of two.
    fn sizes(&self) -> impl Iterator<Item = u32> + use<> {
        let least = self.vcpus.max(FEWEST_VCPUS).checked_next_power_of_two();
        let (first, count) = if self.is_by_need { (least, usize::MAX) } else { (Some(self.vcpus), 1) };
        let sizes = std::iter::successors(first, |vcpus| vcpus.checked_mul(2)).take(count);
        sizes.take_while(move |vcpus| count == 1 || *vcpus <= MOST_VCPUS)
    }

    fn range_of(&self, flavor: &CpuFlavor) -> String {
        format!("{} has {} to {} vCPUs", flavor.id, flavor.min_vcpus, flavor.max_vcpus)
    }
}

/// Ids of flavors, each with its vCPUs.
type Flavors = Vec<(String, u32)>;

/// The flavors that do, each with its vCPUs: those named, as they are named, else all, the cheapest first. A named one that does
/// not is a problem.
fn choose(spec: &CpuSpec, flavors: &[CpuFlavor]) -> Result<(Flavors, Vec<LeftOut>), Vec<Problem>> {
    let mut problems = Vec::new();
    for name in &spec.flavors {
        match flavors.iter().find(|flavor| flavor.id == *name).map(|flavor| spec.vcpus_of(flavor)) {
            None => {
                let known = flavors.iter().map(|flavor| flavor.id.as_str());
                problems.push(Problem::new("cpu_flavors", name, unknown("CPU flavor", name, known)));
            }
            Some(Err(reason)) => problems.push(Problem::new(spec.field(), spec.value(), reason)),
            Some(Ok(_)) => {}
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let (mut fitting, mut left_out) = (Vec::new(), Vec::new());
    for flavor in flavors {
        match spec.vcpus_of(flavor) {
            Ok(vcpus) => fitting.push((flavor, vcpus)),
            Err(reason) => left_out.push(leave_out(flavor.id.clone(), spec.vcpus, reason)),
        }
    }
    if fitting.is_empty() {
        return Err(vec![Problem::new(spec.field(), spec.value(), spec.nothing_fits(flavors, &left_out))]);
    }
    let by_price = |(flavor, vcpus): &(&CpuFlavor, u32)| price(flavor, *vcpus).unwrap_or(f64::INFINITY);
    fitting.sort_by(|a, b| by_price(a).total_cmp(&by_price(b)));
    // A spec that names flavors has an order of its own, whatever they cost.
    if !spec.flavors.is_empty() {
        let place = |(flavor, _): &(&CpuFlavor, u32)| spec.flavors.iter().position(|name| *name == flavor.id);
        fitting.retain(|one| place(one).is_some());
        fitting.sort_by_key(place);
    }
    Ok((fitting.into_iter().map(|(flavor, vcpus)| (flavor.id.clone(), vcpus)).collect(), left_out))
}

impl CpuSpec {
    /// The setter to name in a problem of its size.
    fn field(&self) -> &'static str {
        match (self.min_ram_gb, self.is_by_need) {
            (Some(_), _) => "min_ram_gb",
            (None, true) => "min_vcpus",
            (None, false) => "vcpus",
        }
    }

    fn value(&self) -> String {
        self.min_ram_gb.unwrap_or(self.vcpus).to_string()
    }

    fn nothing_fits(&self, flavors: &[CpuFlavor], left_out: &[LeftOut]) -> String {
        if flavors.is_empty() {
            return "RunPod's catalog has no CPU flavor".to_owned();
        }
        if self.min_ram_gb.is_none() {
            let most = flavors.iter().map(|flavor| flavor.max_vcpus).max().unwrap_or_default();
            return format!("no CPU flavor has as many; the largest has {most}");
        }
        let reasons: Vec<String> = left_out.iter().map(LeftOut::to_string).collect();
        format!("no CPU flavor has as much: {}", reasons.join("; "))
    }
}
