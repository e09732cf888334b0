//! Values that a schema allows.

use serde_json::{Map, Value, json};

use crate::contract::{Contract, promised};

/// Fullness of a sample: its optional parts, and the alternative of each choice.
#[derive(Clone, Copy)]
pub(crate) struct Sampling {
    pub(crate) full: bool,
    pub(crate) choice: usize,
}

/// Deepest nesting of a sample.
const DEEPEST: usize = 12;

/// Texts, one of which every pattern of the contracts allows.
const TEXTS: [&str; 6] = ["text", "DE", "12.8", "80", "ssh-ed25519 AAAA me", "2026-01-02T03:04:05Z"];

/// A value that the schema allows.
pub(crate) fn sample(contract: &Contract, schema: &Value, how: Sampling) -> Value {
    nested(contract, schema, how, 0)
}

fn nested(contract: &Contract, schema: &Value, how: Sampling, depth: usize) -> Value {
    let schema = contract.whole(schema);
    if let Some(value) = promised(schema, "enum").and_then(|values| values.get(0)) {
        return value.clone();
    }
    if let Some(members) = promised(schema, "oneOf").and_then(Value::as_array) {
        return nested(contract, &members[how.choice % members.len()], how, depth + 1);
    }
    match schema["type"].as_str() {
        Some("string") => text(schema),
        Some("integer" | "number") => number(schema),
        Some("boolean") => json!(true),
        Some("array") => {
            let count = if promised(schema, "maxItems") == Some(&json!(1))
                || promised(schema, "uniqueItems").is_some()
            {
                1
            } else {
                2
            };
            (0..count).map(|_| nested(contract, &schema["items"], how, depth + 1)).collect()
        }
        Some("object") => object(contract, schema, how, depth),
        _ => json!({ "any": [1, "two", null] }),
    }
}

fn text(schema: &Value) -> Value {
    if promised(schema, "format").is_some_and(|format| format == "date-time") {
        return json!("2026-01-02T03:04:05Z");
    }
    let pattern = promised(schema, "pattern").and_then(Value::as_str);
    let pattern = pattern.map(|pattern| regress::Regex::new(pattern).expect("a pattern"));
    let allowed = |text: &&str| pattern.as_ref().is_none_or(|pattern| pattern.find(text).is_some());
    json!(TEXTS.into_iter().find(allowed).unwrap_or_else(|| panic!("no text for {schema}")))
}

fn number(schema: &Value) -> Value {
    let (least, most) = (promised(schema, "minimum"), promised(schema, "maximum"));
    match (least, most) {
        (Some(least), _) => least.clone(),
        (None, Some(most)) => most.clone(),
        _ if schema["type"] == "integer" => json!(3),
        _ => json!(0.74),
    }
}

fn object(contract: &Contract, schema: &Value, how: Sampling, depth: usize) -> Value {
    let mut out = Map::new();
    let required = promised(schema, "required").and_then(Value::as_array).cloned().unwrap_or_default();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if required.contains(&json!(name)) || how.full && depth < DEEPEST {
            out.insert(name.clone(), nested(contract, property, how, depth + 1));
        }
    }
    if let Some(values) = promised(schema, "additionalProperties").filter(|values| values.is_object())
        && depth < DEEPEST
    {
        out.insert("22".to_owned(), nested(contract, values, how, depth + 1));
    }
    Value::Object(out)
}
