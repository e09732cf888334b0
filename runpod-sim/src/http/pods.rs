use axum::http::StatusCode;
use serde_json::{Value, json};

use super::page::Page;
use super::{App, Call, Outcome, Reply};
use crate::account::Account;
use crate::boot::{Fate, Machine};
use crate::launch;
use crate::order::{CreatePod, Env, Mounts};
use crate::pod::{Action, Phase, Pod, PodStatus};
use crate::problem::Problem;
use crate::rules::{self, Compute};

const LOCKED: &str = "Pod is locked";

pub(super) fn create(app: &App, call: &Call) -> Outcome {
    let order: CreatePod = call.body()?;
    let mut account = app.account();
    let id = launch::create(app, &mut account, order, call.now, call.fault.as_ref())?;
    Ok(Reply::Json(StatusCode::CREATED, view(app, &account, call, &id)?))
}

fn view(app: &App, account: &Account, call: &Call, id: &str) -> Result<Value, Box<Problem>> {
    let pod = account.pod(id, call.now, app.settings.terminated_linger);
    Ok(pod.ok_or_else(|| Problem::not_found("pod", id))?.view(call.now, &app.clock))
}

pub(super) fn get(app: &App, call: &Call) -> Outcome {
    Reply::ok(view(app, &app.account(), call, call.id())?)
}

pub(super) fn list(app: &App, call: &Call) -> Outcome {
    let page = Page::read(call, app.settings.page_size)?;
    let clusters = call.query("includeClusterPods") == Some("true");
    let account = app.account();
    let listed =
        account.pods().iter().filter(|pod| is_listed(app, call, pod) && (clusters || pod.cluster.is_none()));
    let numbered = listed.map(|pod| (pod.number, pod));
    page.cut("pods", numbered, |pod| pod.show(call.now, &app.clock))
}

/// Whether a pod shows up in lists: later than in a get, and no longer once deleted.
pub(super) fn is_listed(app: &App, call: &Call, pod: &Pod) -> bool {
    !matches!(pod.phase, Phase::Terminated { .. })
        && call.now >= pod.created.saturating_add(app.settings.list_lag)
}

pub(super) fn delete(app: &App, call: &Call) -> Outcome {
    terminate(&mut app.account(), call)
}

pub(super) fn terminate(account: &mut Account, call: &Call) -> Outcome {
    let pod = account.existing_pod(call.id()).ok_or_else(|| Problem::not_found("pod", call.id()))?;
    if pod.locked {
        return Err(Problem::bad_request(LOCKED));
    }
    if let Some(cluster) = &pod.cluster {
        let detail = format!("the pod belongs to cluster {cluster}: delete the cluster");
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    pod.terminate(call.now);
    Ok(Reply::Empty(StatusCode::NO_CONTENT))
}

pub(super) fn act(app: &App, call: &Call) -> Outcome {
    let name = call.body.as_ref().and_then(|body| body["action"].as_str()).unwrap_or_default();
    let action = Action::parse(name).ok_or_else(|| Problem::invalid(vec!["action: not an action".into()]))?;
    let mut account = app.account();
    if action == Action::Terminate {
        return terminate(&mut account, call);
    }
    take(app, &mut account, call, action)?;
    Reply::ok(view(app, &account, call, call.id())?)
}

/// Applies start, stop or restart.
pub(super) fn take(
    app: &App,
    account: &mut Account,
    call: &Call,
    action: Action,
) -> Result<(), Box<Problem>> {
    let pod = account.existing_pod(call.id()).ok_or_else(|| Problem::not_found("pod", call.id()))?;
    let status = pod.status(call.now);
    if pod.locked && action != Action::Start {
        return Err(Problem::bad_request(LOCKED));
    }
    if !action.suits(status) {
        let detail = format!("cannot {} a pod that is {}", action.name(), status.name());
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    match action {
        Action::Start => launch::start(app, account, call.id(), call.now, call.fault.as_ref()),
        Action::Restart => restart(app, pod, call),
        _ => {
            pod.exit(call.now);
            Ok(())
        }
    }
}

fn restart(app: &App, pod: &mut Pod, call: &Call) -> Result<(), Box<Problem>> {
    launch::boot(app, pod, call.now, Machine::Kept, Fate::of(call.fault.as_ref()))
}

/// Changes a pod. Whatever reaches into the container restarts it.
pub(super) fn update(app: &App, call: &Call) -> Outcome {
    let body = call.body.clone().unwrap_or_default();
    let mut account = app.account();
    change(app, &mut account, call, &body)?;
    Reply::ok(view(app, &account, call, call.id())?)
}

pub(super) fn change(
    app: &App,
    account: &mut Account,
    call: &Call,
    body: &Value,
) -> Result<(), Box<Problem>> {
    let unknown = || Problem::not_found("pod", call.id());
    let mut body = body.clone();
    if let Some(id) = body["templateId"].as_str().map(str::to_owned) {
        let template = account.templates.get(&id).ok_or_else(|| Problem::not_found("template", &id))?;
        fill(&mut body, &json!(template.body));
    }
    let known = |id: &str| account.registries.get(id).is_some();
    if let Some(id) = body["registry"].as_str().filter(|id| !known(id)) {
        return Err(Problem::not_found("registry", id));
    }
    let volumes = account.volumes.clone();
    let pod = account.existing_pod(call.id()).ok_or_else(unknown)?;
    let inner = [
        "image",
        "args",
        "entrypoint",
        "cmd",
        "disk",
        "env",
        "ports",
        "registry",
        "mounts",
        "globalNetworking",
    ];
    let inner = inner.into_iter().any(|key| body.get(key).is_some());
    if inner && pod.locked && body["locked"] != false {
        return Err(Problem::bad_request(LOCKED));
    }
    let ports: Option<Vec<String>> = read(&body, "ports")?;
    let ports = ports.map(|ports| rules::ports(&ports)).transpose()?;
    let mounts: Option<Mounts> = read(&body, "mounts")?;
    if let Some(mounts) = &mounts {
        let here = [pod.place.data_center.clone()];
        rules::check_mounts(mounts, pod.place.cloud, &here, &volumes)?;
        check_size(pod, mounts)?;
    }
    let env: Option<Env> = read(&body, "env")?;
    let disk: Option<u64> = read(&body, "disk")?;
    replace(&mut pod.name, read(&body, "name")?);
    replace(&mut pod.image, read(&body, "image")?);
    replace(&mut pod.args, read(&body, "args")?);
    replace(&mut pod.disk, disk);
    replace(&mut pod.env, env);
    replace(&mut pod.ports, ports);
    replace(&mut pod.mounts, mounts);
    replace(&mut pod.locked, read(&body, "locked")?);
    replace(&mut pod.global_networking, read(&body, "globalNetworking")?);
    pod.entrypoint = read(&body, "entrypoint")?.or(pod.entrypoint.take());
    pod.cmd = read(&body, "cmd")?.or(pod.cmd.take());
    if body.get("registry").is_some() {
        pod.registry = read(&body, "registry")?;
    }
    let up = matches!(pod.status(call.now), PodStatus::Running | PodStatus::Starting);
    if inner && up { restart(app, pod, call) } else { Ok(()) }
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
    match &pod.mounts.persistent {
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
