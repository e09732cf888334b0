//! Broken documents: a refusal that names the place, and never a panic.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};

use super::imported;
use crate::openapi::{pointer::step, source};

/// Documents that are broken, of each contract.
const CASES: usize = 300;

fn contract(version: &str) -> Value {
    let path = crate::openapi::contract_folder().join(format!("{version}.json"));
    source::read(&path.to_string_lossy()).expect("the committed contract")
}

fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| pointers(item, &step(at, index), found));
        }
        Value::Object(node) => node.iter().for_each(|(key, value)| pointers(value, &step(at, key), found)),
        _ => {}
    }
    found.push(at.to_owned());
}

/// Takes away or replaces what is at the pointer.
fn broken(document: &mut Value, pointer: &str, random: &mut StdRng) {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e308),
        json!(""),
        json!("é/~"),
        json!([]),
        json!({}),
        json!([null]),
        json!({ "$ref": "#/components/schemas/Pod" }),
        json!({ "$ref": "#/nowhere" }),
        json!({ "type": "array" }),
        json!({ "allOf": [{ "type": "string" }, { "type": "object" }] }),
        json!({ "oneOf": [] }),
        json!({ "type": ["string", "null", "object"] }),
    ];
    let split = crate::openapi::pointer::split(pointer);
    if let (true, Some((parent, key))) = (random.random_bool(0.3), split)
        && let Some(Value::Object(node)) = document.pointer_mut(parent)
    {
        node.remove(&key);
        return;
    }
    if let (Some(place), Some(odd)) = (document.pointer_mut(pointer), odd.choose(random)) {
        *place = odd.clone();
    }
}

#[test]
fn a_broken_document_is_carried_or_refused_by_its_place() {
    for version in ["v1", "v2"] {
        let whole = contract(version);
        let mut places = Vec::new();
        pointers(&whole, "", &mut places);
        let mut random = StdRng::seed_from_u64(20_261_115);
        let mut refused = 0;
        for _ in 0..CASES {
            let pointer = places.choose(&mut random).expect("a place");
            let mut document = whole.clone();
            broken(&mut document, pointer, &mut random);
            let imported = imported(document);
            refused +=
                usize::from(imported.as_ref().is_ok_and(|document| document.get("x-skipped").is_some()));
            if let Err(text) = imported {
                assert!(text.starts_with('/') && text.contains("; "), "{pointer}: {text}");
                assert!(!text.contains("comes out"), "no rule of its own: {pointer}: {text}");
                refused += 1;
            }
        }
        assert!(refused > 0, "{version}: nothing was refused");
    }
}

#[test]
fn what_is_not_a_document_is_refused() {
    for document in [json!(null), json!([]), json!("openapi"), json!({}), json!({ "openapi": "3.1.0" })] {
        assert!(imported(document.clone()).is_err_and(|text| text.starts_with('/')), "{document}");
    }
}
