//! A RunPod that says exactly what a test tells it to, over real HTTP.

use httpmock::{Mock, MockServer, Then, When};
use runpod_lifecycle::{PodSpec, RunPod};
use serde_json::{Value, json};

pub(crate) const GPU: &str = "NVIDIA GeForce RTX 4090";
pub(crate) const KEY: &str = "rpa_sentinel_key";

pub(crate) fn handle(server: &MockServer) -> RunPod {
    RunPod::builder(KEY).base_url(server.base_url()).build().expect("loopback is a fine base URL")
}

pub(crate) fn spec() -> PodSpec {
    PodSpec::gpu("trainer", "runpod/pytorch:latest", [GPU]).port("22/tcp")
}

/// A pod as the live API was seen to send it right after a create: RUNNING, and nothing behind it.
pub(crate) fn fresh_pod() -> Value {
    json!({
        "id": "k3x9q2m7v1b8z5", "name": "trainer", "status": "RUNNING",
        "actions": ["stop", "restart", "terminate"], "image": "runpod/pytorch:latest", "args": "",
        "disk": 50, "mounts": {}, "ports": ["22/tcp"], "env": {}, "registry": null,
        "gpu": {"id": GPU, "count": 1}, "cloud": "SECURE", "dataCenterId": null, "cudaVersion": null,
        "ssh": {"proxy": null, "direct": null}, "template": null, "cost": 0.69, "locked": false,
        "runtime": null, "createdAt": "2026-08-20T06:16:19.430Z", "startedAt": null,
        "globalNetworking": {"enabled": false}
    })
}

/// The reads a deploy makes before it creates: the catalog with one GPU, and an empty account.
pub(crate) fn empty_account(server: &MockServer) {
    server.mock(|when, then| {
        when.method("GET").path("/v2/catalog/gpus");
        then.status(200).json_body(json!({"gpus": [
            {"id": GPU, "name": "RTX 4090", "pool": "ADA_24", "memory": 24},
            {"id": "unknown", "name": "unknown"},
        ]}));
    });
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.status(200).json_body(json!({"pods": []}));
    });
}

pub(crate) fn answer_create(server: &MockServer, answer: impl FnOnce(Then) -> Then) -> Mock<'_> {
    server.mock(|when: When, then: Then| {
        when.method("POST").path("/v2/pods");
        answer(then);
    })
}

pub(crate) fn problem(then: Then, status: u16, title: &str, detail: &str) -> Then {
    then.status(status)
        .header("content-type", "application/problem+json")
        .header("x-request-id", "req-123")
        .body(json!({"title": title, "status": status, "detail": detail}).to_string())
}
