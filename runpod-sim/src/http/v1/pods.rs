//! v1's operations on pods.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{order::Order, refusal::as_v1, view};
use crate::{
    contract::Problem,
    http::{
        call::Call,
        reply::{Outcome, Reply},
        v2::pods as v2,
    },
    world::{
        App, launch,
        observation::Observation,
        pod::{Action, Pod},
        rules::NO_INSTANCES,
    },
};

/// Tries every type the order names. Without stock for any, v1 answers 500.
pub(super) fn create(app: &App, call: &Call) -> Outcome {
    let order: Order = call.body().map_err(as_v1)?;
    let locked = order.locked;
    let mut account = app.account();
    let out_of_stock = "There are no instances currently available";
    let mut refusal = Problem::bad_request(NO_INSTANCES);
    for candidate in order.candidates()? {
        match launch::create(app, &mut account, candidate, call.now, call.fault.as_ref()) {
            Ok(id) => {
                let pod = account.existing_pod(&id).ok_or_else(|| Problem::internal("the pod is gone"))?;
                pod.facts.locked = locked;
                return Ok(Reply::Json(StatusCode::CREATED, shown(app, pod, call)));
            }
            Err(problem) => refusal = problem,
        }
    }
    if refusal.detail == NO_INSTANCES {
        return Err(Problem::internal(format!("create pod: {out_of_stock}")));
    }
    Err(as_v1(refusal))
}

/// The answer to a change: the pod as it is.
fn shown(app: &App, pod: &Pod, call: &Call) -> Value {
    view::pod(pod, &Observation::exact(&app.behavior(), call.now), &app.clock)
}

pub(super) fn get(app: &App, call: &Call) -> Outcome {
    let (account, behavior) = (app.account(), app.behavior());
    let pod = account.pod(call.id(), call.now, app.settings.terminated_linger);
    let observation = pod.and_then(|pod| Some((pod, Observation::get(&behavior, pod, call.now)?)));
    let (pod, observation) = observation.ok_or_else(|| Problem::not_found("pod"))?;
    Reply::ok(view::pod(pod, &observation, &app.clock))
}

/// A bare array, filtered as the query says.
pub(super) fn list(app: &App, call: &Call) -> Outcome {
    let (account, behavior) = (app.account(), app.behavior());
    let listed = v2::listed(&account, &behavior, call).filter(|(pod, _)| pod.cluster.is_none());
    let shown = listed.map(|(pod, observation)| (pod, view::pod(pod, &observation, &app.clock)));
    let wanted = shown.filter(|(pod, view)| matches(call, pod, view)).map(|(_, view)| view);
    Reply::ok(Value::Array(wanted.collect()))
}

fn matches(call: &Call, pod: &Pod, view: &Value) -> bool {
    let same = |name: &str| call.query(name).is_none_or(|wanted| view[name] == *wanted);
    let any = |name: &str, id: &str| {
        let wanted: Vec<&str> = call.all(name);
        wanted.is_empty() || wanted.contains(&id)
    };
    let compute = if view["gpuCount"].is_u64() { "GPU" } else { "CPU" };
    let type_id = pod.compute.type_id();
    ["id", "name", "imageName", "desiredStatus"].into_iter().all(same)
        && call.query("computeType").is_none_or(|wanted| wanted == compute)
        && any("gpuTypeId", type_id)
        && any("cpuFlavorId", type_id)
        && any("dataCenterId", &pod.place.data_center)
        && call.query("networkVolumeId").is_none_or(|id| pod.facts.mounts.network_volume() == Some(id))
}

pub(super) fn update(app: &App, call: &Call) -> Outcome {
    let body = call.body.clone().unwrap_or_default();
    let mut account = app.account();
    let unknown = || Problem::not_found("pod");
    let known = account.existing_pod(call.id()).ok_or_else(unknown)?.facts.mounts.persistent.clone();
    v2::change(app, &mut account, call, &renamed(&body, known.map(|mount| json!(mount)))).map_err(as_v1)?;
    let pod = account.existing_pod(call.id()).ok_or_else(unknown)?;
    Reply::ok(shown(app, pod, call))
}

/// Translates a change into v2's words.
fn renamed(body: &Value, mount: Option<Value>) -> Value {
    let mut change = json!({});
    for (old, new) in [
        ("name", "name"),
        ("imageName", "image"),
        ("containerDiskInGb", "disk"),
        ("env", "env"),
        ("ports", "ports"),
        ("locked", "locked"),
        ("globalNetworking", "globalNetworking"),
        ("dockerEntrypoint", "entrypoint"),
        ("dockerStartCmd", "cmd"),
        ("containerRegistryAuthId", "registry"),
    ] {
        if let Some(value) = body.get(old) {
            change[new] = value.clone();
        }
    }
    let (size, path) = (&body["volumeInGb"], &body["volumeMountPath"]);
    if !size.is_null() || !path.is_null() {
        let mut mount = mount.unwrap_or_else(|| json!({ "size": 20, "path": "/workspace" }));
        for (key, value) in [("size", size), ("path", path)] {
            if !value.is_null() {
                mount[key] = value.clone();
            }
        }
        change["mounts"] = json!({ "persistent": mount });
    }
    change
}

pub(super) fn delete(app: &App, call: &Call) -> Outcome {
    v2::terminate(app, &mut app.account(), call).map_err(as_v1)
}

/// Start, stop, restart and reset answer without a body.
pub(super) fn act(app: &App, call: &Call, action: Action) -> Outcome {
    v2::take(app, &mut app.account(), call, action).map_err(as_v1)?;
    Ok(Reply::Empty(StatusCode::OK))
}
