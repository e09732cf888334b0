//! Everything that is done to a pod that exists.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use tokio::time::sleep;

use crate::{
    Applied, Condition, Error, Pod, PodState, RunPod, Wait,
    backend::Action,
    pods::{act::UNKNOWN_PAUSE, created::Created, twins::Siblings},
};

/// A pod together with the handle it came through: the last look at it, and what can be done with it.
///
/// It dereferences to [`Pod`]. Dropping it does nothing to the pod.
#[derive(Clone)]
pub struct PodHandle {
    runpod: RunPod,
    pod: Arc<Pod>,
    origin: Origin,
    /// The create it comes from, while RunPod may not know it yet.
    created: Option<Arc<Created>>,
    /// What its create may have made beside it; `None` unless it was created through this handle.
    siblings: Option<Arc<Siblings>>,
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
        Self { runpod, pod: Arc::new(pod), origin: Origin::Found, created: None, siblings: None }
    }

    /// A pod that was just created: the first wait for it also looks for a twin.
    pub(crate) fn newly_created(runpod: RunPod, pod: Pod, siblings: Siblings) -> Self {
        let (created, siblings) = (Some(Arc::new(Created::new())), Some(Arc::new(siblings)));
        Self { runpod, pod: Arc::new(pod), origin: Origin::Created, created, siblings }
    }

    /// A pod of a create that was accepted lately.
    pub(crate) fn of_create(runpod: RunPod, pod: Arc<Pod>, created: Arc<Created>) -> Self {
        Self { runpod, pod, origin: Origin::Found, created: Some(created), siblings: None }
    }

    /// The same pod, taken by a deploy.
    pub(crate) fn adopted(self) -> Self {
        Self { origin: Origin::Adopted, ..self }
    }

    /// The same pod as a later look shows it.
    pub(crate) fn seen_as(&self, pod: Pod) -> Self {
        Self { pod: Arc::new(pod), created: None, ..self.clone() }
    }

    /// Returns where it comes from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// What its create may have made beside it.
    pub(crate) fn siblings(&self) -> Option<&Siblings> {
        self.siblings.as_deref()
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
    /// out of one create. Only a list read 15 s after the create shows that, so this wait ends no sooner; one
    /// that takes longer is held up by one list, and by 30 s after the create no longer than 2 s. What is left
    /// in doubt is an [`Event::Warned`].
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
        self.runpod.get(&self.pod.id).await.map(|seen| self.seen_as((*seen).clone()))
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
        let applied = self.runpod.start(&self.pod.id).await?;
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
