//! What we change in an upstream document before any rule reads it, each change with its reason.

use serde::Deserialize;
use serde_json::{Value, json};

use super::pointer;

/// One change to the upstream document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Correction {
    /// Where in the upstream document.
    pointer: String,
    change: Change,
    /// What is put there, or which item of the list is added or taken away.
    value: Option<Value>,
    /// Why upstream is wrong.
    reason: String,
    /// How that is known.
    source: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Change {
    /// Puts the value at the pointer.
    Set,
    /// Adds the value to the list at the pointer, which is made if it is not there.
    Append,
    /// Takes away what is at the pointer or, with a value, that item of the list there.
    Remove,
}

/// What a correction did.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Changed,
    /// Upstream says it already.
    Stale,
    /// The place is not there.
    Lost,
}

/// A correction that cannot be applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CorrectionError {
    /// Upstream says it now.
    #[error(
        "correction {pointer}: it changes nothing, upstream says it already; remove the entry, \
         or pass --skip-stale ({reason})"
    )]
    Stale {
        /// The entry.
        pointer: String,
        /// Its reason.
        reason: String,
    },
    /// The entry does not make sense.
    #[error("correction {pointer}: {problem}; correct the entry")]
    Malformed {
        /// The entry.
        pointer: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Applies the corrections in order, and gives the pointers of those whose place is not there.
pub(crate) fn apply(
    document: &mut Value,
    corrections: &[Correction],
    skip_stale: bool,
) -> Result<Vec<String>, CorrectionError> {
    let mut lost = Vec::new();
    for correction in corrections {
        match correction.apply(document)? {
            Outcome::Stale if !skip_stale => return Err(correction.stale()),
            Outcome::Changed | Outcome::Stale => {}
            Outcome::Lost => lost.push(correction.pointer.clone()),
        }
    }
    Ok(lost)
}

/// What was corrected, why, and how that is known.
pub(crate) fn reasons(corrections: &[Correction]) -> Value {
    let told = |correction: &Correction| json!({ "pointer": correction.pointer, "reason": correction.reason, "source": correction.source });
    corrections.iter().map(told).collect()
}

impl Correction {
    fn apply(&self, document: &mut Value) -> Result<Outcome, CorrectionError> {
        if self.reason.trim().is_empty() || self.source.trim().is_empty() {
            return Err(self.malformed("it has no reason or no source"));
        }
        let Some((parent, key)) = pointer::split(&self.pointer) else {
            return Err(self.malformed("the pointer names no place inside the document"));
        };
        match (self.change, &self.value) {
            (Change::Set, Some(value)) => Ok(set(document, parent, &key, value)),
            (Change::Append, Some(value)) => self.append(document, parent, key, value),
            (Change::Remove, None) => Ok(remove(document, parent, &key)),
            (Change::Remove, Some(value)) => Ok(remove_item(document, &self.pointer, value)),
            _ => Err(self.malformed("it has no value")),
        }
    }

    fn append(
        &self,
        document: &mut Value,
        parent: &str,
        key: String,
        value: &Value,
    ) -> Result<Outcome, CorrectionError> {
        let there = document.pointer(&self.pointer).and_then(Value::as_array);
        let same = |item: &Value| item == value || same_parameter(document, item, value);
        if there.is_some_and(|items| items.iter().any(same)) {
            return Ok(Outcome::Stale);
        }
        let Some(Value::Object(node)) = document.pointer_mut(parent) else { return Ok(Outcome::Lost) };
        match node.entry(key).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(items) => items.push(value.clone()),
            _ => return Err(self.malformed("what is there is not a list")),
        }
        Ok(Outcome::Changed)
    }

    fn stale(&self) -> CorrectionError {
        CorrectionError::Stale { pointer: self.pointer.clone(), reason: self.reason.clone() }
    }

    fn malformed(&self, problem: &'static str) -> CorrectionError {
        CorrectionError::Malformed { pointer: self.pointer.clone(), problem }
    }
}

fn set(document: &mut Value, parent: &str, key: &str, value: &Value) -> Outcome {
    if let Some(section) = parent.strip_prefix("/components/").filter(|section| !section.contains('/')) {
        let components = document.get_mut("components").and_then(Value::as_object_mut);
        components.map(|components| components.entry(section).or_insert_with(|| json!({})));
    }
    let place = match document.pointer_mut(parent) {
        Some(Value::Object(node)) => node.entry(key).or_insert(Value::Null),
        Some(Value::Array(items)) => match key.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
            Some(place) => place,
            None => return Outcome::Lost,
        },
        _ => return Outcome::Lost,
    };
    if place == value {
        return Outcome::Stale;
    }
    *place = value.clone();
    Outcome::Changed
}

fn remove(document: &mut Value, parent: &str, key: &str) -> Outcome {
    match document.pointer_mut(parent) {
        Some(Value::Object(node)) => match node.remove(key) {
            Some(_) => Outcome::Changed,
            None => Outcome::Stale,
        },
        _ => Outcome::Lost,
    }
}

fn remove_item(document: &mut Value, pointer: &str, value: &Value) -> Outcome {
    let Some(Value::Array(items)) = document.pointer_mut(pointer) else { return Outcome::Lost };
    let before = items.len();
    items.retain(|item| item != value);
    if items.len() < before { Outcome::Changed } else { Outcome::Stale }
}

/// Whether both are the same parameter, written out or by reference.
fn same_parameter(document: &Value, one: &Value, other: &Value) -> bool {
    let written_out = |value: &Value| {
        let pointer = value.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value).clone()
    };
    let (one, other) = (written_out(one), written_out(other));
    one.get("in").is_some() && one.get("in") == other.get("in") && one.get("name") == other.get("name")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({
            "a": { "list": ["x", { "in": "query", "name": "q" }], "n": 1 },
            "components": { "parameters": { "Q": { "in": "query", "name": "q" } } },
        })
    }

    fn applied(correction: Value, skip_stale: bool) -> (Value, Result<Vec<String>, String>) {
        let mut correction = correction;
        correction["reason"] = json!("the reason");
        correction["source"] = json!("a test");
        let correction = serde_json::from_value(correction).expect("a correction");
        let mut document = document();
        let lost = apply(&mut document, &[correction], skip_stale).map_err(|error| error.to_string());
        (document, lost)
    }

    #[test]
    fn a_correction_sets_appends_and_removes() {
        for (correction, pointer, expected) in [
            (json!({ "pointer": "/a/n", "change": "set", "value": 2 }), "/a/n", Some(json!(2))),
            (json!({ "pointer": "/a/new", "change": "set", "value": 2 }), "/a/new", Some(json!(2))),
            (json!({ "pointer": "/a/list/0", "change": "set", "value": "y" }), "/a/list/0", Some(json!("y"))),
            (
                json!({ "pointer": "/components/schemas/T", "change": "set", "value": 1 }),
                "/components/schemas/T",
                Some(json!(1)),
            ),
            (
                json!({ "pointer": "/a/list", "change": "append", "value": "z" }),
                "/a/list/2",
                Some(json!("z")),
            ),
            (
                json!({ "pointer": "/a/more", "change": "append", "value": "z" }),
                "/a/more",
                Some(json!(["z"])),
            ),
            (json!({ "pointer": "/a/n", "change": "remove" }), "/a/n", None),
            (json!({ "pointer": "/a/list", "change": "remove", "value": "x" }), "/a/list/1", None),
        ] {
            let (document, lost) = applied(correction.clone(), false);
            assert_eq!(lost, Ok(vec![]), "{correction}");
            assert_eq!(document.pointer(pointer), expected.as_ref(), "{correction}");
        }
    }

    #[test]
    fn a_stale_correction_is_an_error_that_names_it_unless_it_may_be_skipped() {
        for correction in [
            json!({ "pointer": "/a/n", "change": "set", "value": 1 }),
            json!({ "pointer": "/a/list", "change": "append", "value": "x" }),
            json!({ "pointer": "/a/list", "change": "append", "value": { "$ref": "#/components/parameters/Q" } }),
            json!({ "pointer": "/a/gone", "change": "remove" }),
            json!({ "pointer": "/a/list", "change": "remove", "value": "gone" }),
        ] {
            let pointer = correction["pointer"].as_str().unwrap_or_default().to_owned();
            let (unchanged, error) = applied(correction.clone(), false);
            assert_eq!(
                error,
                Err(format!(
                    "correction {pointer}: it changes nothing, upstream says it already; remove the entry, \
                     or pass --skip-stale (the reason)"
                ))
            );
            assert_eq!(unchanged, document(), "{correction}");
            assert_eq!(applied(correction, true).1, Ok(vec![]));
        }
    }

    #[test]
    fn a_correction_whose_place_is_gone_is_told() {
        for correction in [
            json!({ "pointer": "/b/n", "change": "set", "value": 1 }),
            json!({ "pointer": "/a/list/7", "change": "set", "value": 1 }),
            json!({ "pointer": "/a/n/x", "change": "set", "value": 1 }),
            json!({ "pointer": "/b/list", "change": "append", "value": "x" }),
            json!({ "pointer": "/b/n", "change": "remove" }),
            json!({ "pointer": "/b", "change": "remove", "value": "x" }),
        ] {
            let pointer = correction["pointer"].as_str().unwrap_or_default().to_owned();
            let (unchanged, lost) = applied(correction.clone(), false);
            assert_eq!(lost, Ok(vec![pointer]), "{correction}");
            assert_eq!(unchanged, document(), "{correction}");
        }
    }

    #[test]
    fn a_malformed_correction_is_an_error_that_names_it() {
        for correction in [
            json!({ "pointer": "", "change": "set", "value": 1 }),
            json!({ "pointer": "/a/n", "change": "set" }),
            json!({ "pointer": "/a/n", "change": "append", "value": 1 }),
        ] {
            let pointer = correction["pointer"].as_str().unwrap_or_default().to_owned();
            let error = applied(correction, false).1.expect_err("malformed");
            assert!(
                error.starts_with(&format!("correction {pointer}: "))
                    && error.ends_with("; correct the entry")
            );
        }
        let odd = json!({ "pointer": "/a", "change": "rename", "reason": "r", "source": "s" });
        assert!(serde_json::from_value::<Correction>(odd).is_err());
    }
}
