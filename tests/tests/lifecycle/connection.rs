//! Ways to reach a pod, also when the server is hostile.

use httpmock::MockServer;
use runpod_lifecycle::{PodHandle, RunPod};
use serde_json::{Value, json};

use crate::mock::{KEY, fresh_pod, handle};

async fn pod(change: impl FnOnce(&mut Value)) -> PodHandle {
    let server = MockServer::start_async().await;
    let mut pod = fresh_pod();
    pod["ports"] = json!(["22/tcp", "5432/tcp", "8888/http"]);
    change(&mut pod);
    let id = pod["id"].as_str().expect("a text").to_owned();
    server.mock(|when, then| {
        when.method("GET");
        then.status(200).json_body(pod);
    });
    handle(&server).get(&id).await.expect("it can be read")
}

fn direct(host: &str, port: i64, username: &str) -> Value {
    json!({"proxy": null, "direct": {"host": host, "port": port, "username": username, "command": "rm -rf /"}})
}

#[tokio::test]
async fn direct_ssh_comes_first_and_does_everything() {
    let pod = pod(|pod| {
        pod["ssh"] = json!({
            "direct": {"host": "203.0.113.9", "port": 40022, "username": "root", "command": ""},
            "proxy": {"host": "ssh.runpod.io", "port": 22, "username": "k3x9q2m7v1b8z5-64411abc", "command": ""},
        });
    })
    .await;
    let command = pod.connection().ssh_command().unwrap();
    assert!(!command.is_interactive_only());
    assert_eq!(
        command.arguments(),
        [
            "-o",
            "StrictHostKeyChecking=accept-new",
            "-o",
            "UserKnownHostsFile=~/.ssh/known_hosts_runpod_k3x9q2m7v1b8z5",
            "-p",
            "40022",
            "root@203.0.113.9"
        ]
    );
}

#[tokio::test]
async fn the_proxy_is_interactive_only() {
    let pod = pod(|pod| {
        pod["ssh"]["proxy"] =
            json!({"host": "ssh.runpod.io", "port": 22, "username": "k3x9q2m7v1b8z5-64411abc", "command": ""});
    })
    .await;
    let command = pod.connection().ssh_command().unwrap();
    assert!(command.is_interactive_only());
    assert!(command.to_string().ends_with("k3x9q2m7v1b8z5-64411abc@ssh.runpod.io"));
}

#[tokio::test]
async fn ports_are_read_from_the_runtime_without_internal_or_half_ones() {
    let pod = pod(|pod| {
        pod["runtime"] = json!({"uptime": 12, "ports": [
            {"private": 22, "public": 10341, "type": "tcp", "ip": "203.0.113.9"},
            {"private": 22, "public": 10341, "type": "tcp", "ip": "203.0.113.9"},
            {"private": 5432, "public": null, "type": "tcp", "ip": "203.0.113.9"},
            {"private": 8888, "public": 60001, "type": "http", "ip": "100.65.1.2"},
            {"private": 19123, "public": 60002, "type": "http", "ip": "100.65.1.2"},
            {"private": 7000, "public": 70000, "type": "tcp", "ip": "100.127.0.1"},
        ]});
    })
    .await;
    let connection = pod.connection();
    assert_eq!(connection.tcp_endpoints().len(), 1);
    assert_eq!(connection.direct_ssh().unwrap().port, 10341, "the runtime's port 22 is an SSH endpoint too");
    assert_eq!(connection.tcp(5432), None);
    assert_eq!(connection.http_urls(), ["https://k3x9q2m7v1b8z5-8888.proxy.runpod.net"]);
    assert_eq!(connection.http_url(22), None);
}

#[tokio::test]
async fn nothing_a_server_says_becomes_an_option_or_a_second_command() {
    for (host, port, username) in [
        ("-oProxyCommand=touch /tmp/x", 22, "root"),
        ("203.0.113.9", 22, "-oProxyCommand=x"),
        ("203.0.113.9; rm -rf /", 22, "root"),
        ("203.0.113.9", 22, "root\n"),
        ("203.0.113.9", 22, "ro ot"),
        ("$(id)", 22, "root"),
        ("203.0.113.9", 0, "root"),
        ("203.0.113.9", 70000, "root"),
        ("203.0.113.9", -1, "root"),
        ("", 22, "root"),
    ] {
        let pod = pod(|pod| pod["ssh"] = direct(host, port, username)).await;
        assert_eq!(pod.connection().ssh_command(), None, "{username}@{host}:{port}");
    }
    let pod = pod(|pod| pod["id"] = json!("../../etc/x; id")).await;
    assert!(pod.connection().http_urls().is_empty());
}

#[tokio::test]
async fn http_urls_lead_through_the_proxy_that_was_given() {
    let server = MockServer::start_async().await;
    let mut pod = fresh_pod();
    pod["ports"] = json!(["8888/http"]);
    let id = pod["id"].as_str().expect("a text").to_owned();
    server.mock(|when, then| {
        when.method("GET");
        then.status(200).json_body(pod);
    });
    let builder = RunPod::builder(KEY).base_url(server.base_url());
    let runpod = builder.http_proxy("http://127.0.0.1:9/proxy/{pod}/{port}").build().expect("a handle");
    let pod = runpod.get(&id).await.expect("it can be read");
    let url = format!("http://127.0.0.1:9/proxy/{id}/8888");
    assert_eq!(pod.connection().http_url(8888), Some(url.clone()));
    assert_eq!(pod.connection().http_urls(), [url]);
    let own = handle(&server).get(&id).await.expect("it can be read");
    assert_eq!(own.connection().http_urls(), [format!("https://{id}-8888.proxy.runpod.net")]);
}

#[tokio::test]
async fn a_pod_that_does_not_run_has_no_address() {
    let words = [
        "EXITED",
        "STOPPED",
        "ERROR",
        "TERMINATED",
        "HIBERNATING",
        "",
        "PROVISIONING",
        "STARTING",
        "CREATED",
    ];
    for status in words.map(|word| json!(word)).into_iter().chain([Value::Null]) {
        let pod = pod(|pod| {
            pod["status"] = status.clone();
            pod["ssh"] = json!({
                "direct": {"host": "203.0.113.9", "port": 40022, "username": "root", "command": ""},
                "proxy": {"host": "ssh.runpod.io", "port": 22, "username": "k3x9q2m7v1b8z5-64411abc", "command": ""},
            });
            pod["runtime"] = json!({"uptime": 12, "ports": [
                {"private": 22, "public": 40022, "type": "tcp", "ip": "203.0.113.9"},
                {"private": 5432, "public": 40023, "type": "tcp", "ip": "203.0.113.9"},
            ]});
        })
        .await;
        let connection = pod.connection();
        assert_eq!(connection.ssh_command(), None, "{status}");
        assert_eq!((connection.direct_ssh(), connection.proxy_ssh()), (None, None), "{status}");
        assert_eq!((connection.tcp(5432), connection.tcp_endpoints()), (None, &[][..]), "{status}");
        // A name that RunPod gives the pod for good, for whoever waits until it is up.
        let comes_up = ["PROVISIONING", "STARTING", "CREATED"].iter().any(|word| status == *word);
        assert_eq!(connection.http_urls().len(), usize::from(comes_up), "{status}");
    }
}

#[tokio::test]
async fn every_start_has_a_known_hosts_file_of_its_own_and_checking_stays_on() {
    let mut files = Vec::new();
    for start in
        [json!(null), json!("2026-08-20T06:16:19Z"), json!("2026-08-20T07:00:00Z"), json!("../../x; id")]
    {
        let pod = pod(|pod| {
            pod["ssh"] = direct("203.0.113.9", 40022, "root");
            pod["startedAt"] = start;
        })
        .await;
        let command = pod.connection().ssh_command().unwrap().to_string();
        assert!(command.contains("StrictHostKeyChecking=accept-new"), "{command}");
        let file = command.split("UserKnownHostsFile=").nth(1).and_then(|rest| rest.split(' ').next());
        files.push(file.expect("there is one").to_owned());
    }
    let stem = "~/.ssh/known_hosts_runpod_k3x9q2m7v1b8z5";
    let starts = ["", "_20260820T061619Z", "_20260820T070000Z", "_xid"];
    assert_eq!(files, starts.map(|start| format!("{stem}{start}")));
}

#[tokio::test]
async fn another_user_than_root_can_log_in_over_direct_ssh() {
    let pod = pod(|pod| {
        pod["ssh"] = direct("203.0.113.9", 40022, "root");
        pod["ssh"]["proxy"] =
            json!({"host": "ssh.runpod.io", "port": 22, "username": "k3x9q2m7v1b8z5-64411abc", "command": ""});
    })
    .await;
    let command = pod.connection().ssh_user("ubuntu").ssh_command().unwrap();
    assert!(command.to_string().ends_with(" ubuntu@203.0.113.9"), "{command}");
    for odd in ["-oProxyCommand=x", "a b", "$(id)", ""] {
        assert_eq!(pod.connection().ssh_user(odd).direct_ssh(), None, "{odd:?}");
    }
    assert_eq!(pod.connection().direct_ssh().unwrap().username, "root");
}
