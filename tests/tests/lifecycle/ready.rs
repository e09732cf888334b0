//! When a pod counts as ready: what its endpoints say, with raw answers over HTTP and raw sockets.

use std::{
    future::IntoFuture,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use httpmock::{MockServer, Then};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{
    Cause, Condition, Event, HttpReady, OnFailure, PodHandle, PodSpec, Port, Ready, RunPod, Running,
    WaitError, Warning,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    mock::{GPU, KEY, fresh_pod, handle, problem},
    scripted::{Scripted, account},
    world::LONG,
};

const ID: &str = "k3x9q2m7v1b8z5";

/// A pod that RunPod describes so, through a handle whose HTTP ports are probed on the same server.
async fn pod(server: &MockServer, change: impl FnOnce(&mut Value)) -> PodHandle {
    let mut pod = fresh_pod();
    pod["ports"] = json!(["22/tcp", "8888/http"]);
    change(&mut pod);
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.status(200).json_body(json!({"pods": [pod.clone()]}));
    });
    server.mock(|when, then| {
        when.method("GET").path(format!("/v2/pods/{ID}"));
        then.status(200).json_body(pod);
    });
    server.mock(|when, then| {
        when.method("GET").path(format!("/v2/pods/{ID}/logs"));
        problem(then, 404, "Not Found", "no log");
    });
    let runpod = RunPod::builder(KEY)
        .base_url(server.base_url())
        .http_proxy(server.url("/proxy/{pod}/{port}"))
        .build()
        .expect("loopback is fine");
    runpod.get(ID).await.expect("it can be read")
}

/// Outcome of a wait that polls once: nothing, or why it is not over.
async fn once(pod: &PodHandle, condition: impl Condition + 'static) -> Result<(), String> {
    match pod.wait_until(condition, Duration::ZERO).await {
        Ok(_) => Ok(()),
        Err(WaitError::TimedOut { report }) => Err(report.last_pending.unwrap_or_default()),
        Err(error) => panic!("{error}"),
    }
}

/// Outcome of a wait that polls once when the application, or what is before it, answers so.
async fn answered(
    answer: impl FnOnce(Then) -> Then,
    condition: impl Condition + 'static,
) -> Result<(), String> {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("GET").path(format!("/proxy/{ID}/8888"));
        answer(then);
    });
    once(&pod(&server, |_| ()).await, condition).await
}

#[tokio::test]
async fn no_answer_of_runpods_edge_is_ready() {
    let own = (520..=530).chain([404, 502, 503, 504]).map(|status| (status, ""));
    let coded = [403, 429, 503].map(|status| (status, "error code: 1010"));
    for (status, body) in own.chain(coded) {
        for condition in [HttpReady::port(8888), HttpReady::port(8888).accept(100..=599)] {
            let pending = answered(|then| then.status(status).body(body), condition).await.unwrap_err();
            assert!(pending.contains(&format!("RunPod's proxy answers {status}")), "{pending}");
        }
        answered(|then| then.status(status).body(body), Ready::Http(8888)).await.unwrap_err();
    }
}

#[tokio::test]
async fn an_application_that_has_nothing_at_its_root_is_up_all_the_same() {
    for (status, body) in [(200, ""), (302, ""), (401, ""), (403, "no"), (404, r#"{"detail":"Not Found"}"#)] {
        let answer = |then: Then| then.status(status).header("content-type", "application/json").body(body);
        assert_eq!(answered(answer, Ready::Http(8888)).await, Ok(()), "{status}");
    }
    let pending = answered(|then| then.status(503).body("loading"), Ready::Http(8888)).await.unwrap_err();
    assert_eq!(pending, r#"the application on port 8888 answers 503 at "/""#);
}

#[tokio::test]
async fn a_path_statuses_and_a_test_of_the_answer_can_be_given() {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("GET").path(format!("/proxy/{ID}/8888/health")).query_param("full", "1");
        then.status(200).header("x-state", "up").body("<html>starting</html>");
    });
    let pod = pod(&server, |_| ()).await;
    let health = HttpReady::port(8888).path("/health?full=1").accept(200..=299);
    assert_eq!(once(&pod, health.clone()).await, Ok(()));
    let loaded = health.clone().answer(|answer| !answer.body().starts_with(b"<html>"));
    assert!(once(&pod, loaded).await.unwrap_err().ends_with("but not as wanted yet"));
    let up = health.answer(|answer| answer.status() == 200 && answer.header("X-State") == Some("up"));
    assert_eq!(once(&pod, up).await, Ok(()));
}

#[tokio::test]
async fn a_slow_application_is_given_the_time_it_is_said_to_need() {
    let slow = |then: Then| then.status(200).delay(Duration::from_millis(400));
    let hasty = HttpReady::port(8888).timeout(Duration::from_millis(50));
    let pending = answered(slow, hasty).await.unwrap_err();
    assert_eq!(pending, "port 8888 does not answer within 0.05 s");
    assert_eq!(answered(slow, HttpReady::port(8888).timeout(Duration::from_secs(20))).await, Ok(()));
}

/// A server that says the same to everybody, what it was told, and how often it was asked.
struct Sshd {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<u8>>>,
}

async fn sshd(says: &'static str) -> Sshd {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
    let address = listener.local_addr().expect("it listens");
    let (connections, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (count, hear) = (Arc::clone(&connections), Arc::clone(&heard));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let mut line = vec![0; 64];
            let read = stream.read(&mut line).await.unwrap_or(0);
            hear.lock().expect("nobody panicked while holding it").extend_from_slice(&line[..read]);
            let _ = stream.write_all(says.as_bytes()).await;
        }
    });
    Sshd { address, connections, heard }
}

/// A pod whose direct SSH endpoint is there.
async fn pod_at(server: &MockServer, sshd: &Sshd) -> PodHandle {
    let port = sshd.address.port();
    let direct = json!({"host": "127.0.0.1", "port": port, "username": "root", "command": ""});
    pod(server, |pod| pod["ssh"]["direct"] = direct).await
}

#[tokio::test]
async fn sshd_may_say_other_lines_before_its_version_and_is_told_ours() {
    let server = MockServer::start_async().await;
    let sshd = sshd("Welcome to host 7\r\nPlease wait\r\nSSH-2.0-OpenSSH_9.8\r\n").await;
    assert_eq!(once(&pod_at(&server, &sshd).await, Ready::Ssh).await, Ok(()));
    let heard = String::from_utf8(sshd.heard.lock().unwrap().clone()).unwrap();
    assert!(heard.starts_with("SSH-2.0-runpod_lifecycle_") && heard.ends_with("\r\n"), "{heard:?}");
}

#[tokio::test]
async fn what_sshd_says_instead_of_its_version_is_shown() {
    let server = MockServer::start_async().await;
    let sshd = sshd("Not allowed at this time\r\n").await;
    let pending = once(&pod_at(&server, &sshd).await, Ready::Ssh).await.unwrap_err();
    assert!(pending.ends_with("says \"Not allowed at this time\" instead of an SSH greeting"), "{pending}");
}

#[tokio::test]
async fn many_waits_for_one_endpoint_probe_it_as_one_and_ever_more_rarely() {
    let server = MockServer::start_async().await;
    let sshd = sshd("Not allowed at this time\r\n").await;
    let pod = pod_at(&server, &sshd).await;
    let waits = (0..20).map(|_| pod.wait_until(Ready::Ssh, Duration::from_millis(2500)).into_future());
    for outcome in join_all(waits).await {
        let error = outcome.expect_err("it never greets").to_string();
        assert!(error.contains("Not allowed at this time"), "{error}");
    }
    let connections = sshd.connections.load(Ordering::Relaxed);
    assert!((2..=3).contains(&connections), "at 0, 1 and 3 s: {connections}");
}

fn endpoint(private: u32, public: u32) -> Value {
    json!({"private": private, "public": public, "type": "tcp", "ip": "127.0.0.1"})
}

#[tokio::test]
async fn a_symmetric_port_is_kept_waited_for_and_shown_with_its_real_number() {
    let sshd = sshd("SSH-2.0-x\r\n").await;
    let port = sshd.address.port();
    let symmetric: Port = "70000/tcp".parse().expect("it is legal");
    for shown in [endpoint(70000, port.into()), endpoint(port.into(), port.into())] {
        let server = MockServer::start_async().await;
        let pod = pod(&server, |pod| {
            pod["ports"] = json!(["70000/tcp"]);
            pod["runtime"] = json!({"uptime": 1, "ports": [shown]});
        })
        .await;
        assert_eq!(pod.ports, [symmetric]);
        assert_eq!(once(&pod, Ready::Ports).await, Ok(()));
        let end = pod.connection().tcp(70000).expect("it is there");
        assert_eq!((end.private_port, end.public_port), (port, port));
        assert_eq!(pod.connection().tcp_endpoints(), [end]);
    }
    let server = MockServer::start_async().await;
    let pod = pod(&server, |pod| {
        pod["ports"] = json!(["22/tcp", "70000/tcp", "70001/tcp"]);
        pod["runtime"] =
            json!({"uptime": 1, "ports": [endpoint(22, port.into()), endpoint(port.into(), port.into())]});
    })
    .await;
    let pending = once(&pod, Ready::Ports).await.unwrap_err();
    assert_eq!(pending, "no public endpoint yet for 70000/tcp, 70001/tcp");
    assert_eq!(pod.connection().tcp(70000), None, "it may be the other one");
}

#[tokio::test]
async fn ports_are_ready_only_when_the_pod_runs_and_says_which_it_has() {
    for (status, ports, pending) in [
        ("PROVISIONING", json!(["8888/http"]), "RunPod says PROVISIONING"),
        ("STARTING", json!([]), "RunPod says STARTING"),
        ("RUNNING", Value::Null, "RunPod does not say which ports it has"),
    ] {
        let server = MockServer::start_async().await;
        let pod = pod(&server, |pod| (pod["status"], pod["ports"]) = (status.into(), ports)).await;
        assert_eq!(once(&pod, Ready::Ports).await.unwrap_err(), pending);
        once(&pod, Running).await.map_or_else(|_| assert_ne!(status, "RUNNING"), |()| ());
    }
    let server = MockServer::start_async().await;
    let pod = pod(&server, |pod| pod["ports"] = Value::Null).await;
    assert!(!pod.knows_ports());
    assert_eq!(once(&pod, Ready::Ssh).await.unwrap_err(), "no direct SSH endpoint yet", "it may have 22/tcp");
    assert_eq!(once(&pod, Ready::Http(80)).await.unwrap_err(), "RunPod does not say which ports it has");
}

#[tokio::test]
async fn a_pod_without_tcp_ports_has_its_ports_ready_once_it_runs() {
    let server = MockServer::start_async().await;
    let pod = pod(&server, |pod| pod["ports"] = json!(["8888/http"])).await;
    assert_eq!(once(&pod, Ready::Ports).await, Ok(()));
}

#[tokio::test]
async fn the_cause_in_runpods_log_is_the_reason_in_the_error() {
    let cuda = "error starting container: nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8";
    let denied = "error creating container: pull access denied for ghcr.io/a/b";
    for (line, cause, advice) in [
        (cuda, Cause::CudaTooOld, "min_cuda_version"),
        (
            denied,
            Cause::PullDenied,
            "image \"runpod/pytorch:latest\", and RunPod shows no credential for it: check the image's name",
        ),
    ] {
        let server = MockServer::start_async().await;
        let data = json!({"source": "system", "line": line, "ts": "2026-08-20T06:16:20Z"});
        server.mock(|when, then| {
            when.method("GET").path(format!("/v2/pods/{ID}/logs"));
            then.status(200)
                .header("content-type", "text/event-stream")
                .body(format!("id: 2026-08-20T06:16:20Z\ndata: {data}\n\n"));
        });
        let pod = pod(&server, |_| ()).await;
        let error = pod.wait_until(Ready::Ssh, Duration::from_secs(1)).await.expect_err("it never comes up");
        assert_eq!(error.report().diagnosis.as_ref().map(|found| found.cause), Some(cause));
        let text = error.to_string();
        assert!(text.contains(advice) && text.contains(line), "{text}");
    }
}

#[tokio::test]
async fn a_pod_that_was_created_without_a_key_is_warned_of_in_the_wait() {
    let server = MockServer::start_async().await;
    let pod = pod(&server, |pod| pod["env"] = json!({"PUBLIC_KEY": "null"})).await;
    let (warnings, hear) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(())));
    let told = Arc::clone(&warnings);
    let wait = pod.wait_until(Ready::Ssh, Duration::from_millis(1200)).on_event(move |event| {
        let _one_at_a_time = hear.lock().unwrap();
        if let Event::Warned { warning } = event {
            told.lock().unwrap().push(warning.clone());
        }
    });
    wait.await.expect_err("there is no endpoint");
    let warnings = warnings.lock().unwrap();
    assert!(
        matches!(&warnings[..], [Warning::CreatedWithoutKey { pod_id, .. }] if *pod_id == pod.id),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn a_key_of_nobody_in_the_spec_is_warned_of_at_deploy() {
    let server = MockServer::start_async().await;
    crate::mock::empty_account(&server);
    crate::mock::answer_create(&server, |then| then.status(201).json_body(fresh_pod()));
    for (key, warns) in [("null", true), (" ", true), ("ssh-ed25519 AAAA me", false)] {
        let warnings = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&warnings);
        let runpod = handle(&server).on_event(move |event| {
            let is_it = matches!(event, Event::Warned { warning } if *warning == Warning::PublicKeyEmpty);
            count.fetch_add(usize::from(is_it), Ordering::Relaxed);
        });
        runpod.deploy(&crate::mock::spec().env("PUBLIC_KEY", key)).await.expect("it is accepted");
        assert_eq!(warnings.load(Ordering::Relaxed), usize::from(warns), "{key:?}");
    }
}

#[test]
fn a_port_that_speaks_ssh_is_not_knocked_at_every_second_while_another_one_is_waited_for() {
    run_fast(50, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
        let sshd = listener.local_addr().expect("it is bound").port();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let heard = Arc::clone(&heard);
                tokio::spawn(async move {
                    let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.8\r\n").await;
                    let mut words = String::new();
                    let _ = stream.read_to_string(&mut words).await;
                    heard.lock().unwrap().push(words);
                });
            }
        });
        let closed = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
        let nobody = closed.local_addr().expect("it is bound").port();
        drop(closed);
        let server = MockServer::start_async().await;
        let pod = pod(&server, |pod| {
            pod["ports"] = json!(["22/tcp", "5000/tcp"]);
            let public = |private, public| json!({"private": private, "public": public, "type": "tcp", "ip": "127.0.0.1"});
            pod["runtime"] = json!({"uptime": 60, "ports": [public(22, sshd), public(5000, nobody)]});
        })
        .await;
        let waits = (0..20).map(|_| pod.wait_until(Ready::Ports, Duration::from_secs(30)).into_future());
        for outcome in join_all(waits).await {
            outcome.expect_err("nothing listens on the second port");
        }
        let said = said.lock().unwrap().clone();
        assert!((2..=7).contains(&said.len()), "{} connections in 30 s", said.len());
        assert!(said.iter().all(|words| words.starts_with("SSH-2.0-runpod_lifecycle_")), "{said:?}");
    })
    .expect("a runtime");
}

#[test]
fn what_an_endpoint_said_before_a_restart_counts_for_nothing_after_it() {
    run_fast(50, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
        let port = listener.local_addr().expect("it is bound").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, up) = (Arc::clone(&connections), Arc::new(std::sync::atomic::AtomicBool::new(true)));
        let is_up = Arc::clone(&up);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                if is_up.load(Ordering::SeqCst) {
                    let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.8\r\n").await;
                }
            }
        });
        let script = crate::script::Script::new().await;
        let shown = |started_at, uptime| crate::script::reachable(port, started_at, uptime);
        script.show(shown("2026-08-20T06:16:19Z", 500));
        script.set(crate::script::To::Act, (200, shown("2026-08-20T06:16:19Z", 500)));
        let pod = script.runpod().get(ID).await.expect("it is there");
        let pod = pod.wait_until(Ready::Ssh, Duration::from_secs(5)).await.expect("sshd greets");
        up.store(false, Ordering::SeqCst);
        pod.restart().await.expect("it is accepted");
        script.show(shown("2026-08-20T07:16:19Z", 0));
        let error =
            pod.wait_until(Ready::Ssh, Duration::from_secs(20)).await.expect_err("sshd is not up again");
        assert!(error.to_string().contains("sshd does not answer yet"), "{error}");
        assert!(connections.load(Ordering::SeqCst) > 1);
    })
    .expect("a runtime");
}

#[tokio::test]
async fn ports_that_cannot_be_read_are_kept_and_told() {
    let server = MockServer::start_async().await;
    let pod = pod(&server, |pod| {
        pod["ports"] = json!(["22/TCP", "53/udp", 5000, "8888/http", {"port": 1}, "0/tcp"]);
    })
    .await;
    assert_eq!(pod.ports.iter().map(Port::to_string).collect::<Vec<_>>(), ["22/tcp", "8888/http"]);
    assert_eq!(pod.unreadable_ports(), ["53/udp", "0/tcp", "5000", "{\"port\":1}"]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    let wait = pod.wait_until(Ready::Ports, Duration::from_secs(2)).on_event(move |event| {
        if let Event::Warned { warning } = event {
            sink.lock().unwrap().push(warning.clone());
        }
    });
    wait.await.expect_err("no endpoint");
    let told = told.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].to_string().contains("53/udp, 0/tcp, 5000"), "{told:?}");
    assert_eq!(told[0].pod_ids(), [pod.id.as_str()]);
}

#[tokio::test]
async fn what_a_spec_can_never_be_is_refused_before_anything_is_paid_for() {
    let server = Scripted::start(|request, _| account(request)).await;
    let runpod = server.runpod();
    let refused: [(Box<dyn Condition>, &str); 4] = [
        (Box::new(Ready::Ssh), "22/tcp is not among the pod's ports"),
        (Box::new(Ready::Http(8000)), "8000/http is not among"),
        (Box::new(Ready::Jupyter), "8888/http is not among"),
        (Box::new(HttpReady::port(8000)), "8000/http is not among"),
    ];
    let bare = PodSpec::gpu("bare", "image", [GPU]).port("8000/tcp");
    for (condition, words) in refused {
        let reason = condition.never_by(&bare).expect("it opens none of them");
        assert!(reason.contains(words), "{reason}");
        let of_template = PodSpec::gpu("bare", "image", [GPU]).template("base");
        assert!(condition.never_by(&of_template).is_none(), "its ports are not known");
        assert!(condition.never_by(&of_template.port("22/http")).is_some(), "they are the spec's");
        let open = bare.clone().port("22/tcp").port("8000/http").port("8888/http");
        assert!(condition.never_by(&open).is_none(), "{}", condition.name());
    }
    let waited = runpod.deploy_and_wait_until(&bare, Ready::Ssh, LONG, OnFailure::Terminate).await;
    let error = waited.expect_err("it has no sshd");
    assert!(error.to_string().contains("condition \"ready (ssh)\": 22/tcp is not among"), "{error}");
    let work = async |_: PodHandle| Ok::<(), String>(());
    let error = runpod.with_pod(&bare, Ready::Http(8000), LONG, work).await.expect_err("it has no http");
    assert!(error.to_string().contains("8000/http") && !error.may_bill(), "{error}");
    assert!(server.heard().is_empty(), "{:?}", server.heard());
}
