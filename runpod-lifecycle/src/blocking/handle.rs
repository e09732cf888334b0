//! A pod, for programs without async code.

use std::{ops::Deref, time::Duration};

use crate::{
    Accepted, Condition, CostSoFar, DeployError, Error, Progress, WaitError, WaitReport,
    blocking::{
        calls::{Refused, calls},
        runtime::{block, iter},
    },
};

/// A pod together with the handle it came through, with blocking calls of the names that
/// [`PodHandle`](crate::PodHandle) has.
///
/// It dereferences to that one, and so to the [`Pod`](crate::Pod). Dropping it does nothing to the pod.
#[derive(Clone, Debug)]
pub struct PodHandle(crate::PodHandle);

impl From<crate::PodHandle> for PodHandle {
    fn from(pod: crate::PodHandle) -> Self {
        Self(pod)
    }
}

impl From<PodHandle> for crate::PodHandle {
    fn from(pod: PodHandle) -> Self {
        pod.0
    }
}

impl Deref for PodHandle {
    type Target = crate::PodHandle;

    fn deref(&self) -> &crate::PodHandle {
        &self.0
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for PodHandle {
    /// Its [`Pod`](crate::Pod).
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl PodHandle {
    calls! { "PodHandle":
        billed_usd() -> f64, Error;
        refresh() -> Self, Error;
        restart() -> Accepted, Error;
        start() -> Accepted, Error;
        stop() -> Accepted, Error;
        terminate() -> Accepted, Error;
    }

    /// Blocks until [`PodHandle::cost_so_far`](crate::PodHandle::cost_so_far) is over.
    ///
    /// [Where async code runs](crate::blocking#errors) it knows nothing, and its `billing_error` says why.
    pub fn cost_so_far(&self) -> CostSoFar {
        block("cost_so_far", self.0.cost_so_far()).unwrap_or_else(|error| CostSoFar {
            estimated_usd: None,
            billed_usd: None,
            billing_error: Some(error),
        })
    }

    /// Blocks until [`PodHandle::settle_name`](crate::PodHandle::settle_name) is over.
    ///
    /// # Errors
    /// [`DeployError::GaveWay`] for those of its namesake; [`DeployError::Refused`]
    /// [where async code runs](crate::blocking#errors).
    ///
    /// # Cost
    /// As its namesake: both pods bill as long as it takes.
    pub fn settle_name(&self) -> Result<Self, DeployError> {
        let stays = block("settle_name", self.0.settle_name()).map_err(DeployError::refused)?;
        stays.map(Self).map_err(DeployError::GaveWay)
    }

    /// Blocks until the pod meets a condition, for `longest` and what
    /// [`PodHandle::wait_until`](crate::PodHandle::wait_until) adds to it. [`on_event`](crate::blocking::RunPod::on_event) of
    /// the handle that the pod came through tells of its progress, and so does [`progress_until`](Self::progress_until).
    ///
    /// # Errors
    /// As its namesake, and [`WaitError::Call`] [where async code runs](crate::blocking#errors).
    ///
    /// # Cancellation
    /// [Only the end of the process](crate::blocking#cancellation) ends it early. The pod goes on running and billing.
    pub fn wait_until<C: Condition + 'static>(
        &self,
        condition: C,
        longest: Duration,
    ) -> Result<Self, WaitError> {
        let report = WaitReport::new(self.id.as_str(), condition.name());
        let refused = |source| WaitError::Call { source, report: Box::new(report) };
        let wait = self.0.wait_until(condition, longest);
        block("wait_until", wait).map_err(refused)?.map(Self)
    }

    /// The same wait as an iterator: every event as it happens, then [`Progress::Done`] with the outcome.
    ///
    /// # Errors
    /// [Where async code runs](crate::blocking#errors). Those of the wait are in its outcome.
    ///
    /// # Cancellation
    /// Dropping the iterator stops watching. The pod goes on running and billing.
    pub fn progress_until<C: Condition + 'static>(
        &self,
        condition: C,
        longest: Duration,
    ) -> Result<impl Iterator<Item = Progress> + use<C>, Error> {
        iter(self.0.wait_until(condition, longest).stream())
    }
}
