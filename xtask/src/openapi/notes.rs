//! Notes on what an import read past.

use serde_json::Value;

use super::{pointer::step, schema::IGNORED};

/// Key under which our document lists keywords that were not carried.
pub(crate) fn ignored(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(document, "", &mut found);
    found
}

fn collect(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| collect(item, &step(at, index), found));
        }
        Value::Object(node) => {
            for (key, value) in node {
                match value {
                    Value::Array(keywords) if key == IGNORED => {
                        let keywords: Vec<&str> = keywords.iter().filter_map(Value::as_str).collect();
                        found.push(format!("{at}: ignored {}", keywords.join(", ")));
                    }
                    value => collect(value, &step(at, key), found),
                }
            }
        }
        _ => {}
    }
}
