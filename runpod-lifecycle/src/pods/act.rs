//! Starting, stopping and ending pods.

use std::sync::atomic::{AtomicUsize, Ordering};

use runpod_api::http::StatusCode;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    Accepted, Error, ErrorKind, Event, Pod, PodHandle, PodState, RunPod,
    backend::Action,
    client::{
        call::{Attempts, Call},
        retry,
    },
    error::operation::Operation,
    knowledge::{
        evidence::{Changed, DOUBT_PAUSE, Finding, LAG, absence_by_id},
        record::PodRecord,
    },
    pod::state::word,
    version::Feature,
};

impl RunPod {
    /// Stops a pod, by its id: the GPU is given back, the container disk is wiped, a pod volume is kept and
    /// goes on billing. Returns once RunPod has accepted it. Stopping a stopped pod succeeds.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] if the pod is locked; [`ErrorKind::Conflict`] if its state allows no stop.
    ///
    /// # Cancellation
    /// If the future is dropped after the request was sent, the pod may be stopping.
    #[doc(alias("pause"))]
    pub async fn stop(&self, id: &str) -> Result<Accepted, Error> {
        let stopped = |state: &PodState| state.is_stopped();
        let call = Call::ending(Operation::StopPod, id);
        self.operation(call, self.act(call, Action::Stop, id, None, stopped)).await
    }

    /// Starts a stopped pod on the host it is pinned to. Returns once RunPod has accepted it.
    /// Starting a running pod succeeds. Ports and addresses are new after every start.
    ///
    /// # Errors
    /// [`ErrorKind::NoCapacity`] if the host has given its GPUs to others: wait for it, or
    /// deploy anew elsewhere (a pod volume does not move, a network volume does).
    ///
    /// # Cost
    /// The GPU bills from the start on. A [lifetime](crate::PodSpec::lifetime) that was over begins anew, and
    /// the warnings say until when.
    #[doc(alias("resume"))]
    pub async fn start(&self, id: &str) -> Result<Accepted, Error> {
        self.start_seen(id, None).await
    }

    /// Starts a pod that was last seen so.
    pub(crate) async fn start_seen(&self, id: &str, seen: Option<&Pod>) -> Result<Accepted, Error> {
        let started = |state: &PodState| {
            matches!(state, PodState::Running | PodState::Starting | PodState::Provisioning)
        };
        let call = Call::mutation(Operation::StartPod, id);
        self.operation(call, self.act(call, Action::Start, id, seen, started)).await
    }

    /// Restarts the container on the same host; the container disk is wiped. Returns once RunPod
    /// has accepted it. Not repeated when the answer is lost, since it might restart twice.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] if the pod is locked; [`ErrorKind::Conflict`] if it is not running.
    pub async fn restart(&self, id: &str) -> Result<Accepted, Error> {
        self.restart_seen(id, None).await
    }

    /// Restarts the container of a pod that was last seen so.
    pub(crate) async fn restart_seen(&self, id: &str, seen: Option<&Pod>) -> Result<Accepted, Error> {
        let call = Call::mutation(Operation::RestartPod, id);
        self.operation(call, self.restart_once(call, id, seen)).await
    }

    async fn restart_once(&self, call: Call<'_>, id: &str, seen: Option<&Pod>) -> Result<Accepted, Error> {
        let record = self.lookups().records.of_changed(id);
        let sent = Sent::new(self, &record, Action::Restart, seen);
        let answer = self.once(call, Box::pin(self.backend().act(id, Action::Restart))).await;
        sent.answered();
        self.remember(&record, Action::Restart, answer.as_ref().err(), seen);
        let pod = match answer {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(self.misnamed(id, &error).await.unwrap_or(error));
            }
            answer => answer?,
        };
        Ok(Accepted::by_action(Action::Restart, pod.as_ref(), self.server_now()))
    }

    /// Deletes a pod, by its id, with its container disk and pod volume; a network volume stays. Returns once
    /// RunPod has accepted it. Terminating what is already gone succeeds. A pod that was just created is
    /// better terminated through its [handle](crate::PodHandle::terminate), since RunPod may not know it yet.
    ///
    /// RunPod says 204. After any other success the pod is asked for, and it is an error if it is not gone
    /// within a few seconds.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] if the pod is locked; [`ErrorKind::Conflict`] if it belongs to a cluster;
    /// [`ErrorKind::Unreadable`] if the answer looks like a success and the pod is still there;
    /// [`ErrorKind::Unproven`] if RunPod says for 30 s that it does not know a pod that its list shows;
    /// [`ErrorKind::NotFound`] if the id is the name of a pod. That no pod has it as its name takes lists over 15 s to tell
    /// of a text that looks like no id, and an error if they cannot be read.
    ///
    /// # Cost
    /// On success nothing of the pod bills any more. On any error assume that it still does.
    #[doc(alias("delete", "destroy", "remove", "rm"))]
    pub async fn terminate(&self, id: &str) -> Result<Accepted, Error> {
        let call = Call::ending(Operation::TerminatePod, id);
        self.operation(call, self.delete(id, None)).await.map(|()| Accepted::default())
    }

    /// Terminates a pod that an answer has shown.
    pub(crate) async fn end(&self, pod: &Pod) -> Result<(), Error> {
        let call = Call::ending(Operation::TerminatePod, pod.id.as_str());
        self.operation(call, self.delete(&pod.id, Some(pod))).await
    }

    /// Terminates a pod that an answer has shown, or the one of an id that the caller gave. Sent again while a 404 may mean
    /// that RunPod does not know the pod yet.
    async fn delete(&self, id: &str, shown: Option<&Pod>) -> Result<(), Error> {
        let listed_at = shown.and_then(Pod::listed_at);
        let record = self.lookups().records.of_changed(id);
        let patience = Instant::now() + 2 * LAG;
        loop {
            let history = self.lookups().records.history(id).with_list(listed_at);
            record.touch();
            let asked_at = Instant::now();
            let call = Call::ending(Operation::TerminatePod, id);
            let error = match self.repeatedly(call, || self.backend().delete(id)).await {
                Ok(StatusCode::NO_CONTENT) => break,
                Ok(status) => {
                    self.confirm_gone(id, listed_at, status).await?;
                    break;
                }
                Err(error) => error,
            };
            record.touch();
            if error.kind() != ErrorKind::NotFound {
                return Err(error);
            }
            match absence_by_id(asked_at, &history) {
                Finding::Unknown { .. } if Instant::now() < patience => sleep(DOUBT_PAUSE).await,
                Finding::Unknown { .. } => {
                    let message = "RunPod answers 404, and yet its list shows the pod";
                    return Err(Error::of_answer(
                        ErrorKind::Unproven,
                        Operation::TerminatePod,
                        Some(id),
                        message,
                    ));
                }
                _ => {
                    // What is not gone may bill.
                    if shown.is_none() && !history.is_of_a_pod() {
                        self.check_unnamed(id, &error).await?;
                    }
                    break;
                }
            }
        }
        self.changed(&record, Changed::Terminated, true, None);
        self.notify(&Event::PodTerminated { pod_id: id.to_owned() });
        Ok(())
    }

    /// Asks whether a pod is gone whose DELETE had a success that the contract does not know.
    async fn confirm_gone(
        &self,
        id: &str,
        listed_at: Option<Instant>,
        status: StatusCode,
    ) -> Result<(), Error> {
        let mut pauses = retry::pauses(retry::ATTEMPTS);
        let patience = Instant::now() + 2 * LAG;
        loop {
            let seen = match self.examine(id, Attempts::One, listed_at).await {
                Ok((_, Finding::Gone)) => return Ok(()),
                Ok((None, _)) if Instant::now() < patience => {
                    sleep(DOUBT_PAUSE).await;
                    continue;
                }
                Ok((pod, _)) => {
                    let state = pod.and_then(|pod| pod.state);
                    format!("the pod is still there ({})", word(state.as_ref()))
                }
                Err(error) => error.what(),
            };
            let Some(pause) = pauses.next() else {
                let message = format!("RunPod answered {} in place of 204, and {seen}", status.as_u16());
                return Err(Error::of_answer(
                    ErrorKind::Unreadable,
                    Operation::TerminatePod,
                    Some(id),
                    message,
                ));
            };
            sleep(pause).await;
        }
    }

    /// An action that may be repeated: a refusal is fine if the pod is where it should be.
    async fn act(
        &self,
        call: Call<'_>,
        action: Action,
        id: &str,
        seen: Option<&Pod>,
        is_there: impl Fn(&PodState) -> bool,
    ) -> Result<Accepted, Error> {
        let record = self.lookups().records.of_changed(id);
        let times = AtomicUsize::new(0);
        let send = || {
            times.fetch_add(1, Ordering::Relaxed);
            self.backend().act(id, action)
        };
        let sent = Sent::new(self, &record, action, seen);
        let answer = self.repeatedly(call, send).await;
        sent.answered();
        self.remember(&record, action, answer.as_ref().err(), seen);
        let error = match answer {
            Ok(pod) => return Ok(self.accepted(action, id, pod.as_ref())),
            Err(error) => error,
        };
        if error.kind() == ErrorKind::NotFound {
            return Err(self.misnamed(id, &error).await.unwrap_or(error));
        }
        // The host lacks free GPUs also when this pod has them: an earlier answer may have been lost.
        if !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Rejected | ErrorKind::NoCapacity) {
            return Err(error);
        }
        if times.load(Ordering::Relaxed) > 1 {
            self.changed(&record, action.into(), false, seen);
        }
        match self.settled(id).await {
            Ok(Some(pod)) if pod.state.as_ref().is_some_and(is_there) => {
                self.remember(&record, action, None, seen);
                Ok(self.accepted(action, id, Some(&pod)))
            }
            _ => Err(error),
        }
    }

    /// Tells of a start or a stop that was accepted.
    fn accepted(&self, action: Action, id: &str, pod: Option<&Pod>) -> Accepted {
        let pod_id = id.to_owned();
        match action {
            Action::Start => {
                let cost_usd_per_hour = pod.and_then(|pod| pod.cost_usd_per_hour);
                self.notify(&Event::PodStarted { pod_id, cost_usd_per_hour });
            }
            Action::Stop => self.notify(&Event::PodStopped { pod_id }),
            Action::Restart => {}
        }
        Accepted::by_action(action, pod, self.server_now())
    }

    /// The pod by its id, once its last change has shown or has had [`LAG`] to; `None` if it is not known. An error if lists
    /// go on showing one that is not known.
    pub(crate) async fn settled(&self, id: &str) -> Result<Option<Pod>, Error> {
        let patience = Instant::now() + 2 * LAG;
        loop {
            let (pod, finding) = self.examine(id, Attempts::Several, None).await?;
            let Finding::Unknown { until, .. } = finding else {
                return Ok(pod.filter(|_| finding == Finding::There));
            };
            if Instant::now() >= patience {
                // It is there, whatever its last change has come to.
                let unproven = || {
                    let message = "RunPod answers 404, and yet its list shows the pod";
                    Error::of_answer(ErrorKind::Unproven, Operation::GetPod, Some(id), message)
                };
                return pod.map(Some).ok_or_else(unproven);
            }
            // What was asked for before then may have been long in coming.
            let pause = Instant::now() + DOUBT_PAUSE;
            sleep_until(until.map_or(pause, |until| until.min(pause))).await;
        }
    }

    /// Remembers what became of an action on a pod that was last seen so.
    fn remember(&self, record: &PodRecord, action: Action, error: Option<&Error>, seen: Option<&Pod>) {
        if error.is_some_and(|error| !error.may_have_been_applied()) {
            return record.touch();
        }
        // REST v1 shows no uptime: without a start there is nothing to tell one run from the next by.
        let tells_runs = self.supports(Feature::Uptime) || seen.is_some_and(|pod| pod.started_at.is_some());
        self.changed(record, action.into(), error.is_none() && tells_runs, seen);
    }

    /// Remembers a change that was accepted, or may have been made, and takes nothing for known that was heard before.
    fn changed(&self, record: &PodRecord, action: Changed, is_certain: bool, seen: Option<&Pod>) {
        record.change(action, is_certain, seen, self.server_now());
        self.prober().forget();
    }
}

/// An action on its way. If its future is dropped before it was answered, it may have been made.
struct Sent<'a> {
    runpod: &'a RunPod,
    record: &'a PodRecord,
    action: Action,
    seen: Option<&'a Pod>,
    is_answered: bool,
}

impl<'a> Sent<'a> {
    fn new(runpod: &'a RunPod, record: &'a PodRecord, action: Action, seen: Option<&'a Pod>) -> Self {
        record.touch();
        Self { runpod, record, action, seen, is_answered: false }
    }

    fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.runpod.changed(self.record, self.action.into(), false, self.seen);
        }
    }
}

impl PodHandle {
    /// Stops the pod. See [`RunPod::stop`].
    ///
    /// # Errors
    /// As [`RunPod::stop`].
    pub async fn stop(&self) -> Result<Accepted, Error> {
        self.runpod().stop(&self.id).await
    }

    /// Starts the pod. See [`RunPod::start`].
    ///
    /// # Errors
    /// As [`RunPod::start`].
    pub async fn start(&self) -> Result<Accepted, Error> {
        let accepted = self.runpod().start_seen(&self.id, Some(self)).await?;
        // An answer that says nothing of the pod leaves what was known of it.
        Ok(match accepted.warnings.is_empty() {
            true => Accepted::by_action(Action::Start, Some(self), self.runpod().server_now()),
            false => accepted,
        })
    }

    /// Restarts the container. See [`RunPod::restart`].
    ///
    /// # Errors
    /// As [`RunPod::restart`].
    pub async fn restart(&self) -> Result<Accepted, Error> {
        self.runpod().restart_seen(&self.id, Some(self)).await
    }

    /// Terminates the pod. See [`RunPod::terminate`].
    ///
    /// RunPod may answer 404 for a new pod. Until the pod is 15 s old, or no list has shown it for 15 s, a 404
    /// does not count and the request is sent again.
    ///
    /// # Errors
    /// As [`RunPod::terminate`].
    #[doc(alias("delete", "destroy", "remove", "rm"))]
    pub async fn terminate(&self) -> Result<Accepted, Error> {
        self.runpod().end(self).await?;
        Ok(Accepted::by_terminate(self))
    }
}

impl From<Action> for Changed {
    fn from(action: Action) -> Self {
        match action {
            Action::Start => Self::Started,
            Action::Stop => Self::Stopped,
            Action::Restart => Self::Restarted,
        }
    }
}
