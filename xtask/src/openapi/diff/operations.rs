//! Changes of operations: methods of the client.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    change::{Action, Changes, Effect, Kind},
    rust::type_of,
    schemas,
};

/// One operation, and where it is.
struct Operation<'a> {
    place: String,
    path: &'a str,
    node: &'a Value,
}

/// Compares the operations of two documents.
pub(super) fn compare(old: &Value, new: &Value, changes: &mut Changes) {
    let (old, new) = (by_id(old), by_id(new));
    for (id, operation) in &old {
        match new.get(id) {
            Some(other) => changed(id, operation, other, changes),
            None => {
                let renamed = new
                    .iter()
                    .find(|(id, other)| other.place == operation.place && !old.contains_key(id.as_str()));
                let detail = renamed.map_or_else(
                    || operation.place.clone(),
                    |(id, _)| format!("{} is called {id} now", operation.place),
                );
                changes.add(Effect::Breaking, Kind::Operation, Action::Removed, id, detail);
            }
        }
    }
    for (id, operation) in new.iter().filter(|(id, _)| !old.contains_key(*id)) {
        changes.add(Effect::Additive, Kind::Operation, Action::Added, id, &operation.place);
    }
}

fn by_id(document: &Value) -> BTreeMap<String, Operation<'_>> {
    let mut found = BTreeMap::new();
    for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        for (method, node) in item.as_object().into_iter().flatten() {
            let id = node.get("operationId").and_then(Value::as_str).unwrap_or_default();
            let place = format!("{} {path}", method.to_uppercase());
            found.insert(id.to_owned(), Operation { place, path, node });
        }
    }
    found
}

fn changed(id: &str, old: &Operation<'_>, new: &Operation<'_>, changes: &mut Changes) {
    if old.place != new.place {
        let detail = format!("{} is {} now", old.place, new.place);
        changes.add(Effect::Additive, Kind::Operation, Action::Changed, id, detail);
    }
    parameters(id, old, new, changes);
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

fn by_name(operation: &Value) -> BTreeMap<&str, &Value> {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    parameters.filter_map(|parameter| Some((parameter["name"].as_str()?, parameter))).collect()
}

fn parameters(id: &str, old: &Operation<'_>, new: &Operation<'_>, changes: &mut Changes) {
    const POSITIONAL: &str = "arguments are positional, so every call has to change";
    let (before, after) = (by_name(old.node), by_name(new.node));
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        let subject = format!("{id}.{name}");
        changes.add(Effect::Breaking, Kind::Parameter, Action::Removed, subject, POSITIONAL);
    }
    for (name, parameter) in &after {
        let subject = format!("{id}.{name}");
        match before.get(name) {
            None => {
                let detail = format!("{}; {POSITIONAL}", type_of(&parameter["schema"]));
                changes.add(Effect::Breaking, Kind::Parameter, Action::Added, subject, detail);
            }
            Some(other) => one_parameter(&subject, other, parameter, changes),
        }
    }
    let order = |path: &str| -> Vec<String> {
        path.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect()
    };
    let (mut was, mut is) = (order(old.path), order(new.path));
    let moved = was != is;
    was.sort();
    is.sort();
    if moved && was == is {
        let detail = "its path arguments come in another order";
        changes.add(Effect::Breaking, Kind::Parameter, Action::Changed, id, detail);
    }
}

fn one_parameter(subject: &str, old: &Value, new: &Value, changes: &mut Changes) {
    if old["in"] != new["in"] {
        let detail = format!("in the {} now, was in the {}", text(&new["in"]), text(&old["in"]));
        changes.add(Effect::Breaking, Kind::Parameter, Action::Changed, subject, detail);
    }
    if old["required"] != new["required"] {
        let now = if new["required"] == true { "required" } else { "optional" };
        let detail = format!("{now} now, so its type is another");
        changes.add(Effect::Breaking, Kind::Required, Action::Changed, subject, detail);
    }
    schemas::value(subject, &old["schema"], &new["schema"], schemas::Use::SENT, changes);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn body(id: &str, old: &Value, new: &Value, changes: &mut Changes) {
    const BODY: &str = "/requestBody/content/application~1json/schema";
    let subject = format!("{id}.body");
    match (old.pointer(BODY), new.pointer(BODY)) {
        (None, None) => {}
        (Some(old), Some(new)) => schemas::value(&subject, old, new, schemas::Use::SENT, changes),
        (None, Some(new)) => {
            let detail = format!("{}, one argument more", type_of(new));
            changes.add(Effect::Breaking, Kind::Parameter, Action::Added, subject, detail);
        }
        (Some(_), None) => {
            changes.add(Effect::Breaking, Kind::Parameter, Action::Removed, subject, "one argument less");
        }
    }
    let required = |node: &Value| node.pointer("/requestBody/required").cloned();
    if let (Some(was), Some(is)) = (required(old), required(new))
        && was != is
    {
        let now = if is == true { "required" } else { "optional" };
        changes.add(Effect::Breaking, Kind::Required, Action::Changed, format!("{id}.body"), now);
    }
}

fn answer(id: &str, old: &Value, new: &Value, changes: &mut Changes) {
    let (old, new) = (success(old), success(new));
    if old != new {
        let detail = format!("answers {new}, was {old}");
        changes.add(Effect::Breaking, Kind::Type, Action::Changed, id, detail);
    }
}

/// What a call gives on success.
fn success(operation: &Value) -> String {
    let content = operation.pointer("/responses/2XX/content").and_then(Value::as_object);
    let media = content.and_then(|content| content.values().next());
    media.map_or_else(|| "nothing".to_owned(), |media| type_of(&media["schema"]))
}
