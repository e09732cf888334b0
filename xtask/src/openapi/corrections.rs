//! What we change in an upstream document, each change with its reason.

use serde::Deserialize;
use serde_json::Value;

use super::{pointer, schema::Node};

/// One change to the flattened document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Correction {
    /// Where; a last step of `-` is the end of a list.
    pointer: String,
    change: Change,
    /// What is put there, or which item of the list is taken away.
    value: Option<Value>,
    /// Why upstream is wrong.
    reason: String,
    /// How that is known.
    source: String,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Change {
    Set,
    Remove,
}

/// A correction that cannot be applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CorrectionError {
    /// Upstream says it now.
    #[error(
        "correction {pointer}: it changes nothing any more, upstream is right now; remove the entry ({reason})"
    )]
    Stale { pointer: String, reason: String },
    /// Upstream has moved on.
    #[error(
        "correction {pointer}: there is no such place in the document; adapt or remove the entry ({reason})"
    )]
    Lost { pointer: String, reason: String },
    /// The entry does not make sense.
    #[error("correction {pointer}: {problem}")]
    Malformed { pointer: String, problem: &'static str },
}

/// Applies every correction, in order.
pub(crate) fn apply(document: &mut Value, corrections: &[Correction]) -> Result<(), CorrectionError> {
    corrections.iter().try_for_each(|correction| correction.apply(document))
}

impl Correction {
    fn apply(&self, document: &mut Value) -> Result<(), CorrectionError> {
        if self.reason.trim().is_empty() || self.source.trim().is_empty() {
            return Err(self.malformed("it needs a reason and a source"));
        }
        let Some((parent, key)) = pointer::split(&self.pointer) else {
            return Err(self.malformed("the pointer must name a place inside the document"));
        };
        let changed = match (&self.change, &self.value, document.pointer_mut(parent)) {
            (_, _, None) => return Err(self.lost()),
            (Change::Set, None, _) => return Err(self.malformed("`set` needs a value")),
            (Change::Set, Some(value), Some(Value::Object(node))) => set(node, key, value),
            (Change::Set, Some(value), Some(Value::Array(items))) if key == "-" => append(items, value),
            (Change::Remove, None, Some(Value::Object(node))) => {
                node.remove(&key).map(|_| true).ok_or_else(|| self.lost())?
            }
            (Change::Remove, Some(value), Some(Value::Array(items))) if key == "-" => {
                let before = items.len();
                items.retain(|item| item != value);
                items.len() < before
            }
            _ => {
                return Err(
                    self.malformed("use a key of an object, or `-` for a list (with the item to remove)")
                );
            }
        };
        if changed { Ok(()) } else { Err(self.stale()) }
    }

    fn stale(&self) -> CorrectionError {
        CorrectionError::Stale { pointer: self.pointer.clone(), reason: self.reason.clone() }
    }

    fn lost(&self) -> CorrectionError {
        CorrectionError::Lost { pointer: self.pointer.clone(), reason: self.reason.clone() }
    }

    fn malformed(&self, problem: &'static str) -> CorrectionError {
        CorrectionError::Malformed { pointer: self.pointer.clone(), problem }
    }
}

fn set(node: &mut Node, key: String, value: &Value) -> bool {
    node.insert(key, value.clone()).as_ref() != Some(value)
}

/// Adds the item, unless it or a parameter of its name is there.
fn append(items: &mut Vec<Value>, value: &Value) -> bool {
    let same = |item: &&Value| {
        *item == value
            || value.get("in").is_some()
                && item.get("name") == value.get("name")
                && item.get("in") == value.get("in")
    };
    let there = items.iter().find(same).is_some();
    if !there {
        items.push(value.clone());
    }
    !there
}
