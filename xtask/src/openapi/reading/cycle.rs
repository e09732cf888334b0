//! Types that contain themselves. The generator boxes plain references; inside our types it sees nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::rust_type;
use crate::openapi::{flatten::lone_target, schema::Node};

/// Boxes what a `Nullable` holds wherever its component would otherwise contain itself.
pub(super) fn boxed(schemas: &mut Node) {
    let mentioned: BTreeMap<String, BTreeSet<String>> =
        schemas.iter().map(|(name, schema)| (name.clone(), targets(schema))).collect();
    for (name, schema) in schemas.iter_mut() {
        within(schema, &|target| reaches(target, name, &mentioned));
    }
}

fn targets(schema: &Value) -> BTreeSet<String> {
    match schema {
        Value::Array(items) => items.iter().flat_map(targets).collect(),
        Value::Object(node) => {
            node.values().flat_map(targets).chain(node.get("$ref").and_then(|_| lone_target(node))).collect()
        }
        _ => BTreeSet::new(),
    }
}

fn reaches(from: &str, to: &str, mentioned: &BTreeMap<String, BTreeSet<String>>) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(name) = open.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            open.extend(mentioned.get(name).into_iter().flatten().map(String::as_str));
        }
    }
    false
}

fn within(schema: &mut Value, is_endless: &dyn Fn(&str) -> bool) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| within(item, is_endless)),
        Value::Object(node) => {
            node.values_mut().for_each(|value| within(value, is_endless));
            let nullable = node.get("path").is_some_and(|path| path == "runpod_api::Nullable");
            let Some(held) = node.get_mut("parameters").and_then(|list| list.get_mut(0)) else { return };
            let target = held.as_object().and_then(lone_target);
            if nullable && target.is_some_and(|name| is_endless(&name)) {
                let mut alone = Node::new();
                rust_type::standard(&mut alone, "boxed::Box", std::slice::from_ref(held));
                *held = json!(alone);
            }
        }
        _ => {}
    }
}
