//! Bodies sent to REST v2 for GPU, CPU and network volume, and the defaults in them.

use std::sync::{Arc, Mutex};

use httpmock::{HttpMockResponse, MockServer};
use runpod_sindri::{DeployOptions, DeployResult, Provider, RunpodProvider};
use serde_json::{Value, json};

use crate::mock::{GPU, account, config, on_v1, pod, provider};

/// Deploys a config on REST v2 and returns what it came to and the create's body, without the deployment's own marker.
async fn sent(yaml: &str) -> (DeployResult, Value) {
    let server = MockServer::start_async().await;
    account(&server, &[]);
    sent_to(&server, &provider(server.base_url()), "/v2/pods", yaml).await
}

/// The same on REST v1.
async fn sent_on_v1(yaml: &str) -> (DeployResult, Value) {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("GET").path("/pods");
        then.status(200).json_body(json!([]));
    });
    server.mock(|when, then| {
        when.method("GET").path("/networkvolumes/vol1");
        then.status(200)
            .json_body(json!({"id": "vol1", "name": "data", "size": 100, "dataCenterId": "US-KS-2"}));
    });
    sent_to(&server, &on_v1(server.base_url()), "/pods", yaml).await
}

async fn sent_to(
    server: &MockServer,
    provider: &RunpodProvider,
    path: &str,
    yaml: &str,
) -> (DeployResult, Value) {
    let config = config(yaml);
    let mut pod = pod();
    pod["name"] = json!(config.name);
    let body = Arc::new(Mutex::new(Value::Null));
    let seen = Arc::clone(&body);
    let create = server.mock(move |when, then| {
        when.method("POST").path(path);
        then.respond_with(move |request| {
            let sent: Value = serde_json::from_slice(request.body_ref()).expect("a create has JSON");
            let mut pod = pod.clone();
            pod["env"] = sent["env"].clone();
            *seen.lock().expect("nobody panicked while holding it") = sent;
            HttpMockResponse::builder().status(201).body(pod.to_string()).build()
        });
    });
    let result = provider.deploy(&config, DeployOptions::default()).await.expect("it deploys");
    create.assert_calls(1);
    let mut body = body.lock().expect("nobody panicked while holding it").take();
    let env = body["env"].as_object_mut().expect("an object");
    env.retain(|name, _| !name.starts_with("RUNPOD_LIFECYCLE_"));
    if env.is_empty() {
        body.as_object_mut().expect("an object").remove("env");
    }
    (result, body)
}

fn runpod(settings: &str) -> String {
    format!("{{name: my-env, deployment: {{image: img}}, providers: {{runpod: {{{settings}}}}}}}")
}

#[tokio::test]
async fn a_gpu_pod_of_nothing_but_defaults() {
    let (result, body) = sent("name: my-env").await;
    assert_eq!(
        body,
        json!({
            "name": "my-env", "image": "runpod/pytorch:latest", "gpu": {"id": GPU, "count": 1}, "disk": 50,
            "mounts": {"persistent": {"size": 20, "path": "/workspace"}}, "cloud": "SECURE",
            "ports": ["8888/http", "22/tcp"], "startSsh": true,
        })
    );
    assert_eq!(result.warnings[0], "deployment.image is not set: runpod/pytorch:latest is used");
    assert_eq!(result.messages[0], "pod k3x9q2m7v1b8z5 was created");
    assert_eq!(result.messages[1], format!("1x {GPU}"));
    assert_eq!(result.messages[2], "$0.450 per hour, $0.010 of it storage, until it is stopped or destroyed");
}

#[tokio::test]
async fn a_gpu_pod_of_everything() {
    let (_, body) = sent(&runpod(
        "gpuType: NVIDIA A40, gpuCount: 2, containerDiskGb: 7, volumeSizeGb: 10, volumeMountPath: /data, \
         cloudType: COMMUNITY, region: US-CA-2, ports: [80/http]",
    ))
    .await;
    assert_eq!(
        body,
        json!({
            "name": "my-env", "image": "img", "gpu": {"id": "NVIDIA A40", "count": 2}, "disk": 7,
            "mounts": {"persistent": {"size": 10, "path": "/data"}}, "cloud": "COMMUNITY",
            "dataCenterIds": ["US-CA-2"], "ports": ["80/http"], "startSsh": false,
        })
    );
}

#[tokio::test]
async fn a_cpu_pod() {
    let (result, body) = sent(&runpod("cpuOnly: true, gpuType: ADA_24, cloudType: COMMUNITY")).await;
    assert_eq!(
        body,
        json!({
            "name": "my-env", "image": "img", "cpu": {"id": "cpu3c", "vcpuCount": 4}, "disk": 40,
            "ports": ["8888/http", "22/tcp"], "startSsh": true,
        })
    );
    assert!(!result.warnings.iter().any(|warning| warning.contains("olume")), "nobody wrote of a volume");
    for dropped in ["gpuType was dropped", "cloudType COMMUNITY was dropped"] {
        assert!(
            result.warnings.iter().any(|warning| warning.starts_with(dropped)),
            "{dropped}: {:?}",
            result.warnings
        );
    }
    let (_, body) = sent("{name: a, deployment: {image: b, resources: {gpu: {enabled: false}}}}").await;
    assert_eq!(body["cpu"], json!({"id": "cpu3c", "vcpuCount": 4}));
    let (_, body) = sent(&runpod("cpuOnly: true, cpuInstanceId: cpu3c-8-16")).await;
    assert_eq!(body["cpu"], json!({"id": "cpu3c", "vcpuCount": 8}));
}

#[tokio::test]
async fn a_network_volume() {
    let (result, body) = sent(&runpod("networkVolumeId: vol1, volumeSizeGb: 30, publicIp: true")).await;
    assert_eq!(
        body,
        json!({
            "name": "my-env", "image": "img", "gpu": {"id": GPU, "count": 1}, "disk": 50,
            "mounts": {"network": [{"volumeId": "vol1", "path": "/workspace"}]}, "cloud": "SECURE",
            "dataCenterIds": ["US-KS-2"], "ports": ["8888/http", "22/tcp"], "startSsh": true,
        })
    );
    assert!(result.warnings.iter().any(|warning| warning.starts_with("volumeSizeGb (30) was dropped")));
    let (result, body) = sent(&runpod("networkVolumeId: vol1, cpuOnly: true")).await;
    assert_eq!(body["mounts"], json!({"network": [{"volumeId": "vol1", "path": "/workspace"}]}));
    assert!(!result.warnings.iter().any(|warning| warning.contains("volumeSizeGb")), "{:?}", result.warnings);
}

#[tokio::test]
async fn a_network_volume_elsewhere_is_refused() {
    let server = MockServer::start_async().await;
    account(&server, &[]);
    let config = config(&runpod("networkVolumeId: vol1, region: EU-RO-1"));
    let error = provider(server.base_url()).plan(&config).await.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("network volume vol1 is in US-KS-2"), "{text}");
}

#[tokio::test]
async fn the_gpu_comes_from_key_tier_or_default() {
    let gpu = |yaml: String| async move { sent(&yaml).await.1["gpu"].clone() };
    let tier = |tier: &str, more: &str| {
        format!(
            "{{name: a, deployment: {{image: b, resources: {{gpu: {{tier: {tier}, count: 3}}}}}}, providers: {{runpod: {{{more}}}}}}}"
        )
    };
    assert_eq!(gpu(tier("gpu-small", "")).await, json!({"id": GPU, "count": 3}));
    assert_eq!(gpu(tier("gpu-medium", "")).await, json!({"id": "NVIDIA A40", "count": 3}));
    assert_eq!(gpu(tier("gpu-medium", "gpuType: ADA_24, gpuCount: 1")).await, json!({"id": GPU, "count": 1}));
    assert_eq!(gpu(runpod("gpuType: [AMPERE_48, ADA_24]")).await, json!({"id": "NVIDIA A40", "count": 1}));
}

#[tokio::test]
async fn no_volume_a_template_and_no_ssh() {
    let (result, body) =
        sent(&runpod("volumeSizeGb: 0, templateId: tpl, startSsh: false, vcpuCount: 8")).await;
    assert!(body.get("mounts").is_none() && body.get("image").is_none());
    assert_eq!((&body["templateId"], &body["startSsh"]), (&json!("tpl"), &json!(false)));
    assert!(result.warnings.iter().any(|warning| warning.contains("templateId names the image")));
    assert!(result.warnings.iter().any(|warning| warning.starts_with("vcpuCount was dropped")));
    let (result, _) = sent("{name: a, deployment: {image: b, resources: {memory: 8GB, cpus: 4}}}").await;
    assert_eq!(result.warnings.iter().filter(|warning| warning.contains("has no effect")).count(), 2);
}

#[tokio::test]
async fn a_template_keeps_its_disk_volume_and_ports_unless_the_config_has_its_own() {
    let (result, body) = sent("{name: a, providers: {runpod: {templateId: tpl}}}").await;
    assert_eq!(
        body,
        json!({"name": "a", "templateId": "tpl", "gpu": {"id": GPU, "count": 1}, "cloud": "SECURE"})
    );
    assert_eq!(result.warnings, Vec::<String>::new());
    let own =
        "templateId: tpl, containerDiskGb: 7, volumeSizeGb: 10, volumeMountPath: /data, ports: [22/tcp]";
    let (_, body) = sent(&runpod(own)).await;
    assert_eq!(
        (&body["disk"], &body["ports"], &body["startSsh"]),
        (&json!(7), &json!(["22/tcp"]), &json!(true))
    );
    assert_eq!(body["mounts"], json!({"persistent": {"size": 10, "path": "/data"}}));
    let (_, body) = sent_on_v1("{name: a, providers: {runpod: {templateId: tpl}}}").await;
    for key in ["containerDiskInGb", "ports", "volumeInGb", "volumeMountPath"] {
        assert!(body.get(key).is_none(), "{key}: {body}");
    }
}

#[tokio::test]
async fn a_mount_path_that_mounts_nothing_is_refused_or_said() {
    for settings in ["volumeSizeGb: 0, volumeMountPath: /data", "templateId: tpl, volumeMountPath: /data"] {
        let error = provider("http://127.0.0.1:9").plan(&config(&runpod(settings))).await.unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("volumeMountPath \"/data\"") && text.contains("set volumeSizeGb"), "{text}");
    }
    let (result, _) = sent(&runpod("cpuOnly: true, volumeMountPath: /data")).await;
    assert!(result.warnings.iter().any(|warning| warning.starts_with("volumeMountPath (/data) was dropped")));
    let error = provider("http://127.0.0.1:9")
        .plan(&config(&runpod("networkVolumeId: vol1, cloudType: COMMUNITY")))
        .await
        .unwrap_err();
    assert!(format!("{error:#}").contains("secure cloud only"), "{error:#}");
}

#[tokio::test]
async fn a_gpu_pod_on_v1() {
    let (_, body) =
        sent_on_v1(&runpod("gpuType: [AMPERE_48, ADA_24], gpuCount: 2, spot: true, region: US-CA-2")).await;
    assert_eq!(
        body,
        json!({
            "name": "my-env", "imageName": "img", "computeType": "GPU", "gpuCount": 2, "gpuTypePriority": "custom",
            "gpuTypeIds": ["NVIDIA RTX A6000", "NVIDIA A40", GPU], "cloudType": "SECURE", "containerDiskInGb": 50,
            "dataCenterIds": ["US-CA-2"], "interruptible": true, "ports": ["8888/http", "22/tcp"], "volumeInGb": 20,
            "volumeMountPath": "/workspace",
        })
    );
}

#[tokio::test]
async fn a_cpu_pod_on_v1() {
    let (result, body) = sent_on_v1(&runpod("cpuOnly: true, vcpuCount: 8, containerDiskGb: 7")).await;
    assert_eq!(
        body,
        json!({
            "name": "my-env", "imageName": "img", "computeType": "CPU", "cpuFlavorIds": ["cpu3c"], "vcpuCount": 8,
            "cloudType": "SECURE", "containerDiskInGb": 7, "ports": ["8888/http", "22/tcp"], "volumeInGb": 0,
            "volumeMountPath": "/workspace",
        })
    );
    assert!(result.warnings.iter().any(|warning| warning.contains("cpu3c is used")), "{:?}", result.warnings);
}

#[tokio::test]
async fn a_network_volume_on_v1() {
    let (_, body) = sent_on_v1(&runpod("networkVolumeId: vol1, publicIp: true")).await;
    assert_eq!(
        body,
        json!({
            "name": "my-env", "imageName": "img", "computeType": "GPU", "gpuCount": 1, "gpuTypePriority": "custom",
            "gpuTypeIds": [GPU], "cloudType": "SECURE", "containerDiskInGb": 50, "dataCenterIds": ["US-KS-2"],
            "networkVolumeId": "vol1", "ports": ["8888/http", "22/tcp"], "supportPublicIp": true, "volumeInGb": 0,
            "volumeMountPath": "/workspace",
        })
    );
}
