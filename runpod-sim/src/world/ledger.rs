//! The ledger: a record of every pod there ever was.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::world::{
    billed::BilledSpan,
    pod::{Pod, PodStatus},
    seconds::{maybe_seconds, seconds},
};

/// The record of one pod: its marker, its type, the spans it billed for and their cost.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LedgerEntry {
    /// The pod's id.
    pub pod_id: String,
    /// The pod's name.
    pub name: String,
    /// The value of the marker variable in the pod's environment; `None` when it has none.
    pub marker: Option<String>,
    /// The names of all its environment variables.
    pub env_keys: Vec<String>,
    /// GPU type or CPU flavor id.
    pub type_id: String,
    /// The instant it was created, in simulated time since the start.
    #[serde(serialize_with = "seconds")]
    pub created: Duration,
    /// The instant it was terminated; `None` while it exists.
    #[serde(serialize_with = "maybe_seconds")]
    pub terminated: Option<Duration>,
    /// Its status now.
    pub status: PodStatus,
    /// The instant from which everything in it answers, sshd included, which may be in the future. `None` when it is
    /// stopped, terminated, or will never answer.
    #[serde(serialize_with = "maybe_seconds")]
    pub usable_from: Option<Duration>,
    /// The first instant it billed compute for; `None` when it never billed.
    #[serde(serialize_with = "maybe_seconds")]
    pub billed_from: Option<Duration>,
    /// The instant its last bill ended; `None` while it bills, or when it never billed.
    #[serde(serialize_with = "maybe_seconds")]
    pub billed_to: Option<Duration>,
    /// The spans it billed compute for, oldest first.
    pub billed: Vec<BilledSpan>,
    /// Cost of compute so far, in USD.
    pub cost_usd: f64,
}

impl LedgerEntry {
    pub(crate) fn of(pod: &Pod, now: Duration, marker: &str) -> Self {
        Self {
            pod_id: pod.id.clone(),
            name: pod.facts.name.clone(),
            marker: pod.facts.env.0.get(marker).cloned(),
            env_keys: pod.facts.env.0.keys().cloned().collect(),
            type_id: pod.compute.type_id().to_owned(),
            created: pod.created,
            terminated: pod.terminated,
            status: pod.status(now),
            usable_from: pod
                .runs
                .last()
                .filter(|run| run.ended.is_none() && pod.terminated.is_none())
                .and_then(|run| run.boot.usable()),
            billed_from: pod.billed.first().map(|span| span.from),
            billed_to: pod.billed.last().and_then(|span| span.to),
            billed: pod.billed.clone(),
            cost_usd: pod.cost_usd(now),
        }
    }

    /// Returns true if the pod bills for compute now.
    #[must_use]
    pub fn is_billing(&self) -> bool {
        self.billed.last().is_some_and(|span| span.to.is_none())
    }
}

impl fmt::Debug for LedgerEntry {
    /// The marker is an environment value, so it stays out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerEntry")
            .field("pod_id", &self.pod_id)
            .field("name", &self.name)
            .field("env_keys", &self.env_keys)
            .field("type_id", &self.type_id)
            .field("created", &self.created)
            .field("terminated", &self.terminated)
            .field("status", &self.status)
            .field("usable_from", &self.usable_from)
            .field("billed", &self.billed)
            .field("cost_usd", &self.cost_usd)
            .finish_non_exhaustive()
    }
}
