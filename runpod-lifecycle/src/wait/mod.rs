//! Watching a pod until a condition holds.

pub(crate) mod cause;
pub(crate) mod error;
mod kind;
pub(crate) mod source;
pub(crate) mod suspicion;
pub(crate) mod watch;
pub(crate) mod watcher;

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{
    Stream,
    future::{Either, select},
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use crate::{
    Condition, Event, Pod, PodHandle, Verdict, WaitError, WaitReport,
    knowledge::search::Settled,
    observe::{Observer, doing::Doing},
    wait::{
        source::{Observation, Source},
        watcher::Watcher,
    },
};

/// The longest the search for another pod may take before the pod that was waited for is polled again.
const RECENT: Duration = Duration::from_secs(1);
/// The longest that poll takes.
const POLL_PATIENCE: Duration = Duration::from_secs(4);

/// A wait for a pod, made by [`PodHandle::wait_until`]; `.await` it.
///
/// The first poll happens at once, then after 1, 3 and 5 seconds and from there on every 5, or every
/// 2.5 while several waits on the handle share one list. A pod that is booting is polled every 5
/// seconds from the start. Between polls a pod that RunPod calls ready is probed every second. There
/// is one more poll when the time is up. Failures that may pass (429, 5xx, lost
/// connections) are events, not the end.
///
/// A pod that runs and cannot be reached after 10 s, or still boots after 30 s, has its system log read now and
/// then. A cause that is known there is an [`Event::CauseFound`] and part of the error, should there be one.
///
/// # Cancellation
/// Dropping it stops watching. The pod is not touched and goes on running and billing.
#[must_use = "a wait does nothing until it is awaited"]
pub struct Wait<C> {
    pod: PodHandle,
    condition: C,
    longest: Duration,
    fails_early: bool,
    observer: Observer,
}

impl<C: Condition> Wait<C> {
    pub(crate) fn new(pod: PodHandle, condition: C, longest: Duration, observer: Observer) -> Self {
        Self { pod, condition, longest, fails_early: false, observer }
    }

    /// Ends the wait as [`WaitError::Failed`] as soon as RunPod's system log names a cause that does not heal by
    /// itself ([`Cause::may_heal`](crate::Cause::may_heal)). Default: no, since the log is no promise:
    /// [`Event::CauseFound`] tells, and the wait goes on.
    pub fn fail_early(mut self, fail: bool) -> Self {
        self.fails_early = fail;
        self
    }

    /// Sends this wait's events to `observe` too. Whoever the handle tells is told as well.
    pub fn on_event(mut self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = self.observer.and(observe);
        self
    }

    /// The wait as a stream: every event as it happens, then [`Progress::Done`] with the outcome.
    pub fn stream(self) -> WaitStream
    where
        C: 'static,
    {
        let (sender, events) = mpsc::unbounded_channel();
        let wait = self.on_event(move |event| {
            // A receiver that is gone means that nobody listens any more.
            let _ = sender.send(event.clone());
        });
        WaitStream { events, wait: Some(wait.into_future()), outcome: None }
    }
}

impl<C> fmt::Debug for Wait<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("pod_id", &self.pod.id)
            .field("longest", &self.longest)
            .finish_non_exhaustive()
    }
}

impl<C: Condition + 'static> IntoFuture for Wait<C> {
    type Output = Result<PodHandle, WaitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let runpod = self.pod.runpod().observed_by(self.observer.clone());
            let (id, condition) = (self.pod.id.clone(), self.condition.name());
            let doing = Doing { condition: Some(&condition), ..Doing::new("wait for pod", id.as_str()) };
            runpod.operation(doing, self.run()).await
        })
    }
}

impl<C: Condition + 'static> Wait<C> {
    /// Waits for the pod, or for the one that it gives way to.
    fn run(self) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
        Box::pin(async move {
            let began_at = Instant::now();
            let (last, settled) = self.watch().await;
            let stays = match settled {
                Settled::Stays => {
                    let last = last.map_err(|error| error.with_doubt(self.pod.doubt()));
                    let pod = last?.unwrap_or_else(|| self.pod.terminated());
                    return Ok(self.pod.with(pod));
                }
                gave_way @ Settled::GaveWay { .. } => self.pod.stayed(gave_way),
            };
            match stays {
                Ok(winner) => {
                    // The caller gave one time for both pods.
                    let longest = self.longest.saturating_sub(began_at.elapsed());
                    let own = self.pod.id.clone();
                    let waited = Self { pod: winner, longest, ..self }.into_future().await;
                    waited.map_err(|error| error.in_place_of(&own))
                }
                Err(source) => {
                    let report = WaitReport::unwatched(&self.pod, &self.condition);
                    let report = Box::new(WaitReport { elapsed: began_at.elapsed(), ..report });
                    Err(WaitError::GaveWay { source, report })
                }
            }
        })
    }
}

impl<C: Condition> Wait<C> {
    /// Watches the pod and meanwhile searches for what else has its name. A pod that is given up is not watched
    /// any more.
    async fn watch(&self) -> (Result<Option<Pod>, WaitError>, Settled) {
        let began_at = Instant::now();
        let watching = self.pod.runpod().for_waiting().observed_by(self.observer.clone());
        let watcher = Watcher::new(&watching, &self.pod);
        let watch = watch::watch(watcher, &self.condition, self.longest, self.fails_early, &self.observer);
        // Boxed: they are large.
        let pod = self.pod.observed_by(&watching);
        let (watch, search) = (Box::pin(watch), Box::pin(pod.search()));
        match select(watch, search).await {
            Either::Left((last, search)) => self.searched(last, search, began_at).await,
            Either::Right((Settled::Stays, watch)) => (watch.await, Settled::Stays),
            // The pod is terminated: whatever the watch would still see is of no use.
            Either::Right((gave_way, _)) => (Ok(None), gave_way),
        }
    }

    /// Goes on after the watch with the search. If it took long, the pod is polled once more, so that what the
    /// wait returns is no older.
    async fn searched(
        &self,
        last: Result<Option<Pod>, WaitError>,
        search: impl Future<Output = Settled>,
        began_at: Instant,
    ) -> (Result<Option<Pod>, WaitError>, Settled) {
        let searched_at = Instant::now();
        if let Some(pause) = self.pod.shown_in() {
            self.observer.notify(&search_awaited(&last, self, began_at.elapsed(), pause));
        }
        let settled = self.pod.finish(search).await;
        if matches!(settled, Settled::GaveWay { .. }) || searched_at.elapsed() <= RECENT {
            return (last, settled);
        }
        let later = Box::pin(self.pod.poll_now()).await;
        (self.outcome(last, later, began_at.elapsed()), settled)
    }

    /// The outcome of a wait whose pod was polled once more.
    fn outcome(
        &self,
        last: Result<Option<Pod>, WaitError>,
        later: Option<Pod>,
        elapsed: Duration,
    ) -> Result<Option<Pod>, WaitError> {
        let verdict = later.as_ref().map(|later| self.condition.verdict(Some(later)));
        match (last, later.zip(verdict)) {
            (Ok(Some(_)), Some((later, Verdict::Done))) => Ok(Some(later)),
            (Ok(Some(_)), Some((later, Verdict::Failed(reason)))) => Err(self.failed(reason, later, elapsed)),
            (Ok(Some(before)), _) if !self.pod.runpod().lookups().records.is_current(&before) => {
                let reason = "it was changed while a list was awaited that shows what else has its name";
                Err(self.failed(reason.to_owned(), before, elapsed))
            }
            // What only a probe tells, a poll does not: the last answer stands.
            (Err(error), Some((later, Verdict::Done))) if !self.condition.probes(&later).is_empty() => {
                Err(error)
            }
            (Err(error), Some((later, verdict))) => Err(error.with_last(later, verdict)),
            // It was so a moment ago, and an answer may be older than the one before.
            (last, _) => last,
        }
    }
}

impl<C: Condition> Wait<C> {
    /// The end of a wait whose pod was as wanted and is so no more.
    fn failed(&self, reason: String, pod: Pod, elapsed: Duration) -> WaitError {
        let report = WaitReport::unwatched(&pod, &self.condition);
        let report = WaitReport { longest: self.longest, attempts: 1, elapsed, ..report };
        WaitError::failed(reason, Box::new(report))
    }
}

impl PodHandle {
    /// A wait until `condition` holds. `.await` it.
    ///
    /// It polls for `longest`. On top of that come up to 1 s for the last poll, up to 4 s for RunPod's log if
    /// the wait fails, and in the first wait after a deploy the search for another pod of its name with up to 4 s for a
    /// last poll.
    ///
    /// # Errors
    /// [`WaitError`], which always carries the pod's id: `TimedOut` when `longest`
    /// is over, `Failed` when the condition cannot come true any more, `Call` when RunPod refuses
    /// to answer (401, 403, 410 and alike).
    ///
    /// The first wait for a pod that was just deployed also makes sure that it is the only one of its name: it
    /// ends a twin, should RunPod have made two out of one create, and gives the pod up if another process deployed
    /// the same name earlier, see [`settle_name`](Self::settle_name). With
    /// [`IfExists::Adopt`](crate::IfExists) it goes on with the earlier pod for the rest of its time and returns
    /// that one; else it ends as [`WaitError::GaveWay`]. Only a list read 15 s after
    /// the create shows that, so this wait ends no sooner; from 30 s after the create on it is held up by no more
    /// than 2 s if lists cannot be read. What is left in doubt is an
    /// [`Event::Warned`].
    ///
    /// # Cancellation
    /// Dropping the wait stops watching. The pod goes on running and billing.
    pub fn wait_until<C: Condition>(&self, condition: C, longest: Duration) -> Wait<C> {
        Wait::new(self.clone(), condition, longest, self.runpod().observer().clone())
    }

    /// The pod as it is now; `None` if that cannot be had in a moment. Many that poll at once share a list.
    async fn poll_now(&self) -> Option<Pod> {
        let mut watcher = Watcher::new(self.runpod(), self);
        match timeout(POLL_PATIENCE, watcher.poll()).await {
            Ok(Ok(Observation::Pod(pod))) => Some(*pod),
            Ok(Ok(Observation::Gone)) => Some(self.terminated()),
            _ => None,
        }
    }
}

/// Says that a wait is decided, and goes on for the list that would show another pod of the name.
fn search_awaited<C: Condition>(
    outcome: &Result<Option<Pod>, WaitError>,
    wait: &Wait<C>,
    elapsed: Duration,
    pause: Duration,
) -> Event {
    let condition = wait.condition.name();
    let (pod, not) = match outcome {
        Ok(pod) => (pod.as_ref(), ""),
        Err(error) => (error.report().last_pod.as_ref(), "not "),
    };
    let pending = format!(
        "{not}{condition}; RunPod's list shows in {:.0} s whether a second pod was made",
        pause.as_secs_f64().ceil()
    );
    Event::Polled {
        pod_id: wait.pod.id.clone(),
        state: pod.and_then(|pod| pod.state.clone()),
        pending: Some(pending),
        condition,
        elapsed,
    }
}

/// The items of a [`Wait`]'s stream: its events, and at the end its outcome.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress {
    /// Something happened.
    Event(Event),
    /// The wait is over. Nothing follows.
    Done(Result<PodHandle, WaitError>),
}

type Outcome = Result<PodHandle, WaitError>;

/// The events of a wait and its outcome, made by [`Wait::stream`].
///
/// # Cancellation
/// Dropping it stops watching. The pod is not touched.
#[must_use = "a wait does nothing until its stream is read"]
pub struct WaitStream {
    events: mpsc::UnboundedReceiver<Event>,
    wait: Option<Pin<Box<dyn Future<Output = Outcome> + Send>>>,
    outcome: Option<Outcome>,
}

impl Stream for WaitStream {
    type Item = Progress;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Progress>> {
        if let Some(wait) = &mut self.wait
            && let Poll::Ready(outcome) = wait.as_mut().poll(cx)
        {
            self.wait = None;
            self.outcome = Some(outcome);
        }
        match self.events.poll_recv(cx) {
            Poll::Ready(Some(event)) => Poll::Ready(Some(Progress::Event(event))),
            // The sender lives as long as the wait, so its end means that the outcome is there.
            Poll::Ready(None) => Poll::Ready(self.outcome.take().map(Progress::Done)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl fmt::Debug for WaitStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitStream").finish_non_exhaustive()
    }
}
