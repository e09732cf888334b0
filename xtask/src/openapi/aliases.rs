//! Names of fields, variants and arguments where those on the wire would fall together in Rust.
//!
//! `x-names` gives, by the name on the wire, the one that the generator is handed in its place; the code it makes has
//! the name on the wire put back. An alias begins with `~`, which no name of Rust's can have.

use std::collections::{BTreeMap, BTreeSet};

use heck::{ToPascalCase as _, ToSnakeCase as _};
use serde_json::{Value, json};

use super::{memory::Memory, options::HEADER, schema::Node};

/// Key under which a schema or parameter has its aliases.
pub(crate) const NAMES: &str = "x-names";

/// Arguments that the generated method, or its mock, has other uses for.
const ARGUMENTS: [&str; 13] = [
    "body",
    "client",
    "header_map",
    "info",
    "inner",
    "into_inner",
    "new",
    "options",
    "query",
    "request",
    "response",
    "result",
    "url",
];

/// Words that stand for a name of their own with an underscore.
const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "Self",
    "static", "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// The name of a field or an argument.
pub(crate) fn field(wire: &str) -> String {
    settled(parts(wire).to_snake_case(), "x")
}

/// The name of a variant.
pub(crate) fn variant(wire: &str) -> String {
    settled(parts(wire).to_pascal_case(), "X")
}

fn parts(wire: &str) -> String {
    wire.replace('\'', "").replace(|letter: char| !letter.is_alphanumeric() && letter != '_', "-")
}

fn settled(name: String, prefix: &str) -> String {
    let name = match name.chars().next() {
        None => prefix.to_owned(),
        Some(first) if first.is_alphabetic() => name,
        Some(_) => format!("{prefix}{name}"),
    };
    if KEYWORDS.contains(&name.as_str()) { name + "_" } else { name }
}

/// Gives aliases where they are needed. What has had a name keeps it.
pub(crate) fn settle(document: &mut Value, memory: &Memory) {
    let mut given = Given::default();
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        if let Some(node) = schema.as_object_mut() {
            component(node, memory.component(name), &mut given);
        }
    }
    for item in document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        for operation in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
            arguments(operation, &mut given);
        }
    }
}

/// Meaning of each alias, in the whole document.
#[derive(Default)]
struct Given(BTreeMap<String, String>);

impl Given {
    /// An alias for a name whose natural one is taken.
    fn alias(&mut self, wire: &str, natural: &str, taken: &BTreeSet<String>, before: Option<&str>) -> String {
        let made = (2..).map(|number| format!("~{}{number}", natural.trim_end_matches('_')));
        let fits = |alias: &String| {
            !taken.contains(&alias[1..]) && self.0.get(alias).is_none_or(|known| known == wire)
        };
        let before = before.filter(|alias| alias.starts_with('~')).map(str::to_owned);
        let alias = before.into_iter().chain(made).find(fits).unwrap_or_default();
        self.0.insert(alias.clone(), wire.to_owned());
        alias
    }

    /// Aliases for the names that fall together with one before them, or with a reserved one.
    fn aliases<'a>(
        &mut self,
        wires: impl Iterator<Item = &'a str>,
        reserved: &[&str],
        before: Option<&Node>,
        rust: impl Fn(&str) -> String,
    ) -> Node {
        let known = |wire: &str| before.and_then(|names| names.get(wire)?.as_str());
        let mut taken: BTreeSet<String> = reserved.iter().map(|name| (*name).to_owned()).collect();
        let mut aliases = Node::new();
        for wire in wires {
            let natural = rust(wire);
            if known(wire).is_none() && taken.insert(natural.clone()) {
                continue;
            }
            let alias = self.alias(wire, &natural, &taken, known(wire));
            taken.insert(alias[1..].to_owned());
            aliases.insert(wire.to_owned(), json!(alias));
        }
        aliases
    }
}

fn component(node: &mut Node, before: Option<&Node>, given: &mut Given) {
    let names = before.and_then(|before| before.get(NAMES)?.as_object());
    let aliases = if let Some(properties) = node.get("properties").and_then(Value::as_object) {
        let extra = node.get("additionalProperties").is_some_and(Value::is_object);
        let had = |wire: &str| before.and_then(|before| before.get("properties")?.get(wire)).is_some();
        let wires = first_known(properties.keys().map(String::as_str), had);
        let reserved: &[&str] = if extra { &["extra"] } else { &[] };
        given.aliases(wires.into_iter(), reserved, names, |wire| field(wire.trim_start_matches(HEADER)))
    } else if let Some(values) = node.get("enum").and_then(Value::as_array) {
        let had = |wire: &str| {
            before
                .and_then(|before| before.get("enum")?.as_array())
                .is_some_and(|values| values.contains(&json!(wire)))
        };
        let wires = first_known(values.iter().filter_map(Value::as_str), had);
        given.aliases(wires.into_iter(), &[], names, variant)
    } else {
        return;
    };
    if !aliases.is_empty() {
        node.insert(NAMES.to_owned(), Value::Object(aliases));
    }
}

/// Those that were there before, then the others.
fn first_known<'a>(wires: impl Iterator<Item = &'a str>, had: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let (mut known, new): (Vec<&str>, Vec<&str>) = wires.partition(|wire| had(wire));
    known.extend(new);
    known
}

fn arguments(operation: &mut Value, given: &mut Given) {
    let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) else { return };
    let mut taken: BTreeSet<String> = ARGUMENTS.iter().map(|name| (*name).to_owned()).collect();
    // The names in a path are ours to choose, and chosen already.
    let in_path = |parameter: &Value| parameter["in"] == "path";
    let name = |parameter: &Value| parameter["name"].as_str().unwrap_or_default().to_owned();
    taken.extend(parameters.iter().filter(|one| in_path(one)).map(|one| field(&name(one))));
    for parameter in parameters.iter_mut().filter(|one| !in_path(one)) {
        let wire = name(parameter);
        let natural = field(&wire);
        if taken.insert(natural.clone()) {
            continue;
        }
        let alias = given.alias(&wire, &natural, &taken, None);
        taken.insert(alias[1..].to_owned());
        parameter[NAMES] = json!({ wire: alias });
    }
}

/// Returns true if an argument of the path must have another name.
pub(crate) fn is_reserved(name: &str) -> bool {
    ARGUMENTS.contains(&field(name).as_str()) || !name.is_ascii() || name.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(schema: Value, before: Value) -> Value {
        let mut document = json!({ "paths": {}, "components": { "schemas": { "A": schema } } });
        let memory = Memory::of(json!({ "components": { "schemas": { "A": before } } }));
        settle(&mut document, &memory);
        document["components"]["schemas"]["A"][NAMES].clone()
    }

    #[test]
    fn names_that_fall_together_get_aliases_and_old_ones_none() {
        let of = |names: &[&str]| json!({ "properties": names.iter().map(|name| ((*name).to_owned(), json!({}))).collect::<Node>() });
        assert_eq!(
            names(of(&["gpu_count", "gpuCount"]), of(&["gpuCount"])),
            json!({ "gpu_count": "~gpu_count2" })
        );
        assert_eq!(
            names(of(&["gpu_count", "gpuCount"]), of(&["gpu_count"])),
            json!({ "gpuCount": "~gpu_count2" })
        );
        assert_eq!(names(of(&["gpuCount", "type"]), json!({})), Value::Null);
        let mut open = of(&["extra"]);
        open["additionalProperties"] = json!({ "type": "string" });
        assert_eq!(names(open, json!({})), json!({ "extra": "~extra2" }));
    }

    #[test]
    fn values_that_differ_in_case_or_punctuation_only_get_aliases() {
        let of = |values: &[&str]| json!({ "type": "string", "enum": values });
        let told = names(of(&["RUNNING", "running", "Running!", "", "-"]), of(&["running"]));
        assert_eq!(told, json!({ "RUNNING": "~Running2", "Running!": "~Running3", "-": "~X2" }));
        let again = json!({ "type": "string", "enum": ["a", "A"], "x-names": { "A": "~A7" } });
        assert_eq!(names(of(&["a", "A"]), again), json!({ "A": "~A7" }));
    }
}
