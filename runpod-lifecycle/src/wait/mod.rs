//! Watching a pod until a condition holds.

pub(crate) mod error;
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

use futures_util::Stream;
use tokio::sync::mpsc;

use crate::{Condition, Event, PodHandle, WaitError, event::Observer, wait::watcher::Watcher};

/// A wait for a pod, made by [`PodHandle::wait_until`]; `.await` it.
///
/// The first look happens at once, then after 1, 3 and 5 seconds and from there on every 5, or every
/// 2.5 while several waits on the handle share one list. A pod that is booting is looked at every 5
/// seconds from the start. Between looks a pod that RunPod calls ready is probed every second. There
/// is one more look when the longest wait is over. Failures that may pass (429, 5xx, lost
/// connections) are events, not the end.
///
/// A pod that runs and cannot be reached after 10 s, or still boots after 30 s, has its system log looked at now and
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

    /// Sends this wait's events to `observe` instead of the handle's observer.
    pub fn on_event(mut self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = Observer::new(observe);
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
            let runpod = self.pod.runpod().for_waiting();
            let watching = runpod.observed_by(self.observer.clone());
            let watcher = Watcher::new(&watching, &self.pod);
            let (longest, fails_early) = (self.longest, self.fails_early);
            let watch = watch::watch(watcher, &self.condition, longest, fails_early, &self.observer);
            let last = watch.await;
            // Boxed: it is larger than everything a wait holds until then.
            Box::pin(self.pod.end_twins()).await;
            let pod = last?.unwrap_or_else(|| self.pod.terminated());
            Ok(self.pod.with(pod))
        })
    }
}

/// What a [`Wait`] streams: its events, and at the end its outcome.
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
