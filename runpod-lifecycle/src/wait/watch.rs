//! The polling loop of a wait.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::{
    Condition, Diagnosis, Error, ErrorKind, Event, Pod, PodState, Verdict, WaitError, WaitReport, Warning,
    client::retry,
    knowledge::evidence::is_restarted,
    observe::Observer,
    wait::{
        error::span,
        source::{LONGEST_PAUSE, Observation, Source},
        suspicion::Suspicion,
        watcher::Watcher,
    },
};

/// The first pauses between polls, in seconds; [`LONGEST_PAUSE`] follows. Later polls fall on whole
/// multiples of it, so that none comes later than one of a loop with that pause.
const FIRST_PAUSES: [u64; 3] = [1, 2, 2];
/// The longest pause between two polls of a condition that has to last.
const LASTING_PAUSE: Duration = Duration::from_secs(30);
/// The longest that a condition which has to last may go unseen: two polls and a failure between them.
const UNSEEN: Duration = Duration::from_secs(90);
/// The pause between two probes. They cost RunPod nothing.
const PROBE_PAUSE: Duration = Duration::from_secs(1);
/// The longest reading the system log takes.
const LOG_PATIENCE: Duration = Duration::from_secs(4);
/// Waits longer than this are cut to it, so that no instant overflows.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// Polls a pod of the account until `condition` is decided or `longest` is over.
pub(crate) async fn watch(
    watcher: Watcher<'_>,
    condition: &dyn Condition,
    longest: Duration,
    fails_early: bool,
    observer: &Observer,
) -> Result<Option<Pod>, WaitError> {
    let mut watch = Watch::new(watcher.id(), condition, longest);
    watch.fails_early = fails_early;
    Box::pin(run(watcher, watch, observer)).await
}

/// Polls the pod until the condition is decided or the time is up.
async fn run<S: Source>(
    mut source: S,
    mut watch: Watch<'_>,
    observer: &Observer,
) -> Result<Option<Pod>, WaitError> {
    let mut first_pauses = FIRST_PAUSES.iter();
    let mut error_pauses = retry::pauses(usize::MAX);
    loop {
        let polled_at = Instant::now();
        let next = match watch.poll(&mut source).await {
            PollOutcome::Decided(pod) => {
                watch.tell(observer, None);
                return Ok(pod.map(|pod| *pod));
            }
            PollOutcome::Hopeless(reason) => {
                let log = watch.last_words(&source).await;
                if watch.is_current(&source) {
                    return Err(WaitError::failed(reason, watch.report_with(log)));
                }
                // What was hopeless before a change need not be so after it.
                watch.tell(observer, Some("it was changed while its log was read".to_owned()));
                Instant::now()
            }
            PollOutcome::Pending(reason) => {
                watch.tell(observer, Some(reason));
                // RunPod answers again, so the next failure begins with short pauses.
                error_pauses = retry::pauses(usize::MAX);
                if watch.is_booting {
                    // A boot takes minutes: quick polls would only spend the rate limit.
                    first_pauses = [].iter();
                }
                let pause = first_pauses.next().map(|seconds| Duration::from_secs(*seconds));
                // Counted from the beginning of the poll, so that slow answers do not stretch the pace.
                polled_at + pause.unwrap_or_else(|| watch.pace(source.pace()))
            }
            PollOutcome::Fatal(error) => {
                return Err(WaitError::Call { source: error, report: watch.report(&source).await });
            }
            PollOutcome::Failed(error) => {
                let shortest = error_pauses.next().unwrap_or(LONGEST_PAUSE);
                let pause = watch.take_failure(observer, error, shortest);
                Instant::now() + pause
            }
            PollOutcome::OutOfTime => {
                return Err(WaitError::TimedOut { report: watch.report(&source).await });
            }
        };
        if Instant::now() >= watch.deadline {
            return Err(WaitError::TimedOut { report: watch.report(&source).await });
        }
        if watch.diagnose(&source, observer, next.min(watch.deadline)).await && watch.fails_early {
            let reason = "RunPod's log names a cause that does not heal by itself".to_owned();
            return Err(WaitError::diagnosed(reason, watch.report(&source).await));
        }
        if watch.rest(&mut source, next.min(watch.deadline)).await {
            watch.tell(observer, None);
            return Ok(watch.last_pod);
        }
    }
}

/// The outcome of one poll.
enum PollOutcome {
    Decided(Option<Box<Pod>>),
    Hopeless(String),
    Pending(String),
    Fatal(Error),
    Failed(Error),
    OutOfTime,
}

/// The state of one wait.
struct Watch<'a> {
    id: &'a str,
    condition: &'a dyn Condition,
    started: Instant,
    deadline: Instant,
    polled_at: Instant,
    attempts: u32,
    last_pod: Option<Pod>,
    last_pending: Option<String>,
    last_error: Option<Error>,
    restarts: u32,
    restarts_told: u32,
    /// The first and the last of the polls since when the condition has held without a break.
    held: Option<(Instant, Instant)>,
    /// The last poll showed a pod that is coming up.
    is_booting: bool,
    /// Only a probe is missing.
    is_probed: bool,
    /// The caller wants the wait to end with a cause that does not heal.
    fails_early: bool,
    suspicion: Suspicion,
    /// The warnings about the pod that were given.
    warned: Vec<Warning>,
}

impl<'a> Watch<'a> {
    fn new(id: &'a str, condition: &'a dyn Condition, longest: Duration) -> Self {
        let started = Instant::now();
        Self {
            id,
            condition,
            started,
            deadline: started + longest.min(LONGEST_WAIT),
            polled_at: started,
            attempts: 0,
            last_pod: None,
            last_pending: None,
            last_error: None,
            restarts: 0,
            restarts_told: 0,
            held: None,
            is_booting: false,
            is_probed: false,
            fails_early: false,
            suspicion: Suspicion::default(),
            warned: Vec::new(),
        }
    }

    async fn poll<S: Source>(&mut self, source: &mut S) -> PollOutcome {
        self.attempts += 1;
        (self.is_booting, self.is_probed) = (false, false);
        // At the deadline itself one last poll is granted a moment of its own.
        let until = self.deadline.max(Instant::now() + Duration::from_secs(1));
        let pod = match timeout_at(until, source.poll()).await {
            Err(_) => return PollOutcome::OutOfTime,
            Ok(Err(error)) if is_fatal(error.kind()) => return PollOutcome::Fatal(error),
            Ok(Err(error)) => return PollOutcome::Failed(error),
            Ok(Ok(Observation::Unclear(why, pod))) => {
                if let Some(pod) = pod {
                    (self.polled_at, self.last_pod) = (Instant::now(), Some(*pod));
                }
                return PollOutcome::Pending(why);
            }
            Ok(Ok(Observation::Gone)) => None,
            Ok(Ok(Observation::Pod(pod))) => Some(*pod),
        };
        let polled_at = Instant::now();
        if let (Some(before), Some(after)) = (&self.last_pod, &pod)
            && source.is_current(before)
            // An answer from before a change through the handle would pass for another run.
            && is_restarted(before, after, polled_at - self.polled_at)
        {
            self.restarts += 1;
        }
        self.polled_at = polled_at;
        self.last_pod.clone_from(&pod);
        let state = pod.as_ref().and_then(|pod| pod.state.as_ref());
        self.is_booting = matches!(state, Some(PodState::Provisioning | PodState::Starting));
        match self.lasting(self.condition.verdict(pod.as_ref())) {
            Verdict::Failed(reason) => PollOutcome::Hopeless(reason),
            Verdict::Pending(reason) => PollOutcome::Pending(reason),
            Verdict::Done => match timeout_at(until, self.probe(source)).await {
                Err(_) => PollOutcome::OutOfTime,
                Ok(Err(reason)) => {
                    self.is_probed = true;
                    PollOutcome::Pending(reason)
                }
                Ok(Ok(())) if pod.as_ref().is_some_and(|pod| !source.is_current(pod)) => {
                    PollOutcome::Pending("it was changed while it was probed".to_owned())
                }
                Ok(Ok(())) => PollOutcome::Decided(pod.map(Box::new)),
            },
        }
    }

    /// The verdict of a poll, which is pending until it has been the same for as long as the condition has to last.
    fn lasting(&mut self, verdict: Verdict) -> Verdict {
        if verdict != Verdict::Done {
            self.held = None;
            return verdict;
        }
        let now = self.polled_at;
        // What nobody has seen for a while may have been otherwise.
        let since = self.held.filter(|(_, last)| now - *last <= UNSEEN).map_or(now, |(since, _)| since);
        self.held = Some((since, now));
        let (held, lasting) = (now - since, self.condition.lasting());
        match held < lasting {
            true => Verdict::Pending(format!(
                "{} for {} of {} so far",
                self.condition.name(),
                span(Duration::from_secs(held.as_secs())),
                span(lasting)
            )),
            false => Verdict::Done,
        }
    }

    /// The longest pause before the next poll: what has to last long needs no quick polls.
    fn pace(&self, pace: Duration) -> Duration {
        let lasting = self.condition.lasting();
        if lasting.is_zero() { pace } else { pace.max(LASTING_PAUSE.min(lasting / 10)) }
    }

    /// Reads the system log of a pod that does not come up, now and then. Returns true if it names a cause that
    /// does not heal by itself.
    async fn diagnose<S: Source>(&mut self, source: &S, observer: &Observer, until: Instant) -> bool {
        let pod = self.last_pod.as_ref();
        if self.last_pending.is_none()
            || !self.suspicion.is_due(pod, self.is_probed)
            || !source.may_read_log()
        {
            return false;
        }
        let lines = source.system_log(LOG_PATIENCE.min(until - Instant::now())).await;
        if let Some(diagnosis) = self.suspicion.take(&lines, pod) {
            observer.notify(&Event::CauseFound {
                pod_id: self.id.to_owned(),
                diagnosis: diagnosis.clone(),
                elapsed: self.started.elapsed(),
            });
        }
        self.suspicion.found.as_ref().is_some_and(|found| !found.cause.may_heal())
    }

    /// Rests until the next poll is due or another wait's poll brings news; probes meanwhile, if only
    /// that is missing, and says whether the pod answered.
    async fn rest<S: Source>(&self, source: &mut S, until: Instant) -> bool {
        loop {
            let pause = if self.is_probed { until.min(Instant::now() + PROBE_PAUSE) } else { until };
            let has_news = timeout_at(pause, source.news()).await.is_ok();
            if has_news || Instant::now() >= until {
                return false;
            }
            if timeout_at(until, self.probe(source)).await.is_ok_and(|answer| answer.is_ok()) {
                return self.last_pod.as_ref().is_some_and(|pod| source.is_current(pod));
            }
        }
    }

    async fn probe<S: Source>(&self, source: &S) -> Result<(), String> {
        let probes = self.last_pod.as_ref().map(|pod| self.condition.probes(pod)).unwrap_or_default();
        for probe in probes {
            source.probe(&probe).await?;
        }
        Ok(())
    }

    fn tell(&mut self, observer: &Observer, pending: Option<String>) {
        self.last_pending.clone_from(&pending);
        for warning in self.last_pod.as_ref().into_iter().flat_map(Warning::of_pod) {
            if !self.warned.contains(&warning) {
                self.warned.push(warning.clone());
                observer.notify(&Event::Warned { warning });
            }
        }
        if self.restarts > self.restarts_told {
            self.restarts_told = self.restarts;
            observer.notify(&Event::ContainerRestarted {
                pod_id: self.id.to_owned(),
                times: self.restarts,
                elapsed: self.started.elapsed(),
            });
        }
        observer.notify(&Event::Polled {
            pod_id: self.id.to_owned(),
            state: self.last_pod.as_ref().and_then(|pod| pod.state.clone()),
            pending,
            condition: self.condition.name(),
            elapsed: self.started.elapsed(),
        });
    }

    /// Tells of a failed poll and keeps it. Returns the pause after it, counted from the answer so that a RunPod that fails is left
    /// alone for all of it: at least `pause`, longer if RunPod asks for it.
    fn take_failure(&mut self, observer: &Observer, error: Error, pause: Duration) -> Duration {
        self.tell_failure(observer, &error);
        let asked = error.retry_after().unwrap_or_default();
        let pause = asked.min(LONGEST_WAIT).max(pause);
        if error.kind() == ErrorKind::RateLimited {
            self.tell_pause(observer, &error, pause);
        }
        self.last_error = Some(error);
        pause
    }

    fn tell_pause(&self, observer: &Observer, error: &Error, pause: Duration) {
        let pause = pause.min(self.deadline.saturating_duration_since(Instant::now()));
        observer.notify(&Event::Paused {
            operation: error.operation().to_owned(),
            pause,
            reason: match error.status() {
                Some(status) => format!("RunPod answered {status}"),
                None => error.message().to_owned(),
            },
        });
    }

    fn tell_failure(&self, observer: &Observer, error: &Error) {
        observer.notify(&Event::PollFailed {
            pod_id: self.id.to_owned(),
            error: error.to_string(),
            elapsed: self.started.elapsed(),
        });
    }

    /// Returns false if the pod was changed through the handle since the last poll showed it.
    fn is_current<S: Source>(&self, source: &S) -> bool {
        self.last_pod.as_ref().is_none_or(|pod| source.is_current(pod))
    }

    /// The last lines of the system log of a pod that was seen.
    async fn last_words<S: Source>(&self, source: &S) -> Vec<String> {
        match &self.last_pod {
            // A short wait does not end much later than it promised.
            Some(_) => source.system_log(LOG_PATIENCE.min(self.deadline - self.started)).await,
            None => Vec::new(),
        }
    }

    async fn report<S: Source>(self, source: &S) -> Box<WaitReport> {
        let log = self.last_words(source).await;
        self.report_with(log)
    }

    fn report_with(self, system_log: Vec<String>) -> Box<WaitReport> {
        let elapsed = self.started.elapsed();
        let diagnosis = Diagnosis::of(&system_log, self.last_pod.as_ref()).or(self.suspicion.found);
        Box::new(WaitReport {
            pod_id: self.id.to_owned(),
            condition: self.condition.name(),
            longest: self.deadline - self.started,
            last_pod: self.last_pod,
            last_pending: self.last_pending,
            last_error: self.last_error,
            attempts: self.attempts,
            restarts: self.restarts,
            system_log,
            diagnosis,
            elapsed,
            in_place_of: None,
            doubt: None,
            notes: Vec::new(),
        })
    }
}

/// Returns true if polling again cannot help.
fn is_fatal(kind: ErrorKind) -> bool {
    use ErrorKind::{Blocked, Forbidden, InsufficientBalance, Rejected, Retired, TooLarge, Unauthorized};
    matches!(kind, Rejected | TooLarge | Unauthorized | InsufficientBalance | Forbidden | Blocked | Retired)
}

#[cfg(test)]
mod tests;
