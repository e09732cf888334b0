//! Parameters of operations.

use serde_json::{Value, json};

use super::{
    components::object,
    flatten,
    pointer::step,
    refusal::{Carried, Refusal},
    schema::{self, Node},
};

/// Headers that OpenAPI gives to other parts of the document.
const RESERVED_HEADERS: [&str; 3] = ["accept", "authorization", "content-type"];

/// One operation's parameters, those of its path item included and overridden.
pub(crate) fn carry(
    document: &Value,
    schemas: &Node,
    lists: [(&Value, String); 2],
    path: &str,
) -> Carried<Vec<Value>> {
    let mut carried: Vec<(String, Node)> = Vec::new();
    for (list, at) in lists {
        for (index, parameter) in list.as_array().into_iter().flatten().enumerate() {
            let here = step(&at, index);
            let Some(parameter) = one(document, schemas, parameter, path, &here)? else { continue };
            let same =
                |old: &Node| old.get("name") == parameter.get("name") && old.get("in") == parameter.get("in");
            carried.retain(|(_, old)| !same(old));
            carried.push((here, parameter));
        }
    }
    let mut out: Vec<Value> = carried.into_iter().map(|(_, node)| Value::Object(node)).collect();
    for name in placeholders(path) {
        let known = |node: &Value| node["in"] == "path" && node["name"] == name;
        if !out.iter().any(known) {
            out.push(json!({ "in": "path", "name": name, "required": true, "schema": { "type": "string" } }));
        }
    }
    Ok(out)
}

/// The names in the braces of a path.
pub(crate) fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
}

fn one(document: &Value, schemas: &Node, parameter: &Value, path: &str, at: &str) -> Carried<Option<Node>> {
    let node = object(document, parameter, at)?;
    let text = |key: &str| node.get(key).and_then(Value::as_str).unwrap_or_default();
    let (name, place) = (text("name"), text("in"));
    if name.is_empty() {
        return Err(Refusal::new(at, "a parameter without a name", "correct it"));
    }
    match place {
        "path" if !placeholders(path).any(|known| known == name) => {
            return Err(Refusal::new(
                at,
                format!("{name} is not in the path"),
                "correct the name or the path",
            ));
        }
        "path" | "query" => {}
        "header" if RESERVED_HEADERS.contains(&name.to_lowercase().as_str()) => return Ok(None),
        "header" => {}
        _ => {
            let problem = format!("a parameter in {place:?}");
            return Err(Refusal::new(at, problem, "only path, query and header are carried; correct it"));
        }
    }
    let explode = style(node, place, at)?;
    let Some(schema) = node.get("schema") else {
        return Err(Refusal::new(at, "a parameter without a schema", "correct it to have one"));
    };
    let here = step(at, "schema");
    let schema = flatten::schema(&schema::normalise(schema, &here)?, schemas, &here)?;
    let mut out = Node::new();
    out.insert("name".to_owned(), json!(name));
    out.insert("in".to_owned(), json!(place));
    let required = place == "path" || node.get("required") == Some(&json!(true));
    out.insert("required".to_owned(), json!(required));
    if !explode {
        out.insert("explode".to_owned(), json!(false));
    }
    out.insert("schema".to_owned(), schema);
    Ok(Some(out))
}

/// Returns true if a list is sent as one parameter per item; refuses what cannot be sent.
fn style(node: &Node, place: &str, at: &str) -> Carried<bool> {
    let default = if place == "query" { "form" } else { "simple" };
    let style = node.get("style").and_then(Value::as_str).unwrap_or(default);
    if style != default {
        let problem = format!("a {place} parameter in style {style:?}");
        return Err(Refusal::new(
            &step(at, "style"),
            problem,
            format!("only {default:?} is carried; correct it"),
        ));
    }
    if node.get("allowReserved") == Some(&json!(true)) {
        return Err(Refusal::new(at, "allowReserved", "values are always percent-encoded; correct it"));
    }
    Ok(place != "query" || node.get("explode") != Some(&json!(false)))
}
