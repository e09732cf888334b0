//! Things that an account stores beside its pods: finding it by name, making it once, deleting it.

pub(crate) mod create;
mod delete;
pub(crate) mod known;
mod registries;
mod secrets;
mod templates;

use std::time::Duration;

/// Returns the pauses before each read of a list that may lag behind a change (observed):
/// [`LAG`](crate::knowledge::evidence::LAG) in all.
pub(crate) fn pauses() -> impl Iterator<Item = Duration> {
    [0, 1, 2, 4, 8].map(Duration::from_secs).into_iter()
}
