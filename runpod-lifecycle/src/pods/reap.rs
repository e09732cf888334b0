//! Ending pods that have outlived their lifetime.

use std::time::SystemTime;

use crate::{
    AtEnd, Error, Event, Pod, PodHandle, PodState, RunPod,
    client::Tries,
    pods::{identity::hides_environment, list::Listing},
};

/// A pod that outlived its lifetime, and what became of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reaped {
    /// The pod.
    pub pod: PodHandle,
    /// What was to be done with it.
    pub end: End,
    /// Whether that was done; an error leaves it as it was, and billing.
    pub outcome: Result<(), Error>,
}

/// What [`RunPod::reap`] does with a pod whose lifetime is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// It is terminated.
    Terminated,
    /// It is stopped, as its spec says ([`AtEnd::Stop`]).
    Stopped,
    /// It is left alone and goes on billing: it is stopped, or in a state this version does not know, and has a pod
    /// volume, whose data would be lost; or it is being started again, and RunPod does not show yet when its new
    /// lifetime began. To end it all the same, [terminate](PodHandle::terminate) it.
    Kept,
}

impl End {
    /// What a pod's end is by now; `None` if its lifetime is not over or it is not of this crate's making.
    fn of(pod: &Pod, now: SystemTime) -> Option<Self> {
        let is_over = pod.is_ours() && !pod.is_gone() && pod.expires_at().is_some_and(|end| end <= now);
        let is_stopped = pod.state.as_ref().is_some_and(PodState::is_stopped);
        if is_over && is_starting_again(pod) {
            return Some(Self::Kept);
        }
        match (pod.at_end().filter(|_| is_over)?, is_stopped) {
            (AtEnd::Stop, true) => None,
            (AtEnd::Stop, false) => Some(Self::Stopped),
            (AtEnd::Terminate, _) if may_hold_data(pod) => Some(Self::Kept),
            (AtEnd::Terminate, _) => Some(Self::Terminated),
        }
    }
}

/// Returns true if a pod has a volume and nothing shows that it was not stopped to keep it.
fn may_hold_data(pod: &Pod) -> bool {
    let may_be_stopped = |state: &PodState| state.is_stopped() || matches!(state, PodState::Other(_));
    pod.volume_gb.is_some() && pod.state.as_ref().is_none_or(may_be_stopped)
}

/// Returns true if a pod is on its way up and has been up before: the start it shows is that of before.
fn is_starting_again(pod: &Pod) -> bool {
    matches!(pod.state, Some(PodState::Provisioning | PodState::Starting)) && pod.started_at.is_some()
}

/// Returns true if a list is not enough to end a pod: one that is stopped may have been started since, and one
/// with a pod volume may have been stopped to keep it.
fn wants_closer_look(pod: &Pod) -> bool {
    pod.volume_gb.is_some() || pod.state.as_ref().is_some_and(PodState::is_stopped)
}

impl RunPod {
    /// The pods that [`reap`](Self::reap) would end or report now: a dry run, only reads are sent.
    ///
    /// A pod that the list shows without any environment, or overdue and either stopped or with a
    /// pod volume, is looked at by its id, one request for each. If that fails it is left out and reported as [`Event::Warned`].
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn overdue(&self) -> Result<Vec<PodHandle>, Error> {
        let Account { shown, hidden, now, failure } = self.account().await;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let mut overdue = Vec::new();
        for pod in shown {
            overdue.extend(self.overdue_by(pod, now).await);
        }
        for pod in hidden {
            if let Some(pod) = self.uncover(pod).await {
                overdue.extend(self.overdue_by(pod, now).await);
            }
        }
        Ok(overdue.into_iter().map(|(pod, _)| pod).collect())
    }

    /// Ends every pod that this crate created with a [lifetime](crate::PodSpec::lifetime)
    /// which is over, and no other: terminates it, or stops it if its spec says so.
    ///
    /// A pod that is stopped already and has a pod volume holds data: it is in the result as [`End::Kept`],
    /// and ending it is left to you. A pod that was started after its end has a new one: that start and its
    /// lifetime.
    ///
    /// It keeps no state: the lifetime is read from the pods. Call it from cron, or in a loop.
    /// It compares with RunPod's clock, as the dates of its answers say; without any, with this machine's and
    /// an [`Event::Warned`]. Beside the list and what ends a pod it sends one request for each pod that the
    /// list shows without any environment, see [`overdue`](Self::overdue), after it has ended what the list
    /// itself proves overdue, one for each that is stopped, since it may have been started by now, and one for each
    /// with a pod volume, since it may have been stopped by now.
    ///
    /// ```no_run
    /// # async fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), runpod_lifecycle::Error> {
    /// for reaped in runpod.reap().await? {
    ///     match reaped.outcome {
    ///         Ok(()) => println!("{:?} {}", reaped.end, reaped.pod.id),
    ///         Err(error) => eprintln!("{} still runs: {error}", reaped.pod.id),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the list cannot be read to its end. What the pages before that prove overdue was ended by then: the
    /// error names it. Else a pod that cannot be ended is in the result, with its error.
    ///
    /// # Cancellation
    /// If the future is dropped, the pods ended so far stay ended.
    ///
    /// # Cost
    /// A terminated pod bills nothing more. One that is stopped or kept bills its pod volume.
    pub async fn reap(&self) -> Result<Vec<Reaped>, Error> {
        let Account { shown, hidden, now, failure } = self.account().await;
        let mut reaped = Vec::new();
        for pod in shown {
            reaped.extend(self.end_if_overdue(pod, now).await);
        }
        for pod in hidden {
            if let Some(pod) = self.uncover(pod).await {
                reaped.extend(self.end_if_overdue(pod, now).await);
            }
        }
        match failure {
            None => Ok(reaped),
            Some(failure) => Err(self.partly_reaped(&reaped, failure)),
        }
    }

    /// The failure of a list of which a part was read, saying what became of the pods in it.
    fn partly_reaped(&self, reaped: &[Reaped], failure: Error) -> Error {
        for Reaped { pod, end, outcome } in reaped {
            if let Err(error) = outcome {
                let warning = format!("the lifetime of pod {} is over, and it may bill: {error}", pod.id);
                self.notify(&Event::Warned { warning });
            } else if *end == End::Kept {
                let warning =
                    format!("the lifetime of pod {} is over, and was left alone: it bills on", pod.id);
                self.notify(&Event::Warned { warning });
            }
        }
        let ended = reaped.iter().filter(|one| one.outcome.is_ok() && one.end != End::Kept);
        let ended: Vec<&str> = ended.map(|one| one.pod.id.as_str()).collect();
        match ended.is_empty() {
            true => failure,
            false => failure.with_note(&format!("ended before that: {}", ended.join(", "))),
        }
    }

    /// The account's pods, and the time by which they are judged.
    async fn account(&self) -> Account {
        let Listing { pods, unreadable, failure, asked_at } = self.read_pages(Tries::Several).await;
        for odd in unreadable {
            self.notify(&Event::Warned { warning: odd.problem });
        }
        // A list may go on showing what this handle has terminated.
        let pods = pods.into_iter().filter(|pod| !self.lookups().records.is_ended_by(&pod.id, asked_at));
        let pods = pods.map(|pod| PodHandle::new(self.clone(), pod));
        let (hidden, shown) = pods.partition(|pod: &PodHandle| hides_environment(pod));
        let now = self.time().unwrap_or_else(|| {
            let warning = "RunPod's answers carry no date: lifetimes are counted by this machine's clock";
            self.notify(&Event::Warned { warning: warning.to_owned() });
            SystemTime::now()
        });
        Account { shown, hidden, now, failure }
    }

    /// A pod by its id, of which the list does not show enough; `None` if it is gone or cannot be had.
    async fn uncover(&self, pod: PodHandle) -> Option<PodHandle> {
        match self.look_closer((*pod).clone()).await {
            Ok(closer) => closer.map(|closer| pod.with(closer)),
            Err(error) => {
                let warning = format!("pod {} may have outlived its lifetime, and bill: {error}", pod.id);
                self.notify(&Event::Warned { warning });
                None
            }
        }
    }

    /// A pod whose lifetime is over, and its end. One that a list is not enough for is looked at by its id; if that
    /// fails it is left out.
    async fn overdue_by(&self, pod: PodHandle, now: SystemTime) -> Option<(PodHandle, End)> {
        let end = End::of(&pod, now)?;
        if self.is_started_anew(&pod, now) {
            return None;
        }
        if !wants_closer_look(&pod) {
            return Some((pod, end));
        }
        let pod = self.uncover(pod).await?;
        End::of(&pod, now).map(|end| (pod, end))
    }

    /// Returns true if a pod was started through this handle after its end, whatever start RunPod shows yet.
    fn is_started_anew(&self, pod: &Pod, now: SystemTime) -> bool {
        let started = self.lookups().records.of(&pod.id).and_then(|record| record.started());
        started.and_then(|started| pod.renewed_by_start(started)).is_some_and(|end| end > now)
    }

    async fn end_if_overdue(&self, pod: PodHandle, now: SystemTime) -> Option<Reaped> {
        let (pod, end) = self.overdue_by(pod, now).await?;
        let outcome = match end {
            End::Terminated => pod.terminate().await.map(drop),
            End::Stopped => pod.stop().await.map(drop),
            End::Kept => Ok(()),
        };
        Some(Reaped { pod, end, outcome })
    }
}

/// The account's pods as `reap` sees them.
struct Account {
    shown: Vec<PodHandle>,
    /// Those that the list shows without any environment.
    hidden: Vec<PodHandle>,
    now: SystemTime,
    /// Why there may be more; `None` if every page of the list was read.
    failure: Option<Error>,
}
