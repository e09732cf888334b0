//! A window of RunPod's rate limit, by this side's reckoning.

use std::{fmt, time::Duration};

use runpod_api::printable;

/// The requests that are left in one window of the account's rate limit, as [`RunPod::rate_budget`](crate::RunPod::rate_budget) gives it.
///
/// It is RunPod's last word on the window, less what was sent since and is not answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RateWindow {
    /// Its name, as RunPod calls it: `minute`, `hour`. A pause that RunPod asked for is one named `Retry-After`.
    pub name: String,
    /// The requests that may still be sent before it begins anew.
    pub left: u64,
    /// The requests that it has in all; `None` if RunPod does not say.
    pub limit: Option<u64>,
    /// The time until it begins anew.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "resets_in_seconds", serialize_with = "crate::serial::seconds")
    )]
    pub resets_in: Duration,
    /// Its length; `None` if RunPod does not say.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "length_seconds", serialize_with = "crate::serial::maybe_seconds")
    )]
    pub length: Option<Duration>,
}

impl fmt::Display for RateWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, left, limit, resets_in, .. } = self;
        let of = limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
        write!(f, "{}: {left}{of} left, anew in {} s", printable(name), resets_in.as_secs_f64().ceil())
    }
}
