//! Providers to test with, and a RunPod that says exactly what a test tells it to.

use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use httpmock::{Mock, MockServer, Then};
use runpod_sim::Sim;
use runpod_sindri::{RunpodProvider, SindriConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const GPU: &str = "NVIDIA GeForce RTX 4090";
pub(crate) const KEY: &str = "rpa_sentinel_key";
pub(crate) const POD: &str = "k3x9q2m7v1b8z5";
/// A folder without programs.
pub(crate) const NOWHERE: &str = "/nowhere";

pub(crate) fn config(yaml: &str) -> SindriConfig {
    SindriConfig::from_yaml(yaml).expect("the test's config is fine")
}

/// A provider with a key and without an ssh client.
pub(crate) fn provider(url: impl Into<String>) -> RunpodProvider {
    provider_with(url, KEY, Path::new(NOWHERE), [])
}

pub(crate) fn provider_with<const N: usize>(
    url: impl Into<String>,
    key: &str,
    path: &Path,
    variables: [(&str, &str); N],
) -> RunpodProvider {
    let own = [("RUNPOD_API_KEY", key), ("PATH", path.to_str().expect("a plain path"))];
    RunpodProvider::new().environment_variables(own.into_iter().chain(variables)).api_url(url)
}

/// A provider that speaks REST v1.
pub(crate) fn on_v1(url: impl Into<String>) -> RunpodProvider {
    provider_with(url, KEY, Path::new(NOWHERE), [("RUNPOD_API_VERSION", "v1")])
}

/// A simulator that boots a pod within a moment.
pub(crate) async fn quick_sim() -> Sim {
    Sim::builder().time_scale(1000.0).list_lag(Duration::ZERO).start().await.expect("it starts on loopback")
}

pub(crate) fn on(sim: &Sim) -> RunpodProvider {
    provider_with(sim.url(), sim.api_key(), Path::new(NOWHERE), [])
}

/// A directory with a fake ssh in it, to be used as `PATH`.
pub(crate) struct FakeSsh(TempDir);

impl FakeSsh {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory of its own");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sindri/fake/ssh");
        symlink(script, directory.path().join("ssh")).expect("a symbolic link");
        Self(directory)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn ends_with(&self, code: u8) {
        fs::write(self.path().join("ssh.code"), format!("{code}\n")).expect("the directory is writable");
    }

    /// Its words on stderr.
    pub(crate) fn says(&self, text: &str) {
        fs::write(self.path().join("ssh.says"), text).expect("the directory is writable");
    }

    /// Arguments of its call; `None` if it was not called.
    pub(crate) fn arguments(&self) -> Option<Vec<String>> {
        let text = fs::read_to_string(self.path().join("ssh.arguments")).ok()?;
        Some(text.lines().map(str::to_owned).collect())
    }
}

/// A pod that runs and has everything, as RunPod sends it.
pub(crate) fn pod() -> Value {
    json!({
        "id": POD, "name": "my-env", "status": "RUNNING", "actions": ["stop", "restart", "terminate"],
        "image": "runpod/pytorch:latest", "args": "", "disk": 50,
        "mounts": {"persistent": {"size": 20, "path": "/workspace"}},
        "ports": ["8888/http", "22/tcp", "5432/tcp"], "env": {}, "registry": null,
        "gpu": {"id": GPU, "count": 1}, "cloud": "SECURE", "dataCenterId": "US-CA-2", "cudaVersion": "12.8",
        "ssh": {
            "proxy": {"host": "ssh.runpod.io", "port": 22, "username": "k3x9q2m7v1b8z5-64411a2b", "command": ""},
            "direct": {"host": "203.0.113.7", "port": 10022, "username": "root", "command": ""},
        },
        "template": null, "cost": 0.44, "locked": false,
        "runtime": {"uptime": 90, "gpus": [], "cpu": {"util": 1}, "memory": {"util": 2}, "ports": [
            {"private": 22, "public": 10022, "type": "tcp", "ip": "203.0.113.7"},
            {"private": 5432, "public": 10543, "type": "tcp", "ip": "203.0.113.7"},
        ]},
        "createdAt": "2026-08-20T06:16:19.430Z", "startedAt": "2026-08-20T06:17:02.000Z",
        "globalNetworking": {"enabled": false}
    })
}

/// The account's pods, in the list and by their ids.
pub(crate) fn list<'a>(server: &'a MockServer, pods: &[Value]) -> Mock<'a> {
    for pod in pods {
        let path = format!("/v2/pods/{}", pod["id"].as_str().unwrap_or_default());
        server.mock(|when, then| {
            when.method("GET").path(path);
            then.status(200).json_body(pod.clone());
        });
    }
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.status(200).json_body(json!({ "pods": pods }));
    })
}

/// Everything a deploy reads before it creates: the catalogs, a network volume, an account that has `pods`.
pub(crate) fn account(server: &MockServer, pods: &[Value]) {
    list(server, pods);
    server.mock(|when, then| {
        when.method("GET").path("/v2/catalog/gpus");
        then.status(200).json_body(json!({"gpus": [
            {"id": GPU, "name": "RTX 4090", "pool": "ADA_24", "memory": 24, "secure": true, "price": {"secure": 0.69}},
            {"id": "NVIDIA A40", "name": "A40", "pool": "AMPERE_48", "memory": 48, "secure": true,
             "price": {"secure": 0.40}},
        ]}));
    });
    server.mock(|when, then| {
        when.method("GET").path("/v2/catalog/cpus");
        then.status(200).json_body(json!({"cpus": [
            {"id": "cpu3c", "name": "CPU3", "vcpu": {"min": 2, "max": 32}},
        ]}));
    });
    server.mock(|when, then| {
        when.method("GET").path("/v2/catalog/datacenters");
        then.status(200).json_body(json!({"dataCenters": [
            {"id": "EU-RO-1", "name": "EU-RO-1"}, {"id": "US-CA-2", "name": "US-CA-2"}, {"id": "US-KS-2", "name": "US-KS-2"},
        ]}));
    });
    server.mock(|when, then| {
        when.method("GET").path("/v2/network-volumes/vol1");
        then.status(200)
            .json_body(json!({"id": "vol1", "name": "data", "size": 100, "dataCenter": "US-KS-2"}));
    });
}

pub(crate) fn problem(then: Then, status: u16, detail: &str) -> Then {
    then.status(status)
        .header("content-type", "application/problem+json")
        .body(json!({"title": "no", "status": status, "detail": detail}).to_string())
}
