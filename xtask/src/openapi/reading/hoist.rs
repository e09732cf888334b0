//! Objects, choices and enums written inside other schemas become components, so that each has a name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::rename;
use crate::openapi::{
    flatten::lone_target,
    memory::Memory,
    operations::capitalised,
    pointer::step,
    refusal::{Carried, Refusal},
    schema::Node,
};

/// The components with those that were inside others.
pub(crate) struct Hoisted {
    pub(crate) schemas: Node,
    /// Components whose natural name was taken, and that name.
    clashes: BTreeMap<String, String>,
    /// The components that were inside others.
    pub(crate) inline: BTreeSet<String>,
}

/// Gives everything that becomes a Rust type a name.
pub(crate) fn named(schemas: &Node, paths: &mut Node, memory: &Memory) -> Carried<Hoisted> {
    let nullable: BTreeSet<String> = schemas
        .iter()
        .filter(|(_, schema)| schema["nullable"] == true)
        .map(|(name, _)| name.clone())
        .collect();
    let mut hoister = Hoister {
        upstream: schemas,
        nullable,
        memory,
        recalled: memory.inline_names(schemas, paths),
        out: Hoisted { schemas: Node::new(), clashes: BTreeMap::new(), inline: BTreeSet::new() },
    };
    for (name, schema) in schemas {
        let mut schema = schema.clone();
        if let Some(node) = schema.as_object_mut() {
            node.remove("nullable");
        }
        hoister.inside(&mut schema, name)?;
        hoister.out.schemas.insert(name.clone(), schema);
    }
    super::each_operation(paths, |operation, _| {
        let id = capitalised(operation["operationId"].as_str().unwrap_or_default());
        for (pointer, suffix) in [
            ("/responses/2XX/content/application~1json/schema", "Response"),
            ("/requestBody/content/application~1json/schema", "Body"),
        ] {
            if let Some(schema) = operation.pointer_mut(pointer) {
                hoister.at(schema, &format!("{id}{suffix}"))?;
            }
        }
        Ok(())
    })?;
    Ok(hoister.out)
}

struct Hoister<'a> {
    upstream: &'a Node,
    nullable: BTreeSet<String>,
    memory: &'a Memory,
    /// Names that parts have had, by those that they would get.
    recalled: BTreeMap<String, String>,
    out: Hoisted,
}

impl Hoister<'_> {
    /// Replaces the schema by a reference if it needs a name, and does so inside it.
    fn at(&mut self, schema: &mut Value, name: &str) -> Carried<()> {
        let Value::Object(node) = &*schema else { return Ok(()) };
        if let Some(target) = lone_target(node) {
            if self.nullable.contains(&target) {
                *schema = beside(node.clone(), &target, true);
            }
            return Ok(());
        }
        if !needs_name(node) {
            return self.inside(schema, name);
        }
        let mut own = node.clone();
        let mut kept = Node::new();
        for key in ["nullable", "default", "readOnly", "writeOnly"] {
            kept.extend(own.remove(key).map(|value| (key.to_owned(), value)));
        }
        let mut own = Value::Object(own);
        self.inside(&mut own, name)?;
        let name = self.place(own, name)?;
        *schema = beside(kept, &name, false);
        Ok(())
    }

    fn inside(&mut self, schema: &mut Value, name: &str) -> Carried<()> {
        let Value::Object(node) = schema else { return Ok(()) };
        for (property, schema) in
            node.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
        {
            self.at(schema, &format!("{name}{}", capitalised(property)))?;
        }
        if let Some(items) = node.get_mut("items") {
            self.at(items, &format!("{name}Item"))?;
        }
        if let Some(values) = node.get_mut("additionalProperties").filter(|values| values.is_object()) {
            self.at(values, &format!("{name}Value"))?;
        }
        for key in ["anyOf", "oneOf"] {
            let members = node.get_mut(key).and_then(Value::as_array_mut);
            for (index, member) in members.into_iter().flatten().enumerate() {
                let suffix = tag(member).map_or_else(|| (index + 1).to_string(), |tag| capitalised(&tag));
                self.at(member, &format!("{name}{suffix}"))?;
            }
        }
        Ok(())
    }

    /// Returns true if nothing that had this name before has it by right now.
    fn is_gone(&self, name: &str) -> bool {
        !self.recalled.values().any(|recalled| recalled == name)
    }

    fn place(&mut self, schema: Value, name: &str) -> Carried<String> {
        let listed = |upstream: &&String| name.starts_with(upstream.as_str());
        let equal =
            self.upstream.iter().filter(|(_, other)| **other == schema).map(|(name, _)| name).find(listed);
        if let Some(equal) = equal {
            return Ok(equal.clone());
        }
        let recalled = self.recalled.get(name).cloned();
        let numbered = |number: usize| if number == 1 { name.to_owned() } else { format!("{name}{number}") };
        for candidate in recalled.clone().into_iter().chain((1..100).map(numbered)) {
            let kept = recalled.as_ref() != Some(&candidate) && self.memory.has(&candidate);
            let taken = kept && !self.is_gone(&candidate) || self.upstream.contains_key(&candidate);
            match self.out.schemas.get(&candidate) {
                Some(other) if !taken && *other == schema => return Ok(candidate),
                None if !taken => {
                    if candidate != name && recalled.as_ref() != Some(&candidate) {
                        self.out.clashes.insert(candidate.clone(), name.to_owned());
                    }
                    self.out.inline.insert(candidate.clone());
                    self.out.schemas.insert(candidate.clone(), schema);
                    return Ok(candidate);
                }
                _ => {}
            }
        }
        Err(Refusal::new(
            &step("/components/schemas", name),
            "no free name for a part of it",
            "rename a component",
        ))
    }
}

impl Hoisted {
    /// Uses the component that has a part's natural name where both read alike.
    pub(crate) fn undo_clashes(&self, schemas: &mut Node, paths: &mut Node) {
        let mut same = BTreeMap::new();
        for (name, natural) in &self.clashes {
            let Some(one) = schemas.get(name) else { continue };
            match schemas.get(natural) {
                Some(other) if facts(one) != facts(other) => continue,
                Some(_) => {}
                None => {
                    schemas.insert(natural.clone(), one.clone());
                }
            }
            schemas.remove(name);
            same.insert(name.clone(), natural.clone());
        }
        schemas.values_mut().for_each(|schema| rename(schema, &same));
        for item in paths.values_mut() {
            for (_, operation) in item.as_object_mut().into_iter().flatten() {
                if let Some(answers) = operation.get_mut("responses") {
                    rename(answers, &same);
                }
            }
        }
    }
}

/// A schema without what only validators read.
fn facts(value: &Value) -> Value {
    match value {
        Value::Object(node) => Value::Object(
            node.iter()
                .filter(|(key, _)| !key.starts_with("x-") || *key == super::rust_type::KEY)
                .map(|(key, value)| (key.clone(), facts(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn needs_name(node: &Node) -> bool {
    node.contains_key("properties")
        || node.contains_key("oneOf")
        || node.contains_key("anyOf")
        || super::response::is_text_enum(node)
            && node["enum"].as_array().is_some_and(|values| values.len() > 1)
}

/// The one value of a property that tells alternatives apart.
fn tag(member: &Value) -> Option<String> {
    let properties = member.get("properties")?.as_object()?;
    properties.values().find_map(|schema| match schema.get("enum")?.as_array()?.as_slice() {
        [only] => only.as_str().map(str::to_lowercase),
        _ => None,
    })
}

/// A reference with annotations beside it.
fn beside(mut kept: Node, name: &str, nullable: bool) -> Value {
    kept.remove("$ref");
    kept.remove("allOf");
    if nullable {
        kept.insert("nullable".to_owned(), json!(true));
    }
    let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
    if kept.is_empty() {
        return reference;
    }
    kept.insert("allOf".to_owned(), json!([reference]));
    Value::Object(kept)
}
