//! A document as it may be published, brought to the form that the rules read: no `null` where a key could as well be
//! absent, and every `$ref` to a schema leads to a component.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    aliases::{field, is_reserved},
    operations::capitalised,
    schema::target,
};

/// Keys whose values are data, not description.
const DATA: [&str; 6] = ["const", "default", "enum", "example", "examples", "value"];

/// Keys whose values are objects by name, so that what looks like a keyword in them is a name.
const NAMED: [&str; 10] = [
    "$defs",
    "definitions",
    "dependentSchemas",
    "mapping",
    "parameters",
    "paths",
    "patternProperties",
    "properties",
    "responses",
    "schemas",
];

/// Deepest chain of references into components.
const DEPTH: usize = 16;

/// The document, tidied.
pub(crate) fn tidied(document: Value) -> Value {
    let mut document = without_nulls(document, false);
    for _ in 0..DEPTH {
        let mut found = BTreeMap::new();
        references(&document, false, &mut |reference| {
            drop(found.insert(reference.to_owned(), String::new()))
        });
        if !name_targets(&mut document, &mut found) {
            break;
        }
        point(&mut document, false, &found);
    }
    let names =
        document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    unresolved(&mut document, &|name| names.contains_key(name));
    name_arguments(&mut document);
    document
}

/// Gives the arguments in paths names that differ from each other and from what the generated methods use. They are
/// not on the wire.
fn name_arguments(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    let odd: Vec<String> = paths.keys().filter(|path| named_anew(path).0 != **path).cloned().collect();
    for path in odd {
        let (better, renamed) = named_anew(&path);
        let Some(mut item) = paths.remove(&path).filter(|_| !paths.contains_key(&better)) else { continue };
        let lists = item.as_object_mut().into_iter().flat_map(|item| item.iter_mut());
        let lists = lists.filter_map(|(key, value)| match key.as_str() {
            "parameters" => Some(value),
            _ => value.get_mut("parameters"),
        });
        for parameter in lists.filter_map(Value::as_array_mut).flatten() {
            let own = renamed.iter().find(|(old, _)| parameter["in"] == "path" && parameter["name"] == **old);
            if let Some((_, new)) = own {
                parameter["name"] = json!(new);
            }
        }
        paths.insert(better, item);
    }
}

/// The path with better names, and the names that are others, each with its new one.
fn named_anew(path: &str) -> (String, Vec<(String, String)>) {
    let (mut better, mut renamed, mut seen): (String, Vec<_>, Vec<String>) =
        (String::new(), Vec::new(), Vec::new());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        let words: String =
            name.chars().filter(|letter| letter.is_ascii_alphanumeric() || "_-".contains(*letter)).collect();
        let base = if is_reserved(&words) || words.starts_with(|first: char| !first.is_ascii_alphabetic()) {
            format!("the_{words}")
        } else {
            words
        };
        let numbered = |number: usize| if number == 1 { base.clone() } else { format!("{base}{number}") };
        let new = (1..).map(numbered).find(|name| !seen.contains(&field(name))).unwrap_or_default();
        seen.push(field(&new));
        if new != name
            && !renamed.iter().any(|(old, _)| old == name)
            && !better.contains(&format!("{{{name}}}"))
        {
            renamed.push((name.to_owned(), new.clone()));
        }
        better += &format!("{before}{{{new}}}");
        rest = after;
    }
    (better + rest, renamed)
}

/// A reference to a component that is not there says nothing; the schema rules list it as ignored.
fn unresolved(value: &mut Value, is_there: &dyn Fn(&str) -> bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| unresolved(item, is_there)),
        Value::Object(node) => {
            let lost =
                node.get("$ref").and_then(Value::as_str).and_then(target).is_some_and(|name| !is_there(name));
            if lost && let Some(reference) = node.remove("$ref") {
                node.insert("$unresolved".to_owned(), reference);
            }
            node.values_mut().for_each(|value| unresolved(value, is_there));
        }
        _ => {}
    }
}

fn without_nulls(value: Value, names: bool) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|item| without_nulls(item, false)).collect(),
        Value::Object(node) => Value::Object(
            node.into_iter()
                .filter(|(key, value)| !value.is_null() || !names && DATA.contains(&key.as_str()))
                .map(|(key, value)| {
                    let value = match !names && DATA.contains(&key.as_str()) {
                        true => value,
                        false => without_nulls(value, !names && NAMED.contains(&key.as_str())),
                    };
                    (key, value)
                })
                .collect(),
        ),
        other => other,
    }
}

/// Sees every reference within the document.
fn references(value: &Value, names: bool, see: &mut impl FnMut(&str)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, false, see)),
        Value::Object(node) => {
            for (key, value) in node {
                match (key.as_str(), value) {
                    ("$ref", Value::String(reference)) if !names => see(reference),
                    (key, _) if !names && DATA.contains(&key) => {}
                    (key, value) => references(value, !names && NAMED.contains(&key), see),
                }
            }
        }
        _ => {}
    }
}

/// Gives the references that do not lead to a component where they should lead; adds the components for them.
fn name_targets(document: &mut Value, found: &mut BTreeMap<String, String>) -> bool {
    let mut better = BTreeMap::new();
    for reference in found.keys() {
        let Some(pointer) = reference.strip_prefix('#').map(decoded) else { continue };
        let plain = format!("#{pointer}");
        if target(&plain).is_some() {
            if plain != *reference {
                better.insert(reference.clone(), plain);
            }
            continue;
        }
        let Some(schema) = document.pointer(&pointer).filter(|there| is_schema(there)).cloned() else {
            continue;
        };
        let name = free_name(document, &pointer, &schema);
        if let Some(schemas) = schemas_of(document) {
            schemas.insert(name.clone(), schema);
            better.insert(reference.clone(), format!("#/components/schemas/{name}"));
        }
    }
    *found = better;
    !found.is_empty()
}

fn schemas_of(document: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    let components = document.as_object_mut()?.entry("components").or_insert_with(|| json!({}));
    components.as_object_mut()?.entry("schemas").or_insert_with(|| json!({})).as_object_mut()
}

fn is_schema(value: &Value) -> bool {
    const SIGNS: [&str; 9] =
        ["$ref", "additionalProperties", "allOf", "anyOf", "const", "enum", "items", "oneOf", "properties"];
    let named = value.get("name").is_some() && value.get("in").is_some();
    let typed = value.get("type").is_some_and(|kind| kind.is_string() || kind.is_array());
    !named && value.as_object().is_some_and(|node| typed || SIGNS.iter().any(|sign| node.contains_key(*sign)))
}

/// A name made of where the schema is; the one of a component that is the same, if there is one.
fn free_name(document: &Value, pointer: &str, schema: &Value) -> String {
    let steps = pointer.split('/').filter(|step| {
        !["", "$defs", "components", "content", "definitions", "paths", "properties", "schema", "schemas"]
            .contains(step)
    });
    let base: String = steps.map(|step| capitalised(&step.replace("~1", " "))).collect();
    let base = if base.is_empty() { "Part".to_owned() } else { base };
    let fits = |name: &String| {
        let there = document.pointer(&format!("/components/schemas/{name}"));
        there.is_none_or(|there| there == schema)
    };
    let numbered = |number: usize| if number == 1 { base.clone() } else { format!("{base}{number}") };
    (1..).map(numbered).find(fits).unwrap_or(base.clone())
}

fn point(value: &mut Value, names: bool, found: &BTreeMap<String, String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| point(item, false, found)),
        Value::Object(node) => {
            for (key, value) in node.iter_mut() {
                match (key.as_str(), &value) {
                    ("$ref", Value::String(reference)) if !names => {
                        if let Some(better) = found.get(reference.as_str()) {
                            *value = json!(better);
                        }
                    }
                    (key, _) if !names && DATA.contains(&key) => {}
                    (key, _) => {
                        let names = !names && NAMED.contains(&key);
                        point(value, names, found);
                    }
                }
            }
        }
        _ => {}
    }
}

/// The text without percent-encoding, where it was UTF-8.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_into_a_component_leads_to_a_component_of_its_own() {
        let tidy = tidied(json!({
            "paths": {},
            "components": { "schemas": {
                "Pod": { "type": "object", "$defs": { "Size": { "type": "string" } }, "properties": {
                    "gpu": { "type": "object", "properties": { "id": { "$ref": "#/components/schemas/Pod/%24defs/Size" } } },
                    "other": { "$ref": "#/components/schemas/Pod/properties/gpu" },
                    "again": { "$ref": "#/components/schemas/P%6Fd" },
                } },
            } },
        }));
        let schemas = &tidy["components"]["schemas"];
        assert_eq!(schemas["Pod"]["properties"]["other"], json!({ "$ref": "#/components/schemas/PodGpu" }));
        assert_eq!(schemas["Pod"]["properties"]["again"], json!({ "$ref": "#/components/schemas/Pod" }));
        assert_eq!(schemas["PodGpu"]["properties"]["id"], json!({ "$ref": "#/components/schemas/PodSize" }));
        assert_eq!(schemas["PodSize"], json!({ "type": "string" }));
    }

    #[test]
    fn null_is_absent_except_where_it_is_data() {
        let tidy = tidied(json!({
            "tags": null,
            "components": { "schemas": { "A": { "enum": ["x", null], "default": null, "pattern": null } } },
        }));
        assert_eq!(
            tidy,
            json!({ "components": { "schemas": { "A": { "enum": ["x", null], "default": null } } } })
        );
    }
}
