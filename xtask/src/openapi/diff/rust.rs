//! The Rust type that the bindings have for a schema, in short.

use serde_json::Value;

use crate::openapi::{
    flatten::lone_target,
    reading::{KEY, is_text_enum},
    schema::Node,
};

/// The type, as a reader of the diff would name it.
pub(super) fn type_of(schema: &Value) -> String {
    let Some(node) = schema.as_object() else { return "any JSON".to_owned() };
    if let Some(extension) = node.get(KEY) {
        return ours(extension);
    }
    if let Some(name) = lone_target(node) {
        return name;
    }
    match node.get("type").and_then(Value::as_str) {
        Some("string") if is_text_enum(node) => "enum".to_owned(),
        Some("string") if node.get("format").is_some_and(|format| format == "binary") => {
            "byte stream".to_owned()
        }
        Some("string") if ["minLength", "maxLength", "pattern"].iter().any(|key| node.contains_key(*key)) => {
            "checked string".to_owned()
        }
        Some("array") => format!("[{}]", node.get("items").map_or_else(|| "any JSON".to_owned(), type_of)),
        Some(name) => name.to_owned(),
        None => alternatives(node).unwrap_or_else(|| "any JSON".to_owned()),
    }
}

fn ours(extension: &Value) -> String {
    let path = extension.get("path").and_then(Value::as_str).unwrap_or_default();
    let path = path.split_once('<').map_or(path, |(path, _)| path);
    let name = path.rsplit_once("::").map_or(path, |(_, name)| name);
    let name = if name == "Unless" { "Option" } else { name };
    // How many items there may be is a bound, as for numbers.
    let is_limit = |parameter: &&Value| {
        parameter
            .pointer("/x-rust-type/path")
            .and_then(Value::as_str)
            .is_some_and(|path| path.contains("::Len<"))
    };
    let parameters: Vec<String> = extension
        .get("parameters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|parameter| !is_limit(parameter))
        .map(type_of)
        .collect();
    if parameters.is_empty() { name.to_owned() } else { format!("{name}<{}>", parameters.join(", ")) }
}

fn alternatives(node: &Node) -> Option<String> {
    let mut members: Vec<String> = node.get("oneOf")?.as_array()?.iter().map(type_of).collect();
    members.sort();
    members.dedup();
    Some(members.join(" | "))
}
