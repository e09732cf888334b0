//! Waiting for stock, between two rounds of creates.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::{
    sync::OwnedMutexGuard,
    time::{Instant, timeout_at},
};

use crate::{
    Candidate, Cloud, CpuFlavor, DeployError, Error, ErrorKind, Event, GpuType, Hardware, Pod, PodSpec,
    Problem, SpecError, Stock,
    client::{
        call::Call,
        pace::{Leave, Question, Wish},
    },
    deploy::{
        Standing,
        deployment::Deployment,
        placement::{Offer, Placement, forbids_more_than_a_read},
        step::{AfterRound, CandidateError, OVER},
    },
    error::operation::Operation,
    knowledge::identity::Whose,
    spec::offer::Offered,
};

/// The times at which the parts of the catalog were last asked for.
type News = HashMap<Question, Instant>;

/// Something of the catalog that has changed.
enum Fresh {
    Gpus(Cloud, Vec<GpuType>),
    Cpus(Vec<CpuFlavor>),
}

impl Deployment<'_> {
    /// Waits after a round in which every candidate was refused until another one is worth its while.
    pub(crate) async fn after_round(&mut self, placement: &mut Placement) -> Result<AfterRound, DeployError> {
        let deadline = self.deadline.filter(|deadline| Instant::now() < *deadline);
        let Some(deadline) = deadline.filter(|_| !self.awaited(placement).is_empty()) else {
            return Ok(AfterRound::Over);
        };
        // Whoever waits is in nobody's way.
        (self.has_waited, self.turn) = (true, None);
        let (candidates, since) = {
            let hurry = pin!(self.terms.hurry.notified());
            let watch = Box::pin(self.watch(placement, deadline));
            match timeout_at(deadline, select(watch, hurry)).await {
                // What others are refused while this one waits for its turn is news to it.
                Ok(Either::Left((candidates, _))) => (candidates?, Instant::now()),
                Ok(Either::Right(_)) | Err(_) => return Ok(AfterRound::Over),
            }
        };
        self.turn = self.terms.turn().await;
        if self.terms.is_called_off() {
            return Ok(AfterRound::Over);
        }
        match candidates.iter().all(|candidate| self.is_refused(candidate, since)) {
            true => Ok(AfterRound::Round(Vec::new(), since)),
            false => self.settle_again(candidates, since).await,
        }
    }

    /// Sees to the name once more: another process may have taken it, or a lost create have made its pod after all.
    async fn settle_again(
        &mut self,
        mut candidates: Vec<Candidate>,
        since: Instant,
    ) -> Result<AfterRound, DeployError> {
        if let Some(pod) = self.made_after_all(&mut candidates).await? {
            return Ok(AfterRound::Made(Box::new(pod)));
        }
        match self.runpod.settle_name(self.spec).await? {
            Standing::Free => {}
            Standing::Adopted(pod) => {
                self.warn_of_second(&pod.id);
                self.end_twins().await;
                return Ok(AfterRound::Adopted(pod));
            }
            Standing::Removed(id) => self.replaced.push(id),
        }
        Ok(AfterRound::Round(candidates, since))
    }

    /// The pod of a lost create, if it shows by now and costs no more than it may. The candidate of one that costs more is
    /// out, as if the answer had not been lost.
    async fn made_after_all(&mut self, candidates: &mut Vec<Candidate>) -> Result<Option<Pod>, DeployError> {
        if self.unclear.is_empty() {
            return Ok(None);
        }
        let named = self.runpod.named_at_deploy(&self.spec.name).await.map_err(DeployError::Lookup)?;
        for pod in named.iter().filter(|pod| self.claim.whose(pod) == Whose::Ours).collect::<Vec<_>>() {
            self.runpod.notify(&Event::PodFound { pod_id: pod.id.clone() });
            // Without any left, it is a second pod of the last one.
            let index = self.unclear_of(pod).or(self.unclear.len().checked_sub(1));
            let Some(candidate) = index.map(|index| self.unclear.remove(index).1) else { continue };
            self.lifetime = self.spec.lifetime_of(&candidate);
            self.runpod.notify(&Event::PodCreated {
                pod_id: pod.id.clone(),
                hardware: candidate.hardware.to_string(),
                cost_usd_per_hour: pod.cost_usd_per_hour,
            });
            match self.within_price((**pod).clone(), &candidate).await {
                Ok(pod) => return Ok(Some(pod)),
                Err(CandidateError::End(error)) => return Err(error),
                Err(CandidateError::NextCandidate(error)) => {
                    self.refused(&candidate, error);
                    candidates.retain(|other| !other.is_like(&candidate));
                }
                Err(CandidateError::Late) => {}
            }
        }
        Ok(None)
    }

    /// Returns true if the last create of a candidate since then was refused, whoever sent it.
    fn is_refused(&self, candidate: &Candidate, since: Instant) -> bool {
        self.runpod.lookups().pace.created_since(&self.demand_of(candidate), since) == Some(false)
    }

    /// Waits until candidates may be there: as the catalog says, as another deploy has found out, or since it is time
    /// to try all the same. An answer after which no create can be accepted ends it.
    async fn watch(
        &mut self,
        placement: &mut Placement,
        deadline: Instant,
    ) -> Result<Vec<Candidate>, DeployError> {
        let runpod = self.runpod;
        let pace = &runpod.lookups().pace;
        let (began, mut told, mut news) = (Instant::now(), None, News::new());
        loop {
            // Registered before anything is looked at, so that nothing is missed in between.
            let mut next = pin!(pace.news.notified());
            next.as_mut().enable();
            let wish = self.wish(placement, began);
            for question in &wish.questions {
                self.take_in(*question, placement, news.entry(*question).or_insert(began))?;
            }
            let ready = self.ready(placement, &news, began);
            // Nothing is left to wait for once the catalog rules out all that was not refused for good.
            if !ready.is_empty() || self.awaited(placement).is_empty() {
                self.uncounted = 1;
                return Ok(ready);
            }
            let due = pace.due(&wish);
            if told != Some(due) {
                told = Some(due);
                self.tell(placement, due.min(deadline), deadline);
            }
            // Woken by news, it may still be its turn: its answer would be somebody else's as well.
            let _ = timeout_at(due, next).await;
            match pace.claim(&wish) {
                None => {}
                Some(Leave::Ask(question)) => self.ask(question).await,
                Some(Leave::Try) => {
                    self.uncounted = 0;
                    return Ok(self.longest_untried(placement));
                }
            }
        }
    }

    /// Everything that is waited for: candidates that were refused for a lack of stock, and new ones.
    fn awaited(&self, placement: &Placement) -> Vec<Candidate> {
        let is_awaited = |candidate: &&Candidate| {
            let refused = self.attempts.iter().find(|attempt| attempt.is_of(candidate));
            refused.is_none_or(|attempt| attempt.error.kind() == ErrorKind::NoCapacity)
        };
        placement.candidates.iter().filter(is_awaited).cloned().collect()
    }

    fn wish(&self, placement: &Placement, began: Instant) -> Wish {
        let is_told = |candidate: &Candidate| candidate.stock.is_some();
        let awaited = self.awaited(placement);
        let mut questions = Vec::new();
        // The catalog never tells where community hosts are.
        let is_pinned = |cloud| cloud == Cloud::Community && !placement.data_centers.is_empty();
        for candidate in awaited.iter().filter(|candidate| !is_pinned(candidate.cloud)) {
            if !questions.contains(&question(candidate)) {
                questions.push(question(candidate));
            }
        }
        Wish { began, questions, has_untold: !awaited.iter().all(is_told) }
    }

    /// Takes in the catalog's last answer to a question, if it was asked after `at`, which becomes its time.
    fn take_in(
        &self,
        question: Question,
        placement: &mut Placement,
        at: &mut Instant,
    ) -> Result<(), DeployError> {
        let lookups = self.runpod.lookups();
        let fresh = match question {
            Question::Gpus { count, cloud } => lookups
                .gpu_types_of(cloud)
                .newer(&count, *at)
                .map(|(asked_at, answer)| (asked_at, answer.map(|types| Fresh::Gpus(cloud, types)))),
            Question::Cpus => lookups
                .cpu_flavors
                .newer(&(), *at)
                .map(|(asked_at, answer)| (asked_at, answer.map(Fresh::Cpus))),
        };
        if let Some((asked_at, fresh)) = fresh {
            *at = asked_at;
            if let Err(error) = &fresh
                && forbids_more_than_a_read(error)
            {
                return Err(DeployError::Lookup(error.clone()));
            }
            let renewed = placement.renew(self.spec, question, fresh.ok());
            renewed.map_err(|found| DeployError::Spec(SpecError::by_catalog(&self.spec.name, found)))?;
        }
        Ok(())
    }

    /// Those that the catalog has shown since `began` and nobody was refused since, or that another deploy was given.
    fn ready(&self, placement: &Placement, news: &News, began: Instant) -> Vec<Candidate> {
        let pace = &self.runpod.lookups().pace;
        let mut awaited = self.awaited(placement);
        awaited.retain(|candidate| {
            let demand = self.demand_of(candidate);
            let told_at = news.get(&question(candidate)).filter(|at| **at > began);
            let is_shown = candidate.stock.is_some_and(|stock| stock > Stock::None)
                && told_at.is_some_and(|at| pace.created_since(&demand, *at) != Some(false));
            is_shown || pace.created_since(&demand, began) == Some(true)
        });
        awaited
    }

    /// The candidate that was refused longest ago, of those that the catalog says nothing of if there are any.
    fn longest_untried(&self, placement: &Placement) -> Vec<Candidate> {
        let place = |candidate: &Candidate| self.attempts.iter().position(|attempt| attempt.is_of(candidate));
        let key = |candidate: &Candidate| (candidate.stock.is_some(), place(candidate));
        self.awaited(placement).into_iter().min_by_key(key).into_iter().collect()
    }

    /// Asks a part of the catalog for all who wait for it, as any read is asked. What cannot be read is no news.
    async fn ask(&self, question: Question) {
        let (runpod, now) = (self.runpod, Some(Instant::now()));
        let (lookups, repeated) = (runpod.lookups(), AtomicBool::new(false));
        // The leave to ask has paid for the first attempt only.
        let pay = || {
            if repeated.swap(true, Ordering::Relaxed) {
                lookups.pace.charge(1);
            }
        };
        match question {
            Question::Gpus { count, cloud } => {
                let send = || {
                    pay();
                    runpod.backend().gpu_types(count, cloud)
                };
                let ask = runpod.repeatedly(Call::read(Operation::ListGpuTypes, None), send);
                self.tell_unread(lookups.gpu_types_of(cloud).get(count, now, ask).await);
            }
            Question::Cpus => {
                let send = || {
                    pay();
                    runpod.backend().cpu_flavors()
                };
                let ask = runpod.repeatedly(Call::read(Operation::ListCpuFlavors, None), send);
                self.tell_unread(lookups.cpu_flavors.get((), now, ask).await);
            }
        }
        lookups.pace.news.notify_waiters();
    }

    fn tell_unread<T>(&self, answer: Result<T, Error>) {
        if let Err(error) = answer {
            self.runpod.notify(&Event::CatalogUnread { error: error.to_string() });
        }
    }

    fn tell(&self, placement: &Placement, due: Instant, deadline: Instant) {
        let mut hardware: Vec<String> = Vec::new();
        for candidate in self.awaited(placement) {
            let told = candidate.hardware.to_string();
            if !hardware.contains(&told) {
                hardware.push(told);
            }
        }
        let now = Instant::now();
        let (next_try, left) = (due.duration_since(now), deadline.duration_since(now));
        let name = self.spec.name.clone();
        self.runpod.notify(&Event::StockAwaited { name, hardware, next_try, left });
    }

    /// Waits for the turn to send a create; `None` if it would come too late, or if another deploy was refused the
    /// candidate after `since`. The first round takes no turns.
    pub(crate) async fn next_create(
        &self,
        candidate: &Candidate,
        since: Instant,
    ) -> Option<Option<OwnedMutexGuard<()>>> {
        if !self.has_waited {
            return Some(None);
        }
        let turn = self.runpod.lookups().pace.creates.take();
        let turn = timeout_at(self.deadline?, turn).await.ok()?;
        (!self.is_refused(candidate, since) && !self.is_late()).then_some(turn)
    }

    /// Rests before a create is sent again, as [`RunPod::rest_after`]; `None` if the time to wait is over before that. The
    /// first round takes as long as it takes.
    pub(crate) async fn rest_after(&self, error: &Error, pause: Duration) -> Option<bool> {
        let call = Call::mutation(Operation::CreatePod, self.spec.name.as_str());
        let rest = self.runpod.rest_after(error, call, pause);
        match self.deadline.filter(|_| self.has_waited) {
            Some(deadline) => timeout_at(deadline, rest).await.ok(),
            None => Some(rest.await),
        }
    }

    /// The answer to a create; an error if the rate limit holds it back until the time to wait is over. Once it is sent, it is
    /// heard to the end.
    pub(crate) async fn until_late<T>(
        &self,
        create: impl Future<Output = Result<T, Error>>,
        sent_at: &OnceLock<Instant>,
    ) -> Result<T, Error> {
        let mut create = pin!(create);
        if let Some(deadline) = self.deadline.filter(|_| self.has_waited) {
            match timeout_at(deadline, create.as_mut()).await {
                Ok(answer) => return answer,
                Err(_) if sent_at.get().is_none() => {
                    let call = Call::mutation(Operation::CreatePod, self.spec.name.as_str());
                    return Err(call.refused(ErrorKind::Rejected, format!("not sent: {OVER}")));
                }
                Err(_) => {}
            }
        }
        create.await
    }
}

impl Placement {
    /// Chooses the candidates anew by what the catalog says now; that none is left, or a name is wrong, is its word. What an
    /// answer lacks it says nothing of: that stays as it was, of unknown stock. So does everything after an answer that is
    /// empty or cannot be read.
    fn renew(&mut self, spec: &PodSpec, about: Question, fresh: Option<Fresh>) -> Result<(), Vec<Problem>> {
        match (&mut self.offer, fresh) {
            (Offer::Gpus(offers), Some(Fresh::Gpus(cloud, types))) if !types.is_empty() => {
                for (_, known) in offers.iter_mut().filter(|(own, _)| *own == cloud) {
                    *known = Some(with_absent(types.clone(), known.take()));
                }
            }
            (Offer::Cpus(known), Some(Fresh::Cpus(flavors))) if !flavors.is_empty() => {
                *known = Some(with_absent(flavors, known.take()));
            }
            _ => {
                let untold = self.candidates.iter_mut().filter(|one| question(one) == about);
                untold.for_each(|candidate| candidate.stock = None);
                return Ok(());
            }
        }
        self.candidates = self.offer.choose(spec, &self.data_centers, true)?.candidates;
        Ok(())
    }
}

/// The entries of an answer, and those of earlier ones that it lacks, of unknown stock.
fn with_absent<T: Offered>(mut fresh: Vec<T>, known: Option<Vec<T>>) -> Vec<T> {
    for entry in known.into_iter().flatten() {
        if fresh.iter().all(|other| other.id() != entry.id()) {
            fresh.push(entry.without_stock());
        }
    }
    fresh
}

/// The part of the catalog that tells of a candidate.
fn question(candidate: &Candidate) -> Question {
    match &candidate.hardware {
        Hardware::Cpu { .. } => Question::Cpus,
        Hardware::Gpu { count, .. } | Hardware::AnyGpu { count, .. } => {
            Question::Gpus { count: *count, cloud: candidate.cloud }
        }
    }
}
