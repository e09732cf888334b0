//! Everything that is done to a pod that exists.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use crate::{Applied, Condition, Error, Pod, PodState, RunPod, Wait, pods::record::PodRecord};

/// A pod together with the handle it came through: the last look at it, and what can be done with it.
///
/// It dereferences to [`Pod`]. Dropping it does nothing to the pod.
#[derive(Clone)]
pub struct PodHandle {
    runpod: RunPod,
    pod: Arc<Pod>,
    /// What is known of the create it comes from; `None` if it was found.
    record: Option<Arc<PodRecord>>,
}

impl PodHandle {
    pub(crate) fn new(runpod: RunPod, pod: Pod) -> Self {
        Self { runpod, pod: Arc::new(pod), record: None }
    }

    /// A pod that was created through this `RunPod`: the first wait for it also looks for a twin.
    pub(crate) fn of_create(runpod: RunPod, pod: Arc<Pod>, record: Arc<PodRecord>) -> Self {
        Self { runpod, pod, record: Some(record) }
    }

    /// The same handle with a later look at its pod.
    pub(crate) fn with(&self, pod: Pod) -> Self {
        Self { runpod: self.runpod.clone(), pod: Arc::new(pod), record: self.record.clone() }
    }

    /// What is known of the create it comes from; `None` if it was found.
    pub(crate) fn record(&self) -> Option<&Arc<PodRecord>> {
        self.record.as_ref()
    }

    pub(crate) fn runpod(&self) -> &RunPod {
        &self.runpod
    }

    /// The pod as last seen, said to be gone.
    pub(crate) fn terminated(&self) -> Pod {
        Pod { state: Some(PodState::Terminated), cost_usd_per_hour: None, ..(*self.pod).clone() }
    }

    /// A wait until `condition` holds. `.await` it.
    ///
    /// It looks for `longest`. On top of that come up to 1 s for the last look, up to 4 s for RunPod's log if
    /// the wait fails, and in the first wait after a deploy the search for a twin.
    ///
    /// # Errors
    /// [`WaitError`](crate::WaitError), which always carries the pod's id: `TimedOut` when `longest`
    /// is over, `Failed` when the condition cannot come true any more, `Call` when RunPod refuses
    /// to answer (401, 403, 410 and alike).
    ///
    /// The first wait for a pod that was just deployed also ends a twin, should RunPod have made two
    /// out of one create. That is over with the first list that shows the pod, and takes at most 15 s. If
    /// an earlier create of the deploy was unclear, it lasts until a list was read 15 s after the accepted
    /// one, and takes at most 30 s. What is left in doubt is an [`Event::Warned`].
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
        self.runpod.start(&self.pod.id).await
    }

    /// Restarts the container. See [`RunPod::restart`].
    ///
    /// # Errors
    /// As [`RunPod::restart`].
    pub async fn restart(&self) -> Result<Applied, Error> {
        self.runpod.restart(&self.pod.id).await
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
