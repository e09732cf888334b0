//! Small words that people type: a name for an id, several ports at once, a wait within a macro.

use std::time::{Duration, UNIX_EPOCH};

use httpmock::MockServer;
use runpod_lifecycle::{ErrorKind, PodSpec, Running};
use serde_json::json;

use crate::mock::{fresh_pod, handle, problem};

const POD: &str = "k3x9q2m7v1b8z5";

/// An account with one pod, whose name no verb takes for an id.
async fn one_pod() -> MockServer {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.status(200).json_body(json!({"pods": [fresh_pod()]}));
    });
    server.mock(|when, then| {
        when.method("GET").path(format!("/v2/pods/{POD}"));
        then.status(200).json_body(fresh_pod());
    });
    for name in ["trainer", "nobody"] {
        server.mock(|when, then| {
            when.method("POST").path(format!("/v2/pods/{name}/action"));
            problem(then, 404, "Not Found", "pod not found");
        });
        server.mock(|when, then| {
            when.method("DELETE").path(format!("/v2/pods/{name}"));
            problem(then, 404, "Not Found", "pod not found");
        });
    }
    server
}

#[tokio::test]
async fn a_verb_that_takes_an_id_says_so_if_it_is_given_a_name() {
    let server = one_pod().await;
    let runpod = handle(&server);
    let errors = [
        runpod.stop("trainer").await.expect_err("it is a name"),
        runpod.start("trainer").await.expect_err("it is a name"),
        runpod.restart("trainer").await.expect_err("it is a name"),
        runpod.terminate("trainer").await.expect_err("the pod of this name bills on"),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let words = "it is no id but the name of pod k3x9q2m7v1b8z5, which pod(\"trainer\") finds";
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = runpod.stop("nobody").await.expect_err("there is none");
    assert!(!error.to_string().contains("the name of"), "{error}");
}

#[tokio::test]
async fn a_wait_is_awaited_within_a_macro_as_it_is() {
    let server = one_pod().await;
    let pod = handle(&server).get(POD).await.expect("it is there");
    let longest = Duration::from_secs(5);
    tokio::select! {
        pod = pod.wait_until(Running, longest) => assert_eq!(pod.expect("it runs").id, POD),
        () = std::future::pending() => unreachable!("it never is"),
    }
    let (one, other) = tokio::join!(pod.wait_until(Running, longest), pod.wait_until(Running, longest));
    assert_eq!(one.expect("it runs").id, other.expect("it runs").id);
    let created = pod.creation_time().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).expect("a time");
    assert_eq!((created.as_millis(), pod.start_time()), (1_787_206_579_430, None));
}

#[test]
fn ports_and_variables_come_several_at_once() {
    let spec = PodSpec::any_gpu("trainer", "image")
        .port("22/tcp")
        .ports(["8888/http", "9000/tcp"])
        .env("A", "1")
        .envs([("B", "2"), ("A", "3")]);
    assert_eq!(spec.get_ports(), ["22/tcp", "8888/http", "9000/tcp"]);
    let variables: Vec<(&str, &str)> = spec.get_env().map(|(name, value)| (name, value.expose())).collect();
    assert_eq!(variables, [("A", "3"), ("B", "2")]);
}
