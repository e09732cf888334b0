//! The lenient reading: what the server says today must decode, and so must what it says tomorrow.
//!
//! A constraint that would refuse a value is kept as `x-<keyword>` for validators. Beside an
//! `x-rust-type` the schema is left as upstream has it, since the generator looks no further.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{names, rust_type};
use crate::openapi::{
    flatten::lone_target,
    memory::Memory,
    operations::capitalised,
    pointer::step,
    refusal::{Carried, Refusal},
    schema::Node,
};

/// Constraints on texts and objects that an odd answer would break.
const LOOSENED: [&str; 8] =
    ["format", "maxLength", "maxProperties", "minLength", "minProperties", "pattern", "enum", "default"];

/// Deepest nesting of lists and maps by name; those that contain themselves are any JSON from there on.
pub(super) const DEEPEST: usize = 4;

/// Reads components as answers.
pub(crate) struct Reader<'a> {
    source: &'a Node,
    out: Node,
    /// Properties without which a component is of no use.
    identity: BTreeMap<String, String>,
}

/// Facts about a schema by its place.
#[derive(Clone, Copy, Default)]
struct Place {
    secret: bool,
    below_env: bool,
    catalog: bool,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// A reader that knows which components answer an operation.
    pub(crate) fn new(source: &'a Node, paths: &Node, memory: &Memory) -> Self {
        let mut reader = Self { source, out: Node::new(), identity: BTreeMap::new() };
        for item in paths.values() {
            for (_, operation) in item.as_object().into_iter().flatten() {
                if let Some(schema) = operation.pointer("/responses/2XX/content/application~1json/schema") {
                    reader.mark(schema);
                }
            }
        }
        // What was required stays so, and nothing else is.
        let received = memory.reached(&["responses"]);
        for name in source.keys() {
            let other = memory.other_reading(name);
            let readings = [Some(name.as_str()), other].into_iter().flatten();
            let before = readings
                .filter(|name| received.contains(*name))
                .find_map(|name| memory.component(name)?.get("required").and_then(|list| list[0].as_str()));
            if let Some(before) = before {
                reader.identity.insert(name.clone(), before.to_owned());
            }
        }
        reader
    }

    /// The components read so far.
    pub(crate) fn finish(self) -> Node {
        self.out
    }

    /// Marks the identity of an answer: its `id`, or its one list and that list's items.
    fn mark(&mut self, schema: &Value) {
        let name = schema.as_object().and_then(lone_target);
        let whole = name.as_ref().and_then(|name| self.source.get(name)).unwrap_or(schema);
        if let Some(items) = whole.get("items") {
            return self.mark_id(items);
        }
        let (Some(name), Some(properties)) = (name, whole.get("properties").and_then(Value::as_object))
        else {
            return;
        };
        if properties.contains_key("id") {
            self.identity.insert(name, "id".to_owned());
            return;
        }
        let lists: Vec<(&String, &Value)> =
            properties.iter().filter_map(|(key, schema)| Some((key, schema.get("items")?))).collect();
        if let [(key, items)] = lists.as_slice() {
            self.identity.insert(name, (*key).clone());
            self.mark_id(items);
        }
    }

    fn mark_id(&mut self, items: &Value) {
        let Some(name) = items.as_object().and_then(lone_target) else { return };
        if self.source.get(&name).is_some_and(|schema| schema.pointer("/properties/id").is_some()) {
            self.identity.insert(name, "id".to_owned());
        }
    }

    /// An operation's answer.
    pub(crate) fn root(&mut self, schema: &Value, at: &str) -> Carried<Value> {
        let mut read = self.schema(schema, Place::default(), at)?;
        if let (Some(node), Some(true)) =
            (read.as_object_mut(), schema.get("nullable").and_then(Value::as_bool))
            && let Some(reference) = node.remove("$ref")
        {
            let value = json!({ "$ref": reference });
            rust_type::ours(node, "Nullable", std::slice::from_ref(&value));
            node.insert("allOf".to_owned(), json!([value]));
            node.insert("nullable".to_owned(), json!(true));
        }
        Ok(read)
    }

    /// Reads a component, once.
    pub(crate) fn component(&mut self, name: &str) -> Carried<()> {
        if self.out.contains_key(name) {
            return Ok(());
        }
        let at = step("/components/schemas", name);
        let Some(Value::Object(node)) = self.source.get(name) else {
            return Err(Refusal::new(&at, "there is no such component", "correct the reference to it"));
        };
        self.out.insert(name.to_owned(), json!({}));
        let read = if is_text_enum(node) {
            closed_enum(node)
        } else if let Some(merged) = self.merged(node, 0) {
            let merged = self.enums_named(merged, name);
            self.object(&merged, self.identity.get(name).cloned(), Place::default(), &at)?
        } else {
            self.object(node, self.identity.get(name).cloned(), Place::default(), &at)?
        };
        self.out.insert(name.to_owned(), read);
        Ok(())
    }

    fn schema(&mut self, schema: &Value, place: Place, at: &str) -> Carried<Value> {
        let Value::Object(node) = schema else { return Ok(json!({})) };
        let Some(name) = lone_target(node) else { return self.inline(node, place, at) };
        let Some(Value::Object(target)) = self.source.get(&name) else {
            return Err(Refusal::new(at, format!("no component is named {name}"), "correct the reference"));
        };
        if is_text_enum(target) && !place.catalog && !place.secret {
            self.component(&name)?;
            let mut open = closed_enum(target).as_object().cloned().unwrap_or_default();
            rust_type::ours(&mut open, "Open", &[json!({ "$ref": format!("#/components/schemas/{name}") })]);
            return Ok(Value::Object(open));
        }
        if target.contains_key("properties") || self.merged(target, 0).is_some() {
            self.component(&name)?;
            return Ok(json!({ "$ref": format!("#/components/schemas/{name}") }));
        }
        if place.depth > DEEPEST {
            return Ok(json!({}));
        }
        self.inline(target, Place { depth: place.depth + 1, ..place }, at)
    }

    fn inline(&mut self, node: &Node, place: Place, at: &str) -> Carried<Value> {
        if node.contains_key(rust_type::KEY) {
            return Ok(Value::Object(node.clone()));
        }
        match node.get("type").and_then(Value::as_str) {
            Some("string") => Ok(text(node, place)),
            Some("integer") => Ok(number(node, "Integer")),
            Some("number") => Ok(number(node, "Number")),
            Some("boolean") => Ok(Value::Object(loosened(node))),
            Some("array") => self.list(node, place, at),
            Some("object") if node.contains_key("properties") => self.object(node, None, place, at),
            Some("object") => self.map(node, place, at),
            _ => self.choice(node, place),
        }
    }

    fn list(&mut self, node: &Node, place: Place, at: &str) -> Carried<Value> {
        let items = self.schema(node.get("items").unwrap_or(&json!({})), place, &step(at, "items"))?;
        let mut out = annotated(node);
        rust_type::ours(&mut out, "LenientList", std::slice::from_ref(&items));
        out.insert("items".to_owned(), items);
        Ok(Value::Object(out))
    }

    fn map(&mut self, node: &Node, place: Place, at: &str) -> Carried<Value> {
        let any = json!({});
        let values = node.get("additionalProperties").filter(|values| values.is_object()).unwrap_or(&any);
        let values = self.schema(values, place, &step(at, "additionalProperties"))?;
        let mut out = annotated(node);
        rust_type::ours(&mut out, "LenientMap", std::slice::from_ref(&values));
        out.insert("additionalProperties".to_owned(), values);
        Ok(Value::Object(out))
    }

    fn object(&mut self, node: &Node, identity: Option<String>, place: Place, at: &str) -> Carried<Value> {
        let mut out = loosened(node);
        let mut properties = Node::new();
        let at = step(at, "properties");
        for (name, schema) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if schema.get("writeOnly") == Some(&json!(true)) {
                continue;
            }
            let below_env = place.below_env || names::holds_secrets(name);
            let inner = Place {
                secret: below_env || names::is_secret(name),
                below_env,
                catalog: names::is_catalog(name),
                depth: 0,
            };
            properties.insert(name.clone(), self.schema(schema, inner, &step(&at, name))?);
        }
        if let Some(promised) = out.remove("required") {
            out.insert("x-required".to_owned(), promised);
        }
        if let Some(identity) = identity.filter(|name| properties.contains_key(name)) {
            out.insert("required".to_owned(), json!([identity]));
        }
        if let Some(more) = out.remove("additionalProperties") {
            out.insert("x-additionalProperties".to_owned(), more);
        }
        out.insert("type".to_owned(), json!("object"));
        out.insert("properties".to_owned(), Value::Object(properties));
        Ok(Value::Object(out))
    }

    /// A choice that is not between objects: a text if all are texts, else any JSON.
    fn choice(&mut self, node: &Node, place: Place) -> Carried<Value> {
        let Some(members) = alternatives(node) else { return Ok(Value::Object(loosened(node))) };
        let resolved: Vec<&Node> = members.iter().filter_map(|member| self.resolved(member)).collect();
        let texts = resolved.len() == members.len()
            && resolved.iter().all(|member| member.get("type") == Some(&json!("string")));
        if texts {
            let known = members.iter().zip(&resolved).find(|(_, member)| is_text_enum(member));
            return match known {
                Some((member, _)) => self.schema(member, place, ""),
                None => {
                    Ok(text(&json!({ "type": "string" }).as_object().cloned().unwrap_or_default(), place))
                }
            };
        }
        let members: Vec<Value> = members.iter().map(|member| self.written_out(member, 0)).collect();
        Ok(json!({ "x-oneOf": members }))
    }

    /// A choice between objects, as one object that may hold what any of them holds.
    fn merged(&self, node: &Node, depth: usize) -> Option<Node> {
        let members = alternatives(node)?;
        let mut properties = Node::new();
        let mut conflicting = BTreeSet::new();
        for member in members {
            let member = self.resolved(member)?;
            let inner = if depth < 8 { self.merged(member, depth + 1) } else { None };
            let own = inner.as_ref().unwrap_or(member).get("properties")?.as_object()?.clone();
            for (name, schema) in own {
                match properties.get(&name) {
                    None => {
                        properties.insert(name, schema);
                    }
                    Some(old) if *old == schema || conflicting.contains(&name) => {}
                    Some(old) => {
                        let together = self.together(old, &schema);
                        if together == json!({}) {
                            conflicting.insert(name.clone());
                        }
                        properties.insert(name, together);
                    }
                }
            }
        }
        let mut out = Node::new();
        out.insert("type".to_owned(), json!("object"));
        out.insert("properties".to_owned(), Value::Object(properties));
        Some(out)
    }

    /// Components for the enums that merging has made.
    fn enums_named(&mut self, mut merged: Node, name: &str) -> Node {
        for (property, schema) in
            merged.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
        {
            let Some(node) = schema.as_object_mut().filter(|node| is_text_enum(node)) else { continue };
            let own = format!("{name}{}", capitalised(property));
            let free = !self.source.contains_key(&own) && !self.out.contains_key(&own);
            if free && node["enum"].as_array().is_some_and(|values| values.len() > 1) {
                let closed = closed_enum(node);
                rust_type::ours(node, "Open", &[json!({ "$ref": format!("#/components/schemas/{own}") })]);
                self.out.insert(own, closed);
            }
        }
        merged
    }

    /// Type that holds both; any JSON if they have nothing in common.
    fn together(&self, one: &Value, other: &Value) -> Value {
        let (Some(a), Some(b)) = (self.resolved(one), self.resolved(other)) else { return json!({}) };
        if let (true, Some(Value::Array(more))) = (is_text_enum(a) && is_text_enum(b), b.get("enum")) {
            let mut values = a["enum"].as_array().cloned().unwrap_or_default();
            values.extend(
                more.iter()
                    .filter(|value| !a["enum"].as_array().is_some_and(|all| all.contains(value)))
                    .cloned(),
            );
            return json!({ "type": "string", "enum": values });
        }
        match (a.get("type"), b.get("type")) {
            (Some(kind), Some(same))
                if kind == same && *kind != json!("object") && *kind != json!("array") =>
            {
                json!({ "type": kind })
            }
            _ => json!({}),
        }
    }

    /// The schema without references, for validators.
    fn written_out(&self, value: &Value, depth: usize) -> Value {
        match value {
            _ if depth > 12 => json!({}),
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.written_out(item, depth + 1)).collect())
            }
            Value::Object(node) => match lone_target(node).and_then(|name| self.source.get(&name)) {
                Some(target) => self.written_out(target, depth + 1),
                None => Value::Object(
                    node.iter()
                        .map(|(key, value)| (key.clone(), self.written_out(value, depth + 1)))
                        .collect(),
                ),
            },
            other => other.clone(),
        }
    }

    fn resolved<'b>(&'b self, schema: &'b Value) -> Option<&'b Node> {
        let node = schema.as_object()?;
        match lone_target(node) {
            Some(name) => self.source.get(&name)?.as_object(),
            None => Some(node),
        }
    }
}

fn alternatives(node: &Node) -> Option<&Vec<Value>> {
    node.get("oneOf").or_else(|| node.get("anyOf"))?.as_array()
}

pub(crate) fn is_text_enum(node: &Node) -> bool {
    node.get("type") == Some(&json!("string")) && node.contains_key("enum")
}

/// An enum without anything else, the same in both directions.
pub(crate) fn closed_enum(node: &Node) -> Value {
    json!({ "type": "string", "enum": node.get("enum") })
}

fn text(node: &Node, place: Place) -> Value {
    if place.secret {
        let mut out = annotated(node);
        rust_type::ours(&mut out, "Secret", &[]);
        return Value::Object(out);
    }
    Value::Object(loosened(node))
}

fn number(node: &Node, name: &str) -> Value {
    let mut out = annotated(node);
    rust_type::ours(&mut out, name, &[]);
    Value::Object(out)
}

/// The schema as upstream has it, its default set aside.
fn annotated(node: &Node) -> Node {
    let mut out = node.clone();
    out.remove("additionalProperties");
    out.remove("items");
    if let Some(default) = out.remove("default") {
        out.insert("x-default".to_owned(), default);
    }
    out
}

/// The schema with what would refuse a value set aside.
fn loosened(node: &Node) -> Node {
    let mut out = Node::new();
    for (key, value) in node {
        let key = if LOOSENED.contains(&key.as_str()) { format!("x-{key}") } else { key.clone() };
        out.insert(key, value.clone());
    }
    for key in ["allOf", "anyOf", "oneOf", "discriminator"] {
        out.remove(key);
    }
    out
}
