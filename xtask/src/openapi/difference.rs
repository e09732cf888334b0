//! Differences of two documents.

use serde_json::Value;

use super::pointer::step;

/// Most differences that are told.
const MOST: usize = 10;

/// The first places where the committed and the fresh document differ, each a JSON pointer and how.
pub(crate) fn first(committed: &Value, fresh: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(committed, fresh, "", &mut found);
    found
}

fn collect(committed: &Value, fresh: &Value, at: &str, found: &mut Vec<String>) {
    if found.len() >= MOST || committed == fresh {
        return;
    }
    match (committed, fresh) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                match new.get(key) {
                    Some(other) => collect(value, other, &step(at, key), found),
                    None => found.push(format!("{} is not in a fresh import", step(at, key))),
                }
            }
            let added = new.keys().filter(|key| !old.contains_key(*key));
            found.extend(added.map(|key| format!("{} is missing", step(at, key))));
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                collect(old, new, &step(at, index), found);
            }
        }
        _ => found.push(format!("{at} is {}, an import gives {}", shown(committed), shown(fresh))),
    }
    found.truncate(MOST);
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
