use std::time::Duration;

use runpod_sim::{Area, Behavior, Delay, Fault, FaultKind, RateWindow, SimBuilder};
use serde_json::json;

use crate::client::{Caller, RTX_4090, frozen, id, order};

fn flaky() -> SimBuilder {
    frozen().fault(Fault::new(FaultKind::status_before(503)).on("listPods"))
}

#[tokio::test]
async fn a_reload_changes_what_differs_and_nothing_else() {
    let caller = Caller::of(flaky()).await;
    let pod = id(&caller.create(order(json!({}))).await);
    caller.advance(60);
    caller.get("/v2/pods").await.refused(503, "");
    // Changed by other calls: stays, since the settings do not differ in it.
    caller.put("/_sim/capacity", json!({ "type": RTX_4090, "units": 7 })).await;

    let stars =
        Behavior { created_runtime: true, list_lag: Delay::fixed(Duration::ZERO), ..Behavior::default() };
    let changed = flaky().behavior(stars.clone()).deny(Area::Catalog).forbid("NVIDIA L4").balance_usd(5.0);
    let window = RateWindow::new("minute", 9, Duration::from_secs(60));
    let waiting = caller.sim.reload(changed.clone().rate_windows([window]).retire_v1(true)).unwrap();
    assert_eq!(waiting, Vec::<&str>::new());
    assert_eq!(caller.sim.behavior(), stars);
    caller.get("/v2/catalog/gpus").await.refused(403, "catalog");
    assert_eq!(caller.get("/v1/pods").await.status, 410);
    assert!(caller.get(&format!("/v2/pods/{pod}")).await.header("ratelimit-policy").contains("q=9"));
    assert_eq!((caller.sim.faults()[0].fired, caller.sim.now()), (1, Duration::from_secs(60)), "they go on");
    let third = order(json!({ "gpu": { "id": "NVIDIA L4", "count": 1 } }));
    caller.post("/v2/pods", third).await.refused(403, "NVIDIA L4");
    let account = caller.put("/_sim/account", json!({})).await.json();
    assert_eq!(account["balance_usd"], 5.0);

    caller.sim.reload(changed.capacity(RTX_4090, 1).seed(99)).unwrap();
    caller.post("/v2/pods", order(json!({}))).await.refused(400, "no longer any instances");
    assert_eq!(caller.pod(&pod).await["status"], "RUNNING", "pods live on");
    caller.sim.reset();
    assert_eq!(caller.sim.behavior(), stars, "a reset begins with what was read last");
    caller.create(order(json!({}))).await;
    caller.post("/v2/pods", order(json!({}))).await.refused(400, "no longer any instances");
}

#[tokio::test]
async fn faults_are_replaced_and_counted_anew_when_they_differ() {
    let caller = Caller::of(flaky()).await;
    caller.get("/v2/pods").await.refused(503, "");
    caller.sim.reload(frozen().fault(Fault::new(FaultKind::Gone).on("getPod"))).unwrap();
    assert_eq!(caller.get("/v2/pods").await.status, 200);
    let faults = caller.sim.faults();
    assert_eq!((faults.len(), faults[0].fault, faults[0].fired), (1, "gone", 0));
}

#[tokio::test]
async fn what_only_a_start_changes_is_named_and_what_is_wrong_changes_nothing() {
    let caller = Caller::of(flaky()).await;
    let other = flaky().seed(3).api_key("another").page_size(5).real_endpoints(false).verify(false);
    assert_eq!(
        caller.sim.reload(other).unwrap(),
        ["api_key", "seed", "page_size", "real_endpoints", "verify"]
    );
    assert_eq!(caller.get("/v2/catalog/gpus").await.status, 200, "the key is as it was");
    for (wrong, words) in [
        (frozen().time_scale(-1.0), "`time_scale`"),
        (frozen().forbid("RTX 4090"), "known are"),
        (frozen().fault(Fault::new(FaultKind::Gone).on("createpod")), "`createpod` is not an operation"),
    ] {
        let error = caller.sim.reload(wrong.retire_v1(true)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(caller.get("/v1/gpus").await.status, 404, "v1 is not retired");
    assert_eq!(caller.sim.faults().len(), 1);
}
