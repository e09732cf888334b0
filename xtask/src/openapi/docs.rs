//! Our own descriptions, put where the generator turns them into rustdoc.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{reading::upstream_name, schema::Node};

/// Descriptions by what they describe.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Docs {
    /// By operation id.
    operations: BTreeMap<String, String>,
    /// By `operation.parameter`, or `*.parameter` for any operation.
    parameters: BTreeMap<String, String>,
    /// By `Schema` or `Schema.property`.
    schemas: BTreeMap<String, String>,
    /// By property name, where no schema says more.
    properties: BTreeMap<String, String>,
    /// By `Enum.VALUE`.
    enums: BTreeMap<String, String>,
}

impl Docs {
    /// Writes the descriptions into the document.
    pub(crate) fn apply(&self, document: &mut Value) {
        if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
            for (name, schema) in schemas {
                if let Value::Object(node) = schema {
                    self.schema(name, node);
                }
            }
        }
        let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
        for (_, item) in paths {
            for (_, operation) in item.as_object_mut().into_iter().flatten() {
                self.operation(operation);
            }
        }
        Self::inherit(document);
    }

    /// Describes the components that have no description by the first place where they stand.
    fn inherit(document: &mut Value) {
        let mut told = BTreeMap::new();
        told_of(document, &mut told);
        let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
        for (name, schema) in schemas.into_iter().flatten() {
            if let (Some(node), Some(text)) = (schema.as_object_mut(), told.get(name)) {
                node.entry("description").or_insert_with(|| json!(text));
            }
        }
    }

    /// The descriptions that describe nothing in the document.
    pub(crate) fn unused(&self, document: &Value) -> Vec<String> {
        let names = Names::of(document);
        let lists = [
            ("operations", &self.operations, &names.operations),
            ("parameters", &self.parameters, &names.parameters),
            ("schemas", &self.schemas, &names.schemas),
            ("properties", &self.properties, &names.properties),
            ("enums", &self.enums, &names.enums),
        ];
        let unused = |(list, texts, known): (&str, &BTreeMap<String, String>, &BTreeSet<String>)| {
            let unknown = texts.keys().filter(|name| !known.contains(*name));
            unknown.map(|name| format!("{list}/{name}")).collect::<Vec<_>>()
        };
        lists.into_iter().flat_map(unused).collect()
    }

    fn schema(&self, name: &str, node: &mut Node) {
        let names = [name, upstream_name(name)];
        if let Some(text) = names.iter().find_map(|name| self.schemas.get(*name)) {
            node.insert("description".to_owned(), json!(self.with_values(name, node, text)));
        }
        for (property, schema) in
            node.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
        {
            let own = names.iter().find_map(|name| self.schemas.get(&format!("{name}.{property}")));
            if let Some(text) = own.or_else(|| self.properties.get(property)) {
                describe(schema, text);
            }
        }
    }

    /// The description of an enum, followed by that of each value.
    fn with_values(&self, name: &str, node: &Node, text: &str) -> String {
        let values =
            node.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let lines: Vec<String> = values
            .filter_map(|value| Some(format!("- `{value}`: {}", self.enums.get(&format!("{name}.{value}"))?)))
            .collect();
        if lines.is_empty() { text.to_owned() } else { format!("{text}\n\n{}", lines.join("\n")) }
    }

    fn operation(&self, operation: &mut Value) {
        let Some(id) = operation.get("operationId").and_then(Value::as_str).map(str::to_owned) else {
            return;
        };
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            let own = self.parameters.get(&format!("{id}.{name}"));
            if let Some(text) = own.or_else(|| self.parameters.get(&format!("*.{name}"))) {
                parameter["description"] = json!(text);
            }
        }
        if let Some(text) = self.operations.get(&id) {
            operation["description"] = json!(text);
        }
    }
}

/// The names in a document that a description can be for.
#[derive(Default)]
struct Names {
    operations: BTreeSet<String>,
    parameters: BTreeSet<String>,
    schemas: BTreeSet<String>,
    properties: BTreeSet<String>,
    enums: BTreeSet<String>,
}

impl Names {
    fn of(document: &Value) -> Self {
        let mut names = Self::default();
        for (name, schema) in
            document.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten()
        {
            names.schema(name, schema);
            names.schema(upstream_name(name), schema);
        }
        let items = document.get("paths").and_then(Value::as_object).into_iter().flatten();
        let operations = items.flat_map(|(_, item)| item.as_object().into_iter().flatten());
        operations.for_each(|(_, operation)| names.operation(operation));
        names
    }

    fn schema(&mut self, name: &str, schema: &Value) {
        self.schemas.insert(name.to_owned());
        for property in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.schemas.insert(format!("{name}.{}", property.0));
            self.properties.insert(property.0.clone());
        }
        let values = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        self.enums.extend(values.filter_map(Value::as_str).map(|value| format!("{name}.{value}")));
    }

    fn operation(&mut self, operation: &Value) {
        let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
        self.operations.insert(id.to_owned());
        for parameter in operation.get("parameters").and_then(Value::as_array).into_iter().flatten() {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            self.parameters.extend([format!("{id}.{name}"), format!("*.{name}")]);
        }
    }
}

/// The descriptions that stand beside a use of a component.
fn told_of(value: &Value, told: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| told_of(item, told)),
        Value::Object(node) => {
            if let Some(text) =
                node.get("description").and_then(Value::as_str).filter(|text| !text.is_empty())
            {
                let is_list = |key: &str| ["properties", "responses", "paths"].contains(&key);
                let parts = node.iter().filter(|(key, _)| !is_list(key));
                parts.for_each(|(_, part)| named_in(part, text, told));
            }
            node.values().for_each(|value| told_of(value, told));
        }
        _ => {}
    }
}

fn named_in(value: &Value, text: &str, told: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| named_in(item, text, told)),
        Value::Object(node) => {
            let name = node.get("$ref").and_then(Value::as_str).and_then(super::schema::target);
            if let Some(name) = name {
                told.entry(name.to_owned()).or_insert_with(|| text.to_owned());
            }
            node.values().for_each(|value| named_in(value, text, told));
        }
        _ => {}
    }
}

/// A description cannot stand beside a `$ref`.
fn describe(schema: &mut Value, text: &str) {
    let Value::Object(node) = schema else { return };
    if let Some(reference) = node.remove("$ref") {
        node.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
    }
    node.insert("description".to_owned(), json!(text));
}
