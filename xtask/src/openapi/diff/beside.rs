//! Changes beside operations and types: servers, corrections, what is left out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::change::{Action, Changes, Effect, Kind};
use crate::openapi::{import::CORRECTED, skip::SKIPPED};

pub(super) fn compare(old: &Value, new: &Value, changes: &mut Changes) {
    servers(old, new, changes);
    corrections(old, new, changes);
    skipped(old, new, changes);
}

/// The first server is where calls go.
fn servers(old: &Value, new: &Value, changes: &mut Changes) {
    let urls = |document: &Value| -> Vec<String> {
        let servers = document.get("servers").and_then(Value::as_array).into_iter().flatten();
        servers
            .filter_map(|server| server["url"].as_str())
            .map(|url| url.trim_end_matches('/').to_owned())
            .collect()
    };
    let (before, after) = (urls(old), urls(new));
    if before == after {
        return;
    }
    let effect = if before.first() == after.first() { Effect::Additive } else { Effect::Breaking };
    let detail = format!("{} is {} now", before.join(", "), after.join(", "));
    changes.add(effect, Kind::Server, Action::Changed, "servers", detail);
}

fn corrections(old: &Value, new: &Value, changes: &mut Changes) {
    let problems = |document: &Value| -> BTreeMap<String, String> {
        let all = document.pointer("/info").and_then(|info| info.get(CORRECTED)?.as_array());
        let text = |entry: &Value, key: &str| entry[key].as_str().map(str::to_owned);
        all.into_iter()
            .flatten()
            .filter_map(|entry| Some((text(entry, "pointer")?, text(entry, "problem")?)))
            .collect()
    };
    let before = problems(old);
    for (pointer, problem) in problems(new) {
        if before.get(&pointer) != Some(&problem) {
            changes.add(Effect::Note, Kind::Correction, Action::Changed, pointer, problem);
        }
    }
}

fn skipped(old: &Value, new: &Value, changes: &mut Changes) {
    let all = |document: &Value| document.get(SKIPPED).and_then(Value::as_array).cloned().unwrap_or_default();
    let before = all(old);
    for entry in all(new).iter().filter(|entry| !before.contains(entry)) {
        let text = |key: &str| entry[key].as_str().unwrap_or_default();
        changes.add(Effect::Note, Kind::Skipped, Action::Added, text("place"), text("problem"));
    }
}
