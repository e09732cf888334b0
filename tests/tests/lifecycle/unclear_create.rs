//! Deploys that end without certainty: what may exist is said, with every id that was seen.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use httpmock::{HttpMockRequest, HttpMockResponse, Mock, MockServer, Then};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{DeployError, PodHandle, Running};
use serde_json::{Value, json};

use crate::mock::{GPU, empty_account, fresh_pod, handle, problem, spec};

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

/// An account in which one create makes these pods and is answered with 500, or with the first of them. A
/// pod's environment shows in lists only if it is to.
fn twice(server: &MockServer, status: u16, pods: &'static [(&'static str, bool)]) {
    server.mock(|when, then| {
        when.method("GET").path("/v2/catalog/gpus");
        then.status(200).json_body(json!({"gpus": [{"id": GPU}]}));
    });
    let env: Arc<Mutex<Option<Value>>> = Arc::default();
    let listed = Arc::clone(&env);
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.respond_with(move |_| {
            let env = listed.lock().expect("no test panics with it").clone();
            let pod = |(id, shown): &(&str, bool)| {
                let mut pod = fresh_pod();
                pod["id"] = json!(id);
                pod["env"] = if *shown { env.clone().unwrap_or_default() } else { Value::Null };
                pod
            };
            let pods = if env.is_some() { pods.iter().map(pod).collect() } else { Vec::new() };
            answer(200, &json!({"pods": pods}))
        });
    });
    server.mock(|when, then| {
        when.method("POST").path("/v2/pods");
        then.respond_with(move |request: &HttpMockRequest| {
            let sent: Value = serde_json::from_slice(request.body_ref()).expect("it is JSON");
            *env.lock().expect("no test panics with it") = Some(sent["env"].clone());
            let mut pod = fresh_pod();
            pod["id"] = json!(pods[0].0);
            if status == 201 { answer(201, &pod) } else { refusal(status, "Something went wrong") }
        });
    });
}

fn delete<'a>(server: &'a MockServer, id: &str, status: u16, detail: &str) -> Mock<'a> {
    server.mock(|when, then| {
        when.method("DELETE").path(format!("/v2/pods/{id}"));
        problem(then, status, "x", detail);
    })
}

#[test]
fn a_second_pod_that_cannot_be_terminated_is_named_and_so_is_the_first() {
    run_fast(SPEED, async {
        let server = MockServer::start_async().await;
        twice(&server, 500, &[("aaaaaaaaaaaaaa", true), ("bbbbbbbbbbbbbb", true)]);
        let first = delete(&server, "aaaaaaaaaaaaaa", 204, "");
        let second = delete(&server, "bbbbbbbbbbbbbb", 400, "Pod is locked");
        let error = handle(&server).deploy(&spec()).await.expect_err("two bill");
        let text = error.to_string();
        assert!(text.contains("aaaaaaaaaaaaaa") && text.contains("bbbbbbbbbbbbbb"), "{text}");
        assert!(text.contains("Pod is locked") && error.may_bill(), "{text}");
        assert_eq!(error.pod_id(), Some("aaaaaaaaaaaaaa"));
        assert_eq!((first.calls(), second.calls()), (0, 5), "tried until the looks were over");
    })
    .expect("a runtime");
}

#[test]
fn our_pod_is_taken_although_another_one_cannot_be_looked_at() {
    run_fast(SPEED, async {
        let server = MockServer::start_async().await;
        twice(&server, 500, &[("hiddenhiddenhi", false), ("aaaaaaaaaaaaaa", true)]);
        server.mock(|when, then| {
            when.method("GET").path("/v2/pods/hiddenhiddenhi");
            problem(then, 500, "x", "Something went wrong");
        });
        let pod = handle(&server).deploy(&spec()).await.expect("its pod is there");
        assert_eq!(pod.id, "aaaaaaaaaaaaaa");
    })
    .expect("a runtime");
}

#[test]
fn a_pod_that_may_be_ours_and_cannot_be_looked_at_is_named() {
    run_fast(SPEED, async {
        let server = MockServer::start_async().await;
        twice(&server, 500, &[("hiddenhiddenhi", false)]);
        server.mock(|when, then| {
            when.method("GET").path("/v2/pods/hiddenhiddenhi");
            problem(then, 500, "x", "nobody can say");
        });
        let error = handle(&server).deploy(&spec()).await.expect_err("nobody can say");
        assert_unclear(&error, &["hiddenhiddenhi", "nobody can say"]);
        assert_eq!(error.pod_id(), Some("hiddenhiddenhi"));
    })
    .expect("a runtime");
}

/// The events of a wait for the first of three pods that one create made, when the others' DELETEs are
/// answered so.
fn told_of_twins(delete_second: impl FnOnce(Then) -> Then) -> String {
    run_fast(SPEED, async {
        let server = MockServer::start_async().await;
        const PODS: [(&str, bool); 3] =
            [("aaaaaaaaaaaaaa", true), ("bbbbbbbbbbbbbb", true), ("cccccccccccccc", true)];
        twice(&server, 201, &PODS);
        server.mock(|when, then| {
            when.method("DELETE").path("/v2/pods/bbbbbbbbbbbbbb");
            delete_second(then);
        });
        delete(&server, "cccccccccccccc", 400, "Pod is locked");
        let heard: Arc<Mutex<String>> = Arc::default();
        let sink = Arc::clone(&heard);
        let runpod = handle(&server).on_event(move |event| {
            *sink.lock().expect("no test panics with it") += &format!("{event}\n");
        });
        let pod = runpod.deploy(&spec()).await.expect("it is accepted");
        pod.wait_until(Running, Duration::from_secs(60)).await.expect("it runs");
        heard.lock().expect("no test panics with it").clone()
    })
    .expect("a runtime")
}

#[test]
fn every_twin_that_cannot_be_terminated_is_named() {
    let heard = told_of_twins(|then| problem(then, 400, "x", "Pod is locked"));
    assert!(heard.contains("bbbbbbbbbbbbbb") && heard.contains("cccccccccccccc"), "{heard}");
    assert!(heard.contains("Pod is locked"), "{heard}");
}

#[test]
fn a_twin_whose_end_takes_too_long_is_named() {
    let heard = told_of_twins(|then| then.status(204).delay(Duration::from_secs(2)));
    assert!(heard.contains("bbbbbbbbbbbbbb"), "{heard}");
}

#[test]
fn a_late_twin_of_an_unclear_create_is_ended_although_an_earlier_list_did_not_show_it() {
    let heard = run_fast(SPEED, async {
        let server = MockServer::start_async().await;
        server.mock(|when, then| {
            when.method("GET").path("/v2/catalog/gpus");
            then.status(200).json_body(json!({"gpus": [{"id": GPU}]}));
        });
        let env: Arc<Mutex<Option<Value>>> = Arc::default();
        let (creates, lists) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let listed = Arc::clone(&env);
        server.mock(|when, then| {
            when.method("POST").path("/v2/pods");
            then.respond_with(move |request: &HttpMockRequest| {
                if creates.fetch_add(1, Ordering::Relaxed) == 0 {
                    return refusal(504, "the gateway gave up");
                }
                let sent: Value = serde_json::from_slice(request.body_ref()).expect("it is JSON");
                *env.lock().expect("no test panics with it") = Some(sent["env"].clone());
                answer(201, &fresh_pod())
            });
        });
        server.mock(|when, then| {
            when.method("GET").path("/v2/pods");
            then.respond_with(move |_| {
                let Some(env) = listed.lock().expect("no test panics with it").clone() else {
                    return answer(200, &json!({"pods": []}));
                };
                let (mut pod, mut twin) = (fresh_pod(), fresh_pod());
                (pod["env"], twin["env"], twin["id"]) = (env.clone(), env, json!("aaaaaaaaaaaaaa"));
                let is_first = lists.fetch_add(1, Ordering::Relaxed) == 0;
                answer(200, &json!({"pods": if is_first { vec![pod] } else { vec![pod, twin] }}))
            });
        });
        let twin = delete(&server, "aaaaaaaaaaaaaa", 204, "");
        let heard: Arc<Mutex<String>> = Arc::default();
        let sink = Arc::clone(&heard);
        let runpod = handle(&server).on_event(move |event| {
            *sink.lock().expect("no test panics with it") += &format!("{event}\n");
        });
        let pod = runpod.deploy(&spec()).await.expect("the second is accepted");
        let told = heard.lock().expect("no test panics with it").clone();
        pod.wait_until(Running, Duration::from_secs(60)).await.expect("it runs");
        assert_eq!(twin.calls(), 1, "the pod of the first create bills");
        told
    })
    .expect("a runtime");
    assert!(heard.contains("warning") && heard.contains("the gateway gave up"), "{heard}");
}

#[test]
fn the_pod_that_would_have_been_kept_is_not_forgotten_when_a_list_lacks_it() {
    run_fast(SPEED, async {
        let server = MockServer::start_async().await;
        server.mock(|when, then| {
            when.method("GET").path("/v2/catalog/gpus");
            then.status(200).json_body(json!({"gpus": [{"id": GPU}]}));
        });
        let env: Arc<Mutex<Option<Value>>> = Arc::default();
        let (listed, lists) = (Arc::clone(&env), AtomicUsize::new(0));
        server.mock(|when, then| {
            when.method("POST").path("/v2/pods");
            then.respond_with(move |request: &HttpMockRequest| {
                let sent: Value = serde_json::from_slice(request.body_ref()).expect("it is JSON");
                *env.lock().expect("no test panics with it") = Some(sent["env"].clone());
                refusal(500, "Something went wrong")
            });
        });
        server.mock(|when, then| {
            when.method("GET").path("/v2/pods");
            then.respond_with(move |_| {
                let Some(env) = listed.lock().expect("no test panics with it").clone() else {
                    return answer(200, &json!({"pods": []}));
                };
                let pod = |id: &str| {
                    let mut pod = fresh_pod();
                    (pod["id"], pod["env"]) = (json!(id), env.clone());
                    pod
                };
                let both = lists.fetch_add(1, Ordering::Relaxed) == 0;
                let kept = both.then(|| pod("aaaaaaaaaaaaaa"));
                answer(
                    200,
                    &json!({"pods": kept.into_iter().chain([pod("bbbbbbbbbbbbbb")]).collect::<Vec<_>>()}),
                )
            });
        });
        delete(&server, "bbbbbbbbbbbbbb", 400, "Pod is locked");
        let outcome = handle(&server).deploy(&spec()).await.map(|pod| pod.id.clone());
        let error = outcome.expect_err("two bill, whatever a later list lacks");
        assert_eq!(error.pod_ids(), ["aaaaaaaaaaaaaa", "bbbbbbbbbbbbbb"], "{error}");
    })
    .expect("a runtime");
}
