//! One deployment: what was asked for, and what is known of its creates.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use runpod_api::Secret;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    Attempt, Candidate, DeployError, Error, ErrorKind, Event, IfExists, Origin, Pod, PodHandle, PodSpec,
    RunPod,
    backend::Create,
    client::{call::Call, retry},
    deploy::{
        error::grouped,
        placement::Placement,
        step::{CandidateError, NextStep, suggestions},
    },
    error::operation::Operation,
    knowledge::{
        identity::{Answered, Claim, Window},
        record::Created,
    },
    pod::{MARKER, lifetime::Lifetime},
};

/// Pauses before each search for a pod whose create has an unknown outcome: 15 s in all, since new
/// pods show up in lists late (observed).
pub(crate) const RECONCILE_PAUSES: [u64; 5] = [0, 1, 2, 4, 8];

/// A deployment under way, from its first create to its pod.
pub(crate) struct Deployment<'a> {
    pub(crate) runpod: &'a RunPod,
    pub(crate) spec: &'a PodSpec,
    pub(crate) claim: Claim,
    /// When it began, by RunPod's clock.
    began_at: SystemTime,
    /// The last create that may have made a pod which no list has shown.
    unclear: Option<Error>,
    attempts: Vec<Attempt>,
}

impl<'a> Deployment<'a> {
    pub(crate) fn new(runpod: &'a RunPod, spec: &'a PodSpec) -> Self {
        let marker = Uuid::new_v4().simple().to_string();
        let began_at = runpod.server_now();
        if spec.lifetime.is_some() && runpod.time().is_none() {
            let warning = format!(
                "RunPod's answers carry no date: the lifetime of pod {:?} is counted by this machine's clock",
                spec.name
            );
            runpod.notify(&Event::Warned { warning });
        }
        let claim = Claim { name: spec.name.clone(), marker, window: None };
        Self { runpod, spec, claim, began_at, unclear: None, attempts: Vec::new() }
    }

    /// The spec's environment, with what tells this deployment from every other and when a pod that is
    /// created now ends.
    fn env(&self) -> BTreeMap<String, Secret> {
        let mut env = self.spec.env.clone();
        env.insert(MARKER.to_owned(), self.claim.marker.as_str().into());
        // A template that was saved from a pod hands on that pod's lifetime.
        if self.spec.template.is_some() {
            Lifetime::write_none(&mut env);
        }
        if let Some(length) = self.spec.lifetime {
            Lifetime::from(self.runpod.server_now(), length, self.spec.at_end).write(&mut env);
        }
        env
    }

    /// Attempts the candidates in order until RunPod accepts one.
    pub(crate) async fn run(mut self, placement: Placement) -> Result<PodHandle, DeployError> {
        for candidate in placement.candidates {
            let hardware = candidate.hardware.to_string();
            self.runpod.notify(&Event::CandidateTried { hardware: hardware.clone() });
            match self.create(&candidate, &placement.data_centers).await {
                Ok(pod) => return Ok(self.accepted(pod, hardware)),
                Err(CandidateError::NextCandidate(error)) => {
                    let reason = error.message().to_owned();
                    self.runpod.notify(&Event::CandidateRefused { hardware, reason });
                    let Candidate { hardware, cloud, .. } = candidate;
                    self.attempts.push(Attempt { hardware, cloud, error });
                }
                Err(CandidateError::End(error)) => return Err(self.ended(error)),
            }
        }
        let attempts = std::mem::take(&mut self.attempts);
        let (name, suggestions) = (self.spec.name.clone(), suggestions(self.spec));
        Err(self.ended(DeployError::AllRefused { name, attempts, suggestions, replaced: None }))
    }

    /// Creates one candidate, at most once however often it is sent.
    async fn create(
        &mut self,
        candidate: &Candidate,
        data_centers: &[String],
    ) -> Result<Pod, CandidateError> {
        let mut pauses = retry::pauses(retry::ATTEMPTS);
        loop {
            let error = match self.send(candidate, data_centers).await {
                Ok(pod) => return Ok(pod),
                Err(error) => error,
            };
            match NextStep::after(&error) {
                NextStep::NextCandidate => return Err(CandidateError::NextCandidate(error)),
                NextStep::End => return Err(CandidateError::End(DeployError::Refused(error))),
                NextStep::Again => {}
                NextStep::SearchForIt => {
                    let hardware = candidate.hardware.to_string();
                    if let Some(pod) = self.reconcile(hardware, &error).await.map_err(CandidateError::End)? {
                        return Ok(pod);
                    }
                    // Absent from lists for 15 s is leave to go on, and no proof: the end still says so.
                    self.unclear = Some(error.clone());
                    match NextStep::once_absent(&error) {
                        NextStep::NextCandidate => return Err(CandidateError::NextCandidate(error)),
                        NextStep::End => return Err(CandidateError::End(DeployError::Refused(error))),
                        NextStep::Again | NextStep::SearchForIt => {}
                    }
                }
            }
            let call = Call::mutation(Operation::CreatePod, self.spec.name.as_str());
            let is_rested = match pauses.next() {
                Some(pause) => self.runpod.rest_after(&error, call, pause).await,
                None => false,
            };
            if !is_rested {
                return Err(CandidateError::End(DeployError::Refused(error)));
            }
        }
    }

    /// Sends the create once. An answer about another pod is none about this one.
    async fn send(&mut self, candidate: &Candidate, data_centers: &[String]) -> Result<Pod, Error> {
        let (name, env) = (self.spec.name.as_str(), self.env());
        let Candidate { hardware, cloud, .. } = candidate;
        let create = Create { spec: self.spec, hardware, cloud: *cloud, data_centers, env: &env };
        let call = Call::mutation(Operation::CreatePod, name);
        let sent_at = OnceLock::new();
        let send = async {
            sent_at.get_or_init(Instant::now);
            self.runpod.backend().create(&create).await
        };
        let answer = self.runpod.once(call, Box::pin(send)).await;
        // A future that is put aside hears late of the end of its request.
        let late = sent_at.get().map(|at| at.elapsed().saturating_sub(self.runpod.timeout()));
        let ended_at = self.runpod.time().and_then(|now| now.checked_sub(late.unwrap_or_default()));
        self.claim.window = ended_at.map(Window::until);
        let pod = answer?;
        let message = match self.claim.answered(&pod) {
            Answered::Ours | Answered::Unmarked => return Ok(pod),
            Answered::AnotherPod => format!(
                "the answer is about another pod, {} of the name {:?}",
                pod.id,
                pod.name.unwrap_or_default()
            ),
            Answered::Nobody => "the answer has an empty id".to_owned(),
        };
        Err(Error::of_answer(ErrorKind::Unreadable, Operation::CreatePod, Some(name), message))
    }

    fn accepted(self, pod: Pod, hardware: String) -> PodHandle {
        let asked = Lifetime::written(&self.env(), None);
        let Self { runpod, spec, mut claim, began_at, unclear, .. } = self;
        let (pod_id, cost_usd_per_hour) = (pod.id.clone(), pod.cost_usd_per_hour);
        runpod.notify(&Event::PodCreated { pod_id, hardware, cost_usd_per_hour });
        if let Some(warning) = surprise(&pod, asked) {
            runpod.notify(&Event::Warned { warning });
        }
        if let Some(unclear) = &unclear {
            runpod.notify(&Event::Warned { warning: twin_warning(&pod.id, unclear) });
        }
        let now = runpod.server_now();
        // The create that made it may have been sent at any time since the beginning.
        let span = now.duration_since(began_at).unwrap_or_default();
        claim.window = Some(Window::around(pod.created().unwrap_or(now), span));
        let pod = Arc::new(pod);
        let adopts = spec.if_exists == IfExists::Adopt;
        let created = Created { claim, at: Instant::now(), pod: Arc::clone(&pod), adopts };
        let record = runpod.lookups().records.created(created);
        PodHandle::of_create(runpod.clone(), pod, record).with_origin(Origin::Created)
    }

    /// The end of a deploy. Not having been listed for a while is proof enough to send a create again, since
    /// a pod that shows up late is found by its marker then. After the end nobody looks for it any more.
    fn ended(self, end: DeployError) -> DeployError {
        let (Some(unclear), false) = (self.unclear, end.may_bill()) else { return end };
        let seconds = RECONCILE_PAUSES.iter().sum::<u64>();
        let mut reason = format!("{}; no list showed it for {seconds} s", unclear.what());
        match end {
            DeployError::Refused(error) if error.may_have_been_applied() => {}
            DeployError::AllRefused { attempts, .. } => {
                reason += &format!(", then every candidate was refused: {}", grouped(&attempts));
            }
            end => reason += &format!(", then: {end}"),
        }
        DeployError::Unclear { name: self.spec.name.clone(), pod_id: None, reason, source: None }
    }
}

/// Says how a pod that was just created differs from what was sent; `None` if it does not.
fn surprise(pod: &Pod, asked: Option<Lifetime>) -> Option<String> {
    let id = &pod.id;
    Some(match (pod.marker(), asked, Lifetime::read(pod)) {
        (_, Some(_), None) => format!(
            "RunPod's answer does not show the lifetime of pod {id}: unless it shows it later, `reap` cannot tell when it is over, so terminate the pod yourself"
        ),
        (None, ..) => format!(
            "RunPod's answer does not show the marker of pod {id}: unless it shows it later, nobody can tell that it was made by this deploy, neither `reap` nor another deploy of its name"
        ),
        (_, None, Some(_)) => format!(
            "pod {id} has a lifetime that nobody asked for, probably its template's: clear the variables of the template that begin with RUNPOD_LIFECYCLE_, or `reap` may end the pod"
        ),
        (_, Some(asked), Some(shown)) if !asked.is_like(shown) => format!(
            "RunPod's answer shows another lifetime of pod {id} than was asked for, and `reap` goes by what RunPod shows"
        ),
        _ => return None,
    })
}

/// The warning about a pod whose deploy had sent an unclear create before.
fn twin_warning(id: &str, unclear: &Error) -> String {
    format!(
        "a second pod may still come up beside {id}, and bill, since an earlier create was unclear; the first wait for {id} ends it if it shows within 15 s from now, else look for its name: {}",
        unclear.what()
    )
}
