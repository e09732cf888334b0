//! Status by RunPod's answers.

use futures_util::future::join_all;
use httpmock::MockServer;
use runpod_sindri::{AddressType, DeploymentState, Outcome, Provider, ProviderError};
use serde_json::{Value, json};

use crate::mock::{GPU, POD, config, list, pod, problem, provider};

#[tokio::test]
async fn the_state_table() {
    use DeploymentState::*;
    for (word, expected) in [
        (json!("CREATED"), Creating),
        (json!("PROVISIONING"), Creating),
        (json!("STARTING"), Creating),
        (json!("RUNNING"), Running),
        (json!("EXITED"), Stopped),
        (json!("STOPPED"), Stopped),
        (json!("TERMINATED"), NotDeployed),
        (json!("ERROR"), Error),
        (json!("HIBERNATING"), Unknown),
        (Value::Null, Unknown),
    ] {
        let server = MockServer::start_async().await;
        let mut pod = pod();
        pod["status"] = word.clone();
        list(&server, &[pod]);
        let status = provider(server.base_url()).status(&config("name: my-env")).await.unwrap();
        assert_eq!(status.state, expected, "{word}");
    }
    let server = MockServer::start_async().await;
    list(&server, &[]);
    let status = provider(server.base_url()).status(&config("name: my-env")).await.unwrap();
    assert_eq!((status.state, status.instance_id, status.resources), (NotDeployed, None, None));
}

#[tokio::test]
async fn everything_a_running_pod_tells() {
    let server = MockServer::start_async().await;
    let mut busy = pod();
    busy["runtime"]["gpus"] = json!([{"util": 97, "memoryUtil": 80}, {"util": 3, "memoryUtil": 0}]);
    list(&server, &[busy]);
    let status = provider(server.base_url()).status(&config("name: my-env")).await.unwrap();
    let addresses: Vec<_> = status
        .addresses
        .iter()
        .map(|address| (address.r#type, address.value.as_str(), address.port))
        .collect();
    assert_eq!(
        addresses,
        [
            (AddressType::Ssh, "203.0.113.7", Some(10022)),
            (AddressType::Ssh, "k3x9q2m7v1b8z5-64411a2b@ssh.runpod.io", Some(22)),
            (AddressType::External, "203.0.113.7", Some(10543)),
            (AddressType::Https, "https://k3x9q2m7v1b8z5-8888.proxy.runpod.net", None),
        ]
    );
    assert_eq!(json!(status.timestamps)["created_at"], "2026-08-20T06:16:19.43Z");
    assert_eq!(json!(status.timestamps)["started_at"], "2026-08-20T06:17:02Z");
    assert_eq!(
        json!(status.details),
        json!({
            "gpu_type": GPU, "gpu_count": "1", "cost_per_hr": "$0.450", "storage_cost_per_hr": "$0.010",
            "gpu_percent": "97, 3", "gpu_memory_percent": "80, 0",
            "runpod_status": "RUNNING", "data_center": "US-CA-2", "cloud_type": "SECURE", "container_disk_gb": "50", "volume_gb": "20",
        })
    );
}

#[tokio::test]
async fn resources_are_told_of_a_running_pod_as_far_as_runpod_tells_them() {
    const GB: u64 = 1024 * 1024 * 1024;
    let with = |change: fn(&mut Value)| {
        let mut pod = pod();
        pod["gpu"]["memory"] = json!(32);
        change(&mut pod);
        pod
    };
    for (pod, expected) in [
        (with(|_| ()), Some((Some(1.0), Some(32 * GB * 2 / 100), Some(32 * GB)))),
        (with(|pod| pod["gpu"]["memory"] = Value::Null), Some((Some(1.0), None, None))),
        (
            with(|pod| {
                pod["gpu"] = Value::Null;
                pod["cpu"] = json!({"id": "cpu3c", "vcpuCount": 2, "memory": 4});
                pod["runtime"]["cpu"] = Value::Null;
                pod["runtime"]["memory"]["util"] = json!(50);
            }),
            Some((None, Some(2 * GB), Some(4 * GB))),
        ),
        (
            with(|pod| pod["runtime"]["cpu"]["util"] = json!(400)),
            Some((None, Some(32 * GB * 2 / 100), Some(32 * GB))),
        ),
        (with(|pod| pod["runtime"] = json!({"uptime": 90, "memory": {"util": -1}})), None),
        (with(|pod| pod["runtime"] = Value::Null), None),
        (with(|pod| pod["status"] = json!("EXITED")), None),
    ] {
        let server = MockServer::start_async().await;
        list(&server, std::slice::from_ref(&pod));
        let status = provider(server.base_url()).status(&config("name: my-env")).await.unwrap();
        let told = status.resources.map(|told| (told.cpu_percent, told.memory_bytes, told.memory_limit));
        assert_eq!(told, expected, "{pod}");
    }
}

#[tokio::test]
async fn a_pod_without_a_public_address_is_reached_by_proxy() {
    let server = MockServer::start_async().await;
    let mut pod = pod();
    pod["ssh"]["direct"] = Value::Null;
    pod["runtime"]["ports"] = json!([{"private": 22, "public": 60022, "type": "tcp", "ip": "100.65.1.2"}]);
    list(&server, &[pod]);
    let provider = provider(server.base_url());
    let connection = provider.connection(&config("name: my-env"), std::time::Duration::ZERO).await.unwrap();
    assert!(connection.ssh_command.unwrap().ends_with("-p 22 k3x9q2m7v1b8z5-64411a2b@ssh.runpod.io"));
    assert!(connection.instructions.unwrap().contains("scp, sftp and forwarding do not"));
    let status = provider.status(&config("name: my-env")).await.unwrap();
    assert!(status.addresses.iter().all(|address| !address.value.contains("100.65")));
}

#[tokio::test]
async fn a_failed_lookup_is_never_not_deployed() {
    let cases = [
        (401, json!({"title": "no", "status": 401, "detail": "who are you"}).to_string()),
        (404, "<html>not the API</html>".to_owned()),
        (200, "<html>a login page</html>".to_owned()),
        (200, r#"{"pods": [{"name": "my-env"}]}"#.to_owned()),
        (200, r#"{"error": "nothing here"}"#.to_owned()),
    ];
    // What may pass is tried again for a while, so all at once.
    join_all(cases.iter().map(|(status, body)| looks_like_nothing_else(*status, body))).await;
}

async fn looks_like_nothing_else(status: u16, body: &str) {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.status(status).header("content-type", "application/json").body(body);
    });
    let provider = provider(server.base_url());
    let error = provider.status(&config("name: my-env")).await.expect_err("it must fail");
    let error: ProviderError = error.downcast().expect("the provider's own error");
    assert_eq!(error.outcome(), Outcome::Failed, "{status} {body}: {error}");
    assert!(error.to_string().contains("could not look for environment \"my-env\""), "{error}");
    let destroyed = provider.destroy(&config("name: my-env"), true).await;
    assert!(
        destroyed.is_err(),
        "{status} {body}: a lookup that failed must not look like nothing to destroy"
    );
}

#[tokio::test]
async fn two_pods_of_one_name_are_named() {
    let server = MockServer::start_async().await;
    let mut other = pod();
    other["id"] = json!("zzzzzzzzzzzzzz");
    list(&server, &[pod(), other]);
    let deleted = server.mock(|when, then| {
        when.method("DELETE");
        then.status(204);
    });
    let provider = provider(server.base_url());
    let error = provider.status(&config("name: my-env")).await.unwrap_err().to_string();
    assert!(
        error.contains(POD) && error.contains("zzzzzzzzzzzzzz") && error.contains("not unique"),
        "{error}"
    );
    provider.destroy(&config("name: my-env"), false).await.unwrap_err();
    deleted.assert_calls(0);
    let report = provider.destroy_environment(&config("name: my-env"), true, None).await.unwrap();
    assert_eq!(report.messages.len(), 2);
    deleted.assert_calls(2);
}

#[tokio::test]
async fn a_locked_pod_says_where_to_unlock_it() {
    let server = MockServer::start_async().await;
    list(&server, &[pod()]);
    server.mock(|when, then| {
        when.method("DELETE");
        problem(then, 400, "Pod is locked");
    });
    let error = provider(server.base_url()).destroy(&config("name: my-env"), false).await.unwrap_err();
    assert!(error.to_string().contains("unlock it at https://www.runpod.io/console/pods"), "{error}");
}
