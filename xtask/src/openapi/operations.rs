//! Operations, before and after the corrections.

use serde_json::{Map, Value, json};

use super::{
    components::object,
    flatten, parameters,
    pointer::step,
    refusal::{Carried, Refusal},
    responses,
    schema::{self, Node},
};

/// The HTTP methods an operation can have, in the order that decides who keeps a repeated id.
const METHODS: [&str; 8] = ["get", "put", "post", "patch", "delete", "head", "options", "trace"];

/// Keys of a path item that are not operations.
const BESIDE: [&str; 5] = ["$ref", "description", "parameters", "servers", "summary"];

/// Names the generated client keeps for itself, in the form that [`plain`] gives.
const TAKEN: [&str; 8] = ["apiversion", "baseurl", "client", "exec", "inner", "new", "post", "pre"];

/// The document's paths: what is not interface gone, schemas flat, references to components written out.
pub(crate) fn carry(document: &Value, schemas: &Node) -> Carried<Node> {
    let mut paths = Node::new();
    for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        if path.starts_with("x-") {
            continue;
        }
        let at = step("/paths", path);
        let item = object(document, item, &at)?;
        let mut carried = Node::new();
        for (key, operation) in item {
            let here = step(&at, key);
            if METHODS.contains(&key.as_str()) {
                carried.insert(key.clone(), one(document, schemas, item, operation, path, &here)?);
            } else if key == "servers" || !(BESIDE.contains(&key.as_str()) || key.starts_with("x-")) {
                return Err(Refusal::new(&here, "no rule carries this", "remove it with a correction"));
            }
        }
        paths.insert(path.clone(), Value::Object(carried));
    }
    if paths.values().all(|item| item.as_object().is_none_or(Map::is_empty)) {
        return Err(Refusal::new("/paths", "no operation", "check that this is RunPod's document"));
    }
    Ok(paths)
}

fn one(
    document: &Value,
    schemas: &Node,
    item: &Node,
    operation: &Value,
    path: &str,
    at: &str,
) -> Carried<Value> {
    let Some(operation) = operation.as_object() else {
        return Err(Refusal::new(at, "not an operation", "correct it to an object"));
    };
    if operation.contains_key("servers") {
        let problem = "an operation on a server of its own";
        return Err(Refusal::new(&step(at, "servers"), problem, "remove it with a correction"));
    }
    let mut out = Node::new();
    for key in ["operationId", "deprecated", "security", "tags"] {
        if let Some(value) = operation.get(key) {
            let here = step(at, key);
            match key {
                "operationId" => schema::shaped::<String>(value, &here, "a text")?,
                "deprecated" => schema::shaped::<bool>(value, &here, "true or false")?,
                "tags" => schema::shaped::<Vec<String>>(value, &here, "a list of texts")?,
                _ => security(value, &here)?,
            }
            out.insert(key.to_owned(), value.clone());
        }
    }
    let item_at = at.rsplit_once('/').map_or("", |(item, _)| item);
    let lists = [
        (item.get("parameters").unwrap_or(&Value::Null), step(item_at, "parameters")),
        (operation.get("parameters").unwrap_or(&Value::Null), step(at, "parameters")),
    ];
    let parameters = parameters::carry(document, schemas, lists, path)?;
    if !parameters.is_empty() {
        out.insert("parameters".to_owned(), Value::Array(parameters));
    }
    if let Some(body) = operation.get("requestBody") {
        let here = step(at, "requestBody");
        out.insert("requestBody".to_owned(), request_body(document, schemas, body, &here)?);
    }
    let mut answers = Node::new();
    for (status, answer) in operation.get("responses").and_then(Value::as_object).into_iter().flatten() {
        let here = step(&step(at, "responses"), status);
        if status.starts_with("x-") {
            continue;
        }
        let content = content(document, schemas, object(document, answer, &here)?, &here)?;
        let answer = if content.is_empty() { json!({}) } else { json!({ "content": content }) };
        answers.insert(status.clone(), answer);
    }
    out.insert("responses".to_owned(), Value::Object(answers));
    Ok(Value::Object(out))
}

/// Refuses what does not name security schemes.
pub(crate) fn security(value: &Value, at: &str) -> Carried<()> {
    schema::shaped::<Vec<openapiv3::SecurityRequirement>>(value, at, "a list of security requirements")
}

/// The media types of a body, each with a flat schema.
fn content(document: &Value, schemas: &Node, node: &Node, at: &str) -> Carried<Node> {
    let mut out = Node::new();
    for (media_type, media) in node.get("content").and_then(Value::as_object).into_iter().flatten() {
        let here = step(&step(at, "content"), media_type);
        let media = object(document, media, &here)?;
        let here = step(&here, "schema");
        let any = json!({});
        let schema = schema::normalise(media.get("schema").unwrap_or(&any), &here)?;
        out.insert(media_type.clone(), json!({ "schema": flatten::schema(&schema, schemas, &here)? }));
    }
    Ok(out)
}

fn request_body(document: &Value, schemas: &Node, body: &Value, at: &str) -> Carried<Value> {
    let body = object(document, body, at)?;
    let content = content(document, schemas, body, at)?;
    let found = content.iter().find(|(name, _)| responses::is_json(name)).map(|(_, media)| media);
    let Some(media) = found else {
        let problem = "a request body that is not JSON";
        return Err(Refusal::new(&step(at, "content"), problem, "remove it with a correction"));
    };
    let required = body.get("required") == Some(&json!(true));
    Ok(json!({ "required": required, "content": { "application/json": media } }))
}

/// Gives every operation an id of its own and the three answers a client tells apart.
pub(crate) fn settle(paths: &mut Node) -> Carried<()> {
    let mut ids: Vec<String> = TAKEN.iter().map(|name| (*name).to_owned()).collect();
    for (path, item) in paths.iter_mut() {
        let Some(item) = item.as_object_mut() else { continue };
        for method in METHODS {
            let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) else { continue };
            let at = step(&step("/paths", path), method);
            let upstream = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
            let id = own_id(upstream, method, path, &mut ids, &at)?;
            operation.insert("operationId".to_owned(), json!(id));
            responses::settle(operation, &at)?;
        }
    }
    Ok(())
}

/// The upstream id; for a repeated one with the method added; for a missing one made of method and path.
fn own_id(upstream: &str, method: &str, path: &str, taken: &mut Vec<String>, at: &str) -> Carried<String> {
    let made = format!("{method}{}", capitalised(path));
    let candidates = match upstream {
        "" => vec![made],
        id => vec![id.to_owned(), format!("{id}{}", capitalised(method)), made],
    };
    for candidate in candidates {
        let plain = plain(&candidate);
        if !plain.is_empty() && !taken.contains(&plain) {
            taken.push(plain);
            return Ok(candidate);
        }
    }
    Err(Refusal::new(at, "no operation id of its own can be made", "give it one with a correction"))
}

/// The id as a Rust method would hold it, without the underscores.
fn plain(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The words of a text, each with a capital, together.
pub(crate) fn capitalised(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..])).collect()
}
