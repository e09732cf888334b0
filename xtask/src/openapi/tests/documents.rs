//! Small documents for tests.

use serde_json::{Value, json};

/// A document with one component, sent and received.
pub(in crate::openapi) fn small() -> Value {
    with_thing(json!({
        "type": "object",
        "required": ["id", "name"],
        "properties": { "id": { "type": "string" }, "name": { "type": "string" } },
    }))
}

/// The small document with another component in it.
pub(in crate::openapi) fn with_thing(thing: Value) -> Value {
    let reference = json!({ "$ref": "#/components/schemas/Thing" });
    let body = json!({ "content": { "application/json": { "schema": reference } } });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Things", "version": "1" },
        "paths": {
            "/things/{id}": {
                "get": { "operationId": "getThing", "responses": { "200": body } },
                "put": { "operationId": "putThing", "requestBody": body, "responses": { "204": {} } },
            },
        },
        "components": { "schemas": { "Thing": thing } },
    })
}

/// The small document with parameters of `getThing`.
pub(in crate::openapi) fn with_parameters(parameters: Value) -> Value {
    let mut document = small();
    document["paths"]["/things/{id}"]["get"]["parameters"] = parameters;
    document
}

/// The small document with answers of `getThing`.
pub(in crate::openapi) fn with_answers(answers: Value) -> Value {
    let mut document = small();
    document["paths"]["/things/{id}"]["get"]["responses"] = answers;
    document
}
