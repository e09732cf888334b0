//! RunPod knows a new pod late: what it does not show yet is not gone.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::StreamExt;
use httpmock::{HttpMockResponse, MockServer};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{
    DeployError, Event, Gone, IfExists, PodHandle, PodSpec, Progress, Running, WaitError,
};
use serde_json::{Value, json};

use crate::mock::{GPU, empty_account, fresh_pod, handle};

const SPEED: u32 = 40;
const LONG: Duration = Duration::from_secs(60);
/// A little less than how late a new pod may show up, since the waits begin after the creates.
const LAG: Duration = Duration::from_secs(13);

fn answer(status: u16, body: &Value) -> HttpMockResponse {
    HttpMockResponse::builder().status(status).body(body.to_string()).build()
}

fn not_found() -> HttpMockResponse {
    answer(404, &json!({"title": "Not Found", "status": 404, "detail": "pod not found"}))
}

/// An account that lists no pod, and answers to the first `unknown` looks at each by id that there is none.
async fn slow_account(unknown: usize) -> MockServer {
    let server = MockServer::start_async().await;
    empty_account(&server);
    server.mock(|when, then| {
        when.method("POST").path("/v2/pods");
        then.respond_with(|request| {
            let sent: Value = serde_json::from_slice(request.body_ref()).expect("it is JSON");
            let mut pod = fresh_pod();
            (pod["id"], pod["name"]) = (sent["name"].clone(), sent["name"].clone());
            answer(201, &pod)
        });
    });
    for id in ["one", "two"] {
        let looks = AtomicUsize::new(0);
        server.mock(|when, then| {
            when.method("GET").path(format!("/v2/pods/{id}"));
            then.respond_with(move |_| {
                let mut pod = fresh_pod();
                (pod["id"], pod["name"]) = (json!(id), json!(id));
                if looks.fetch_add(1, Ordering::Relaxed) < unknown { not_found() } else { answer(200, &pod) }
            });
        });
    }
    server
}

async fn deployed(server: &MockServer) -> (PodHandle, PodHandle) {
    let runpod = handle(server);
    let (one, two) = (PodSpec::gpu("one", "image", [GPU]), PodSpec::gpu("two", "image", [GPU]));
    let (one, two) = tokio::join!(runpod.deploy(&one), runpod.deploy(&two));
    (one.expect("it is accepted"), two.expect("it is accepted"))
}

#[test]
fn a_new_pod_that_is_not_known_yet_is_waited_for() {
    run_fast(SPEED, async {
        let server = slow_account(1).await;
        let (one, two) = deployed(&server).await;
        let waits = tokio::join!(
            one.wait_until(Running, LONG).into_future(),
            two.wait_until(Running, LONG).into_future()
        );
        waits.0.expect("it is there, only late");
        waits.1.expect("it is there, only late");
    })
    .expect("a runtime");
}

#[test]
fn a_new_pod_that_stays_unknown_is_gone_in_the_end_and_not_before() {
    run_fast(SPEED, async {
        let server = slow_account(usize::MAX).await;
        let (one, two) = deployed(&server).await;
        let (gone, failed) = tokio::join!(
            one.wait_until(Gone, LONG).stream().collect::<Vec<_>>(),
            two.wait_until(Running, LONG).into_future()
        );
        let decided = gone.iter().find_map(|progress| match progress {
            Progress::Event(Event::Polled { pending: None, elapsed, .. }) => Some(*elapsed),
            _ => None,
        });
        assert!(decided.is_some_and(|elapsed| elapsed > LAG), "gone after {decided:?}");
        let error = failed.expect_err("nobody knows it");
        assert!(matches!(&error, WaitError::Failed { report, .. } if report.elapsed > LAG), "{error}");
        assert!(!error.may_bill() && !error.to_string().contains("may bill"), "it is gone: {error}");
    })
    .expect("a runtime");
}

#[test]
fn a_new_pod_that_is_not_known_yet_is_terminated_once_it_is() {
    run_fast(SPEED, async {
        let server = slow_account(0).await;
        let deletes = AtomicUsize::new(0);
        let delete = server.mock(|when, then| {
            when.method("DELETE").path("/v2/pods/one");
            then.respond_with(move |_| match deletes.fetch_add(1, Ordering::Relaxed) {
                0 | 1 => not_found(),
                _ => HttpMockResponse::builder().status(204).build(),
            });
        });
        let (one, _) = deployed(&server).await;
        one.terminate().await.expect("it is terminated");
        assert_eq!(delete.calls(), 3, "until RunPod knew it");
        one.terminate().await.expect("and again");
        assert_eq!(delete.calls(), 4);
    })
    .expect("a runtime");
}

#[test]
fn a_name_is_taken_by_a_pod_that_lists_do_not_show_yet() {
    run_fast(SPEED, async {
        for unknown in [0, usize::MAX] {
            let server = slow_account(unknown).await;
            let runpod = handle(&server);
            let spec = PodSpec::gpu("one", "image", [GPU]);
            runpod.deploy(&spec).await.expect("it is accepted");
            let error = runpod.deploy(&spec).await.expect_err("a second pod of this name");
            assert!(matches!(&error, DeployError::NameTaken { pods, .. } if pods[0].id == "one"), "{error}");
            let adopted = runpod.deploy(&spec.clone().if_exists(IfExists::Adopt)).await;
            assert_eq!(adopted.expect("it is there").id, "one");
        }
    })
    .expect("a runtime");
}

#[test]
fn a_pod_that_was_terminated_leaves_its_name_free_at_once() {
    run_fast(SPEED, async {
        let server = slow_account(usize::MAX).await;
        server.mock(|when, then| {
            when.method("DELETE").path("/v2/pods/one");
            then.status(204);
        });
        let runpod = handle(&server);
        let spec = PodSpec::gpu("one", "image", [GPU]);
        runpod.deploy(&spec).await.expect("it is accepted").terminate().await.expect("it is terminated");
        runpod.deploy(&spec).await.expect("the name is free");
    })
    .expect("a runtime");
}

#[test]
fn a_404_about_a_pod_that_is_not_known_yet_does_not_prove_an_odd_terminate() {
    run_fast(SPEED, async {
        let server = slow_account(1).await;
        server.mock(|when, then| {
            when.method("DELETE").path("/v2/pods/one");
            then.status(202);
        });
        let (one, _) = deployed(&server).await;
        let error = one.terminate().await.expect_err("it is still there, as later looks show");
        assert!(error.to_string().contains("still there"), "{error}");
    })
    .expect("a runtime");
}
