//! One test per rule of the import.

use serde_json::{Value, json};

use super::{
    documents::{small, with_answers, with_parameters, with_thing},
    imported, refusal,
};
use crate::openapi::{
    corrections::How,
    import::{Notes, import},
};

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

#[test]
fn nothing_of_upstreams_prose_is_left() {
    let mut document = with_thing(json!({
        "type": "object", "title": "PROSE", "description": "PROSE", "examples": ["PROSE"],
        "properties": { "id": { "type": "string", "description": "PROSE", "example": "PROSE", "x-note": "PROSE" } },
    }));
    document["info"]["description"] = json!("PROSE");
    document["paths"]["/things/{id}"]["get"]["summary"] = json!("PROSE");
    document["paths"]["/things/{id}"]["get"]["x-codeSamples"] = json!([{ "source": "PROSE" }]);
    document["paths"]["/things/{id}"]["get"]["responses"]["200"]["description"] = json!("PROSE");
    document["tags"] = json!([{ "name": "things", "description": "PROSE" }]);
    let text = imported(document).expect("imported").to_string();
    assert!(!text.contains("PROSE"), "{text}");
}

#[test]
fn a_property_called_like_a_keyword_is_a_property() {
    let names = ["title", "description", "example", "default", "$ref", "properties", "required", "nullable"];
    for name in names {
        let thing = json!({ "type": "object", "properties": { name: { "type": "boolean" } } });
        let document = imported(with_thing(thing)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let kept = &document["components"]["schemas"]["Thing"]["properties"][name];
        assert_eq!(kept["type"], "boolean", "{name}");
    }
}

#[test]
fn null_among_the_types_is_nullable() {
    for schema in [
        json!({ "type": ["string", "null"] }),
        json!({ "type": "string", "nullable": true }),
        json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
        json!({ "oneOf": [{ "type": "null" }, { "type": "string" }] }),
    ] {
        let (received, sent) = readings(schema.clone());
        assert_eq!((&received["type"], &received["nullable"]), (&json!("string"), &json!(true)), "{schema}");
        assert_eq!(path(&sent), "runpod_api::Nullable", "{schema}");
    }
}

#[test]
fn several_types_are_any_json_when_received_and_a_choice_when_sent() {
    let (received, sent) = readings(json!({ "type": ["string", "integer"] }));
    assert_eq!(received["x-oneOf"].as_array().map(Vec::len), Some(2), "{received}");
    assert!(sent["$ref"].is_string(), "{sent}");
}

#[test]
fn a_constant_is_an_enum_of_one() {
    let (received, sent) = readings(json!({ "const": "ONLY" }));
    assert_eq!(received["x-enum"], json!(["ONLY"]));
    assert_eq!(sent, json!({ "$ref": "#/components/schemas/ThingIt" }));
}

#[test]
fn an_enum_is_open_when_received_and_closed_when_sent() {
    let (received, sent) = readings(json!({ "type": "string", "enum": ["A", "B"] }));
    assert_eq!(path(&received), "runpod_api::Open");
    assert_eq!(sent, json!({ "$ref": "#/components/schemas/ThingIt" }));
}

#[test]
fn an_enum_with_null_is_nullable() {
    let (received, _) = readings(json!({ "type": ["string", "null"], "enum": ["A", "B", null] }));
    assert_eq!(path(&received), "runpod_api::Open");
    assert_eq!(received["enum"], json!(["A", "B"]));
}

#[test]
fn what_the_catalog_decides_is_open_in_requests_too() {
    for (name, list) in [("gpuTypeId", false), ("dataCenterIds", true), ("allowedCudaVersions", true)] {
        let one = json!({ "type": "string", "enum": ["A", "B"] });
        let schema = if list { json!({ "type": "array", "items": one }) } else { one };
        let thing = json!({ "type": "object", "properties": { name: schema } });
        let document = imported(with_thing(thing)).expect("imported");
        let schemas = &document["components"]["schemas"];
        let sent = if schemas.get("ThingRequest").is_some() { "ThingRequest" } else { "Thing" };
        let property = &schemas[sent]["properties"][name];
        let values = if list { &property["items"] } else { property };
        assert_eq!(values["x-enum"], json!(["A", "B"]), "{name}: {property}");
        assert!(values.get("enum").is_none(), "{name}");
    }
}

#[test]
fn secrets_do_not_print_themselves_in_either_direction() {
    let secret = "runpod_api::Secret".to_owned();
    for name in ["password", "registryPassword", "apiKey", "access_token", "sshPrivateKey"] {
        let thing = json!({ "type": "object", "properties": { name: { "type": "string" } } });
        let document = imported(with_thing(thing)).expect("imported");
        let property = &document["components"]["schemas"]["Thing"]["properties"][name];
        assert_eq!(path(property), secret, "{name}");
    }
    let env = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let thing = json!({ "type": "object", "properties": { "env": env } });
    let document = imported(with_thing(thing)).expect("imported");
    for name in ["Thing", "ThingRequest"] {
        let values =
            &document["components"]["schemas"][name]["properties"]["env"]["x-rust-type"]["parameters"];
        assert!(values.to_string().contains(&secret), "{name}: {values}");
    }
}

#[test]
fn numbers_are_bounded_when_sent_and_any_when_received() {
    let ours = |received: &str, sent: &str| (received.to_owned(), sent.to_owned());
    let integer = "runpod_api::Integer";
    assert_eq!(
        paths(json!({ "type": "integer", "minimum": 1, "maximum": 9 })),
        ours(integer, "runpod_api::Int<1, 9>")
    );
    assert_eq!(
        paths(json!({ "type": "integer", "exclusiveMinimum": 0, "maximum": 9.0 })),
        ours(integer, "runpod_api::Int<1, 9>")
    );
    assert_eq!(
        paths(json!({ "type": "integer", "minimum": 0, "exclusiveMinimum": true, "maximum": 9 })),
        ours(integer, "runpod_api::Int<1, 9>")
    );
    assert_eq!(
        paths(json!({ "type": "number", "minimum": 0.5, "maximum": 2 })),
        ours("runpod_api::Number", "runpod_api::Num<500, 2000>")
    );
}

#[test]
fn formats_and_patterns_refuse_only_what_is_sent() {
    let schema = json!({ "type": "string", "pattern": "^[a-z]+$", "minLength": 1 });
    let (received, sent) = readings(schema.clone());
    assert!(received.get("pattern").is_none() && received.get("minLength").is_none());
    assert_eq!(received["x-pattern"], "^[a-z]+$");
    assert_eq!(sent, json!({ "$ref": "#/components/schemas/ThingIt" }));
    let thing = json!({ "type": "object", "properties": { "it": schema } });
    let text = &imported(with_thing(thing)).expect("imported")["components"]["schemas"]["ThingIt"];
    assert_eq!((&text["pattern"], &text["minLength"]), (&json!("^[a-z]+$"), &json!(1)));
    let (received, _) = readings(json!({ "type": "string", "format": "ipv4" }));
    assert_eq!(received, json!({ "type": "string", "x-format": "ipv4" }));
}

#[test]
fn a_pattern_that_cannot_be_compiled_is_set_aside() {
    let (_, sent) = readings(json!({ "type": "string", "pattern": "([a-z" }));
    assert_eq!(sent, json!({ "type": "string", "x-pattern": "([a-z" }));
}

#[test]
fn a_default_is_never_sent_for_you_whatever_its_type() {
    for default in [json!("8888/http,22/tcp"), json!(["22/tcp"]), json!(7)] {
        let schema = json!({ "type": "array", "items": { "type": "string" }, "default": default });
        let (received, sent) = readings(schema);
        assert!(received.get("default").is_none() && sent.get("default").is_none());
        assert_eq!(received["x-default"], default);
    }
}

#[test]
fn a_map_written_as_an_object_with_items_is_a_map() {
    let schema = json!({ "type": "object", "items": { "type": "integer" } });
    let (received, sent) = paths(schema);
    assert_eq!((received.as_str(), sent.as_str()), ("runpod_api::LenientMap", "std::collections::BTreeMap"));
}

#[test]
fn what_stands_beside_a_reference_is_kept() {
    let mut document = with_thing(json!({
        "type": "object",
        "properties": { "it": { "$ref": "#/components/schemas/Size", "default": "S", "description": "x" } },
    }));
    document["components"]["schemas"]["Size"] = json!({ "type": "string", "enum": ["S", "L"] });
    let document = imported(document).expect("imported");
    let schemas = &document["components"]["schemas"];
    assert_eq!(path(&schemas["Thing"]["properties"]["it"]), "runpod_api::Open");
    let sent = &schemas["ThingRequest"]["properties"]["it"];
    assert_eq!(sent["allOf"], json!([{ "$ref": "#/components/schemas/Size" }]));
    assert_eq!(sent["x-default"], "S");
}

#[test]
fn all_of_is_one_object() {
    let mut document = with_thing(json!({
        "allOf": [
            { "$ref": "#/components/schemas/Base" },
            { "type": "object", "required": ["b"], "properties": { "b": { "type": "boolean" } } },
        ],
        "unevaluatedProperties": false,
    }));
    document["components"]["schemas"]["Base"] =
        json!({ "type": "object", "required": ["a"], "properties": { "a": { "type": "boolean" } } });
    let document = imported(document).expect("imported");
    let sent = &document["components"]["schemas"]["ThingRequest"];
    assert_eq!(sent["required"], json!(["a", "b"]));
    assert_eq!(sent["additionalProperties"], false);
    assert!(sent["properties"].get("a").is_some() && sent["properties"].get("b").is_some());
}

#[test]
fn a_choice_of_objects_is_one_lenient_object_when_received_and_an_enum_when_sent() {
    let mut document = with_thing(json!({
        "oneOf": [{ "$ref": "#/components/schemas/Cat" }, { "$ref": "#/components/schemas/Dog" }],
        "discriminator": {
            "propertyName": "kind",
            "mapping": { "CAT": "#/components/schemas/Cat", "DOG": "#/components/schemas/Dog" },
        },
    }));
    for (name, own) in [("Cat", "purrs"), ("Dog", "barks")] {
        document["components"]["schemas"][name] = json!({
            "type": "object", "required": ["kind"],
            "properties": { "kind": { "type": "string" }, own: { "type": "boolean" } },
        });
    }
    let document = imported(document).expect("imported");
    let schemas = &document["components"]["schemas"];
    let received: Vec<&String> = schemas["Thing"]["properties"].as_object().expect("object").keys().collect();
    assert_eq!(received, ["barks", "kind", "purrs"]);
    assert_eq!(schemas["ThingRequest"]["oneOf"].as_array().map(Vec::len), Some(2));
    assert_eq!(schemas["Cat"]["properties"]["kind"], json!({ "$ref": "#/components/schemas/CatKind" }));
    assert_eq!(schemas["CatKind"]["enum"], json!(["CAT"]));
}

#[test]
fn any_of_becomes_what_the_generator_carries() {
    let (received, sent) = readings(json!({ "anyOf": [{ "type": "integer" }, { "type": "boolean" }] }));
    assert!(received.get("anyOf").is_none() && sent.get("anyOf").is_none());
    let (received, _) =
        readings(json!({ "anyOf": [{ "type": "string", "enum": ["A", "B"] }, { "type": "string" }] }));
    assert!(received.get("anyOf").is_none(), "{received}");
}

#[test]
fn conditions_are_kept_for_validators_with_their_references_written_out() {
    let mut document = with_thing(json!({
        "type": "object",
        "properties": { "a": { "type": "string" } },
        "if": { "properties": { "a": { "$ref": "#/components/schemas/One" } } },
        "then": { "required": ["b"] },
    }));
    document["components"]["schemas"]["One"] = json!({ "type": "string", "const": "1" });
    let document = imported(document).expect("imported");
    let conditions = &document["components"]["schemas"]["Thing"]["x-conditions"];
    assert_eq!(conditions[0]["then"], json!({ "required": ["b"] }));
    assert!(!conditions.to_string().contains("$ref"), "{conditions}");
}

#[test]
fn what_contains_itself_is_boxed() {
    let parent = json!({ "anyOf": [{ "$ref": "#/components/schemas/Thing" }, { "type": "null" }] });
    let thing = json!({ "type": "object", "required": ["name"], "properties": {
        "name": { "type": "string" }, "parent": parent } });
    let document = imported(with_thing(thing)).expect("imported");
    let parent = &document["components"]["schemas"]["ThingRequest"]["properties"]["parent"];
    assert_eq!(path(parent), "runpod_api::Nullable");
    assert_eq!(path(&parent["x-rust-type"]["parameters"][0]), "std::boxed::Box");
}

#[test]
fn only_identity_is_required_of_an_answer() {
    let thing = json!({
        "type": "object", "required": ["id", "name"], "additionalProperties": false,
        "properties": { "id": { "type": "string" }, "name": { "type": "string" } },
    });
    let document = imported(with_thing(thing)).expect("imported");
    let schemas = &document["components"]["schemas"];
    let (received, sent) = (&schemas["Thing"], &schemas["ThingRequest"]);
    assert_eq!((&received["required"], &received["x-required"]), (&json!(["id"]), &json!(["id", "name"])));
    assert!(received.get("additionalProperties").is_none());
    assert_eq!((&sent["required"], &sent["additionalProperties"]), (&json!(["id", "name"]), &json!(false)));
}

#[test]
fn what_is_only_read_is_not_sent_and_what_is_only_written_is_not_received() {
    let thing = json!({
        "type": "object", "required": ["r", "w"],
        "properties": {
            "r": { "type": "string", "readOnly": true }, "w": { "type": "string", "writeOnly": true },
        },
    });
    let document = imported(with_thing(thing)).expect("imported");
    let schemas = &document["components"]["schemas"];
    assert!(schemas["Thing"]["properties"].get("w").is_none());
    assert!(schemas["ThingRequest"]["properties"].get("r").is_none());
    assert_eq!(schemas["ThingRequest"]["required"], json!(["w"]));
}

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
