//! The strict reading: what the contract forbids cannot be built.

use serde_json::{Value, json};

use super::{
    names,
    response::{DEEPEST, closed_enum, is_text_enum},
    rust_type,
};
use crate::openapi::{
    flatten::lone_target,
    memory,
    operations::capitalised,
    pointer::step,
    refusal::{Carried, Refusal},
    schema::Node,
};

/// Reads components as what is sent.
pub(crate) struct Reader<'a> {
    source: &'a Node,
    out: Node,
}

/// Facts about a schema by its place.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    secret: bool,
    below_env: bool,
    catalog: bool,
    /// The property or parameter.
    property: &'a str,
    /// Name of the schema if it needs one.
    name: &'a str,
    /// True if it is a component already.
    is_component: bool,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// A reader of these components.
    pub(crate) fn new(source: &'a Node) -> Self {
        Self { source, out: Node::new() }
    }

    /// The components read so far.
    pub(crate) fn finish(self) -> Node {
        self.out
    }

    /// A request body.
    pub(crate) fn body(&mut self, schema: &Value, at: &str) -> Carried<Value> {
        self.schema(schema, Place::default(), at)
    }

    /// A parameter, in place.
    pub(crate) fn parameter(&mut self, id: &str, parameter: &mut Value, at: &str) -> Carried<()> {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let at = step(&step(at, "parameters"), &name);
        let schema = parameter["schema"].clone();
        if parameter["in"] != "query" {
            parameter["schema"] = Value::Object(plain_text(&schema));
            return Ok(());
        }
        let target = schema.as_object().and_then(lone_target).and_then(|name| self.source.get(&name));
        let whole = target.unwrap_or(&schema);
        let base = format!("{id}{}", capitalised(&name));
        let place =
            Place { catalog: names::is_catalog(&name), property: &name, name: &base, ..Place::default() };
        if whole["type"] == "object" || whole.get("oneOf").or_else(|| whole.get("anyOf")).is_some() {
            let problem = "a query parameter that is neither a value nor a list of values";
            return Err(Refusal::new(&at, problem, "correct its schema"));
        }
        let node = whole.as_object().cloned().unwrap_or_default();
        let joined =
            node.get("type") == Some(&json!("array")) && parameter.get("explode") == Some(&json!(false));
        parameter["schema"] = match node.get("type").and_then(Value::as_str) {
            Some("array") => self.query_list(&node, if joined { "Joined" } else { "List" }, place, &at)?,
            _ => self.schema(&schema, place, &at)?,
        };
        Ok(())
    }

    fn component(&mut self, name: &str) -> Carried<()> {
        if self.out.contains_key(name) {
            return Ok(());
        }
        let at = step("/components/schemas", name);
        let Some(Value::Object(node)) = self.source.get(name) else {
            return Err(Refusal::new(&at, "there is no such component", "correct the reference to it"));
        };
        self.out.insert(name.to_owned(), json!({}));
        let read = self.inline(node, Place { name, is_component: true, ..Place::default() }, &at)?;
        self.out.insert(name.to_owned(), read);
        Ok(())
    }

    fn schema(&mut self, schema: &Value, place: Place<'_>, at: &str) -> Carried<Value> {
        let Value::Object(node) = schema else { return Ok(json!({})) };
        let Some(name) = lone_target(node) else { return self.nullable(node, node, place, at) };
        let Some(Value::Object(target)) = self.source.get(&name) else {
            return Err(Refusal::new(at, format!("no component is named {name}"), "correct the reference"));
        };
        let named = target.contains_key("properties")
            || target.contains_key("oneOf")
            || target.contains_key("anyOf")
            || is_text_enum(target) && !place.catalog && !place.secret;
        if !named {
            if place.depth > DEEPEST {
                return Ok(json!({}));
            }
            return self.nullable(node, target, Place { depth: place.depth + 1, ..place }, at);
        }
        self.component(&name)?;
        let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
        let mut out = Node::new();
        for (key, value) in node.iter().filter(|(key, _)| !matches!(key.as_str(), "$ref" | "allOf")) {
            let key = if key == "default" { "x-default" } else { key };
            out.insert(key.to_owned(), value.clone());
        }
        if out.remove("nullable").is_some() {
            rust_type::ours(&mut out, "Nullable", std::slice::from_ref(&reference));
            out.insert("nullable".to_owned(), json!(true));
        }
        if out.is_empty() {
            return Ok(reference);
        }
        out.insert("allOf".to_owned(), json!([reference]));
        Ok(Value::Object(out))
    }

    /// The schema; where `null` may be sent, a type that can say so.
    fn nullable(&mut self, beside: &Node, node: &Node, place: Place<'_>, at: &str) -> Carried<Value> {
        let mut node = node.clone();
        let nullable = node.remove("nullable").is_some() || beside.contains_key("nullable");
        let default = beside.get("default").cloned();
        node.extend(default.map(|default| ("default".to_owned(), default)));
        let read = self.inline(&node, place, at)?;
        if !nullable {
            return Ok(read);
        }
        let mut out = read.as_object().cloned().unwrap_or_default();
        if let Some(reference) = out.remove("$ref") {
            out.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
        }
        out.insert("nullable".to_owned(), json!(true));
        rust_type::ours(&mut out, "Nullable", &[read]);
        Ok(Value::Object(out))
    }

    fn inline(&mut self, node: &Node, place: Place<'_>, at: &str) -> Carried<Value> {
        let node = &without_default(node);
        Ok(match node.get("type").and_then(Value::as_str) {
            Some("string") => self.text(node, place),
            Some("integer") => integer(node),
            Some("number") => number(node),
            Some("array") => self.list(node, place, at)?,
            Some("object") if node.contains_key("properties") => self.object(node, place, at)?,
            Some("object") => self.map(node, place, at)?,
            _ if node.contains_key("oneOf") || node.contains_key("anyOf") => self.choice(node, place, at)?,
            _ => Value::Object(node.clone()),
        })
    }

    fn text(&mut self, node: &Node, place: Place<'_>) -> Value {
        let mut out = node.clone();
        if place.secret {
            let least = out.get("minLength").and_then(Value::as_u64).unwrap_or(0);
            let name = if least == 0 { "Secret".to_owned() } else { format!("Secret<{least}>") };
            rust_type::ours(&mut out, &name, &[]);
            return Value::Object(out);
        }
        if place.catalog
            && let Some(values) = out.remove("enum")
        {
            out.insert("x-enum".to_owned(), values);
        }
        if is_text_enum(&out) {
            let closed = closed_enum(&out);
            return match closed {
                Value::Object(closed) if !place.is_component => self.hoisted(closed, place.name),
                closed => closed,
            };
        }
        if out.get("format") == Some(&json!("date-time")) {
            rust_type::ours(&mut out, "Timestamp", &[]);
            return Value::Object(out);
        }
        set_aside(&mut out, "format");
        let compiles =
            |pattern: &Value| pattern.as_str().is_some_and(|text| regress::Regex::new(text).is_ok());
        if out.get("pattern").is_some_and(|pattern| !compiles(pattern)) {
            set_aside(&mut out, "pattern");
        }
        let constrained = ["minLength", "maxLength", "pattern"].iter().any(|key| out.contains_key(*key));
        if constrained && !place.is_component && !place.name.is_empty() {
            self.hoisted(out, place.name)
        } else {
            Value::Object(out)
        }
    }

    /// A component for a schema that needs a name.
    fn hoisted(&mut self, mut node: Node, name: &str) -> Value {
        node.insert(memory::INLINE.to_owned(), json!(true));
        let schema = Value::Object(node);
        let mut number = 1;
        loop {
            let candidate = if number == 1 { name.to_owned() } else { format!("{name}{number}") };
            let free = !self.source.contains_key(&candidate);
            match self.out.get(&candidate) {
                Some(other) if free && *other == schema => {}
                None if free => {
                    self.out.insert(candidate.clone(), schema);
                }
                _ => {
                    number += 1;
                    continue;
                }
            }
            return json!({ "$ref": format!("#/components/schemas/{candidate}") });
        }
    }

    fn items(&mut self, node: &Node, place: Place<'_>, at: &str) -> Carried<Value> {
        let parent = format!("{}Item", place.name);
        let noun = capitalised(names::catalog_noun(place.property));
        let name = if place.catalog { noun } else { parent };
        let items = node.get("items").cloned().unwrap_or_else(|| json!({}));
        self.schema(&items, Place { name: &name, is_component: false, ..place }, &step(at, "items"))
    }

    fn list(&mut self, node: &Node, place: Place<'_>, at: &str) -> Carried<Value> {
        let items = self.items(node, place, at)?;
        let mut out = node.clone();
        out.insert("items".to_owned(), items.clone());
        match limits(node) {
            Some(limits) => rust_type::ours(&mut out, "List", &[items, limits]),
            None => rust_type::standard(&mut out, "vec::Vec", &[items]),
        }
        Ok(Value::Object(out))
    }

    /// A list that is sent in the query: `Joined` by commas, or as a `List` of parameters of one name.
    fn query_list(&mut self, node: &Node, name: &str, place: Place<'_>, at: &str) -> Carried<Value> {
        let node = &without_default(node);
        let items = self.items(node, place, at)?;
        let mut out = node.clone();
        out.insert("items".to_owned(), items.clone());
        let parameters: Vec<Value> = [Some(items), limits(node)].into_iter().flatten().collect();
        rust_type::ours(&mut out, name, &parameters);
        Ok(Value::Object(out))
    }

    fn map(&mut self, node: &Node, place: Place<'_>, at: &str) -> Carried<Value> {
        let mut out = node.clone();
        let any = json!({});
        let values = node.get("additionalProperties").filter(|values| values.is_object()).unwrap_or(&any);
        let name = format!("{}Value", place.name);
        let inner = Place { name: &name, is_component: false, ..place };
        let values = self.schema(values, inner, &step(at, "additionalProperties"))?;
        if node.get("additionalProperties") != Some(&json!(false)) {
            out.insert("additionalProperties".to_owned(), values.clone());
        }
        rust_type::standard(&mut out, "collections::BTreeMap", &[json!({ "type": "string" }), values]);
        Ok(Value::Object(out))
    }

    fn object(&mut self, node: &Node, place: Place<'_>, at: &str) -> Carried<Value> {
        let mut out = node.clone();
        let mut properties = Node::new();
        let at = step(at, "properties");
        for (property, schema) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if schema.get("readOnly") == Some(&json!(true)) {
                continue;
            }
            let below_env = place.below_env || names::holds_secrets(property);
            let name = format!("{}{}", place.name, capitalised(property));
            let inner = Place {
                secret: below_env
                    || names::is_secret(property)
                    || names::is_value_of_secret(place.name, property),
                below_env,
                catalog: names::is_catalog(property),
                property,
                name: &name,
                is_component: false,
                depth: 0,
            };
            properties.insert(property.clone(), self.schema(schema, inner, &step(&at, property))?);
        }
        if let Some(Value::Array(required)) = out.get_mut("required") {
            required.retain(|name| name.as_str().is_some_and(|name| properties.contains_key(name)));
        }
        if out.get("additionalProperties").is_some_and(Value::is_object) {
            let more = out.get("additionalProperties").cloned().unwrap_or_default();
            let name = format!("{}Extra", place.name);
            let inner = Place { name: &name, ..Place::default() };
            out.insert("additionalProperties".to_owned(), self.schema(&more, inner, &at)?);
        }
        out.insert("properties".to_owned(), Value::Object(properties));
        Ok(Value::Object(out))
    }

    /// The generator turns `oneOf` into an enum; `anyOf` it cannot carry.
    fn choice(&mut self, node: &Node, place: Place<'_>, at: &str) -> Carried<Value> {
        let mut out = node.clone();
        let members = out.remove("anyOf").or_else(|| out.remove("oneOf")).unwrap_or_default();
        let tags = tags(node);
        let mut read = Vec::new();
        for (index, member) in members.as_array().into_iter().flatten().enumerate() {
            let name = format!("{}{}", place.name, index + 1);
            let target = member.as_object().and_then(lone_target);
            let inner = Place { name: &name, is_component: false, ..place };
            let schema = self.schema(member, inner, &step(at, index))?;
            if let (Some((property, values)), Some(target)) = (&tags, &target) {
                self.tagged(target, property, values);
            }
            read.push(schema);
        }
        out.insert("oneOf".to_owned(), Value::Array(read));
        Ok(Value::Object(out))
    }

    /// Makes the discriminating property of an alternative say which alternative it is.
    fn tagged(&mut self, target: &str, property: &str, values: &[(String, String)]) {
        let Some((_, value)) = values.iter().find(|(name, _)| name == target) else { return };
        let tag = match closed_enum(&tag_of(value)) {
            Value::Object(tag) => self.hoisted(tag, &format!("{target}{}", capitalised(property))),
            tag => tag,
        };
        let Some(node) = self.out.get_mut(target).and_then(Value::as_object_mut) else { return };
        if let Some(properties) = node.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert(property.to_owned(), tag);
        }
        let required = node.entry("required").or_insert_with(|| json!([]));
        if let Some(names) = required.as_array_mut()
            && !names.contains(&json!(property))
        {
            names.push(json!(property));
        }
    }
}

/// Has a body that is not required read as one that may be left out.
pub(super) fn left_out(operation: &mut Value) {
    let Some(body) = operation.get_mut("requestBody").filter(|body| body["required"] == false) else {
        return;
    };
    if let Some(schema) = body.pointer_mut("/content/application~1json/schema") {
        let mut out = schema.as_object().cloned().unwrap_or_default();
        if let Some(reference) = out.remove("$ref") {
            out.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
        }
        rust_type::ours(&mut out, "Unless", std::slice::from_ref(schema));
        *schema = Value::Object(out);
    }
}

fn tag_of(value: &str) -> Node {
    Node::from_iter([("enum".to_owned(), json!([value]))])
}

/// The discriminating property, and each component with its value.
fn tags(node: &Node) -> Option<(String, Vec<(String, String)>)> {
    let discriminator = node.get("discriminator")?;
    let property = discriminator.get("propertyName")?.as_str()?.to_owned();
    let mapping = discriminator.get("mapping").and_then(Value::as_object);
    let mut values = Vec::new();
    for (value, target) in mapping.into_iter().flatten() {
        let target = target.as_str()?.rsplit('/').next()?.to_owned();
        values.push((target, value.clone()));
    }
    Some((property, values))
}

fn without_default(node: &Node) -> Node {
    let mut out = node.clone();
    set_aside(&mut out, "default");
    out
}

fn set_aside(node: &mut Node, key: &str) {
    if let Some(value) = node.remove(key) {
        node.insert(format!("x-{key}"), value);
    }
}

/// A path or header value: any text.
fn plain_text(schema: &Value) -> Node {
    let mut out = Node::new();
    for (key, value) in schema.as_object().into_iter().flatten() {
        let key = if key == "type" || key.starts_with("x-") { key.clone() } else { format!("x-{key}") };
        out.insert(key, value.clone());
    }
    out.insert("type".to_owned(), json!("string"));
    out
}

fn integer(node: &Node) -> Value {
    let mut out = node.clone();
    let bound = |key: &str| node.get(key).and_then(Value::as_i64);
    let open = |key: &str| i64::from(node.get(key) == Some(&json!(true)));
    let least = bound("minimum").map(|least| least.saturating_add(open("exclusiveMinimum")));
    let most = bound("maximum").map(|most| most.saturating_sub(open("exclusiveMaximum")));
    if least.is_some() || most.is_some() {
        let name = format!("Int<{}, {}>", least.unwrap_or(i64::MIN), most.unwrap_or(i64::MAX));
        rust_type::ours(&mut out, &name, &[]);
    } else {
        set_aside(&mut out, "format");
    }
    Value::Object(out)
}

fn number(node: &Node) -> Value {
    let mut out = node.clone();
    let bound = |key: &str| node.get(key).and_then(Value::as_f64);
    let thousandths = |bound: f64| {
        let scaled = (bound * 1000.0).round();
        ((scaled / 1000.0) == bound && scaled.abs() < 1e15).then_some(scaled as i64)
    };
    let (least, most) = (bound("minimum"), bound("maximum"));
    match (least.map(thousandths), most.map(thousandths)) {
        (None, None) | (Some(None), _) | (_, Some(None)) => {
            for key in ["format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
                set_aside(&mut out, key);
            }
        }
        (least, most) => {
            let (least, most) = (least.flatten(), most.flatten());
            let name = format!("Num<{}, {}>", least.unwrap_or(i64::MIN), most.unwrap_or(i64::MAX));
            rust_type::ours(&mut out, &name, &[]);
        }
    }
    Value::Object(out)
}

/// The type that counts a list's items.
fn limits(node: &Node) -> Option<Value> {
    let bound = |key: &str| node.get(key).and_then(Value::as_u64).and_then(|bound| u32::try_from(bound).ok());
    let (least, most) = (bound("minItems"), bound("maxItems"));
    let unique = node.get("uniqueItems") == Some(&json!(true));
    (least.is_some() || most.is_some() || unique).then(|| {
        let name = format!("Len<{}, {}, {unique}>", least.unwrap_or(0), most.unwrap_or(u32::MAX));
        rust_type::alone(&name)
    })
}
