//! Limits of the generator, operation by operation.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde_json::{Map, Value};

use super::{Failure, flatten::lone_target, pointer::step, refusal::Refusal};
use crate::bindings;

/// The first thing that the generator does not carry; nothing if it carries all.
pub(crate) fn refusal(document: &Value) -> Result<Option<Refusal>, Failure> {
    let Err(whole) = generated(document) else { return Ok(None) };
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in item.as_object().into_iter().flat_map(Map::keys) {
            if let Err(problem) = generated(&alone(document, path, method)) {
                let at = step(&step("/paths", path), method);
                let problem = format!("the generator cannot carry it: {problem}");
                return Ok(Some(Refusal::new(&at, problem, "correct what is odd there")));
            }
        }
    }
    Err(format!("the generator carries each operation, but not all together: {whole}").into())
}

fn generated(document: &Value) -> Result<(), String> {
    let attempt = || -> Result<(), String> {
        bindings::client(document)?;
        bindings::mock(document, "crate::it").map(drop)
    };
    // It panics on some schemas; what it says then is on stderr.
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|panic| {
        let text =
            panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(text.unwrap_or("it panics").chars().take(200).collect())
    })
}

/// The document with one operation and the components that it reaches.
fn alone(document: &Value, path: &str, method: &str) -> Value {
    let mut one = document.clone();
    let operation = document["paths"][path][method].clone();
    let mut reached = BTreeSet::from(["ErrorResponse".to_owned()]);
    reach(document, &operation, &mut reached);
    one["paths"] = Value::Object(Map::from_iter([(
        path.to_owned(),
        Value::Object(Map::from_iter([(method.to_owned(), operation)])),
    )]));
    if let Some(schemas) = one.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.retain(|name, _| reached.contains(name));
    }
    one
}

fn reach(document: &Value, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| reach(document, item, found)),
        Value::Object(node) => {
            if let Some(name) = node.get("$ref").and_then(|_| lone_target(node))
                && found.insert(name.clone())
                && let Some(there) =
                    document.pointer("/components/schemas").and_then(|schemas| schemas.get(&name))
            {
                reach(document, there, found);
            }
            node.values().for_each(|value| reach(document, value, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn success(schema: Value) -> Value {
        json!({ "description": "", "content": { "application/json": { "schema": schema } } })
    }

    fn document(odd: Value) -> Value {
        let sound =
            json!({ "operationId": "sound", "responses": { "200": success(json!({ "type": "string" })) } });
        json!({
            "openapi": "3.0.3", "info": { "title": "", "version": "" },
            "paths": { "/sound": { "get": sound }, "/odd": { "get": odd } },
            "components": { "schemas": {} },
        })
    }

    #[test]
    fn the_operation_that_the_generator_does_not_carry_is_named_among_those_it_does() {
        let fine =
            json!({ "operationId": "odd", "responses": { "200": success(json!({ "type": "object" })) } });
        assert!(refusal(&document(fine)).expect("an answer").is_none());
        let nowhere = success(json!({ "$ref": "#/components/schemas/Nothing" }));
        let cookie = json!({ "name": "c", "in": "cookie", "schema": { "type": "string" } });
        for odd in [
            json!({ "operationId": "odd", "responses": { "200": nowhere } }),
            json!({ "operationId": "odd", "parameters": [cookie], "responses": {} }),
            json!({ "responses": {} }),
        ] {
            let refusal = refusal(&document(odd.clone())).expect("an answer");
            let refusal = refusal.unwrap_or_else(|| panic!("{odd} is carried"));
            assert_eq!(refusal.pointer(), "/paths/~1odd/get", "{odd}");
            assert!(refusal.to_string().contains("the generator cannot carry it"), "{refusal}");
        }
    }
}
