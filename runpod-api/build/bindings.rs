//! The code of the bindings for a contract document.

use std::collections::{BTreeMap, BTreeSet};

use openapiv3::OpenAPI;
use progenitor::{CrateVers, GenerationSettings, Generator, InterfaceStyle};
use serde_json::{Value, json};

use crate::surface;

/// The client and its types.
pub(crate) fn client(document: &Value) -> Result<String, String> {
    let mut document = document.clone();
    let mut aliases = BTreeMap::new();
    aliased(&mut document, &mut aliases);
    optional_in_one(&mut document);
    let tokens = generator()?.generate_tokens(&spec(&document)?).map_err(|error| error.to_string())?;
    let mut file = syn::parse2(tokens).map_err(|error| error.to_string())?;
    let plain = surface::complete(&mut file, &sent(&document), &options(&mut document));
    let mut code = prettyplease::unparse(&file)
        // Our own transport keeps what the server said and never prints a payload.
        .replace("progenitor_client::", "crate::transport::")
        .replace("Error<types::ErrorResponse>", "Error")
        // RunPod adds values and alternatives at any time.
        .replace("\n    pub enum ", "\n    #[non_exhaustive]\n    pub enum ")
        // reqwest has no methods of these names.
        .replace(".options(url)", ".request(::reqwest::Method::OPTIONS, url)")
        .replace(".trace(url)", ".request(::reqwest::Method::TRACE, url)");
    for name in plain {
        code = code.replace(&format!("operation_id: \"{name}_with\""), &format!("operation_id: \"{name}\""));
    }
    Ok(on_the_wire(code, &aliases))
}

/// Typed mocks of every operation of the client in the module at `path`.
pub(crate) fn mock(document: &Value, path: &str) -> Result<String, String> {
    let mut document = document.clone();
    let mut aliases = BTreeMap::new();
    aliased(&mut document, &mut aliases);
    let tokens = generator()?.httpmock(&spec(&document)?, path).map_err(|error| error.to_string())?;
    let file = syn::parse2(tokens).map_err(|error| error.to_string())?;
    Ok(on_the_wire(prettyplease::unparse(&file), &aliases))
}

fn generator() -> Result<Generator, String> {
    let inner = "crate::transport::Settings".parse().map_err(|_| "the settings' path is malformed")?;
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Positional)
        .with_inner_type(inner)
        .with_crate("runpod-api", CrateVers::Any, None)
        .with_crate("std", CrateVers::Any, None);
    Ok(Generator::new(&settings))
}

fn spec(document: &Value) -> Result<OpenAPI, String> {
    serde_json::from_value(document.clone()).map_err(|error| error.to_string())
}

/// Puts one argument, `options`, in place of what may be left out of a call.
fn optional_in_one(document: &mut Value) {
    for operation in operations(document) {
        let Some(schema) = operation.get("x-options").cloned() else { continue };
        let options = json!({ "name": "options", "in": "query", "required": true, "schema": schema,
            "description": "What may be left out." });
        operation["operationId"] = json!(format!("{}-with", text(&operation["operationId"])));
        if let Some(parameters) = operation["parameters"].as_array_mut() {
            parameters.retain(|parameter| parameter["required"] == true);
            parameters.push(options);
        }
    }
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let items = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    items.flat_map(|item| item.as_object_mut().into_iter().flat_map(|item| item.values_mut()))
}

/// Hands the generator the names that the contract has chosen where those on the wire would fall together.
fn aliased(value: &mut Value, aliases: &mut BTreeMap<String, String>) {
    if let Some(Value::Object(names)) = value.get("x-names").cloned() {
        for (wire, alias) in &names {
            aliases.insert(text(alias).to_owned(), wire.clone());
            if let Some(Value::Object(properties)) = value.get_mut("properties")
                && let Some(schema) = properties.remove(wire)
            {
                properties.insert(text(alias).to_owned(), schema);
            }
        }
        let lists = ["required", "enum"]
            .map(|key| value.get_mut(key).and_then(Value::as_array_mut).map(std::mem::take));
        for (key, list) in ["required", "enum"].into_iter().zip(lists) {
            if let Some(list) = list {
                let named = |name: Value| names.get(text(&name)).cloned().unwrap_or(name);
                value[key] = list.into_iter().map(named).collect();
            }
        }
        if let Some(alias) = names.get(text(&value["name"])).cloned() {
            value["name"] = alias;
        }
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| aliased(item, aliases)),
        Value::Object(node) => node.values_mut().for_each(|value| aliased(value, aliases)),
        _ => {}
    }
}

/// Puts the names on the wire back.
fn on_the_wire(mut code: String, aliases: &BTreeMap<String, String>) -> String {
    for (alias, wire) in aliases {
        code = code.replace(&format!("{alias:?}"), &format!("{wire:?}"));
    }
    // A body that may be left out.
    code.replace("&'a ::runpod_api::Unless<", "Option<&'a ")
        .replace("::runpod_api::Unless<", "::std::option::Option<")
}

/// The types of what may be left out.
fn options(document: &mut Value) -> BTreeSet<String> {
    let reference =
        |operation: &mut Value| text(&operation["x-options"]["$ref"]).rsplit('/').next().map(surface::plain);
    operations(document).filter_map(reference).collect()
}

/// The types of what is sent.
fn sent(document: &Value) -> BTreeSet<String> {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten();
    schemas.filter(|(_, schema)| schema["x-sent"] == true).map(|(name, _)| surface::plain(name)).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
