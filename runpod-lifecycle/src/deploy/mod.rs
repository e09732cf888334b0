//! From a spec to a pod that RunPod has accepted, without ever making two.

pub(crate) mod candidate;
mod cpus;
pub(crate) mod data_centers;
pub(crate) mod deployment;
mod difference;
mod ending;
pub(crate) mod error;
pub(crate) mod fleet;
mod gpus;
mod kind;
pub(crate) mod nearest;
mod patience;
pub(crate) mod placement;
pub(crate) mod plan;
mod price;
pub(crate) mod recover;
pub(crate) mod scope;
pub(crate) mod step;
mod stock;
mod stored;

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, sleep};

use crate::{
    Aftermath, Condition, DeployError, Event, Gone, IfExists, Origin, PodHandle, PodSpec, PodState, RunPod,
    WaitError, WaitReport,
    deploy::deployment::{Deployment, Terms},
    knowledge::names,
    observe::doing::Doing,
    wait::{watch::watch, watcher::Watcher},
};

/// The longest a replaced pod may take to be gone.
const REPLACE_PATIENCE: Duration = Duration::from_secs(300);
/// The time for which two new pods of a name may be a race of two deploys, of which one gives way.
const RACE: Duration = Duration::from_secs(45);
/// The pause between two reads of the list in such a race.
const RACE_PAUSE: Duration = Duration::from_secs(3);

/// Policy for a pod that does not become ready, of [`RunPod::deploy_and_wait_until`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFailure {
    /// Leave it running, and billing.
    Keep,
    /// Terminate it if this very deploy created it. One that it adopted is kept.
    Terminate,
}

impl RunPod {
    /// Creates a pod and returns as soon as RunPod has accepted it, before it is up: its id is in
    /// your hands before any waiting. Go on with [`PodHandle::wait_until`].
    ///
    /// The spec is checked first, by itself and against RunPod's catalog (GPU ids and pools, GPUs per pod, CPU flavors,
    /// data centers), as far as the key may read it; every problem is in one error. Then the name is searched for ([`PodSpec::if_exists`]): in
    /// RunPod's list, and among what this handle and its clones created in the last 30 s. Deploys of one name
    /// through this handle and its clones take turns. Another process cannot know a pod before it is listed, up
    /// to 15 s after its create: a deploy of the same name from there makes a second one. The later of the two
    /// is given up by its first [wait](PodHandle::wait_until), or by [`PodHandle::settle_name`], which
    /// who deploys without any wait calls before using the pod.
    ///
    /// Candidates are tried in order while RunPod answers that it has none. If a create's outcome is unclear (lost
    /// answer, 5xx), `deploy` searches for the pod's marker for about 15 s and sends another create only if no list
    /// shows it. If the first pod appears later, both bill: [`Event::Warned`] says so, and the first wait ends it if
    /// it shows within 15 s of the second.
    /// An answer about another pod than the one asked for is unclear too, and that pod is left alone.
    ///
    /// # Errors
    /// [`DeployError`]. Every variant says whether a pod may exist: after `Unclear` the new one may, after
    /// `NotReplaced` the old one may, after `Duplicated` several do. Where the old one is gone by then, the text says so.
    ///
    /// # Cancellation
    /// If the future is dropped after a create was sent, a pod may exist. [`find`](Self::find) by name, and a further
    /// deploy of the name, through this handle or its clones then read lists for 15 s before they take it that there
    /// is none; another process sees it once RunPod lists it, usually within 15 s.
    ///
    /// # Cost
    /// The pod bills until it is terminated, ready or not. When that begins RunPod's contract does not say:
    /// count from the moment RunPod accepts it.
    #[doc(alias("create", "launch", "run", "up"))]
    pub async fn deploy(&self, spec: &PodSpec) -> Result<PodHandle, DeployError> {
        self.deploy_on(spec, &Terms::default()).await
    }

    /// Deploys on terms of the caller's.
    pub(crate) async fn deploy_on(&self, spec: &PodSpec, terms: &Terms) -> Result<PodHandle, DeployError> {
        self.operation(Doing::new("deploy pod", spec.name.as_str()), self.deploy_in_turn(spec, terms)).await
    }

    async fn deploy_in_turn(&self, spec: &PodSpec, terms: &Terms) -> Result<PodHandle, DeployError> {
        let turn = terms.turn().await;
        let placement = self.placement(spec).await?;
        // Taken only now, so that nobody queues for a name behind reads of the catalog.
        let Some(taken) = self.lookups().names.take(&spec.name).await else {
            return Err(DeployError::NameBusy { name: spec.name.clone(), waited: names::PATIENCE });
        };
        // Before a pod is replaced that nobody is to follow.
        if terms.is_called_off() {
            return Err(DeployError::CalledOff { name: spec.name.clone(), notes: Vec::new() });
        }
        let replaced = match self.settle_name(spec).await? {
            Standing::Free => {
                terms.check(spec)?;
                None
            }
            Standing::Adopted(pod) => return Ok(pod),
            Standing::Removed(pod_id) => Some(pod_id),
        };
        let ssh_warning = self.ssh_warning(spec).await;
        for warning in placement.warnings.iter().cloned().chain(ssh_warning) {
            self.notify(&Event::Warned { warning });
        }
        let template = placement.template_id.as_ref().map(|id| spec.clone().template(id));
        let spec = template.as_ref().unwrap_or(spec);
        let deployment = Deployment::new(self, spec, taken, terms, turn).after_removing(replaced);
        Box::pin(deployment.run(placement)).await
    }

    /// Deploys and waits in one call.
    ///
    /// # Errors
    /// As [`deploy`](Self::deploy), and [`DeployError::NotReady`] if the wait fails. That one carries
    /// the pod's id and says what became of the pod. [`DeployError::GaveWay`] if another process deployed the name
    /// earlier; with [`IfExists::Adopt`] its pod is waited for instead.
    ///
    /// # Cancellation
    /// As `deploy`; once RunPod has accepted the pod, dropping the future leaves it running.
    ///
    /// # Cost
    /// With [`OnFailure::Keep`] a pod that is not ready in time goes on billing.
    pub fn deploy_and_wait_until<'a, C: Condition + 'static>(
        &'a self,
        spec: &'a PodSpec,
        condition: C,
        longest: Duration,
        on_failure: OnFailure,
    ) -> DeployAndWait<'a> {
        let fails_early = Arc::new(AtomicBool::new(false));
        let is_set = Arc::clone(&fails_early);
        let deploy = Box::pin(async move {
            let terms = Terms::of_wait(spec, &condition)?;
            let pod = self.deploy_on(spec, &terms).await?;
            let wait = pod.wait_until(condition, longest).fail_early(is_set.load(Ordering::Relaxed));
            match wait.await {
                Ok(pod) => Ok(pod),
                Err(WaitError::GaveWay { source, .. }) => Err(DeployError::GaveWay(source)),
                Err(error) => Err(not_ready(&pod, on_failure, error).await),
            }
        });
        DeployAndWait { fails_early, deploy }
    }

    /// Sees to a pod that has the name already.
    async fn settle_name(&self, spec: &PodSpec) -> Result<Standing, DeployError> {
        let mut pods = self.named_at_deploy(&spec.name).await.map_err(DeployError::Lookup)?;
        let mut gone: Vec<String> = Vec::new();
        loop {
            pods = self.after_races(spec, pods).await?;
            pods.retain(|pod| !gone.contains(&pod.id));
            if pods.is_empty() {
                return Ok(Standing::Free);
            }
            match (spec.if_exists, <[PodHandle; 1]>::try_from(pods)) {
                (IfExists::Adopt | IfExists::AdoptAndStart, Ok([pod])) => {
                    let pod_id = pod.id.clone();
                    if let Some(pod) = self.adopt(spec, pod).await? {
                        return Ok(Standing::Adopted(pod));
                    }
                    // A list that shows what its id proves gone may lack what has taken its place.
                    gone.push(pod_id);
                    pods = self.named_now(&spec.name).await.map_err(DeployError::Lookup)?;
                }
                (IfExists::Replace, Ok([pod])) => {
                    return self.remove(&pod).await.map(|()| Standing::Removed(pod.id.clone()));
                }
                (_, pods) => {
                    let pods = pods.map_or_else(|pods| pods, Vec::from);
                    return Err(DeployError::NameTaken { name: spec.name.clone(), pods, notes: Vec::new() });
                }
            }
        }
    }

    /// The pods of a name once the deploys that race for it have settled which stays: whichever is adopted or replaced
    /// earlier may be the loser.
    async fn after_races(
        &self,
        spec: &PodSpec,
        mut pods: Vec<PodHandle>,
    ) -> Result<Vec<PodHandle>, DeployError> {
        let patience = Instant::now() + RACE;
        while spec.if_exists != IfExists::Fail && self.is_race(&pods) && Instant::now() < patience {
            sleep(RACE_PAUSE).await;
            pods = self.named_now(&spec.name).await.map_err(DeployError::Lookup)?;
        }
        Ok(pods)
    }

    /// Takes a pod as it is, says so, and starts it if the spec wants that and it is stopped; `None` if it is gone.
    async fn adopt(&self, spec: &PodSpec, pod: PodHandle) -> Result<Option<PodHandle>, DeployError> {
        let (starts, was_stopped) = (spec.if_exists == IfExists::AdoptAndStart, pod.is_stopped());
        // A list may be from before a stop, a start or its end.
        let Some(seen) = self.settled(&pod.id).await.map_err(DeployError::Lookup)? else { return Ok(None) };
        let pod = pod.with(seen);
        self.lookups().records.adopted(&spec.name, pod.shared());
        let pod = pod.with_origin(Origin::Adopted);
        let (pod_id, differences) = (pod.id.clone(), spec.differences(&pod));
        // RunPod may name the price of its running while it is stopped.
        let cost_usd_per_hour = pod.cost_usd_per_hour.filter(|_| !pod.is_stopped());
        self.notify(&Event::PodAdopted { pod_id: pod_id.clone(), differences, cost_usd_per_hour });
        // An answer that names no state takes back nothing.
        let is_told = !matches!(pod.state, None | Some(PodState::Other(_)));
        if starts && (pod.is_stopped() || was_stopped && !is_told) {
            let accepted = pod.start().await;
            let accepted =
                accepted.map_err(|source| DeployError::NotStarted { pod_id: pod_id.clone(), source })?;
            self.notify(&Event::AdoptedStarted { pod_id });
            for warning in accepted.warnings {
                self.notify(&Event::Warned { warning });
            }
        }
        Ok(Some(pod))
    }

    /// Returns true if several deploys of a name are under way, of which all but one will give way: the later
    /// pods are new.
    fn is_race(&self, pods: &[PodHandle]) -> bool {
        let mut created: Vec<_> = pods.iter().map(|pod| pod.created().filter(|_| pod.is_ours())).collect();
        created.sort();
        let is_new = |created: &Option<SystemTime>| {
            let ended_at = created.and_then(|created| created.checked_add(RACE));
            ended_at.is_some_and(|ended_at| ended_at > self.server_now())
        };
        // The earliest stays, whatever its age; only the later ones show that deploys are under way.
        created.len() > 1 && created[0].is_some() && created[1..].iter().all(is_new)
    }

    async fn remove(&self, pod: &PodHandle) -> Result<(), DeployError> {
        if let Err(source) = pod.terminate().await {
            let report = Box::new(WaitReport::unwatched(pod, &Gone));
            return Err(DeployError::NotReplaced(WaitError::Call { source, report }));
        }
        let watcher = Watcher::new(self, pod);
        let gone = watch(watcher, &Gone, REPLACE_PATIENCE, false, self.observer()).await;
        gone.map(drop).map_err(DeployError::NotReplaced)
    }
}

/// Sees to a pod that did not become ready.
async fn not_ready(pod: &PodHandle, on_failure: OnFailure, error: WaitError) -> DeployError {
    // An earlier pod of the name may have been adopted in its place.
    let pod_id = error.pod_id().to_owned();
    let origin = if pod_id == pod.id { pod.origin() } else { Origin::Adopted };
    let aftermath = match (on_failure, origin) {
        (OnFailure::Terminate, Origin::Created) => match pod.terminate().await {
            Ok(_) => Aftermath::Terminated,
            Err(error) => Aftermath::NotTerminated(error),
        },
        _ if error.may_bill() => Aftermath::Kept,
        _ => Aftermath::Gone,
    };
    DeployError::NotReady { pod_id, origin, aftermath, source: Box::new(error) }
}

/// A deploy and the wait after it, made by [`RunPod::deploy_and_wait_until`]; `.await` it.
#[must_use = "a deploy does nothing until it is awaited"]
pub struct DeployAndWait<'a> {
    fails_early: Arc<AtomicBool>,
    deploy: Pin<Box<dyn Future<Output = Result<PodHandle, DeployError>> + Send + 'a>>,
}

impl DeployAndWait<'_> {
    /// Ends the wait as soon as RunPod's system log names a cause that does not heal by itself, as
    /// [`Wait::fail_early`](crate::Wait::fail_early) does. Default: no.
    pub fn fail_early(self, fail: bool) -> Self {
        self.fails_early.store(fail, Ordering::Relaxed);
        self
    }
}

impl Future for DeployAndWait<'_> {
    type Output = Result<PodHandle, DeployError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.deploy.as_mut().poll(cx)
    }
}

impl fmt::Debug for DeployAndWait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeployAndWait").finish_non_exhaustive()
    }
}

/// A name, once a deploy has seen to the pod that had it.
enum Standing {
    Free,
    Adopted(PodHandle),
    /// The pod of this id had it, and is gone.
    Removed(String),
}
