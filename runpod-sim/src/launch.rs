use std::net::SocketAddr;
use std::time::Duration;

use axum::http::StatusCode;
use rand::Rng;

use crate::account::{Account, draw_id};
use crate::boot::{Boot, Fate, Machine};
use crate::endpoints::{Endpoints, Opener};
use crate::faults::FaultKind;
use crate::http::App;
use crate::order::CreatePod;
use crate::pod::{Host, Phase, Pod};
use crate::problem::Problem;
use crate::rules::{self, Compute};
use crate::template;

const NO_FREE_GPUS: &str = "There are not enough free GPUs on the host machine to start this pod.";
const NO_BALANCE: &str = "The account balance is too low to start a pod: add credit.";

/// Makes the pod an order asks for and begins its boot; gives its id.
pub(crate) fn create(
    app: &App,
    account: &mut Account,
    mut order: CreatePod,
    now: Duration,
    fault: Option<&FaultKind>,
) -> Result<String, Box<Problem>> {
    resolve_template(account, &mut order)?;
    let accepted = rules::check(&order, &account.volumes)?;
    afford(account, &accepted.compute, now)?;
    let mut make = || {
        let mut pod = assemble(account, &order, &accepted, now)?;
        boot(app, &mut pod, now, Machine::Wanted, Fate::of(fault))?;
        let id = pod.id.clone();
        account.insert(pod);
        Ok(id)
    };
    let id = make()?;
    if fault == Some(&FaultKind::DuplicateCreate) {
        // Nobody asked for a second one: without a machine for it, nobody hears of it.
        let _: Result<String, Box<Problem>> = make();
    }
    Ok(id)
}

fn resolve_template(account: &Account, order: &mut CreatePod) -> Result<(), Box<Problem>> {
    if let Some(id) = &order.template_id {
        let public = template::public();
        let mut known = public.iter().filter(|template| template.id == *id);
        let template = account.templates.get(id).or_else(|| known.next());
        let template = template.ok_or_else(|| Problem::not_found("template", id))?;
        template.body.complete(order);
    }
    if let Some(id) = order.registry.as_deref().filter(|id| account.registries.get(id).is_none()) {
        return Err(Problem::not_found("registry", id));
    }
    Ok(())
}

/// Refuses what the account has no money or no permission for.
fn afford(account: &Account, compute: &Compute, now: Duration) -> Result<(), Box<Problem>> {
    if account.balance(now).is_some_and(|usd| usd <= 0.0) {
        return Err(Problem::new(StatusCode::PAYMENT_REQUIRED, NO_BALANCE));
    }
    if account.forbidden.contains(compute.type_id()) {
        let detail = format!("This account is not allowed to use {}.", compute.type_id());
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(())
}

fn assemble(
    account: &Account,
    order: &CreatePod,
    accepted: &rules::Accepted,
    now: Duration,
) -> Result<Pod, Box<Problem>> {
    let (number, mut rng) = account.next_pod();
    let id = draw_id(&mut rng);
    let (place, cuda) = rules::place(
        order,
        &accepted.compute,
        &account.volumes,
        &account.capacity,
        &account.used(),
        &mut rng,
    )?;
    let wants_ssh = order.start_ssh.unwrap_or(false) && !account.ssh_keys.is_empty();
    let order = order.clone();
    Ok(Pod {
        id,
        number,
        name: order.name,
        image: accepted.image.clone(),
        args: order.args.unwrap_or_default(),
        entrypoint: order.entrypoint,
        cmd: order.cmd,
        disk: accepted.disk,
        sshd: wants_ssh || order.env.0.contains_key("PUBLIC_KEY"),
        env: order.env,
        ports: accepted.ports.clone(),
        registry: order.registry,
        compute: accepted.compute,
        mounts: order.mounts,
        global_networking: order.global_networking,
        locked: false,
        without_gpus: false,
        cluster: None,
        interruptible: order.interruptible,
        place,
        host: Host::draw(cuda, &mut rng),
        created: now,
        phase: Phase::Exited { started: None },
        billed: Vec::new(),
        boots: Vec::new(),
        rng,
    })
}

/// Begins a boot that goes as the account's boot profile has it.
pub(crate) fn boot(
    app: &App,
    pod: &mut Pod,
    now: Duration,
    machine: Machine,
    fate: Fate,
) -> Result<(), Box<Problem>> {
    let boot = app.settings.boot.plan(now, &mut pod.rng, machine, fate);
    plug(app, pod, boot)
}

/// Begins a boot and opens the pod's ports for it.
pub(crate) fn plug(app: &App, pod: &mut Pod, boot: Boot) -> Result<(), Box<Problem>> {
    let opener = Opener { clock: &app.clock, runtime: &app.runtime, real: app.settings.real_endpoints };
    let rng = &mut pod.rng;
    let made_up = || rng.random_range(10_000..60_000);
    let endpoints = Endpoints::open(&opener, &pod.ports, &boot, pod.sshd, made_up)
        .map_err(|error| Problem::internal(format!("the simulator cannot open a loopback port: {error}")))?;
    pod.boot(boot, endpoints);
    Ok(())
}

/// Starts a stopped pod, which goes back to its own machine or nowhere.
pub(crate) fn start(
    app: &App,
    account: &mut Account,
    id: &str,
    now: Duration,
    fault: Option<&FaultKind>,
) -> Result<(), Box<Problem>> {
    let unknown = || Problem::not_found("pod", id);
    let pod = account.existing_pod(id).ok_or_else(unknown)?;
    let (place, compute, held) = (pod.place.clone(), pod.compute, pod.holds_compute());
    afford(account, &compute, now)?;
    let full = !held && !account.capacity.fits(&place, compute.units(), &account.used());
    if full || fault == Some(&FaultKind::HostFull) {
        return Err(Problem::bad_request(NO_FREE_GPUS));
    }
    let pod = account.existing_pod(id).ok_or_else(unknown)?;
    pod.without_gpus = fault == Some(&FaultKind::ZeroGpus);
    let machine = if held { Machine::Kept } else { Machine::Wanted };
    boot(app, pod, now, machine, Fate::of(fault))
}

/// Where something listens for an HTTP port of a pod; `None` until the port is assigned.
pub(crate) fn http_end(account: &Account, id: &str, port: u16, now: Duration) -> Option<SocketAddr> {
    let (_, endpoints) = account.pod(id, now, Duration::ZERO)?.reachable(now)?;
    let port = crate::order::Port { number: port, kind: crate::order::PortKind::Http };
    endpoints.of(port).map(|endpoint| endpoint.public)
}
