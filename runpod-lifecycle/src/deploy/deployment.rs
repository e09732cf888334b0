//! One deployment: what was asked for, and what is known of its creates.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use runpod_api::{Failure, Secret};
use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    Attempt, Candidate, Condition, DeployError, Error, ErrorKind, Event, Origin, Pod, PodHandle, PodSpec,
    Problem, RunPod, SpecError, Waited, Warning,
    backend::Create,
    client::{call::Call, pace::Demand, retry},
    deploy::{
        placement::Placement,
        step::{AfterRound, CandidateError, NextStep, OVER, suggestions},
    },
    error::operation::Operation,
    knowledge::{
        identity::{Answered, Claim, Window},
        names::TakenName,
        record::Created,
    },
    observe::doing::Doing,
    pod::{
        MARKER,
        labels::{self, Labels},
        lifetime::Lifetime,
    },
};

/// The longest that anything is waited for, far above what anybody waits.
const LONGEST_PATIENCE: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The terms of a deploy that are its caller's rather than its spec's.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    /// Ends a wait for stock.
    pub(crate) hurry: Notify,
    /// No more creates than the one under way.
    pub(crate) is_called_off: AtomicBool,
    /// Why no pod that is made now would do for what is to follow; one that is adopted may.
    pub(crate) unfit: Option<Problem>,
    /// The deploys of a fleet that may send at a time; those that wait for stock do not count.
    pub(crate) at_once: Option<Arc<Semaphore>>,
}

impl Terms {
    /// The terms of a deploy whose pod is to meet a condition.
    ///
    /// # Errors
    /// If no pod of the spec ever will. One that the spec lets it adopt may have other ports.
    pub(crate) fn of_wait(spec: &PodSpec, condition: &dyn Condition) -> Result<Self, DeployError> {
        let reason = condition.never_by(spec);
        let unfit = reason.map(|reason| Problem::new("condition", condition.name(), reason));
        let terms = Self { unfit, ..Self::default() };
        if spec.if_exists.adopts() {
            return Ok(terms);
        }
        terms.check(spec).map(|()| terms)
    }

    /// Refuses a create whose pod would not do.
    pub(crate) fn check(&self, spec: &PodSpec) -> Result<(), DeployError> {
        let problem = self.unfit.clone();
        problem.map_or(Ok(()), |problem| Err(DeployError::Spec(SpecError::new(&spec.name, vec![problem]))))
    }

    /// Ends the deploy before its next create, and its wait for stock at once.
    pub(crate) fn call_off(&self) {
        self.is_called_off.store(true, Ordering::Relaxed);
        self.hurry.notify_one();
    }

    /// Returns true once whoever wanted the pod wants it no more.
    pub(crate) fn is_called_off(&self) -> bool {
        self.is_called_off.load(Ordering::Relaxed)
    }

    /// Takes a turn to send; `None` if there is no limit.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.at_once.as_ref()?.acquire().await.ok()
    }
}

/// A deployment under way, from its first create to its pod.
pub(crate) struct Deployment<'a> {
    pub(crate) runpod: &'a RunPod,
    pub(crate) spec: &'a PodSpec,
    pub(crate) claim: Claim,
    /// When it began, by RunPod's clock and by one that nobody sets.
    began_at: (SystemTime, Instant),
    /// The lifetime of the pod that the next create makes.
    pub(crate) lifetime: Option<Duration>,
    /// The creates that may each have made a pod which no list has shown, with their candidates.
    pub(crate) unclear: Vec<(Error, Candidate)>,
    /// The last pod that cost too much. Its search finds what else the creates so far have made.
    pub(crate) over_price: Option<PodHandle>,
    /// Everything beside hardware and cloud that the pod's machine must have.
    demand: Arc<str>,
    /// The last refusal of each candidate, in the order tried.
    pub(crate) attempts: Vec<Attempt>,
    taken: TakenName<'a>,
    pub(crate) terms: &'a Terms,
    pub(crate) turn: Option<SemaphorePermit<'a>>,
    /// True unless the last create was held back until the end.
    is_sent: bool,
    /// The rounds of creates so far.
    rounds: u32,
    /// The requests before the next create that count as cost of waiting.
    pub(crate) uncounted: u32,
    /// True once stock has been waited for.
    pub(crate) has_waited: bool,
    /// When waiting for stock ends; `None` without patience.
    pub(crate) deadline: Option<Instant>,
    /// The ids of the pods that were to be replaced, and are gone.
    pub(crate) replaced: Vec<String>,
}

impl<'a> Deployment<'a> {
    pub(crate) fn new(
        runpod: &'a RunPod,
        spec: &'a PodSpec,
        taken: TakenName<'a>,
        terms: &'a Terms,
        turn: Option<SemaphorePermit<'a>>,
    ) -> Self {
        let marker = Uuid::new_v4().simple().to_string();
        let began_at = (runpod.server_now(), Instant::now());
        let has_lifetime = spec.lifetime.is_some() || spec.max_total_usd.is_some();
        if has_lifetime && runpod.time().is_none() {
            let warning = Warning::LocalClock { name: Some(spec.name.clone()) };
            runpod.notify(&Event::Warned { warning });
        }
        let claim = Claim { name: spec.name.clone(), marker, window: None };
        Self {
            runpod,
            spec,
            claim,
            began_at,
            lifetime: spec.lifetime,
            unclear: Vec::new(),
            over_price: None,
            demand: Arc::default(),
            attempts: Vec::new(),
            taken,
            terms,
            turn,
            is_sent: false,
            rounds: 0,
            uncounted: 0,
            has_waited: false,
            deadline: spec.patience.map(|patience| began_at.1 + patience.min(LONGEST_PATIENCE)),
            replaced: Vec::new(),
        }
    }

    /// The same deployment, in place of a pod that is gone.
    pub(crate) fn after_removing(self, replaced: Option<String>) -> Self {
        Self { replaced: replaced.into_iter().collect(), ..self }
    }

    /// Warns that its own pod may come up beside one that it has adopted.
    pub(crate) fn warn_of_second(&self, adopted: &str) {
        if let Some((unclear, _)) = self.unclear.last() {
            let (pod_id, others) = (adopted.to_owned(), Vec::new());
            let warning = Warning::SecondPodUnknown { pod_id, others, reason: unclear.what() };
            self.runpod.notify(&Event::Warned { warning });
        }
    }

    /// The spec's environment, with what tells this deployment from every other and when a pod that is
    /// created now ends.
    fn env(&self) -> BTreeMap<String, Secret> {
        let mut env = self.spec.env.clone();
        env.insert(MARKER.to_owned(), self.claim.marker.as_str().into());
        // A template that was saved from a pod hands on that pod's lifetime and labels.
        if self.spec.has_template() {
            Lifetime::write_none(&mut env);
            labels::write_none(&mut env);
        }
        if !self.spec.labels.is_empty() {
            labels::write(&self.spec.labels, &mut env);
        }
        if let Some(length) = self.lifetime {
            Lifetime::from(self.runpod.server_now(), length, self.spec.at_end).write(&mut env);
        }
        env
    }

    /// Attempts the candidates in order until RunPod accepts one, and again while the spec has patience.
    pub(crate) async fn run(mut self, mut placement: Placement) -> Result<PodHandle, DeployError> {
        let (mut candidates, mut since) = (placement.candidates.clone(), Instant::now());
        self.demand = self.spec.demand(&placement.data_centers).into();
        loop {
            match self.round(&candidates, &placement.data_centers, since).await {
                Ok(Some(pod)) => return Ok(self.accepted(pod)),
                Ok(None) if self.terms.is_called_off() => return Err(self.without_pod().await),
                Ok(None) => {}
                Err(error) => return Err(self.ended(error).await),
            }
            (candidates, since) = match self.after_round(&mut placement).await {
                Ok(AfterRound::Round(candidates, since)) => (candidates, since),
                Ok(AfterRound::Made(pod)) => return Ok(self.accepted(*pod)),
                Ok(AfterRound::Adopted(pod)) => return Ok(pod),
                Ok(AfterRound::Over) => return Err(self.without_pod().await),
                Err(error) => return Err(self.ended(error).await),
            };
        }
    }

    /// Attempts each candidate once that was chosen at `since`; `None` if all were refused, time is up, or it is called off.
    async fn round(
        &mut self,
        candidates: &[Candidate],
        data_centers: &[String],
        since: Instant,
    ) -> Result<Option<Pod>, DeployError> {
        let mut uncounted = 1;
        for candidate in candidates {
            let Some(_order) = self.next_create(candidate, since).await else { continue };
            // Whoever called it off wants no pod: what is not created need not be ended.
            if self.terms.is_called_off() {
                return Ok(None);
            }
            self.rounds += std::mem::take(&mut uncounted);
            // Dropped from here on, it may leave a pod that no list shows yet.
            self.taken.is_creating = true;
            let (runpod, hardware) = (self.runpod, candidate.hardware.to_string());
            let doing = Doing { candidate: Some(&hardware), ..Doing::new("try candidate", None) };
            let made = runpod.operation(doing, self.attempt(candidate, data_centers)).await;
            self.taken.is_creating = false;
            match made {
                Ok(pod) => return Ok(Some(pod)),
                Err(CandidateError::NextCandidate(error)) => self.refused(candidate, error),
                Err(CandidateError::Late) => return Ok(None),
                Err(CandidateError::End(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn attempt(
        &mut self,
        candidate: &Candidate,
        data_centers: &[String],
    ) -> Result<Pod, CandidateError> {
        let hardware = candidate.hardware.to_string();
        self.runpod.notify(&Event::CandidateTried { hardware: hardware.clone() });
        self.lifetime = self.spec.lifetime_of(candidate);
        let pod = self.create(candidate, data_centers).await?;
        // The search after an unclear answer may have found what an earlier create has made.
        let made = self.unclear_of(&pod).map(|index| self.unclear[index].1.clone());
        if let Some(earlier) = made.filter(|_| !candidate.is_of(&pod)) {
            self.lifetime = self.spec.lifetime_of(&earlier);
        }
        // Named before anything else can go wrong.
        let (pod_id, cost_usd_per_hour) = (pod.id.clone(), pod.cost_usd_per_hour);
        self.runpod.notify(&Event::PodCreated { pod_id, hardware, cost_usd_per_hour });
        self.runpod.lookups().pace.created(self.demand_of(candidate), true);
        self.within_price(pod, candidate).await
    }

    pub(crate) fn refused(&mut self, candidate: &Candidate, error: Error) {
        let Candidate { hardware, cloud, .. } = candidate;
        let reason = error.message().to_owned();
        self.runpod.notify(&Event::CandidateRefused { hardware: hardware.to_string(), reason });
        if error.kind() == ErrorKind::NoCapacity {
            self.runpod.lookups().pace.created(self.demand_of(candidate), false);
        }
        if self.has_waited {
            self.runpod.lookups().pace.charge(1 + std::mem::take(&mut self.uncounted));
        }
        self.attempts.retain(|attempt| !attempt.is_of(candidate));
        self.attempts.push(Attempt { hardware: hardware.clone(), cloud: *cloud, error });
    }

    /// A candidate, with all else that the spec asks of its machine.
    pub(crate) fn demand_of(&self, candidate: &Candidate) -> Demand {
        let (hardware, rest) = (candidate.hardware.clone(), Arc::clone(&self.demand));
        Demand { hardware, cloud: candidate.cloud, rest }
    }

    /// The place of the last unclear create that a pod may come from, by its hardware and cloud.
    pub(crate) fn unclear_of(&self, pod: &Pod) -> Option<usize> {
        self.unclear.iter().rposition(|(_, candidate)| candidate.is_of(pod))
    }

    pub(crate) fn all_refused(&mut self) -> DeployError {
        let attempts = std::mem::take(&mut self.attempts);
        let (name, suggestions) = (self.spec.name.clone(), suggestions(self.spec));
        let waited = Waited { duration: self.began_at.1.elapsed(), rounds: self.rounds };
        let waited = self.has_waited.then_some(waited);
        DeployError::AllRefused { name, attempts, suggestions, waited, replaced: Vec::new() }
    }

    /// Returns true if the time to wait is over. The first round takes as long as it takes.
    pub(crate) fn is_late(&self) -> bool {
        self.has_waited && self.deadline.is_none_or(|deadline| Instant::now() >= deadline)
    }

    /// Creates one candidate, at most once however often it is sent.
    async fn create(
        &mut self,
        candidate: &Candidate,
        data_centers: &[String],
    ) -> Result<Pod, CandidateError> {
        let (mut pauses, mut attempt) = (retry::pauses(retry::ATTEMPTS), 0);
        loop {
            attempt += 1;
            let error = match self.send(candidate, data_centers, attempt).await {
                Ok(pod) => return Ok(pod),
                Err(_) if self.is_late() && !self.is_sent => return Err(CandidateError::Late),
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
                    self.unclear.push((error.clone(), candidate.clone()));
                    match NextStep::once_absent(&error) {
                        NextStep::NextCandidate => return Err(CandidateError::NextCandidate(error)),
                        NextStep::End => return Err(CandidateError::End(DeployError::Refused(error))),
                        NextStep::Again | NextStep::SearchForIt => {}
                    }
                }
            }
            let is_rested = match pauses.next() {
                Some(pause) => self.rest_after(&error, pause).await.ok_or(CandidateError::Late)?,
                None => false,
            };
            if self.terms.is_called_off() {
                return Err(CandidateError::NextCandidate(error));
            }
            if !is_rested {
                return Err(CandidateError::End(DeployError::Refused(error)));
            }
        }
    }

    /// Sends the create once. An answer about another pod is none about this one.
    async fn send(
        &mut self,
        candidate: &Candidate,
        data_centers: &[String],
        attempt: u32,
    ) -> Result<Pod, Error> {
        let (name, env) = (self.spec.name.as_str(), self.env());
        let Candidate { hardware, cloud, .. } = candidate;
        let create = Create { spec: self.spec, hardware, cloud: *cloud, data_centers, env: &env };
        let call = Call::mutation(Operation::CreatePod, name).attempt(attempt);
        let sent_at = OnceLock::new();
        let send = async {
            // The rate limit may have held it back beyond the end.
            if self.is_late() {
                return Err(Failure::invalid("create_pod", OVER));
            }
            sent_at.get_or_init(Instant::now);
            self.runpod.backend().create(&create).await
        };
        let answer = self.until_late(self.runpod.once(call, Box::pin(send)), &sent_at).await;
        // A future that is put aside hears late of the end of its request.
        self.is_sent = sent_at.get().is_some();
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

    /// The time in which this deploy may have made pods, given one of them.
    pub(crate) fn window(&self, pod: &Pod) -> Window {
        let (now, (began, since)) = (self.runpod.server_now(), self.began_at);
        // The create that made it may have been sent at any time since the beginning. A clock may have been set
        // since then, or have stood still.
        let span = now.duration_since(began).unwrap_or_default().max(since.elapsed());
        Window::around(pod.created().unwrap_or(now), span)
    }

    fn accepted(self, pod: Pod) -> PodHandle {
        let asked = Lifetime::written(&self.env(), None);
        let window = self.window(&pod);
        let Self { runpod, spec, mut claim, unclear, .. } = self;
        if let Some(warning) = surprise(&pod, asked, &spec.labels) {
            runpod.notify(&Event::Warned { warning });
        }
        if let Some((unclear, _)) = unclear.last() {
            let warning = Warning::SecondPodPossible { pod_id: pod.id.clone(), reason: unclear.what() };
            runpod.notify(&Event::Warned { warning });
        }
        claim.window = Some(window);
        let pod = Arc::new(pod);
        let adopts = spec.if_exists.adopts();
        let created = Created { claim, at: Instant::now(), pod: Arc::clone(&pod), adopts };
        let record = runpod.lookups().records.created(created);
        PodHandle::of_create(runpod.clone(), pod, record).with_origin(Origin::Created)
    }
}

/// Compares a pod that was just created with what was sent; `None` if it does not differ.
fn surprise(pod: &Pod, asked: Option<Lifetime>, labels: &Labels) -> Option<Warning> {
    let pod_id = pod.id.clone();
    Some(match (pod.marker(), asked, Lifetime::read(pod)) {
        (_, Some(_), None) => Warning::LifetimeHidden { pod_id },
        (None, ..) => Warning::MarkerHidden { pod_id },
        (_, None, Some(_)) => Warning::LifetimeInherited { pod_id },
        (_, Some(asked), Some(shown)) if !asked.is_like(shown) => Warning::LifetimeDiffers { pod_id },
        _ if pod.labels() != *labels => {
            let reason = "RunPod's answer to its create shows others, or none".to_owned();
            Warning::LabelsHidden { pod_id, reason }
        }
        _ => return None,
    })
}
