use serde_json::{Value, json};

use super::{
    Step, between,
    change::{Action, Change, Effect, Kind},
    schemas::of_one,
    text,
};
use crate::openapi::tests::{documents, imported};

fn told(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| format!("{:?} {change}", change.effect)).collect()
}

/// The diff of a change to the document of one thing.
fn after(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut document = documents::small();
    change(&mut document);
    told(&between(&imported(documents::small()).expect("imported"), &imported(document).expect("imported")))
}

fn thing(document: &mut Value) -> &mut Value {
    &mut document["components"]["schemas"]["Thing"]
}

fn get(document: &mut Value) -> &mut Value {
    &mut document["paths"]["/things/{id}"]["get"]
}

#[test]
fn the_same_document_asks_for_no_step() {
    assert_eq!(after(|_| {}), Vec::<String>::new());
    assert_eq!(text(&[]), "semver step: none\n");
}

#[test]
fn operations_come_and_go() {
    let added = after(|document| {
        document["paths"]["/others"] =
            json!({ "get": { "operationId": "getOthers", "responses": { "204": {} } } });
    });
    assert_eq!(added, ["Additive operation getOthers added: GET /others"]);
    let removed = after(|document| {
        drop(document["paths"]["/things/{id}"].as_object_mut().map(|item| item.remove("put")))
    });
    assert!(
        removed.contains(&"Breaking operation putThing removed: PUT /things/{id}".to_owned()),
        "{removed:?}"
    );
    let renamed = after(|document| get(document)["operationId"] = json!("readThing"));
    assert_eq!(
        renamed,
        [
            "Breaking operation getThing removed: GET /things/{id} is called readThing now",
            "Additive operation readThing added: GET /things/{id}",
        ]
    );
}

#[test]
fn an_optional_parameter_is_an_addition_and_a_required_one_breaks() {
    let limit = |required: bool| json!([{ "name": "limit", "in": "query", "required": required, "schema": { "type": "boolean" } }]);
    let added = after(|document| get(document)["parameters"] = limit(false));
    assert_eq!(added, ["Additive schema GetThingOptions added"]);
    let added = after(|document| get(document)["parameters"] = limit(true));
    assert_eq!(
        added,
        ["Breaking parameter getThing.limit added: boolean, required; every call has to change"]
    );
}

#[test]
fn a_body_or_another_answer_breaks_calls() {
    let body =
        json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } });
    let added = after(|document| get(document)["requestBody"] = body);
    assert_eq!(added, ["Breaking parameter getThing.body added: Option<ThingRequest>, one argument more"]);
    let stream = json!({ "200": { "content": { "text/event-stream": {} } } });
    let changed = after(|document| get(document)["responses"] = stream);
    assert!(
        changed.contains(&"Breaking type getThing changed: answers byte stream, was Thing".to_owned()),
        "{changed:?}"
    );
}

#[test]
fn statuses_and_paths_are_not_seen_by_callers() {
    let statuses = after(|document| get(document)["responses"]["404"] = json!({}));
    assert_eq!(
        statuses,
        ["Additive operation getThing changed: statuses: [\"200\"] is [\"200\",\"404\"] now"]
    );
}

#[test]
fn properties_break_by_direction() {
    let optional = after(|document| thing(document)["properties"]["more"] = json!({ "type": "boolean" }));
    assert!(optional.iter().all(|change| change.starts_with("Additive property ")), "{optional:?}");
    assert_eq!(optional.len(), 2);
    let required = after(|document| {
        thing(document)["properties"]["more"] = json!({ "type": "boolean" });
        thing(document)["required"] = json!(["id", "name", "more"]);
    });
    assert_eq!(
        required,
        [
            "Breaking property ThingRequest.more added: required, so every request without it is refused",
            "Additive property Thing.more added: boolean",
        ]
    );
    let removed = after(|document| {
        thing(document)["properties"] = json!({ "id": { "type": "string" } });
    });
    assert!(removed.contains(&"Breaking property Thing.name removed".to_owned()), "{removed:?}");
}

#[test]
fn a_property_of_another_type_or_newly_required_breaks() {
    let changed = after(|document| thing(document)["properties"]["name"] = json!({ "type": "integer" }));
    assert!(
        changed.contains(&"Breaking type Thing.name changed: string is Integer now".to_owned()),
        "{changed:?}"
    );
    let optional = after(|document| thing(document)["required"] = json!(["id"]));
    assert_eq!(
        optional,
        [
            "Breaking required ThingRequest.name changed: optional now, so its type is another",
            "Additive required Thing.name changed: promised as optional now; its type stays optional",
        ]
    );
}

#[test]
fn enum_values_may_come_and_must_not_go() {
    let with = |values: Value| {
        let mut document = documents::small();
        thing(&mut document)["properties"]["kind"] = json!({ "type": "string", "enum": values });
        imported(document).expect("imported")
    };
    let (two, three) = (with(json!(["A", "B"])), with(json!(["A", "B", "C"])));
    assert_eq!(told(&between(&two, &three)), ["Additive enum ThingKind.C added"]);
    assert_eq!(told(&between(&three, &two)), ["Breaking enum ThingKind.C removed"]);
}

#[test]
fn a_renamed_schema_is_said_to_be_so() {
    let renamed = after(|document| {
        let schema = thing(document).take();
        document["components"]["schemas"] = json!({ "Item": schema });
        let text = document.to_string().replace("schemas/Thing", "schemas/Item");
        *document = serde_json::from_str(&text).expect("JSON");
    });
    assert!(
        renamed.contains(&"Breaking schema Thing removed: it is called Item now".to_owned()),
        "{renamed:?}"
    );
}

#[test]
fn a_tighter_bound_breaks_what_is_sent_and_nothing_that_is_received() {
    let of = |bound: u64| json!({ "properties": { "name": { "type": "string", "maxLength": bound, "minLength": 1 } } });
    for (old, new, sent, expected) in
        [(9, 8, true, Some(Effect::Breaking)), (8, 9, true, Some(Effect::Additive)), (9, 8, false, None)]
    {
        let changes = of_one(&of(old), &of(new), sent);
        assert_eq!(changes.first().map(|change| change.effect), expected, "{old} {new} {sent}");
    }
    let closed = json!({ "properties": {}, "additionalProperties": false });
    let changes = of_one(&json!({ "properties": {} }), &closed, true);
    assert_eq!(changes[0].effect, Effect::Breaking);
}

#[test]
fn the_step_is_that_of_the_worst_change() {
    let change = |effect| Change {
        effect,
        kind: Kind::Enum,
        action: Action::Added,
        subject: "Thing.A".to_owned(),
        detail: String::new(),
    };
    let (small, large) = (change(Effect::Additive), change(Effect::Breaking));
    assert_eq!(Step::of(&[]), Step::None);
    assert_eq!(Step::of(std::slice::from_ref(&small)), Step::Minor);
    assert_eq!(Step::of(&[small.clone(), large.clone()]), Step::Major);
    assert_eq!(
        text(&[large, small]),
        "semver step: major (minor while the version is 0.x)\n\n## Breaking (1)\n\n- enum Thing.A added\n\n\
         ## Additive (1)\n\n- enum Thing.A added\n"
    );
}
