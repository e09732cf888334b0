use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use httpmock::{
    Method::{GET, POST},
    MockServer,
};
use runpod_api::{ClientBuilder, Int, Joined, v2::types};

use crate::{KEY, client};

#[tokio::test]
async fn every_request_carries_the_key_and_a_user_agent_and_nothing_unasked() {
    let server = MockServer::start_async().await;
    let own = format!("runpod-api/{}", env!("CARGO_PKG_VERSION"));
    let agent = format!("sindri/3 {own}");
    let mock = server.mock(|when, then| {
        when.method(GET)
            .path("/v2/pods")
            .header("authorization", format!("Bearer {KEY}"))
            .header("user-agent", &agent)
            .header_missing("api-version");
        then.status(200).body("{\"pods\":[]}");
    });
    let client = ClientBuilder::new(KEY)
        .user_agent("sindri/3")
        .base_url(server.base_url() + "/")
        .v2()
        .expect("a client");
    let pods = client.list_pods().await.expect("a list");
    assert!(pods.pods.is_empty());
    mock.assert();
}

#[tokio::test]
async fn a_create_sends_what_was_said_and_no_more() {
    let server = MockServer::start_async().await;
    let mock = server.mock(|when, then| {
        when.method(POST).path("/v2/pods").json_body(serde_json::json!({
            "name": "a", "disk": 20, "image": "i", "env": { "TOKEN": "hunter2" }, "gpu": { "id": "NVIDIA L4" }
        }));
        then.status(201).body("{\"id\":\"p1\",\"cost\":\"0.74\",\"status\":\"NEW_ONE\",\"extra\":[1]}");
    });
    let body: types::CreatePodRequest = serde_json::from_value(serde_json::json!({
        "name": "a", "disk": 20, "image": "i", "gpu": { "id": "NVIDIA L4" }
    }))
    .expect("a request");
    let body = body.env(BTreeMap::from([("TOKEN".into(), "hunter2".into())]));
    let pod = client(&server).create_pod(&body).await.expect("a pod");
    assert_eq!(pod.status(), 201);
    assert_eq!(pod.cost.map(|cost| cost.get()), Some(0.74));
    assert_eq!(pod.status.as_ref().map(ToString::to_string).as_deref(), Some("NEW_ONE"));
    assert!(!format!("{body:?}").contains("hunter2"));
    mock.assert();
}

#[tokio::test]
async fn lists_in_the_query_are_joined_where_the_contract_says_so() {
    let server = MockServer::start_async().await;
    let mock = server.mock(|when, then| {
        when.path("/v2/catalog/gpus")
            .query_param("countryCodes", "DE,FR")
            .query_param("product", "POD")
            .query_param("count", "2");
        then.status(200).body("{\"gpus\":[]}");
    });
    let codes: Vec<types::CountryCode> = ["DE", "FR"].map(|code| code.parse().expect("a code")).to_vec();
    let codes = Joined::try_from(codes).expect("codes");
    let product = Joined::try_from(vec![types::Product::Pod]).expect("products");
    let options = types::ListGpuTypesOptions::new().country_codes(codes).product(product);
    let options = options.count(Int::new(2).expect("a count"));
    let answer = client(&server).list_gpu_types_with(&options).await;
    assert!(answer.expect("a list").gpus.is_empty());
    mock.assert();
}

#[tokio::test]
async fn logs_are_a_stream_of_bytes_and_resume_where_they_were() {
    let server = MockServer::start_async().await;
    let mock = server.mock(|when, then| {
        when.path("/v2/pods/p1/logs").header("last-event-id", "2026-01-01T00:00:00.5Z");
        then.status(200).header("content-type", "text/event-stream").body("id: 1\ndata: {}\n\n");
    });
    let logs = client(&server)
        .get_pod_logs_with("p1", &types::GetPodLogsOptions::new().last_event_id("2026-01-01T00:00:00.5Z"))
        .await
        .expect("logs");
    let mut stream = logs.into_inner();
    let mut text = Vec::new();
    while let Some(bytes) = stream.next().await {
        text.extend_from_slice(&bytes.expect("bytes"));
    }
    assert_eq!(text, b"id: 1\ndata: {}\n\n");
    mock.assert();
}

#[tokio::test]
async fn an_action_may_be_answered_without_a_body() {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.path("/v2/pods/p1/action").json_body(serde_json::json!({ "action": "terminate" }));
        then.status(204);
    });
    server.mock(|when, then| {
        when.path("/v2/pods/p1/action").json_body(serde_json::json!({ "action": "stop" }));
        then.status(200).body("{\"id\":\"p1\"}");
    });
    let client = client(&server);
    let act = |action| types::PodActionRequest::new(action);
    let gone = client.pod_action("p1", &act(types::PodAction::Terminate)).await.expect("done");
    assert!(gone.into_inner().into_value().is_none());
    let stopped = client.pod_action("p1", &act(types::PodAction::Stop)).await.expect("done");
    assert_eq!(stopped.into_inner().into_value().map(|pod| pod.id).as_deref(), Some("p1"));
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_host_only() {
    let (server, other) = (MockServer::start_async().await, MockServer::start_async().await);
    let stolen = other.mock(|_, then| drop(then.status(200).body("{\"id\":\"stolen\"}")));
    server.mock(|when, then| {
        when.path("/v2/pods/near");
        then.status(302).header("location", "/v2/pods/there");
    });
    server.mock(|when, then| {
        when.path("/v2/pods/there").header("authorization", format!("Bearer {KEY}"));
        then.status(200).body("{\"id\":\"there\"}");
    });
    server.mock(|when, then| {
        when.path("/v2/pods/far");
        then.status(302).header("location", other.url("/v2/pods/far"));
    });
    let client = client(&server);
    assert_eq!(client.get_pod("near").await.expect("a pod").id, "there");
    let failure = client.get_pod("far").await.expect_err("not followed");
    assert_eq!(failure.status(), Some(302));
    assert!(failure.to_string().contains("the base URL leads elsewhere"), "{failure}");
    stolen.assert_calls(0);
}

/// A server that answers with a redirect may have acted already: the next answer proves nothing.
#[tokio::test]
async fn a_redirect_of_a_change_is_not_followed() {
    let server = MockServer::start_async().await;
    let next = server.mock(|when, then| drop((when.path("/v2/pods/there"), then.status(404).body("{}"))));
    for status in [301, 302, 303, 307, 308] {
        let mut mock = server.mock(|when, then| {
            when.path("/v2/pods/near");
            then.status(status).header("location", "/v2/pods/there");
        });
        let failure = client(&server).delete_pod("near").await.expect_err("not followed");
        assert_eq!(failure.status(), Some(status));
        mock.delete();
    }
    next.assert_calls(0);
}
