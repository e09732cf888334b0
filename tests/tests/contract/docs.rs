//! The description of everything in REST v2.

use serde_json::Value;

use crate::contract::Contract;

#[test]
fn everything_in_v2_is_described() {
    let contract = Contract::read("v2");
    let (mut described, mut silent) = (0, Vec::new());
    let mut see = |name: String, node: &Value| match node["description"].as_str() {
        Some(text) if !text.is_empty() => described += 1,
        _ => silent.push(name),
    };
    for (_, _, operation) in contract.operations() {
        let id = operation["operationId"].as_str().expect("an id");
        see(id.to_owned(), operation);
        for parameter in contract.parameters(id) {
            see(format!("{id}.{}", parameter["name"]), parameter);
        }
    }
    for (name, schema) in contract.document["components"]["schemas"].as_object().expect("schemas") {
        see(name.clone(), schema);
        for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
            see(format!("{name}.{property}"), schema);
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
    println!("{described} operations, parameters, schemas and properties described");
    assert!(described > 400, "{described}");
}
