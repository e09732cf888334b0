//! Writing a document so that the same content is always the same bytes.

use std::path::Path;

use serde_json::{Map, Value};

use super::Failure;

#[derive(Debug, thiserror::Error)]
#[error("{place}: cannot be written; check that the folder is there")]
struct Unwritable {
    place: String,
    source: std::io::Error,
}

/// The document's text.
pub(crate) fn text(document: &Value) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(&sorted(document.clone()))? + "\n")
}

/// Writes the document.
pub(crate) fn document(path: &Path, document: &Value) -> Result<(), Failure> {
    std::fs::write(path, text(document)?)
        .map_err(|source| Unwritable { place: path.display().to_string(), source })?;
    Ok(())
}

/// The value with the keys of every object in order, however the JSON library keeps them.
pub(crate) fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(entries.into_iter().map(|(key, value)| (key, sorted(value))).collect::<Map<_, _>>())
        }
        other => other,
    }
}
