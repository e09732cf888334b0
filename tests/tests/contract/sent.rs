//! Requests that the contract forbids cannot be sent.

use std::collections::BTreeMap;

use runpod_api::ClientBuilder;
use serde_json::{Map, Value, json};

use crate::{
    Given, Operation,
    contract::Contract,
    operation::Read,
    sample::{Sampling, sample},
    v1, v2,
};

/// A forbidden change of a valid body or argument at one place.
struct Case {
    kind: &'static str,
    pointer: String,
    /// The value that stands there afterwards; nothing takes it away.
    value: Option<Value>,
}

/// Collects the forbidden changes of one value.
struct Walk<'a> {
    contract: &'a Contract,
    cases: Vec<Case>,
}

impl Walk<'_> {
    fn forbid(&mut self, kind: &'static str, at: &str, value: Value) {
        self.cases.push(Case { kind, pointer: at.to_owned(), value: Some(value) });
    }

    fn node(&mut self, schema: &Value, value: &Value, at: &str) {
        let nullable = schema["nullable"] == true;
        let schema = self.contract.whole(schema);
        if !nullable && schema["nullable"] != true && schema.get("type").or(schema.get("oneOf")).is_some() {
            self.forbid("null", at, json!(null));
        }
        match schema["type"].as_str() {
            Some("string") => self.text(schema, at),
            Some("integer" | "number") => self.number(schema, at),
            Some("boolean") => ["wrong type"].iter().for_each(|kind| self.forbid(kind, at, json!("true"))),
            Some("array") => self.list(schema, value, at),
            Some("object") => self.object(schema, value, at),
            _ => self.choice(schema, value, at),
        }
    }

    fn text(&mut self, schema: &Value, at: &str) {
        self.forbid("wrong type", at, json!(7));
        self.forbid("wrong type", at, json!({}));
        if schema.get("enum").is_some() {
            self.forbid("unknown enum value", at, json!("NEW_TODAY"));
        }
        if schema["format"] == "date-time" {
            self.forbid("bad format", at, json!("yesterday"));
        }
        if schema["minLength"].as_u64().is_some_and(|least| least > 0) {
            self.forbid("too short", at, json!(""));
        }
        if let Some(most) = schema["maxLength"].as_u64() {
            self.forbid("too long", at, json!("x".repeat(usize::try_from(most).expect("small") + 1)));
        }
        if let Some(pattern) = schema["pattern"].as_str() {
            let pattern = regress::Regex::new(pattern).expect("a pattern");
            for bad in ["", " ", "-", "no\nmatch", "é", "1.2.3"] {
                if pattern.find(bad).is_none() {
                    self.forbid("bad pattern", at, json!(bad));
                }
            }
        }
    }

    fn number(&mut self, schema: &Value, at: &str) {
        self.forbid("wrong type", at, json!("3"));
        if let Some(least) = schema["minimum"].as_f64() {
            self.forbid("too small", at, whole(schema, least - 1.0));
        }
        if let Some(most) = schema["maximum"].as_f64() {
            self.forbid("too large", at, whole(schema, most + 1.0));
        }
        if schema["type"] == "integer" {
            self.forbid("fraction", at, json!(schema["minimum"].as_f64().unwrap_or(1.0) + 0.5));
        }
    }

    fn list(&mut self, schema: &Value, value: &Value, at: &str) {
        self.forbid("wrong type", at, json!("not a list"));
        let items = value.as_array().expect("a list");
        let times = |count: u64| -> Value { (0..count).map(|_| items[0].clone()).collect() };
        if let Some(least) = schema["minItems"].as_u64() {
            self.forbid("too few items", at, times(least - 1));
        }
        if let Some(most) = schema["maxItems"].as_u64() {
            self.forbid("too many items", at, times(most + 1));
        }
        if schema["uniqueItems"] == true {
            self.forbid("items alike", at, times(2));
        }
        for (index, item) in items.iter().enumerate() {
            self.node(&schema["items"], item, &format!("{at}/{index}"));
        }
    }

    fn object(&mut self, schema: &Value, value: &Value, at: &str) {
        self.forbid("wrong type", at, json!("not an object"));
        if schema["additionalProperties"] == false {
            self.forbid("unknown field", &format!("{at}/unknownField"), json!(1));
        }
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, value) in value.as_object().expect("an object") {
            let here = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            if required.contains(&json!(name)) {
                self.cases.push(Case { kind: "missing field", pointer: here.clone(), value: None });
            }
            let property = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
            self.node(property, value, &here);
        }
    }

    /// The alternative that the value belongs to; the others must not take what it refuses.
    fn choice(&mut self, schema: &Value, value: &Value, at: &str) {
        let members = schema["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
        let fits = |member: &&Value| match (self.contract.whole(member), value) {
            (member, Value::Object(fields)) => {
                fields.keys().all(|name| member["properties"].get(name).is_some())
            }
            _ => false,
        };
        if let Some(member) = members.iter().find(fits) {
            self.node(member, value, at);
        }
    }
}

fn whole(schema: &Value, number: f64) -> Value {
    if schema["type"] == "integer" { json!(number as i64) } else { json!(number) }
}

impl Case {
    fn applied(&self, valid: &Value) -> Value {
        let mut changed = valid.clone();
        let (parent, name) = match self.pointer.rsplit_once('/') {
            Some((parent, name)) => (parent, name.replace("~1", "/").replace("~0", "~")),
            None => return self.value.clone().unwrap_or_default(),
        };
        match (changed.pointer_mut(parent).expect("a place"), &self.value) {
            (Value::Object(fields), Some(value)) => drop(fields.insert(name, value.clone())),
            (Value::Object(fields), None) => drop(fields.remove(&name)),
            (Value::Array(items), Some(value)) => {
                items[name.parse::<usize>().expect("an index")] = value.clone();
            }
            _ => panic!("{}: no place", self.pointer),
        }
        changed
    }

    /// Returns true if what is forbidden would be sent all the same: a field that is `null` in JSON is left out of
    /// a request, so its type has no way to send it.
    fn is_sent(&self, read: &Result<Read, String>) -> bool {
        match (read, &self.value) {
            (Err(_), _) => false,
            (Ok(read), Some(Value::Null)) => read.again.pointer(&self.pointer) == Some(&Value::Null),
            (Ok(_), _) => true,
        }
    }
}

type Count = BTreeMap<&'static str, usize>;

fn bodies<C>(contract: &Contract, operations: &[Operation<C>], count: &mut Count) -> Vec<String> {
    let mut faults = Vec::new();
    for operation in operations {
        let (Some(accept), Some(schema)) = (operation.accept, contract.body(operation.id)) else { continue };
        for (full, choice) in [(false, 0), (true, 0), (true, 1)] {
            let valid = sample(contract, schema, Sampling { full, choice });
            let read = accept(&valid.to_string()).unwrap_or_else(|error| panic!("{}: {error}", operation.id));
            assert_eq!(read.again, valid, "{}", operation.id);
            let mut walk = Walk { contract, cases: Vec::new() };
            walk.node(schema, &valid, "");
            for case in walk.cases {
                *count.entry(case.kind).or_default() += 1;
                let changed = case.applied(&valid);
                if case.is_sent(&accept(&changed.to_string())) {
                    faults.push(format!("{} {} at {}: {changed}", operation.id, case.kind, case.pointer));
                }
            }
        }
    }
    faults
}

/// The same for what goes into the query.
fn arguments<C>(
    contract: &Contract,
    client: &'static C,
    operations: &[Operation<C>],
    count: &mut Count,
) -> Vec<String> {
    let how = Sampling { full: true, choice: 0 };
    let mut faults = Vec::new();
    for operation in operations {
        let body =
            contract.body(operation.id).map(|schema| sample(contract, schema, how)).unwrap_or_default();
        let parameters = contract.parameters(operation.id);
        let named = |parameter: &Value| {
            let name = parameter["name"].as_str().expect("a name").to_owned();
            (name, sample(contract, &parameter["schema"], how))
        };
        let valid: Map<String, Value> = parameters.iter().map(named).collect();
        let refused = |arguments: &Value| {
            let arguments = arguments.as_object().expect("arguments").clone().into_iter().collect();
            let given = Given::new(arguments, body.clone());
            // Building the call reads the arguments; nothing is sent until it is awaited.
            drop((operation.call)(client, given));
            given.refused()
        };
        let valid = Value::Object(valid);
        assert_eq!(refused(&valid), Vec::<String>::new(), "{}", operation.id);
        for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().expect("a name");
            let mut walk = Walk { contract, cases: Vec::new() };
            walk.node(&parameter["schema"], &valid[name], &format!("/{name}"));
            // Arguments are typed; only values of the right type can be wrong.
            for case in
                walk.cases.iter().filter(|case| !matches!(case.kind, "wrong type" | "null" | "fraction"))
            {
                *count.entry("argument").or_default() += 1;
                if refused(&case.applied(&valid)).is_empty() {
                    faults.push(format!("{} {} at {}", operation.id, case.kind, case.pointer));
                }
            }
        }
    }
    faults
}

#[test]
fn nothing_that_the_contract_forbids_can_be_sent() {
    let leaked = || ClientBuilder::new("key").base_url("http://127.0.0.1:1");
    let mut count = Count::new();
    let (old, new) = (Contract::read("v1"), Contract::read("v2"));
    let mut faults = bodies(&old, &v1::operations(), &mut count);
    faults.extend(bodies(&new, &v2::operations(), &mut count));
    let client = Box::leak(Box::new(leaked().v1().expect("a client")));
    faults.extend(arguments(&old, client, &v1::operations(), &mut count));
    let client = Box::leak(Box::new(leaked().v2().expect("a client")));
    faults.extend(arguments(&new, client, &v2::operations(), &mut count));
    assert!(faults.is_empty(), "{} faults: {:#?}", faults.len(), &faults[..faults.len().min(30)]);
    let all: usize = count.values().sum();
    println!("{all} forbidden requests refused: {count:?}");
    assert!(all > 1000, "{all} cases");
}
