//! Deploys that end without certainty: what may exist is said, with every id that was seen.

use std::sync::atomic::{AtomicUsize, Ordering};

use httpmock::{HttpMockResponse, MockServer};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{DeployError, PodHandle};
use serde_json::{Value, json};

use crate::mock::{empty_account, fresh_pod, handle, spec};

const SPEED: u32 = 40;

fn answer(status: u16, body: &Value) -> HttpMockResponse {
    HttpMockResponse::builder().status(status).body(body.to_string()).build()
}

fn refusal(status: u16, detail: &str) -> HttpMockResponse {
    answer(status, &json!({"title": "x", "status": status, "detail": detail}))
}

/// The outcome of a deploy in an account that never lists a pod, and how often the create was sent. The
/// creates are answered with these statuses and words in turn, and with the last one from then on.
fn deploy_answered(answers: &'static [(u16, &'static str)]) -> (Result<PodHandle, DeployError>, usize) {
    run_fast(SPEED, async move {
        let server = MockServer::start_async().await;
        empty_account(&server);
        let turn = AtomicUsize::new(0);
        let create = server.mock(|when, then| {
            when.method("POST").path("/v2/pods");
            then.respond_with(move |_| {
                let turn = turn.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
                let (status, words) = answers[turn];
                if status == 201 { answer(201, &fresh_pod()) } else { refusal(status, words) }
            });
        });
        let outcome = handle(&server).deploy(&spec()).await;
        let sent = create.calls();
        (outcome, sent)
    })
    .expect("a runtime")
}

fn assert_unclear(error: &DeployError, words: &[&str]) {
    assert!(matches!(error, DeployError::Unclear { .. }) && error.may_bill(), "{error}");
    let text = error.to_string();
    assert!(text.contains("look for it before deploying again"), "{text}");
    for words in words {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_deploy_whose_creates_all_fail_unclearly_may_have_made_a_pod() {
    let (outcome, sent) = deploy_answered(&[(500, "Something went wrong")]);
    assert_eq!(sent, 4);
    assert_unclear(&outcome.expect_err("no answer is a success"), &["500", "Something went wrong"]);
}

#[test]
fn a_refusal_after_an_unclear_create_does_not_prove_that_there_is_no_pod() {
    const STOCK: &str = "There are no longer any instances available with the requested specifications.";
    let (outcome, sent) = deploy_answered(&[(502, "lost on the way"), (400, STOCK)]);
    assert_eq!(sent, 2);
    assert_unclear(&outcome.expect_err("refused"), &["lost on the way", "no longer any instances"]);
    let (outcome, sent) = deploy_answered(&[(502, "lost on the way"), (402, "no balance")]);
    assert_eq!(sent, 2);
    assert_unclear(&outcome.expect_err("refused"), &["lost on the way", "no balance"]);
}

#[test]
fn a_create_that_succeeds_after_an_unclear_one_is_a_success() {
    let (outcome, sent) = deploy_answered(&[(502, "lost on the way"), (201, "")]);
    assert_eq!((outcome.expect("the second is accepted").id.as_str(), sent), ("k3x9q2m7v1b8z5", 2));
}
