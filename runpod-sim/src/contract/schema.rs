//! OpenAPI schemas as JSON Schema, as strict as RunPod's own document.

use serde_json::{Map, Value, json};

/// The side of the contract a schema is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As the document has it, with its conditions.
    Request,
    /// With the facts that the document keeps apart (`x-required` and the like) so that clients stay lenient.
    Response,
}

/// Turns an OpenAPI 3.0 schema into a JSON Schema.
pub(crate) fn json_schema(schema: &Value, reading: Reading) -> Value {
    match schema {
        Value::Object(map) => object(map, reading),
        other => other.clone(),
    }
}

fn object(map: &Map<String, Value>, reading: Reading) -> Value {
    let mut out = Map::new();
    for (key, value) in map {
        match key.as_str() {
            "properties" | "patternProperties" => {
                let properties = value.as_object().into_iter().flatten();
                let read = properties.map(|(name, schema)| (name.clone(), json_schema(schema, reading)));
                out.insert(key.clone(), Value::Object(read.collect()));
            }
            "items" | "additionalProperties" | "not" | "if" | "then" | "else" => {
                out.insert(key.clone(), json_schema(value, reading));
            }
            "allOf" | "anyOf" | "oneOf" => {
                out.insert(key.clone(), list(value, reading));
            }
            "x-conditions" if reading == Reading::Request => {
                let conditions = list(value, reading).as_array().cloned().unwrap_or_default();
                append(&mut out, "allOf", conditions);
            }
            "x-required" if reading == Reading::Response => {
                append(&mut out, "required", value.as_array().cloned().unwrap_or_default());
            }
            "required" => append(&mut out, "required", value.as_array().cloned().unwrap_or_default()),
            "x-pattern" | "x-minLength" | "x-additionalProperties" if reading == Reading::Response => {
                let strict = key.trim_start_matches("x-").to_owned();
                out.insert(strict, value.clone());
            }
            // A pod that came back without GPUs says 0 where the document promises at least 1.
            "minimum" if reading == Reading::Response => {}
            "x-enum" if reading == Reading::Request => {
                out.insert("enum".into(), value.clone());
            }
            "nullable" | "default" | "format" | "description" => {}
            name if name.starts_with("x-") => {}
            _ => {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    // Beside a lone reference in a response the document does not say whether null is possible.
    let lone_reference = reading == Reading::Response && map.get("allOf").is_some_and(|all| all[1].is_null());
    if map.get("nullable") == Some(&Value::Bool(true)) || lone_reference {
        or_null(out)
    } else {
        Value::Object(out)
    }
}

/// Widens the type in place where there is one, so that violations are still reported at their own place.
fn or_null(mut schema: Map<String, Value>) -> Value {
    let Some(kind) = schema.get("type").cloned() else {
        return json!({ "anyOf": [{ "type": "null" }, schema] });
    };
    schema.insert("type".into(), json!([kind, "null"]));
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
    Value::Object(schema)
}

fn list(value: &Value, reading: Reading) -> Value {
    value.as_array().into_iter().flatten().map(|schema| json_schema(schema, reading)).collect()
}

fn append(out: &mut Map<String, Value>, key: &str, more: Vec<Value>) {
    let known = out.entry(key).or_insert_with(|| json!([]));
    if let Some(known) = known.as_array_mut() {
        for value in more {
            if !known.contains(&value) {
                known.push(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_widens_the_type_and_the_enum() {
        let schema = json!({ "type": "string", "nullable": true, "enum": ["A"] });
        assert_eq!(
            json_schema(&schema, Reading::Request),
            json!({ "type": ["string", "null"], "enum": ["A", null] })
        );
        let reference = json!({ "nullable": true, "allOf": [{ "$ref": "#/components/schemas/X" }] });
        let wide =
            json!({ "anyOf": [{ "type": "null" }, { "allOf": [{ "$ref": "#/components/schemas/X" }] }] });
        assert_eq!(json_schema(&reference, Reading::Request), wide);
    }

    #[test]
    fn each_side_reads_its_own_extensions() {
        let schema = json!({
            "required": ["id"], "x-required": ["id", "cost"], "x-conditions": [{ "required": ["image"] }],
            "properties": { "x-required": { "type": "integer", "format": "int32" } }
        });
        let properties = json!({ "x-required": { "type": "integer" } });
        let request =
            json!({ "required": ["id"], "allOf": [{ "required": ["image"] }], "properties": properties });
        assert_eq!(json_schema(&schema, Reading::Request), request);
        let response = json!({ "required": ["id", "cost"], "properties": properties });
        assert_eq!(json_schema(&schema, Reading::Response), response);
    }
}
