use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use super::{App, Call, Outcome, Reply};
use crate::account::{Account, draw_id};
use crate::boot::Machine;
use crate::endpoints::{Endpoints, Opener};
use crate::order::CreatePod;
use crate::pod::{Action, Host, Phase, Pod};
use crate::problem::Problem;
use crate::rules;

const NO_FREE_GPUS: &str = "There are not enough free GPUs on the host machine to start this pod.";
const LOCKED: &str = "Pod is locked";
/// The largest page RunPod gives out.
const MAX_LIMIT: usize = 1000;

pub(super) fn create(app: &App, call: &Call) -> Outcome {
    let order: CreatePod = call.body()?;
    let mut account = app.account();
    let accepted = rules::check(&order, &account.volumes)?;
    let (number, mut rng) = account.next_pod();
    let id = draw_id(&mut rng);
    let (place, cuda) = rules::place(
        &order,
        &accepted.compute,
        &account.volumes,
        &account.capacity,
        &account.used(),
        &mut rng,
    )?;
    let sshd = order.env.0.contains_key("PUBLIC_KEY") || (order.start_ssh && !account.ssh_keys.is_empty());
    let mut pod = Pod {
        id,
        number,
        name: order.name,
        image: accepted.image,
        args: order.args,
        entrypoint: order.entrypoint,
        cmd: order.cmd,
        disk: accepted.disk,
        env: order.env,
        ports: accepted.ports,
        registry: order.registry,
        compute: accepted.compute,
        mounts: order.mounts,
        global_networking: order.global_networking,
        locked: false,
        sshd,
        place,
        host: Host::draw(cuda, &mut rng),
        created: call.now,
        phase: Phase::Exited { started: None },
        billed: Vec::new(),
        rng,
    };
    boot(app, &mut pod, call.now, Machine::Wanted)?;
    let view = pod.view(call.now, &app.clock);
    account.insert(pod);
    Ok(Reply::Json(StatusCode::CREATED, view))
}

fn boot(app: &App, pod: &mut Pod, now: Duration, machine: Machine) -> Result<(), Box<Problem>> {
    let boot = app.settings.boot.plan(now, &mut pod.rng, machine);
    let opener = Opener { clock: &app.clock, runtime: &app.runtime, real: app.settings.real_endpoints };
    let rng = &mut pod.rng;
    let made_up = || rand::Rng::random_range(rng, 10_000..60_000);
    let endpoints = Endpoints::open(&opener, &pod.ports, &boot, pod.sshd, made_up)
        .map_err(|error| Problem::internal(format!("the simulator cannot open a loopback port: {error}")))?;
    pod.boot(boot, endpoints);
    Ok(())
}

pub(super) fn get(app: &App, call: &Call) -> Outcome {
    let account = app.account();
    let pod = account.pod(call.id(), call.now, app.settings.terminated_linger);
    let pod = pod.ok_or_else(|| Problem::not_found("pod", call.id()))?;
    Reply::ok(pod.view(call.now, &app.clock))
}

pub(super) fn list(app: &App, call: &Call) -> Outcome {
    let limit = match call.query("limit") {
        None => app.settings.page_size,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or_else(|| Problem::invalid(vec![format!("query.limit: must be 1 to {MAX_LIMIT}")]))?,
    };
    let after = match call.query("cursor") {
        None => None,
        Some(text) => {
            Some(cursor(text).ok_or_else(|| Problem::bad_request("the cursor is not one of ours"))?)
        }
    };
    let account = app.account();
    let listed = |pod: &&Pod| {
        !matches!(pod.phase, Phase::Terminated { .. })
            && call.now >= pod.created.saturating_add(app.settings.list_lag)
            && after.is_none_or(|after| pod.number > after)
    };
    let mut page: Vec<&Pod> = account.pods().iter().filter(listed).take(limit + 1).collect();
    let more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| more).map(|pod| format!("c{:x}", pod.number));
    Reply::ok(json!({
        "pods": page.iter().map(|pod| pod.view(call.now, &app.clock)).collect::<Vec<_>>(),
        "pagination": { "nextCursor": next, "hasNextPage": more },
    }))
}

fn cursor(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix('c')?, 16).ok()
}

pub(super) fn delete(app: &App, call: &Call) -> Outcome {
    terminate(&mut app.account(), call)
}

fn terminate(account: &mut Account, call: &Call) -> Outcome {
    let pod = account.existing_pod(call.id()).ok_or_else(|| Problem::not_found("pod", call.id()))?;
    if pod.locked {
        return Err(Problem::bad_request(LOCKED));
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
        Action::Start => start(app, &mut account, call)?,
        Action::Restart => boot(app, pod, call.now, Machine::Kept)?,
        _ => pod.exit(call.now),
    }
    let pod = account.existing_pod(call.id()).ok_or_else(|| Problem::not_found("pod", call.id()))?;
    Reply::ok(pod.view(call.now, &app.clock))
}

/// A stopped pod goes back to its own machine or nowhere.
fn start(app: &App, account: &mut Account, call: &Call) -> Result<(), Box<Problem>> {
    let capacity = account.capacity.clone();
    let (place, units) = match account.existing_pod(call.id()) {
        Some(pod) => (pod.place.clone(), pod.compute.units()),
        None => return Err(Problem::not_found("pod", call.id())),
    };
    if !capacity.fits(&place, units, &account.used()) {
        return Err(Problem::bad_request(NO_FREE_GPUS));
    }
    match account.existing_pod(call.id()) {
        Some(pod) => boot(app, pod, call.now, Machine::Wanted),
        None => Err(Problem::not_found("pod", call.id())),
    }
}
