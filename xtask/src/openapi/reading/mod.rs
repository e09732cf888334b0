//! The two readings of a schema: strict where it is sent, lenient where it is received.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    flatten::lone_target,
    pointer::step,
    refusal::{Carried, Refusal},
    responses,
    schema::Node,
};

mod hoist;
mod names;
mod request;
mod response;
mod rust_type;

pub(crate) use names::upstream_name;
pub(crate) use response::is_text_enum;
pub(crate) use rust_type::KEY;

/// Reads every schema that an operation reaches, in the direction it is used, and gives the components.
pub(crate) fn split(schemas: &Node, paths: &mut Node) -> Carried<Node> {
    let hoisted = hoist::named(schemas, paths)?;
    let mut answers = response::Reader::new(&hoisted.schemas, paths);
    let mut requests = request::Reader::new(&hoisted.schemas);
    answers.component(responses::ERROR)?;
    each_operation(paths, |operation, at| {
        if let Some(schema) = operation.pointer_mut("/responses/2XX/content/application~1json/schema") {
            *schema = answers.root(schema, &step(at, "responses"))?;
        }
        Ok(())
    })?;
    each_operation(paths, |operation, at| {
        if let Some(schema) = operation.pointer_mut("/requestBody/content/application~1json/schema") {
            *schema = requests.body(schema, &step(at, "requestBody"))?;
        }
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        parameters.into_iter().flatten().try_for_each(|parameter| requests.parameter(parameter, at))
    })?;
    let mut answers = answers.finish();
    hoisted.undo_clashes(&mut answers, paths);
    let requests = requests.finish();
    let renamed = differing(&requests, &answers)?;
    each_operation(paths, |operation, _| {
        for key in ["requestBody", "parameters"] {
            if let Some(part) = operation.get_mut(key) {
                rename(part, &renamed);
            }
        }
        Ok(())
    })?;
    let mut all = answers;
    for (name, mut schema) in requests {
        rename(&mut schema, &renamed);
        all.insert(renamed.get(&name).cloned().unwrap_or(name), schema);
    }
    same_in_rust(&all)?;
    Ok(all)
}

fn each_operation(paths: &mut Node, mut act: impl FnMut(&mut Value, &str) -> Carried<()>) -> Carried<()> {
    for (path, item) in paths.iter_mut() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            act(operation, &step(&step("/paths", path), method))?;
        }
    }
    Ok(())
}

/// Names for the request readings that differ from the response reading of the same component.
fn differing(requests: &Node, answers: &Node) -> Carried<BTreeMap<String, String>> {
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
            break;
        }
    }
    let mut renamed = BTreeMap::new();
    for name in differing {
        let free = |candidate: &String| !requests.contains_key(candidate) && !answers.contains_key(candidate);
        let candidates = ["Request", "Input", "Body"].map(|suffix| format!("{name}{suffix}"));
        let Some(own) = candidates.into_iter().find(free) else {
            let at = step("/components/schemas", name);
            return Err(Refusal::new(&at, "no free name for its request reading", "rename a component"));
        };
        renamed.insert(name.clone(), own);
    }
    Ok(renamed)
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

/// Points references at the new names.
fn rename(value: &mut Value, renamed: &BTreeMap<String, String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, renamed)),
        Value::Object(node) => {
            if node.contains_key("$ref")
                && let Some(own) = lone_target(node).and_then(|name| renamed.get(&name))
            {
                node.insert("$ref".to_owned(), json!(format!("#/components/schemas/{own}")));
            }
            node.values_mut().for_each(|value| rename(value, renamed));
        }
        _ => {}
    }
}

/// Two components must not become one Rust type.
fn same_in_rust(schemas: &Node) -> Carried<()> {
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    for name in schemas.keys() {
        let plain =
            name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        if let Some(other) = seen.insert(plain, name) {
            let problem = format!("it and {other} would be one Rust type");
            return Err(Refusal::new(&step("/components/schemas", name), problem, "rename one"));
        }
    }
    Ok(())
}
