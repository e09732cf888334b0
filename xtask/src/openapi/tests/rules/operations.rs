//! Operations: names, answers, parameters.

use serde_json::{Value, json};

use crate::openapi::tests::{
    documents::{small, with_answers, with_parameters},
    imported, refusal,
    rules::{answer, path},
};

#[test]
fn a_repeated_operation_id_gets_the_method_and_a_missing_one_is_made() {
    let mut document = small();
    document["paths"]["/things/{id}"]["put"]["operationId"] = json!("getThing");
    document["paths"]["/others"] = json!({ "get": { "responses": { "204": {} } } });
    let document = imported(document).expect("imported");
    assert_eq!(document["paths"]["/things/{id}"]["get"]["operationId"], "getThing");
    assert_eq!(document["paths"]["/things/{id}"]["put"]["operationId"], "getThingPut");
    assert_eq!(document["paths"]["/others"]["get"]["operationId"], "getOthers");
}

#[test]
fn several_successes_are_one() {
    let thing =
        json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } });
    let document = imported(with_answers(json!({ "200": thing, "202": thing }))).expect("imported");
    let schema = &answer(&document, "2XX")["content"]["application/json"]["schema"];
    assert_eq!(schema, &json!({ "$ref": "#/components/schemas/Thing" }));
    let document = imported(with_answers(json!({ "200": thing, "204": {} }))).expect("imported");
    let schema = &answer(&document, "2XX")["content"]["application/json"]["schema"];
    assert_eq!(path(schema), "runpod_api::Nullable");
    let other = json!({ "content": { "application/json": { "schema": {
        "type": "object", "properties": { "jobId": { "type": "string" } },
    } } } });
    let document = imported(with_answers(json!({ "200": thing, "202": other }))).expect("imported");
    let schema = &answer(&document, "2XX")["content"]["application/json"]["schema"];
    let name = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()).expect("a reference");
    let properties = &document["components"]["schemas"][name]["properties"];
    assert!(properties.get("jobId").is_some() && properties.get("name").is_some(), "{properties}");
}

#[test]
fn failures_are_one_type_whatever_their_media_type() {
    let problem = json!({ "content": { "application/problem+json": { "schema": {
        "type": "object", "properties": { "hint": { "type": "string" } },
    } } } });
    let document =
        imported(with_answers(json!({ "200": {}, "404": {}, "default": problem }))).expect("imported");
    for class in ["4XX", "5XX"] {
        let schema = &answer(&document, class)["content"]["application/json"]["schema"];
        assert_eq!(schema, &json!({ "$ref": "#/components/schemas/ErrorResponse" }));
    }
    let error = &document["components"]["schemas"]["ErrorResponse"]["properties"];
    assert!(error.get("hint").is_some() && error.get("detail").is_some(), "{error}");
    assert_eq!(document["paths"]["/things/{id}"]["get"]["x-statuses"], json!(["200", "404", "default"]));
}

#[test]
fn a_default_answer_alone_is_the_success() {
    let thing =
        json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } });
    let document = imported(with_answers(json!({ "default": thing }))).expect("imported");
    let schema = &answer(&document, "2XX")["content"]["application/json"]["schema"];
    assert_eq!(schema, &json!({ "$ref": "#/components/schemas/Thing" }));
}

#[test]
fn an_event_stream_is_bytes() {
    let stream = json!({ "content": { "text/event-stream": { "schema": { "type": "string" } } } });
    let document = imported(with_answers(json!({ "200": stream }))).expect("imported");
    let schema = &answer(&document, "2XX")["content"]["text/event-stream"]["schema"];
    assert_eq!(schema, &json!({ "type": "string", "format": "binary" }));
}

#[test]
fn lists_in_the_query_are_sent_as_the_document_asks() {
    let list = json!({ "type": "array", "items": { "type": "string" } });
    let document = imported(with_parameters(json!([
        { "name": "joined", "in": "query", "explode": false, "schema": list },
        { "name": "repeated", "in": "query", "schema": list },
        { "name": "Last-Event-ID", "in": "header", "schema": { "type": "string", "format": "date-time" } },
        { "name": "Authorization", "in": "header", "schema": { "type": "string" } },
    ])))
    .expect("imported");
    let parameters = document["paths"]["/things/{id}"]["get"]["parameters"].as_array().expect("a list");
    let of = |name: &str| parameters.iter().find(|one| one["name"] == name).map(|one| &one["schema"]);
    assert_eq!(of("joined").map(path), Some("runpod_api::Joined"));
    assert_eq!(of("repeated").map(path), Some("runpod_api::List"));
    assert_eq!(of("Last-Event-ID").map(|schema| schema["type"].clone()), Some(json!("string")));
    assert_eq!(of("Authorization"), None);
    assert_eq!(of("id").map(|schema| schema["type"].clone()), Some(json!("string")));
}

#[test]
fn parameters_of_the_path_item_and_of_the_components_are_the_operations_own() {
    let mut document = with_parameters(json!([{ "$ref": "#/components/parameters/Limit" }]));
    document["components"]["parameters"] =
        json!({ "Limit": { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1 } } });
    document["paths"]["/things/{id}"]["parameters"] = json!([
        { "name": "limit", "in": "query", "schema": { "type": "string" } },
        { "name": "all", "in": "query", "schema": { "type": "boolean" } },
    ]);
    let document = imported(document).expect("imported");
    let parameters = document["paths"]["/things/{id}"]["get"]["parameters"].to_string();
    assert!(parameters.contains("\"all\"") && parameters.contains("Int<1"), "{parameters}");
}

#[test]
fn every_openapi_3_is_read_and_no_other() {
    for version in ["3.0.0", "3.0.3", "3.1.0", "3.1.1", "3.2.0"] {
        let mut document = small();
        document["openapi"] = json!(version);
        assert_eq!(imported(document).expect("imported")["openapi"], "3.0.3");
    }
    for version in [json!("2.0"), json!("30.1"), json!(2)] {
        let mut document = small();
        document["openapi"] = version;
        assert!(refusal(document).starts_with("/openapi: "));
    }
}

#[test]
fn components_whose_names_would_be_one_type_get_numbers() {
    let mut twins = small();
    twins["components"]["schemas"]["thing"] = json!({ "type": "object", "properties": { "a": {} } });
    twins["paths"]["/things/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"] = json!({ "type": "object", "properties": {
            "a": { "$ref": "#/components/schemas/Thing" }, "b": { "$ref": "#/components/schemas/thing" } } });
    let document = imported(twins).expect("imported");
    assert_eq!(document["components"]["schemas"]["Thing2"]["x-upstream-name"], "thing");
}

#[test]
fn the_same_document_gives_the_same_bytes_and_a_document_of_ours_can_be_read_again() {
    let text = |document: Value| crate::openapi::write::text(&document).expect("text");
    let first = imported(small()).expect("imported");
    assert_eq!(text(first.clone()), text(imported(small()).expect("imported")));
    let again = imported(first.clone()).expect("imported again");
    let get = "/paths/~1things~1{id}/get";
    for place in [format!("{get}/operationId"), format!("{get}/parameters"), format!("{get}/responses")] {
        assert_eq!(again.pointer(&place), first.pointer(&place), "{place}");
    }
}
