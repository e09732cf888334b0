//! v2's operations on pods.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::page::Page;
use crate::{
    contract::Problem,
    faults::FaultKind,
    http::{
        call::Call,
        reply::{Outcome, Reply},
    },
    world::{
        App,
        account::Account,
        behavior::Behavior,
        boot::Fate,
        launch,
        observation::Observation,
        order::{CreatePod, Mounts},
        pod::{Action, Facts, Pod, PodStatus},
        rules::{self, Compute},
        store::Store,
        volume::Volume,
    },
};

const LOCKED: &str = "Pod is locked";

pub(crate) fn create(app: &App, call: &Call) -> Outcome {
    let order: CreatePod = call.body()?;
    let mut account = app.account();
    let id = launch::create(app, &mut account, order, call.now, call.fault.as_ref())?;
    let mut pod = view(app, &account, call, &id)?;
    if app.behavior().created_runtime && pod["runtime"].is_null() {
        pod["runtime"] = json!({});
    }
    Ok(Reply::Json(StatusCode::CREATED, pod))
}

/// The answer to a change: the pod as it is.
fn view(app: &App, account: &Account, call: &Call, id: &str) -> Result<Value, Box<Problem>> {
    let pod = account.pod(id, call.now, app.settings.terminated_linger);
    let pod = pod.ok_or_else(|| Problem::not_found("pod"))?;
    Ok(pod.view(&Observation::exact(&app.behavior(), call.now), &app.clock))
}

pub(crate) fn get(app: &App, call: &Call) -> Outcome {
    let (account, behavior) = (app.account(), app.behavior());
    let pod = account.pod(call.id(), call.now, app.settings.terminated_linger);
    let observation = pod.and_then(|pod| Some((pod, Observation::get(&behavior, pod, call.now)?)));
    let (pod, observation) = observation.ok_or_else(|| Problem::not_found("pod"))?;
    Reply::ok(pod.view(&observation, &app.clock))
}

pub(crate) fn list(app: &App, call: &Call) -> Outcome {
    let page = Page::read(app, call, "pods")?.maybe_short(app, call.now);
    let clusters = call.query("includeClusterPods") == Some("true");
    let (account, behavior) = (app.account(), app.behavior());
    let numbered =
        listed(&account, &behavior, call).rev().map(|(pod, observation)| (pod.number, (pod, observation)));
    // Members of clusters are taken out only after the page is cut.
    page.cut(numbered, |(pod, observation)| {
        (clusters || pod.cluster.is_none()).then(|| pod.show(&observation, &app.clock))
    })
}

/// The pods that a list shows, oldest first, and how it shows each.
pub(crate) fn listed<'a>(
    account: &'a Account,
    behavior: &'a Behavior,
    call: &'a Call,
) -> impl DoubleEndedIterator<Item = (&'a Pod, Observation<'a>)> {
    account.pods().iter().filter_map(|pod| Some((pod, Observation::list(behavior, pod, call.now)?)))
}

pub(crate) fn delete(app: &App, call: &Call) -> Outcome {
    terminate(app, &mut app.account(), call)
}

pub(crate) fn terminate(app: &App, account: &mut Account, call: &Call) -> Outcome {
    let pod = account.existing_pod(call.id()).ok_or_else(|| Problem::not_found("pod"))?;
    if pod.facts.locked {
        return Err(Problem::bad_request(LOCKED));
    }
    if let Some(cluster) = &pod.cluster {
        let detail = format!("the pod belongs to cluster {cluster}: delete the cluster");
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    if !is_ignored(call) {
        pod.terminate(call.now, app.handover());
    }
    Ok(Reply::Empty(StatusCode::NO_CONTENT))
}

pub(crate) fn act(app: &App, call: &Call) -> Outcome {
    let name = call.body.as_ref().and_then(|body| body["action"].as_str()).unwrap_or_default();
    let action = Action::parse(name).ok_or_else(|| {
        Problem::invalid(vec![
            "$.action: value must be one of 'start', 'stop', 'restart', 'terminate'".into(),
        ])
    })?;
    let mut account = app.account();
    if action == Action::Terminate {
        return terminate(app, &mut account, call);
    }
    take(app, &mut account, call, action)?;
    Reply::ok(view(app, &account, call, call.id())?)
}

/// Applies start, stop or restart.
pub(crate) fn take(
    app: &App,
    account: &mut Account,
    call: &Call,
    action: Action,
) -> Result<(), Box<Problem>> {
    let pod = account.existing_pod(call.id()).ok_or_else(|| Problem::not_found("pod"))?;
    let status = pod.status(call.now);
    if pod.facts.locked && action != Action::Start {
        return Err(Problem::bad_request(LOCKED));
    }
    if !action.suits(status) {
        let detail = format!("cannot {} a pod that is {}", action.name(), status.name());
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    if is_ignored(call) {
        return Ok(());
    }
    match action {
        Action::Start => launch::start(app, account, call.id(), call.now, call.fault.as_ref()),
        Action::Restart => restart(app, pod, call),
        _ => {
            pod.exit(call.now, app.handover());
            Ok(())
        }
    }
}

fn restart(app: &App, pod: &mut Pod, call: &Call) -> Result<(), Box<Problem>> {
    launch::restart(app, pod, call.now, Fate::of(call.fault.as_ref()))
}

/// Returns true if the request is accepted without any effect.
fn is_ignored(call: &Call) -> bool {
    call.fault == Some(FaultKind::Ignored)
}

/// Changes a pod. A change that reaches into the container restarts it.
pub(crate) fn update(app: &App, call: &Call) -> Outcome {
    let body = call.body.clone().unwrap_or_default();
    let mut account = app.account();
    change(app, &mut account, call, &body)?;
    Reply::ok(view(app, &account, call, call.id())?)
}

/// The keys of a change that reach into the container, which restarts for them.
const CONTAINER_KEYS: [&str; 10] =
    ["image", "args", "entrypoint", "cmd", "disk", "env", "ports", "registry", "mounts", "globalNetworking"];

/// Applies a change, and restarts a container that is up if it is reached.
pub(crate) fn change(
    app: &App,
    account: &mut Account,
    call: &Call,
    body: &Value,
) -> Result<(), Box<Problem>> {
    let body = completed(account, body)?;
    let volumes = account.volumes.clone();
    let pod = account.existing_pod(call.id()).ok_or_else(|| Problem::not_found("pod"))?;
    let restarts = CONTAINER_KEYS.iter().any(|key| body.get(key).is_some());
    if restarts && pod.facts.locked && body["locked"] != false {
        return Err(Problem::bad_request(LOCKED));
    }
    let facts = changed(pod, &body, &volumes)?;
    pod.change(call.now, |known| *known = facts);
    let up = matches!(pod.status(call.now), PodStatus::Running | PodStatus::Starting);
    if restarts && up { restart(app, pod, call) } else { Ok(()) }
}

/// The body of a change with its template filled in. Refuses templates and registries that do not exist.
fn completed(account: &Account, body: &Value) -> Result<Value, Box<Problem>> {
    let mut body = body.clone();
    if let Some(id) = body["templateId"].as_str().map(str::to_owned) {
        let template = account.templates.get(&id).ok_or_else(|| Problem::not_found("template"))?;
        fill(&mut body, &json!(template.body));
    }
    if body["registry"].as_str().is_some_and(|id| account.registries.get(id).is_none()) {
        return Err(Problem::not_found("registry"));
    }
    Ok(body)
}

/// The facts of a pod after a change.
fn changed(pod: &Pod, body: &Value, volumes: &Store<Volume>) -> Result<Facts, Box<Problem>> {
    let ports: Option<Vec<String>> = read(body, "ports")?;
    let ports = ports.map(|ports| rules::ports(&ports)).transpose()?;
    let mounts: Option<Mounts> = read(body, "mounts")?;
    if let Some(mounts) = &mounts {
        let here = [pod.place.data_center.clone()];
        rules::check_mounts(mounts, pod.place.cloud, &here, volumes)?;
        check_size(pod, mounts)?;
    }
    let mut facts = pod.facts.clone();
    replace(&mut facts.ports, ports);
    replace(&mut facts.mounts, mounts);
    replace(&mut facts.env, read(body, "env")?);
    replace(&mut facts.disk, read(body, "disk")?);
    replace(&mut facts.name, read(body, "name")?);
    replace(&mut facts.image, read(body, "image")?);
    replace(&mut facts.args, read(body, "args")?);
    replace(&mut facts.locked, read(body, "locked")?);
    replace(&mut facts.global_networking, read(body, "globalNetworking")?);
    facts.entrypoint = read(body, "entrypoint")?.or(facts.entrypoint);
    facts.cmd = read(body, "cmd")?.or(facts.cmd);
    if body.get("registry").is_some() {
        facts.registry = read(body, "registry")?;
    }
    Ok(facts)
}

/// A template's values stand where the request says nothing.
fn fill(body: &mut Value, template: &Value) {
    let keys = ["image", "args", "entrypoint", "cmd", "disk", "env", "ports", "registry"];
    for key in keys.into_iter().filter(|key| template.get(key).is_some()) {
        if body.get(key).is_none() {
            body[key] = template[key].clone();
        }
    }
}

/// A pod's own disk only grows, and a CPU pod has none.
fn check_size(pod: &Pod, mounts: &Mounts) -> Result<(), Box<Problem>> {
    let Some(wanted) = &mounts.persistent else { return Ok(()) };
    if matches!(pod.compute, Compute::Cpu { .. }) {
        return Err(Problem::bad_request(rules::NO_PERSISTENT));
    }
    match &pod.facts.mounts.persistent {
        Some(known) if wanted.size < known.size => Err(Problem::bad_request(format!(
            "mounts.persistent.size cannot shrink from {} to {}",
            known.size, wanted.size
        ))),
        _ => Ok(()),
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &Value, key: &str) -> Result<Option<T>, Box<Problem>> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value.clone())
            .map(Some)
            .map_err(|_| Problem::invalid(vec![format!("{key}: a value is out of range")])),
    }
}

fn replace<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
