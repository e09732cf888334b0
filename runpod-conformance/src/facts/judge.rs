//! Judgements that several statements make.

use std::time::Duration;

use serde_json::Value;

use crate::{
    exchange::{Evidence, Exchange},
    statement::{Seen, Source, Statement},
};

/// A rule about one answer; nothing is seen without it.
pub(super) fn answer(evidence: &Evidence, step: &'static str, judge: impl Fn(&Exchange) -> Seen) -> Seen {
    evidence.only(step).map(judge).into()
}

/// A refusal with one of some statuses whose words hold a text.
pub(super) fn refusal(evidence: &Evidence, step: &'static str, statuses: &[u16], text: &str) -> Seen {
    answer(evidence, step, |refusal| {
        let fits = statuses.contains(&refusal.status) && refusal.is_problem();
        let says = refusal.words().to_lowercase().contains(&text.to_lowercase());
        Seen::rule(fits && says, told(refusal))
    })
}

/// The status of an answer, and its words if it refuses.
pub(super) fn told(exchange: &Exchange) -> String {
    match exchange.is_success() {
        true => exchange.status.to_string(),
        false => format!("{}: {}", exchange.status, exchange.words()),
    }
}

/// The successful answers of a step, as JSON with their instants.
pub(super) fn looks(evidence: &Evidence, step: &'static str) -> Result<Vec<(Duration, Value)>, String> {
    let good = evidence.of(step).filter(|look| look.is_success());
    let looks: Vec<_> = good.map(|look| (look.at, look.json())).collect();
    if looks.is_empty() { Err(evidence.why(step)) } else { Ok(looks) }
}

/// The pod as the create answered.
pub(super) fn created(evidence: &Evidence) -> Result<Value, String> {
    let made = evidence.of("create").find(|create| create.status == 201);
    made.map(Exchange::json).ok_or_else(|| evidence.why("create"))
}

/// A statement that somebody saw on the real service.
pub(super) const fn live(
    id: &'static str,
    says: &'static str,
    rests: &'static [&'static str],
    probe: fn(&Evidence) -> Seen,
) -> Statement {
    Statement { id, says, source: Source::Live, date: "2026-11", rests, probe }
}

/// A statement without a record of who saw it.
pub(super) const fn collected(
    id: &'static str,
    says: &'static str,
    rests: &'static [&'static str],
    probe: fn(&Evidence) -> Seen,
) -> Statement {
    Statement { id, says, source: Source::Collected, date: "2026-11", rests, probe }
}

/// A statement that RunPod makes.
pub(super) const fn documented(
    id: &'static str,
    says: &'static str,
    rests: &'static [&'static str],
    probe: fn(&Evidence) -> Seen,
) -> Statement {
    Statement { id, says, source: Source::Documented, date: "2026-11", rests, probe }
}
