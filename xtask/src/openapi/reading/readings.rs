//! Names where a component that is sent reads otherwise than one that is received.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::openapi::{
    flatten::lone_target,
    memory::{Memory, plain},
    pointer::step,
    refusal::{Carried, Refusal},
    schema::Node,
};

/// Suffixes of the sent reading's name, after the component.
const SENT: [&str; 3] = ["Request", "Input", "Body"];

/// Suffixes of the received reading's name, where the sent one has the name already.
const RECEIVED: [&str; 3] = ["Response", "Answer", "Output"];

/// New names by component: of the sent readings, and of the received ones.
pub(super) fn named(
    requests: &Node,
    answers: &Node,
    memory: &Memory,
) -> Carried<[BTreeMap<String, String>; 2]> {
    let was_sent = memory.reached(&["requestBody", "parameters", "x-options"]);
    let was_received = memory.reached(&["responses"]);
    let mut differing = differing(requests, answers);
    // A reading that has had a name of its own keeps it, even where both are alike by now.
    let apart = |name: &&String| {
        memory.other_reading(name).is_some_and(|other| {
            was_sent.contains(other) && !was_sent.contains(name.as_str())
                || was_received.contains(other) && !was_received.contains(name.as_str())
        })
    };
    differing.extend(requests.keys().chain(answers.keys()).filter(apart));
    let (mut sent, mut received) = (BTreeMap::new(), BTreeMap::new());
    let mut given = BTreeSet::new();
    for name in differing {
        let keeps_sent = was_sent.contains(name) && !was_received.contains(name);
        let (suffixes, names) = if keeps_sent { (RECEIVED, &mut received) } else { (SENT, &mut sent) };
        let known = memory.other_reading(name).map(str::to_owned);
        let free = |candidate: &String| {
            let is_there = |key: &String| plain(key) == plain(candidate);
            !requests.keys().chain(answers.keys()).chain(&given).any(is_there) && !memory.has(candidate)
        };
        let made = suffixes.iter().map(|suffix| format!("{name}{suffix}"));
        let numbered = (2..100).map(|number| format!("{name}{}{number}", suffixes[0]));
        let Some(own) = known.or_else(|| made.chain(numbered).find(free)) else {
            let at = step("/components/schemas", name);
            return Err(Refusal::new(&at, "no free name for its other reading", "rename a component"));
        };
        given.insert(own.clone());
        names.insert(name.clone(), own);
    }
    Ok([sent, received])
}

/// The components whose request readings differ from their response readings.
fn differing<'a>(requests: &'a Node, answers: &Node) -> BTreeSet<&'a String> {
    let mut differing: BTreeSet<&String> = requests
        .iter()
        .filter(|(name, schema)| answers.get(*name).is_some_and(|other| other != *schema))
        .map(|(name, _)| name)
        .collect();
    loop {
        let before = differing.len();
        for (name, schema) in requests {
            if answers.contains_key(name) && mentions(schema, &differing) {
                differing.insert(name);
            }
        }
        if differing.len() == before {
            return differing;
        }
    }
}

fn mentions(value: &Value, names: &BTreeSet<&String>) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| mentions(item, names)),
        Value::Object(node) => {
            node.get("$ref").is_some_and(|_| lone_target(node).is_some_and(|name| names.contains(&name)))
                || node.values().any(|value| mentions(value, names))
        }
        _ => false,
    }
}
