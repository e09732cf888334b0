//! Answers in formats that nobody promised: key listings, log events and cursors, limits, the catalog's entries.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::StreamExt;
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{PodSpec, RunPod};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    time::timeout,
};

use crate::{
    mock::{GPU, KEY, fresh_pod},
    scripted::{Answer, Request, Scripted, account, answer},
};

const OURS: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOurs laptop";
const THEIRS: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITheirs desk";
const SECOND: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABSecond";

/// The keys that are written when one is added to these; `None` if nothing is.
async fn written_to(listed: Value) -> Option<Value> {
    let set = Arc::new(Mutex::new(listed));
    let server = Scripted::start({
        let set = Arc::clone(&set);
        move |request: &Request, _| {
            let mut set = set.lock().expect("no test panics with it");
            if request.method == "PUT" {
                *set = json!({"keys": request.body["keys"]});
            }
            answer(200, set.clone())
        }
    })
    .await;
    let added = server.runpod().add_ssh_key(OURS).await;
    let written = server.heard().into_iter().find(|request| request.method == "PUT");
    assert_eq!(added.is_ok(), written.is_some(), "{added:?}");
    written.map(|request| request.body["keys"].clone())
}

#[test]
fn a_set_of_keys_is_written_only_with_every_key_that_it_had() {
    run_fast(50, async {
        for (listed, written) in [
            (json!({"keys": [THEIRS]}), Some(json!([THEIRS, OURS]))),
            (json!({"keys": []}), Some(json!([OURS]))),
            (json!({"keys": [format!(" {THEIRS}\r\n")]}), Some(json!([THEIRS, OURS]))),
            (json!({"keys": [format!("{THEIRS}\n{SECOND}\n")]}), Some(json!([THEIRS, SECOND, OURS]))),
            (json!({"keys": ["", THEIRS, "\n"]}), Some(json!([THEIRS, OURS]))),
            (json!({"keys": [THEIRS, {"key": SECOND}]}), None),
            (json!({"keys": [THEIRS, null]}), None),
            (json!({"keys": [[SECOND]]}), None),
            (json!({"keys": null}), None),
            (json!({"keys": {"0": THEIRS}}), None),
            (json!({"keys": THEIRS}), None),
            (json!({"sshKeys": [THEIRS]}), None),
            (json!([THEIRS]), None),
            (json!({}), None),
            (json!(null), None),
            (json!({"keys": ["not a key"]}), None),
        ] {
            assert_eq!(written_to(listed.clone()).await, written, "{listed}");
        }
    })
    .expect("a runtime");
}

#[test]
fn a_catalog_without_entries_refuses_nothing() {
    run_fast(50, async {
        for (path, body, spec) in [
            ("/v2/catalog/gpus", json!({"gpus": []}), PodSpec::gpu("trainer", "image", [GPU])),
            ("/v2/catalog/cpus", json!({"cpus": []}), PodSpec::cpu("trainer", "image", 2)),
        ] {
            let server = Scripted::start(move |request: &Request, _| match request.is("GET", path) {
                true => answer(200, body.clone()),
                false => account(request),
            })
            .await;
            let outcome = server.runpod().deploy(&spec).await;
            outcome.unwrap_or_else(|error| panic!("{path}: {error}"));
        }
    })
    .expect("a runtime");
}

#[test]
fn what_the_catalog_shows_in_an_odd_shape_is_not_refused_as_unknown() {
    run_fast(50, async {
        for entry in [
            json!(GPU),
            json!({"id": GPU, "memory": "24 GB"}),
            json!({"id": GPU, "price": 7, "dataCenters": {}}),
        ] {
            let body = json!({"gpus": [entry, {"id": "NVIDIA A40"}]});
            let server =
                Scripted::start(move |request: &Request, _| match request.is("GET", "/v2/catalog/gpus") {
                    true => answer(200, body.clone()),
                    false => account(request),
                })
                .await;
            let outcome = server.runpod().deploy(&PodSpec::gpu("trainer", "image", [GPU])).await;
            outcome.unwrap_or_else(|error| panic!("{entry}: {error}"));
        }
        for (listed, wanted, sent) in [
            (json!(["EU-NL-1"]), "eu-nl-1", "EU-NL-1"),
            (json!([{"id": "EU-NL-1", "name": 7}]), "eu-nl-1", "EU-NL-1"),
            (json!([{"id": "EU-NL-1"}]), " EU-NL-1", "EU-NL-1"),
        ] {
            let body = json!({"dataCenters": listed});
            let server = Scripted::start(move |request: &Request, _| {
                match request.is("GET", "/v2/catalog/datacenters") {
                    true => answer(200, body.clone()),
                    false => account(request),
                }
            })
            .await;
            let spec = PodSpec::gpu("trainer", "image", [GPU]).data_center(wanted);
            match server.runpod().deploy(&spec).await {
                Ok(_) => assert_eq!(server.creates()[0]["dataCenterIds"], json!([sent]), "{listed}"),
                Err(error) => assert!(wanted.contains(' ') && !error.may_bill(), "{listed}: {error}"),
            }
        }
    })
    .expect("a runtime");
}

/// The time that the second of two polls is held back by what the first one's answer says.
async fn held(header: &'static str, value: String) -> Duration {
    let server = Scripted::start(move |_, earlier| {
        let pod: Answer = answer(200, fresh_pod());
        if earlier == 0 { pod.header(header, &value) } else { pod }
    })
    .await;
    let runpod = server.runpod();
    let looked_at = tokio::time::Instant::now();
    for _ in 0..2 {
        runpod.get("k3x9q2m7v1b8z5").await.expect("it is there");
    }
    looked_at.elapsed()
}

#[test]
fn an_odd_limit_costs_no_more_than_a_moment() {
    run_fast(100, async {
        for value in [
            String::new(),
            " ".to_owned(),
            "\"minute\"".to_owned(),
            "\"minute\";r".to_owned(),
            "\"minute\";r=?1;t=10".to_owned(),
            "\"minute\";r=\"0\";t=10".to_owned(),
            "\"minute\";R=0;T=10".to_owned(),
            "minute: 0".to_owned(),
            "60, 60;w=60".to_owned(),
            "\"minute;r=0;t=10".to_owned(),
            "\"minute\";r=0;t=0".to_owned(),
            "\"minute\";r=1e9;t=1".to_owned(),
            format!("\"minute\";r={}", "9".repeat(400)),
            vec!["\"minute\";r=5;t=5"; 200].join(", "),
            (0..500).map(|number| format!("\"w{number}\";r=9;t=9")).collect::<Vec<_>>().join(", "),
        ] {
            let shown: String = value.chars().take(40).collect();
            let pause = held("RateLimit", value).await;
            assert!(pause < Duration::from_secs(4), "{shown}: {pause:?}");
        }
        for value in ["-5", "NaN", "inf", "soon", "", "1e400", "0"] {
            let pause = held("Retry-After", value.to_owned()).await;
            assert!(pause < Duration::from_secs(4), "{value}: {pause:?}");
        }
    })
    .expect("a runtime");
}

/// A log whose connections are answered so one after the other, and the heads of the requests.
async fn log(answers: Vec<Vec<u8>>) -> (RunPod, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let heads = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&heads);
    tokio::spawn(async move {
        for answer in answers {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let (mut lines, mut head) = (BufReader::new(&mut stream).lines(), String::new());
            while let Ok(Some(line)) = lines.next_line().await
                && !line.is_empty()
            {
                head += &(line + "\n");
            }
            heard.lock().expect("no test panics with it").push(head.to_lowercase());
            // Whoever has heard enough hangs up.
            let _ = stream.write_all(&answer).await;
        }
    });
    (RunPod::builder(KEY).base_url(url).build().expect("loopback is fine"), heads)
}

fn event(event: &[u8]) -> Vec<u8> {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    [head, event].concat()
}

/// The first lines of a log that is followed.
async fn followed(runpod: &RunPod, count: usize) -> Vec<String> {
    let lines = runpod.logs("k3x9q2m7v1b8z5").follow().take(count);
    let lines = lines.map(|line| line.expect("it goes on").line).collect();
    timeout(Duration::from_secs(300), lines).await.expect("every event comes")
}

#[test]
fn following_goes_on_whatever_cursor_and_shape_an_event_has() {
    let events: [&[u8]; 8] = [
        b"id: 2026-08-20T06:16:19.43Z/000000000001\ndata: {\"source\":\"container\",\"line\":\"a\",\"ts\":\"2026-08-20T06:16:19.43Z\"}\n\n",
        "id: \u{e9}\u{1f600}\ndata: {\"source\":\"container\",\"line\":\"b\",\"ts\":\"2026-08-20 06:16:20.43 +0000 UTC\"}\n\n".as_bytes(),
        b"id: 3\x00\ndata: {\"source\":1,\"line\":\"c\",\"ts\":1787206579}\n\n",
        b"id\ndata: {\"line\":\"d\"}\n\n",
        b"data: plain\n\n",
        b"id: 2026-08-20T08:16:21.43+02:00\ndata: [1]\n\n",
        b"retry: x\nevent: odd\nid: 8\ndata: {\"line\":\"e\",\"ts\":\"tomorrow\"}\n\n",
        b"id: 9\ndata: {\"line\":\"f\",\"ts\":\"2026-08-20T06:16:25Z\"}\n\n",
    ];
    run_fast(50, async {
        let (runpod, heads) = log(events.map(event).into()).await;
        assert_eq!(followed(&runpod, 8).await, ["a", "b", "c", "d", "plain", "[1]", "e", "f"]);
        assert_eq!(heads.lock().unwrap().len(), 8);
    })
    .expect("a runtime");
}

#[test]
fn a_forgotten_cursor_is_given_up_for_its_time_whatever_the_refusal_says() {
    run_fast(50, async {
        for ts in ["2026-08-20T06:16:20Z", "2026-08-20T08:16:20+02:00", "2026-08-20 06:16:20 +0000 UTC"] {
            for (status, words) in [(400, "invalid Last-Event-ID"), (422, "Something went wrong"), (400, "")]
            {
                let body = json!({"title": "Bad Request", "status": status, "detail": words}).to_string();
                let refusal = format!(
                    "HTTP/1.1 {status} Words\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let first = format!("id: 7\ndata: {{\"line\":\"a\",\"ts\":\"{ts}\"}}\n\n");
                let next = b"id: 8\ndata: {\"line\":\"b\",\"ts\":\"2026-08-20T06:16:21Z\"}\n\n";
                let answers = vec![event(first.as_bytes()), refusal.into_bytes(), event(next)];
                let (runpod, heads) = log(answers).await;
                assert_eq!(followed(&runpod, 2).await, ["a", "b"], "{ts} {status} {words}");
                let heads = heads.lock().unwrap().clone();
                assert!(heads[1].contains("last-event-id: 7"), "{}", heads[1]);
                assert!(heads[2].contains("since=2026-08-20t06%3a16%3a20"), "{}", heads[2]);
            }
        }
    })
    .expect("a runtime");
}
