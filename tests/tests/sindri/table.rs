//! The table of keys in the guide, row by row: a file that has the key goes through Sindri's stand-in and the adapter, and
//! what is sent to RunPod is compared.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex},
};

use camino::Utf8PathBuf;
use httpmock::{HttpMockResponse, MockServer};
use serde_json::{Value, json};

use crate::{
    adapter::RunpodProvider,
    mock::{GPU, KEY, NOWHERE, account, pod, provider_with},
    stand_in::cli::{self, DeployArgs},
};

/// A row: the key as the guide has it, the settings under `providers.runpod`, the rest of the file, and where in the create's
/// body which value is.
struct Row(&'static str, &'static str, &'static str, Vec<(&'static str, Value)>);

const IMAGE: &str = "deployment: {provider: runpod, image: img}";

/// Deploys a file through Sindri's stand-in; gives what it prints and the body of the create.
async fn created(runpod: &str, more: &str) -> (Vec<String>, Value) {
    let server = MockServer::start_async().await;
    account(&server, &[]);
    let body = Arc::new(Mutex::new(Value::Null));
    let seen = Arc::clone(&body);
    let mut answer = pod();
    answer["name"] = json!("my-env");
    server.mock(move |when, then| {
        when.method("POST").path("/v2/pods").is_true(move |request| {
            let sent = serde_json::from_slice(request.body_ref()).expect("a create has JSON");
            *seen.lock().expect("nobody panicked while holding it") = sent;
            true
        });
        then.respond_with(move |request| {
            let sent: Value = serde_json::from_slice(request.body_ref()).expect("a create has JSON");
            let mut answer = answer.clone();
            answer["env"] = sent["env"].clone();
            HttpMockResponse::builder().status(201).body(answer.to_string()).build()
        });
    });
    let folder = tempfile::tempdir().expect("a directory of its own");
    let path = Utf8PathBuf::from_path_buf(folder.path().join("sindri.yaml")).expect("a plain path");
    let text = format!(
        "version: '3.0'\nname: my-env\n{more}\nextensions: {{profile: minimal}}\nproviders: {{runpod: {{{runpod}}}}}\n"
    );
    std::fs::write(&path, text).expect("the directory is writable");
    let provider = RunpodProvider::over(provider_with(server.base_url(), KEY, Path::new(NOWHERE), []));
    let shown = cli::deploy(&provider, &path, DeployArgs::default()).await;
    let shown = shown.unwrap_or_else(|error| panic!("{runpod} {more}: {error:#}"));
    let body = body.lock().expect("nobody panicked while holding it").take();
    (shown, body)
}

fn rows() -> Vec<Row> {
    let cpu = json!({"id": "cpu3c", "vcpuCount": 4});
    let volume = |size: u32| json!({"persistent": {"size": size, "path": "/workspace"}});
    vec![
        Row("gpuType", "gpuType: AMPERE_48", IMAGE, vec![("/gpu/id", json!("NVIDIA A40"))]),
        Row("gpuType", "", IMAGE, vec![("/gpu/id", json!(GPU))]),
        Row("gpuType", "gpuType: [NVIDIA A40, ADA_24]", IMAGE, vec![("/gpu/id", json!("NVIDIA A40"))]),
        Row("gpuTypeId", "gpuTypeId: NVIDIA A40", IMAGE, vec![("/gpu/id", json!("NVIDIA A40"))]),
        Row("minVramGb", "minVramGb: 40", IMAGE, vec![("/gpu/id", json!("NVIDIA A40"))]),
        Row(
            "minVramGb",
            "gpuType: ADA_24, minVramGb: 40",
            IMAGE,
            vec![("/gpu/id", json!("NVIDIA GeForce RTX 4090"))],
        ),
        Row(
            "maxUsdPerHour",
            "minVramGb: 16, maxUsdPerHour: 0.75",
            IMAGE,
            vec![("/gpu/id", json!("NVIDIA A40"))],
        ),
        Row("patienceMinutes", "patienceMinutes: 30", IMAGE, vec![("/gpu/id", json!(GPU))]),
        Row(
            "networkVolume",
            "region: US-KS-2, networkVolume: {name: data, sizeGb: 50}, volumeMountPath: /data",
            IMAGE,
            vec![("/mounts", json!({"network": [{"volumeId": "vol1", "path": "/data"}]}))],
        ),
        Row(
            "accountSecrets",
            "accountSecrets: {HF_TOKEN: hf}",
            IMAGE,
            vec![("/env/HF_TOKEN", json!("{{ RUNPOD_SECRET_hf }}"))],
        ),
        Row("anyCloud", "anyCloud: true", IMAGE, vec![("/cloud", json!("SECURE"))]),
        Row("idleMinutes", "idleMinutes: 30", IMAGE, vec![("/gpu/id", json!(GPU))]),
        Row("job", "job: {command: [train]}", IMAGE, vec![("/gpu/id", json!(GPU)), ("/job", Value::Null)]),
        Row("gpuCount", "gpuCount: 2", IMAGE, vec![("/gpu/count", json!(2))]),
        Row(
            "gpuCount",
            "",
            "deployment: {provider: runpod, image: img, resources: {gpu: {enabled: true, count: 3}}}",
            vec![("/gpu/count", json!(3))],
        ),
        Row("cpuOnly", "cpuOnly: true", IMAGE, vec![("/cpu", cpu.clone()), ("/gpu", Value::Null)]),
        Row("vcpuCount", "cpuOnly: true, vcpuCount: 8", IMAGE, vec![("/cpu/vcpuCount", json!(8))]),
        Row(
            "cpuInstanceId",
            "cpuOnly: true, cpuInstanceId: cpu3c-2-4",
            IMAGE,
            vec![("/cpu", json!({"id": "cpu3c", "vcpuCount": 2}))],
        ),
        Row("containerDiskGb", "containerDiskGb: 20", IMAGE, vec![("/disk", json!(20))]),
        Row("containerDiskGb", "", IMAGE, vec![("/disk", json!(50))]),
        Row("volumeSizeGb", "volumeSizeGb: 50", IMAGE, vec![("/mounts", volume(50))]),
        Row("volumeSizeGb", "", IMAGE, vec![("/mounts", volume(20))]),
        Row("volumeSizeGb", "volumeSizeGb: 5", IMAGE, vec![("/mounts", volume(10))]),
        Row("volumeSizeGb", "volumeSizeGb: 0", IMAGE, vec![("/mounts/persistent", Value::Null)]),
        Row(
            "deployment.volumes.workspace.size",
            "",
            "deployment: {provider: runpod, image: img, volumes: {workspace: {size: 100GB}}}",
            vec![("/mounts", volume(100))],
        ),
        Row(
            "deployment.volumes.workspace.size",
            "volumeSizeGb: 30",
            "deployment: {provider: runpod, image: img, volumes: {workspace: {size: 100GB}}}",
            vec![("/mounts", volume(30))],
        ),
        Row(
            "volumeMountPath",
            "volumeMountPath: /data",
            IMAGE,
            vec![("/mounts/persistent/path", json!("/data"))],
        ),
        Row("cloudType", "cloudType: COMMUNITY", IMAGE, vec![("/cloud", json!("COMMUNITY"))]),
        Row("cloudType", "", IMAGE, vec![("/cloud", json!("SECURE"))]),
        Row("region", "region: US-CA-2", IMAGE, vec![("/dataCenterIds", json!(["US-CA-2"]))]),
        Row("region", "region: ''", IMAGE, vec![("/dataCenterIds", Value::Null)]),
        Row("spot", "spot: false", IMAGE, vec![("/interruptible", Value::Null)]),
        Row("spotBid", "spotBid: 0", IMAGE, vec![("/gpu/id", json!(GPU))]),
        Row("ports", "ports: [80/http, 5432/tcp]", IMAGE, vec![("/ports", json!(["80/http", "5432/tcp"]))]),
        Row("ports", "", IMAGE, vec![("/ports", json!(["8888/http", "22/tcp"]))]),
        Row("exposePorts", "exposePorts: [8080]", IMAGE, vec![("/ports", json!(["22/tcp", "8080/http"]))]),
        Row("startSsh", "startSsh: false", IMAGE, vec![("/startSsh", json!(false))]),
        Row(
            "templateId",
            "templateId: tpl1",
            IMAGE,
            vec![("/templateId", json!("tpl1")), ("/image", Value::Null), ("/mounts", Value::Null)],
        ),
        Row(
            "networkVolumeId",
            "networkVolumeId: vol1",
            IMAGE,
            vec![
                ("/mounts", json!({"network": [{"volumeId": "vol1", "path": "/workspace"}]})),
                ("/dataCenterIds", json!(["US-KS-2"])),
            ],
        ),
        Row("publicIp", "publicIp: true", IMAGE, vec![("/ports", json!(["8888/http", "22/tcp"]))]),
        Row("sshUser", "sshUser: ubuntu", IMAGE, vec![("/sshUser", Value::Null)]),
        Row("identityFile", "identityFile: ~/.ssh/pods", IMAGE, vec![("/identityFile", Value::Null)]),
        Row(
            "env",
            "env: {MODE: \"a'b\", N: 5}",
            IMAGE,
            vec![("/env/MODE", json!("a'b")), ("/env/N", json!("5"))],
        ),
        Row(
            "labels",
            "labels: {team: vision}",
            IMAGE,
            vec![("/env/RUNPOD_LIFECYCLE_LABELS", json!("{\"team\":\"vision\"}"))],
        ),
        Row("registryId", "registryId: cred1", IMAGE, vec![("/registry", json!("cred1"))]),
        Row(
            "lifetimeHours",
            "lifetimeHours: 2",
            IMAGE,
            vec![("/env/RUNPOD_LIFECYCLE_LIFETIME_SECONDS", json!("7200"))],
        ),
        Row(
            "atEnd",
            "lifetimeHours: 2, atEnd: STOP",
            IMAGE,
            vec![("/env/RUNPOD_LIFECYCLE_AT_END", json!("stop"))],
        ),
        Row("deployment.image", "", IMAGE, vec![("/image", json!("img"))]),
        Row(
            "deployment.image_config",
            "",
            "deployment: {provider: runpod, image_config: {registry: ghcr.io/a/b, tag_override: c}}",
            vec![("/image", json!("ghcr.io/a/b:c"))],
        ),
        Row(
            "deployment.buildFromSource",
            "",
            "deployment: {provider: runpod, image: img, buildFromSource: {enabled: true}}",
            vec![("/image", json!(crate::utils::BUILT))],
        ),
        Row(
            "deployment.resources.gpu.tier",
            "",
            "deployment: {provider: runpod, image: img, resources: {gpu: {tier: gpu-medium}}}",
            vec![("/gpu/id", json!("NVIDIA A40"))],
        ),
        Row(
            "deployment.resources.gpu.enabled",
            "",
            "deployment: {provider: runpod, image: img, resources: {gpu: {enabled: false}}}",
            vec![("/cpu", cpu)],
        ),
    ]
}

#[tokio::test]
async fn every_row_of_the_guides_table_is_what_the_pod_gets() {
    for Row(key, runpod, more, expected) in rows() {
        let (shown, body) = created(runpod, more).await;
        for (pointer, value) in expected {
            let sent = body.pointer(pointer).unwrap_or(&Value::Null);
            assert_eq!(sent, &value, "{key}: {pointer} of {body} after {shown:?}");
        }
    }
}

#[test]
fn the_guides_table_has_a_row_for_every_key_that_is_tested_and_no_other() {
    let guide = include_str!("../../../docs/sindri.md");
    let (_, table) = guide.split_once("| key | Sindri 3.1 |").expect("the table is there");
    let rows_there = table.lines().skip(2).take_while(|line| line.starts_with("| `"));
    let written: BTreeSet<&str> = rows_there.filter_map(|line| line.split('`').nth(1)).collect();
    let tested: BTreeSet<&str> = rows().iter().map(|row| row.0).collect();
    assert_eq!(written, tested);
}

#[tokio::test]
async fn what_was_changed_or_dropped_of_a_file_is_shown_by_sindri() {
    for (runpod, more, warning) in [
        ("volumeSizeGb: 5", IMAGE, "volumeSizeGb (5) becomes 10"),
        ("region: ''", IMAGE, "region is empty: any data center"),
        ("cpuOnly: true, volumeSizeGb: 50", IMAGE, "volumeSizeGb (50) was dropped"),
        ("cpuOnly: true, cloudType: COMMUNITY", IMAGE, "cloudType COMMUNITY was dropped"),
        (
            "networkVolumeId: vol1",
            "deployment: {provider: runpod, image: img, volumes: {workspace: {size: 100GB}}}",
            "deployment.volumes.workspace.size (100GB) was dropped",
        ),
        (
            "",
            "deployment: {provider: runpod, image: img, resources: {memory: 8GB}}",
            "deployment.resources.memory (8GB) has no effect",
        ),
    ] {
        let (shown, _) = created(runpod, more).await;
        let is_shown = shown.iter().any(|line| line.starts_with(&format!("warning: {warning}")));
        assert!(is_shown, "{runpod} {more}: {shown:?}");
    }
    let (shown, _) = created("cpuOnly: true", IMAGE).await;
    assert!(
        !shown.iter().any(|line| line.starts_with("warning")),
        "nobody wrote what would be dropped: {shown:?}"
    );
}
