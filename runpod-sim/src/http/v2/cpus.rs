//! The catalog of CPU flavors.

use serde_json::{Value, json};

use crate::{
    contract::Problem,
    http::{
        call::Call,
        reply::{Outcome, Reply},
    },
    world::{
        App,
        account::Account,
        capacity::level,
        catalog::{self, Cloud, CpuFlavor},
    },
};

pub(crate) fn list(app: &App, call: &Call) -> Outcome {
    let wanted = vcpus(call)?;
    let account = app.account();
    let flavors = catalog::CPUS.iter().map(|flavor| view(flavor, wanted, &account));
    Reply::ok(json!({ "cpus": flavors.collect::<Vec<_>>() }))
}

pub(crate) fn get(app: &App, call: &Call) -> Outcome {
    let wanted = vcpus(call)?;
    let flavor = catalog::cpu(call.id()).ok_or_else(|| Problem::not_found("CPU type"))?;
    Reply::ok(view(flavor, wanted, &app.account()))
}

/// The vCPU count availability is asked for; `None` when it is not asked for.
fn vcpus(call: &Call) -> Result<Option<u32>, Box<Problem>> {
    if !call.query_list("include").contains(&"AVAILABILITY") {
        return Ok(None);
    }
    if call.query_list("product").is_empty() {
        return Err(Problem::bad_request("include=AVAILABILITY requires product"));
    }
    Ok(Some(call.query("vcpuCount").and_then(|count| count.parse().ok()).unwrap_or(2)))
}

fn view(flavor: &CpuFlavor, wanted: Option<u32>, account: &Account) -> Value {
    let mut view = json!({
        "id": flavor.id,
        "name": flavor.name,
        "group": flavor.group,
        "vcpu": { "min": flavor.min_vcpus, "max": flavor.max_vcpus },
        "ramGbPerVcpu": flavor.ram_gb_per_vcpu,
        "price": { "securePerVcpu": flavor.price_per_vcpu, "serverlessPerVcpu": flavor.price_per_vcpu },
    });
    let Some(wanted) = wanted else { return view };
    let used = account.used();
    let centers = flavor.data_centers.iter().filter_map(|id| catalog::data_center(id));
    let free = centers.map(|center| {
        let free = account.capacity.free_of(flavor.id, center.id, Cloud::Secure, &used);
        (center, if wanted > flavor.max_vcpus { 0 } else { free })
    });
    let free: Vec<_> = free.collect();
    let most = free.iter().map(|(_, free)| *free).max().unwrap_or(0);
    view["availability"] = json!(level(Some(most), wanted));
    let stocked = free.iter().filter(|(_, free)| level(Some(*free), wanted) != "NONE");
    let entry = |(center, free): &(&catalog::DataCenter, u32)| json!({ "id": center.id, "name": center.id, "availability": level(Some(*free), wanted) });
    let stocked: Vec<Value> = stocked.map(entry).collect();
    if !stocked.is_empty() {
        view["dataCenters"] = Value::Array(stocked);
    }
    view
}
