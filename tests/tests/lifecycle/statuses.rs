//! Meaning of each answer of RunPod, with raw bodies over HTTP.

use httpmock::{MockServer, Then};
use runpod_lifecycle::{DeployError, Error, ErrorKind};

use crate::mock::{GPU, answer_create, empty_account, handle, problem, spec};

/// The error of a `get` that is answered so.
async fn get(answer: impl FnOnce(Then) -> Then) -> Error {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods/abc");
        answer(then);
    });
    handle(&server).get("abc").await.expect_err("the answer is a failure")
}

/// The error of a deploy whose create is answered so, and how often the create was sent.
async fn deploy(answer: impl FnOnce(Then) -> Then) -> (DeployError, usize) {
    let server = MockServer::start_async().await;
    empty_account(&server);
    let create = answer_create(&server, answer);
    let error = handle(&server).deploy(&spec()).await.expect_err("the answer is a failure");
    let sent = create.calls();
    (error, sent)
}

fn refused(error: DeployError) -> Error {
    match error {
        DeployError::Refused(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn status_401_names_the_key_variable() {
    let error = get(|then| problem(then, 401, "Unauthorized", "invalid api key")).await;
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(error.status(), Some(401));
    assert_eq!(error.request_id(), Some("req-123"));
    assert_eq!(
        error.to_string(),
        "could not get pod abc: RunPod answered 401 \"invalid api key\" (request req-123). \
         Check RUNPOD_API_KEY, or the key that the program gives; keys are made at https://console.runpod.io/user/settings."
    );
}

#[tokio::test]
async fn status_402_ends_the_deploy_at_once() {
    let (error, sent) = deploy(|then| problem(then, 402, "Payment Required", "insufficient balance")).await;
    let error = refused(error);
    assert_eq!((error.kind(), sent), (ErrorKind::InsufficientBalance, 1));
    assert_eq!(
        error.to_string(),
        "could not create pod trainer: RunPod answered 402 \"insufficient balance\" (request req-123). \
         Nothing was started. Add credit at https://console.runpod.io/user/billing."
    );
}

#[tokio::test]
async fn status_403_is_a_refused_candidate() {
    let (error, sent) = deploy(|then| problem(then, 403, "Forbidden", "pool not allowed")).await;
    assert_eq!(sent, 1);
    assert!(
        matches!(&error, DeployError::AllRefused { attempts, .. } if attempts[0].error.kind() == ErrorKind::Forbidden)
    );
    assert_eq!(
        error.to_string(),
        format!(
            "no candidate for pod \"trainer\" was accepted and none was created: 1x {GPU} (Secure): pool not allowed. \
             RunPod named no lack of stock: this looks like a rule the spec breaks. \
             Try another GPU type or a pool such as ADA_24, the other cloud"
        )
    );
}

#[tokio::test]
async fn status_403_of_the_edge_is_not_a_permission_problem() {
    let error =
        get(|then| then.status(403).header("content-type", "text/plain").body("error code: 1010")).await;
    assert_eq!(error.kind(), ErrorKind::Blocked);
    assert!(error.to_string().contains("error code: 1010"), "{error}");
}

#[tokio::test]
async fn status_404_in_runpods_words_is_not_found() {
    let error = get(|then| problem(then, 404, "Not Found", "pod not found")).await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        "could not get pod abc: RunPod answered 404 \"pod not found\" (request req-123). \
         It does not exist or no longer does."
    );
}

#[tokio::test]
async fn status_404_without_an_id_points_to_the_base_url() {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("GET");
        problem(then, 404, "Not Found", "no such path");
    });
    let runpod = handle(&server);
    let errors = [
        runpod.list().await.expect_err("nothing is there"),
        runpod.gpu_types(1, runpod_lifecycle::Cloud::Secure).await.expect_err("nothing is there"),
        runpod.ssh_keys().await.expect_err("nothing is there"),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let text = error.to_string();
        assert!(text.ends_with(". RunPod's API has nothing there: check the base URL."), "{text}");
    }
    let (error, _) = deploy(|then| problem(then, 404, "Not Found", "template not found")).await;
    let text = refused(error).to_string();
    assert!(text.contains("template") && text.ends_with("check the base URL."), "{text}");
}

#[tokio::test]
async fn status_404_of_something_else_is_not_not_found() {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("DELETE").path("/v2/pods/abc");
        then.status(404).header("content-type", "text/html").body("<html>nginx</html>");
    });
    let error = handle(&server).terminate("abc").await.expect_err("nobody said that the pod is gone");
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unreadable, Some(404)));
}

#[tokio::test]
async fn status_409_is_a_conflict_unless_the_pod_is_there_already() {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("POST").path("/v2/pods/abc/action");
        problem(then, 409, "Conflict", "pod is not running");
    });
    let mut pod = crate::mock::fresh_pod();
    pod["id"] = "abc".into();
    let mut running = server.mock(|when, then| {
        when.method("GET").path("/v2/pods/abc");
        then.status(200).json_body(pod.clone());
    });
    let error = handle(&server).stop("abc").await.expect_err("a running pod that refuses to stop");
    assert_eq!((error.kind(), error.status()), (ErrorKind::Conflict, Some(409)));
    assert!(error.to_string().starts_with("could not stop pod abc: RunPod answered 409"), "{error}");

    running.delete();
    pod["status"] = "EXITED".into();
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods/abc");
        then.status(200).json_body(pod);
    });
    handle(&server).stop("abc").await.expect("stopping a stopped pod is fine");
}

#[tokio::test]
async fn status_422_lists_what_is_wrong_and_is_sent_once() {
    let (error, sent) = deploy(|then| {
        then.status(422).header("content-type", "application/problem+json").body(
            r#"{"title":"Unprocessable Entity","status":422,"detail":"invalid body","errors":["/name: too long","/foo: not allowed"]}"#,
        )
    })
    .await;
    let error = refused(error);
    assert_eq!((error.kind(), sent), (ErrorKind::Rejected, 1));
    assert!(error.to_string().contains("/name: too long"), "{error}");
    assert!(error.to_string().contains("/foo: not allowed"), "{error}");
}

#[tokio::test]
async fn status_429_says_how_long_to_wait() {
    let error =
        get(|then| problem(then.header("retry-after", "600"), 429, "Too Many Requests", "slow down")).await;
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(600)));
}

#[tokio::test]
async fn status_500_on_a_create_is_looked_into_before_anything_is_sent_again() {
    let server = MockServer::start_async().await;
    empty_account(&server);
    let failing =
        answer_create(&server, |then| problem(then, 500, "Internal Server Error", "Something went wrong"));
    let outcome =
        tokio::time::timeout(std::time::Duration::from_secs(5), handle(&server).deploy(&spec())).await;
    assert!(outcome.is_err(), "5 s are not enough to prove that nothing was created");
    assert_eq!(failing.calls(), 1);
}

#[tokio::test]
async fn an_html_page_is_quoted_shortly_and_is_unreadable_on_success() {
    let page = format!("<html>{}</html>", "x".repeat(100_000));
    let error = get(|then| then.status(200).header("content-type", "text/html").body(&page)).await;
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    assert!(error.to_string().len() < 4_000);
}

#[tokio::test]
async fn a_truncated_body_is_an_interrupted_answer_and_never_printed() {
    let error = get(|then| {
        then.status(200)
            .header("content-type", "application/json")
            .body(r#"{"id":"abc","env":{"TOKEN":"s3cret"#)
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}
