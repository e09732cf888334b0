//! Operations that cannot be carried, and keywords that need not be.

use serde_json::{Value, json};

use crate::openapi::{
    corrections::How,
    import::{Notes, import},
    tests::{documents::small, rules::readings},
};

/// Operations left out of a document with one more, after corrections.
fn left_out(change: &dyn Fn(&mut Value), corrections: Value) -> Vec<(String, String)> {
    let mut document = small();
    document["paths"]["/others/{id}"] = json!({ "get": { "operationId": "getOther", "responses": { "200": {
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Other" } } } } } } });
    document["components"]["schemas"]["Other"] = json!({ "type": "object", "properties": {} });
    change(&mut document);
    let corrections = serde_json::from_value(corrections).expect("corrections");
    let notes = Notes { corrections, ..Notes::default() };
    let document = import(document, &notes, How::default()).expect("imported").document;
    assert!(document["paths"]["/things/{id}"].get("get").is_some(), "the others are there");
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let skipped = document["x-skipped"].as_array().cloned().unwrap_or_default();
    skipped.iter().map(|entry| (text(entry, "place"), text(entry, "problem"))).collect()
}

/// Puts a value into the one more operation.
fn in_other(key: &'static str, value: Value) -> Box<dyn Fn(&mut Value)> {
    Box::new(move |document| document["paths"]["/others/{id}"]["get"][key] = value.clone())
}

fn in_schema(value: Value) -> Box<dyn Fn(&mut Value)> {
    Box::new(move |document| document["components"]["schemas"]["Other"] = value.clone())
}

#[test]
fn what_cannot_be_carried_leaves_out_its_operation_by_name_and_the_remedy_brings_it_back() {
    const GET: &str = "/paths/~1others~1{id}/get";
    const OTHER: &str = "/components/schemas/Other";
    let thing =
        json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } });
    let stream = json!({ "content": { "text/event-stream": {} } });
    let form = json!({ "content": { "multipart/form-data": {} } });
    let parameter = |parameter: Value| in_other("parameters", json!([parameter]));
    let removed = |pointer: &str| json!({ "pointer": pointer, "change": "remove" });
    let set = |pointer: &str, expects: Value, value: Value| json!({ "pointer": pointer, "change": "set", "expects": expects, "value": value });
    for (change, place, remedy) in [
        (in_other("servers", json!([])), format!("{GET}/servers"), removed(&format!("{GET}/servers"))),
        (
            in_other("requestBody", form),
            format!("{GET}/requestBody/content"),
            removed(&format!("{GET}/requestBody")),
        ),
        (
            parameter(json!({ "name": "c", "in": "cookie", "schema": {} })),
            format!("{GET}/parameters/0"),
            set(&format!("{GET}/parameters/0/in"), json!("cookie"), json!("query")),
        ),
        (
            parameter(json!({ "name": "q", "in": "query" })),
            format!("{GET}/parameters/0"),
            json!({ "pointer": format!("{GET}/parameters/0/schema"), "change": "add", "value": { "type": "string" } }),
        ),
        (
            parameter(
                json!({ "name": "q", "in": "query", "style": "deepObject", "schema": { "type": "string" } }),
            ),
            format!("{GET}/parameters/0/style"),
            set(&format!("{GET}/parameters/0/style"), json!("deepObject"), json!("form")),
        ),
        (
            parameter(json!({ "name": "q", "in": "query", "schema": { "type": "object" } })),
            format!("{GET}/parameters/q"),
            set(
                &format!("{GET}/parameters/0/schema"),
                json!({ "type": "object" }),
                json!({ "type": "string" }),
            ),
        ),
        (parameter(json!(7)), format!("{GET}/parameters/0"), removed(&format!("{GET}/parameters"))),
        (
            in_other("responses", json!({ "200": thing, "202": stream })),
            format!("{GET}/responses"),
            removed(&format!("{GET}/responses/202")),
        ),
        (
            in_schema(json!({ "allOf": [{ "$ref": "#/components/schemas/Other" }] })),
            OTHER.to_owned(),
            removed(&format!("{OTHER}/allOf")),
        ),
        (
            in_schema(json!({ "type": "object", "properties": { "it": 7 } })),
            format!("{OTHER}/properties/it"),
            set(&format!("{OTHER}/properties/it"), json!(7), json!({ "type": "integer" })),
        ),
        (
            in_schema(json!({ "allOf": [{ "type": "string" }, { "type": "object" }] })),
            format!("{OTHER}/allOf/1/type"),
            removed(&format!("{OTHER}/allOf/1/type")),
        ),
        (
            in_schema(
                json!({ "allOf": [{ "oneOf": [{ "type": "string" }, { "type": "object" }] }, { "anyOf": [{ "type": "string" }, { "type": "object" }] }] }),
            ),
            format!("{OTHER}/allOf/1"),
            removed(&format!("{OTHER}/allOf/1/anyOf")),
        ),
        (
            in_schema(
                json!({ "allOf": [{ "type": "string", "enum": ["a"] }, { "type": "string", "enum": ["b"] }] }),
            ),
            format!("{OTHER}/allOf/1/enum"),
            set(&format!("{OTHER}/allOf/1/enum"), json!(["b"]), json!(["a", "b"])),
        ),
        (
            parameter(json!({ "$ref": "#/components/parameters/Nothing" })),
            format!("{GET}/parameters/0"),
            set(
                &format!("{GET}/parameters/0"),
                json!({ "$ref": "#/components/parameters/Nothing" }),
                json!({ "name": "q", "in": "query", "schema": { "type": "string" } }),
            ),
        ),
        (
            parameter(json!({ "in": "query", "schema": { "type": "string" } })),
            format!("{GET}/parameters/0"),
            json!({ "pointer": format!("{GET}/parameters/0/name"), "change": "add", "value": "q" }),
        ),
        (
            parameter(
                json!({ "name": "other", "in": "path", "required": true, "schema": { "type": "string" } }),
            ),
            format!("{GET}/parameters/0"),
            set(&format!("{GET}/parameters/0/name"), json!("other"), json!("id")),
        ),
        (
            parameter(
                json!({ "name": "q", "in": "query", "allowReserved": true, "schema": { "type": "string" } }),
            ),
            format!("{GET}/parameters/0"),
            removed(&format!("{GET}/parameters/0/allowReserved")),
        ),
        (
            Box::new(|document| document["paths"]["/others/{id}"]["get"] = json!(7)),
            GET.to_owned(),
            set(GET, json!(7), json!({ "operationId": "getOther", "responses": { "204": {} } })),
        ),
    ] {
        let skipped = left_out(&change, json!([]));
        assert_eq!(skipped.len(), 1, "{place}: {skipped:?}");
        assert_eq!(skipped[0].0, "GET /others/{id}");
        assert!(
            skipped[0].1.starts_with(&format!("{place}: ")) && skipped[0].1.contains("; "),
            "{place}: {skipped:?}"
        );
        let mut remedy = remedy;
        remedy["reason"] = json!("the refusal advises it");
        remedy["source"] = json!("a test");
        assert_eq!(left_out(&change, json!([remedy])), [], "{place}");
    }
}

#[test]
fn a_keyword_that_says_nothing_here_is_ignored_and_listed() {
    for (schema, keyword) in [
        (json!({ "$dynamicRef": "#x" }), "$dynamicRef"),
        (json!({ "type": "date" }), "type"),
        (json!({ "$ref": "other.json#/x" }), "$ref"),
        (json!({ "$ref": "#/components/schemas/Nothing" }), "$unresolved"),
        (json!({ "enum": [] }), "enum"),
        (json!({ "type": "string", "minLength": "one" }), "minLength"),
    ] {
        let (received, _) = readings(schema.clone());
        assert_eq!(received["x-ignored"], json!([keyword]), "{schema}");
    }
}
