//! Changes of schemas: types of the bindings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    change::{Action, Changes, Effect, Kind},
    rust::type_of,
};
use crate::openapi::{aliases::NAMES, flatten::lone_target, schema::Node};

/// Direction of a schema's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Use {
    sent: bool,
    received: bool,
}

impl Use {
    pub(super) const SENT: Self = Self { sent: true, received: false };
    pub(super) const RECEIVED: Self = Self { sent: false, received: true };
}

/// Compares the components of two documents.
pub(super) fn compare(old: &Value, new: &Value, changes: &mut Changes) {
    let empty = Node::new();
    let schemas = |document: &'_ Value| -> Node {
        document.pointer("/components/schemas").and_then(Value::as_object).unwrap_or(&empty).clone()
    };
    let (before, after) = (schemas(old), schemas(new));
    let uses = [uses(old, &before), uses(new, &after)];
    for (name, schema) in &before {
        let Some(other) = after.get(name) else {
            removed(name, schema, &before, &after, changes);
            continue;
        };
        let both = uses.iter().filter_map(|uses| uses.get(name)).fold(Use::default(), |all, one| Use {
            sent: all.sent || one.sent,
            received: all.received || one.received,
        });
        one(name, schema, other, both, changes);
    }
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        changes.add(Effect::Additive, Kind::Schema, Action::Added, name, "");
    }
}

fn removed(name: &str, schema: &Value, before: &Node, after: &Node, changes: &mut Changes) {
    let bare = facts(schema);
    let renamed =
        after.iter().find(|(other, schema)| !before.contains_key(other.as_str()) && facts(schema) == bare);
    let detail = renamed.map_or_else(String::new, |(other, _)| format!("it is called {other} now"));
    changes.add(Effect::Breaking, Kind::Schema, Action::Removed, name, detail);
}

/// The schema without our descriptions.
fn facts(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(facts).collect(),
        Value::Object(node) => node
            .iter()
            .filter(|(key, value)| *key != "description" || !value.is_string())
            .map(|(key, value)| (key.clone(), facts(value)))
            .collect::<Node>()
            .into(),
        other => other.clone(),
    }
}

/// Direction of each component, directly or inside another.
fn uses(document: &Value, schemas: &Node) -> BTreeMap<String, Use> {
    let mut sent = BTreeSet::new();
    let mut received = BTreeSet::new();
    let items = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    for (_, operation) in items.flat_map(|(_, item)| item.as_object().into_iter().flatten()) {
        ["requestBody", "parameters", "x-options"]
            .iter()
            .for_each(|key| reach(&operation[*key], schemas, &mut sent));
        reach(&operation["responses"], schemas, &mut received);
    }
    let way = |name: &String| Use { sent: sent.contains(name), received: received.contains(name) };
    schemas.keys().map(|name| (name.clone(), way(name))).collect()
}

fn reach(value: &Value, schemas: &Node, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| reach(item, schemas, found)),
        Value::Object(node) => {
            if let Some(name) = lone_target(node)
                && let Some(schema) = schemas.get(&name)
                && found.insert(name)
            {
                reach(schema, schemas, found);
            }
            node.values().for_each(|value| reach(value, schemas, found));
        }
        _ => {}
    }
}

/// Compares two readings of one component.
fn one(name: &str, old: &Value, new: &Value, way: Use, changes: &mut Changes) {
    let properties =
        |schema: &Value| schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let (before, after) = (properties(old), properties(new));
    let is_object = |schema: &Value| schema.get("properties").is_some();
    if is_object(old) != is_object(new) {
        let detail = format!("{} is {} now", type_of(old), type_of(new));
        changes.add(Effect::Breaking, Kind::Type, Action::Changed, name, detail);
        return;
    }
    if old.get("oneOf").is_some() && new.get("oneOf").is_some() {
        return variants(name, old, new, changes);
    }
    value(name, old, new, way, changes);
    rust_names(name, old, new, changes);
    for (property, schema) in &before {
        let subject = format!("{name}.{property}");
        match after.get(property) {
            None => changes.add(Effect::Breaking, Kind::Property, Action::Removed, subject, ""),
            Some(other) => value(&subject, schema, other, way, changes),
        }
    }
    let needed = names(new, "required");
    for property in after.keys().filter(|property| !before.contains_key(*property)) {
        let must = way.sent && needed.contains(property.as_str());
        let (effect, detail) = match must {
            true => (Effect::Breaking, "required, so every request without it is refused".to_owned()),
            false => (Effect::Additive, type_of(&after[property])),
        };
        changes.add(effect, Kind::Property, Action::Added, format!("{name}.{property}"), detail);
    }
    required(name, old, new, way, changes);
    closed(name, old, new, way, changes);
}

/// Variants of a choice, whatever their order.
fn variants(name: &str, old: &Value, new: &Value, changes: &mut Changes) {
    let all = |schema: &Value| -> BTreeSet<String> {
        schema["oneOf"].as_array().into_iter().flatten().map(type_of).collect()
    };
    let (before, after) = (all(old), all(new));
    for variant in after.difference(&before) {
        changes.add(Effect::Additive, Kind::Enum, Action::Added, format!("{name}.{variant}"), "");
    }
    for variant in before.difference(&after) {
        changes.add(Effect::Breaking, Kind::Enum, Action::Removed, format!("{name}.{variant}"), "");
    }
}

/// Fields and variants whose names in Rust are others.
fn rust_names(name: &str, old: &Value, new: &Value, changes: &mut Changes) {
    let alias = |schema: &Value, wire: &str| schema[NAMES].get(wire).cloned();
    let wires = ["properties", "enum"].iter().filter_map(|key| old.get(*key)).flat_map(|all| match all {
        Value::Object(properties) => properties.keys().cloned().collect::<Vec<_>>(),
        all => all.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
    });
    for wire in wires {
        let there = new["properties"].get(&wire).is_some() || names(new, "enum").contains(&wire);
        if there && alias(old, &wire) != alias(new, &wire) {
            let detail = "its name in Rust is another";
            changes.add(Effect::Breaking, Kind::Property, Action::Changed, format!("{name}.{wire}"), detail);
        }
    }
}

fn names(schema: &Value, key: &str) -> BTreeSet<String> {
    let names = schema.get(key).and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Changes of what is required among the properties that both have.
fn required(name: &str, old: &Value, new: &Value, way: Use, changes: &mut Changes) {
    let both = |property: &&String| {
        [old, new].iter().all(|schema| schema["properties"].get(property.as_str()).is_some())
    };
    for key in ["required", "x-required"] {
        let (before, after) = (names(old, key), names(new, key));
        for property in before.symmetric_difference(&after).filter(both) {
            let now = if after.contains(property) { "required" } else { "optional" };
            let (effect, detail) = match (key, way) {
                ("required", _) => (Effect::Breaking, format!("{now} now, so its type is another")),
                _ => (Effect::Additive, format!("promised as {now} now; its type stays optional")),
            };
            changes.add(effect, Kind::Required, Action::Changed, format!("{name}.{property}"), detail);
        }
    }
}

/// Compares conditions across fields, the refusal of unknown keys among them.
fn closed(name: &str, old: &Value, new: &Value, way: Use, changes: &mut Changes) {
    for key in ["additionalProperties", "x-additionalProperties", "x-conditions"] {
        let (before, after) = (old.get(key), new.get(key));
        if before == after || old.get("properties").is_none() && !key.starts_with("x-c") {
            continue;
        }
        let typed = key == "additionalProperties" && before.or(after).is_some_and(Value::is_object);
        let effect = match way.sent
            && (key == "x-conditions" && after.is_some() || typed || after == Some(&json!(false)))
        {
            true => Effect::Breaking,
            false => Effect::Additive,
        };
        let detail = format!("{}: {} is {} now", key.trim_start_matches("x-"), told(before), told(after));
        changes.add(effect, Kind::Constraint, Action::Changed, name, detail);
    }
}

fn told(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

/// Compares what may stand in one place.
pub(super) fn value(subject: &str, old: &Value, new: &Value, way: Use, changes: &mut Changes) {
    let (was, is) = (type_of(old), type_of(new));
    if was != is {
        let detail = format!("{was} is {is} now");
        changes.add(Effect::Breaking, Kind::Type, Action::Changed, subject, detail);
        return;
    }
    enums(subject, old, new, changes);
    if way.sent {
        constraints(subject, old, new, changes);
    }
    for key in ["items", "additionalProperties"] {
        if let (Some(old), Some(new)) = (old.get(key), new.get(key))
            && old.is_object()
            && new.is_object()
        {
            value(&format!("{subject}[]"), old, new, way, changes);
        }
    }
}

/// Values of enums: closed ones are `#[non_exhaustive]`, `x-enum` are only what is known today.
fn enums(subject: &str, old: &Value, new: &Value, changes: &mut Changes) {
    // In place of an open enum its values belong to the component that lists them.
    if old.get(crate::openapi::reading::KEY).is_some() && old.get("enum").is_some() {
        return;
    }
    for (key, removal) in [("enum", Effect::Breaking), ("x-enum", Effect::Additive)] {
        let (before, after) = (names(old, key), names(new, key));
        for value in after.difference(&before) {
            let subject = format!("{subject}.{value}");
            changes.add(Effect::Additive, Kind::Enum, Action::Added, subject, "");
        }
        for value in before.difference(&after) {
            changes.add(removal, Kind::Enum, Action::Removed, format!("{subject}.{value}"), "");
        }
    }
}

/// Constraints of what is sent: a tighter one refuses what was accepted.
fn constraints(subject: &str, old: &Value, new: &Value, changes: &mut Changes) {
    const BOUNDS: [(&str, bool); 8] = [
        ("minimum", true),
        ("minLength", true),
        ("minItems", true),
        ("minProperties", true),
        ("maximum", false),
        ("maxLength", false),
        ("maxItems", false),
        ("maxProperties", false),
    ];
    for (key, is_least) in BOUNDS {
        let (before, after) = (old.get(key).and_then(Value::as_f64), new.get(key).and_then(Value::as_f64));
        if before == after {
            continue;
        }
        let tighter = match (before, after) {
            (Some(before), Some(after)) => (after > before) == is_least,
            (before, _) => before.is_none(),
        };
        let effect = if tighter { Effect::Breaking } else { Effect::Additive };
        let detail = format!("{key}: {} is {} now", told(old.get(key)), told(new.get(key)));
        changes.add(effect, Kind::Constraint, Action::Changed, subject, detail);
    }
    for key in ["pattern", "format", "x-format", "x-pattern", "uniqueItems"] {
        if old.get(key) == new.get(key) {
            continue;
        }
        let enforced = !key.starts_with("x-") && new.get(key).is_some();
        let effect = if enforced { Effect::Breaking } else { Effect::Additive };
        let detail =
            format!("{}: {} is {} now", key.trim_start_matches("x-"), told(old.get(key)), told(new.get(key)));
        changes.add(effect, Kind::Constraint, Action::Changed, subject, detail);
    }
}

/// The changes of one schema that goes one way.
#[cfg(test)]
pub(super) fn of_one(old: &Value, new: &Value, sent: bool) -> Vec<super::Change> {
    let mut changes = Changes::default();
    one("Thing", old, new, if sent { Use::SENT } else { Use::RECEIVED }, &mut changes);
    changes.0
}
