//! The forms of values in JSON: durations in seconds, times in RFC 3339, secrets as one placeholder.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use humantime::format_rfc3339_millis;
use runpod_api::Secret;
use serde::{Serialize, Serializer};

/// The text that stands for every secret.
pub(crate) const PLACEHOLDER: &str = "[secret]";

/// Seconds, with a fraction.
pub(crate) fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

/// Seconds, with a fraction, or `null`.
pub(crate) fn maybe_seconds<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

/// A time of RFC 3339 in UTC.
pub(crate) fn time<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_rfc3339_millis(*time))
}

/// Names with a placeholder for each value.
pub(crate) fn secrets<S: Serializer>(
    env: &BTreeMap<String, Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(env.keys().map(|name| (name, PLACEHOLDER)))
}

/// Pairs as an object, in their order.
pub(crate) fn object<T: Serialize, S: Serializer>(
    pairs: &[(String, T)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}
