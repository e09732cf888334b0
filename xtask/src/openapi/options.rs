//! Optional parameters of a call, as one component for each operation.
//!
//! Arguments are positional in Rust, so one more would break every call. The parameters stay in the operation as
//! upstream has them; `x-options` names the component that the bindings take in their place.

use serde_json::{Value, json};

use super::{operations::capitalised, schema::Node};

/// Before the name of a header among properties whose other names are those of the query.
pub(crate) const HEADER: char = ':';

/// Adds the components, and names them in their operations.
pub(crate) fn fold(document: &mut Value) {
    let mut components = Node::new();
    let taken: Vec<String> = document
        .pointer("/components/schemas")
        .and_then(Value::as_object)
        .map(|schemas| schemas.keys().map(|name| plain(name)).collect())
        .unwrap_or_default();
    for item in document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        for operation in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
            let Some(component) = component(operation) else { continue };
            let id = capitalised(operation["operationId"].as_str().unwrap_or_default());
            let free = |name: &String| !components.contains_key(name) && !taken.contains(&plain(name));
            let numbered = |number: usize| {
                if number == 1 { format!("{id}Options") } else { format!("{id}Options{number}") }
            };
            let Some(name) = (1..).map(numbered).find(free) else { continue };
            operation["x-options"] = json!({ "$ref": format!("#/components/schemas/{name}") });
            components.insert(name, component);
        }
    }
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.extend(components);
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

fn component(operation: &Value) -> Option<Value> {
    let mut properties = Node::new();
    for parameter in operation.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        if parameter["required"] == true {
            continue;
        }
        let name = parameter["name"].as_str().unwrap_or_default();
        let key = if parameter["in"] == "header" { format!("{HEADER}{name}") } else { name.to_owned() };
        properties.insert(key, described(&parameter["schema"], parameter.get("description")));
    }
    let id = operation["operationId"].as_str().unwrap_or_default();
    (!properties.is_empty()).then(|| {
        json!({ "type": "object", "additionalProperties": false, "properties": properties, "x-sent": true, "x-inline": true,
            "description": format!("What may be left out of `{id}`.") })
    })
}

/// The schema with the parameter's description, which cannot stand beside a `$ref`.
fn described(schema: &Value, description: Option<&Value>) -> Value {
    let mut schema = schema.clone();
    if let (Some(node), Some(text)) = (schema.as_object_mut(), description) {
        if let Some(reference) = node.remove("$ref") {
            node.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
        }
        node.insert("description".to_owned(), text.clone());
    }
    schema
}
