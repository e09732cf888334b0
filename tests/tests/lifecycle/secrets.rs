//! The key and env values are in requests and nowhere else.

use httpmock::MockServer;
use runpod_lifecycle::{PodSpec, RunPod};
use serde_json::json;

use crate::mock::{GPU, KEY, answer_create, empty_account, fresh_pod, handle, problem};

const VALUE: &str = "env_sentinel_value";

fn spec() -> PodSpec {
    PodSpec::gpu("trainer", "runpod/pytorch:latest", [GPU]).port("22/tcp").env("HF_TOKEN", VALUE)
}

fn assert_clean(text: &str) {
    assert!(!text.contains(KEY), "the key is in {text}");
    assert!(!text.contains(VALUE), "an env value is in {text}");
}

#[tokio::test]
async fn no_public_type_prints_the_key_or_an_env_value() {
    let server = MockServer::start_async().await;
    empty_account(&server);
    let mut pod = fresh_pod();
    pod["env"] = json!({"HF_TOKEN": VALUE, "JUPYTER_PASSWORD": VALUE});
    let create = server.mock(|when, then| {
        when.method("POST")
            .path("/v2/pods")
            .header("authorization", format!("Bearer {KEY}"))
            .body_includes(VALUE)
            .body_includes("\"startSsh\":true")
            .body_includes("\"disk\":50");
        then.status(201).json_body(pod);
    });
    let heard = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let sink = std::sync::Arc::clone(&heard);
    let runpod = handle(&server).on_event(move |event| {
        *sink.lock().unwrap() += &format!("{event} {event:?}");
    });
    let pod = runpod.deploy(&spec()).await.expect("the server accepts it");
    assert_eq!(create.calls(), 1, "the request carries the key, the value, disk and startSsh");
    assert_eq!(pod.env["HF_TOKEN"].expose(), VALUE);

    let builder = RunPod::builder(KEY);
    let wait = pod.wait_until(runpod_lifecycle::Running, std::time::Duration::ZERO);
    assert_clean(&format!("{runpod:?} {:?} {builder:?} {wait:?}", runpod.api()));
    assert_clean(&format!("{pod:?} {:?} {:?} {:#?}", *pod, pod.connection(), spec()));
    assert_clean(&heard.lock().unwrap());
}

#[tokio::test]
async fn no_error_prints_the_key_or_an_env_value() {
    for (status, body) in [
        (422, format!(r#"{{"title":"x","status":422,"detail":"bad value {VALUE} sent with {KEY}"}}"#)),
        (400, format!("plain text that echoes {VALUE} and {KEY}")),
        (201, format!(r#"{{"id":{{}},"env":{{"HF_TOKEN":"{VALUE}"}}}}"#)),
    ] {
        let server = MockServer::start_async().await;
        empty_account(&server);
        if status == 201 {
            server.mock(|when, then| {
                when.method("GET").path("/v2/pods/abc");
                then.status(200).body(&body);
            });
            let error = handle(&server).get("abc").await.expect_err("unreadable");
            assert_clean(&chain(&error));
            continue;
        }
        answer_create(&server, |then| then.status(status).body(&body));
        let error = handle(&server).deploy(&spec()).await.expect_err("refused");
        assert_clean(&chain(&error));
    }
    let server = MockServer::start_async().await;
    empty_account(&server);
    answer_create(&server, |then| problem(then, 402, "x", VALUE));
    assert_clean(&chain(&handle(&server).deploy(&spec()).await.expect_err("refused")));
}

/// An error as people print it, with everything below it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(below) = source {
        text += &format!(" {below} {below:?}");
        source = below.source();
    }
    text
}
