//! One operation under one fault, and everything that is asserted about it.

use std::{collections::BTreeSet, time::Duration};

use runpod_lifecycle::{
    DeployError, Error, ErrorKind, Found, Gone, IfExists, Place, PlannedAction, PodHandle, Ready, Running,
    Stopped, VolumeError, WaitError,
};
use runpod_sim::{FaultKind, LedgerEntry, PodStatus, RequestRecord};
use tokio::time::Instant;

use super::{
    expectation,
    fault::{Fault, Meaning},
    operation::{Operation, Policy, Row},
    world::{LABEL, RESTOCKED_AFTER, SECOND, STORED, SUBJECT, World, spec},
};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOurs laptop";

#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) row: Row,
    pub(crate) fault: Fault,
    pub(crate) times: u64,
}

/// Outcome of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did what it was asked to.
    Done,
    /// It did nothing and said nothing, since it saw nothing to do.
    Nothing,
    /// It did what it could and said what it could not.
    Warned,
    /// The longest wait was over.
    TimedOut,
    /// An error of this kind.
    Failed(ErrorKind),
    /// Anything else.
    Wrong(String),
}

impl Outcome {
    pub(crate) fn word(&self) -> String {
        match self {
            Self::Done => "✓".to_owned(),
            Self::Nothing => "left alone".to_owned(),
            Self::Warned => "warned".to_owned(),
            Self::TimedOut => "TimedOut".to_owned(),
            Self::Failed(kind) => format!("{kind:?}"),
            Self::Wrong(what) => what.clone(),
        }
    }
}

/// Observations of a cell.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) outcome: Outcome,
    pub(crate) elapsed: Duration,
    flaws: Vec<String>,
}

impl Seen {
    pub(crate) fn flaws(&self) -> &[String] {
        &self.flaws
    }
}

/// The value that the caller holds afterwards.
pub(crate) struct Told {
    outcome: Outcome,
    /// Every id that came out of the operation.
    ids: BTreeSet<String>,
    /// The error, in words.
    text: String,
}

impl Told {
    fn done(ids: impl IntoIterator<Item = String>) -> Self {
        Self { outcome: Outcome::Done, ids: ids.into_iter().collect(), text: String::new() }
    }

    fn wrong(what: impl Into<String>) -> Self {
        Self { outcome: Outcome::Wrong(what.into()), ..Self::done([]) }
    }

    fn error(error: &Error) -> Self {
        Self { outcome: Outcome::Failed(error.kind()), text: error.to_string(), ..Self::done([]) }
    }

    fn call<T>(result: Result<T, Error>, done: impl FnOnce(T) -> Self) -> Self {
        match result {
            Ok(value) => done(value),
            Err(error) => Self::error(&error),
        }
    }

    fn wait(error: &WaitError) -> Self {
        let outcome = match error {
            WaitError::TimedOut { .. } => Outcome::TimedOut,
            WaitError::Call { source, .. } => Outcome::Failed(source.kind()),
            error => Outcome::Wrong(error.to_string()),
        };
        Self { outcome, ids: [error.pod_id().to_owned()].into(), text: error.to_string() }
    }

    fn deploy(error: &DeployError) -> Self {
        let mut told = match error {
            DeployError::Lookup(source)
            | DeployError::Refused(source)
            | DeployError::NotStarted { source, .. } => Self::error(source),
            DeployError::NotReplaced(source) if error.may_bill() => Self::wait(source),
            error => Self::wrong(error.to_string()),
        };
        told.ids.extend(error.pod_id().map(str::to_owned));
        told
    }
}

impl Cell {
    pub(crate) fn name(&self) -> String {
        let Self { row, fault, times } = self;
        format!("{:?} / {} / {} / {} / {times}x", row.version, row.operation.words(), row.call, fault.name)
    }

    pub(crate) async fn run(self) -> (Self, Seen) {
        let world = World::of(&self).await;
        world.events.lock().expect("nobody panicked with it").clear();
        let fault =
            runpod_sim::Fault::new(self.fault.on(self.row.version)).on(self.row.call).times(self.times);
        // The first read of the catalog is before the wait for stock.
        let is_later = self.row.operation == Operation::DeployPatient;
        let fault = if is_later { fault.nth(2) } else { fault };
        world.sim.inject(fault).expect("a fine fault");
        let started = Instant::now();
        let mut told = self.act(&world).await;
        let elapsed = started.elapsed();
        if told.outcome == Outcome::Done && world.warned() {
            told.outcome = Outcome::Warned;
        }
        let mut flaws = Vec::new();
        if world.sim.faults().last().is_none_or(|report| report.fired == 0) {
            flaws.push("the fault never happened".to_owned());
        }
        let expected = expectation::of(&self);
        if told.outcome != expected {
            flaws.push(format!("{:?} instead of {expected:?}: {}", told.outcome, told.text));
        }
        if elapsed > self.budget() {
            flaws.push(format!("took {elapsed:?}, more than {:?}", self.budget()));
        }
        flaws.extend(self.check_words(&world, &told));
        flaws.extend(self.check_quota(&world));
        world.settle();
        flaws.extend(self.check_ledger(&world, &told));
        flaws.extend(self.check_stored(&world, &told).await);
        (self, Seen { outcome: told.outcome, elapsed, flaws })
    }

    pub(crate) async fn act(&self, world: &World) -> Told {
        use Operation as O;
        let runpod = &world.runpod;
        match self.row.operation {
            O::DeployNew => self.deploy(world, IfExists::Fail).await,
            O::DeployTaken => match runpod.deploy(&spec(SUBJECT)).await {
                Err(DeployError::NameTaken { pods, .. }) => Told::done(pods.iter().map(|pod| pod.id.clone())),
                Err(error) => Told::deploy(&error),
                Ok(pod) => Told::wrong(format!("made {} beside the one that is there", pod.id)),
            },
            O::DeployAdopt => self.deploy(world, IfExists::Adopt).await,
            O::DeployAdoptAndStart => self.deploy(world, IfExists::AdoptAndStart).await,
            O::DeployReplace => self.deploy(world, IfExists::Replace).await,
            O::DeployPatient => {
                let spec = spec(SUBJECT).patience(Duration::from_secs(3600));
                match tokio::join!(runpod.deploy(&spec), world.restock()).0 {
                    Ok(pod) => Told::done([pod.id.clone()]),
                    Err(error) => Told::deploy(&error),
                }
            }
            O::DeployAll => self.deploy_all(world).await,
            O::WaitRunning => wait(world.subject().wait_until(Running, self.longest()).await),
            O::WaitSsh => wait(world.subject().wait_until(Ready::Ssh, self.longest()).await),
            O::WaitStopped => wait(world.subject().wait_until(Stopped, self.longest()).await),
            O::WaitGone => wait(world.subject().wait_until(Gone, self.longest()).await),
            O::Start => Told::call(world.subject().start().await, |_| Told::done([])),
            O::Stop => Told::call(world.subject().stop().await, |_| Told::done([])),
            O::Restart => Told::call(world.subject().restart().await, |_| Told::done([])),
            O::Terminate => Told::call(world.subject().terminate().await, |_| Told::done([])),
            O::TerminateAll => {
                let mut ended = runpod.terminate_all([world.subject().clone()]).await;
                Told::call(ended.remove(0).outcome, |_| Told::done([]))
            }
            O::Labelled => Told::call(runpod.list_labelled(LABEL.0, LABEL.1).await, |found| {
                Told::done(found.pods.iter().map(|pod| pod.id.clone()))
            }),
            O::Get => Told::call(runpod.get(&world.subject().id).await, |pod| Told::done([pod.id.clone()])),
            O::Find => Told::call(runpod.find(SUBJECT).await, |found| match found {
                Found::One(pod) => Told::done([pod.id.clone()]),
                found => Told::wrong(format!("found {found:?}")),
            }),
            O::Plan => match runpod.plan(&spec(SUBJECT)).await {
                Ok(plan) if plan.action == PlannedAction::Refuse => {
                    Told::done(plan.existing.iter().map(|pod| pod.id.clone()))
                }
                Ok(plan) => Told::wrong(format!("plans to {plan}")),
                Err(error) => Told::deploy(&error),
            },
            O::Logs => Told::call(runpod.logs(&world.subject().id).history().await, |lines| {
                if lines.is_empty() { Told::wrong("no line") } else { Told::done([]) }
            }),
            O::Reap => reap(world).await,
            O::Keys => Told::call(runpod.ssh_keys().await, |keys| match keys.len() {
                1 => Told::done([]),
                count => Told::wrong(format!("{count} keys")),
            }),
            O::DeployStored => {
                let spec = spec(SUBJECT).template_named(STORED).account_secret("TOKEN", STORED);
                match runpod.deploy(&spec).await {
                    Ok(pod) => Told::done([pod.id.clone()]),
                    Err(error) => Told::deploy(&error),
                }
            }
            O::EnsureVolume | O::GrowVolume | O::DeleteVolume => self.volume(world).await,
            O::EnsureRegistry => {
                Told::call(runpod.ensure_registry(STORED, "me", "password").await, |_| Told::done([]))
            }
            O::DeleteRegistry => {
                Told::call(runpod.delete_registry(world.stored()).await, |()| Told::done([]))
            }
            O::SetSecret | O::ReplaceSecret => {
                Told::call(runpod.set_account_secret(STORED, "value").await, |_| Told::done([]))
            }
            O::DeleteSecret => Told::call(runpod.delete_account_secret(STORED).await, |()| Told::done([])),
            O::FindTemplate => Told::call(runpod.find_template(STORED).await, |found| match found {
                Some(_) => Told::done([]),
                None => Told::wrong("no template"),
            }),
            O::AddKey => Told::call(runpod.add_ssh_key(KEY).await, |is_new| match is_new {
                true => Told::done([]),
                false => Told::wrong("the key was there already"),
            }),
        }
    }

    /// Deploys two pods, one after the other.
    async fn deploy_all(&self, world: &World) -> Told {
        let results = match world.runpod.deploy_all([SUBJECT, SECOND].map(spec)).at_once(1).await {
            Ok(results) => results,
            Err(error) => return Told::wrong(error.to_string()),
        };
        let mut all = Told::done([]);
        for result in results {
            let told = match result {
                // The first wait ends a twin.
                Ok(pod) => wait(pod.wait_until(Running, self.longest()).await),
                Err(error) => Told::deploy(&error),
            };
            all.ids.extend(told.ids);
            if all.outcome == Outcome::Done {
                (all.outcome, all.text) = (told.outcome, told.text);
            }
        }
        all
    }

    async fn volume(&self, world: &World) -> Told {
        let runpod = &world.runpod;
        let outcome = match self.row.operation {
            Operation::EnsureVolume => {
                runpod.ensure_volume(STORED, 20, Place::DataCenter("EU-RO-1")).await.map(drop)
            }
            Operation::GrowVolume => runpod.grow_volume(world.stored(), 40).await.map(drop),
            _ => runpod.delete_volume(world.stored()).await,
        };
        match outcome {
            Ok(()) => Told::done([]),
            Err(error) => {
                let mounted = matches!(error, VolumeError::Mounted { .. }).then_some(ErrorKind::InUse);
                match error.kind().or(mounted) {
                    Some(kind) => {
                        Told { outcome: Outcome::Failed(kind), text: error.to_string(), ..Told::done([]) }
                    }
                    None => Told::wrong(error.to_string()),
                }
            }
        }
    }

    async fn deploy(&self, world: &World, if_exists: IfExists) -> Told {
        let pod = match world.runpod.deploy(&spec(SUBJECT).if_exists(if_exists)).await {
            Ok(pod) => pod,
            Err(error) => return Told::deploy(&error),
        };
        let is_old = world.subject.as_ref().is_some_and(|old| old.id == pod.id);
        if is_old != if_exists.adopts() {
            return Told::wrong(format!("{if_exists:?} brought {}", pod.id));
        }
        if self.row.policy == Policy::Create {
            // The first wait ends a twin.
            return wait(pod.wait_until(Running, self.longest()).await);
        }
        Told::done([pod.id.clone()])
    }

    /// The longest a wait may take.
    fn longest(&self) -> Duration {
        Duration::from_secs(60) + self.delays()
    }

    /// The time for which the faults hold a call up that goes on in spite of them.
    fn delays(&self) -> Duration {
        let times = u32::try_from(self.times).expect("a few");
        if matches!(self.fault.meaning, Meaning::Final(_)) {
            Duration::ZERO
        } else {
            self.fault.delay * times
        }
    }

    /// Returns true if the rate limit keeps the call from being made for so long.
    pub(crate) fn is_limited_for(&self, span: Duration) -> bool {
        let times = u32::try_from(self.times).expect("a few");
        matches!(self.fault.kind, FaultKind::RateLimited { .. }) && self.fault.delay * times >= span
    }

    fn budget(&self) -> Duration {
        // The old pod ends first, or the first waits come one after the other.
        let replacing = match self.row.operation {
            Operation::DeployReplace | Operation::DeployAll => 15,
            _ => 0,
        };
        let seconds = match (self.row.policy, self.fault.meaning) {
            (Policy::Watched, Meaning::Final(ErrorKind::RateLimited)) if replacing > 0 => 320,
            (Policy::Ending, Meaning::Final(ErrorKind::RateLimited)) if replacing > 0 => 320,
            (Policy::Watched, Meaning::Final(ErrorKind::RateLimited)) => 80,
            (Policy::Watched, _) => 40,
            // Each read costs a pause of 30 s, and after two minutes without one a create is tried.
            (Policy::Stock, _) => RESTOCKED_AFTER.as_secs() + 150 + 30 * self.times,
            // A look for the pod takes 15 s, a pause up to 4 s.
            (Policy::Create, _) => 20 + 21 * self.times + self.fault.list_lag.as_secs(),
            // Lists are searched for 15 s.
            (Policy::Make, _) => 20,
            (Policy::Once, _) => 2,
            (Policy::Twins, _) => 35,
            _ if self.row.operation == Operation::DeployAll => 40,
            _ if self.row.operation == Operation::Logs => 30,
            // A pod that may have just been started is looked at again 15 s later.
            _ if self.row.operation == Operation::Reap => 35,
            _ => 20,
        };
        Duration::from_secs(seconds + replacing) + self.delays()
    }

    /// An error about a pod says which.
    fn check_words(&self, world: &World, told: &Told) -> Option<String> {
        use Operation as O;
        let is_about_one = match self.row.operation {
            O::DeployReplace => self.row.makes("deletePod") || self.row.makes("getPod"),
            operation => {
                matches!(operation.group(), "Act" | "Wait")
                    || matches!(operation, O::Get | O::Logs | O::Reap) && !self.row.makes("listPods")
            }
        };
        if told.text.is_empty() || !is_about_one {
            return None;
        }
        let id = &world.subject().id;
        (!told.text.contains(id.as_str())).then(|| format!("{id} is not in {:?}", told.text))
    }

    /// Nothing runs that nobody knows of, nothing was ended that is not ours.
    fn check_ledger(&self, world: &World, told: &Told) -> Vec<String> {
        let ledger = world.sim.ledger();
        let alive: BTreeSet<&str> = ledger
            .iter()
            .filter(|entry| entry.terminated.is_none())
            .map(|entry| entry.pod_id.as_str())
            .collect();
        let mut flaws = Vec::new();
        for foreign in &world.foreign {
            if !alive.contains(foreign.as_str()) {
                flaws.push("a foreign pod was terminated".to_owned());
            }
        }
        let mut left = alive.clone();
        left.retain(|id| !world.foreign.iter().any(|foreign| foreign == id));
        let mut known: BTreeSet<&str> = told.ids.iter().map(String::as_str).collect();
        known.extend(world.subject.iter().map(|pod| pod.id.as_str()));
        known.extend(world.bystander.as_deref());
        let is_said = world.warned() && self.row.policy == Policy::Twins;
        let unknown: Vec<&&str> = left.iter().filter(|id| !known.contains(**id)).collect();
        if !unknown.is_empty() && !is_said {
            flaws.push(format!("nobody knows of {unknown:?}"));
        }
        let expected = self.expected_pods(world, told);
        if left.len() != expected {
            flaws.push(format!("{} pods are left, not {expected}", left.len()));
        }
        flaws.extend(self.check_state(world, told, &ledger));
        flaws
    }

    /// Counts our pods in the end.
    fn expected_pods(&self, world: &World, told: &Told) -> usize {
        use Operation as O;
        let is_warning_of_create = told.outcome == Outcome::Warned && self.row.policy == Policy::Create;
        let failed = told.outcome != Outcome::Done && !is_warning_of_create;
        match self.row.operation {
            O::DeployStored => usize::from(matches!(told.outcome, Outcome::Done | Outcome::Warned)),
            O::Keys | O::AddKey => 0,
            operation if operation.is_of_stored() => 0,
            O::DeployAll => told.ids.len(),
            O::TerminateAll => usize::from(failed),
            O::DeployNew | O::DeployPatient | O::Terminate => {
                usize::from(failed == (self.row.operation == O::Terminate))
            }
            O::DeployReplace if told.outcome == Outcome::TimedOut => 0,
            O::DeployReplace if self.row.makes("getPod") || self.row.makes("createPod") => {
                usize::from(!failed)
            }
            O::WaitGone => 0,
            O::WaitRunning if self.row.policy == Policy::Twins => 1 + usize::from(failed),
            O::Reap => 1 + usize::from(failed),
            _ => usize::from(world.subject.is_some()),
        }
    }

    /// Judges that the thing to be made is there once, and the one to go is gone, if and only if that was said.
    async fn check_stored(&self, world: &World, told: &Told) -> Option<String> {
        let is_done = matches!(told.outcome, Outcome::Done | Outcome::Warned);
        let expected = match self.row.operation {
            Operation::EnsureVolume | Operation::EnsureRegistry => usize::from(is_done),
            Operation::SetSecret if is_done => 1,
            Operation::DeleteVolume | Operation::DeleteRegistry | Operation::DeleteSecret => {
                usize::from(!is_done)
            }
            Operation::GrowVolume | Operation::ReplaceSecret => 1,
            _ => return None,
        };
        world.sim.clear_faults();
        let left = world.count_stored(self.row.operation).await;
        (left != expected).then(|| format!("{left} are stored, not {expected}"))
    }

    /// Nothing is sent into a window that RunPod said is used up, but what ends billing, and what looks for it.
    fn check_quota(&self, world: &World) -> Option<String> {
        let requests = world.sim.requests();
        let refused = requests.iter().filter(|request| request.fault == Some("rate-limited"));
        let opens = refused.map(|request| (request.at, request.at + self.fault.delay));
        opens.into_iter().find_map(|(closed, open)| {
            let ends = matches!(self.row.operation, Operation::Reap | Operation::DeleteVolume);
            let is_urgent = |request: &RequestRecord| ends_billing(request) || ends;
            let is_hasty =
                |request: &&RequestRecord| request.at > closed && request.at < open && !is_urgent(request);
            let hasty = requests.iter().find(is_hasty)?;
            let (path, after) = (&hasty.path, hasty.at - closed);
            Some(format!("{path} was sent {after:?} into a window of {:?}", self.fault.delay))
        })
    }

    /// An action that succeeded has happened; one that was refused has not.
    fn check_state(&self, world: &World, told: &Told, ledger: &[LedgerEntry]) -> Option<String> {
        let subject = world.subject.as_ref()?;
        let status = ledger.iter().find(|entry| entry.pod_id == subject.id)?.status;
        let done = told.outcome == Outcome::Done;
        let right = match self.row.operation {
            Operation::Start | Operation::DeployAdoptAndStart => (status == PodStatus::Running) == done,
            Operation::Stop => (status == PodStatus::Exited) == done,
            Operation::Restart => status == PodStatus::Running,
            _ => true,
        };
        (!right).then(|| format!("{:?} left it {status}", told.outcome))
    }
}

fn wait(result: Result<PodHandle, WaitError>) -> Told {
    match result {
        Ok(pod) => Told::done([pod.id.clone()]),
        Err(error) => Told::wait(&error),
    }
}

async fn reap(world: &World) -> Told {
    let reaped = match world.runpod.reap().await {
        Ok(reaped) => reaped,
        Err(error) => return Told::error(&error),
    };
    match reaped.as_slice() {
        [] if world.warned() => Told { outcome: Outcome::Warned, ..Told::done([]) },
        [] => Told { outcome: Outcome::Nothing, ..Told::done([]) },
        [one] if one.pod.id == world.subject().id => match &one.outcome {
            Ok(()) => Told::done([]),
            Err(error) => Told::error(error),
        },
        more => Told::wrong(format!("reaped {more:?}")),
    }
}

/// Returns true for what ends billing, which is always sent.
fn ends_billing(request: &RequestRecord) -> bool {
    match request.operation.as_deref() {
        Some("podAction") => request.action.as_deref() == Some("stop"),
        operation => {
            matches!(operation, Some("deletePod" | "DeletePod" | "StopPod" | "deleteNetworkVolume"))
        }
    }
}
