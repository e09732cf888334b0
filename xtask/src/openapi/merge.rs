//! The schema that holds when two schemas hold.

use serde_json::{Value, json};

use super::{
    pointer::step,
    refusal::{Carried, Refusal},
    schema::Node,
};

/// Merges `more` into `base`; both are flat (no `allOf`, no `$ref`).
pub(crate) fn both(mut base: Node, more: Node, at: &str) -> Carried<Node> {
    let nullable = base.contains_key("nullable") && more.contains_key("nullable")
        || base.contains_key("nullable") && says_nothing(&more)
        || more.contains_key("nullable") && says_nothing(&base);
    if ["oneOf", "anyOf"].iter().any(|key| more.contains_key(*key)) {
        if ["oneOf", "anyOf"].iter().any(|key| base.contains_key(*key)) {
            return Err(Refusal::new(
                at,
                "two choices that must hold together",
                "correct one of them to a plain schema",
            ));
        }
        return both(more, base, at);
    }
    if let Some((key, alternatives)) = choice(&mut base) {
        return distribute(base, &key, alternatives, more, at);
    }
    for (key, value) in more {
        let here = step(at, &key);
        let merged = match (key.as_str(), base.get(&key)) {
            (_, None) => value,
            ("properties", Some(old)) => properties(old, &value, &here)?,
            ("required", Some(old)) => union(old, &value),
            ("x-conditions", Some(old)) => concatenation(old, &value),
            ("enum", Some(old)) => common(old, &value, &here)?,
            ("type", Some(old)) => types(old, &value, &here)?,
            ("minimum" | "minLength" | "minItems" | "minProperties", Some(old)) => tighter(old, &value, true),
            ("maximum" | "maxLength" | "maxItems" | "maxProperties", Some(old)) => {
                tighter(old, &value, false)
            }
            ("additionalProperties", Some(old)) => additional(old, &value, &here)?,
            ("items", Some(Value::Object(old))) => match value {
                Value::Object(new) => Value::Object(both(old.clone(), new, &here)?),
                _ => Value::Object(old.clone()),
            },
            ("pattern", Some(old)) if *old != value => {
                let more = json!([{ "pattern": value }]);
                let conditions =
                    base.get("x-conditions").map_or_else(|| more.clone(), |old| concatenation(old, &more));
                let kept = old.clone();
                base.insert("x-conditions".to_owned(), conditions);
                kept
            }
            _ => value,
        };
        base.insert(key, merged);
    }
    if nullable {
        base.insert("nullable".to_owned(), Value::Bool(true));
    } else {
        base.remove("nullable");
    }
    Ok(base)
}

/// Returns true if the schema leaves open what the value is.
pub(crate) fn says_nothing(node: &Node) -> bool {
    node.keys().all(|key| key.starts_with("x-") || super::schema::ANNOTATIONS.contains(&key.as_str()))
}

fn choice(node: &mut Node) -> Option<(String, Vec<Value>)> {
    for key in ["oneOf", "anyOf"] {
        if let Some(Value::Array(alternatives)) = node.remove(key) {
            return Some((key.to_owned(), alternatives));
        }
    }
    None
}

/// `(A or B) and C` is `(A and C) or (B and C)`; the alternatives are flat already.
fn distribute(mut base: Node, key: &str, alternatives: Vec<Value>, more: Node, at: &str) -> Carried<Node> {
    if says_nothing(&more) {
        base.insert(key.to_owned(), Value::Array(alternatives));
        base.extend(more);
        return Ok(base);
    }
    let discriminator = base.remove("discriminator");
    let shared = both(base, more, at)?;
    let mut merged = Vec::new();
    for (index, alternative) in alternatives.into_iter().enumerate() {
        let Value::Object(alternative) = alternative else { continue };
        merged.push(Value::Object(both(shared.clone(), alternative, &step(&step(at, key), index))?));
    }
    let mut out = Node::new();
    out.insert(key.to_owned(), Value::Array(merged));
    out.extend(discriminator.map(|discriminator| ("discriminator".to_owned(), discriminator)));
    out.extend(shared.get("nullable").map(|nullable| ("nullable".to_owned(), nullable.clone())));
    Ok(out)
}

fn properties(old: &Value, new: &Value, at: &str) -> Carried<Value> {
    let mut merged = old.as_object().cloned().unwrap_or_default();
    for (name, schema) in new.as_object().into_iter().flatten() {
        let together = match (merged.get(name), schema) {
            (Some(old), new) if old == new => new.clone(),
            (Some(Value::Object(old)), Value::Object(new)) => {
                // References meet here only when both sides name one; the flattener sorts that out.
                json!({ "allOf": [old, new] })
            }
            _ => schema.clone(),
        };
        merged.insert(name.clone(), together);
    }
    let _ = at;
    Ok(Value::Object(merged))
}

fn union(old: &Value, new: &Value) -> Value {
    let mut names: Vec<Value> = old.as_array().cloned().unwrap_or_default();
    for name in new.as_array().into_iter().flatten() {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Value::Array(names)
}

fn concatenation(old: &Value, new: &Value) -> Value {
    Value::Array([old, new].into_iter().filter_map(Value::as_array).flatten().cloned().collect())
}

fn common(old: &Value, new: &Value, at: &str) -> Carried<Value> {
    let new = new.as_array().cloned().unwrap_or_default();
    let both: Vec<&Value> =
        old.as_array().into_iter().flatten().filter(|value| new.contains(value)).collect();
    if both.is_empty() {
        return Err(Refusal::new(at, "no value satisfies both lists", "correct one of the lists"));
    }
    Ok(json!(both))
}

fn types(old: &Value, new: &Value, at: &str) -> Carried<Value> {
    let (integer, number) = (json!("integer"), json!("number"));
    match (old, new) {
        (old, new) if old == new => Ok(new.clone()),
        (old, new) if (old, new) == (&integer, &number) || (old, new) == (&number, &integer) => Ok(integer),
        _ => Err(Refusal::new(
            at,
            format!("both {old} and {new}"),
            "no value can be both; correct one of them",
        )),
    }
}

fn tighter(old: &Value, new: &Value, larger: bool) -> Value {
    let (a, b) = (old.as_f64().unwrap_or_default(), new.as_f64().unwrap_or_default());
    if (a >= b) == larger { old.clone() } else { new.clone() }
}

fn additional(old: &Value, new: &Value, at: &str) -> Carried<Value> {
    match (old, new) {
        (Value::Bool(false), _) | (_, Value::Bool(false)) => Ok(Value::Bool(false)),
        (Value::Bool(true), other) | (other, Value::Bool(true)) => Ok(other.clone()),
        (Value::Object(old), Value::Object(new)) => Ok(Value::Object(both(old.clone(), new.clone(), at)?)),
        (_, new) => Ok(new.clone()),
    }
}
