//! The `x-rust-type` extension: which of our types stands for a schema.

use serde_json::{Value, json};

use crate::openapi::schema::Node;

/// The generator's extension.
pub(crate) const KEY: &str = "x-rust-type";

/// Has `node` read as the type of ours.
pub(crate) fn ours(node: &mut Node, name: &str, parameters: &[Value]) {
    put(node, "runpod-api", &format!("runpod_api::{name}"), parameters);
}

/// Has `node` read as a standard library type.
pub(crate) fn standard(node: &mut Node, name: &str, parameters: &[Value]) {
    put(node, "std", &format!("std::{name}"), parameters);
}

/// A schema that is nothing but a type of ours, for parameters of other types.
pub(crate) fn alone(name: &str) -> Value {
    let mut node = Node::new();
    ours(&mut node, name, &[]);
    Value::Object(node)
}

fn put(node: &mut Node, package: &str, path: &str, parameters: &[Value]) {
    let mut extension = json!({ "crate": package, "version": "*", "path": path });
    if !parameters.is_empty() {
        extension["parameters"] = json!(parameters);
    }
    node.insert(KEY.to_owned(), extension);
}
