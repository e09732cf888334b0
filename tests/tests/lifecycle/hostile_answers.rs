//! Answers that no honest server sends, chosen to lose money, secrets or certainty.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use httpmock::{HttpMockResponse, MockServer};
use runpod_lifecycle::{ErrorKind, PodSpec, Running};
use runpod_sim::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::{
    mock::{GPU, answer_create, empty_account, fresh_pod, handle},
    world::{LONG, build, settings, spec},
};

fn with_secret(value: &str) -> PodSpec {
    PodSpec::gpu("trainer", "runpod/pytorch:latest", [GPU]).port("22/tcp").env("HF_TOKEN", value)
}

/// Everything a refused deploy says.
async fn words(value: &str, body: String) -> String {
    let server = MockServer::start_async().await;
    empty_account(&server);
    answer_create(&server, |then| then.status(422).body(body));
    let error = handle(&server).deploy(&with_secret(value)).await.expect_err("refused");
    format!("{error} {error:?}")
}

#[tokio::test]
async fn a_secret_larger_than_the_part_of_an_answer_that_is_read_does_not_show() {
    let value = "0123456789abcdef-secret-".repeat(3000);
    let text =
        words(&value, json!({"title": "x", "status": 422, "detail": format!("bad: {value}")}).to_string());
    let text = text.await;
    assert!(!text.contains("-secret-"), "{}", &text[..400]);
}

#[tokio::test]
async fn a_secret_that_the_server_shortened_does_not_show() {
    let value = "hf_abcdefghijklmnopqrstuvwxyz0123456789";
    let text = words(
        value,
        json!({"title": "x", "status": 422, "detail": format!("bad: {}...", &value[..30])}).to_string(),
    );
    let text = text.await;
    assert!(!text.contains("klmnop"), "{text}");
}

#[tokio::test]
async fn a_secret_with_a_line_break_at_its_end_does_not_show() {
    let text = words(
        "hunter2secret\n",
        json!({"title": "x", "status": 422, "detail": "bad value: hunter2secret\n"}).to_string(),
    );
    let text = text.await;
    assert!(!text.contains("hunter2secret"), "{text}");
}

#[tokio::test]
async fn a_variable_given_as_one_text_does_not_show_its_value() {
    let server = MockServer::start_async().await;
    let spec = PodSpec::gpu("trainer", "ubuntu", [GPU]).env("HF_TOKEN=hf_very_secret", "");
    let error = handle(&server).deploy(&spec).await.expect_err("no name has a =");
    let text = format!("{error} {error:?}");
    assert!(text.contains("HF_TOKEN") && !text.contains("hf_very_secret"), "{text}");
}

/// Deploys where the create makes a pod and answers with this status and, as the pod's id, this text.
async fn deploy_with_odd_answer(status: u16, id: &'static str) {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("GET").path("/v2/catalog/gpus");
        then.status(200).json_body(json!({"gpus": [{"id": GPU}]}));
    });
    let pods: Arc<Mutex<Vec<Value>>> = Arc::default();
    let listed = Arc::clone(&pods);
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.respond_with(move |_| answer(200, &json!({"pods": *listed.lock().expect("no test holds it")})));
    });
    let create = server.mock(|when, then| {
        when.method("POST").path("/v2/pods");
        then.respond_with(move |request| {
            let sent: Value = serde_json::from_slice(request.body_ref()).expect("it is JSON");
            let mut pod = fresh_pod();
            pod["env"] = sent["env"].clone();
            pods.lock().expect("no test holds it").push(pod.clone());
            pod["id"] = json!(id);
            answer(status, &pod)
        });
    });
    let outcome = handle(&server).deploy(&crate::mock::spec()).await;
    let pod = outcome.unwrap_or_else(|error| panic!("{status}: the pod exists, yet: {error}"));
    assert_eq!((pod.id.as_str(), create.calls()), ("k3x9q2m7v1b8z5", 1), "{status}");
}

fn answer(status: u16, body: &Value) -> HttpMockResponse {
    HttpMockResponse::builder().status(status).body(body.to_string()).build()
}

#[tokio::test]
async fn an_odd_status_is_no_proof_that_nothing_was_created() {
    for status in [200, 202, 300, 301, 302, 303, 304, 307, 308, 399, 408] {
        deploy_with_odd_answer(status, "k3x9q2m7v1b8z5").await;
    }
}

#[tokio::test]
async fn a_new_pod_without_an_id_is_looked_for() {
    deploy_with_odd_answer(201, "").await;
}

#[tokio::test]
async fn another_pod_than_the_one_asked_for_is_not_taken_for_it() {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods/aaaaaaaaaaaaaa");
        then.status(200).json_body(fresh_pod());
    });
    let outcome = handle(&server).get("aaaaaaaaaaaaaa").await;
    assert!(outcome.is_err(), "asked for one pod and got another: {:?}", outcome.map(|pod| pod.id.clone()));
}

#[tokio::test]
async fn a_404_of_some_gateway_does_not_make_a_pod_gone() {
    let bodies = [
        r#"{"message":"no Route matched with those values"}"#,
        r#"{"message":"Not Found"}"#,
        r#"{"detail":"Not Found"}"#,
    ];
    // What may pass is tried again for a while, so all at once.
    join_all(bodies.map(is_not_gone)).await;
}

async fn is_not_gone(body: &str) {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("DELETE").path("/v2/pods/k3x9q2m7v1b8z5");
        then.status(404).body(body);
    });
    let outcome = handle(&server).terminate("k3x9q2m7v1b8z5").await;
    assert_eq!(outcome.expect_err("nobody knows").kind(), ErrorKind::Unreadable, "{body}");
}

#[tokio::test]
async fn a_twin_whose_marker_the_list_hides_is_ended_or_told() {
    let heard: Arc<Mutex<String>> = Arc::default();
    let world = build(settings()).await;
    world.sim.inject(Fault::new(FaultKind::DuplicateCreate).on("createPod").times(1)).unwrap();
    world.sim.inject(Fault::new(FaultKind::NullField { field: "env".into() }).on("listPods")).unwrap();
    let sink = Arc::clone(&heard);
    let runpod = world.runpod.on_event(move |event| *sink.lock().unwrap() += &format!("{event}\n"));
    let pod = runpod.deploy(&spec("twins")).await.unwrap();
    world.sim.advance(std::time::Duration::from_secs(60));
    pod.wait_until(Running, LONG).await.unwrap();
    let heard = heard.lock().unwrap().clone();
    assert!(world.billing() == 1 || heard.contains("second pod"), "two bill and nobody was told:\n{heard}");
}

#[tokio::test]
async fn a_listed_pod_without_an_id_may_be_the_one_looked_for() {
    let server = MockServer::start_async().await;
    let mut pod = fresh_pod();
    pod["id"] = json!("");
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.status(200).json_body(json!({"pods": [pod]}));
    });
    let error = handle(&server).find("trainer").await.map(|_| ()).expect_err("no handle can be made of it");
    assert_eq!(error.kind(), ErrorKind::Unreadable);
}

/// Runs in a process of its own, since a proxy is set in the environment.
#[tokio::test]
async fn a_key_for_this_machine_does_not_leave_it_through_a_proxy() {
    const ROLE: &str = "RUNPOD_TEST_BASE_URL";
    if let Ok(url) = std::env::var(ROLE) {
        let runpod = runpod_lifecycle::RunPod::builder("rpa_key").base_url(url).build().unwrap();
        assert!(runpod.list().await.expect("it is asked directly").is_empty());
        return;
    }
    let server = MockServer::start_async().await;
    empty_account(&server);
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    let child = child
        .args(["--exact", "hostile_answers::a_key_for_this_machine_does_not_leave_it_through_a_proxy"])
        .env(ROLE, server.base_url())
        .env("http_proxy", &address)
        .env("HTTP_PROXY", &address)
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(20), child).await;
    assert!(proxy.accept().is_err(), "the proxy was asked");
    assert!(output.expect("it ends").unwrap().status.success());
}

#[test]
fn a_base_url_with_the_version_in_it_is_refused() {
    // RunPod answers its paths with a 404 of its own, which would make every pod gone.
    for url in ["https://api.runpod.io/v2", "http://127.0.0.1:9/v2/"] {
        let error =
            runpod_lifecycle::RunPod::builder("rpa_key").base_url(url).build().expect_err("it doubles v2");
        assert!(error.to_string().contains("ends in /v2"), "{error}");
    }
}
