//! Everything that is done to a pod that exists.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use tokio::time::sleep;

use crate::{
    Applied, Condition, Connection, Error, Pod, PodState, RunPod, Wait, pods::act::UNKNOWN_PAUSE,
    pods::created::Created,
};

/// A pod together with the handle it came through: the last look at it, and what can be done with it.
///
/// It dereferences to [`Pod`]. Dropping it does nothing to the pod.
#[derive(Clone)]
pub struct PodHandle {
    runpod: RunPod,
    pod: Arc<Pod>,
    /// The create it comes from, if nobody has looked for a twin yet.
    created: Option<Arc<Created>>,
}

impl PodHandle {
    pub(crate) fn new(runpod: RunPod, pod: Pod) -> Self {
        Self { runpod, pod: Arc::new(pod), created: None }
    }

    /// A pod that was just created: the first wait for it also looks for a twin, and looks longer if an
    /// earlier create of the deployment `is_in_doubt`.
    pub(crate) fn newly_created(runpod: RunPod, pod: Pod, marker: String, is_in_doubt: bool) -> Self {
        Self::of_create(runpod, Arc::new(pod), Arc::new(Created::new(marker, is_in_doubt)))
    }

    /// A pod of a create that was accepted lately.
    pub(crate) fn of_create(runpod: RunPod, pod: Arc<Pod>, created: Arc<Created>) -> Self {
        Self { runpod, pod, created: Some(created) }
    }

    /// The pod with the create it comes from, for others to share.
    pub(crate) fn as_created(&self) -> Option<(&Arc<Pod>, &Arc<Created>)> {
        Some((&self.pod, self.created.as_ref()?))
    }

    /// The create it comes from, if lists may not show it yet.
    pub(crate) fn created(&self) -> Option<&Created> {
        self.created.as_deref()
    }

    pub(crate) fn runpod(&self) -> &RunPod {
        &self.runpod
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
        self.runpod.get(&self.pod.id).await
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
    /// RunPod may not know a pod it has just created: until it has been seen, or is 15 s old, a 404 is
    /// no proof that it is gone, and the request is sent again.
    ///
    /// # Errors
    /// As [`RunPod::terminate`].
    pub async fn terminate(&self) -> Result<Applied, Error> {
        loop {
            let was_there = self.runpod.delete(&self.pod.id, self.created()).await?;
            match self.created() {
                Some(created) if was_there => created.see(),
                Some(created) if created.may_be_unknown() => {
                    sleep(UNKNOWN_PAUSE).await;
                    continue;
                }
                _ => {}
            }
            return Ok(Applied::by_terminate(&self.pod));
        }
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
