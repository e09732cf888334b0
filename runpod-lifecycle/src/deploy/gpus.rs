//! The GPU candidates of a deploy: those that are named, then those that meet a need.

use crate::{
    Cloud, GpuType, Hardware, Order, Problem, Stock, Warning,
    deploy::{
        candidate::{Candidate, Choice, sort},
        nearest::unknown,
    },
    spec::{
        GpuSpec,
        offer::{stock_in, stocked},
    },
};

/// The candidates of a GPU pod: those that are named, cloud by cloud, then those that meet the need. More GPUs than a pod can
/// have rule one out.
pub(crate) fn gpu_candidates(
    spec: &GpuSpec,
    order: Option<Order>,
    offers: &[(Cloud, Option<Vec<GpuType>>)],
    data_centers: &[String],
    has_catalog: bool,
) -> Result<Choice, Vec<Problem>> {
    // REST v1 takes a list of types and chooses by itself.
    if !has_catalog {
        let ids = expand_as_observed(&spec.types);
        let any = |(cloud, _): &(Cloud, _)| Candidate {
            hardware: Hardware::AnyGpu { ids: ids.clone(), count: spec.count },
            cloud: *cloud,
            price_usd_per_hour: None,
            stock: None,
            data_centers: Vec::new(),
        };
        return Ok(Choice { candidates: offers.iter().map(any).collect(), ..Choice::default() });
    }
    let mut named = named_candidates(spec, offers, data_centers)?;
    let mut rest =
        if spec.takes_any { any_candidates(spec, offers, data_centers)? } else { Choice::default() };
    // By any order but the catalog's own, the cheaper of two comes first.
    if order != Some(Order::AsGiven) {
        sort(&mut rest.candidates, Order::Cheapest, true);
    }
    // A pool may bring in by name what meets the need as well: it keeps its earlier place.
    let is_new = |candidate: &Candidate| !named.has(candidate);
    rest.candidates.retain(is_new);
    named.left_out.append(&mut rest.left_out);
    named.candidates.append(&mut rest.candidates);
    if let Some(order) = order {
        sort(&mut named.candidates, order, spec.takes_any);
    }
    match named.candidates.is_empty() {
        true => Err(vec![nothing_fits(spec, &named)]),
        false => Ok(named),
    }
}

/// The candidates among the types and pools that a spec names.
fn named_candidates(
    spec: &GpuSpec,
    offers: &[(Cloud, Option<Vec<GpuType>>)],
    data_centers: &[String],
) -> Result<Choice, Vec<Problem>> {
    let mut choice = Choice::default();
    for (cloud, types) in offers {
        let ids = match types {
            Some(types) => expand(&spec.types, types)?,
            None => expand_as_observed(&spec.types),
        };
        for id in ids {
            let known = types.iter().flatten().find(|gpu| gpu.id == id);
            match known.and_then(|gpu| too_many(spec.count, gpu, *cloud)) {
                Some(ceiling) => choice.warn_and_leave_out(id, spec.count, *cloud, ceiling),
                None => choice.add(gpu_candidate(id, spec.count, known, *cloud, data_centers)),
            }
        }
    }
    Ok(choice)
}

/// The candidates among all types that the catalog has, by their need.
fn any_candidates(
    spec: &GpuSpec,
    offers: &[(Cloud, Option<Vec<GpuType>>)],
    data_centers: &[String],
) -> Result<Choice, Vec<Problem>> {
    let mut choice = Choice::default();
    let all = offers.iter().flat_map(|(_, types)| types.iter().flatten());
    check_words(spec, &all.filter(|gpu| gpu.is_rentable()).collect::<Vec<_>>())?;
    for (cloud, types) in offers {
        let types = types.iter().flatten().filter(|gpu| gpu.is_rentable());
        for gpu in types.filter(|gpu| !spec.types.iter().any(|name| gpu.is_named(name))) {
            // The catalog lists types that a cloud does not rent: they have no price there.
            let unpriced =
                || gpu.price_usd_per_hour.is_none().then(|| "the catalog names no price for it".to_owned());
            let refusal = spec.need.refusal(gpu).or_else(unpriced);
            match refusal.or_else(|| too_many(spec.count, gpu, *cloud).map(|limit| limit.to_string())) {
                Some(reason) => choice.leave_out(gpu.id.clone(), spec.count, *cloud, reason),
                None => {
                    choice.add(gpu_candidate(gpu.id.clone(), spec.count, Some(gpu), *cloud, data_centers))
                }
            }
        }
    }
    Ok(choice)
}

/// Refuses makers and exclusions that the catalog does not know: a misspelt one would let through what it was to keep out.
fn check_words(spec: &GpuSpec, types: &[&GpuType]) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    let makers = || types.iter().filter_map(|gpu| gpu.manufacturer.as_deref());
    for name in &spec.need.manufacturers {
        if !makers().any(|maker| maker.eq_ignore_ascii_case(name)) {
            problems.push(Problem::new("manufacturer", name, unknown("manufacturer", name, makers())));
        }
    }
    for name in spec.need.excluded.iter().filter(|name| !types.iter().any(|gpu| gpu.is_named(name))) {
        let known = names(types.iter().copied());
        problems.push(Problem::new("exclude_gpu", name, unknown("GPU type or pool", name, known)));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Every id of the types and their pools.
fn names<'a>(types: impl Iterator<Item = &'a GpuType> + Clone) -> impl Iterator<Item = &'a str> {
    let pools = types.clone().filter_map(|gpu| gpu.pool.as_deref());
    types.map(|gpu| gpu.id.as_str()).chain(pools)
}

/// The problem of a spec that leaves no candidate.
fn nothing_fits(spec: &GpuSpec, choice: &Choice) -> Problem {
    if !spec.takes_any {
        let told: Vec<String> = choice.warnings.iter().map(Warning::to_string).collect();
        return Problem::new("gpu_count", spec.count.to_string(), told.join("; "));
    }
    let (field, value) = spec.need.set().into_iter().next().unwrap_or(("any_gpu", String::new()));
    Problem::new(
        field,
        value,
        format!("nothing that RunPod's catalog has meets every need: {}", choice.nearest()),
    )
}

fn gpu_candidate(
    id: String,
    count: u32,
    known: Option<&GpuType>,
    cloud: Cloud,
    data_centers: &[String],
) -> Candidate {
    Candidate {
        price_usd_per_hour: known
            .and_then(|gpu| gpu.price_usd_per_hour)
            .map(|price| price * f64::from(count)),
        stock: known.and_then(|gpu| gpu_stock(gpu, cloud, data_centers)),
        data_centers: known
            .filter(|_| cloud != Cloud::Community)
            .map_or_else(Vec::new, |gpu| stocked(data_centers, &gpu.data_centers)),
        hardware: Hardware::Gpu { id, count },
        cloud,
    }
}

/// The stock of a type where it is allowed; `None` if the catalog does not say.
fn gpu_stock(gpu: &GpuType, cloud: Cloud, data_centers: &[String]) -> Option<Stock> {
    // Stock per data center does not tell where community hosts are (observed).
    let is_told = cloud != Cloud::Community || data_centers.is_empty();
    is_told.then(|| stock_in(data_centers, gpu.stock, &gpu.data_centers)).flatten()
}

/// Warns if a pod cannot have so many GPUs of a type. A cloud that does not offer it may say 0.
fn too_many(count: u32, gpu: &GpuType, cloud: Cloud) -> Option<Warning> {
    let most = gpu.max_count.filter(|most| (1..i64::from(count)).contains(most))?;
    Some(Warning::GpuLimit { gpu: gpu.id.clone(), most, cloud })
}

/// Replaces pools by their types and refuses what the catalog does not know.
fn expand(wanted: &[String], types: &[GpuType]) -> Result<Vec<String>, Vec<Problem>> {
    let types: Vec<&GpuType> = types.iter().filter(|gpu| gpu.is_rentable()).collect();
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
            let known = names(types.iter().copied());
            problems.push(Problem::new("gpus", name, unknown("GPU type or pool", name, known)));
        }
    }
    if problems.is_empty() { Ok(ids) } else { Err(problems) }
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
pub(crate) fn expand_as_observed(wanted: &[String]) -> Vec<String> {
    let members = |name: &String| match POOLS.iter().find(|(pool, _)| pool == name) {
        Some((_, ids)) => ids.iter().map(|id| (*id).to_owned()).collect(),
        None => vec![name.clone()],
    };
    wanted.iter().flat_map(members).collect()
}
