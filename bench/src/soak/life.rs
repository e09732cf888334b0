//! One run: an account, its actors, and what they end up knowing.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use runpod_lifecycle::{
    DeployError, Error, Event, Found, Gone, Origin, PodHandle, Ready, RunPod, Running, Stopped, WaitError,
};
use runpod_sim::{BootProfile, Sim, SimError};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::{
    audit,
    plan::{Actor, Plan, Step},
    report::Tally,
};

/// The time that a client of a run waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The longest a deploy may take: every candidate lost and looked for, time and again, after a replacement.
const LONGEST_DEPLOY: Duration = Duration::from_secs(1800);
/// The longest any other call may take.
const LONGEST_CALL: Duration = Duration::from_secs(300);
/// Time that a wait may take beyond what it was given: a last poll, the log, and the search for a twin.
const AFTER_WAIT: Duration = Duration::from_secs(45);
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOurs soak";

/// The ids that came out of calls and events, and the events themselves.
#[derive(Clone, Debug)]
pub(super) struct Known {
    began: Instant,
    ids: Arc<Mutex<BTreeSet<String>>>,
    events: Arc<Mutex<Vec<(Duration, String)>>>,
}

impl Known {
    fn new() -> Self {
        Self { began: Instant::now(), ids: Arc::default(), events: Arc::default() }
    }

    fn add(&self, ids: impl IntoIterator<Item = String>) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
    }

    pub(super) fn ids(&self) -> BTreeSet<String> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every request and event of the run, in their order.
    fn story(&self, sim: &Sim) -> Vec<String> {
        let mut lines = self.events.lock().unwrap_or_else(PoisonError::into_inner).clone();
        lines.extend(sim.requests().into_iter().map(|request| {
            let fault = request.fault.map(|fault| format!(", {fault}")).unwrap_or_default();
            (request.at, format!("{} {} -> {}{fault}", request.method, request.path, request.status))
        }));
        lines.sort_by_key(|(at, _)| *at);
        lines.iter().map(|(at, line)| format!("{:>7.2}s {line}", at.as_secs_f64())).collect()
    }

    fn hear(&self, event: &Event) {
        let told = (self.began.elapsed(), event.to_string());
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(told);
        match event {
            Event::PodFound { pod_id }
            | Event::PodCreated { pod_id, .. }
            | Event::DuplicateTerminated { pod_id } => self.add([pod_id.clone()]),
            Event::GaveWay { pod_id, winner } => self.add([pod_id.clone(), winner.clone()]),
            _ => {}
        }
    }
}

/// Outcome of an actor's deploy.
#[derive(Debug)]
pub(super) enum Fate {
    Dropped,
    Accepted(Box<PodHandle>),
    /// It failed, and said that a pod may exist.
    Unclear,
    /// It failed, and said that no pod exists.
    Failed(String),
}

/// Remains of an actor.
#[derive(Debug)]
pub(super) struct Remains {
    pub(super) tag: String,
    pub(super) name: String,
    pub(super) fate: Fate,
}

/// Lives a run through and audits it.
pub(super) async fn live(plan: Plan) -> Tally {
    let mut tally = Tally { runs: 1, ..Tally::default() };
    match settle(&plan).await {
        Ok((sim, foreign)) => {
            let known = Known::new();
            let handles: Vec<RunPod> = (0..plan.actors.len()).map(|_| handle(&sim, &known)).collect();
            let actors = plan.actors.iter().enumerate().map(|(number, actor)| {
                let handle = &handles[if plan.one_handle { 0 } else { number }];
                act(handle, actor, &known)
            });
            let mut remains = Vec::new();
            for (rest, counts) in join_all(actors).await {
                remains.push(rest);
                tally.add(counts);
            }
            audit::audit(&plan, &sim, &foreign, remains, &known, &mut tally).await;
            if !tally.failures.is_empty() {
                tally.story = known.story(&sim);
            }
        }
        Err(error) => tally.fail(format!("the account could not be set up: {error}")),
    }
    tally
}

/// A simulated account with other people's pods in it, and the run's faults ahead.
async fn settle(plan: &Plan) -> Result<(Sim, Vec<String>), Box<dyn std::error::Error + Send + Sync>> {
    let mut builder = Sim::builder()
        .seed(plan.seed)
        .behavior(plan.behavior.clone())
        .boot(BootProfile::fixed(plan.boot))
        .page_size(plan.page_size)
        .real_endpoints(false);
    if let Some(units) = plan.scarce {
        builder = builder.capacity("NVIDIA GeForce RTX 4090", units);
    }
    let sim = builder.start().await?;
    let stranger = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    let mut foreign = Vec::new();
    for number in 0..plan.foreign {
        let body = json!({
            "name": format!("foreign-{number}"), "image": "image", "disk": 10,
            "gpu": {"id": "NVIDIA RTX A6000", "count": 1}, "env": {"RUNPOD_LIFECYCLE_EXPIRES_AT": "2020-01-01T00:00:00Z"},
        });
        if let Some(api) = stranger.api() {
            let pod =
                api.create_pod(&serde_json::from_value(body)?).await.map_err(|error| error.to_string())?;
            foreign.push(pod.into_inner().id);
        }
    }
    plan.faults.iter().cloned().try_for_each(|fault| sim.inject(fault)).map_err(|error: SimError| error)?;
    Ok((sim, foreign))
}

fn handle(sim: &Sim, known: &Known) -> RunPod {
    let known = known.clone();
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).timeout(TIMEOUT).build();
    runpod.expect("the simulator's address is fine").on_event(move |event| known.hear(event))
}

/// Makes one call: counted, timed, and dropped when patience ends. `None` if it was dropped.
async fn call<T>(
    tally: &mut Tally,
    what: &str,
    longest: Duration,
    patience: Option<Duration>,
    call: impl Future<Output = T>,
) -> Option<T> {
    tally.calls += 1;
    let started = Instant::now();
    let outcome = match patience {
        Some(patience) => timeout(patience, Box::pin(call)).await.ok(),
        None => Some(Box::pin(call).await),
    };
    tally.cancelled += u64::from(outcome.is_none());
    if started.elapsed() > longest {
        tally.overdue += 1;
        tally.fail(format!("{what} took {:?}", started.elapsed()));
    }
    outcome
}

async fn act(runpod: &RunPod, actor: &Actor, known: &Known) -> (Remains, Tally) {
    let mut tally = Tally::default();
    sleep(actor.begins_after).await;
    let deploy = runpod.deploy(&actor.spec);
    let fate = match call(&mut tally, "deploy", LONGEST_DEPLOY, actor.patience, deploy).await {
        None => Fate::Dropped,
        Some(Ok(pod)) => {
            known.add([pod.id.clone()]);
            Fate::Accepted(Box::new(pod))
        }
        Some(Err(error)) => fate_of(&error, known),
    };
    if let Fate::Accepted(pod) = &fate {
        for (step, patience) in &actor.steps {
            take(runpod, pod, *step, *patience, actor, &mut tally).await;
        }
    }
    (Remains { tag: actor.tag.clone(), name: actor.spec.name().to_owned(), fate }, tally)
}

fn fate_of(error: &DeployError, known: &Known) -> Fate {
    known.add(error.pod_id().map(str::to_owned));
    match error {
        DeployError::NameTaken { pods, .. } => {
            known.add(pods.iter().map(|pod| pod.id.clone()));
            Fate::Failed(error.to_string())
        }
        error if error.may_bill() => Fate::Unclear,
        error => Fate::Failed(error.to_string()),
    }
}

async fn take(
    runpod: &RunPod,
    pod: &PodHandle,
    step: Step,
    patience: Option<Duration>,
    actor: &Actor,
    tally: &mut Tally,
) {
    let id = pod.id.as_str();
    let name = format!("{step:?}");
    macro_rules! made {
        ($call:expr) => {
            call(tally, &name, LONGEST_CALL, patience, $call).await
        };
    }
    macro_rules! waited {
        ($condition:expr, $longest:expr) => {
            call(tally, &name, $longest + AFTER_WAIT, patience, async {
                pod.wait_until($condition, $longest).await
            })
            .await
        };
    }
    let lost = match step {
        Step::WaitRunning(longest) => waited!(Running, longest).is_some_and(|end| is_lost_wait(&end, id)),
        Step::WaitPorts(longest) => waited!(Ready::Ports, longest).is_some_and(|end| is_lost_wait(&end, id)),
        Step::WaitStopped(longest) => waited!(Stopped, longest).is_some_and(|end| is_lost_wait(&end, id)),
        Step::WaitGone(longest) => waited!(Gone, longest).is_some_and(|end| is_lost_wait(&end, id)),
        Step::Start => made!(pod.start()).is_some_and(|end| is_lost(&end, id)),
        Step::Stop => made!(pod.stop()).is_some_and(|end| is_lost(&end, id)),
        Step::Restart => made!(pod.restart()).is_some_and(|end| is_lost(&end, id)),
        Step::Terminate => made!(pod.terminate()).is_some_and(|end| is_lost(&end, id)),
        Step::Get => made!(runpod.get(id)).is_some_and(|end| is_lost(&end, id)),
        Step::Logs => made!(runpod.logs(id).tail(5).history()).is_some_and(|end| is_lost(&end, id)),
        Step::Find => made!(runpod.find(actor.spec.name())).is_some_and(|found| is_elsewhere(&found, actor)),
        Step::Plan => made!(runpod.plan(&actor.spec)).is_some_and(|_| false),
        Step::Reap => made!(runpod.reap())
            .and_then(Result::ok)
            .is_some_and(|reaped| reaped.iter().any(|one| is_lost(&one.outcome, &one.pod.id))),
        Step::Keys => made!(runpod.ssh_keys()).is_some_and(|_| false),
        Step::AddKey => made!(runpod.add_ssh_key(KEY)).is_some_and(|_| false),
    };
    if lost {
        tally.lost_ids += 1;
        tally.fail(format!("{name} lost the id of {id}"));
    }
}

fn is_lost<T>(outcome: &Result<T, Error>, id: &str) -> bool {
    outcome.as_ref().err().is_some_and(|error| error.target() != Some(id) || !error.to_string().contains(id))
}

fn is_lost_wait(outcome: &Result<PodHandle, WaitError>, id: &str) -> bool {
    match outcome {
        // An earlier pod of the name may have been taken in its place.
        Ok(pod) => pod.id != id && pod.origin() != Origin::Adopted,
        Err(error) => {
            let in_place_of = error.report().in_place_of.as_deref();
            (error.pod_id() != id && in_place_of != Some(id)) || !error.to_string().contains(id)
        }
    }
}

/// Returns true if a search by name found pods of another name.
fn is_elsewhere(found: &Result<Found, Error>, actor: &Actor) -> bool {
    let pods = match found {
        Ok(Found::One(pod)) => std::slice::from_ref(pod),
        Ok(Found::Many(pods)) => pods,
        _ => &[],
    };
    // An answer may leave the name out: a pod that this handle created is known by its id.
    pods.iter().any(|pod| pod.name.as_deref().is_some_and(|name| name != actor.spec.name()))
}
