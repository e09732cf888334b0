//! One schema of OpenAPI 3.0 or 3.1, brought to one form.
//!
//! What comes out has at most one `type`, no `const`, boolean exclusive bounds, `null` as
//! `nullable`, no prose, and everything that OpenAPI 3.0 has no keyword for as a JSON Schema
//! fragment in the list `x-conditions`. A `$ref` stands alone or is the first of an `allOf`.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{
    pointer::step,
    refusal::{Carried, Refusal},
};

/// An object of the document.
pub(crate) type Node = Map<String, Value>;

/// Prose and hints that never change what is valid.
const DROPPED: [&str; 12] = [
    "$comment",
    "$schema",
    "$id",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "description",
    "example",
    "examples",
    "externalDocs",
    "title",
    "xml",
];

/// Constraints carried word for word.
const KEPT: [&str; 17] = [
    "additionalProperties",
    "default",
    "deprecated",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "readOnly",
    "uniqueItems",
    "writeOnly",
];

/// Constraints that OpenAPI 3.0 cannot say: kept for validators.
const CONDITIONS: [&str; 12] = [
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "minContains",
    "not",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "then",
];

/// Keywords that say nothing about the value itself, so that a `$ref` keeps its name beside them.
pub(crate) const ANNOTATIONS: [&str; 5] = ["default", "deprecated", "nullable", "readOnly", "writeOnly"];

/// Key under which a schema lists the keywords that were not carried.
pub(crate) const IGNORED: &str = "x-ignored";

/// Keywords that hold lists of schemas.
pub(crate) const COMPOSITIONS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Brings the schema at `at` to the one form.
pub(crate) fn normalise(schema: &Value, at: &str) -> Carried<Value> {
    let node = match schema {
        Value::Object(node) => node,
        Value::Bool(_) => return Ok(json!({})),
        _ => return Err(Refusal::new(at, "not a schema", "correct it to a schema object")),
    };
    let mut out = Node::new();
    let mut conditions = Node::new();
    for (key, value) in node {
        let here = step(at, key);
        match key.as_str() {
            "$ref" => match value.as_str().and_then(target) {
                Some(_) => drop(out.insert(key.clone(), value.clone())),
                None => ignore(key, &mut out),
            },
            "type" => types(value, &mut out),
            "nullable" if value == &json!(true) => nullable(&mut out),
            "nullable" => {}
            "const" => add_enum(&json!([value]), &mut out),
            "enum" => add_enum(value, &mut out),
            "exclusiveMinimum" | "exclusiveMaximum" => {}
            "required" => required(value, &mut out),
            "properties" => properties(value, &here, &mut out)?,
            "additionalProperties" if value.is_object() => {
                out.insert(key.clone(), normalise(value, &here)?);
            }
            "items" => items(value, &here, &mut out, &mut conditions)?,
            "discriminator" => discriminator(value, &mut out),
            "unevaluatedProperties" if value == &json!(true) => {}
            "unevaluatedProperties" if value == &json!(false) => {
                out.insert(key.clone(), value.clone());
            }
            name if COMPOSITIONS.contains(&name) => composition(name, value, &here, &mut out)?,
            name if CONDITIONS.contains(&name) => {
                conditions.insert(key.clone(), neutral(value, name == "patternProperties"));
            }
            name if KEPT.contains(&name) => match kept(name, value, &here) {
                Ok(()) => drop(out.insert(key.clone(), value.clone())),
                Err(_) => ignore(key, &mut out),
            },
            name if DROPPED.contains(&name) || name.starts_with("x-") => {}
            _ => ignore(key, &mut out),
        }
    }
    exclusive_bound(node, "Minimum", &mut out);
    exclusive_bound(node, "Maximum", &mut out);
    if !conditions.is_empty() {
        out.insert("x-conditions".to_owned(), json!([conditions]));
    }
    infer_type(&mut out);
    settle_enum(&mut out);
    map_in_items(&mut out);
    whole_bounds(&mut out);
    Ok(Value::Object(null_member(lone_reference(several_types(out)))))
}

/// Lists a keyword that says nothing here, or nothing that could be followed.
fn ignore(key: &str, out: &mut Node) {
    let list = out.entry(IGNORED).or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut() {
        list.push(json!(key));
    }
}

/// Refuses the value of a keyword that OpenAPI gives another type.
fn kept(key: &str, value: &Value, at: &str) -> Carried<()> {
    match key {
        "default" => Ok(()),
        "format" | "pattern" => shaped::<String>(value, at, "a text"),
        "maximum" | "minimum" | "multipleOf" => shaped::<f64>(value, at, "a number"),
        "additionalProperties" | "deprecated" | "readOnly" | "uniqueItems" | "writeOnly" => {
            shaped::<bool>(value, at, "true or false")
        }
        _ => shaped::<u32>(value, at, "a count"),
    }
}

/// Refuses a value that is not what it should be.
pub(crate) fn shaped<T: DeserializeOwned>(value: &Value, at: &str, what: &str) -> Carried<()> {
    match T::deserialize(value) {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::new(at, format!("not {what}"), format!("correct it to {what}"))),
    }
}

/// The name a `$ref` leads to.
pub(crate) fn target(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/components/schemas/").filter(|name| !name.contains('/'))
}

fn nullable(out: &mut Node) {
    out.insert("nullable".to_owned(), Value::Bool(true));
}

fn types(value: &Value, out: &mut Node) {
    const KNOWN: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
    let names: Vec<&str> = match value {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => vec![""],
    };
    if names.iter().any(|name| !KNOWN.contains(name)) {
        return ignore("type", out);
    }
    if names.contains(&"null") {
        nullable(out);
    }
    let mut rest: Vec<&str> = names.into_iter().filter(|name| *name != "null").collect();
    if rest.contains(&"number") {
        rest.retain(|name| *name != "integer");
    }
    match rest.as_slice() {
        [] => {}
        [one] => {
            out.insert("type".to_owned(), json!(one));
        }
        several => {
            out.insert("type".to_owned(), json!(several));
        }
    }
}

fn add_enum(value: &Value, out: &mut Node) {
    let Some(values) = value.as_array().filter(|values| !values.is_empty()) else {
        return ignore("enum", out);
    };
    if values.contains(&Value::Null) {
        nullable(out);
    }
    let mut kept: Vec<Value> = Vec::new();
    for value in values.iter().filter(|value| !value.is_null()) {
        if !kept.contains(value) {
            kept.push(value.clone());
        }
    }
    if !kept.is_empty() {
        out.insert("enum".to_owned(), Value::Array(kept));
    }
}

fn required(value: &Value, out: &mut Node) {
    // OpenAPI 2's `required: true` on a property says nothing here.
    if let Some(names) = value.as_array().filter(|names| !names.is_empty()) {
        out.insert("required".to_owned(), json!(names));
    }
}

fn properties(value: &Value, at: &str, out: &mut Node) -> Carried<()> {
    let Some(properties) = value.as_object() else {
        ignore("properties", out);
        return Ok(());
    };
    let mut carried = Node::new();
    for (name, schema) in properties {
        carried.insert(name.clone(), normalise(schema, &step(at, name))?);
    }
    out.insert("properties".to_owned(), Value::Object(carried));
    Ok(())
}

fn items(value: &Value, at: &str, out: &mut Node, conditions: &mut Node) -> Carried<()> {
    if value.is_array() || value == &Value::Bool(false) {
        conditions.insert("items".to_owned(), neutral(value, false));
        out.insert("items".to_owned(), json!({}));
    } else {
        out.insert("items".to_owned(), normalise(value, at)?);
    }
    Ok(())
}

fn discriminator(value: &Value, out: &mut Node) {
    if shaped::<openapiv3::Discriminator>(value, "", "").is_err() {
        return ignore("discriminator", out);
    }
    let mut kept = Node::new();
    for key in ["propertyName", "mapping"] {
        if let Some(part) = value.get(key) {
            kept.insert(key.to_owned(), part.clone());
        }
    }
    out.insert("discriminator".to_owned(), Value::Object(kept));
}

fn composition(key: &str, value: &Value, at: &str, out: &mut Node) -> Carried<()> {
    let Some(members) = value.as_array().filter(|members| !members.is_empty()) else {
        ignore(key, out);
        return Ok(());
    };
    let mut carried = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let mut member = normalise(member, &step(at, index))?;
        if key != "allOf"
            && let Some(node) = member.as_object_mut()
            && node.remove("nullable").is_some()
        {
            nullable(out);
            if node.is_empty() {
                continue;
            }
        }
        carried.push(member);
    }
    if !carried.is_empty() {
        out.insert(key.to_owned(), Value::Array(carried));
    }
    Ok(())
}

fn exclusive_bound(node: &Node, side: &str, out: &mut Node) {
    let plain = side.to_lowercase();
    match node.get(&format!("exclusive{side}")) {
        Some(Value::Bool(true)) if node.contains_key(&plain) => {
            out.insert(format!("exclusive{side}"), Value::Bool(true));
        }
        Some(Value::Number(bound)) => {
            let new = bound.as_f64().unwrap_or_default();
            let old = node.get(&plain).and_then(Value::as_f64);
            let tighter = old.is_none_or(|old| if side == "Minimum" { new >= old } else { new <= old });
            if tighter {
                out.insert(plain, json!(bound));
                out.insert(format!("exclusive{side}"), Value::Bool(true));
            }
        }
        _ => {}
    }
}

fn infer_type(out: &mut Node) {
    if out.contains_key("type") || out.contains_key("$ref") {
        return;
    }
    let all = |test: fn(&Value) -> bool| {
        out.get("enum").and_then(Value::as_array).is_some_and(|values| values.iter().all(test))
    };
    let found = if out.contains_key("properties") || out.contains_key("additionalProperties") {
        "object"
    } else if out.contains_key("items") {
        "array"
    } else if all(Value::is_string) || out.contains_key("pattern") {
        "string"
    } else if all(Value::is_i64) {
        "integer"
    } else if all(Value::is_boolean) {
        "boolean"
    } else {
        return;
    };
    out.insert("type".to_owned(), json!(found));
}

/// Values of a text that are written as numbers or booleans are texts; values of no one type are only told.
fn settle_enum(out: &mut Node) {
    let Some(Value::Array(values)) = out.remove("enum") else { return };
    if out.get("type") != Some(&json!("string")) {
        out.insert("x-enum".to_owned(), Value::Array(values));
        return;
    }
    let mut texts: Vec<Value> = Vec::new();
    for value in values {
        let text = match value {
            Value::Number(_) | Value::Bool(_) => json!(value.to_string()),
            Value::String(_) => value,
            _ => {
                ignore("enum", out);
                continue;
            }
        };
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    if !texts.is_empty() {
        out.insert("enum".to_owned(), Value::Array(texts));
    }
}

/// `type: object` with `items` is a map that somebody wrote as a list.
fn map_in_items(out: &mut Node) {
    if out.get("type") != Some(&json!("object")) {
        return;
    }
    if let Some(items) = out.remove("items")
        && !out.contains_key("properties")
        && !out.contains_key("additionalProperties")
    {
        out.insert("additionalProperties".to_owned(), items);
    }
}

/// Integer bounds written as `1.0` become `1`.
fn whole_bounds(out: &mut Node) {
    if out.get("type") != Some(&json!("integer")) {
        return;
    }
    for (key, round) in [("minimum", f64::ceil as fn(f64) -> f64), ("maximum", f64::floor)] {
        if let Some(bound) = out.get(key).and_then(Value::as_f64)
            && out.get(key).is_some_and(Value::is_f64)
        {
            out.insert(key.to_owned(), json!(round(bound) as i64));
        }
    }
}

/// Several types become one alternative each, with the keywords that concern it.
fn several_types(mut out: Node) -> Node {
    let Some(Value::Array(names)) = out.get("type").cloned() else { return out };
    out.remove("type");
    let mut alternatives = Vec::new();
    for name in names {
        let mut alternative = Node::new();
        let concern: &[&str] = match name.as_str() {
            Some("string") => &["minLength", "maxLength", "pattern", "format"],
            Some("integer" | "number") => {
                &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]
            }
            Some("array") => &["items", "minItems", "maxItems", "uniqueItems"],
            Some("object") => {
                &["properties", "required", "additionalProperties", "minProperties", "maxProperties"]
            }
            _ => &[],
        };
        for key in concern {
            if let Some(value) = out.get(*key) {
                alternative.insert((*key).to_owned(), value.clone());
            }
        }
        alternative.insert("type".to_owned(), name);
        whole_bounds(&mut alternative);
        alternatives.push(Value::Object(alternative));
    }
    let rest = |key: &str| ANNOTATIONS.contains(&key) || key.starts_with("x-");
    let mut kept: Node = out.into_iter().filter(|(key, _)| rest(key)).collect();
    kept.insert("oneOf".to_owned(), Value::Array(alternatives));
    kept
}

/// A `$ref` with siblings becomes an `allOf` of the two.
fn lone_reference(mut out: Node) -> Node {
    if out.len() < 2 {
        return out;
    }
    let Some(reference) = out.remove("$ref") else { return out };
    let mut members = vec![json!({ "$ref": reference })];
    if let Some(Value::Array(more)) = out.remove("allOf") {
        members.extend(more);
    }
    out.insert("allOf".to_owned(), Value::Array(members));
    out
}

/// A choice with one member left is that member.
fn null_member(mut out: Node) -> Node {
    for key in ["anyOf", "oneOf"] {
        if out.get(key).and_then(Value::as_array).is_some_and(|members| members.len() == 1)
            && let Some(Value::Array(only)) = out.remove(key)
        {
            let mut members = only;
            if let Some(Value::Array(more)) = out.remove("allOf") {
                members.extend(more);
            }
            out.insert("allOf".to_owned(), Value::Array(members));
        }
    }
    out
}

/// A JSON Schema fragment without its prose.
pub(crate) fn neutral(value: &Value, names: bool) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(|item| neutral(item, false)).collect()),
        Value::Object(node) => Value::Object(
            node.iter()
                .filter(|(key, _)| names || !DROPPED.contains(&key.as_str()))
                .map(|(key, value)| {
                    let named =
                        matches!(key.as_str(), "properties" | "patternProperties" | "dependentSchemas");
                    let data = !names && matches!(key.as_str(), "const" | "enum" | "default");
                    (key.clone(), if data { value.clone() } else { neutral(value, named && !names) })
                })
                .collect(),
        ),
        other => other.clone(),
    }
}
