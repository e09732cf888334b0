//! Behavior of RunPod in a run: the profile `observed`, with what has been seen in more than one form drawn anew.

use std::{ops::RangeInclusive, time::Duration};

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use runpod_sim::{Behavior, Delay, EnvironmentMask, RateLimitForm};
use serde_json::Value;

/// Draws of each run, as the report tells them.
pub(super) const DRAWN: &str = "list_lag 0 to 12 s, list_age 0 to 15 s, spans of get_lag to 10 s, status_lag and \
    endpoint_lag to 5 s, environment_lag to 15 s, restart_delay to 4 s, twin_lag to 14 s or none, list_environment, \
    short_pages, rate_limit_form, date, stale_endpoints and uptime_period 0 to 15 s";

/// Draws the behavior of a run.
pub(super) fn drawn(rng: &mut StdRng) -> Behavior {
    use EnvironmentMask::{Absent, Clear, Empty, Stars};
    use RateLimitForm::{Odd, Plain, Split};
    Behavior {
        list_lag: Delay::fixed(up_to(rng, 12)),
        list_age: up_to(rng, 15),
        get_lag: span(rng, 10),
        status_lag: span(rng, 5),
        endpoint_lag: span(rng, 5),
        environment_lag: span(rng, 15),
        restart_delay: span(rng, 4),
        twin_lag: rng.random_bool(0.5).then(|| span(rng, 14)),
        list_environment: one_of(rng, &[Clear, Clear, Clear, Stars, Empty, Absent], Clear),
        short_pages: rng.random_bool(0.7),
        rate_limit_form: one_of(rng, &[Plain, Split, Odd], Plain),
        date: rng.random_bool(0.9),
        stale_endpoints: up_to(rng, 15),
        uptime_period: up_to(rng, 15),
        ..Behavior::observed()
    }
}

/// Nothing, the longest, or anything between.
fn up_to(rng: &mut StdRng, longest: u64) -> Duration {
    const EVERYTHING: RangeInclusive<u64> = 0..=1000;
    let share = match rng.random_range(0..4) {
        0 => 0,
        1 => 1000,
        _ => rng.random_range(EVERYTHING),
    };
    Duration::from_millis(longest * share)
}

fn span(rng: &mut StdRng, longest: u64) -> Delay {
    Delay::between(Duration::ZERO, up_to(rng, longest))
}

fn one_of<T: Copy>(rng: &mut StdRng, choices: &[T], otherwise: T) -> T {
    choices.choose(rng).copied().unwrap_or(otherwise)
}

/// Names the settings that are not as by default, with their values.
#[must_use]
pub fn settings(behavior: &Behavior) -> String {
    let fields = |behavior: &Behavior| match serde_json::to_value(behavior) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let usual = fields(&Behavior::default());
    let changed = fields(behavior).into_iter().filter(|(name, value)| usual.get(name) != Some(value));
    changed.map(|(name, value)| format!("{name} {}", in_words(&value))).collect::<Vec<_>>().join(", ")
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Object(span) if span.contains_key("to_seconds") => {
            format!("{} to {}", in_words(&span["from_seconds"]), in_words(&span["to_seconds"]))
        }
        Value::Object(span) if span.contains_key("median_seconds") => in_words(&span["median_seconds"]),
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join("/"),
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string())
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_named_where_they_are_not_as_by_default() {
        let text = settings(&Behavior::observed());
        for part in ["list_age_seconds 15", "get_lag 0 to 10", "list_lag 0", "short_pages true"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert_eq!(settings(&Behavior::default()), "");
    }
}
