//! A committed document, and its operations.

use std::path::Path;

use serde_json::Value;

/// One version's document.
pub(crate) struct Contract {
    pub(crate) version: &'static str,
    pub(crate) document: Value,
}

impl Contract {
    pub(crate) fn read(version: &'static str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi");
        let text = std::fs::read(folder.join(version).with_extension("json")).expect("the contract");
        Self { version, document: serde_json::from_slice(&text).expect("JSON") }
    }

    /// Each operation's method, path and description.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let items = self.document["paths"].as_object().expect("paths").iter();
        items.flat_map(|(path, item)| {
            let operations = item.as_object().expect("operations").iter();
            operations.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
    }

    /// The operation of this id: method, path and description.
    pub(crate) fn operation(&self, id: &str) -> (&str, &str, &Value) {
        self.operations().find(|(_, _, operation)| operation["operationId"] == id).expect("an operation")
    }

    /// The schema of what an operation answers; nothing for a stream or an empty answer.
    pub(crate) fn answer(&self, id: &str) -> Option<&Value> {
        self.operation(id).2.pointer("/responses/2XX/content/application~1json/schema")
    }

    /// The schema of what an operation sends.
    pub(crate) fn body(&self, id: &str) -> Option<&Value> {
        self.operation(id).2.pointer("/requestBody/content/application~1json/schema")
    }

    /// The parameters of an operation.
    pub(crate) fn parameters(&self, id: &str) -> &[Value] {
        self.operation(id).2["parameters"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// The schema itself, through its reference.
    pub(crate) fn whole<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let reference = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
        match reference.and_then(|name| self.document.pointer(name.trim_start_matches('#'))) {
            Some(target) => self.whole(target),
            None => schema,
        }
    }
}

/// A keyword, or the one that the lenient reading has set aside.
pub(crate) fn promised<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    schema.get(key).or_else(|| schema.get(format!("x-{key}")))
}
