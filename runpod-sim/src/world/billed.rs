//! Spans a pod was billed for.

use std::time::Duration;

use serde::Serialize;

use crate::world::seconds::{maybe_seconds, seconds};

/// A span a pod was billed for. It may begin in the future: billing starts once a machine is assigned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BilledSpan {
    /// First billed instant, in simulated time since the start.
    #[serde(serialize_with = "seconds")]
    pub from: Duration,
    /// End of the span; `None` while it still bills.
    #[serde(serialize_with = "maybe_seconds")]
    pub to: Option<Duration>,
    /// USD per hour.
    pub usd_per_hour: f64,
}

impl BilledSpan {
    /// The part of the span that lies between two instants.
    pub(crate) fn within(&self, from: Duration, to: Duration) -> Duration {
        self.to.unwrap_or(to).min(to).saturating_sub(self.from.max(from))
    }

    /// Cost of the span until `now`, in USD.
    #[must_use]
    pub fn cost_usd(&self, now: Duration) -> f64 {
        let billed = self.to.unwrap_or(now).min(now).saturating_sub(self.from);
        billed.as_secs_f64() / 3600.0 * self.usd_per_hour
    }
}
