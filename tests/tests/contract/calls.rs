//! Every operation, called over real HTTP.

use std::collections::BTreeMap;

use httpmock::MockServer;
use runpod_api::ClientBuilder;
use serde_json::{Value, json};

use crate::{
    Given, Operation,
    contract::Contract,
    sample::{Sampling, sample},
    v1, v2,
};

/// An id that would reach another path if it were not encoded.
const ID: &str = "../pods/x?y=1";
const ENCODED: &str = "..%2Fpods%2Fx%3Fy%3D1";

/// Parts of a call of an operation.
struct Plan {
    method: String,
    path: String,
    arguments: BTreeMap<String, Value>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Value>,
    answer: Option<Value>,
}

impl Plan {
    fn new(contract: &Contract, id: &str) -> Self {
        let how = Sampling { full: true, choice: 0 };
        let (method, path, _) = contract.operation(id);
        let mut plan = Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            arguments: BTreeMap::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body: contract.body(id).map(|schema| sample(contract, schema, how)),
            answer: contract.answer(id).map(|schema| sample(contract, schema, how)),
        };
        contract.parameters(id).iter().for_each(|parameter| plan.argument(contract, parameter));
        plan
    }

    fn argument(&mut self, contract: &Contract, parameter: &Value) {
        let name = parameter["name"].as_str().expect("a name").to_owned();
        let value = match parameter["in"].as_str() {
            Some("path") => json!(ID),
            _ => sample(contract, &parameter["schema"], Sampling { full: true, choice: 0 }),
        };
        match parameter["in"].as_str() {
            Some("path") => self.path = self.path.replace(&format!("{{{name}}}"), ENCODED),
            Some("header") => self.headers.push((name.to_lowercase(), shown(&value))),
            _ => match value.as_array() {
                Some(items) if parameter["explode"] == false => {
                    let joined: Vec<String> = items.iter().map(shown).collect();
                    self.query.push((name.clone(), joined.join(",")));
                }
                Some(items) => self.query.extend(items.iter().map(|item| (name.clone(), shown(item)))),
                None => self.query.push((name.clone(), shown(&value))),
            },
        }
        self.arguments.insert(name, value);
    }
}

/// A value as it stands in a query.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The query's pairs, decoded and in order of names.
fn pairs(query: &str) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    pairs.sort();
    pairs
}

async fn called<C>(contract: &Contract, server: &MockServer, client: &'static C, operation: &Operation<C>) {
    let plan = Plan::new(contract, operation.id);
    let (path, mut query) = (plan.path.clone(), plan.query.clone());
    query.sort();
    let mock = server
        .mock_async(|when, then| {
            let mut when = when
                .method(plan.method.as_str())
                .is_true(move |request| request.uri().path() == path)
                .is_true(move |request| pairs(request.uri().query().unwrap_or_default()) == query);
            for (name, value) in &plan.headers {
                when = when.header(name, value);
            }
            if let Some(body) = plan.body.clone() {
                when.json_body(body);
            }
            match &plan.answer {
                Some(body) => then.status(200).body(body.to_string()),
                None if operation.decode.is_none() => then.status(200).body("bytes as they are"),
                None => then.status(204),
            };
        })
        .await;
    let given = Given::new(plan.arguments, plan.body.unwrap_or_default());
    let answer = (operation.call)(client, given).await;
    assert_eq!(given.refused(), Vec::<String>::new(), "{}", operation.id);
    let answer = answer.unwrap_or_else(|failure| panic!("{}: {failure}", operation.id));
    match plan.answer {
        Some(body) => assert_eq!(answer, body, "{}", operation.id),
        None if operation.decode.is_none() => assert_eq!(answer, "bytes as they are", "{}", operation.id),
        None => assert_eq!(answer, Value::Null, "{}", operation.id),
    }
    mock.assert_async().await;
    mock.delete_async().await;
}

#[tokio::test]
async fn every_operation_of_v1_can_be_called() {
    let (contract, server) = (Contract::read("v1"), MockServer::start_async().await);
    let client = ClientBuilder::new("key").base_url(server.base_url()).v1().expect("a client");
    let client = Box::leak(Box::new(client));
    let operations = v1::operations();
    for operation in &operations {
        called(&contract, &server, client, operation).await;
    }
    assert_eq!(operations.len(), contract.operations().count());
    assert!(operations.len() >= 37);
}

#[tokio::test]
async fn every_operation_of_v2_can_be_called() {
    let (contract, server) = (Contract::read("v2"), MockServer::start_async().await);
    let client = ClientBuilder::new("key").base_url(server.base_url()).v2().expect("a client");
    let client = Box::leak(Box::new(client));
    let operations = v2::operations();
    for operation in &operations {
        called(&contract, &server, client, operation).await;
    }
    assert_eq!(operations.len(), contract.operations().count());
    assert!(operations.len() >= 53);
}
