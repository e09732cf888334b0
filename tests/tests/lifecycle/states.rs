//! RunPod's words and what they mean.

use httpmock::MockServer;
use runpod_lifecycle::PodState;
use serde_json::json;

use crate::mock::{fresh_pod, handle};

async fn state(word: serde_json::Value) -> Option<PodState> {
    let server = MockServer::start_async().await;
    let mut pod = fresh_pod();
    pod["status"] = word;
    server.mock(|when, then| {
        when.path("/v2/pods/k3x9q2m7v1b8z5");
        then.status(200).json_body(pod);
    });
    handle(&server).get("k3x9q2m7v1b8z5").await.expect("every state can be read").state.clone()
}

#[tokio::test]
async fn every_word_has_its_state_and_unknown_ones_stay_visible() {
    for (word, expected, is_stopped, is_gone) in [
        ("CREATED", PodState::Created, false, false),
        ("PROVISIONING", PodState::Provisioning, false, false),
        ("STARTING", PodState::Starting, false, false),
        ("RUNNING", PodState::Running, false, false),
        ("EXITED", PodState::Exited, true, false),
        ("STOPPED", PodState::Stopped, true, false),
        ("TERMINATED", PodState::Terminated, false, true),
        ("ERROR", PodState::Error, false, false),
        ("HIBERNATING", PodState::Other("HIBERNATING".to_owned()), false, false),
        ("", PodState::Other(String::new()), false, false),
    ] {
        let state = state(json!(word)).await.expect("RunPod says one");
        assert_eq!(state, expected, "{word}");
        assert_eq!((state.is_stopped(), state.is_gone()), (is_stopped, is_gone), "{word}");
        assert_eq!(state.as_str(), word, "byte for byte");
    }
    assert_eq!(state(json!(null)).await, None);
}
