//! The answers of an operation: one for success, one for each class of failure.

use serde_json::{Map, Value, json};

use super::{
    pointer::step,
    refusal::{Carried, Refusal},
    schema::Node,
};

/// The component that every failure is read as.
pub(crate) const ERROR: &str = "ErrorResponse";

/// Bodies of RunPod's failures, on either API version and in front of it.
const ERROR_FACTS: [(&str, &str); 5] = [
    ("title", "string"),
    ("status", "integer"),
    ("detail", "string"),
    ("error", "string"),
    ("message", "string"),
];

/// Returns true if a media type is JSON.
pub(crate) fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

/// Reduces the answers to `2XX`, `4XX` and `5XX`; the statuses upstream lists stay in `x-statuses`.
pub(crate) fn settle(operation: &mut Node, at: &str) -> Carried<()> {
    let answers = operation.remove("responses").unwrap_or_default();
    let answers = answers.as_object().cloned().unwrap_or_default();
    let statuses: Vec<&String> = answers.keys().collect();
    let at = step(at, "responses");
    let mut settled = Node::new();
    settled.insert("2XX".to_owned(), success(&answers, &at)?);
    for class in ["4XX", "5XX"] {
        settled.insert(
            class.to_owned(),
            described(json!({ "application/json": { "schema": error_reference() } })),
        );
    }
    operation.insert("x-statuses".to_owned(), json!(statuses));
    operation.insert("responses".to_owned(), Value::Object(settled));
    Ok(())
}

/// The component for failures: what upstream's failures hold and what is known to occur, all optional.
pub(crate) fn error_component(paths: &Node, schemas: &Node) -> Node {
    let mut properties = Node::new();
    for (name, kind) in ERROR_FACTS {
        properties.insert(name.to_owned(), json!({ "type": kind }));
    }
    properties.insert("errors".to_owned(), json!({ "type": "array", "items": { "type": "string" } }));
    for schema in failures(paths) {
        let node = super::flatten::lone_target(schema).and_then(|name| schemas.get(&name)?.as_object());
        let found = node.unwrap_or(schema).get("properties").and_then(Value::as_object);
        properties.extend(found.cloned().unwrap_or_default());
    }
    let mut node = Node::new();
    node.insert("type".to_owned(), json!("object"));
    node.insert("properties".to_owned(), Value::Object(properties));
    node
}

fn error_reference() -> Value {
    json!({ "$ref": format!("#/components/schemas/{ERROR}") })
}

fn described(content: Value) -> Value {
    json!({ "description": "", "content": content })
}

/// The schemas of all failures in the document.
fn failures(paths: &Node) -> impl Iterator<Item = &Node> {
    let operations = paths.values().filter_map(Value::as_object).flat_map(Map::values);
    let answers = operations.filter_map(|operation| operation.get("responses")?.as_object()).flatten();
    answers.filter(|(status, answer)| is_failure(status, answer)).flat_map(|(_, answer)| {
        let content = answer.get("content").and_then(Value::as_object);
        content.into_iter().flatten().filter_map(|(_, media)| media.get("schema")?.as_object())
    })
}

/// 4xx and 5xx are failures; so is `default` when it looks like one.
fn is_failure(status: &str, answer: &Value) -> bool {
    let problem = || {
        let content = answer.get("content").and_then(Value::as_object);
        content.into_iter().flatten().any(|(media_type, media)| {
            let name = media.pointer("/schema/$ref").and_then(Value::as_str).unwrap_or_default();
            media_type.contains("problem") || name.ends_with("Error") || name.ends_with(ERROR)
        })
    };
    status.starts_with(['4', '5']) || status == "default" && problem()
}

/// One answer for success, whatever the status.
fn success(answers: &Node, at: &str) -> Carried<Value> {
    let listed = |(status, _): &(&String, &Value)| status.starts_with('2');
    let mut found: Vec<(&String, &Value)> = answers.iter().filter(listed).collect();
    if found.is_empty() {
        found = answers
            .iter()
            .filter(|(status, answer)| *status == "default" && !is_failure(status, answer))
            .collect();
    }
    let (mut schemas, mut streams, mut empty) = (Vec::new(), Vec::new(), false);
    for (_, answer) in &found {
        let content = answer.get("content").and_then(Value::as_object);
        let media: Vec<(&String, &Value)> = content.into_iter().flatten().collect();
        match media.iter().find(|(name, _)| is_json(name)).or_else(|| media.first()) {
            None => empty = true,
            Some((name, media)) if is_json(name) => {
                let schema = media.get("schema").cloned().unwrap_or_else(|| json!({}));
                if !schemas.contains(&schema) {
                    schemas.push(schema);
                }
            }
            Some((name, _)) => streams.push((*name).clone()),
        }
    }
    match (schemas.len(), streams.len()) {
        (0, 0) => Ok(json!({ "description": "" })),
        (0, 1) => {
            let bytes = json!({ "schema": { "type": "string", "format": "binary" } });
            Ok(json!({ "description": "", "content": { streams[0].clone(): bytes } }))
        }
        (1, 0) => Ok(described(json!({ "application/json": { "schema": maybe(schemas.remove(0), empty) } }))),
        (_, 0) => {
            let schema = maybe(json!({ "oneOf": schemas }), empty);
            Ok(described(json!({ "application/json": { "schema": schema } })))
        }
        _ => Err(Refusal::new(at, "success is a value or a stream", "leave one of them with a correction")),
    }
}

/// The schema, or `null` where a success can also come without a body.
fn maybe(schema: Value, empty: bool) -> Value {
    match (schema, empty) {
        (schema, false) => schema,
        (Value::Object(mut node), true) => {
            if let Some(reference) = node.remove("$ref") {
                node.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
            }
            node.insert("nullable".to_owned(), json!(true));
            Value::Object(node)
        }
        (other, true) => other,
    }
}
