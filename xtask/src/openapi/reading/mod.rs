//! The two readings of a schema: strict where it is sent, lenient where it is received.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    flatten::lone_target,
    memory::{self, Memory},
    operations::capitalised,
    pointer::step,
    refusal::{Carried, Refusal},
    responses,
    schema::Node,
};

mod cycle;
mod hoist;
mod names;
mod readings;
mod request;
mod response;
mod rust_type;

pub(crate) use names::upstream_name;
pub(crate) use response::is_text_enum;
pub(crate) use rust_type::KEY;

/// Reads every schema that an operation reaches, in the direction it is used, and gives the components.
pub(crate) fn split(schemas: &Node, paths: &mut Node, memory: &Memory) -> Carried<Node> {
    let names = memory.names(schemas, paths);
    let schemas = &renamed_all(schemas, paths, &names);
    let hoisted = hoist::named(schemas, paths, memory)?;
    let mut answers = response::Reader::new(&hoisted.schemas, paths, memory);
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
        request::left_out(operation);
        let id = operation["operationId"].as_str().map(capitalised).unwrap_or_default();
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        parameters.into_iter().flatten().try_for_each(|parameter| requests.parameter(&id, parameter, at))
    })?;
    let mut answers = answers.finish();
    hoisted.undo_clashes(&mut answers, paths);
    let requests = requests.finish();
    let [sent, received] = readings::named(&requests, &answers, memory)?;
    each_operation(paths, |operation, _| {
        for (key, names) in [("requestBody", &sent), ("parameters", &sent), ("responses", &received)] {
            if let Some(part) = operation.get_mut(key) {
                rename(part, names);
            }
        }
        Ok(())
    })?;
    let mut all = Node::new();
    for (reading, other, is_sent) in [(answers, &received, false), (requests, &sent, true)] {
        for (name, mut schema) in reading {
            rename(&mut schema, other);
            let own = other.get(&name).cloned();
            if let Some(node) = schema.as_object_mut() {
                if is_sent && node.contains_key("properties") {
                    node.insert("x-sent".to_owned(), json!(true));
                }
                if own.is_some() {
                    node.insert(memory::OF.to_owned(), json!(name));
                }
                if let Some((upstream, _)) =
                    names.iter().find(|(upstream, own)| **own == name && *upstream != *own)
                {
                    node.insert(memory::NAME.to_owned(), json!(upstream));
                }
                if hoisted.inline.contains(&name) {
                    node.insert(memory::INLINE.to_owned(), json!(true));
                }
            }
            all.insert(own.unwrap_or(name), schema);
        }
    }
    same_in_rust(&all)?;
    cycle::boxed(&mut all);
    Ok(all)
}

/// Upstream's components under their names here, in all that refers to them.
fn renamed_all(schemas: &Node, paths: &mut Node, names: &BTreeMap<String, String>) -> Node {
    let changed: BTreeMap<String, String> = names
        .iter()
        .filter(|(name, own)| name != own)
        .map(|(name, own)| (name.clone(), own.clone()))
        .collect();
    paths.values_mut().for_each(|item| rename(item, &changed));
    let renamed = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        rename(&mut schema, &changed);
        (names.get(name).unwrap_or(name).clone(), schema)
    };
    schemas.iter().map(renamed).collect()
}

fn each_operation(paths: &mut Node, mut act: impl FnMut(&mut Value, &str) -> Carried<()>) -> Carried<()> {
    for (path, item) in paths.iter_mut() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            act(operation, &step(&step("/paths", path), method))?;
        }
    }
    Ok(())
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
