//! Leaving out what cannot be carried: single operations, by name, instead of the document.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::{operations::METHODS, pointer, refusal::Refusal};

/// Key under which our documents list what was left out.
pub(crate) const SKIPPED: &str = "x-skipped";

/// Something of upstream's that the bindings do not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Skipped {
    /// `POST /v2/pods`, or a component that no operation uses.
    pub(crate) place: String,
    /// Upstream's operation id, empty where there is none.
    pub(crate) id: String,
    /// The problem: its place, its nature and what to do about it.
    pub(crate) problem: String,
}

/// Takes away what the refusal is about; nothing if that is not known.
pub(crate) fn leave_out(document: &mut Value, refusal: &Refusal) -> Vec<Skipped> {
    let steps: Vec<String> =
        refusal.pointer().split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    match steps.as_slice() {
        ["paths", path, method, ..] if METHODS.contains(method) => {
            operations(document, refusal, |place, name, _| place == *path && name == *method)
        }
        ["paths", path, ..] => operations(document, refusal, |place, _, _| place == *path),
        ["components", "schemas", name, ..] => component(document, refusal, name),
        _ => Vec::new(),
    }
}

fn operations(
    document: &mut Value,
    refusal: &Refusal,
    is_meant: impl Fn(&str, &str, &Value) -> bool,
) -> Vec<Skipped> {
    let mut skipped = Vec::new();
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        let Some(item) = item.as_object_mut() else { continue };
        for method in METHODS {
            if item.get(method).is_some_and(|operation| is_meant(path, method, operation)) {
                let operation = item.remove(method).unwrap_or_default();
                skipped.push(Skipped {
                    place: format!("{} {path}", method.to_uppercase()),
                    id: operation["operationId"].as_str().unwrap_or_default().to_owned(),
                    problem: refusal.to_string(),
                });
            }
        }
        if METHODS.iter().all(|method| !item.contains_key(*method)) {
            item.clear();
        }
    }
    skipped
}

/// Takes away a component with all that uses it. A component of ours counts as the one it is a part of.
fn component(document: &mut Value, refusal: &Refusal, name: &str) -> Vec<Skipped> {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    let names = schemas.into_iter().flatten().map(|(own, _)| own.as_str());
    let Some(own) = names.filter(|own| name.starts_with(own)).max_by_key(|own| own.len()).map(str::to_owned)
    else {
        return by_id(document, refusal, name);
    };
    let users = users(document, &own);
    let mut skipped =
        operations(document, refusal, |path, method, _| users.contains(&format!("{method} {path}")));
    if skipped.is_empty() {
        let place = pointer::step("/components/schemas", &own);
        skipped.push(Skipped { place, id: String::new(), problem: refusal.to_string() });
    }
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.remove(&own);
        schemas.values_mut().for_each(|schema| forget(schema, &own));
    }
    skipped
}

/// The operation that a component of ours is named after.
fn by_id(document: &mut Value, refusal: &Refusal, name: &str) -> Vec<Skipped> {
    let name = name.to_ascii_lowercase();
    let is_meant = |_: &str, _: &str, operation: &Value| {
        let id = operation["operationId"].as_str().unwrap_or_default().to_ascii_lowercase();
        !id.is_empty() && name.starts_with(&id)
    };
    operations(document, refusal, is_meant)
}

/// The operations that reach a component.
fn users(document: &Value, name: &str) -> BTreeSet<String> {
    let mut users = BTreeSet::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let (mut seen, aim) = (BTreeSet::new(), format!("#/components/schemas/{name}"));
            let shared =
                item.get("parameters").is_some_and(|shared| reaches(document, shared, &aim, &mut seen));
            if item.get(method).is_some_and(|own| shared || reaches(document, own, &aim, &mut seen)) {
                users.insert(format!("{method} {path}"));
            }
        }
    }
    users
}

fn reaches(document: &Value, value: &Value, aim: &str, seen: &mut BTreeSet<String>) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| reaches(document, item, aim, seen)),
        Value::Object(node) => node.iter().any(|(key, value)| match (key.as_str(), value) {
            ("$ref", Value::String(reference)) => {
                let there = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                reference == aim
                    || seen.insert(reference.clone())
                        && there.is_some_and(|there| reaches(document, there, aim, seen))
            }
            _ => reaches(document, value, aim, seen),
        }),
        _ => false,
    }
}

/// Has references to a component that is gone refer to nothing.
fn forget(value: &mut Value, name: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| forget(item, name)),
        Value::Object(node) => {
            if node.get("$ref").is_some_and(|reference| *reference == format!("#/components/schemas/{name}"))
            {
                node.remove("$ref");
            }
            node.values_mut().for_each(|value| forget(value, name));
        }
        _ => {}
    }
}
