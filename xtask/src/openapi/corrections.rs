//! What we change in an upstream document before any rule reads it, each change with its reason.

use serde::Deserialize;
use serde_json::Value;

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
