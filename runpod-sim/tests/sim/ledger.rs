use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime},
};

use runpod_sim::{BootProfile, Delay, Fault, FaultKind, RateWindow, RequestRecord, Sim, SimError};
use serde_json::{Value, json};

use crate::client::{Caller, frozen, id, order};

#[tokio::test]
async fn the_ledger_says_who_asked_and_the_log_what_was_asked() {
    let caller = Caller::of(frozen()).await;
    let env = json!({ "RUNPOD_LIFECYCLE_DEPLOYMENT": "m-1", "TOKEN": "sentinel-value" });
    let id = id(&caller.create(order(json!({ "env": env }))).await);
    caller.advance(10 + 3600);
    caller.delete(&format!("/v2/pods/{id}?now=1")).await;
    caller.advance(3600);
    let ledger = caller.sim.ledger();
    let entry = &ledger[0];
    assert_eq!(
        (entry.pod_id.as_str(), entry.name.as_str(), entry.marker.as_deref()),
        (id.as_str(), "one", Some("m-1"))
    );
    assert_eq!(entry.env_keys, ["RUNPOD_LIFECYCLE_DEPLOYMENT", "TOKEN"]);
    assert!((entry.cost_usd - 0.69).abs() < 1e-9 && !entry.is_billing());
    assert_eq!(entry.terminated, Some(Duration::from_secs(3610)));
    let log = caller.sim.requests();
    let seen: Vec<_> =
        log.iter().map(|record| (record.operation.as_deref(), record.status, record.at.as_secs())).collect();
    assert_eq!(seen, [(Some("createPod"), 201, 0), (Some("deletePod"), 204, 3610)]);
    assert_eq!(log[1].query.as_deref(), Some("now=1"));
    let printed = format!("{ledger:?} {log:?} {:?} {:?}", caller.sim, caller.sim.pods());
    for secret in ["sentinel-value", "m-1", caller.sim.api_key()] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    assert!(!format!("{:?}", Sim::builder()).contains(caller.sim.api_key()));
    assert_eq!(caller.sim.answers_verified(), 2);
}

#[tokio::test]
async fn answers_are_verified_when_asked_for() {
    for verify in [true, false] {
        let caller = Caller::of(frozen().verify(verify)).await;
        caller.create(order(json!({}))).await;
        caller.get("/v2/pods").await;
        assert_eq!(caller.sim.answers_verified(), if verify { 2 } else { 0 });
        assert_eq!(caller.get("/_sim").await.json()["verify"], verify);
    }
}

/// Transcript of one session and the simulator's ledger, for a seed.
async fn session(seed: u64) -> (Vec<Value>, Vec<RequestRecord>) {
    let builder = Sim::builder()
        .seed(seed)
        .time_scale(0.0)
        .epoch(SystemTime::UNIX_EPOCH)
        .real_endpoints(false)
        .capacity_drift(Duration::from_secs(30))
        .fault(Fault::new(FaultKind::status_after(500)).on("createPod").probability(0.3))
        .fault(Fault::new(FaultKind::TruncatedJson).probability(0.05))
        .fault(Fault::new(FaultKind::ExitLoop { every: Duration::from_secs(9) }).probability(0.2));
    let caller = Caller::of(builder).await;
    let mut seen = Vec::new();
    for name in ["a", "b", "c"] {
        let answer = caller.post("/v2/pods", order(json!({ "name": name }))).await;
        seen.push(json!([answer.status, answer.text]));
        for _ in 0..15 {
            caller.advance(8);
            for path in ["/v2/pods?limit=2", "/v1/pods", "/v2/catalog/gpus?include=AVAILABILITY&product=POD"]
            {
                let answer = caller.get(path).await;
                seen.push(json!([answer.header("x-request-id"), answer.status, answer.text]));
            }
        }
    }
    (seen, caller.sim.requests())
}

#[tokio::test]
async fn one_seed_tells_one_story() {
    let (first, again, other) = (session(5).await, session(5).await, session(6).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
    let (seen, log) = first;
    assert_eq!((seen.len(), log.len()), (138, 138));
    assert!(log.iter().any(|record| record.fault == Some("truncated-json")));
    let told = format!("{seen:?}");
    assert!(told.contains("direct") && told.contains("RUNNING"), "the session sees a pod become ready");
}

#[tokio::test]
async fn unusable_settings_are_refused_before_anything_runs() {
    let taken = Sim::builder().start().await.unwrap();
    let window = RateWindow::new("minute", 0, Duration::from_secs(60));
    let wild = BootProfile { ports: Delay::log_normal(Duration::ZERO, f64::NAN), ..BootProfile::default() };
    for (builder, words) in [
        (Sim::builder().time_scale(-1.0), "time_scale"),
        (Sim::builder().time_scale(f64::NAN), "time_scale"),
        (Sim::builder().page_size(0), "page_size"),
        (Sim::builder().api_key(""), "api_key"),
        (Sim::builder().api_key("a\nb"), "api_key"),
        (Sim::builder().rate_windows([window]), "rate_windows"),
        (Sim::builder().boot(wild), "boot"),
        (Sim::builder().network_volume("v", "v", 9, "EU-RO-1"), "network_volume"),
        (Sim::builder().network_volume("v", "v", 10, "MOON-1"), "network_volume"),
        (Sim::builder().listen(SocketAddr::from((Ipv4Addr::LOCALHOST, taken.address().port()))), "in use"),
    ] {
        let error = builder.start().await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(matches!(taken.set_time_scale(f64::INFINITY), Err(SimError::Setting { .. })));
}
