//! Everything that is done to a pod that exists.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use crate::{
    Applied, Condition, Connection, Error, Pod, PodState, RunPod, Wait, backend::Action,
    pods::record::PodRecord,
};

/// A pod together with the handle it came through: the last look at it, and what can be done with it.
///
/// It dereferences to [`Pod`]. Dropping it does nothing to the pod.
#[derive(Clone)]
pub struct PodHandle {
    runpod: RunPod,
    pod: Arc<Pod>,
    origin: Origin,
    /// What is known of the create it comes from; `None` if it was not made through this `RunPod`.
    record: Option<Arc<PodRecord>>,
}

/// Where a [`PodHandle`] comes from.
///
/// Only a pod that was created is ever terminated on its caller's behalf, when it does not become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// The deploy that returned it created the pod.
    Created,
    /// The pod was looked up: by its id, by its name or in a list.
    Found,
    /// The deploy that returned it took a pod that had the name already ([`IfExists::Adopt`](crate::IfExists)).
    Adopted,
}

impl PodHandle {
    pub(crate) fn new(runpod: RunPod, pod: Pod) -> Self {
        Self { runpod, pod: Arc::new(pod), origin: Origin::Found, record: None }
    }

    /// A pod that was created through this `RunPod`: the first wait for it also looks for others of its name.
    pub(crate) fn of_create(runpod: RunPod, pod: Arc<Pod>, record: Arc<PodRecord>) -> Self {
        Self { runpod, pod, origin: Origin::Found, record: Some(record) }
    }

    /// The same pod, said to come from elsewhere.
    pub(crate) fn with_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// The same handle with a later look at its pod.
    pub(crate) fn with(&self, pod: Pod) -> Self {
        Self { pod: Arc::new(pod), ..self.clone() }
    }

    /// Returns where it comes from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// What is known of the create it comes from; `None` if it was not made through this `RunPod`.
    pub(crate) fn record(&self) -> Option<&Arc<PodRecord>> {
        self.record.as_ref()
    }

    pub(crate) fn runpod(&self) -> &RunPod {
        &self.runpod
    }

    /// The same handle with the observer of another.
    pub(crate) fn observed_by(&self, runpod: &RunPod) -> Self {
        Self { runpod: runpod.clone(), ..self.clone() }
    }

    /// The pod as last seen, said to be gone.
    pub(crate) fn terminated(&self) -> Pod {
        Pod { state: Some(PodState::Terminated), cost_usd_per_hour: None, ..(*self.pod).clone() }
    }

    /// How to reach it, as of the last look; HTTP through the proxy that the handle was given, if any.
    #[must_use]
    pub fn connection(&self) -> Connection<'_> {
        self.pod.connection().through(self.runpod.prober().http_proxy())
    }

    /// Returns how long ago the run of its container began, as far as this look tells: since its `startedAt` by
    /// RunPod's clock, or its uptime if that is less. `None` if the look shows neither.
    ///
    /// RunPod may show the addresses of the run before for the first 15 s or so.
    #[must_use]
    pub fn run_age(&self) -> Option<Duration> {
        let now = self.runpod.server_now();
        // A start that is still to come has just been.
        let since_start = self.pod.started().map(|at| now.duration_since(at).unwrap_or_default());
        since_start.into_iter().chain(self.pod.uptime).min()
    }

    /// A wait until `condition` holds. `.await` it.
    ///
    /// It looks for `longest`. On top of that come up to 1 s for the last look, up to 4 s for RunPod's log if
    /// the wait fails, and in the first wait after a deploy the search for another pod of its name.
    ///
    /// # Errors
    /// [`WaitError`](crate::WaitError), which always carries the pod's id: `TimedOut` when `longest`
    /// is over, `Failed` when the condition cannot come true any more, `Call` when RunPod refuses
    /// to answer (401, 403, 410 and alike).
    ///
    /// The first wait for a pod that was just deployed also makes sure that it is the only one of its name: it
    /// ends a twin, should RunPod have made two out of one create, and gives the pod up if another process deployed
    /// the same name earlier, see [`settle_name`](Self::settle_name). With
    /// [`IfExists::Adopt`](crate::IfExists) it goes on with the earlier pod for the rest of its time and returns
    /// that one; else it ends as [`WaitError::GaveWay`](crate::WaitError::GaveWay). Only a list read 15 s after
    /// the create shows that, so this wait ends no sooner; from 30 s after the create on it is held up by no more
    /// than 2 s if lists cannot be read. What is left in doubt is an
    /// [`Event::Warned`](crate::Event::Warned).
    ///
    /// # Cancellation
    /// Dropping the wait stops watching. The pod goes on running and billing.
    pub fn wait_until<C: Condition>(&self, condition: C, longest: Duration) -> Wait<C> {
        Wait::new(self.clone(), condition, longest, self.runpod.observer().clone())
    }

    /// Looks at the pod again. See [`RunPod::get`].
    ///
    /// # Errors
    /// As [`RunPod::get`].
    pub async fn refresh(&self) -> Result<Self, Error> {
        self.runpod.look_again(&self.pod.id, self.pod.listed_at()).await.map(|pod| self.with(pod))
    }

    /// Stops the pod. See [`RunPod::stop`].
    ///
    /// # Errors
    /// As [`RunPod::stop`].
    pub async fn stop(&self) -> Result<Applied, Error> {
        self.runpod.stop(&self.pod.id).await
    }

    /// Starts the pod. See [`RunPod::start`].
    ///
    /// # Errors
    /// As [`RunPod::start`].
    pub async fn start(&self) -> Result<Applied, Error> {
        let applied = self.runpod.start_seen(&self.pod.id, Some(&self.pod)).await?;
        // An answer that says nothing of the pod leaves what was known of it.
        Ok(match applied.warnings.is_empty() {
            true => Applied::by_action(Action::Start, Some(&self.pod), self.runpod.server_now()),
            false => applied,
        })
    }

    /// Restarts the container. See [`RunPod::restart`].
    ///
    /// # Errors
    /// As [`RunPod::restart`].
    pub async fn restart(&self) -> Result<Applied, Error> {
        self.runpod.restart_seen(&self.pod.id, Some(&self.pod)).await
    }

    /// Terminates the pod. See [`RunPod::terminate`].
    ///
    /// RunPod may answer 404 for a new pod. Until the pod is 15 s old, or no list has shown it for 15 s, a 404
    /// does not count and the request is sent again.
    ///
    /// # Errors
    /// As [`RunPod::terminate`].
    pub async fn terminate(&self) -> Result<Applied, Error> {
        self.runpod.end(&self.pod).await?;
        Ok(Applied::by_terminate(&self.pod))
    }
}

impl Deref for PodHandle {
    type Target = Pod;

    fn deref(&self) -> &Pod {
        &self.pod
    }
}

impl fmt::Debug for PodHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pod.fmt(f)
    }
}
