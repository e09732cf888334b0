//! Operations, before and after the corrections.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    components::object,
    flatten,
    memory::{self, Memory},
    parameters,
    pointer::step,
    refusal::{Carried, Refusal},
    responses,
    schema::{self, Node},
};

/// The HTTP methods an operation can have, in the order that decides who keeps a repeated id.
pub(crate) const METHODS: [&str; 8] = ["get", "put", "post", "patch", "delete", "head", "options", "trace"];

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
            let is_sound = match key {
                "operationId" => schema::shaped::<String>(value, &here, "a text"),
                "deprecated" => schema::shaped::<bool>(value, &here, "true or false"),
                "tags" => schema::shaped::<Vec<String>>(value, &here, "a list of texts"),
                _ => security(value, &here),
            };
            if is_sound.is_ok() {
                out.insert(key.to_owned(), value.clone());
            }
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
        let content =
            object(document, answer, &here).and_then(|node| content(document, schemas, node, &here));
        // Every failure is read as the one there is, whatever is said of it here.
        let content = match content {
            Err(_) if !status.starts_with('2') && status != "default" => Node::new(),
            content => content?,
        };
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
    let required = body.get("required") == Some(&json!(true));
    let found = content.iter().find(|(name, _)| responses::is_json(name)).map(|(_, media)| media);
    if let Some(media) = found {
        return Ok(json!({ "required": required, "content": { "application/json": media } }));
    }
    let essence = |name: &str| name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let raw = content.keys().map(|name| essence(name)).find_map(|name| match name.as_str() {
        "application/octet-stream" => Some((name, json!({ "type": "string", "format": "binary" }))),
        "text/plain" => Some((name, json!({ "type": "string" }))),
        _ => None,
    });
    let Some((name, schema)) = raw else {
        let problem = "a request body that is neither JSON nor bytes";
        return Err(Refusal::new(&step(at, "content"), problem, "remove it with a correction"));
    };
    Ok(json!({ "required": true, "content": { name: { "schema": schema } } }))
}

/// Gives every operation an id of its own and the three answers a client tells apart.
pub(crate) fn settle(paths: &mut Node, memory: &Memory) -> Carried<()> {
    let mut ids = Ids::new(paths, memory);
    for (path, item) in paths.iter_mut() {
        let Some(item) = item.as_object_mut() else { continue };
        for method in METHODS {
            let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) else { continue };
            let at = step(&step("/paths", path), method);
            let upstream =
                operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
            let id = ids.of(&upstream, method, path);
            if id != upstream {
                operation.insert(memory::ID.to_owned(), json!(upstream));
            }
            operation.insert("operationId".to_owned(), json!(id));
            responses::settle(operation, &at)?;
        }
    }
    Ok(())
}

/// The ids of a document's operations.
struct Ids {
    /// Those that places had before.
    known: BTreeMap<(String, String), String>,
    /// Those that are given away, in the form that [`plain`] gives.
    taken: BTreeSet<String>,
}

impl Ids {
    fn new(paths: &Node, memory: &Memory) -> Self {
        let mut ids =
            Self { known: BTreeMap::new(), taken: TAKEN.iter().map(|name| (*name).to_owned()).collect() };
        for (path, item) in paths {
            for method in METHODS.into_iter().filter(|method| item.get(*method).is_some()) {
                if let Some(id) = memory.operation_id(method, path) {
                    ids.take(id);
                    ids.known.insert((method.to_owned(), path.clone()), id.to_owned());
                }
            }
        }
        ids
    }

    /// The id that the place has had, else upstream's; for a repeated one with the method added; for a missing one
    /// made of method and path.
    fn of(&mut self, upstream: &str, method: &str, path: &str) -> String {
        if let Some(known) = self.known.get(&(method.to_owned(), path.to_owned())) {
            return known.clone();
        }
        let made = format!("{method}{}", capitalised(path));
        let numbered = (2..).map(|number| format!("{made}{number}"));
        let first = match upstream {
            "" => vec![made.clone()],
            id => vec![id.to_owned(), format!("{id}{}", capitalised(method)), made.clone()],
        };
        let free = |id: &String| {
            let plain = plain(id);
            !plain.is_empty() && !self.taken.contains(&plain) && !self.taken.contains(&format!("{plain}with"))
        };
        let id = first.into_iter().chain(numbered).find(free).unwrap_or(made);
        self.take(&id);
        id
    }

    /// Takes the name, and that of the call with options.
    fn take(&mut self, id: &str) {
        self.taken.insert(plain(id));
        self.taken.insert(format!("{}with", plain(id)));
    }
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
