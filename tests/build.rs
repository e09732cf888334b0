//! Writes a table of every operation in the contract, for the tests that walk them all.

use std::{env, fmt::Write as _, fs, path::Path};

use heck::ToSnakeCase as _;
use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    for version in ["v1", "v2"] {
        let contract = Path::new("../openapi").join(version).with_extension("json");
        println!("cargo::rerun-if-changed={}", contract.display());
        let document: Value = serde_json::from_slice(&fs::read(&contract)?)?;
        let out = Path::new(&env::var("OUT_DIR")?).join(format!("operations_{version}.rs"));
        fs::write(out, table(&document)?)?;
    }
    Ok(())
}

fn table(document: &Value) -> Result<String, Failure> {
    let mut out = "vec![\n".to_owned();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (_, operation) in item.as_object().into_iter().flatten() {
            writeln!(out, "    {},", one(document, path, operation))?;
        }
    }
    Ok(out + "]\n")
}

fn one(document: &Value, path: &str, operation: &Value) -> String {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let has_body = operation.get("requestBody").is_some();
    let content = operation.pointer("/responses/2XX/content").and_then(Value::as_object);
    let streams = content.is_some_and(|content| !content.contains_key("application/json"));
    let kind = match (streams, has_body) {
        (true, _) => "stream",
        (false, true) => "value_with_body",
        (false, false) => "value",
    };
    let mut arguments = arguments(document, path, operation);
    let options = operation["x-options"]["$ref"].as_str().and_then(|name| name.rsplit('/').next());
    let has_options = options.is_some();
    arguments.extend(options.map(|name| filled(name, operation)));
    let given = if arguments.is_empty() { "_given" } else { "given" };
    let body = if has_body { ", body" } else { "" };
    if has_body {
        // The options come last.
        arguments.insert(arguments.len() - usize::from(has_options), "body".to_owned());
    }
    let method = id.to_snake_case() + if has_options { "_with" } else { "" };
    let arguments = arguments.join(", ");
    format!(
        "Operation::{kind}({id:?}, |client: &'static Client, {given}: &'static Given{body}| client.{method}({arguments}))"
    )
}

/// An expression for the options of a call, each taken from what is given.
fn filled(name: &str, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let optional = parameters.filter(|parameter| parameter["required"] != true);
    let fields: String = optional
        .filter_map(|parameter| parameter["name"].as_str())
        .map(|wire| format!("options.{} = given.copied({wire:?}); ", wire.to_snake_case()))
        .collect();
    format!("{{ let mut options = types::{name}::new(); {fields}&*Box::leak(Box::new(options)) }}")
}

/// The arguments that must be given, in the order of the generated method: path, query by name, headers by name.
fn arguments(document: &Value, path: &str, operation: &Value) -> Vec<String> {
    let place = |parameter: &&Value| {
        let name = parameter["name"].as_str().unwrap_or_default();
        match parameter["in"].as_str() {
            Some("path") => (0, path.find(&format!("{{{name}}}")).unwrap_or_default(), name.to_owned()),
            Some("query") => (1, 0, name.to_owned()),
            _ => (2, 0, name.to_owned()),
        }
    };
    let all = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut parameters: Vec<&Value> = all.iter().filter(|parameter| parameter["required"] == true).collect();
    parameters.sort_by_key(place);
    parameters.into_iter().map(|parameter| argument(document, parameter)).collect()
}

fn argument(document: &Value, parameter: &Value) -> String {
    let name = &parameter["name"];
    let get = match parameter["in"].as_str() {
        Some("path") => "path",
        Some("header") => "text",
        _ => query(document, &parameter["schema"]),
    };
    if matches!(get, "by_reference" | "joined") {
        return format!("&*Box::leak(Box::new(given.copied({name}).expect(\"required\")))");
    }
    let must = if get == "path" { "" } else { ".expect(\"required\")" };
    format!("given.{get}({name}){must}")
}

/// Form in which the generated method takes a query parameter.
fn query(document: &Value, schema: &Value) -> &'static str {
    if let Some(path) = schema.pointer("/x-rust-type/path").and_then(Value::as_str) {
        return if path.ends_with("Joined") { "joined" } else { "by_reference" };
    }
    let reference = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
    let whole = reference.and_then(|name| document.pointer(name.trim_start_matches('#'))).unwrap_or(schema);
    let checked = ["minLength", "maxLength", "pattern"].iter().any(|key| whole.get(*key).is_some());
    match whole["type"].as_str() {
        Some("string") if whole.get("enum").is_some() => "copied",
        Some("string") if checked => "by_reference",
        Some("string") => "text",
        _ => "copied",
    }
}
