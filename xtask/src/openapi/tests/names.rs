//! Names that stay: the document before is the memory.

use serde_json::{Value, json};

use super::documents::{small, with_thing};
use crate::openapi::{
    corrections::How,
    diff::{Step, between},
    import::{Notes, import},
    memory::Memory,
};

/// The document before, and the one that follows a change of upstream's.
fn after(upstream: Value, change: impl FnOnce(&mut Value)) -> (Value, Value) {
    let read = |document: Value, memory| {
        let notes = Notes { memory: Memory::of(memory), ..Notes::default() };
        import(document, &notes, How::default()).expect("imported").document
    };
    let before = read(upstream.clone(), Value::Null);
    let mut upstream = upstream;
    change(&mut upstream);
    let after = read(upstream, before.clone());
    (before, after)
}

fn step(documents: &(Value, Value)) -> &'static str {
    Step::of(&between(&documents.0, &documents.1)).name()
}

fn answer(schema: Value) -> Value {
    json!({ "200": { "content": { "application/json": { "schema": schema } } } })
}

#[test]
fn a_new_operation_does_not_take_the_name_of_an_old_one() {
    let documents = after(small(), |document| {
        document["paths"]["/a"] = json!({ "get": { "operationId": "getThing", "responses": { "204": {} } } });
    });
    assert_eq!(documents.1["paths"]["/things/{id}"]["get"]["operationId"], "getThing");
    assert_eq!(documents.1["paths"]["/a"]["get"]["operationId"], "getThingGet");
    assert_eq!(step(&documents), "minor");
}

#[test]
fn an_operation_keeps_its_name_whatever_upstream_calls_it() {
    let documents = after(small(), |document| {
        document["paths"]["/things/{id}"]["get"]["operationId"] = json!("readThing");
    });
    let get = &documents.1["paths"]["/things/{id}"]["get"];
    assert_eq!((&get["operationId"], &get["x-upstream-id"]), (&json!("getThing"), &json!("readThing")));
    assert_eq!(step(&documents), "none");
}

#[test]
fn a_component_keeps_its_name_whatever_upstream_calls_it() {
    let documents = after(small(), |document| {
        let text =
            document.to_string().replace("schemas/Thing", "schemas/Item").replace("\"Thing\":", "\"Item\":");
        *document = serde_json::from_str(&text).expect("JSON");
    });
    let schemas = &documents.1["components"]["schemas"];
    assert_eq!(schemas["Thing"]["x-upstream-name"], "Item");
    assert_eq!(schemas["ThingRequest"]["x-reading-of"], "Thing");
    assert_eq!(step(&documents), "none");
}

#[test]
fn a_name_of_ours_that_upstream_takes_stays_ours() {
    let documents = after(small(), |document| {
        let odd = json!({ "type": "object", "properties": { "odd": { "type": "boolean" } } });
        document["components"]["schemas"]["ThingRequest"] = odd;
        document["paths"]["/odd"] =
            json!({ "get": { "responses": answer(json!({ "$ref": "#/components/schemas/ThingRequest" })) } });
    });
    assert_eq!(
        documents.1["components"]["schemas"]["ThingRequest"],
        documents.0["components"]["schemas"]["ThingRequest"]
    );
    assert_eq!(documents.1["components"]["schemas"]["ThingRequest2"]["x-upstream-name"], "ThingRequest");
    assert_eq!(step(&documents), "minor");
}

#[test]
fn a_sent_type_that_is_received_too_keeps_its_name() {
    let new =
        json!({ "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } });
    let mut upstream = small();
    upstream["components"]["schemas"]["New"] = new;
    let body =
        json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/New" } } } });
    upstream["paths"]["/new"] = json!({ "post": { "requestBody": body, "responses": { "204": {} } } });
    let documents = after(upstream, |document| {
        document["paths"]["/new"]["get"] =
            json!({ "responses": answer(json!({ "$ref": "#/components/schemas/New" })) });
    });
    assert_eq!(documents.1["components"]["schemas"]["New"]["required"], json!(["name"]));
    assert_eq!(documents.1["components"]["schemas"]["NewResponse"]["x-reading-of"], "New");
    assert_eq!(step(&documents), "minor");
}

#[test]
fn an_inline_object_keeps_its_name_when_it_becomes_a_component() {
    let size = json!({ "type": "object", "properties": { "gb": { "type": "integer" } } });
    let thing = with_thing(json!({ "type": "object", "properties": { "size": size } }));
    let documents = after(thing, |document| {
        document["components"]["schemas"]["Extent"] = size.clone();
        document["components"]["schemas"]["Thing"]["properties"]["size"] =
            json!({ "$ref": "#/components/schemas/Extent" });
    });
    assert_eq!(documents.1["components"]["schemas"]["ThingSize"]["x-upstream-name"], "Extent");
    assert_eq!(step(&documents), "none");
}

#[test]
fn identity_stays_when_a_second_list_or_an_id_comes() {
    let items = json!({ "type": "array", "items": { "$ref": "#/components/schemas/Thing" } });
    let mut upstream = small();
    upstream["components"]["schemas"]["Things"] =
        json!({ "type": "object", "properties": { "things": items } });
    upstream["paths"]["/things"] =
        json!({ "get": { "responses": answer(json!({ "$ref": "#/components/schemas/Things" })) } });
    for more in ["gone", "id"] {
        let documents = after(upstream.clone(), |document| {
            document["components"]["schemas"]["Things"]["properties"][more] =
                if more == "id" { json!({ "type": "string" }) } else { items.clone() };
        });
        assert_eq!(documents.1["components"]["schemas"]["Things"]["required"], json!(["things"]), "{more}");
        assert_eq!(step(&documents), "minor", "{more}");
    }
}
