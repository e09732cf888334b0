//! Changes of operations: methods of the client.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    change::{Action, Changes, Effect, Kind},
    rust::type_of,
    schemas,
};
use crate::openapi::{
    aliases::{NAMES, field},
    parameters::placeholders,
};

/// One operation, and where it is.
struct Operation<'a> {
    id: &'a str,
    method: &'a str,
    path: &'a str,
    node: &'a Value,
}

impl Operation<'_> {
    fn place(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }
}

/// Compares the operations of two documents.
pub(super) fn compare(old: &Value, new: &Value, changes: &mut Changes) {
    let (old, new) = (by_name(old), by_name(new));
    for (name, operation) in &old {
        match new.get(name) {
            Some(other) => changed(operation, other, changes),
            None => {
                let same = |(known, other): &(&String, &Operation<'_>)| {
                    other.place() == operation.place() && !old.contains_key(known.as_str())
                };
                let detail = new.iter().find(same).map_or_else(
                    || operation.place(),
                    |(_, other)| format!("{} is called {} now", operation.place(), other.id),
                );
                changes.add(Effect::Breaking, Kind::Operation, Action::Removed, operation.id, detail);
            }
        }
    }
    for (_, operation) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        changes.add(Effect::Additive, Kind::Operation, Action::Added, operation.id, operation.place());
    }
}

/// Operations by the names of their methods.
fn by_name(document: &Value) -> BTreeMap<String, Operation<'_>> {
    let mut found = BTreeMap::new();
    for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        for (method, node) in item.as_object().into_iter().flatten() {
            let id = node.get("operationId").and_then(Value::as_str).unwrap_or_default();
            found.insert(field(id), Operation { id, method, path, node });
        }
    }
    found
}

fn changed(old: &Operation<'_>, new: &Operation<'_>, changes: &mut Changes) {
    let id = old.id;
    if old.method != new.method {
        let detail = format!("{} is {} now: it does something else", old.place(), new.place());
        changes.add(Effect::Breaking, Kind::Operation, Action::Changed, id, detail);
    } else if literal(old.path) != literal(new.path) {
        let detail = format!("{} is {} now", old.place(), new.place());
        changes.add(Effect::Additive, Kind::Operation, Action::Changed, id, detail);
    }
    path_arguments(old, new, changes);
    arguments(old, new, changes);
    if old.node.get("x-options").is_some() && new.node.get("x-options").is_none() {
        let detail = "nothing may be left out of it any more, so there is no call with options";
        changes.add(Effect::Breaking, Kind::Operation, Action::Changed, id, detail);
    }
    body(id, old.node, new.node, changes);
    answer(id, old.node, new.node, changes);
    for key in ["deprecated", "x-statuses"] {
        let (old, new) = (&old.node[key], &new.node[key]);
        if old != new {
            let name = key.trim_start_matches("x-");
            let detail = format!("{name}: {old} is {new} now");
            changes.add(Effect::Additive, Kind::Operation, Action::Changed, id, detail);
        }
    }
}

/// The path without the names in it.
fn literal(path: &str) -> String {
    crate::openapi::memory::place(path)
}

/// Arguments in the path are positional texts; only how many there are counts, and that those whose names stay do
/// not change places.
fn path_arguments(old: &Operation<'_>, new: &Operation<'_>, changes: &mut Changes) {
    let names =
        |operation: &Operation<'_>| -> Vec<String> { placeholders(operation.path).map(field).collect() };
    let (before, after) = (names(old), names(new));
    let (mut was, mut is) = (before.clone(), after.clone());
    was.sort();
    is.sort();
    let detail = if before.len() != after.len() {
        format!("{} arguments in the path are {} now", before.len(), after.len())
    } else if was == is && before != after {
        "its path arguments come in another order".to_owned()
    } else {
        return;
    };
    changes.add(Effect::Breaking, Kind::Parameter, Action::Changed, old.id, detail);
}

/// The arguments that must be given, besides those of the path and the body, by their names in Rust and in order.
fn required(operation: &Value) -> Vec<(String, &Value)> {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let must = parameters.filter(|parameter| parameter["required"] == true && parameter["in"] != "path");
    let mut named: Vec<(bool, String, &Value)> = must
        .map(|parameter| {
            let wire = parameter["name"].as_str().unwrap_or_default();
            let alias = parameter[NAMES].get(wire).and_then(Value::as_str);
            (parameter["in"] == "header", field(alias.unwrap_or(wire)), parameter)
        })
        .collect();
    named.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    named.into_iter().map(|(_, name, parameter)| (name, parameter)).collect()
}

fn arguments(old: &Operation<'_>, new: &Operation<'_>, changes: &mut Changes) {
    let (before, after) = (required(old.node), required(new.node));
    let of = |list: &[(String, &Value)], name: &str| list.iter().any(|(known, _)| known == name);
    for (name, _) in before.iter().filter(|(name, _)| !of(&after, name)) {
        let subject = format!("{}.{name}", old.id);
        let detail = "it is no argument of its own any more, so every call has to change";
        changes.add(Effect::Breaking, Kind::Parameter, Action::Removed, subject, detail);
    }
    for (name, parameter) in &after {
        let subject = format!("{}.{name}", old.id);
        let Some((_, other)) = before.iter().find(|(known, _)| known == name) else {
            let detail = format!("{}, required; every call has to change", type_of(&parameter["schema"]));
            changes.add(Effect::Breaking, Kind::Parameter, Action::Added, subject, detail);
            continue;
        };
        if other["in"] != parameter["in"] {
            let detail = format!("in the {} now, was in the {}", text(&parameter["in"]), text(&other["in"]));
            changes.add(Effect::Additive, Kind::Parameter, Action::Changed, &subject, detail);
        }
        schemas::value(&subject, &other["schema"], &parameter["schema"], schemas::Use::SENT, changes);
    }
    let order = |list: &[(String, &Value)], other: &[(String, &Value)]| -> Vec<String> {
        list.iter().filter(|(name, _)| of(other, name)).map(|(name, _)| name.clone()).collect()
    };
    if order(&before, &after) != order(&after, &before) {
        let detail = "its arguments come in another order";
        changes.add(Effect::Breaking, Kind::Parameter, Action::Changed, old.id, detail);
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn body(id: &str, old: &Value, new: &Value, changes: &mut Changes) {
    let schema = |node: &'_ Value| -> Option<Value> {
        let content = node.pointer("/requestBody/content")?.as_object()?;
        content.values().next()?.get("schema").cloned()
    };
    let subject = format!("{id}.body");
    match (schema(old).as_ref(), schema(new).as_ref()) {
        (None, None) => {}
        (Some(old), Some(new)) if optional(old) == optional(new) => {
            schemas::value(&subject, old, new, schemas::Use::SENT, changes);
        }
        (Some(_), Some(new)) => {
            let detail = if optional(new) { "optional now, so its type is another" } else { "required now" };
            changes.add(Effect::Breaking, Kind::Required, Action::Changed, subject, detail);
        }
        (None, Some(new)) => {
            let detail = format!("{}, one argument more", type_of(new));
            changes.add(Effect::Breaking, Kind::Parameter, Action::Added, subject, detail);
        }
        (Some(_), None) => {
            changes.add(Effect::Breaking, Kind::Parameter, Action::Removed, subject, "one argument less");
        }
    }
}

/// Returns true if a body may be left out.
fn optional(schema: &Value) -> bool {
    schema.pointer("/x-rust-type/path").is_some_and(|path| path == "runpod_api::Unless")
}

fn answer(id: &str, old: &Value, new: &Value, changes: &mut Changes) {
    const ANSWER: &str = "/responses/2XX/content/application~1json/schema";
    let (was, is) = (success(old), success(new));
    if was != is {
        let detail = format!("answers {is}, was {was}");
        changes.add(Effect::Breaking, Kind::Type, Action::Changed, id, detail);
    } else if let (Some(old), Some(new)) = (old.pointer(ANSWER), new.pointer(ANSWER)) {
        schemas::value(&format!("{id}.answer"), old, new, schemas::Use::RECEIVED, changes);
    }
}

/// Result of a call on success.
fn success(operation: &Value) -> String {
    let content = operation.pointer("/responses/2XX/content").and_then(Value::as_object);
    let media = content.and_then(|content| content.values().next());
    media.map_or_else(|| "nothing".to_owned(), |media| type_of(&media["schema"]))
}
