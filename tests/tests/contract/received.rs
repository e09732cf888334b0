//! Answers decode whatever the server makes of its promise.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    Operation,
    contract::{Contract, promised},
    operation::Read,
    sample::{Sampling, sample},
    v1, v2,
};

/// Stands in a body for the JSON that follows it, such as a number that no `Value` holds.
const RAW: &str = "raw:";

/// A change of a valid body at one place.
struct Case {
    /// Name of the change, for the count.
    kind: &'static str,
    pointer: String,
    change: Change,
}

enum Change {
    Put(Value),
    /// Puts a value that has to come back as it is.
    Keep(Value),
    Add(&'static str, Value),
    Drop(String),
    /// Puts an item that does not belong there at the end of the list.
    Odd(Value),
}

/// Collects the changes of one body.
struct Walk<'a> {
    contract: &'a Contract,
    cases: Vec<Case>,
}

impl Walk<'_> {
    fn put(&mut self, kind: &'static str, at: &str, value: Value) {
        self.cases.push(Case { kind, pointer: at.to_owned(), change: Change::Put(value) });
    }

    fn node(&mut self, schema: &Value, value: &Value, at: &str) {
        let schema = self.contract.whole(schema);
        match (schema["type"].as_str(), value) {
            (Some("string"), _) => self.text(schema, at),
            (Some("integer" | "number"), _) => self.number(value, at),
            (Some("array"), Value::Array(items)) => self.list(schema, items, at),
            (_, Value::Object(fields)) => self.object(schema, fields, at),
            _ => {}
        }
    }

    fn text(&mut self, schema: &Value, at: &str) {
        if promised(schema, "enum").is_some() {
            for unknown in ["NEW_TODAY", "", "é \"quoted\" \\ \u{1F600}"] {
                let change = Change::Keep(json!(unknown));
                self.cases.push(Case { kind: "unknown enum value", pointer: at.to_owned(), change });
            }
        }
        let formatted = ["format", "pattern", "minLength"].iter().any(|key| promised(schema, key).is_some());
        if formatted {
            self.put("empty text", at, json!(""));
        }
    }

    fn number(&mut self, value: &Value, at: &str) {
        self.put("number as text", at, json!(value.to_string()));
        self.put("number as text", at, json!("0.74"));
        for odd in ["1e308", "99999999999999999999", "-1", "1.5", "-99999999999999999999", "0", "1e-320"] {
            self.put("number out of range", at, json!(format!("{RAW}{odd}")));
        }
    }

    fn list(&mut self, schema: &Value, items: &[Value], at: &str) {
        for odd in [json!(null), json!({}), json!("odd"), json!(7), json!([[]]), json!(true)] {
            self.cases.push(Case { kind: "odd item", pointer: at.to_owned(), change: Change::Odd(odd) });
        }
        self.put("empty list", at, json!([]));
        // The others are like the first.
        if let Some(item) = items.first() {
            self.node(&schema["items"], item, &format!("{at}/0"));
        }
    }

    fn object(&mut self, schema: &Value, fields: &serde_json::Map<String, Value>, at: &str) {
        let map = promised(schema, "additionalProperties");
        let kind = if map.is_some_and(Value::is_object) { "odd value of a map" } else { "unknown field" };
        for value in [json!(1), json!({ "deep": [null] })] {
            let change = Change::Add("unknownField", value);
            self.cases.push(Case { kind, pointer: at.to_owned(), change });
        }
        let identity = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, value) in fields {
            let here = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            let Some(property) = schema["properties"].get(name) else {
                if let Some(values) = map {
                    self.node(values, value, &here);
                }
                continue;
            };
            if !identity.contains(&json!(name)) {
                self.put("null", &here, json!(null));
                let change = Change::Drop(name.clone());
                self.cases.push(Case { kind: "missing field", pointer: at.to_owned(), change });
            }
            self.node(property, value, &here);
        }
    }
}

impl Case {
    /// The changed body, as text.
    fn body(&self, valid: &Value) -> String {
        let mut body = valid.clone();
        let place = body.pointer_mut(&self.pointer).expect("a place");
        match &self.change {
            Change::Put(value) | Change::Keep(value) => *place = value.clone(),
            Change::Add(name, value) => place[*name] = value.clone(),
            Change::Drop(name) => drop(place.as_object_mut().expect("an object").remove(name)),
            Change::Odd(value) => place.as_array_mut().expect("a list").push(value.clone()),
        }
        let text = body.to_string();
        match text.split_once(&format!("\"{RAW}")) {
            Some((before, rest)) => {
                let (raw, after) = rest.split_once('"').expect("the end");
                format!("{before}{raw}{after}")
            }
            None => text,
        }
    }

    /// Finds faults in what was read.
    fn fault(&self, valid: &Value, read: Result<Read, String>) -> Option<String> {
        let read = match read {
            Ok(read) => read,
            Err(error) => return Some(error),
        };
        match &self.change {
            Change::Odd(_) => {
                let before = valid.pointer(&self.pointer)?.as_array()?;
                let after = read.again.pointer(&self.pointer)?.as_array()?;
                let whole = after.len() == before.len() + 1 && read.odd <= 1;
                (!whole).then(|| format!("{} of {} items", after.len(), before.len() + 1))
            }
            // Next to it, the others are there.
            Change::Add(..) if self.kind == "odd value of a map" => {
                let after = read.again.pointer(&self.pointer)?.as_object()?;
                let before = valid.pointer(&self.pointer)?.as_object()?;
                let whole = before.iter().all(|(name, value)| after.get(name) == Some(value));
                (!whole || read.odd > 1).then(|| "a value is gone".to_owned())
            }
            _ if read.odd > 0 => Some("an item of a list or map was set aside".to_owned()),
            Change::Keep(value) => {
                let again = read.again.pointer(&self.pointer);
                (again != Some(value)).then(|| format!("{value} came back as {again:?}"))
            }
            _ => None,
        }
    }
}

fn walked<C>(contract: &Contract, operations: &[Operation<C>], count: &mut BTreeMap<&'static str, usize>) {
    let mut faults = Vec::new();
    for operation in operations {
        let (Some(decode), Some(schema)) = (operation.decode, contract.answer(operation.id)) else {
            continue;
        };
        let samples = [0, 1].map(|choice| sample(contract, schema, Sampling { full: true, choice }));
        let alike = samples[0] == samples[1];
        for valid in samples.into_iter().take(if alike { 1 } else { 2 }) {
            let read = decode(&valid.to_string()).unwrap_or_else(|error| panic!("{}: {error}", operation.id));
            assert_eq!(read.odd, 0, "{}: {valid}", operation.id);
            let mut walk = Walk { contract, cases: Vec::new() };
            walk.node(schema, &valid, "");
            for case in walk.cases {
                *count.entry(case.kind).or_default() += 1;
                if let Some(fault) = case.fault(&valid, decode(&case.body(&valid))) {
                    faults.push(format!("{} {} at {}: {fault}", operation.id, case.kind, case.pointer));
                }
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{}: {} faults: {:#?}",
        contract.version,
        faults.len(),
        &faults[..faults.len().min(20)]
    );
}

#[test]
fn every_answer_decodes_whatever_is_odd_in_it() {
    let mut count = BTreeMap::new();
    walked(&Contract::read("v1"), &v1::operations(), &mut count);
    walked(&Contract::read("v2"), &v2::operations(), &mut count);
    let all: usize = count.values().sum();
    println!("{all} odd answers decoded: {count:?}");
    assert!(all > 5000, "{all} cases");
    assert_eq!(count.len(), 10, "{count:?}");
}
