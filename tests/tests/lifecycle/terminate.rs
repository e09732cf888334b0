//! Proofs that a pod is gone.

use httpmock::{MockServer, Then};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{Accepted, ApiVersion, Error, ErrorKind, RunPod};
use serde_json::json;

use crate::mock::{KEY, fresh_pod, handle, problem};

const SPEED: u32 = 40;
const ID: &str = "k3x9q2m7v1b8z5";

/// A terminate whose DELETE and looks are answered so, and how many looks there were.
fn terminate(
    delete: impl FnOnce(Then) -> Then,
    look: impl FnOnce(Then) -> Then,
) -> (Result<Accepted, Error>, usize) {
    run_fast(SPEED, async {
        let server = MockServer::start_async().await;
        server.mock(|when, then| {
            when.method("DELETE").path(format!("/v2/pods/{ID}"));
            delete(then);
        });
        let looks = server.mock(|when, then| {
            when.method("GET").path(format!("/v2/pods/{ID}"));
            look(then);
        });
        let outcome = handle(&server).terminate(ID).await;
        (outcome, looks.calls())
    })
    .expect("a runtime")
}

fn pod(then: Then, status: &str) -> Then {
    let mut pod = fresh_pod();
    pod["status"] = json!(status);
    then.status(200).json_body(pod)
}

#[test]
fn a_204_is_proof_enough() {
    let (outcome, looks) = terminate(|then| then.status(204), |then| pod(then, "RUNNING"));
    outcome.expect("RunPod says so");
    assert_eq!(looks, 0);
}

#[test]
fn any_other_success_is_believed_only_if_the_pod_is_gone() {
    let odd = |then: Then| then.status(200).json_body(json!({"ok": true}));
    let missing = |then| problem(then, 404, "Not Found", "pod not found");
    for (status, body) in [(200, ""), (200, "{}"), (202, "")] {
        let (outcome, looks) = terminate(|then| then.status(status).body(body), missing);
        outcome.unwrap_or_else(|error| panic!("{status} {body:?}: {error}"));
        assert_eq!(looks, 1);
    }
    let (outcome, looks) = terminate(odd, |then| pod(then, "TERMINATED"));
    outcome.expect("it is terminated");
    assert_eq!(looks, 1);
}

#[test]
fn a_success_that_leaves_the_pod_there_is_an_error() {
    let odd = |then: Then| then.status(200).json_body(json!({"ok": true}));
    let (outcome, looks) = terminate(odd, |then| pod(then, "RUNNING"));
    let error = outcome.expect_err("it is still there");
    assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::Unreadable, true));
    let text = error.to_string();
    assert!(text.contains("could not terminate pod k3x9q2m7v1b8z5") && text.contains("RUNNING"), "{text}");
    assert!(looks > 1, "it may take a moment");
}

#[test]
fn a_success_after_which_nobody_can_look_is_an_error() {
    let (outcome, _) = terminate(|then| then.status(202), |then| problem(then, 403, "Forbidden", "not you"));
    let text = outcome.expect_err("nobody knows").to_string();
    assert!(text.contains("could not terminate pod") && text.contains("not you"), "{text}");
}

#[test]
fn a_404_in_another_shape_than_this_versions_does_not_make_a_pod_gone() {
    run_fast(SPEED, async {
        let server = MockServer::start_async().await;
        for path in [format!("/v2/pods/{ID}"), format!("/pods/{ID}")] {
            server.mock(|when, then| {
                when.path(path);
                then.status(404).json_body(json!({"error": "not found"}));
            });
        }
        let v2 = handle(&server);
        let errors = tokio::join!(v2.get(ID), v2.terminate(ID));
        assert_eq!(errors.0.map(drop).expect_err("nobody knows").kind(), ErrorKind::Unreadable);
        assert_eq!(errors.1.expect_err("nobody knows").kind(), ErrorKind::Unreadable);
        let v1 =
            RunPod::builder(KEY).api_version(ApiVersion::V1).base_url(server.base_url()).build().unwrap();
        assert_eq!(v1.get(ID).await.expect_err("v1 says it so").kind(), ErrorKind::NotFound);
        v1.terminate(ID).await.expect("there is none");
    })
    .expect("a runtime");
}
