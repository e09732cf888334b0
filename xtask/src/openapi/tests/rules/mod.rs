//! The rules of an import, each by a document that needs it.

mod left_out;
mod operations;
mod schemas;

use serde_json::{Value, json};

use crate::openapi::tests::{documents::with_thing, imported};

/// The two readings of a property: received, sent.
fn readings(schema: Value) -> (Value, Value) {
    let document = imported(with_thing(json!({
        "type": "object",
        "properties": { "id": { "type": "string" }, "it": schema },
    })))
    .expect("imported");
    let schemas = &document["components"]["schemas"];
    let sent = if schemas.get("ThingRequest").is_some() { "ThingRequest" } else { "Thing" };
    (schemas["Thing"]["properties"]["it"].clone(), schemas[sent]["properties"]["it"].clone())
}

fn path(schema: &Value) -> &str {
    schema["x-rust-type"]["path"].as_str().unwrap_or_default()
}

fn paths(schema: Value) -> (String, String) {
    let (received, sent) = readings(schema);
    (path(&received).to_owned(), path(&sent).to_owned())
}

fn answer(document: &Value, status: &str) -> Value {
    document["paths"]["/things/{id}"]["get"]["responses"][status].clone()
}
