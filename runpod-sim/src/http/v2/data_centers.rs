//! The catalog of data centers.

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
        catalog::{self, Cloud, DataCenter},
    },
};

/// Every data center here offers this one storage type and holds this one certificate.
const VOLUME_TYPE: &str = "STANDARD";
const COMPLIANCE: &str = "SOC_2_TYPE_2";

pub(crate) fn list(app: &App, call: &Call) -> Outcome {
    let account = app.account();
    let none_but = |name: &str, value: &str| call.query_list(name).iter().all(|wanted| *wanted == value);
    let global = call.query("globalNetwork").and_then(|text| text.parse::<bool>().ok());
    let listed = catalog::DATA_CENTERS.iter().filter(|center| {
        (call.query("regions").is_none() || call.query_list("regions").contains(&center.region))
            && none_but("networkVolumeTypes", VOLUME_TYPE)
            && none_but("compliance", COMPLIANCE)
            && global.is_none_or(|global| global == center.global_network)
    });
    Reply::ok(json!({ "dataCenters": listed.map(|center| view(center, call, &account)).collect::<Vec<_>>() }))
}

pub(crate) fn get(app: &App, call: &Call) -> Outcome {
    let center = catalog::data_center(call.id()).ok_or_else(|| Problem::not_found("data center"))?;
    Reply::ok(view(center, call, &app.account()))
}

fn view(center: &DataCenter, call: &Call, account: &Account) -> Value {
    let mut view = json!({
        "id": center.id,
        "name": center.id,
        "region": center.region,
        "globalNetwork": center.global_network,
        "networkVolumeTypes": [VOLUME_TYPE],
        "compliance": [COMPLIANCE],
    });
    let include = call.query_list("include");
    if include.contains(&"GPU_AVAILABILITY") {
        let here = catalog::GPUS.iter().filter(|gpu| gpu.data_centers.contains(&center.id));
        let offers = here.map(|gpu| (gpu.id, gpu.name, [Cloud::Secure, Cloud::Community].as_slice(), 1));
        view["gpuAvailability"] = offers.map(|offer| stock(center, offer, account)).collect();
    }
    if include.contains(&"CPU_AVAILABILITY") {
        let here = catalog::CPUS.iter().filter(|flavor| flavor.data_centers.contains(&center.id));
        let offers =
            here.map(|flavor| (flavor.id, flavor.name, [Cloud::Secure].as_slice(), flavor.min_vcpus));
        view["cpuAvailability"] = offers.map(|offer| stock(center, offer, account)).collect();
    }
    view
}

fn stock(center: &DataCenter, offer: (&str, &str, &[Cloud], u32), account: &Account) -> Value {
    let (id, name, clouds, least) = offer;
    let used = account.used();
    let free = |cloud: &Cloud| account.capacity.free_of(id, center.id, *cloud, &used);
    let most = clouds.iter().map(free).max().unwrap_or(0);
    json!({ "id": id, "name": name, "availability": level(Some(most), least) })
}
