use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Caller, frozen, id, order};

fn summary(pod: &Value) -> (String, bool, bool, bool) {
    let set = |value: &Value| !value.is_null();
    let status = pod["status"].as_str().unwrap().to_owned();
    (status, set(&pod["ssh"]["proxy"]), set(&pod["runtime"]), set(&pod["ssh"]["direct"]))
}

#[tokio::test]
async fn a_pod_provisions_starts_runs_and_only_then_becomes_reachable() {
    let caller = Caller::of(frozen()).await;
    let created = caller.create(order(json!({ "gpu": { "id": "NVIDIA L4", "count": 2 } }))).await;
    let id = id(&created);
    assert!(
        id.len() == 14 && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
        "{id}"
    );
    assert_eq!(summary(&created), ("PROVISIONING".into(), false, false, false));
    assert_eq!(created["env"], json!({ "MODE": "sentinel-value" }));
    assert_eq!(created["cost"], 0.78);
    assert_eq!(created["dataCenterId"], Value::Null);
    caller.advance(10);
    assert_eq!(summary(&caller.pod(&id).await), ("STARTING".into(), true, false, false));
    caller.advance(10);
    assert_eq!(summary(&caller.pod(&id).await), ("RUNNING".into(), true, false, false));
    caller.advance(10);
    let ready = caller.pod(&id).await;
    assert_eq!(summary(&ready), ("RUNNING".into(), true, true, true));
    assert_eq!(ready["runtime"]["uptime"], 10);
    let agent = &ready["runtime"]["ports"][0];
    assert_eq!((agent["private"].clone(), agent["type"].clone()), (json!(19123), json!("http")));
    assert!(agent["ip"].as_str().unwrap().starts_with("100.65."), "{agent}");
    let proxy = ready["ssh"]["proxy"]["username"].as_str().unwrap();
    assert_eq!(proxy.len(), 14 + 1 + 8);
}

#[tokio::test]
async fn ports_change_on_every_start_and_stopping_ends_the_bill() {
    let caller = Caller::of(frozen()).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(40);
    let first = caller.pod(&id).await["ssh"]["direct"]["port"].clone();
    let stopped = caller.act(&id, "stop").await.json();
    assert_eq!((stopped["status"].clone(), stopped["cost"].clone()), (json!("EXITED"), json!(0.0)));
    assert_eq!(summary(&stopped), ("EXITED".into(), true, false, false));
    caller.act(&id, "stop").await.refused(409, "EXITED");
    caller.advance(3600);
    let started = caller.act(&id, "start").await.json();
    assert_eq!(started["status"], "PROVISIONING");
    caller.advance(40);
    let second = caller.pod(&id).await["ssh"]["direct"]["port"].clone();
    assert!(first.is_u64() && second.is_u64() && first != second, "{first} then {second}");
    let entry = &caller.sim.ledger()[0];
    let spans: Vec<_> =
        entry.billed.iter().map(|span| (span.from.as_secs(), span.to.map(|to| to.as_secs()))).collect();
    assert_eq!(spans, [(10, Some(40)), (3650, None)]);
    assert!((entry.cost_usd - 60.0 / 3600.0 * 0.69).abs() < 1e-9, "{}", entry.cost_usd);
}

#[tokio::test]
async fn actions_are_refused_out_of_turn_whatever_the_hint_says() {
    let caller = Caller::of(frozen()).await;
    let pod = caller.create(order(json!({}))).await;
    let id = id(&pod);
    assert_eq!(pod["actions"], json!(["start", "stop", "terminate"]));
    caller.act(&id, "start").await.refused(409, "PROVISIONING");
    caller.act(&id, "restart").await.refused(409, "PROVISIONING");
    caller
        .act(&id, "reset")
        .await
        .refused(422, "$.action: value must be one of 'start', 'stop', 'restart', 'terminate'");
    caller.act("nosuchpod", "stop").await.refused(404, "pod not found");
    caller.advance(20);
    assert_eq!(caller.act(&id, "restart").await.json()["status"], "STARTING");
}

#[tokio::test]
async fn a_locked_pod_refuses_stop_restart_and_delete() {
    let caller = Caller::of(frozen()).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(20);
    assert!(caller.sim.set_locked(&id, true));
    for action in ["stop", "restart", "terminate"] {
        caller.act(&id, action).await.refused(400, "Pod is locked");
    }
    caller.delete(&format!("/v2/pods/{id}")).await.refused(400, "Pod is locked");
    let pod = caller.pod(&id).await;
    assert_eq!((pod["locked"].clone(), pod["actions"][0].clone()), (json!(true), json!("stop")));
    assert!(caller.sim.set_locked(&id, false));
    assert_eq!(caller.act(&id, "terminate").await.status, 204);
    assert!(!caller.sim.set_locked(&id, true));
}

#[tokio::test]
async fn a_deleted_pod_lingers_as_terminated_and_then_is_unknown() {
    let caller = Caller::of(frozen().terminated_linger(Duration::from_secs(5))).await;
    let path = format!("/v2/pods/{}", id(&caller.create(order(json!({}))).await));
    assert_eq!(caller.delete(&path).await.status, 204);
    let gone = caller.get(&path).await.json();
    assert_eq!((gone["status"].clone(), gone["cost"].clone()), (json!("TERMINATED"), json!(0.0)));
    assert_eq!(caller.get("/v2/pods").await.json()["pods"], json!([]));
    caller.delete(&path).await.refused(404, "not found");
    caller.advance(5);
    caller.get(&path).await.refused(404, "not found");
}
