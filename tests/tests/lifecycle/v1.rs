//! The same facade on REST v1.

use httpmock::MockServer;
use runpod_lifecycle::{
    ApiVersion, DeployError, ErrorKind, PodHandle, PodSpec, PodState, RunPod, Running, Stopped,
};
use serde_json::{Value, json};

use crate::world::{GPU, LONG, SCARCE, settings};

fn handle(base_url: impl Into<String>, key: &str) -> RunPod {
    RunPod::builder(key).api_version(ApiVersion::V1).base_url(base_url).build().expect("loopback is fine")
}

async fn pod(body: Value) -> PodHandle {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.path("/pods/abc");
        then.status(200).json_body(body);
    });
    handle(server.base_url(), "key").get("abc").await.expect("every shape can be read")
}

#[tokio::test]
async fn running_without_address_and_ports_is_creating() {
    let booting = |ip: Value, mappings: Value| {
        json!({"id": "abc", "desiredStatus": "RUNNING", "ports": ["22/tcp"], "publicIp": ip, "portMappings": mappings,
               "costPerHr": "0.74", "imageName": "image", "gpuCount": 1, "createdAt": "2026-08-20 06:16:19.43 +0000 UTC"})
    };
    for (ip, mappings) in
        [(json!(null), json!(null)), (json!(""), json!({})), (json!("203.0.113.9"), json!(null))]
    {
        let pod = pod(booting(ip, mappings)).await;
        assert_eq!(pod.state, Some(PodState::Starting));
        assert_eq!(pod.cost_usd_per_hour, Some(0.74));
    }
    let up = pod(booting(json!("203.0.113.9"), json!({"22": 10341}))).await;
    assert_eq!(up.state, Some(PodState::Running));
    assert_eq!(up.connection().direct_ssh().unwrap().port, 10341);
    let list = json!([{"privatePort": 22, "publicPort": 10342, "type": "tcp", "ip": "203.0.113.8"}]);
    let up = pod(booting(json!(null), list)).await;
    assert_eq!(up.connection().ssh_command().unwrap().arguments().last().unwrap(), "root@203.0.113.8");
}

#[tokio::test]
async fn a_pod_lives_on_v1_too() {
    let sim = settings().start().await.unwrap();
    let runpod = handle(sim.v1_url(), sim.api_key());
    let spec = PodSpec::gpu("old", "image", [SCARCE, GPU]).interruptible(true).port("22/tcp");
    let pod = runpod.deploy(&spec).await.expect("v1 has spot pods");
    let pod = pod.wait_until(Running, LONG).await.unwrap();
    assert_eq!(runpod.find("old").await.map(|found| format!("{found:?}").contains(&pod.id)).ok(), Some(true));
    pod.stop().await.unwrap();
    pod.wait_until(Stopped, LONG).await.unwrap();
    pod.terminate().await.unwrap();
    pod.terminate().await.expect("terminating twice succeeds");
    assert!(sim.ledger().iter().all(|entry| !entry.is_billing()));
}

#[tokio::test]
async fn a_410_says_that_v1_is_retired() {
    let sim = settings().retire_v1(true).start().await.unwrap();
    let error = handle(sim.v1_url(), sim.api_key()).get("abc").await.expect_err("v1 is retired");
    assert_eq!(error.kind(), ErrorKind::Retired);
    assert!(error.to_string().contains("REST v1 was retired on 2026-11-15; use v2"), "{error}");
}

#[tokio::test]
async fn what_a_version_lacks_is_said_before_anything_is_sent() {
    let sim = settings().start().await.unwrap();
    let v1 = handle(sim.v1_url(), sim.api_key());
    for error in [
        v1.ssh_keys().await.unwrap_err(),
        v1.logs("abc").history().await.unwrap_err(),
        v1.cpu_flavors().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("REST v2"), "{error}");
    }
    let v2 = RunPod::builder(sim.api_key()).base_url(sim.url()).build().unwrap();
    let spot = crate::world::spec("spot").interruptible(true);
    let error = v2.deploy(&spot).await.expect_err("v2 has no spot pods");
    assert!(matches!(&error, DeployError::Spec(_)) && error.to_string().contains("no spot pods"), "{error}");
    assert!(sim.requests().is_empty());
}
