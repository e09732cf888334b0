//! Ending pods that have outlived their lifetime.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, sleep_until};

use crate::{
    AtEnd, Error, Event, Pod, PodHandle, PodState, RunPod, Warning,
    client::call::Attempts,
    knowledge::{evidence::LAG, identity::hides_environment, listing::Listing},
    observe::doing::Doing,
};

/// The longest after its end that a pod may still be on its way up by a start that RunPod does not show.
const LONGEST_BOOT: Duration = Duration::from_secs(24 * 3600);

/// A pod that outlived its lifetime, and what became of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reaped {
    /// The pod.
    pub pod: PodHandle,
    /// The action that was due.
    pub end: End,
    /// Why it was left alone; `None` if it was not.
    pub kept_because: Option<KeptBecause>,
    /// The outcome of that action; an error leaves the pod as it was, and billing.
    pub outcome: Result<(), Error>,
}

/// The action of [`RunPod::reap`] on a pod whose lifetime is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// It is terminated.
    Terminated,
    /// It is stopped: as its spec says ([`AtEnd::Stop`]), or since it has been on its way up for a day and has a
    /// pod volume.
    Stopped,
    /// It is left alone and goes on billing; [`Reaped::kept_because`] says why: it may hold data that nobody
    /// asked to delete, its lifetime is another pod's, or it may have a new one. To end it all the
    /// same, [terminate](PodHandle::terminate) it.
    Kept,
}

/// A reason of [`RunPod::reap`] to leave a pod alone whose lifetime is over. Its Display is the reason in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeptBecause {
    /// It is stopped, and its pod volume may hold data.
    StoppedWithData,
    /// RunPod has given it up, and its pod volume may hold data.
    FailedWithData,
    /// Its state is unknown, and its pod volume may hold data.
    UnknownWithData,
    /// RunPod does not show when it was created, and its pod volume may hold data.
    UndatedWithData,
    /// Its lifetime is another pod's, handed on by a template or a copy.
    AnothersLifetime,
    /// It is being started, so that a new lifetime may begin.
    Starting,
}

impl fmt::Display for KeptBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StoppedWithData => "it is stopped, and its pod volume may hold data",
            Self::FailedWithData => "RunPod has given it up, and its pod volume may hold data",
            Self::UnknownWithData => {
                "it is in a state that this version does not know, and its pod volume may hold data"
            }
            Self::UndatedWithData => {
                "RunPod does not show when it was created, so its lifetime may be another pod's, and its pod volume may hold data"
            }
            Self::AnothersLifetime => {
                "its lifetime began well before it was created: a template or a copy has handed on another pod's"
            }
            Self::Starting => {
                "it is being started, and RunPod does not show yet when its new lifetime began"
            }
        })
    }
}

/// The meaning of an answer for a pod whose lifetime is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Its end has come.
    Due(End),
    /// Its end has come, unless a start that RunPod may take [`LAG`] to show has renewed its lifetime.
    Doubtful(End),
    /// It is left alone.
    Kept(KeptBecause),
}

impl Verdict {
    /// Judges an answer at `now`; `None` if the lifetime is not over, if the pod is not of this crate's
    /// making, or if nothing is left to do.
    fn of(pod: &Pod, now: SystemTime) -> Option<Self> {
        let end = pod.expires_at().filter(|end| *end <= now)?;
        if !pod.is_ours() || pod.is_gone() {
            return None;
        }
        if pod.has_anothers_lifetime() {
            return Some(Self::Kept(KeptBecause::AnothersLifetime));
        }
        let has_data = may_have_volume(pod);
        let is_starting =
            matches!(pod.state, Some(PodState::Created | PodState::Provisioning | PodState::Starting));
        let may_be_new = is_starting && (pod.started_at.is_some() || has_data);
        if may_be_new && end + LONGEST_BOOT > now {
            return Some(Self::Kept(KeptBecause::Starting));
        }
        let is_stopped = pod.state.as_ref().is_some_and(PodState::is_stopped);
        let end = match pod.at_end()? {
            AtEnd::Stop if is_stopped => return None,
            AtEnd::Stop => End::Stopped,
            AtEnd::Terminate if has_data && is_starting => End::Stopped,
            AtEnd::Terminate => End::Terminated,
        };
        match holds_data(pod).filter(|_| end == End::Terminated) {
            Some(reason) => Some(Self::Kept(reason)),
            None if may_be_ended_at_once(pod) => Some(Self::Due(end)),
            None => Some(Self::Doubtful(end)),
        }
    }
}

/// Returns true unless RunPod shows that a pod has no pod volume.
fn may_have_volume(pod: &Pod) -> bool {
    pod.volume_gb.is_some() || !pod.knows_volume
}

/// Returns why the pod volume of a pod may hold data that its spec does not say to delete; `None` if it has none,
/// or runs.
fn holds_data(pod: &Pod) -> Option<KeptBecause> {
    match &pod.state {
        _ if !may_have_volume(pod) => None,
        Some(PodState::Error) => Some(KeptBecause::FailedWithData),
        Some(state) if state.is_stopped() => Some(KeptBecause::StoppedWithData),
        None | Some(PodState::Other(_)) => Some(KeptBecause::UnknownWithData),
        _ if pod.created().is_none() => Some(KeptBecause::UndatedWithData),
        _ => None,
    }
}

/// Returns true if nothing can be lost by an answer that is [`LAG`] old: a pod without a pod volume has failed,
/// or has been up for so long that no start is on its way to be shown.
fn may_be_ended_at_once(pod: &Pod) -> bool {
    let is_settled = match &pod.state {
        Some(PodState::Error) => true,
        Some(PodState::Running) => pod.uptime.is_some_and(|uptime| uptime >= 2 * LAG),
        _ => false,
    };
    is_settled && !may_have_volume(pod)
}

impl RunPod {
    /// The pods that [`reap`](Self::reap) would end or report now: a dry run, only reads are sent, and a pod
    /// that is in doubt takes 15 s here too.
    ///
    /// A call for a pod by its id that fails leaves the pod out and is reported as [`Event::Warned`].
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn overdue(&self) -> Result<Vec<PodHandle>, Error> {
        self.operation(Doing::new("list overdue pods", None), async {
            let (overdue, failure) = self.each_overdue(Mode::DryRun).await;
            failure.map_or_else(|| Ok(overdue.into_iter().map(|one| one.pod).collect()), Err)
        })
        .await
    }

    /// Ends every pod that this crate created with a [lifetime](crate::PodSpec::lifetime)
    /// which is over, and no other: terminates it, or stops it if its spec says so.
    ///
    /// It deletes no data that a spec does not say to delete: a running pod is terminated with its pod volume,
    /// one that is stopped, failed or in a state nobody knows is in the result as [`End::Kept`]
    /// if it has one. So is a pod whose lifetime began well before it was created, since a template or a copy has handed
    /// on another pod's. A pod that was started after its end has a new one: that start and its
    /// lifetime. One on its way up may be so too: it is kept, for a day at the longest, then stopped if it
    /// has a pod volume and terminated if not.
    ///
    /// It keeps no state: the lifetime is read from the pods. Call it from cron, or in a loop.
    /// It compares with RunPod's clock, as the dates of its answers say; without any, with this machine's and
    /// an [`Event::Warned`]. A pod without a pod volume that has failed, or shows that it has been up for 30 s, is
    /// ended on the list's word. Any other may just have been started by another program, which RunPod may
    /// take 15 s to show: all of them are asked for by their ids 15 s after the list, once. A pod that the list
    /// shows without any environment, or that is to be kept, costs one call more. No rate limit holds back
    /// what it sends.
    ///
    /// ```no_run
    /// # async fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), runpod_lifecycle::Error> {
    /// for reaped in runpod.reap().await? {
    ///     match (reaped.outcome, reaped.kept_because) {
    ///         (Ok(()), None) => println!("{:?} {}", reaped.end, reaped.pod.id),
    ///         (Ok(()), Some(reason)) => println!("kept {}: {reason}", reaped.pod.id),
    ///         (Err(error), _) => eprintln!("{} still runs: {error}", reaped.pod.id),
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
    /// A terminated pod bills nothing more. One that is stopped bills its pod volume, one that is kept what it
    /// billed before.
    pub async fn reap(&self) -> Result<Vec<Reaped>, Error> {
        self.operation(Doing::new("reap pods", None), async {
            let (reaped, failure) = self.each_overdue(Mode::Ending).await;
            failure.map_or(Ok(()), |failure| Err(self.partly_reaped(&reaped, failure))).map(|()| reaped)
        })
        .await
    }

    /// The pods whose lifetime is over, each ended as soon as nothing is in doubt any more, and why there
    /// may be more of them.
    async fn each_overdue(&self, mode: Mode) -> (Vec<Reaped>, Option<Error>) {
        let Account { shown, hidden, listed_at, now, failure } = self.account(mode).await;
        let (mut reaped, mut doubtful) = (Vec::new(), Vec::new());
        for pod in shown {
            match self.verdict(&pod, now) {
                Some(Verdict::Doubtful(_)) => doubtful.push((pod, listed_at)),
                Some(Verdict::Kept(_)) => doubtful.extend(self.keep(pod, now, mode, &mut reaped).await),
                Some(Verdict::Due(end)) => reaped.push(end_of(pod, end, mode).await),
                None => self.warn_of_hidden(&pod),
            }
        }
        for pod in hidden {
            doubtful.extend(self.keep(pod, now, mode, &mut reaped).await);
        }
        for (pod, seen_at) in doubtful {
            sleep_until(seen_at + LAG).await;
            let Some(pod) = self.uncover(pod, mode).await else { continue };
            match self.verdict(&pod, self.server_now().max(now)) {
                Some(Verdict::Due(end) | Verdict::Doubtful(end)) => reaped.push(end_of(pod, end, mode).await),
                Some(Verdict::Kept(reason)) => reaped.push(kept(pod, reason)),
                None => {}
            }
        }
        (reaped, failure)
    }

    /// Asks by its id for a pod that the list does not show enough of, and reports it if it is to be kept, or ends
    /// it. Returns it with the time of that call if it is in doubt.
    async fn keep(
        &self,
        pod: PodHandle,
        now: SystemTime,
        mode: Mode,
        reaped: &mut Vec<Reaped>,
    ) -> Option<(PodHandle, Instant)> {
        let seen_at = Instant::now();
        let pod = self.uncover(pod, mode).await?;
        let Some(verdict) = self.verdict(&pod, now) else {
            self.warn_of_hidden(&pod);
            return None;
        };
        match verdict {
            Verdict::Doubtful(_) => return Some((pod, seen_at)),
            Verdict::Kept(reason) => reaped.push(kept(pod, reason)),
            Verdict::Due(end) => reaped.push(end_of(pod, end, mode).await),
        }
        None
    }

    /// Warns of a pod of this crate's making that is left alone since nobody can tell when its lifetime ends.
    fn warn_of_hidden(&self, pod: &Pod) {
        if pod.is_ours() && !pod.is_gone() && pod.hides_lifetime() {
            let reason = "RunPod does not show when that ends".to_owned();
            let warning = Warning::MayBeOverdue { pod_id: pod.id.clone(), reason };
            self.notify(&Event::Warned { warning });
        }
    }

    /// Judges a pod: nothing is due if it was started through this handle after its end, whatever start
    /// RunPod shows yet.
    fn verdict(&self, pod: &Pod, now: SystemTime) -> Option<Verdict> {
        let started = self.lookups().records.of(&pod.id).and_then(|record| record.started());
        let renewed = started.and_then(|started| pod.renewed_by_start(started));
        Verdict::of(pod, now).filter(|_| renewed.is_none_or(|end| end <= now))
    }

    /// The failure of a list of which a part was read, saying what became of the pods in it.
    fn partly_reaped(&self, reaped: &[Reaped], failure: Error) -> Error {
        for Reaped { pod, kept_because, outcome, .. } in reaped {
            let (is_kept, reason) = match (outcome, kept_because) {
                (Err(error), _) => (false, error.to_string()),
                (_, Some(reason)) => (true, reason.to_string()),
                _ => continue,
            };
            let warning = Warning::Overdue { pod_id: pod.id.clone(), is_kept, reason };
            self.notify(&Event::Warned { warning });
        }
        let ended = reaped.iter().filter(|one| one.outcome.is_ok() && one.end != End::Kept);
        let ended: Vec<&str> = ended.map(|one| one.pod.id.as_str()).collect();
        match ended.is_empty() {
            true => failure,
            false => failure.with_note(&format!("ended before that: {}", ended.join(", "))),
        }
    }

    /// The account's pods, and the time by which they are judged.
    async fn account(&self, mode: Mode) -> Account {
        let Listing { pods, unreadable, failure, asked_at, .. } = self.read_pages(mode.attempts()).await;
        for entry in unreadable {
            self.notify(&Event::Warned { warning: entry.warning() });
        }
        // A list may go on showing what this handle has terminated.
        let pods = pods.into_iter().filter(|pod| !self.lookups().records.is_ended_by(&pod.id, asked_at));
        let pods = pods.map(|pod| PodHandle::new(self.clone(), pod));
        let (hidden, shown) = pods.partition(|pod: &PodHandle| hides_environment(pod));
        let now = self.time().unwrap_or_else(|| {
            self.notify(&Event::Warned { warning: Warning::LocalClock { name: None } });
            self.server_now()
        });
        Account { shown, hidden, listed_at: asked_at, now, failure }
    }

    /// A pod by its id, of which the list does not show enough; `None` if it is gone or cannot be had.
    async fn uncover(&self, pod: PodHandle, mode: Mode) -> Option<PodHandle> {
        match self.refetch((*pod).clone(), mode.attempts()).await {
            Ok(closer) => closer.map(|closer| pod.with(closer)),
            Err(error) => {
                let warning = Warning::MayBeOverdue { pod_id: pod.id.clone(), reason: error.to_string() };
                self.notify(&Event::Warned { warning });
                None
            }
        }
    }
}

/// The mode of a reap: pods are ended, or only told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Ending,
    DryRun,
}

impl Mode {
    fn attempts(self) -> Attempts {
        match self {
            Self::Ending => Attempts::Urgent,
            Self::DryRun => Attempts::Several,
        }
    }
}

async fn end_of(pod: PodHandle, end: End, mode: Mode) -> Reaped {
    let outcome = match end {
        _ if mode == Mode::DryRun => Ok(()),
        End::Terminated => pod.terminate().await.map(drop),
        End::Stopped => pod.stop().await.map(drop),
        End::Kept => Ok(()),
    };
    Reaped { pod, end, kept_because: None, outcome }
}

fn kept(pod: PodHandle, reason: KeptBecause) -> Reaped {
    Reaped { pod, end: End::Kept, kept_because: Some(reason), outcome: Ok(()) }
}

/// The account's pods as `reap` sees them.
struct Account {
    shown: Vec<PodHandle>,
    /// Those that the list shows without any environment.
    hidden: Vec<PodHandle>,
    /// When the list was asked for.
    listed_at: Instant,
    now: SystemTime,
    /// Why there may be more; `None` if every page of the list was read.
    failure: Option<Error>,
}
