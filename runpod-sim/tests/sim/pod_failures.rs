use std::time::Duration;

use runpod_sim::{BootStage, Cloud, Fault, FaultKind, PodStatus, Scope};
use serde_json::{Value, json};

use crate::client::{Caller, RTX_4090, frozen, id, order};

#[tokio::test]
async fn a_container_that_exits_is_restarted_and_bills_on() {
    let every = Duration::from_secs(25);
    let caller = Caller::of(frozen().fault(Fault::new(FaultKind::ExitLoop { every }))).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(20 + 24);
    let mut uptimes = Vec::new();
    for _ in 0..3 {
        let pod = caller.pod(&id).await;
        assert_eq!((pod["status"].clone(), pod["cost"].clone()), (json!("RUNNING"), json!(0.69)));
        uptimes.push(pod["runtime"]["uptime"].as_u64().unwrap());
        caller.advance(10);
    }
    assert_eq!(uptimes, [24, 9, 19], "uptime falls back");
    assert!(caller.sim.ledger()[0].is_billing());
}

#[tokio::test]
async fn a_container_that_cannot_start_ends_in_error_and_can_be_started_again() {
    let caller = Caller::of(frozen().fault(Fault::new(FaultKind::BootFailure).times(1))).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(20);
    let pod = caller.pod(&id).await;
    assert_eq!((pod["status"].clone(), pod["runtime"].clone()), (json!("ERROR"), Value::Null));
    assert!(caller.sim.ledger()[0].is_billing(), "the machine is still taken");
    caller.act(&id, "stop").await.refused(409, "ERROR");
    caller.act(&id, "start").await;
    caller.advance(40);
    assert_eq!(caller.pod(&id).await["status"], "RUNNING");
}

#[tokio::test]
async fn a_boot_may_get_stuck_at_every_stage() {
    for (stage, status, ports, cost) in [
        (BootStage::Provisioning, "PROVISIONING", false, 0.0),
        (BootStage::Starting, "STARTING", false, 1.0),
        (BootStage::Ports, "RUNNING", false, 1.0),
        (BootStage::Listening, "RUNNING", true, 1.0),
    ] {
        let caller = Caller::of(frozen().fault(Fault::new(FaultKind::Stuck { stage }))).await;
        let id = id(&caller.create(order(json!({}))).await);
        caller.advance(10 + 3600);
        let pod = caller.pod(&id).await;
        assert_eq!((pod["status"].as_str(), !pod["ssh"]["direct"].is_null()), (Some(status), ports));
        caller.delete(&format!("/v2/pods/{id}")).await;
        let entry = &caller.sim.ledger()[0];
        assert!((entry.cost_usd - cost * 0.69).abs() < 1e-9, "{stage:?} cost {}", entry.cost_usd);
        assert_eq!(entry.billed_to, Some(Duration::from_secs(3610)));
    }
}

#[tokio::test]
async fn a_start_may_be_refused_or_come_back_without_gpus() {
    let caller = Caller::of(frozen()).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(40);
    caller.act(&id, "stop").await;
    caller.sim.inject(Fault::new(FaultKind::HostFull).on("podAction").times(1)).unwrap();
    caller.sim.inject(Fault::new(FaultKind::ZeroGpus).times(1)).unwrap();
    caller.act(&id, "start").await.refused(400, "not enough free GPUs on the host machine");
    caller.act(&id, "start").await;
    caller.advance(40);
    let pod = caller.pod(&id).await;
    let seen = [&pod["status"], &pod["gpu"]["count"], &pod["runtime"]["gpus"], &pod["cost"]];
    assert_eq!(seen, [&json!("RUNNING"), &json!(0), &json!([]), &json!(0.0)]);
    caller.act(&id, "stop").await;
    caller.act(&id, "start").await;
    assert_eq!(caller.pod(&id).await["gpu"]["count"], 1);
}

#[tokio::test]
async fn an_account_runs_out_of_money() {
    let caller = Caller::of(frozen().balance_usd(1.0)).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(10 + 2 * 3600);
    caller.post("/v2/pods", order(json!({}))).await.refused(402, "balance");
    caller.act(&id, "stop").await;
    caller.act(&id, "start").await.refused(402, "balance");
    caller.sim.set_balance(Some(5.0));
    assert_eq!(caller.act(&id, "start").await.status, 200);
    caller.sim.set_balance(None);
    caller.create(order(json!({}))).await;
}

#[tokio::test]
async fn a_pool_may_not_be_allowed() {
    let caller = Caller::of(frozen().forbid(RTX_4090)).await;
    caller.post("/v2/pods", order(json!({}))).await.refused(403, RTX_4090);
    caller.create(order(json!({ "gpu": { "id": "NVIDIA L4", "count": 1 } }))).await;
    caller.sim.set_forbidden(RTX_4090, false).unwrap();
    caller.create(order(json!({}))).await;
}

#[tokio::test]
async fn stock_changes_as_time_goes_by() {
    let scope = || Scope::of_type(RTX_4090).in_cloud(Cloud::Secure);
    let builder = frozen().capacity_at(Duration::from_secs(60), scope(), 0).capacity_at(
        Duration::from_secs(120),
        scope(),
        4,
    );
    let caller = Caller::of(builder).await;
    let path = "/v2/catalog/gpus/NVIDIA%20GeForce%20RTX%204090?include=AVAILABILITY&product=POD&cloud=SECURE";
    let mut seen = Vec::new();
    for _ in 0..3 {
        let level = caller.get(path).await.json()["availability"].as_str().unwrap().to_owned();
        seen.push((level, caller.post("/v2/pods", order(json!({}))).await.status));
        caller.advance(60);
    }
    assert_eq!(seen, [("HIGH".into(), 201), ("NONE".into(), 400), ("MEDIUM".into(), 201)]);
}

#[tokio::test]
async fn drifting_stock_follows_the_seed() {
    let story = async |seed| {
        let caller = Caller::of(frozen().seed(seed).capacity_drift(Duration::from_secs(60))).await;
        let mut seen = Vec::new();
        for _ in 0..40 {
            let order = order(json!({ "dataCenterIds": ["EU-RO-1"] }));
            seen.push(caller.post("/v2/pods", order).await.status);
            let pods = caller.sim.pods();
            for pod in pods {
                caller.delete(&format!("/v2/pods/{}", pod.id)).await;
            }
            caller.advance(60);
        }
        seen
    };
    let (first, again, other) = (story(1).await, story(1).await, story(2).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert!(first.contains(&201) && first.contains(&400), "{first:?}");
}

#[tokio::test]
async fn members_of_a_cluster_are_listed_on_demand_and_kept_from_deletion() {
    let caller = Caller::of(frozen()).await;
    let body = json!({ "pod": order(json!({})), "cluster": "cluster1", "status": "RUNNING" });
    let seeded = caller.post("/_sim/pods", body).await.json();
    let id = seeded["ids"][0].as_str().unwrap();
    assert_eq!(caller.get("/v2/pods").await.json()["pods"], json!([]));
    let list = caller.get("/v2/pods?includeClusterPods=true").await.json();
    assert_eq!(list["pods"][0]["cluster"]["id"], "cluster1");
    caller.delete(&format!("/v2/pods/{id}")).await.refused(409, "cluster1");
    assert_eq!(caller.sim.pods()[0].status, PodStatus::Running);
}
