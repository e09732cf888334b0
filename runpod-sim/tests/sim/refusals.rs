use std::time::Duration;

use reqwest::Method;
use runpod_sim::RateWindow;
use serde_json::json;

use crate::client::{Caller, RTX_4090, frozen, order};

#[tokio::test]
async fn each_rule_across_fields_has_its_status_and_words() {
    let caller = Caller::of(frozen()).await;
    let mount = json!({ "size": 20, "path": "/workspace" });
    let cpu = json!({ "id": "cpu3c", "vcpuCount": 4 });
    let rules = [
        (400, "exactly one of gpu or cpu", json!({ "gpu": null })),
        (400, "mutually exclusive", json!({ "cpu": cpu })),
        (400, "template id or pod configuration", json!({ "disk": null })),
        (422, "image", json!({ "image": null })),
        (404, "template", json!({ "image": null, "templateId": "nosuch" })),
        (422, "Unknown GPU type: ADA_24", json!({ "gpu": { "id": "ADA_24", "count": 1 } })),
        (422, "Unknown GPU type: unknown", json!({ "gpu": { "id": "unknown", "count": 1 } })),
        (400, "exceeds the maximum", json!({ "gpu": { "id": RTX_4090, "count": 9 } })),
        (
            400,
            "mutually exclusive",
            json!({ "mounts": { "persistent": mount, "network": [{ "volumeId": "v", "path": "/d" }] } }),
        ),
        (422, "size", json!({ "mounts": { "persistent": { "size": 9, "path": "/workspace" } } })),
        (422, "path", json!({ "mounts": { "network": [{ "volumeId": "v" }] } })),
        (400, "CPU pods", json!({ "gpu": null, "cpu": cpu, "mounts": { "persistent": mount } })),
        (400, "power of two", json!({ "gpu": null, "cpu": { "id": "cpu3c", "vcpuCount": 6 } })),
        (400, "power of two", json!({ "gpu": null, "cpu": { "id": "cpu3c", "vcpuCount": 64 } })),
        (400, "Unknown CPU flavor", json!({ "gpu": null, "cpu": { "id": "cpu9z", "vcpuCount": 4 } })),
        (
            400,
            "mutually exclusive",
            json!({ "gpu": { "id": RTX_4090, "count": 1, "allowedCudaVersions": ["12.8"], "minCudaVersion": "12.4" } }),
        ),
        (
            400,
            "NVIDIA",
            json!({ "gpu": { "id": "AMD Instinct MI300X OAM", "count": 1 }, "globalNetworking": true }),
        ),
        (400, "ports", json!({ "ports": ["22"] })),
        (422, "out of range", json!({ "disk": 1e30 })),
        (422, "cloud", json!({ "cloud": "MARS" })),
    ];
    for (status, words, change) in rules {
        caller.post("/v2/pods", order(change)).await.refused(status, words);
    }
    assert!(caller.sim.ledger().is_empty());
}

#[tokio::test]
async fn unknown_fields_are_named_and_missing_ones_come_first() {
    let caller = Caller::of(frozen()).await;
    let body = order(json!({ "name": null, "imageName": "x", "gpu": { "id": RTX_4090, "kind": 1 } }));
    let answer = caller.post("/v2/pods", body).await;
    answer.refused(422, "validation");
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    assert!(errors[0].as_str().unwrap().contains("'name'"), "{errors:?}");
    for words in [
        "$: additional properties 'imageName' not allowed",
        "$.gpu: additional properties 'kind' not allowed",
    ] {
        assert!(errors.iter().any(|error| error.as_str().unwrap().contains(words)), "{errors:?}");
    }
}

#[tokio::test]
async fn a_refusal_never_repeats_a_value_that_was_sent() {
    let caller = Caller::of(frozen()).await;
    let body = order(json!({ "env": { "TOKEN": 4_815_162_342_u64 } }));
    let answer = caller.post("/v2/pods", body).await;
    answer.refused(422, "$.env.TOKEN: got number, want string");
    assert!(!answer.text.contains("4815162342"), "{}", answer.text);
}

#[tokio::test]
async fn keys_and_clients_are_checked_before_anything_else() {
    let caller = Caller::of(frozen()).await;
    let url = format!("{}/v2/pods", caller.sim.url());
    let client = crate::client::client().build().unwrap();
    for request in [client.get(&url), client.get(&url).header("user-agent", "Python-urllib/3.12")] {
        let answer = caller.send(request.bearer_auth(caller.sim.api_key())).await;
        assert_eq!((answer.status, answer.text.as_str()), (403, "error code: 1010"));
        assert!(answer.header("content-type").starts_with("text/plain"));
    }
    let named = || client.get(&url).header("user-agent", "tests/1");
    for (request, words) in [
        (named(), "missing bearer token"),
        (named().basic_auth("me", Some("x")), "missing bearer token"),
        (named().bearer_auth("rpa_other"), "invalid bearer token"),
    ] {
        let answer = caller.send(request).await;
        answer.refused(401, words);
        assert!(answer.headers.get("ratelimit").is_none());
        answer.header("x-request-id");
    }
}

#[tokio::test]
async fn odd_requests_get_an_answer_and_the_server_lives() {
    let caller = Caller::of(frozen()).await;
    let post = |body: Vec<u8>| caller.request(Method::POST, "/v2/pods").body(body);
    caller.send(post(b"{".to_vec())).await.refused(400, "JSON");
    caller.send(post(vec![0xff; 64])).await.refused(400, "JSON");
    caller.send(post(Vec::new())).await.refused(422, "$: a JSON request body");
    caller.send(post(b"[]".to_vec())).await.refused(422, "$: got array, want object");
    caller.send(post(vec![b' '; 102_401])).await.refused(413, "102400");
    caller.get("/v2/nothing").await.refused(404, "route not found");
    caller.get("/v2/pods/%ff%00%2f").await.refused(404, "pod");
    caller.get("/v2/clusters").await.refused(501, "listClusters");
    let answer = caller.send(caller.request(Method::PUT, "/v2/pods")).await;
    answer.refused(405, "GET");
    assert_eq!(answer.header("allow"), "GET, POST");
    assert_eq!(caller.get("/v2/pods").await.status, 200);
}

#[tokio::test]
async fn windows_fill_and_empty_and_the_longest_wait_is_told() {
    let windows = [
        RateWindow::new("minute", 2, Duration::from_secs(60)),
        RateWindow::new("hour", 3, Duration::from_secs(3600)),
    ];
    let caller = Caller::of(frozen().rate_windows(windows)).await;
    caller.advance(45);
    let first = caller.get("/v2/pods").await;
    assert_eq!(first.header("ratelimit"), r#""minute";r=1;t=15, "hour";r=2;t=3555"#);
    assert_eq!(first.header("ratelimit-policy"), r#""minute";q=2;w=60, "hour";q=3;w=3600"#);
    caller.get("/v2/pods").await;
    let third = caller.get("/v2/pods").await;
    third.refused(429, "rate limit");
    assert_eq!(third.header("retry-after"), "15");
    caller.advance(15);
    assert_eq!(caller.get("/v2/pods").await.status, 200);
    assert_eq!(caller.get("/v2/pods").await.header("retry-after"), "3540");
    caller.advance(3540);
    assert_eq!(caller.get("/v2/pods").await.status, 200);
}

#[tokio::test]
async fn a_retry_after_may_be_shorter_than_another_window() {
    let windows = [
        RateWindow::new("minute", 1, Duration::from_secs(60)),
        RateWindow::new("hour", 1, Duration::from_secs(3600)),
    ];
    let caller = Caller::of(frozen().rate_windows(windows)).await;
    caller.get("/v2/pods").await;
    let refused = caller.get("/v2/pods").await;
    refused.refused(429, "rate limit");
    assert_eq!(refused.header("retry-after"), "60");
    assert_eq!(refused.header("ratelimit"), r#""minute";r=0;t=60, "hour";r=0;t=3600"#);
}

#[tokio::test]
async fn an_unknown_gpu_is_refused_without_a_list_of_errors() {
    let caller = Caller::of(frozen()).await;
    let answer = caller.post("/v2/pods", order(json!({ "gpu": { "id": "RTX 4090", "count": 1 } }))).await;
    answer.refused(422, "Unknown GPU type: RTX 4090");
    assert_eq!(answer.json().get("errors"), None);
}
