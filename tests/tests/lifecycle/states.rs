//! RunPod's words and what they mean.

use httpmock::MockServer;
use runpod_lifecycle::{DeploymentState, PodState};
use serde_json::json;

use crate::mock::{fresh_pod, handle};

async fn state(word: serde_json::Value) -> (Option<PodState>, DeploymentState) {
    let server = MockServer::start_async().await;
    let mut pod = fresh_pod();
    pod["status"] = word;
    server.mock(|when, then| {
        when.path("/v2/pods/k3x9q2m7v1b8z5");
        then.status(200).json_body(pod);
    });
    let pod = handle(&server).get("k3x9q2m7v1b8z5").await.expect("every state can be read");
    (pod.state.clone(), pod.deployment_state())
}

#[tokio::test]
async fn every_word_has_its_state_and_unknown_ones_stay_visible() {
    use DeploymentState::{Creating, Error, NotDeployed, Running, Stopped, Unknown};
    for (word, expected) in [
        ("CREATED", Creating),
        ("PROVISIONING", Creating),
        ("STARTING", Creating),
        ("RUNNING", Running),
        ("EXITED", Stopped),
        ("STOPPED", Stopped),
        ("TERMINATED", NotDeployed),
        ("ERROR", Error),
        ("HIBERNATING", Unknown),
        ("", Unknown),
    ] {
        let (state, deployment) = state(json!(word)).await;
        assert_eq!(deployment, expected, "{word}");
        assert_eq!(state.unwrap().as_str(), word, "byte for byte");
    }
    assert_eq!(state(json!(null)).await, (None, Unknown));
    assert_eq!(DeploymentState::of(None), NotDeployed);
}
