//! Schemas, as received and as sent.

use serde_json::json;

use crate::openapi::tests::{
    documents::with_thing,
    imported,
    rules::{path, paths, readings},
};

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
