//! The committed document as the memory of names: what has a Rust name keeps it, whatever upstream calls it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{flatten::lone_target, operations::capitalised, reading::KEY, schema::Node};

/// Upstream's id of an operation that has another one here.
pub(crate) const ID: &str = "x-upstream-id";

/// Upstream's name of a component that has another one here.
pub(crate) const NAME: &str = "x-upstream-name";

/// The component that one is the other reading of.
pub(crate) const OF: &str = "x-reading-of";

/// Marks a component that upstream has inside others.
pub(crate) const INLINE: &str = "x-inline";

/// The document before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Value);

impl Memory {
    /// Remembers a document of ours; anything else is no memory.
    pub(crate) fn of(document: Value) -> Self {
        Self(document)
    }

    /// The id of the operation at a place.
    pub(crate) fn operation_id(&self, method: &str, path: &str) -> Option<&str> {
        self.operation(method, path)?.get("operationId")?.as_str()
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let items = self.0.get("paths")?.as_object()?.iter();
        items.filter(|(known, _)| place(known) == place(path)).find_map(|(_, item)| item.get(method))
    }

    /// A component, by its name here.
    pub(crate) fn component(&self, name: &str) -> Option<&Node> {
        self.0.pointer("/components/schemas")?.get(name)?.as_object()
    }

    fn components(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten()
    }

    /// Returns true if some component has the name, or one that is the same to Rust.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.components().any(|(known, _)| plain(known) == plain(name))
    }

    /// Origin of a component: itself, or that of which it is the other reading.
    fn base(&self, name: &str) -> String {
        self.component(name).and_then(|node| node.get(OF)?.as_str()).unwrap_or(name).to_owned()
    }

    /// The other reading of a component.
    pub(crate) fn other_reading(&self, base: &str) -> Option<&str> {
        self.components().find(|(_, schema)| schema[OF] == base).map(|(name, _)| name.as_str())
    }

    /// The names that operations send or receive.
    pub(crate) fn reached(&self, keys: &[&str]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (_, item) in self.0.get("paths").and_then(Value::as_object).into_iter().flatten() {
            for (_, operation) in item.as_object().into_iter().flatten() {
                keys.iter()
                    .filter_map(|key| operation.get(*key))
                    .for_each(|part| self.reach(part, &mut found));
            }
        }
        found
    }

    fn reach(&self, value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.reach(item, found)),
            Value::Object(node) => {
                if let Some(name) = node.get("$ref").and_then(|_| lone_target(node))
                    && found.insert(name.clone())
                    && let Some(there) = self.component(&name)
                {
                    there.values().for_each(|value| self.reach(value, found));
                }
                node.values().for_each(|value| self.reach(value, found));
            }
            _ => {}
        }
    }

    /// The names here of upstream's components.
    pub(crate) fn names(&self, schemas: &Node, paths: &Node) -> BTreeMap<String, String> {
        let votes = self.votes(schemas, paths);
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for name in schemas.keys() {
            let known =
                self.components().find(|(_, schema)| schema[NAME] == **name).map(|(known, _)| known.clone());
            let same =
                || self.component(name).filter(|node| !node.contains_key(OF) && !node.contains_key(NAME));
            let same = || same().filter(|_| self.is_upstreams(name, &votes)).map(|_| name.clone());
            if let Some(own) = known.map(|known| self.base(&known)).or_else(same) {
                names.insert(name.clone(), own);
            }
        }
        let mut claimed: BTreeSet<String> = names.values().map(|name| plain(name)).collect();
        for name in schemas.keys() {
            if names.contains_key(name) {
                continue;
            }
            let voted = votes.get(name).filter(|voted| !claimed.contains(&plain(voted))).cloned();
            let own = voted.unwrap_or_else(|| {
                let base = identifier(name);
                let numbered =
                    |number: usize| if number == 1 { base.clone() } else { format!("{base}{number}") };
                let free = |name: &String| !claimed.contains(&plain(name)) && !self.has(name);
                (1..).map(numbered).find(free).unwrap_or(base.clone())
            });
            claimed.insert(plain(&own));
            names.insert(name.clone(), own);
        }
        names
    }

    /// Returns true if the component of this name is upstream's of that name: it was no part of another, or still is where
    /// it was.
    fn is_upstreams(&self, name: &str, votes: &BTreeMap<String, String>) -> bool {
        let node = self.component(name);
        node.is_some_and(|node| !node.contains_key(INLINE))
            || votes.get(name).is_some_and(|voted| voted == name)
    }

    /// The names that inline schemas had, by those that they would get.
    pub(crate) fn inline_names(&self, schemas: &Node, paths: &Node) -> BTreeMap<String, String> {
        self.votes(schemas, paths)
    }

    fn votes(&self, schemas: &Node, paths: &Node) -> BTreeMap<String, String> {
        let mut walk = Walk { memory: self, schemas, votes: BTreeMap::new(), seen: BTreeSet::new() };
        for (path, item) in paths {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let Some(before) = self.operation(method, path) else { continue };
                let id = capitalised(operation["operationId"].as_str().unwrap_or_default());
                for (pointer, suffix) in [
                    ("/requestBody/content/application~1json/schema", "Body"),
                    ("/responses/2XX/content/application~1json/schema", "Response"),
                ] {
                    if let (Some(new), Some(old)) = (operation.pointer(pointer), before.pointer(pointer)) {
                        walk.pair(new, old, &format!("{id}{suffix}"), 0);
                    }
                }
                walk.parameters(operation, before);
            }
        }
        walk.votes
    }
}

/// A path without the names of its parameters.
pub(crate) fn place(path: &str) -> String {
    let mut parts = path.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |place, part| place + "{}" + part.split_once('}').map_or(part, |(_, rest)| rest))
}

/// A name as far as Rust tells types apart.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The name as a Rust type can have it.
fn identifier(name: &str) -> String {
    let is_sound = name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric());
    if is_sound && name != "Self" {
        return name.to_owned();
    }
    let words = capitalised(name);
    if words.starts_with(|first: char| first.is_ascii_alphabetic()) && words != "Self" {
        words
    } else {
        format!("X{words}")
    }
}

/// Walks a document and the one before side by side.
struct Walk<'a> {
    memory: &'a Memory,
    schemas: &'a Node,
    /// The name before, by upstream's name or the one that an inline schema would get.
    votes: BTreeMap<String, String>,
    seen: BTreeSet<(String, String)>,
}

impl Walk<'_> {
    fn parameters(&mut self, new: &Value, old: &Value) {
        let list = |operation: &Value| operation["parameters"].as_array().cloned().unwrap_or_default();
        let before = list(old);
        for parameter in list(new) {
            let same = |other: &&Value| other["name"] == parameter["name"] && other["in"] == parameter["in"];
            if let Some(other) = before.iter().find(same) {
                self.pair(&parameter["schema"], &other["schema"], "", 0);
            }
        }
    }

    fn pair(&mut self, new: &Value, old: &Value, natural: &str, depth: usize) {
        let (Some(node), true) = (new.as_object(), depth < 32) else { return };
        let before = held(old);
        let target = lone_target(node).filter(|name| self.schemas.contains_key(name));
        let natural = target.as_deref().unwrap_or(natural).to_owned();
        if let Some(before) = &before {
            if !natural.is_empty() && (target.is_some() || is_named(node)) {
                self.votes.entry(natural.clone()).or_insert_with(|| self.memory.base(before));
            }
            if !self.seen.insert((natural.clone(), before.clone())) {
                return;
            }
        }
        let memory = self.memory;
        let old_node = match &before {
            Some(name) => memory.component(name),
            None => old.as_object(),
        };
        let schemas = self.schemas;
        let new_node = target.and_then(|name| schemas.get(&name)?.as_object()).unwrap_or(node);
        if let Some(old_node) = old_node {
            self.inside(new_node, old_node, &natural, depth + 1);
        }
    }

    fn inside(&mut self, new: &Node, old: &Node, natural: &str, depth: usize) {
        for (name, schema) in new.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if let Some(before) = old.get("properties").and_then(|properties| properties.get(name)) {
                self.pair(schema, before, &format!("{natural}{}", capitalised(name)), depth);
            }
        }
        for (key, suffix) in [("items", "Item"), ("additionalProperties", "Value")] {
            if let (Some(new), Some(old)) = (new.get(key), old.get(key)) {
                self.pair(new, old, &format!("{natural}{suffix}"), depth);
            }
        }
        for key in ["oneOf", "anyOf"] {
            let members = new.get(key).and_then(Value::as_array);
            let before = old.get("oneOf").and_then(Value::as_array);
            for (index, member) in members.into_iter().flatten().enumerate() {
                match before.and_then(|before| before.get(index)) {
                    Some(before) => self.pair(member, before, "", depth),
                    // A choice that is received is one object.
                    None => {
                        let target = member.as_object().and_then(lone_target);
                        let schemas = self.schemas;
                        let whole = target.as_ref().and_then(|name| schemas.get(name)).unwrap_or(member);
                        if let Some(whole) = whole.as_object() {
                            self.inside(whole, old, target.as_deref().unwrap_or_default(), depth);
                        }
                    }
                }
            }
        }
    }
}

/// The component that a schema of ours stands for, through our own types.
fn held(schema: &Value) -> Option<String> {
    let node = schema.as_object()?;
    let inner = node.get(KEY).and_then(|extension| extension.pointer("/parameters/0"));
    let ours = node.get(KEY).and_then(|extension| extension["path"].as_str()).unwrap_or_default();
    let transparent = ["Nullable", "Open", "Unless", "Box"].iter().any(|name| ours.ends_with(name));
    lone_target(node).or_else(|| inner.filter(|_| transparent).and_then(held))
}

fn is_named(node: &Node) -> bool {
    ["properties", "oneOf", "anyOf", "enum"].iter().any(|key| node.contains_key(*key))
}
