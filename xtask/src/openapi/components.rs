//! References to components other than schemas, written out where they are used.

use serde_json::Value;

use super::{
    refusal::{Carried, Refusal},
    schema::Node,
};

/// The most references in a chain before it counts as endless.
const DEPTH: usize = 16;

/// The object at `value`, through any `$ref` within the document.
pub(crate) fn object<'a>(document: &'a Value, value: &'a Value, at: &str) -> Carried<&'a Node> {
    let mut value = value;
    for _ in 0..DEPTH {
        let Some(node) = value.as_object() else {
            return Err(Refusal::new(at, "not an object", "correct it to an object"));
        };
        let Some(reference) = node.get("$ref") else { return Ok(node) };
        let there = reference.as_str().and_then(|text| text.strip_prefix('#'));
        value = there.and_then(|pointer| document.pointer(pointer)).ok_or_else(|| {
            Refusal::new(
                at,
                format!("a reference to {reference} that leads nowhere"),
                "correct the reference",
            )
        })?;
    }
    Err(Refusal::new(at, "a reference that leads to itself", "correct the reference"))
}
