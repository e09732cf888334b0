//! A pod together with the account it belongs to. What is done with it is said where each verb is at home.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use crate::{Connection, Pod, PodState, RunPod, knowledge::record::PodRecord, word::words};

/// A pod together with the handle it came through: the last poll at it, and what can be done with it.
///
/// It dereferences to [`Pod`]. Dropping it does nothing to the pod.
#[derive(Clone)]
pub struct PodHandle {
    runpod: RunPod,
    pod: Arc<Pod>,
    origin: Origin,
    /// The record of the create it comes from; `None` if it was not made through this `RunPod`.
    record: Option<Arc<PodRecord>>,
}

/// The origin of a [`PodHandle`].
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

words!(
    Origin,
    "origin",
    Created => "created",
    Found => "found",
    Adopted => "adopted",
);

#[cfg(feature = "serde")]
impl serde::Serialize for PodHandle {
    /// Its [`Pod`].
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.pod.serialize(serializer)
    }
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

    /// The pod as this handle shows it.
    pub(crate) fn shared(&self) -> Arc<Pod> {
        Arc::clone(&self.pod)
    }

    /// The same handle with a later poll of its pod.
    pub(crate) fn with(&self, pod: Pod) -> Self {
        Self { pod: Arc::new(pod), ..self.clone() }
    }

    /// Returns where it comes from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The record of the create it comes from; `None` if it was not made through this `RunPod`.
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

    /// Returns the ways to reach it that the last poll shows; HTTP through the proxy that the handle was given, if any.
    #[must_use]
    pub fn connection(&self) -> Connection<'_> {
        self.pod.connection().through(self.runpod.prober().http_proxy())
    }

    /// Returns how long ago the run of its container began, as far as this poll tells: since its `startedAt` by
    /// RunPod's clock, or its uptime if that is less. `None` if the poll shows neither.
    ///
    /// RunPod may show the addresses of the run before for the first 15 s or so.
    #[must_use]
    pub fn run_age(&self) -> Option<Duration> {
        let now = self.runpod.server_now();
        // A start that is still to come has just been.
        let since_start = self.pod.started().map(|at| now.duration_since(at).unwrap_or_default());
        since_start.into_iter().chain(self.pod.uptime).min()
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
