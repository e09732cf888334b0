//! Creates, starts and restarts of pods.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::http::StatusCode;
use rand::Rng;

use crate::{
    contract::Problem,
    faults::FaultKind,
    world::{
        App,
        account::{Account, draw_id},
        behavior::PublicKey,
        boot::{Boot, Fate, Machine},
        endpoints::{Endpoints, Handover, Services, Sockets},
        order::{CreatePod, Env},
        pod::{Facts, Host, Identity, Pod},
        port::{Port, PortKind},
        rules::{self, Compute},
        ssh::{Container, ContainerSpec},
        template,
    },
};

const NO_FREE_GPUS: &str = "There are not enough free GPUs on the host machine to start this pod.";
const NO_BALANCE: &str = "The account balance is too low to start a pod: add credit.";

/// Makes the pod of an order, begins its boot and returns its id.
pub(crate) fn create(
    app: &App,
    account: &mut Account,
    order: CreatePod,
    now: Duration,
    fault: Option<&FaultKind>,
) -> Result<String, Box<Problem>> {
    let mut plan = plan(app, account, order, now)?;
    if fault == Some(&FaultKind::DropEnvironment) {
        plan.order.env = Env::default();
    }
    let fate = Fate::of(fault);
    let id = make(app, account, &plan, now, |app, pod| boot(app, pod, now, Machine::Wanted, fate))?;
    if fault == Some(&FaultKind::DuplicateCreate) {
        // Nobody asked for a second one: without a machine for it, nobody hears of it.
        let twin = make(app, account, &plan, now, |app, pod| {
            pod.twin = true;
            boot(app, pod, now, Machine::Wanted, fate)
        });
        tracing::debug!(made = twin.is_ok(), "a create made a second pod");
    }
    Ok(id)
}

/// An order that broke no rule.
pub(crate) struct Plan {
    order: CreatePod,
    accepted: rules::Accepted,
}

impl Plan {
    pub(crate) fn ports(&self) -> &[Port] {
        &self.accepted.ports
    }
}

/// Applies every rule of a create but the one of stock.
pub(crate) fn plan(
    app: &App,
    account: &Account,
    mut order: CreatePod,
    now: Duration,
) -> Result<Plan, Box<Problem>> {
    resolve_template(account, &mut order)?;
    let accepted = rules::check(&order, &account.volumes, &app.behavior())?;
    afford(account, &accepted.compute, now)?;
    Ok(Plan { order, accepted })
}

/// Finds a machine for a plan, lets `begin` begin the pod's life there and returns its id.
pub(crate) fn make(
    app: &App,
    account: &mut Account,
    plan: &Plan,
    now: Duration,
    begin: impl FnOnce(&App, &mut Pod) -> Result<(), Box<Problem>>,
) -> Result<String, Box<Problem>> {
    let mut pod = assemble(app, account, plan, now)?;
    begin(app, &mut pod)?;
    let id = pod.id.clone();
    account.insert(pod);
    Ok(id)
}

fn resolve_template(account: &Account, order: &mut CreatePod) -> Result<(), Box<Problem>> {
    if let Some(id) = &order.template_id {
        let public = template::public();
        let mut known = public.iter().filter(|template| template.id == *id);
        let template = account.templates.get(id).or_else(|| known.next());
        let template = template.ok_or_else(|| Problem::not_found("template"))?;
        template.body.complete(order);
        rules::check_size(order)?;
    }
    if order.registry.as_deref().is_some_and(|id| account.registries.get(id).is_none()) {
        return Err(Problem::not_found("registry"));
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

fn assemble(app: &App, account: &Account, plan: &Plan, now: Duration) -> Result<Pod, Box<Problem>> {
    let Plan { order, accepted } = plan;
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
    let order = order.clone();
    let wants_ssh = order.start_ssh.unwrap_or(false);
    let jupyter = order.start_jupyter.unwrap_or(false);
    let facts = Facts {
        name: order.name,
        image: accepted.image.clone(),
        args: order.args.unwrap_or_default(),
        entrypoint: order.entrypoint,
        cmd: order.cmd,
        disk: accepted.disk,
        env: environment(order.env, wants_ssh, &account.ssh_keys, app.behavior().public_key),
        ports: accepted.ports.clone(),
        registry: order.registry,
        mounts: order.mounts,
        global_networking: order.global_networking,
        locked: false,
    };
    let host = Host::draw(cuda, &mut rng);
    let grain = account.grain(number);
    let sshd = (wants_ssh && !account.ssh_keys.is_empty()) || facts.env.0.contains_key("PUBLIC_KEY");
    let disk = app.shells.pod(&id);
    let identity = Identity { id, number, grain, created: now, disk, rng };
    let mut pod = Pod::new(identity, facts, accepted.compute, place, host);
    (pod.sshd, pod.jupyter) = (sshd, jupyter);
    if wants_ssh {
        pod.keys.clone_from(&account.ssh_keys);
    }
    pod.template = order.template_id;
    pod.interruptible = order.interruptible;
    Ok(pod)
}

/// The environment with the account's keys in it, as they are at the create.
fn environment(mut env: Env, wants_ssh: bool, keys: &[String], shown: PublicKey) -> Env {
    let text = match shown {
        PublicKey::Written | PublicKey::Null if wants_ssh && !keys.is_empty() => keys.join("\n"),
        PublicKey::Null if wants_ssh => "null".to_owned(),
        _ => return env,
    };
    env.0.entry("PUBLIC_KEY".to_owned()).or_insert(text);
    env
}

/// Begins a boot by the account's boot profile.
pub(crate) fn boot(
    app: &App,
    pod: &mut Pod,
    now: Duration,
    machine: Machine,
    fate: Fate,
) -> Result<(), Box<Problem>> {
    let boot = app.settings.boot.plan(now, &mut pod.rng, machine, fate);
    open_endpoints(app, pod, boot, None)
}

/// Restarts the container where it is, now or a little later.
pub(crate) fn restart(app: &App, pod: &mut Pod, now: Duration, fate: Fate) -> Result<(), Box<Problem>> {
    let delay = app.behavior().restart_delay.of(pod.grain.wrapping_add(pod.runs.len() as u64));
    let boot = app.settings.boot.plan(now, &mut pod.rng, Machine::Kept, fate).later(delay);
    open_endpoints(app, pod, boot, None)
}

/// Begins a boot and opens the pod's ports for it, or takes those that are given.
pub(crate) fn open_endpoints(
    app: &App,
    pod: &mut Pod,
    boot: Boot,
    sockets: Option<Sockets>,
) -> Result<(), Box<Problem>> {
    let rng = &mut pod.rng;
    let sockets = match sockets {
        Some(sockets) => sockets,
        None if app.settings.real_endpoints => take(app, &pod.facts.ports)?,
        None => Sockets::announced(&pod.facts.ports, || rng.random_range(10_000..60_000)),
    };
    let container = Arc::new(Container::new(container(app, pod, &boot, &sockets)));
    let services = Services {
        clock: app.clock.clone(),
        answers: app.answers.clone(),
        current: app.current.clone(),
        pod: pod.id.clone(),
        jupyter: pod.jupyter,
        container,
    };
    let endpoints = Endpoints::serve(&app.runtime, sockets, &services, &boot, pod.sshd);
    pod.boot(boot, endpoints, app.handover());
    Ok(())
}

/// The facts that the SSH server of a pod's next run goes by.
fn container(app: &App, pod: &Pod, boot: &Boot, sockets: &Sockets) -> ContainerSpec {
    let env = pod.facts.env.clone();
    ContainerSpec {
        pod: pod.id.clone(),
        seed: pod.grain.wrapping_add(pod.runs.len() as u64),
        // A variable of the order's own wins, also one that holds no key.
        keys: env.0.get("PUBLIC_KEY").cloned().unwrap_or_else(|| pod.keys.join("\n")),
        env,
        ports: sockets.addresses(),
        mounts: pod.facts.mounts.clone(),
        downtime: boot.listening.saturating_sub(boot.ports),
        clock: app.clock.clone(),
        faults: app.faults.clone(),
        disk: pod.disk.clone(),
        shells: app.shells.clone(),
    }
}

/// Takes loopback ports for the ports of a pod.
pub(crate) fn take(app: &App, ports: &[Port]) -> Result<Sockets, Box<Problem>> {
    let _context = app.runtime.enter();
    Sockets::take(ports)
        .map_err(|error| Problem::internal(format!("the simulator cannot open a loopback port: {error}")))
}

impl App {
    /// The fate of the ports of a run that ends.
    pub(crate) fn handover(&self) -> Handover<'_> {
        let behavior = self.behavior();
        let to_stranger = behavior.exited_endpoints || !behavior.stale_endpoints.is_zero();
        Handover { clock: &self.clock, runtime: &self.runtime, to_stranger }
    }
}

/// Starts a stopped pod, which goes back to its own machine or nowhere.
pub(crate) fn start(
    app: &App,
    account: &mut Account,
    id: &str,
    now: Duration,
    fault: Option<&FaultKind>,
) -> Result<(), Box<Problem>> {
    let unknown = || Problem::not_found("pod");
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

/// The address that listens for an HTTP port of a pod; `None` until the port is assigned.
pub(crate) fn http_end(account: &Account, id: &str, port: u16, now: Duration) -> Option<SocketAddr> {
    let run = account.pod(id, now, Duration::ZERO)?.reachable(now)?;
    let port = Port { number: u32::from(port), kind: PortKind::Http };
    run.endpoints.of(port).map(|endpoint| endpoint.public)
}
