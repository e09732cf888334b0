//! The number of repetitions of a failed call, and the pauses between them.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Attempts at a read or an idempotent action, the first included.
pub(crate) const ATTEMPTS: usize = 4;

/// Pauses between attempts: 0.5 s doubling to at most 8 s, each with up to as much again at random.
pub(crate) fn pauses(attempts: usize) -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(8))
        .with_max_times(attempts.saturating_sub(1))
        .with_jitter()
        .build()
}
