//! From a spec to a pod that RunPod has accepted, without ever making two.

pub(crate) mod data_centers;
pub(crate) mod error;
pub(crate) mod nearest;
pub(crate) mod placement;
pub(crate) mod plan;
pub(crate) mod recover;

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use humantime::format_rfc3339_millis;
use runpod_api::Secret;
use uuid::Uuid;

use crate::{
    Aftermath, Attempt, Candidate, Cloud, Condition, DeployError, Error, ErrorKind, Event, Gone, Pod,
    PodHandle, PodSpec, RunPod, WaitError, WaitReport,
    backend::Create,
    client::Call,
    client::retry,
    deploy::error::list,
    deploy::placement::Placement,
    deploy::recover::RECONCILE_PAUSES,
    pod::{EXPIRES_AT, MARKER},
    wait,
    wait::watcher::Watcher,
};

pub(crate) const CREATE: &str = "create pod";
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

impl RunPod {
    /// Creates a pod and returns as soon as RunPod has accepted it, before it is up: its id is in
    /// your hands before any waiting. Go on with [`PodHandle::wait_until`].
    ///
    /// The spec is checked first, then against RunPod's catalog (GPU ids and pools, GPUs per pod, CPU flavors,
    /// data centers), as far as the key may read it, then the name is looked for ([`PodSpec::if_exists`]): in RunPod's list, and among what this handle and its
    /// clones created in the last 30 s. Another process cannot know a pod before it is listed, up to 15 s
    /// after its create: a deploy of the same name from there makes a second one.
    ///
    /// Candidates are tried in order while RunPod answers that it has none. Whenever the outcome of a
    /// create is unclear (a lost answer, a 5xx), the pod is looked for by a marker in its environment, and
    /// only if no list shows it for 15 s is another create sent. Should the first pod come up later, two
    /// bill: [`Event::Warned`] says so, and the first wait ends it if it shows within 15 s of the second.
    ///
    /// # Errors
    /// [`DeployError`]. Every variant says whether a pod may exist: after `Unclear` the new one may, after
    /// `NotReplaced` the old one may, after `Duplicated` several do.
    ///
    /// # Cancellation
    /// If the future is dropped after a create was sent, a pod may exist. [`find`](Self::find) by
    /// name shows it once RunPod lists it, usually within 15 s.
    ///
    /// # Cost
    /// The pod bills until it is terminated, ready or not. When that begins RunPod's contract does not say:
    /// count from the moment RunPod accepts it.
    pub async fn deploy(&self, spec: &PodSpec) -> Result<PodHandle, DeployError> {
        spec.validate().map_err(DeployError::Spec)?;
        let placement = self.placement(spec).await?;
        if let Some(pod) = self.settle_name(spec).await? {
            return Ok(pod);
        }
        let ssh_warning = self.ssh_warning(spec).await;
        for warning in placement.warnings.iter().cloned().chain(ssh_warning) {
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
        let gone = wait::watch::watch(watcher, None, &Gone, REPLACE_PATIENCE, self.observer()).await;
        gone.map(drop).map_err(DeployError::NotReplaced)
    }

    async fn create_first(&self, spec: &PodSpec, placement: Placement) -> Result<PodHandle, DeployError> {
        let marker = Uuid::new_v4().simple().to_string();
        let env = environment(spec, &marker);
        let mut attempts = Vec::new();
        let mut doubt = None;
        for Candidate { hardware, cloud, .. } in placement.candidates {
            self.notify(&Event::CandidateTried { hardware: hardware.to_string() });
            let data_centers = &placement.data_centers;
            let create = Create { spec, hardware: &hardware, cloud, data_centers, env: &env };
            match self.create(&create, &marker, &mut doubt).await {
                Ok(pod) => {
                    self.notify(&Event::PodCreated {
                        pod_id: pod.id.clone(),
                        hardware: hardware.to_string(),
                        cost_usd_per_hour: pod.cost_usd_per_hour,
                    });
                    if let Some(unclear) = &doubt {
                        let warning = twin_warning(&pod.id, unclear);
                        self.notify(&Event::Warned { warning });
                    }
                    let pod = PodHandle::newly_created(self.clone(), pod, marker, doubt.is_some());
                    self.lookups().accepted.remember(&spec.name, &pod);
                    return Ok(pod);
                }
                Err(Setback::NextCandidate(error)) => {
                    let reason = error.message().to_owned();
                    self.notify(&Event::CandidateRefused { hardware: hardware.to_string(), reason });
                    attempts.push(Attempt { hardware, cloud, error });
                }
                Err(Setback::End(error)) => return Err(in_doubt(spec, doubt, error)),
            }
        }
        let error =
            DeployError::AllRefused { name: spec.name.clone(), suggestions: suggestions(spec), attempts };
        Err(in_doubt(spec, doubt, error))
    }

    /// Creates one candidate, at most once however often it is sent. `doubt` becomes the last create of
    /// the deploy that may have made a pod which no list has shown.
    async fn create(
        &self,
        create: &Create<'_>,
        marker: &str,
        doubt: &mut Option<Error>,
    ) -> Result<Pod, Setback> {
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
                    if let Some(pod) = self.reconcile(create, marker, &error).await.map_err(Setback::End)? {
                        return Ok(pod);
                    }
                    *doubt = Some(error.clone());
                }
            }
            let is_rested = match pauses.next() {
                Some(pause) => self.rest_after(&error, call, pause).await,
                None => false,
            };
            if !is_rested {
                return Err(Setback::End(DeployError::Refused(error)));
            }
        }
    }
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

/// What is said of a pod whose deploy had sent an unclear create before.
fn twin_warning(id: &str, unclear: &Error) -> String {
    format!(
        "a second pod may still come up beside {id}, and bill, since an earlier create was unclear; the first wait for {id} ends it if it shows within 15 s from now, else look for its name: {}",
        unclear.what()
    )
}

/// The end of a deploy. Not having been listed for a while is proof enough to send a create again, since
/// a pod that shows up late is found by its marker then. After the end nobody looks for it any more.
fn in_doubt(spec: &PodSpec, doubt: Option<Error>, end: DeployError) -> DeployError {
    let (Some(unclear), false) = (doubt, end.may_bill()) else { return end };
    let seconds = RECONCILE_PAUSES.iter().sum::<u64>();
    let mut reason = format!("{}; no list showed it for {seconds} s", unclear.what());
    match end {
        DeployError::Refused(error) if error.may_have_been_applied() => {}
        DeployError::AllRefused { attempts, .. } => {
            reason += &format!(", then every candidate was refused: {}", list(&attempts));
        }
        end => reason += &format!(", then: {end}"),
    }
    DeployError::Unclear { name: spec.name.clone(), pod_id: None, reason, source: None }
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

/// What would widen the search, the likeliest cause of the refusals first.
fn suggestions(spec: &PodSpec) -> Vec<&'static str> {
    let mut suggestions = Vec::new();
    if spec.network_volume.is_some() {
        suggestions.push("a network volume in another data center, since it pins the pod to its own");
    } else if !spec.data_centers.is_empty() {
        suggestions.push("any data center in place of those that are pinned");
    }
    suggestions.push(match spec.gpus() {
        0 => "another CPU flavor",
        _ => "another GPU type or a pool such as ADA_24",
    });
    if spec.cloud != Cloud::Either && spec.gpus() > 0 && spec.network_volume.is_none() {
        suggestions.push("the other cloud");
    }
    if spec.gpus() > 1 {
        suggestions.push("fewer GPUs per pod");
    }
    suggestions
}
