//! `allOf` becomes the one schema it describes.

use serde_json::{Value, json};

use super::{
    merge,
    pointer::step,
    refusal::{Carried, Refusal},
    schema::{ANNOTATIONS, Node, target},
};

/// Flattens every component, so that each is one schema without `allOf` at its root.
pub(crate) fn components(components: &Node) -> Carried<Node> {
    let flattener = Flattener { components };
    let mut flat = Node::new();
    for name in components.keys() {
        flat.insert(name.clone(), Value::Object(flattener.resolved(name, &mut Vec::new(), "")?));
    }
    Ok(flat)
}

/// Flattens one schema outside the components.
pub(crate) fn schema(schema: &Value, components: &Node, at: &str) -> Carried<Value> {
    Flattener { components }.schema(schema, &mut Vec::new(), at)
}

struct Flattener<'a> {
    components: &'a Node,
}

impl Flattener<'_> {
    /// The component's own flat schema. `open` holds the components being resolved.
    fn resolved(&self, name: &str, open: &mut Vec<String>, at: &str) -> Carried<Node> {
        let here = format!("/components/schemas/{name}");
        if open.iter().any(|seen| seen == name) {
            return Err(Refusal::new(&here, "it is part of itself through allOf", "correct the allOf"));
        }
        let Some(schema) = self.components.get(name) else {
            return Err(Refusal::new(at, format!("no component is named {name}"), "correct the reference"));
        };
        open.push(name.to_owned());
        let flat = match self.schema(schema, open, &here)? {
            Value::Object(node) => match lone_target(&node) {
                Some(next) => {
                    let mut other = self.resolved(&next, open, &here)?;
                    other.extend(node.into_iter().filter(|(key, _)| key != "$ref" && key != "allOf"));
                    other
                }
                None => node,
            },
            _ => Node::new(),
        };
        open.pop();
        Ok(flat)
    }

    fn schema(&self, schema: &Value, open: &mut Vec<String>, at: &str) -> Carried<Value> {
        let Value::Object(node) = schema else { return Ok(schema.clone()) };
        let mut node = node.clone();
        if let Some(members) = node.remove("allOf") {
            node = self.all_of(members, node, open, at)?;
        }
        if node.remove("unevaluatedProperties").is_some() {
            node.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
        for key in ["items", "additionalProperties"] {
            if let Some(value) = node.get(key).filter(|value| value.is_object()).cloned() {
                // A nested schema starts afresh: only `allOf` cycles are endless.
                node.insert(key.to_owned(), self.schema(&value, &mut Vec::new(), &step(at, key))?);
            }
        }
        if let Some(Value::Object(properties)) = node.get("properties").cloned() {
            let at = step(at, "properties");
            let mut flat = Node::new();
            for (name, value) in &properties {
                flat.insert(name.clone(), self.schema(value, &mut Vec::new(), &step(&at, name))?);
            }
            node.insert("properties".to_owned(), Value::Object(flat));
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(Value::Array(members)) = node.get(key).cloned() {
                let at = step(at, key);
                let mut flat = Vec::new();
                for (index, value) in members.iter().enumerate() {
                    flat.push(self.schema(value, &mut Vec::new(), &step(&at, index))?);
                }
                node.insert(key.to_owned(), Value::Array(flat));
            }
        }
        self.conditions(&mut node, at)?;
        Ok(Value::Object(node))
    }

    fn all_of(&self, members: Value, rest: Node, open: &mut Vec<String>, at: &str) -> Carried<Node> {
        let members = members.as_array().cloned().unwrap_or_default();
        if let [Value::Object(only)] = members.as_slice()
            && lone_target(only).is_some()
            && rest.keys().all(|key| ANNOTATIONS.contains(&key.as_str()) || key.starts_with("x-"))
        {
            return Ok(named(only, rest));
        }
        let mut whole = Node::new();
        let at = step(at, "allOf");
        for (index, member) in members.iter().enumerate() {
            let here = step(&at, index);
            let part = match self.schema(member, open, &here)? {
                Value::Object(part) => match lone_target(&part) {
                    Some(name) => {
                        let mut part = part;
                        part.remove("$ref");
                        part.remove("allOf");
                        let named = self.choice_inlined(self.resolved(&name, open, &here)?, open, &here)?;
                        merge::both(named, part, &here)?
                    }
                    None => self.choice_inlined(part, open, &here)?,
                },
                _ => continue,
            };
            whole = merge::both(whole, part, &here)?;
        }
        let null_too = rest.contains_key("nullable") && merge::says_nothing(&rest);
        let mut whole = merge::both(whole, rest, &at)?;
        if null_too {
            whole.insert("nullable".to_owned(), Value::Bool(true));
        }
        if whole.remove("unevaluatedProperties").is_some() {
            whole.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
        Ok(whole)
    }

    /// The alternatives of a choice that is about to be merged, resolved.
    fn choice_inlined(&self, mut node: Node, open: &mut Vec<String>, at: &str) -> Carried<Node> {
        for key in ["oneOf", "anyOf"] {
            let Some(Value::Array(members)) = node.get(key).cloned() else { continue };
            let mut inlined = Vec::new();
            for member in members {
                inlined.push(match member.as_object().and_then(lone_target) {
                    Some(name) => Value::Object(self.resolved(&name, open, at)?),
                    None => member,
                });
            }
            node.insert(key.to_owned(), Value::Array(inlined));
        }
        Ok(node)
    }

    /// Conditions stand on their own: what they refer to is written out.
    fn conditions(&self, node: &mut Node, at: &str) -> Carried<()> {
        if let Some(conditions) = node.get("x-conditions").cloned() {
            let whole = self.written_out(&conditions, 0, &step(at, "x-conditions"))?;
            node.insert("x-conditions".to_owned(), whole);
        }
        Ok(())
    }

    fn written_out(&self, value: &Value, depth: usize, at: &str) -> Carried<Value> {
        if depth > 24 {
            return Err(Refusal::new(at, "a condition that refers to itself", "correct the condition"));
        }
        Ok(match value {
            Value::Array(items) => Value::Array(
                items.iter().map(|item| self.written_out(item, depth + 1, at)).collect::<Carried<_>>()?,
            ),
            Value::Object(node) => match node.get("$ref").and_then(Value::as_str).and_then(target) {
                Some(name) => {
                    let there = self.components.get(name).ok_or_else(|| {
                        Refusal::new(at, format!("no component is named {name}"), "correct the reference")
                    })?;
                    self.written_out(there, depth + 1, at)?
                }
                None => Value::Object(
                    node.iter()
                        .map(|(key, value)| Ok((key.clone(), self.written_out(value, depth + 1, at)?)))
                        .collect::<Carried<_>>()?,
                ),
            },
            other => other.clone(),
        })
    }
}

/// The component a schema stands for, when that and annotations are all it says.
pub(crate) fn lone_target(node: &Node) -> Option<String> {
    let reference = match (node.get("$ref"), node.get("allOf")) {
        (Some(reference), _) => reference,
        (None, Some(Value::Array(members))) if members.len() == 1 => members[0].get("$ref")?,
        _ => return None,
    };
    target(reference.as_str()?).map(str::to_owned)
}

/// A reference, with what is said beside it.
fn named(only: &Node, rest: Node) -> Node {
    let mut beside = rest;
    beside.extend(
        only.iter().filter(|(key, _)| *key != "$ref" && *key != "allOf").map(|(k, v)| (k.clone(), v.clone())),
    );
    let reference = lone_target(only).map(|name| json!({ "$ref": format!("#/components/schemas/{name}") }));
    if beside.is_empty() {
        return reference.and_then(|reference| reference.as_object().cloned()).unwrap_or_default();
    }
    beside.insert("allOf".to_owned(), json!([reference]));
    beside
}
