//! The catalog, and the cheapest CPU flavors in it.

use serde_json::Value;

use crate::{options::Stop, session::Session, wire::Ask};

/// vCPUs of the run's pod.
pub(super) const VCPUS: u32 = 2;

/// A CPU flavor that has room for a pod of ours.
#[derive(Debug, Clone)]
pub(super) struct Flavor {
    pub(super) id: String,
    /// USD for `VCPUS` vCPUs.
    pub(super) usd_per_hour: f64,
}

/// Asks the catalog. Returns the flavors that have stock, cheapest first.
pub(super) async fn ask(session: &Session) -> Result<Vec<Flavor>, Stop> {
    for (step, query) in [
        ("gpus-plain", ""),
        ("gpus-stock", "?include=AVAILABILITY&product=POD"),
        ("gpus-no-product", "?include=AVAILABILITY"),
        ("gpus-stray-cloud", "?cloud=SECURE"),
        ("gpus-stray-count", "?count=2"),
    ] {
        session.ask(Ask::get(step, format!("/v2/catalog/gpus{query}"))).await?;
    }
    let query = format!("include=AVAILABILITY&product=POD&vcpuCount={VCPUS}");
    let cpus = session.ask(Ask::get("cpus", format!("/v2/catalog/cpus?{query}"))).await?.json();
    let mut flavors: Vec<Flavor> = cpus["cpus"].as_array().into_iter().flatten().filter_map(flavor).collect();
    flavors.sort_by(|one, other| one.usd_per_hour.total_cmp(&other.usd_per_hour));
    Ok(flavors)
}

fn flavor(entry: &Value) -> Option<Flavor> {
    let id = entry["id"].as_str()?.to_owned();
    let usd_per_hour = entry["price"]["securePerVcpu"].as_f64()? * f64::from(VCPUS);
    let (least, most) = (entry["vcpu"]["min"].as_u64()?, entry["vcpu"]["max"].as_u64()?);
    let fits = (least..=most).contains(&u64::from(VCPUS)) && usd_per_hour > 0.0;
    (fits && entry["availability"] != "NONE").then_some(Flavor { id, usd_per_hour })
}
