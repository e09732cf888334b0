//! Corrections of an upstream document before any rule reads it, each with its reason.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{memory, pointer};

/// One change to the upstream document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Correction {
    /// Place in the upstream document; leads through references and `allOf`.
    pointer: String,
    change: Change,
    /// The value to put there, or the item of the list to add or take away.
    value: Option<Value>,
    /// Upstream's value there, without prose; nothing is there where this is not said.
    expects: Option<Value>,
    /// A property that stands where the new one belongs, where `allOf` leaves a choice.
    beside: Option<String>,
    /// True if the facade rests on it, so that an import without it fails.
    #[serde(default)]
    needed: bool,
    /// Why upstream is wrong.
    reason: String,
    /// Source of that knowledge.
    source: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Change {
    /// Puts the value at the pointer, unless upstream has something there by now.
    Add,
    /// Puts the value at the pointer, in place of what is expected there.
    Set,
    /// Adds the value to the list at the pointer, which is made if it is not there; not if upstream has it by now.
    Append,
    /// Takes away what is at the pointer or, with a value, that item of the list there.
    Remove,
}

/// Outcome of a correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was made.
    Changed,
    /// Upstream says it already.
    Stale,
    /// The place is not there.
    Lost,
    /// Upstream has something else there than was expected, and keeps it.
    Unexpected,
}

impl Outcome {
    /// The fault of the entry, and what to do; nothing if it was made.
    pub(crate) fn told(self) -> Option<&'static str> {
        match self {
            Self::Changed => None,
            Self::Stale => Some("upstream says it by now; remove the entry"),
            Self::Lost => Some("there is no such place; correct or remove the entry"),
            Self::Unexpected => Some(
                "upstream has something else there than the entry expects, and keeps it; correct or remove the entry",
            ),
        }
    }
}

/// Corrections that may be left out without failing the import.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// Those that upstream has made its own.
    pub(crate) skip_stale: bool,
    /// Those that the facade rests on.
    pub(crate) bindings_only: bool,
}

impl How {
    /// Nothing fails; what is left out is told.
    pub(crate) const LENIENT: Self = Self { skip_stale: true, bindings_only: true };
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
    /// Code of ours would not work without it.
    #[error("correction {pointer}: {problem}; the facade rests on it ({reason})")]
    Needed {
        /// The entry.
        pointer: String,
        /// Its outcome.
        problem: &'static str,
        /// Its reason.
        reason: String,
    },
    /// The entry does not make sense.
    #[error("correction {pointer}: {problem}; correct the entry")]
    Malformed {
        /// The entry.
        pointer: String,
        /// Its fault.
        problem: &'static str,
    },
}

/// Applies the corrections in order, and gives what became of each.
pub(crate) fn apply(
    document: &mut Value,
    corrections: &[Correction],
    how: How,
) -> Result<Vec<Outcome>, CorrectionError> {
    let mut outcomes = Vec::new();
    for correction in corrections {
        let outcome = correction.apply(document)?;
        let goes_by_itself = matches!(correction.change, Change::Add | Change::Append);
        match (outcome, outcome.told()) {
            (Outcome::Stale, _) if !how.skip_stale && !goes_by_itself => return Err(correction.stale()),
            (Outcome::Lost | Outcome::Unexpected, Some(problem))
                if correction.needed && !how.bindings_only =>
            {
                let (pointer, reason) = (correction.pointer.clone(), correction.reason.clone());
                return Err(CorrectionError::Needed { pointer, problem, reason });
            }
            _ => outcomes.push(outcome),
        }
    }
    Ok(outcomes)
}

/// Record of a correction: the reason, how that is known, and the outcome if it was not made.
pub(crate) fn reasons(corrections: &[Correction], outcomes: &[Outcome]) -> Value {
    let told = |(correction, outcome): (&Correction, &Outcome)| {
        let mut told = json!({ "pointer": correction.pointer, "reason": correction.reason, "source": correction.source });
        if let Some(problem) = outcome.told() {
            told["problem"] = json!(problem);
        }
        told
    };
    corrections.iter().zip(outcomes).map(told).collect()
}

/// The entries that were not made, each with what is wrong.
pub(crate) fn problems(corrections: &[Correction], outcomes: &[Outcome]) -> Vec<String> {
    let told = |(correction, outcome): (&Correction, &Outcome)| {
        Some(format!("correction {}: {}", correction.pointer, outcome.told()?))
    };
    corrections.iter().zip(outcomes).filter_map(told).collect()
}

impl Correction {
    fn apply(&self, document: &mut Value) -> Result<Outcome, CorrectionError> {
        if self.reason.trim().is_empty() || self.source.trim().is_empty() {
            return Err(self.malformed("it has no reason or no source"));
        }
        if pointer::split(&self.pointer).is_none() {
            return Err(self.malformed("the pointer names no place inside the document"));
        }
        let place = literal(document, &self.pointer, self.beside.as_deref());
        let Some((parent, key)) = pointer::split(&place) else { return Ok(Outcome::Lost) };
        match (self.change, &self.value) {
            (Change::Add, Some(value)) => Ok(match document.pointer(&place) {
                Some(_) => Outcome::Stale,
                None => set(document, parent, &key, value),
            }),
            (Change::Set, Some(value)) => Ok(match self.surprised(document, &place, value) {
                Some(outcome) => outcome,
                None => set(document, parent, &key, value),
            }),
            (Change::Append, Some(value)) => self.append(document, &place, value),
            (Change::Remove, None) => Ok(match (document.pointer(&place), &self.expects) {
                (Some(there), Some(expected)) if facts(there) != *expected => Outcome::Unexpected,
                _ => remove(document, parent, &key),
            }),
            (Change::Remove, Some(value)) => Ok(remove_item(document, &place, value)),
            _ => Err(self.malformed("it has no value")),
        }
    }

    /// The value that a `set` meets if not the one it expects.
    fn surprised(&self, document: &Value, place: &str, value: &Value) -> Option<Outcome> {
        let there = document.pointer(place)?;
        if facts(there) == *value {
            return Some(Outcome::Stale);
        }
        (self.expects.as_ref() != Some(&facts(there))).then_some(Outcome::Unexpected)
    }

    fn append(&self, document: &mut Value, place: &str, value: &Value) -> Result<Outcome, CorrectionError> {
        let there = document.pointer(place).and_then(Value::as_array);
        let same = |item: &Value| item == value || same_parameter(document, item, value);
        if there.is_some_and(|items| items.iter().any(same)) {
            return Ok(Outcome::Stale);
        }
        let Some((parent, key)) = pointer::split(place) else { return Ok(Outcome::Lost) };
        let Some(Value::Object(node)) = document.pointer_mut(parent) else { return Ok(Outcome::Lost) };
        match node.entry(key).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(items) => items.push(value.clone()),
            _ => return Ok(Outcome::Unexpected),
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

/// The value there, without prose.
fn facts(value: &Value) -> Value {
    super::schema::neutral(value, false)
}

/// The pointer with references and `allOf` on its way followed, as far as it leads anywhere.
pub(crate) fn literal(document: &Value, pointer: &str, beside: Option<&str>) -> String {
    let steps: Vec<&str> = pointer.split('/').skip(1).collect();
    let mut place = String::new();
    for (index, step) in steps.iter().enumerate() {
        place = referred(document, place);
        if *step == "properties" {
            let next = steps.get(index + 1).copied().unwrap_or_default();
            let name = if index + 2 == steps.len() { beside.unwrap_or(next) } else { next };
            place = holding(document, &place, name, 0)
                .or_else(|| first_object(document, &place))
                .unwrap_or(place);
        }
        place = format!("{place}/{step}");
        if place.starts_with("/paths/") && index == 1 {
            place = same_path(document, place);
        }
    }
    place
}

/// The path, also where its arguments are called otherwise.
fn same_path(document: &Value, place: String) -> String {
    let Some((_, path)) = pointer::split(&place).filter(|_| document.pointer(&place).is_none()) else {
        return place;
    };
    let paths = document.get("paths").and_then(Value::as_object);
    let mut known = paths.into_iter().flat_map(|paths| paths.keys());
    known
        .find(|known| memory::place(known) == memory::place(&path))
        .map_or(place, |known| pointer::step("/paths", known))
}

fn referred(document: &Value, mut place: String) -> String {
    for _ in 0..16 {
        let reference =
            document.pointer(&place).and_then(|there| there.get("$ref")?.as_str()?.strip_prefix('#'));
        match reference {
            Some(next) => place = next.to_owned(),
            None => break,
        }
    }
    place
}

/// The schema at the place, or the one in its `allOf`, that has the property.
fn holding(document: &Value, place: &str, property: &str, depth: usize) -> Option<String> {
    let place = referred(document, place.to_owned());
    let there = document.pointer(&place).filter(|_| depth < 16)?;
    if there.get("properties").and_then(|properties| properties.get(property)).is_some() {
        return Some(place);
    }
    let members = there.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
    (0..members).find_map(|index| holding(document, &format!("{place}/allOf/{index}"), property, depth + 1))
}

/// The schema at the place, or the one written out in its `allOf`, that has properties.
fn first_object(document: &Value, place: &str) -> Option<String> {
    let there = document.pointer(place)?;
    if there.get("properties").is_some() {
        return Some(place.to_owned());
    }
    let members = there.get("allOf")?.as_array()?;
    let index = members.iter().position(|member| member.get("properties").is_some())?;
    Some(format!("{place}/allOf/{index}"))
}

fn set(document: &mut Value, parent: &str, key: &str, value: &Value) -> Outcome {
    if let Some(section) = parent.strip_prefix("/components/").filter(|section| !section.contains('/')) {
        let root = document.as_object_mut();
        let components = root.map(|root| root.entry("components").or_insert_with(|| json!({})));
        let components = components.and_then(Value::as_object_mut);
        components.map(|components| components.entry(section).or_insert_with(|| json!({})));
    }
    match document.pointer_mut(parent) {
        Some(Value::Object(node)) => {
            node.insert(key.to_owned(), value.clone());
            Outcome::Changed
        }
        Some(Value::Array(items)) => match key.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
            Some(place) => {
                *place = value.clone();
                Outcome::Changed
            }
            None => Outcome::Lost,
        },
        _ => Outcome::Lost,
    }
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

/// Returns true if both are the same parameter, written out or by reference.
fn same_parameter(document: &Value, one: &Value, other: &Value) -> bool {
    let written_out = |value: &Value| {
        let pointer = value.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value).clone()
    };
    let (one, other) = (written_out(one), written_out(other));
    one.get("in").is_some() && one.get("in") == other.get("in") && one.get("name") == other.get("name")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({
            "a": { "list": ["x", { "in": "query", "name": "q" }], "n": 1 },
            "components": { "parameters": { "Q": { "in": "query", "name": "q" } } },
        })
    }

    fn applied(correction: Value, skip_stale: bool) -> (Value, Result<Vec<Outcome>, String>) {
        let mut correction = correction;
        correction["reason"] = json!("the reason");
        correction["source"] = json!("a test");
        let correction = serde_json::from_value(correction).expect("a correction");
        let mut document = document();
        let how = How { skip_stale, ..How::default() };
        let lost = apply(&mut document, &[correction], how).map_err(|error| error.to_string());
        (document, lost)
    }

    #[test]
    fn a_correction_sets_appends_and_removes() {
        for (correction, pointer, expected) in [
            (json!({ "pointer": "/a/n", "change": "set", "expects": 1, "value": 2 }), "/a/n", Some(json!(2))),
            (json!({ "pointer": "/a/new", "change": "set", "value": 2 }), "/a/new", Some(json!(2))),
            (
                json!({ "pointer": "/a/list/0", "change": "set", "expects": "x", "value": "y" }),
                "/a/list/0",
                Some(json!("y")),
            ),
            (
                json!({ "pointer": "/components/schemas/T", "change": "set", "value": 1 }),
                "/components/schemas/T",
                Some(json!(1)),
            ),
            (
                json!({ "pointer": "/a/list", "change": "append", "value": "z" }),
                "/a/list/2",
                Some(json!("z")),
            ),
            (
                json!({ "pointer": "/a/more", "change": "append", "value": "z" }),
                "/a/more",
                Some(json!(["z"])),
            ),
            (json!({ "pointer": "/a/n", "change": "remove" }), "/a/n", None),
            (json!({ "pointer": "/a/list", "change": "remove", "value": "x" }), "/a/list/1", None),
        ] {
            let (document, lost) = applied(correction.clone(), false);
            assert_eq!(lost, Ok(vec![Outcome::Changed]), "{correction}");
            assert_eq!(document.pointer(pointer), expected.as_ref(), "{correction}");
        }
    }

    #[test]
    fn a_stale_correction_is_an_error_that_names_it_unless_it_may_be_skipped() {
        for correction in [
            json!({ "pointer": "/a/n", "change": "set", "value": 1 }),
            json!({ "pointer": "/a/gone", "change": "remove" }),
            json!({ "pointer": "/a/list", "change": "remove", "value": "gone" }),
        ] {
            let pointer = correction["pointer"].as_str().unwrap_or_default().to_owned();
            let (unchanged, error) = applied(correction.clone(), false);
            assert_eq!(
                error,
                Err(format!(
                    "correction {pointer}: it changes nothing, upstream says it already; remove the entry, \
                     or pass --skip-stale (the reason)"
                ))
            );
            assert_eq!(unchanged, document(), "{correction}");
            assert_eq!(applied(correction, true).1, Ok(vec![Outcome::Stale]));
        }
    }

    #[test]
    fn a_correction_whose_place_is_gone_is_told() {
        for correction in [
            json!({ "pointer": "/b/n", "change": "set", "value": 1 }),
            json!({ "pointer": "/a/list/7", "change": "set", "value": 1 }),
            json!({ "pointer": "/a/n/x", "change": "set", "value": 1 }),
            json!({ "pointer": "/b/list", "change": "append", "value": "x" }),
            json!({ "pointer": "/b/n", "change": "remove" }),
            json!({ "pointer": "/b", "change": "remove", "value": "x" }),
        ] {
            let (unchanged, lost) = applied(correction.clone(), false);
            assert_eq!(lost, Ok(vec![Outcome::Lost]), "{correction}");
            assert_eq!(unchanged, document(), "{correction}");
        }
    }

    #[test]
    fn a_malformed_correction_is_an_error_that_names_it() {
        for correction in [
            json!({ "pointer": "", "change": "set", "value": 1 }),
            json!({ "pointer": "/a/n", "change": "set" }),
        ] {
            let pointer = correction["pointer"].as_str().unwrap_or_default().to_owned();
            let error = applied(correction, false).1.expect_err("malformed");
            assert!(
                error.starts_with(&format!("correction {pointer}: "))
                    && error.ends_with("; correct the entry")
            );
        }
        let odd = json!({ "pointer": "/a", "change": "rename", "reason": "r", "source": "s" });
        assert!(serde_json::from_value::<Correction>(odd).is_err());
    }

    #[test]
    fn what_upstream_has_added_itself_stays_upstreams() {
        for correction in [
            json!({ "pointer": "/a/n", "change": "add", "value": 2 }),
            json!({ "pointer": "/a/list", "change": "append", "value": "x" }),
            json!({ "pointer": "/a/list", "change": "append", "value": { "$ref": "#/components/parameters/Q" } }),
        ] {
            let (unchanged, outcome) = applied(correction.clone(), false);
            assert_eq!((unchanged, outcome), (document(), Ok(vec![Outcome::Stale])), "{correction}");
        }
    }

    #[test]
    fn what_was_not_expected_is_kept_and_told() {
        for correction in [
            json!({ "pointer": "/a/n", "change": "set", "value": 2 }),
            json!({ "pointer": "/a/n", "change": "set", "expects": 3, "value": 2 }),
            json!({ "pointer": "/a/n", "change": "remove", "expects": 3 }),
            json!({ "pointer": "/a/n", "change": "append", "value": 1 }),
        ] {
            let (unchanged, outcome) = applied(correction.clone(), false);
            assert_eq!((unchanged, outcome), (document(), Ok(vec![Outcome::Unexpected])), "{correction}");
        }
    }

    #[test]
    fn a_needed_correction_that_cannot_be_made_fails() {
        for correction in [
            json!({ "pointer": "/a/n", "change": "set", "expects": 3, "value": 2, "needed": true }),
            json!({ "pointer": "/b/n", "change": "add", "value": 2, "needed": true }),
        ] {
            let error = applied(correction, false).1.expect_err("needed");
            assert!(error.contains("the facade rests on it (the reason)"), "{error}");
        }
        let theirs = json!({ "pointer": "/a/n", "change": "add", "value": 2, "needed": true });
        assert_eq!(applied(theirs, false).1, Ok(vec![Outcome::Stale]));
    }

    #[test]
    fn a_pointer_leads_through_references_and_compositions() {
        let mut document = json!({
            "body": { "$ref": "#/components/schemas/Create" },
            "components": { "schemas": {
                "Create": { "allOf": [{ "$ref": "#/components/schemas/Base" }, { "properties": { "gpu": {} } }] },
                "Base": { "properties": { "args": { "type": "string" } } },
            } },
        });
        let entries = json!([
            { "pointer": "/body/properties/cmd", "beside": "args", "change": "add", "value": 1, "reason": "r", "source": "s" },
            { "pointer": "/body/properties/mounts", "change": "add", "value": 2, "reason": "r", "source": "s" },
        ]);
        let entries: Vec<Correction> = serde_json::from_value(entries).expect("corrections");
        assert_eq!(apply(&mut document, &entries, How::default()).ok(), Some(vec![Outcome::Changed; 2]));
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Base"]["properties"]["cmd"], 1);
        assert_eq!(schemas["Create"]["allOf"][1]["properties"]["mounts"], 2);
    }
}
