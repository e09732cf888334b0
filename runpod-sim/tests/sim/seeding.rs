use std::time::Duration;

use runpod_sim::{Scope, SimError};
use serde_json::json;

use crate::client::{Caller, RTX_4090, frozen, order};

#[tokio::test]
async fn pods_are_seeded_all_or_none_by_the_rules_of_a_create() {
    let caller = Caller::of(frozen().capacity(RTX_4090, 2)).await;
    let seed = |change, count| json!({ "pod": order(change), "count": count });
    caller.post("/_sim/pods", seed(json!({}), 5)).await.refused(400, "no longer any instances");
    for (status, words, change) in [
        (422, "additional properties 'colour'", json!({ "colour": 1 })),
        (422, "$.name", json!({ "name": "" })),
        (422, "$.disk", json!({ "disk": 0 })),
        (400, "pod configuration", json!({ "disk": null })),
        (400, "ports", json!({ "ports": ["22"] })),
        (404, "template not found", json!({ "templateId": "nosuch" })),
    ] {
        caller.post("/_sim/pods", seed(change, 1)).await.refused(status, words);
    }
    assert!(caller.sim.ledger().is_empty() && caller.sim.pods().is_empty());
    let seeded = caller.post("/_sim/pods", seed(json!({}), 2)).await.json();
    let ids: Vec<String> = caller.sim.pods().into_iter().map(|pod| pod.id).collect();
    assert_eq!(seeded["ids"], json!(ids));
}

#[tokio::test]
async fn ports_of_seeded_pods_are_opened_while_others_have_the_account() {
    let caller = Caller::of(frozen()).await;
    let seeding = caller.post("/_sim/pods", json!({ "pod": order(json!({})), "count": 200 }));
    let mut seeding = std::pin::pin!(seeding);
    let mut served = 0;
    let seeded = loop {
        tokio::select! {
            biased;
            state = caller.get("/_sim") => served += u64::from(state.json()["pods"] == 0),
            seeded = &mut seeding => break seeded,
        }
    };
    assert_eq!(seeded.json()["ids"].as_array().unwrap().len(), 200);
    assert!(served > 1, "{served} answers while the ports were opened");
    assert!(caller.sim.pods().iter().all(|pod| pod.ssh.is_some()));
}

#[tokio::test]
async fn more_ports_than_the_process_may_open_are_refused_before_any_is() {
    let caller = Caller::of(frozen()).await;
    let ports: Vec<String> = (1000..1200).map(|port| format!("{port}/tcp")).collect();
    let pod = order(json!({ "ports": ports }));
    caller
        .post("/_sim/pods", json!({ "pod": pod, "count": 10_000 }))
        .await
        .refused(422, "2000000 ports of pods are more than the");
    assert!(caller.sim.ledger().is_empty());
    let caller = Caller::of(frozen().real_endpoints(false)).await;
    assert_eq!(caller.post("/_sim/pods", json!({ "pod": pod, "count": 20 })).await.status, 200);
}

#[tokio::test]
async fn a_capacity_of_what_is_not_there_is_refused_from_the_start() {
    let unknown = Scope::of_type(RTX_4090).in_data_center("MOON-1");
    for (builder, setting, words) in [
        (
            frozen().capacity("RTX 4090", 1),
            "capacity",
            "`RTX 4090` is not a GPU type or CPU flavor; known are",
        ),
        (frozen().capacity_in(unknown.clone(), 1), "capacity", "known are AP-JP-1"),
        (frozen().capacity_at(Duration::ZERO, unknown, 1), "capacity", "`MOON-1`"),
        (frozen().forbid("RTX 4090"), "forbid", "known are"),
        (frozen().request_log(0), "request_log", "at least 1"),
        (
            frozen().network_volume("v", "a", 10, "EU-RO-1").network_volume("v", "b", 10, "EU-RO-1"),
            "network_volume",
            "\"v\" is given twice",
        ),
        (frozen().registry("r", "a").registry("r", "b"), "registry", "\"r\" is given twice"),
    ] {
        let error = builder.start().await.unwrap_err();
        assert!(matches!(&error, SimError::Setting { name, .. } if *name == setting), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let sim = frozen().start().await.unwrap();
    for result in [
        sim.set_capacity("RTX 4090", 1),
        sim.set_capacity_in(Scope::default().in_data_center("MOON-1"), 1),
        sim.set_forbidden("RTX 4090", true),
    ] {
        assert!(result.unwrap_err().to_string().contains("known are"));
    }
}
