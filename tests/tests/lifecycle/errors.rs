//! An error says the whole by itself, and a chain of errors says nothing twice.

use std::time::Duration;

use httpmock::{MockServer, Then};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{Aftermath, DeployError, IfExists, OnFailure, RunPod, Running, WaitError};
use serde_json::json;

use crate::mock::{GPU, KEY, answer_create, empty_account, fresh_pod, handle, problem, spec};

const POD: &str = "k3x9q2m7v1b8z5";
const KEYS: &str = "Check RUNPOD_API_KEY, or the key that the program gives; keys are made at https://console.runpod.io/user/settings";

/// The text of an error and of what is below it, as a person sees it.
fn chain(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

/// Asserts that the error alone says all of this, and the whole chain none of it twice.
fn assert_says(error: impl std::error::Error + Send + Sync + 'static, words: &[&str]) {
    let text = error.to_string();
    let chain = chain(error);
    for words in words {
        assert!(text.contains(words), "{words:?} is not in: {text}");
        assert_eq!(chain.matches(words).count(), 1, "{words:?} in: {chain}");
    }
}

fn list(server: &MockServer, pods: serde_json::Value) {
    server.mock(|when, then| {
        when.method("GET").path("/v2/catalog/gpus");
        then.status(200).json_body(json!({"gpus": [{"id": GPU}]}));
    });
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.status(200).json_body(json!({"pods": pods}));
    });
}

/// An account with one new pod, of which looks are answered so.
fn one_new_pod(server: &MockServer, look: impl FnOnce(Then) -> Then) {
    empty_account(server);
    answer_create(server, |then| then.status(201).json_body(fresh_pod()));
    server.mock(|when, then| {
        when.method("GET").path(format!("/v2/pods/{POD}"));
        look(then);
    });
}

#[tokio::test]
async fn a_lookup_that_failed_says_what_was_asked_and_answered() {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("GET").path("/v2/catalog/gpus");
        problem(then, 401, "Unauthorized", "invalid api key");
    });
    let error = handle(&server).deploy(&spec()).await.expect_err("nobody may look");
    assert!(matches!(error, DeployError::Lookup(_)));
    assert_says(error, &["no pod was deployed", "could not list GPU types", "401 \"invalid api key\"", KEYS]);
}

#[tokio::test]
async fn a_pod_that_could_not_be_replaced_is_named_with_the_reason() {
    let server = MockServer::start_async().await;
    list(&server, json!([fresh_pod()]));
    server.mock(|when, then| {
        when.method("DELETE").path(format!("/v2/pods/{POD}"));
        problem(then, 400, "Bad Request", "Pod is locked");
    });
    let error = handle(&server).deploy(&spec().if_exists(IfExists::Replace)).await.expect_err("it is locked");
    assert!(matches!(error, DeployError::NotReplaced(_)) && error.may_bill());
    let words =
        ["no pod was deployed", "could not terminate pod k3x9q2m7v1b8z5", "\"Pod is locked\"", "Unlock it"];
    assert_says(error, &words);
}

#[test]
fn a_pod_that_did_not_become_ready_is_named_with_the_reason_and_what_became_of_it() {
    for (on_failure, aftermath) in
        [(OnFailure::Keep, "it was kept and bills"), (OnFailure::Terminate, "it was terminated")]
    {
        let error = run_fast(40, async move {
            let server = MockServer::start_async().await;
            one_new_pod(&server, |then| problem(then, 401, "Unauthorized", "invalid api key"));
            server.mock(|when, then| {
                when.method("DELETE").path(format!("/v2/pods/{POD}"));
                then.status(204);
            });
            let longest = Duration::from_secs(60);
            handle(&server).deploy_and_wait_until(&spec(), Running, longest, on_failure).await
        });
        let error = error.expect("a runtime").expect_err("nobody may look");
        let DeployError::NotReady { aftermath: became, .. } = &error else { panic!("{error}") };
        assert_eq!(matches!(became, Aftermath::Terminated), on_failure == OnFailure::Terminate);
        assert_says(error, &["could not get pod k3x9q2m7v1b8z5", "401 \"invalid api key\"", KEYS, aftermath]);
    }
}

#[test]
fn a_pod_that_was_terminated_is_not_said_to_be_running() {
    let error = run_fast(40, async {
        let server = MockServer::start_async().await;
        let mut pod = fresh_pod();
        pod["status"] = json!("PROVISIONING");
        list(&server, json!([]));
        one_new_pod(&server, |then| then.status(200).json_body(pod));
        server.mock(|when, then| {
            when.method("DELETE").path(format!("/v2/pods/{POD}"));
            then.status(204);
        });
        let longest = Duration::from_secs(30);
        handle(&server).deploy_and_wait_until(&spec(), Running, longest, OnFailure::Terminate).await
    });
    let error = error.expect("a runtime").expect_err("it never runs");
    assert!(!error.may_bill());
    let text = error.to_string();
    assert!(
        text.contains("timed out after 30 s; last seen: ") && text.contains("it was terminated"),
        "{text}"
    );
    assert!(!text.contains("billing") && !text.contains("terminate it"), "{text}");
}

#[test]
fn a_deploy_of_which_nobody_knows_says_what_was_answered_and_what_to_do_first() {
    let error = run_fast(40, async {
        let server = MockServer::start_async().await;
        empty_account(&server);
        answer_create(&server, |then| problem(then, 500, "x", "Something went wrong"));
        handle(&server).deploy(&spec()).await
    });
    let error = error.expect("a runtime").expect_err("every answer is a failure");
    assert!(!error.to_string().contains("try again"), "look first: {error}");
    assert_says(
        error,
        &["could not create pod trainer", "\"Something went wrong\"", "look for it before deploying again"],
    );
}

#[tokio::test]
async fn a_wait_that_was_refused_says_what_was_asked_and_answered() {
    let server = MockServer::start_async().await;
    let mut looks = server.mock(|when, then| {
        when.method("GET").path(format!("/v2/pods/{POD}"));
        then.status(200).json_body(fresh_pod());
    });
    let pod = handle(&server).get(POD).await.expect("it is there");
    looks.delete();
    server.mock(|when, then| {
        when.method("GET").path(format!("/v2/pods/{POD}"));
        problem(then, 401, "Unauthorized", "invalid api key");
    });
    let error = pod.wait_until(Running, Duration::from_secs(5)).await.expect_err("nobody may look");
    assert!(matches!(error, WaitError::Call { .. }));
    assert!(error.to_string().ends_with(". The pod may bill until it is terminated"), "{error}");
    let words =
        ["pod k3x9q2m7v1b8z5 to be running", "could not get pod k3x9q2m7v1b8z5", "invalid api key", KEYS];
    assert_says(error, &words);
}

#[test]
fn a_connection_that_did_not_come_about_gives_its_advice_once() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback is free");
    let url = format!("http://{}", nobody.local_addr().expect("it has one"));
    drop(nobody);
    let runpod = RunPod::builder(KEY).base_url(&url).build().expect("loopback is fine");
    let error = run_fast(40, runpod.get(POD));
    let error = error.expect("a runtime").expect_err("nobody listens");
    let text = error.to_string();
    let refused = std::io::Error::from_raw_os_error(111);
    assert_eq!(
        text,
        format!(
            "could not get pod k3x9q2m7v1b8z5: the request did not reach RunPod: {url}: {refused}. \
             Nothing was sent. Check the network and the base URL (RUNPOD_API_URL)."
        )
    );
    let chain = chain(error);
    assert!(!chain.contains("get_pod") && chain.matches("refused").count() == 1, "{chain}");
}

#[tokio::test]
async fn an_answer_nobody_can_read_is_told_without_the_bindings_names() {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("POST").path(format!("/v2/pods/{POD}/action"));
        then.status(200).json_body(json!({"id": []}));
    });
    let text = handle(&server).restart(POD).await.expect_err("nobody can read it").to_string();
    assert_eq!(
        text,
        "could not restart pod k3x9q2m7v1b8z5: the answer (200) cannot be read: at id expected a string. \
         The answer is not what RunPod's contract describes; check the base URL and proxies."
    );
}
