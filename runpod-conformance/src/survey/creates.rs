//! Creates: those that are believed to be refused, a template, and the one that makes the run's pod.

use serde_json::{Value, json};

use super::catalog::{Flavor, VCPUS};
use crate::{options::Stop, session::Session, wire::Ask};

const IMAGE: &str = "ubuntu:24.04";
/// A container that stays, and says so now and then.
const ARGS: &str = "sh -c 'while true; do echo conformance; sleep 5; done'";
const DISK_GB: u32 = 20;
/// USD per hour that a create of one GPU is reckoned with, should it not be refused after all.
const GPU_USD_PER_HOUR: f64 = 1.0;
/// Creates that are believed to be refused, in order.
const REFUSED: [&str; 9] = [
    "unknown-key",
    "missing-image",
    "no-disk",
    "gpu-and-cpu",
    "cpu-persistent",
    "odd-vcpus",
    "large-disk",
    "args-and-cmd",
    "unknown-gpu",
];
const GPU_REFUSED: [&str; 2] = ["gpu-no-count", "pinned-community"];

/// The order of the run's pod.
fn order(session: &Session, flavor: &str) -> Value {
    json!({
        "name": session.name, "image": IMAGE, "args": ARGS, "disk": DISK_GB, "ports": ["22/tcp", "8888/http"],
        "startSsh": true, "env": { "CONFORMANCE": "from-the-run", "SHARED": "from-the-run" },
        "cpu": { "id": flavor, "vcpuCount": VCPUS },
    })
}

fn without(mut order: Value, keys: &[&str]) -> Value {
    if let Some(map) = order.as_object_mut() {
        map.retain(|key, _| !keys.contains(&key.as_str()));
    }
    order
}

fn with(mut order: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().into_iter().flatten() {
        order[key] = value.clone();
    }
    order
}

/// The body of a create that is believed to be refused.
fn refused(step: &str, order: Value) -> Value {
    let gpu = |changes: Value| with(without(order.clone(), &["cpu"]), &changes);
    match step {
        "unknown-key" => without(with(order, &json!({ "conformance": true })), &["image"]),
        "missing-image" => without(order, &["image"]),
        "no-disk" => without(order, &["disk"]),
        "gpu-and-cpu" => with(order, &json!({ "gpu": { "id": "NVIDIA GeForce RTX 4090", "count": 1 } })),
        "cpu-persistent" => {
            with(order, &json!({ "mounts": { "persistent": { "size": 10, "path": "/data" } } }))
        }
        "odd-vcpus" => with(order.clone(), &json!({ "cpu": { "id": order["cpu"]["id"], "vcpuCount": 3 } })),
        "large-disk" => with(order, &json!({ "disk": 500 })),
        "args-and-cmd" => with(order, &json!({ "cmd": ["true"] })),
        "unknown-gpu" => gpu(json!({ "gpu": { "id": "CONFORMANCE", "count": 1 } })),
        "gpu-no-count" => gpu(json!({ "gpu": { "id": "NVIDIA GeForce RTX 3090" } })),
        _ => gpu(json!({
            "gpu": { "id": "NVIDIA GeForce RTX 3090", "count": 1 }, "cloud": "COMMUNITY",
            "dataCenterIds": ["EU-RO-1"],
        })),
    }
}

/// Sends every create that is believed to be refused. A pod that comes of one is ended before the next.
pub(super) async fn ask(session: &Session, flavor: Option<&Flavor>) -> Result<(), Stop> {
    let Some(flavor) = flavor else {
        REFUSED
            .iter()
            .chain(&GPU_REFUSED)
            .for_each(|step| session.evidence().skip(step, "no CPU flavor has stock"));
        return Ok(());
    };
    for step in REFUSED {
        let body = refused(step, order(session, &flavor.id));
        let usd_per_hour = if body["gpu"].is_null() { flavor.usd_per_hour } else { GPU_USD_PER_HOUR };
        session.create(step, body, usd_per_hour).await?;
    }
    for step in GPU_REFUSED {
        match session.options.gpu {
            true => {
                session.create(step, refused(step, order(session, &flavor.id)), GPU_USD_PER_HOUR).await?;
            }
            false => session.evidence().skip(step, "it asks for a GPU, which `--gpu` allows"),
        }
    }
    session.clear().await
}

/// Makes a template that says otherwise than the order. Returns its id.
pub(super) async fn template(session: &Session) -> Result<Option<String>, Stop> {
    let body = json!({
        "name": session.name, "image": "ubuntu:22.04", "disk": 5, "ports": ["9999/http"],
        "env": { "SHARED": "from-the-template", "OWN": "from-the-template" },
    });
    // Before anything is sent: an answer that is lost must not leave it behind.
    *session.template() = Some(String::new());
    let made = session.ask(Ask::post("make-template", "/v2/templates", body)).await?;
    let id = made.json()["id"].as_str().filter(|_| made.is_success()).map(str::to_owned);
    if let Some(id) = &id {
        *session.template() = Some(id.clone());
        session.ask(Ask::get("template", format!("/v2/templates/{id}"))).await?;
    } else if made.is_problem() {
        *session.template() = None;
    }
    Ok(id)
}

/// Makes the run's pod, of the cheapest flavor that there is one of.
pub(super) async fn rent(
    session: &Session,
    flavors: &[Flavor],
    template: Option<&str>,
) -> Result<Option<String>, Stop> {
    if flavors.is_empty() {
        session.evidence().skip("create", "no CPU flavor has stock");
    }
    for flavor in flavors {
        let own = order(session, &flavor.id);
        let body = template.map_or(own.clone(), |id| with(own, &json!({ "templateId": id })));
        if let Some(id) = session.create("create", body, flavor.usd_per_hour).await? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}
