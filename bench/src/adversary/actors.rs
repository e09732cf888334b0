//! The actors: programs that use the facade, drop its futures, put them aside, and die.

use std::{
    fmt,
    future::Future,
    pin::pin,
    sync::atomic::Ordering,
    task::Poll,
    time::{Duration, SystemTime},
};

use futures_util::future::poll_fn;
use runpod_lifecycle::{
    DeployError, Error, Event, Found, Gone, IfExists, OnFailure, Origin, Place, PodHandle, PodSpec, Ready,
    RunPod, Running, Stopped, Terminated, WaitError,
};
use tokio::time::{Instant, sleep};

use super::{
    oracles::{self, Outcome},
    server::{GPU, SharedWorld, lock},
    stillness::Activity,
    stored::PLACE,
    truth::TAG,
    world::{Change, Licence, Told, World},
};

/// A value of the environment that nobody may ever be shown.
pub(super) const SECRET: &str = "sentinel-of-the-environment";
/// The beginning of every process's key.
pub(super) const KEY: &str = "rpa_sentinel-of-the-key-";
/// The time that a client waits for an answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
/// The time by a process's own clock at the beginning of a run: hours before RunPod's.
const LOCAL_EPOCH: Duration = Duration::from_secs(1_789_990_000);
/// The time for which a future is put aside.
const ASIDE: Duration = Duration::from_secs(40);
/// The polls at which a future is dropped or put aside, from the first choice on.
const DROPS: [u32; 12] = [1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 24, 40];
const ASIDES: [u32; 6] = [2, 4, 6, 9, 14, 24];

/// The names of the pods that are deployed in one call, two at a time.
const FLEET: [&str; 3] = ["trainer", "one", "two"];
/// The name of the network volume and the secret.
pub(super) const DATA: &str = "data";
/// Size of the volume when it is ensured, in GB.
pub(super) const VOLUME_GB: u32 = 20;

/// Seconds that a deploy of a fleet may wait for its turn.
const FLEET_TURN: u64 = 1800;

/// The condition of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    Running,
    Ssh,
    Ports,
    Http,
    Stopped,
    Gone,
}

/// Something that an actor does, with seconds where something is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Deploy(IfExists),
    DeployAndWait(IfExists, Until, u64, OnFailure),
    Wait(Until, u64),
    Stop,
    Start,
    Restart,
    Terminate,
    Get,
    Find,
    List,
    Plan,
    Reap,
    /// Deploys the pods of [`FLEET`].
    DeployAll,
    /// Terminates those of them that it was given.
    TerminateAll,
    /// Ensures a network volume of [`DATA`].
    EnsureVolume,
    FindVolume,
    /// Grows the one in hand to so many GB.
    GrowVolume(u32),
    DeleteVolume,
    /// Stores the operation's own value under [`DATA`].
    SetSecret,
    DeleteSecret,
    Pause(u64),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploy(if_exists) => write!(f, "deploy ({if_exists:?})"),
            Self::DeployAndWait(if_exists, until, longest, on_failure) => {
                write!(f, "deploy ({if_exists:?}) and wait {longest} s for {until:?}, else {on_failure:?}")
            }
            Self::Wait(until, longest) => write!(f, "wait {longest} s for {until:?}"),
            Self::Pause(span) => write!(f, "pause {span} s"),
            other => write!(f, "{}", format!("{other:?}").to_lowercase()),
        }
    }
}

/// Somebody who does one thing after another.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    /// Actors of one process share a handle.
    pub(super) process: usize,
    pub(super) begins_after: u64,
    pub(super) name: &'static str,
    pub(super) lifetime: Option<u64>,
    /// Seconds for which its deploys wait for stock.
    pub(super) patience: u64,
    pub(super) volume: bool,
    pub(super) fate: Fate,
    pub(super) ops: Vec<Op>,
}

impl Actor {
    pub(super) fn new(process: usize, ops: impl Into<Vec<Op>>) -> Self {
        let (name, fate) = ("trainer", Fate::Lives);
        let (begins_after, lifetime, patience) = (0, None, 0);
        Self { process, begins_after, name, lifetime, patience, volume: false, fate, ops: ops.into() }
    }

    fn spec(&self, tag: &str, if_exists: IfExists) -> PodSpec {
        let mut spec = PodSpec::gpu(self.name, "image", [GPU, "NVIDIA A40"])
            .port("22/tcp")
            .port("8080/http")
            .env("TOKEN", SECRET)
            .env("PUBLIC_KEY", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 adversary")
            .env(TAG, tag)
            .if_exists(if_exists)
            .patience(Duration::from_secs(self.patience));
        if let Some(seconds) = self.lifetime {
            spec = spec.lifetime(Duration::from_secs(seconds));
        }
        if self.volume {
            spec = spec.volume_gb(20);
        }
        spec
    }
}

/// A process's handle, whose events are heard.
pub(super) fn handle(world: &SharedWorld, process: usize, url: &str) -> RunPod {
    let (began, slept) = (Instant::now(), std::sync::Arc::clone(lock(world).truth.slept()));
    // A machine that sleeps sees by this clock that it did.
    let by_clock = move || began.elapsed() + Duration::from_secs(slept.load(Ordering::Relaxed));
    let runpod = RunPod::builder(format!("{KEY}{process}"))
        .base_url(url)
        .local_clock(move || SystemTime::UNIX_EPOCH + LOCAL_EPOCH + by_clock())
        .http_proxy(format!("{url}/proxy/{{pod}}/{{port}}"))
        .timeout(TIMEOUT)
        .build();
    let hearing = std::sync::Arc::clone(world);
    runpod.expect("loopback is a fine base URL").on_event(move |event| hear(&hearing, process, event))
}

fn hear(world: &SharedWorld, process: usize, event: &Event) {
    let text = event.to_string();
    let event = match event {
        Event::OfFleet { event, .. } => event,
        event => event,
    };
    let mut world = lock(world);
    if !matches!(event, Event::Polled { .. }) {
        world.tell(format!("  process {process} hears: {text}"));
    }
    let doubts_name = text.contains("look for its name");
    if let Event::DuplicateTerminated { pod_id } = event
        && !world.truth.pod(pod_id).is_some_and(|pod| pod.is_terminated_at(world.truth.now()))
    {
        world.breaks("gone", format!("{pod_id} is said to be a terminated duplicate, and is there"));
    }
    let debug = format!("{event:?}");
    world.told.push(Told { process, text: format!("{text} {debug}"), doubts_name });
}

/// Fate of an operation's future.
#[derive(Clone, Copy, Debug)]
enum Care {
    Awaited,
    DroppedAt(u32),
    AsideAt(u32),
    /// The process ends.
    DiesAt(u32),
    /// The machine sleeps for an hour.
    SleepsAt(u32),
}

/// Mishaps that may befall a scenario's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Lives,
    /// The first of them may die.
    Dies,
    /// Their machine may sleep.
    Sleeps,
}

/// Seconds for which a machine sleeps.
const SLEEP: u64 = 3600;

/// Drives a future as somebody may who has other things to do; `None` if it was dropped.
async fn driven<T>(
    future: impl Future<Output = T>,
    care: Care,
    process: usize,
    world: &SharedWorld,
    activity: &Activity,
) -> Option<T> {
    enum Step<T> {
        Done(T),
        Drop,
        Aside,
    }
    let mut future = pin!(future);
    let mut polls = 0;
    loop {
        let step = poll_fn(|context| {
            activity.note();
            polls += 1;
            let mut world_now = lock(world);
            if matches!(care, Care::DiesAt(poll) if poll == polls) {
                world_now.dead.push(process);
                world_now.tell(format!("process {process} dies"));
            }
            if matches!(care, Care::SleepsAt(poll) if poll == polls) {
                world_now.truth.slept().fetch_add(SLEEP, Ordering::Relaxed);
                world_now.tell("the machine of the actors has slept for an hour");
            }
            // Nothing of a dead process goes on.
            if world_now.dead.contains(&process) {
                return Poll::Ready(Step::Drop);
            }
            drop(world_now);
            match care {
                Care::DroppedAt(poll) if poll == polls => return Poll::Ready(Step::Drop),
                Care::AsideAt(poll) if poll == polls => return Poll::Ready(Step::Aside),
                _ => {}
            }
            future.as_mut().poll(context).map(Step::Done)
        });
        match step.await {
            Step::Done(output) => return Some(output),
            Step::Drop => return None,
            Step::Aside => sleep(ASIDE).await,
        }
    }
}

/// Does everything an actor has to do.
pub(super) async fn act(world: SharedWorld, activity: Activity, runpod: RunPod, number: usize, actor: Actor) {
    sleep(Duration::from_secs(actor.begins_after)).await;
    let (mut pod, mut fleet): (Option<PodHandle>, Vec<PodHandle>) = (None, Vec::new());
    let mut volume: Option<String> = None;
    for (position, op) in actor.ops.iter().enumerate() {
        if let Op::Pause(seconds) = op {
            sleep(Duration::from_secs(*seconds)).await;
            continue;
        }
        if lock(&world).dead.contains(&actor.process) {
            return;
        }
        let tag = format!("{number}.{position}");
        let needs_pod =
            matches!(op, Op::Wait(..) | Op::Stop | Op::Start | Op::Restart | Op::Terminate | Op::Get);
        let needs_volume = matches!(op, Op::GrowVolume(_) | Op::DeleteVolume);
        if needs_pod && pod.is_none() || needs_volume && volume.is_none() {
            continue;
        }
        let key = u64::try_from(number * 100 + position).unwrap_or_default();
        let care = begin(&world, &actor, number, &tag, key, *op, pod.as_ref());
        if *op == Op::TerminateAll {
            let own = |pod: &PodHandle| (actor.process, key, Licence::Pod(pod.id.clone()));
            lock(&world).licences.extend(fleet.iter().map(own));
        }
        let began = lock(&world).truth.now();
        let done = async {
            match keep(&runpod, &tag, *op, volume.as_deref()).await {
                Outcome::Nothing => perform(&runpod, &actor, &tag, *op, pod.as_ref(), &fleet).await,
                outcome => outcome,
            }
        };
        let done = driven(Box::pin(done), care, actor.process, &world, &activity).await;
        let Some(outcome) = done else {
            let mut world = lock(&world);
            world.tell(format!("actor {number} drops its {op}"));
            if *op == Op::EnsureVolume {
                world.volumes_dropped.push(actor.process);
            }
            world.dropped.extend((0..FLEET.len()).map(|place| part(&tag, place)));
            world.dropped.push(tag);
            continue;
        };
        lock(&world).licences.retain(|(_, own, _)| *own != key);
        let is_awaited = matches!(care, Care::Awaited);
        let note = |actor: &Actor, tag: &str, op, pod: Option<&PodHandle>, outcome: &Outcome| {
            finish(&world, actor, number, tag, op, pod, began, outcome, is_awaited);
        };
        let outcome = match outcome {
            Outcome::Fleet(results) => {
                for (place, result) in results.into_iter().enumerate() {
                    let one = Actor { name: FLEET[place], patience: FLEET_TURN, ..actor.clone() };
                    fleet.extend(result.as_ref().ok().cloned());
                    let (op, result) = (Op::Deploy(IfExists::Fail), Outcome::Deploy(result));
                    note(&one, &part(&tag, place), op, None, &result);
                }
                continue;
            }
            Outcome::Ended(ended) => {
                for Terminated { pod, outcome, .. } in ended {
                    note(&actor, &tag, Op::Terminate, Some(&pod), &Outcome::Act(outcome.map(drop)));
                }
                continue;
            }
            outcome => outcome,
        };
        note(&actor, &tag, *op, pod.as_ref(), &outcome);
        match outcome {
            Outcome::Deploy(Ok(new)) | Outcome::Wait(Ok(new)) | Outcome::Get(Ok(new)) => pod = Some(new),
            Outcome::Find(Ok(Found::One(new))) => pod = Some(new),
            Outcome::Volume(Ok(new)) | Outcome::FoundVolume(Ok(Some(new))) => volume = Some(new.id),
            _ => {}
        }
    }
}

/// The tag of one pod of a fleet.
fn part(tag: &str, place: usize) -> String {
    format!("{tag}.{place}")
}

/// Chooses what happens to the future of an operation.
fn care(world: &mut World, actor: &Actor) -> Care {
    let more = match actor.fate {
        Fate::Dies if actor.process == 0 => &DROPS[..],
        Fate::Sleeps => &ASIDES[..],
        _ => &[],
    };
    let choice = world.tape.choose(1 + DROPS.len() + ASIDES.len() + more.len());
    let (drops, asides) = (DROPS.len(), DROPS.len() + ASIDES.len());
    match choice {
        0 => Care::Awaited,
        choice if choice <= drops => Care::DroppedAt(DROPS[choice - 1]),
        choice if choice <= asides => Care::AsideAt(ASIDES[choice - 1 - drops]),
        choice if actor.fate == Fate::Dies => Care::DiesAt(more[choice - 1 - asides]),
        choice => Care::SleepsAt(more[choice - 1 - asides]),
    }
}

/// Writes down that an operation begins and what it may end; chooses what happens to its future.
fn begin(
    world: &SharedWorld,
    actor: &Actor,
    number: usize,
    tag: &str,
    key: u64,
    op: Op,
    pod: Option<&PodHandle>,
) -> Care {
    let mut world = lock(world);
    let care = care(&mut world, actor);
    if !matches!(care, Care::Awaited) {
        world.deaf.push(actor.process);
    }
    let on = pod.map(|pod| format!(" on {}", pod.id)).unwrap_or_default();
    let told = match care {
        Care::Awaited => String::new(),
        care => format!(", {care:?}"),
    };
    world.tell(format!("actor {number} (process {}) begins: {op}{on}{told}", actor.process));
    let id = || Licence::Pod(pod.map(|pod| pod.id.clone()).unwrap_or_default());
    let mut licences = match op {
        Op::Deploy(IfExists::Replace) | Op::DeployAndWait(IfExists::Replace, ..) => {
            vec![Licence::Twins, Licence::Name(actor.name.to_owned())]
        }
        Op::Deploy(_) | Op::DeployAll | Op::DeployAndWait(..) | Op::Wait(..) => vec![Licence::Twins],
        Op::Stop | Op::Terminate => vec![id()],
        Op::Reap => vec![Licence::Overdue],
        Op::DeleteVolume => vec![Licence::Volume],
        _ => Vec::new(),
    };
    if let Op::DeployAndWait(.., OnFailure::Terminate) = op {
        licences.push(Licence::Made(tag.to_owned()));
    }
    world.licences.extend(licences.into_iter().map(|licence| (actor.process, key, licence)));
    care
}

/// Does what is about stored things.
async fn keep(runpod: &RunPod, tag: &str, op: Op, volume: Option<&str>) -> Outcome {
    match (op, volume) {
        (Op::EnsureVolume, _) => {
            Outcome::Volume(runpod.ensure_volume(DATA, VOLUME_GB, Place::DataCenter(PLACE)).await)
        }
        (Op::FindVolume, _) => Outcome::FoundVolume(runpod.find_volume(DATA).await),
        (Op::GrowVolume(size_gb), Some(id)) => Outcome::Volume(runpod.grow_volume(id, size_gb).await),
        (Op::DeleteVolume, Some(id)) => Outcome::VolumeEnded(id.to_owned(), runpod.delete_volume(id).await),
        (Op::SetSecret, _) => Outcome::Secret(runpod.set_account_secret(DATA, value(tag)).await),
        (Op::DeleteSecret, _) => Outcome::SecretEnded(runpod.delete_account_secret(DATA).await),
        _ => Outcome::Nothing,
    }
}

/// The value that an operation stores.
pub(super) fn value(tag: &str) -> String {
    format!("{SECRET}-{tag}")
}

async fn perform(
    runpod: &RunPod,
    actor: &Actor,
    tag: &str,
    op: Op,
    pod: Option<&PodHandle>,
    fleet: &[PodHandle],
) -> Outcome {
    match (op, pod) {
        (Op::Deploy(if_exists), _) => Outcome::Deploy(runpod.deploy(&actor.spec(tag, if_exists)).await),
        (Op::DeployAndWait(if_exists, until, longest, on_failure), _) => {
            let spec = actor.spec(tag, if_exists);
            let longest = Duration::from_secs(longest);
            Outcome::Deploy(match until {
                Until::Running => runpod.deploy_and_wait_until(&spec, Running, longest, on_failure).await,
                Until::Ssh => runpod.deploy_and_wait_until(&spec, Ready::Ssh, longest, on_failure).await,
                Until::Ports => runpod.deploy_and_wait_until(&spec, Ready::Ports, longest, on_failure).await,
                Until::Http => {
                    runpod.deploy_and_wait_until(&spec, Ready::Http(8080), longest, on_failure).await
                }
                Until::Stopped => runpod.deploy_and_wait_until(&spec, Stopped, longest, on_failure).await,
                Until::Gone => runpod.deploy_and_wait_until(&spec, Gone, longest, on_failure).await,
            })
        }
        (Op::Wait(until, longest), Some(pod)) => Outcome::Wait(wait(pod, until, longest).await),
        (Op::Stop, Some(pod)) => Outcome::Act(pod.stop().await.map(drop)),
        (Op::Start, Some(pod)) => Outcome::Act(pod.start().await.map(drop)),
        (Op::Restart, Some(pod)) => Outcome::Act(pod.restart().await.map(drop)),
        (Op::Terminate, Some(pod)) => Outcome::Act(pod.terminate().await.map(drop)),
        (Op::Get, Some(pod)) => Outcome::Get(pod.refresh().await),
        (Op::Find, _) => Outcome::Find(runpod.find(actor.name).await),
        (Op::List, _) => Outcome::List(runpod.list().await),
        (Op::Plan, _) => Outcome::Plan(runpod.plan(&actor.spec(tag, IfExists::Fail)).await),
        (Op::Reap, _) => Outcome::Reap(runpod.reap().await),
        (Op::DeployAll, _) => {
            let spec = |(place, name): (usize, &&'static str)| {
                Actor { name, ..actor.clone() }.spec(&part(tag, place), IfExists::Fail)
            };
            let results = runpod.deploy_all(FLEET.iter().enumerate().map(spec)).at_once(2).await;
            Outcome::Fleet(results.expect("each has a name of its own"))
        }
        (Op::TerminateAll, _) => Outcome::Ended(runpod.terminate_all(fleet.to_vec()).await),
        _ => Outcome::Nothing,
    }
}

async fn wait(pod: &PodHandle, until: Until, longest: u64) -> Result<PodHandle, WaitError> {
    let longest = Duration::from_secs(longest);
    match until {
        Until::Running => pod.wait_until(Running, longest).await,
        Until::Ssh => pod.wait_until(Ready::Ssh, longest).await,
        Until::Ports => pod.wait_until(Ready::Ports, longest).await,
        Until::Http => pod.wait_until(Ready::Http(8080), longest).await,
        Until::Stopped => pod.wait_until(Stopped, longest).await,
        Until::Gone => pod.wait_until(Gone, longest).await,
    }
}

/// Writes down what an operation came to and holds it against the truth.
#[allow(clippy::too_many_arguments)]
fn finish(
    world: &SharedWorld,
    actor: &Actor,
    number: usize,
    tag: &str,
    op: Op,
    pod: Option<&PodHandle>,
    began: Instant,
    outcome: &Outcome,
    is_awaited: bool,
) {
    let mut world = lock(world);
    let (text, doubts_name) = outcome.told();
    world.tell(format!("actor {number} is told: {text}"));
    world.results.push(format!("{number} {op}: {text}"));
    world.told.push(Told { process: actor.process, text: format!("{text} {outcome:?}"), doubts_name });
    if let Outcome::Deploy(Ok(pod)) = outcome
        && pod.origin() != Origin::Found
    {
        world.give(actor.process, &pod.id);
    }
    if let (Op::Stop | Op::Start | Op::Restart | Op::Terminate, Some(pod)) = (op, pod) {
        let change = Change { process: actor.process, pod: pod.id.clone(), began, ended: world.truth.now() };
        if op == Op::Terminate && matches!(outcome, Outcome::Act(Ok(()))) {
            world.ended.push(change.clone());
        }
        world.changes.push(change);
    }
    match outcome {
        Outcome::VolumeEnded(id, Ok(())) => {
            let ended = (actor.process, id.clone(), world.truth.now());
            world.volumes_ended.push(ended);
        }
        Outcome::Wait(_) => world.waited.extend(pod.map(|pod| (actor.process, pod.id.clone()))),
        Outcome::Deploy(Ok(pod)) if matches!(op, Op::DeployAndWait(..)) => {
            world.waited.insert((actor.process, pod.id.clone()));
        }
        _ => {}
    }
    let Actor { process, name, patience, .. } = *actor;
    let done = oracles::Done { process, name, patience, tag, op, pod, began, outcome, is_awaited };
    oracles::check(&mut world, &done);
}

/// Tells the errors of a deploy after which a pod may bill of which no id is known.
pub(super) fn doubts(error: &DeployError) -> bool {
    error.may_bill() && error.to_string().contains("may bill")
}

/// Shortens an error's text.
pub(super) fn said(error: &Error) -> String {
    error.to_string()
}
