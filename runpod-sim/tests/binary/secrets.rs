//! Secrets that the simulator is sent are not in what it prints, shows or writes.

use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::{binary, output, signal, url_of};

/// In every secret, and in nothing else.
const SENTINEL: &str = "SENTINEL";
const KEY: &str = "rpa_SENTINELkey";

fn check(what: &str, printed: &str) {
    assert!(!printed.contains(SENTINEL), "{what}: {printed}");
}

#[tokio::test]
async fn the_log_of_everything_holds_no_secret_and_nothing_is_written() {
    let folder = tempdir().unwrap();
    let config = folder.path().join("sim.toml");
    std::fs::write(&config, format!("api_key = {KEY:?}\n")).unwrap();
    let mut command = binary(&["--listen", "127.0.0.1:0", "--config", "sim.toml"]);
    command.current_dir(folder.path()).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    command.env("HOME", folder.path()).env("TMPDIR", folder.path());
    // A file takes what nobody reads while the simulator runs.
    let log = tempfile::tempfile().unwrap();
    command.stderr(Stdio::from(log.try_clone().unwrap()));
    let mut child = command.spawn().unwrap();
    let (url, mut stdout) = url_of(&mut child).await;
    let (shown, requests) = everything(&url).await;
    check("an answer", &shown);
    signal("TERM", &child).await;
    assert!(child.wait().await.unwrap().success());
    let mut printed = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stdout, &mut printed).await.unwrap();
    let mut log = log;
    std::io::Seek::rewind(&mut log).unwrap();
    std::io::Read::read_to_string(&mut log, &mut printed).unwrap();
    assert!(printed.matches("answered").count() >= requests, "it was told to say everything: {printed}");
    check("the log", &printed);
    let files: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["sim.toml"]);
}

/// Secrets in everything a caller can send; gives what is shown to whoever asks, and how many requests there were.
async fn everything(url: &str) -> (String, usize) {
    let client = reqwest::Client::builder().no_proxy().user_agent("tests/1").build().unwrap();
    let pod = |env: Value| {
        let image = "ubuntu:24.04";
        json!({"name": "a", "image": image, "disk": 10, "gpu": {"id": "NVIDIA L4"}, "env": env, "ports": ["22/tcp"]})
    };
    let secrets = json!({"HF_TOKEN": "SENTINELtoken", "JUPYTER_PASSWORD": "SENTINELjupyter\"\n"});
    let old = json!({"name": "b", "imageName": "a", "gpuTypeIds": ["NVIDIA L4"], "env": secrets});
    let registry = json!({"name": "mine", "username": "me", "password": "SENTINELregistry"});
    let key = json!({"sshKeys": "SENTINELkeys"});
    let fault = json!({"fault": "status", "status": 500, "applied": true, "times": 1});
    for (key, method, path, body) in [
        (KEY, "POST", "/v2/pods", pod(secrets.clone())),
        (KEY, "POST", "/v1/pods", old),
        (KEY, "POST", "/v2/pods", pod(json!({"A": ["SENTINELlist"]}))),
        (KEY, "POST", "/v2/registries", registry),
        (KEY, "PUT", "/v2/account/ssh-keys", key),
        ("rpa_SENTINELwrong", "GET", "/v2/pods", Value::Null),
        ("rpa_SENTINELwrong", "POST", "/v2/pods", pod(secrets.clone())),
        (KEY, "GET", "/v2/pods", Value::Null),
        (KEY, "GET", "/v1/pods", Value::Null),
        ("", "POST", "/_sim/faults", fault),
        (KEY, "POST", "/v2/pods", pod(secrets)),
    ] {
        let method = method.parse().unwrap();
        let request = client.request(method, format!("{url}{path}")).bearer_auth(key).json(&body);
        // RunPod echoes env in clear to whoever has the key.
        request.send().await.unwrap().bytes().await.unwrap();
    }
    let mut shown = String::new();
    for path in ["", "/requests", "/ledger", "/faults", "/time"] {
        shown += &crate::get(&format!("{url}/_sim{path}")).await.unwrap().text().await.unwrap();
    }
    for marker in ["HF_TOKEN", "JUPYTER_PASSWORD", "createPod", "CreatePod", "createRegistry"] {
        assert!(shown.contains(marker), "{marker}: {shown}");
    }
    (shown, 10)
}

#[tokio::test]
async fn a_config_that_cannot_be_read_is_not_shown() {
    let folder = tempdir().unwrap();
    for text in [
        format!("api_key = {KEY}"),
        format!("api_key = \"{KEY}"),
        format!("api_keys = \"{KEY}\""),
        format!("api_key = \"{KEY}\" seed = 1"),
    ] {
        let config = folder.path().join("sim.toml");
        std::fs::write(&config, &text).unwrap();
        let output = output(binary(&["--config", config.to_str().unwrap()])).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("line 1"), "{said}");
        check(&text.replace(SENTINEL, "..."), &said);
    }
}
