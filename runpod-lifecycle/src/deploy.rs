//! From a spec to a pod that RunPod has accepted, without ever making two.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, SystemTime},
};

use humantime::format_rfc3339_millis;
use runpod_api::Secret;
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    Candidate, Cloud, Condition, Error, ErrorKind, Event, Gone, Hardware, Pod, PodHandle, PodSpec, RunPod,
    SpecError, WaitError, WaitReport,
    backend::Create,
    candidate::Placement,
    client::{Call, PATIENCE, Tries},
    handle::Listing,
    pod::{EXPIRES_AT, MARKER},
    poller::Watcher,
    retry, wait,
};

const CREATE: &str = "create pod";
/// Pauses before each look for a pod whose create has an unknown outcome: 15 s in all, since new
/// pods show up in lists late (observed).
const RECONCILE_PAUSES: [u64; 5] = [0, 1, 2, 4, 8];
/// The longest a replaced pod may take to be gone.
const REPLACE_PATIENCE: Duration = Duration::from_secs(300);
/// A century: what no pod outlives, and RFC 3339 can still write.
const LONGEST_LIFETIME: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// What a deploy does about a pod that has the name already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IfExists {
    /// Fail with [`DeployError::NameTaken`]. The default.
    #[default]
    Fail,
    /// Take the pod as it is, whatever it runs and whatever its state.
    Adopt,
    /// Terminate it, wait until it is proven gone, then create the new one.
    Replace,
}

/// What [`RunPod::deploy_and_wait_until`] does with a pod that does not become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFailure {
    /// Leave it running, and billing.
    Keep,
    /// Terminate it.
    Terminate,
}

/// What became of a pod that did not become ready.
#[derive(Debug)]
#[non_exhaustive]
pub enum Aftermath {
    /// It was left running and bills.
    Kept,
    /// It was terminated.
    Terminated,
    /// It could not be terminated, and may bill.
    NotTerminated(Error),
}

impl fmt::Display for Aftermath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept => f.write_str("it was kept and bills"),
            Self::Terminated => f.write_str("it was terminated"),
            Self::NotTerminated(error) => write!(f, "it may bill, since terminating it failed: {error}"),
        }
    }
}

impl RunPod {
    /// Creates a pod and returns as soon as RunPod has accepted it, before it is up: its id is in
    /// your hands before any waiting. Go on with [`PodHandle::wait_until`].
    ///
    /// The spec is checked first, then GPU ids and pools are looked up in RunPod's catalog, then the
    /// name is looked for ([`PodSpec::if_exists`]). Candidates are tried in order while RunPod
    /// answers that it has none. Whenever the outcome of a create is unclear (a lost answer, a 5xx),
    /// the pod is looked for by a marker in its environment before anything is sent again.
    ///
    /// # Errors
    /// [`DeployError`]. Every variant says whether a pod may exist: after `Unclear` the new one may, after
    /// `NotReplaced` the old one may.
    ///
    /// # Cancellation
    /// If the future is dropped after a create was sent, a pod may exist. [`find`](Self::find) by
    /// name shows it once RunPod lists it, usually within 15 s.
    ///
    /// # Cost
    /// The pod bills from the moment RunPod accepts it until it is terminated, ready or not.
    pub async fn deploy(&self, spec: &PodSpec) -> Result<PodHandle, DeployError> {
        spec.validate().map_err(DeployError::Spec)?;
        let placement = self.placement(spec).await?;
        if let Some(pod) = self.settle_name(spec).await? {
            return Ok(pod);
        }
        if let Some(warning) = self.ssh_warning(spec).await {
            self.notify(&Event::Warned { warning });
        }
        Box::pin(self.create_first(spec, placement)).await
    }

    /// Deploys and waits in one call.
    ///
    /// # Errors
    /// As [`deploy`](Self::deploy), and [`DeployError::NotReady`] if the wait fails. That one carries
    /// the pod's id and says what became of the pod.
    ///
    /// # Cancellation
    /// As `deploy`; once RunPod has accepted the pod, dropping the future leaves it running.
    ///
    /// # Cost
    /// With [`OnFailure::Keep`] a pod that is not ready in time goes on billing.
    pub async fn deploy_and_wait_until<C: Condition + 'static>(
        &self,
        spec: &PodSpec,
        condition: C,
        longest: Duration,
        on_failure: OnFailure,
    ) -> Result<PodHandle, DeployError> {
        let pod = self.deploy(spec).await?;
        let source = match pod.wait_until(condition, longest).await {
            Ok(pod) => return Ok(pod),
            Err(error) => Box::new(error),
        };
        let aftermath = match on_failure {
            OnFailure::Keep => Aftermath::Kept,
            OnFailure::Terminate => match pod.terminate().await {
                Ok(_) => Aftermath::Terminated,
                Err(error) => Aftermath::NotTerminated(error),
            },
        };
        Err(DeployError::NotReady { pod_id: pod.id.clone(), aftermath, source })
    }

    /// Sees to a pod that has the name already; returns it if it is to be used.
    async fn settle_name(&self, spec: &PodSpec) -> Result<Option<PodHandle>, DeployError> {
        let pods = self.named_at_deploy(&spec.name).await.map_err(DeployError::Lookup)?;
        if pods.is_empty() {
            return Ok(None);
        }
        match (spec.if_exists, <[PodHandle; 1]>::try_from(pods)) {
            (IfExists::Adopt, Ok([pod])) => Ok(Some(pod)),
            (IfExists::Replace, Ok([pod])) => self.remove(&pod).await.map(|()| None),
            (_, Ok(pod)) => Err(DeployError::NameTaken { name: spec.name.clone(), pods: pod.into() }),
            (_, Err(pods)) => Err(DeployError::NameTaken { name: spec.name.clone(), pods }),
        }
    }

    async fn remove(&self, pod: &PodHandle) -> Result<(), DeployError> {
        if let Err(source) = pod.terminate().await {
            let report = Box::new(WaitReport::unwatched(pod, &Gone));
            return Err(DeployError::NotReplaced(WaitError::Call { source, report }));
        }
        let watcher = Watcher::new(self, &pod.id, false);
        let gone = wait::watch(watcher, &Gone, REPLACE_PATIENCE, self.observer()).await;
        gone.map(drop).map_err(DeployError::NotReplaced)
    }

    async fn create_first(&self, spec: &PodSpec, placement: Placement) -> Result<PodHandle, DeployError> {
        let marker = Uuid::new_v4().simple().to_string();
        let env = environment(spec, &marker);
        let mut attempts = Vec::new();
        for Candidate { hardware, cloud, .. } in placement.candidates {
            self.notify(&Event::CandidateTried { hardware: hardware.to_string() });
            let data_centers = &placement.data_centers;
            let create = Create { spec, hardware: &hardware, cloud, data_centers, env: &env };
            match self.create(&create, &marker).await {
                Ok(pod) => {
                    self.notify(&Event::PodCreated {
                        pod_id: pod.id.clone(),
                        hardware: hardware.to_string(),
                        cost_usd_per_hour: pod.cost_usd_per_hour,
                    });
                    return Ok(PodHandle::newly_created(self.clone(), pod, marker));
                }
                Err(Setback::NextCandidate(error)) => {
                    let reason = error.message().to_owned();
                    self.notify(&Event::CandidateRefused { hardware: hardware.to_string(), reason });
                    attempts.push(Attempt { hardware, cloud, error });
                }
                Err(Setback::End(error)) => return Err(error),
            }
        }
        Err(DeployError::AllRefused { name: spec.name.clone(), suggestions: suggestions(spec), attempts })
    }

    /// Creates one candidate, at most once however often it is sent.
    async fn create(&self, create: &Create<'_>, marker: &str) -> Result<Pod, Setback> {
        let name = &create.spec.name;
        let mut pauses = retry::pauses(retry::ATTEMPTS);
        loop {
            let call = Call::mutation(CREATE, name.as_str());
            let error = match self.once(call, Box::pin(self.backend().create(create))).await {
                Ok(pod) if !pod.id.is_empty() => return Ok(pod),
                Ok(_) => {
                    let message = "the answer has an empty id";
                    Error::of_answer(ErrorKind::Unreadable, CREATE, Some(name), message)
                }
                Err(error) => error,
            };
            match Step::after(&error) {
                Step::NextCandidate => return Err(Setback::NextCandidate(error)),
                Step::End => return Err(Setback::End(DeployError::Refused(error))),
                Step::Again => {}
                Step::LookForIt => {
                    if let Some(pod) = self.reconcile(create, marker, &error).await? {
                        return Ok(pod);
                    }
                }
            }
            let asked = self.asked_pause(&error);
            match pauses.next() {
                Some(pause) if asked <= PATIENCE => sleep(pause.max(asked)).await,
                _ => return Err(Setback::End(DeployError::Refused(error))),
            }
        }
    }

    /// Finds out whether a create with an unknown outcome made a pod. `None` means proven absent.
    async fn reconcile(
        &self,
        create: &Create<'_>,
        marker: &str,
        error: &Error,
    ) -> Result<Option<Pod>, Setback> {
        self.notify(&Event::OutcomeUnclear {
            hardware: create.hardware.to_string(),
            error: error.to_string(),
        });
        let mut doubt = None;
        for pause in RECONCILE_PAUSES {
            sleep(Duration::from_secs(pause)).await;
            match self.look_for(&create.spec.name, marker, error).await {
                Ok(Sighting::Ours(pod)) => {
                    self.notify(&Event::PodFound { pod_id: pod.id.clone() });
                    return Ok(Some(*pod));
                }
                Ok(Sighting::Doubtful(id)) => doubt = Some((id, None)),
                Ok(Sighting::Nothing) => doubt = None,
                Err(lookup) => doubt = Some((None, Some(lookup))),
            }
        }
        let Some((seen, lookup)) = doubt else { return Ok(None) };
        Err(Setback::End(DeployError::Unclear {
            name: create.spec.name.clone(),
            pod_id: seen.or_else(|| error.recovered_id().map(str::to_owned)),
            reason: error.to_string(),
            source: lookup,
        }))
    }

    async fn look_for(&self, name: &str, marker: &str, error: &Error) -> Result<Sighting, Error> {
        let Listing { mut pods, unreadable } = self.read_list(Tries::Several).await?;
        if let Some(id) = error.recovered_id()
            && !pods.iter().any(|pod| pod.id == id)
        {
            pods.push((*self.get(id).await?).clone());
        }
        let is_unmarked = |pod: &Pod| pod.env.is_empty() && pod.name.as_ref().is_none_or(|own| own == name);
        let (unmarked, mut pods): (Vec<Pod>, Vec<Pod>) = pods.into_iter().partition(is_unmarked);
        for pod in unmarked {
            pods.extend(self.look_closer(pod).await?);
        }
        let doubtful = pods.iter().find(|pod| is_unmarked(pod)).map(|pod| pod.id.clone());
        let odd = unreadable.into_iter().find(|odd| odd.may_be(name));
        let mut ours = pods.into_iter().filter(|pod| pod.marker() == Some(marker));
        let Some(first) = ours.next() else {
            return Ok(match (doubtful, odd) {
                (Some(id), _) => Sighting::Doubtful(Some(id)),
                (None, Some(odd)) => Sighting::Doubtful(odd.id),
                (None, None) => Sighting::Nothing,
            });
        };
        for duplicate in ours {
            self.terminate(&duplicate.id).await?;
            self.notify(&Event::DuplicateTerminated { pod_id: duplicate.id });
        }
        Ok(Sighting::Ours(Box::new(first)))
    }
}

/// What a look for a pod with an unknown fate came to.
enum Sighting {
    Ours(Box<Pod>),
    /// A pod of that name that does not show whose it is.
    Doubtful(Option<String>),
    Nothing,
}

/// Why a candidate brought no pod.
enum Setback {
    NextCandidate(Error),
    End(DeployError),
}

/// What follows a failed create.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Proven that nothing was created, and this candidate may still come.
    Again,
    /// Proven that nothing was created; another candidate may do.
    NextCandidate,
    /// Proven that nothing was created, and no candidate will do.
    End,
    /// Nobody knows yet.
    LookForIt,
}

impl Step {
    fn after(error: &Error) -> Self {
        match error.kind() {
            _ if error.may_have_been_applied() => Self::LookForIt,
            ErrorKind::RateLimited | ErrorKind::Unreachable => Self::Again,
            ErrorKind::NoCapacity | ErrorKind::Forbidden => Self::NextCandidate,
            // RunPod has the same 400 for stock and for rules; a 422 is always a rule.
            ErrorKind::Rejected if error.status() == Some(400) => Self::NextCandidate,
            _ => Self::End,
        }
    }
}

/// The spec's environment, with what tells this deployment from every other and when it ends.
fn environment(spec: &PodSpec, marker: &str) -> BTreeMap<String, Secret> {
    let mut env = spec.env.clone();
    env.insert(MARKER.to_owned(), marker.into());
    if let Some(lifetime) = spec.lifetime {
        let end = SystemTime::now() + lifetime.min(LONGEST_LIFETIME);
        env.insert(EXPIRES_AT.to_owned(), format_rfc3339_millis(end).to_string().into());
    }
    env
}

/// What would widen the search.
fn suggestions(spec: &PodSpec) -> Vec<&'static str> {
    let mut suggestions = vec![match spec.gpus() {
        0 => "another CPU flavor",
        _ => "another GPU type or a pool such as ADA_24",
    }];
    if !spec.data_centers.is_empty() {
        suggestions.push("any data center");
    }
    if spec.cloud != Cloud::Either && spec.gpus() > 0 {
        suggestions.push("the other cloud (Cloud::Either)");
    }
    if spec.gpus() > 1 {
        suggestions.push("fewer GPUs per pod");
    }
    suggestions
}

/// A candidate that RunPod refused.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The hardware it was.
    pub hardware: Hardware,
    /// The cloud it was asked for in.
    pub cloud: Cloud,
    /// RunPod's answer.
    pub error: Error,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?}): {}", self.hardware, self.cloud, self.error.message())
    }
}

/// A deploy that brought no pod.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// The spec is wrong. Nothing was sent but reads; no pod was created.
    #[error(transparent)]
    Spec(SpecError),
    /// The name is in use: by one pod and [`IfExists::Fail`], or by several. No pod was created.
    #[error(
        "pod name {name:?} is taken by {}; adopt or replace it, choose another name, or terminate {}",
        list(pods.iter().map(|pod| &pod.id)),
        if pods.len() == 1 { "it" } else { "all but one" }
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it.
        pods: Vec<PodHandle>,
    },
    /// RunPod could not be asked what is there, so nothing was created.
    #[error("no pod was created, since what is there could not be found out")]
    Lookup(#[source] Error),
    /// The pod to be replaced is not proven gone, so nothing was created. It may still bill.
    #[error("no pod was created, since the one to be replaced is not proven gone")]
    NotReplaced(#[source] WaitError),
    /// RunPod refused for a reason that no other candidate changes. No pod was created.
    #[error(transparent)]
    Refused(Error),
    /// Every candidate was refused. No pod was created.
    #[error(
        "no candidate for pod {name:?} was accepted and none was created: {}. {} Try {}",
        list(attempts),
        if looks_like_rule(attempts) {
            "RunPod named no lack of stock: this looks like a rule the spec breaks."
        } else {
            "This looks like a lack of stock."
        },
        suggestions.join(", ")
    )]
    AllRefused {
        /// The name of the pod that was to be.
        name: String,
        /// Each candidate with RunPod's answer, in the order tried.
        attempts: Vec<Attempt>,
        /// What would widen the search.
        suggestions: Vec<&'static str>,
    },
    /// The pod was created and did not become ready; `aftermath` says what became of it.
    #[error("pod {pod_id} was deployed but did not become ready; {aftermath}")]
    NotReady {
        /// The pod's id.
        pod_id: String,
        /// What became of it.
        aftermath: Aftermath,
        /// Why it is not ready.
        source: Box<WaitError>,
    },
    /// A create was sent, its answer was lost, and looking for the pod brought no certainty.
    ///
    /// # Cost
    /// A pod of this name may exist and bill. Look for it ([`find`](RunPod::find)) before deploying again.
    #[error(
        "it is unclear whether pod {name:?} was created{}, and it may bill: look for it before deploying again ({reason})",
        pod_id.as_ref().map(|id| format!(" as {id}")).unwrap_or_default()
    )]
    Unclear {
        /// The name of the pod that may exist.
        name: String,
        /// Its id, if anything showed it.
        pod_id: Option<String>,
        /// What went wrong with the create.
        reason: String,
        /// What went wrong with the last look for it.
        source: Option<Error>,
    },
}

impl DeployError {
    /// Whether RunPod had no machine for any candidate, as far as its words tell.
    #[must_use]
    pub fn is_no_capacity(&self) -> bool {
        matches!(self, Self::AllRefused { attempts, .. } if !looks_like_rule(attempts))
    }

    /// Whether a pod may exist and bill although the deploy failed.
    #[must_use]
    pub fn may_bill(&self) -> bool {
        match self {
            Self::Unclear { .. } | Self::NotReplaced(_) => true,
            Self::NotReady { aftermath, .. } => !matches!(aftermath, Aftermath::Terminated),
            _ => false,
        }
    }

    /// The id of a pod that exists or may exist on account of this deploy.
    #[must_use]
    pub fn pod_id(&self) -> Option<&str> {
        match self {
            Self::Unclear { pod_id, .. } => pod_id.as_deref(),
            Self::NotReady { pod_id, .. } => Some(pod_id),
            Self::NotReplaced(error) => Some(error.pod_id()),
            _ => None,
        }
    }
}

fn looks_like_rule(attempts: &[Attempt]) -> bool {
    attempts.iter().all(|attempt| attempt.error.kind() != ErrorKind::NoCapacity)
}

fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join("; ")
}
