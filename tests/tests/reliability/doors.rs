//! The key goes to one place only, ids stay ids, and no answer is too large, too deep or too long.

use std::time::Duration;

use futures_util::StreamExt;
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{DeployError, Error, ErrorKind, Event, PodSpec, RunPod};
use runpod_sim::Sim;
use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpListener, time::Instant};

use crate::wire::{KEY, Server, json, with_headers};

fn spec() -> PodSpec {
    PodSpec::gpu("subject", "image", ["NVIDIA GeForce RTX 4090"])
}

/// No pods, a catalog of one, and `create` for a create.
fn account(head: &str, create: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    match head {
        head if head.starts_with("POST") => create(),
        head if head.contains("/catalog/gpus") => json(200, r#"{"gpus":[{"id":"NVIDIA GeForce RTX 4090"}]}"#),
        _ => json(200, r#"{"pods":[]}"#),
    }
}

#[tokio::test]
async fn redirects_carry_the_key_to_nobody_else() {
    let thief = Server::start(|_, _| json(200, r#"{"id":"abc","pods":[]}"#)).await;
    for status in [301, 302, 303, 307, 308] {
        let place = format!("location: {}/v2/pods/abc\r\n", thief.url);
        let server = Server::start(move |_, _| with_headers(status, &place, "")).await;
        let runpod = server.runpod();
        assert!(runpod.get("abc").await.is_err());
        assert!(runpod.list().await.is_err());
        assert!(runpod.stop("abc").await.is_err());
        assert!(runpod.terminate("abc").await.is_err());
        assert!(runpod.logs("abc").history().await.is_err());
        assert!(
            server.heard().iter().all(|head| head.contains(KEY)),
            "the first server is asked with the key"
        );
    }
    assert!(thief.heard().is_empty(), "{:?}", thief.heard());
}

#[tokio::test]
async fn a_redirect_to_another_scheme_host_or_user_is_another_place() {
    for place in [
        "https://127.0.0.1/v2/pods/abc",
        "//localhost/v2/pods/abc",
        "http://user@127.0.0.1/",
        "ftp://x/",
        "\u{1}",
    ] {
        let header = format!("location: {place}\r\n");
        let server = Server::start(move |_, _| with_headers(307, &header, "")).await;
        server.runpod().restart("abc").await.expect_err("it is not followed");
        assert_eq!(server.heard().len(), 1, "{place}");
    }
}

#[test]
fn plain_http_is_for_this_machine_only() {
    for url in [
        "http://127.0.0.1.evil.test",
        "http://localhost.evil.test",
        "http://127.0.0.1@evil.test",
        "http://evil.test#@127.0.0.1",
        "http://[::ffff:1.2.3.4]",
        "http://0.0.0.0",
        "http://128.0.0.1",
        "HTTP://evil.test",
    ] {
        assert!(RunPod::builder(KEY).base_url(url).build().is_err(), "{url}");
    }
}

#[tokio::test]
async fn https_says_nothing_in_clear_and_nothing_to_an_unproven_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hello = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 4096];
        let count = stream.read(&mut bytes).await.unwrap();
        bytes.truncate(count);
        bytes
    });
    let runpod = RunPod::builder(KEY).base_url(format!("https://{address}")).build().unwrap();
    let error = runpod.restart("abc").await.expect_err("it is no TLS server");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    let hello = hello.await.unwrap();
    assert_eq!(hello[0], 0x16, "a TLS handshake");
    assert!(!String::from_utf8_lossy(&hello).contains(KEY));
}

#[tokio::test]
async fn an_id_stays_one_segment_of_one_path() {
    let sim = Sim::builder().real_endpoints(false).list_lag(Duration::ZERO).start().await.unwrap();
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build().unwrap();
    let pod = runpod.deploy(&spec()).await.unwrap();
    let before = sim.requests().len();
    for id in [
        "".to_owned(),
        ".".into(),
        "..".into(),
        format!("../pods/{}", pod.id),
        format!("x/../{}", pod.id),
        format!("{}?x=1", pod.id),
        format!("{}#x", pod.id),
        format!("{}/", pod.id),
        format!("%2e%2e/{}", pod.id),
        format!("{}\r\nX-Evil: 1", pod.id),
        format!("{} HTTP/1.1\r\n\r\nDELETE /v2/pods/{}", pod.id, pod.id),
        "\0".into(),
        "-rf".into(),
        "ü/🦀".into(),
        "a".repeat(5000),
    ] {
        let before = sim.requests().len();
        assert!(runpod.get(&id).await.is_err(), "{id:?}");
        // A get asks no list: one would be a path that lost its segment.
        for request in sim.requests().split_off(before) {
            assert!(request.path.len() > "/v2/pods/".len(), "{id:?}: {}", request.path);
        }
        assert!(runpod.stop(&id).await.is_err(), "{id:?}");
        // Terminating what RunPod does not know succeeds; what counts is that nothing else is hit.
        let _ = runpod.terminate(&id).await;
    }
    // A stop or terminate of what RunPod does not know asks the list if it is a pod's name.
    let requests = sim.requests().split_off(before);
    for request in requests.iter().filter(|it| (it.method.as_str(), it.path.as_str()) != ("GET", "/v2/pods"))
    {
        let segment = request.path.strip_prefix("/v2/pods/").expect("a path of one pod");
        let segment = segment.strip_suffix("/action").unwrap_or(segment);
        assert!(!segment.contains('/') && segment != pod.id && request.query.is_none(), "{}", request.path);
    }
    assert!(sim.ledger()[0].is_billing(), "the real pod was not touched");
}

#[test]
fn an_answer_about_another_pod_is_an_error() {
    let errors = run_fast(40, async {
        let server = Server::start(|_, number| {
            let id = if number == 0 { "abc" } else { "another" };
            json(200, json!({"id": id, "status": "RUNNING"}).to_string())
        })
        .await;
        let runpod = server.runpod();
        let pod = runpod.get("abc").await.expect("the first answer is about it");
        let error = pod.refresh().await.expect_err("the second is not");
        let wait = pod.wait_until(runpod_lifecycle::Running, Duration::from_secs(5)).await;
        (error, wait.expect_err("nothing is known of it"))
    });
    let (error, wait) = errors.unwrap();
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    assert!(error.to_string().contains("abc") && error.to_string().contains("another"), "{error}");
    assert_eq!(wait.pod_id(), "abc");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_an_error() {
    let huge = vec![b' '; 65 * 1024 * 1024];
    let server = Server::start(move |_, _| json(200, &huge)).await;
    let error = server.runpod().restart("abc").await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::Unreadable, "{error}");
    let server =
        Server::start(|_, _| with_headers(200, &format!("x-long: {}\r\n", "a".repeat(1 << 20)), "{}")).await;
    assert!(server.runpod().restart("abc").await.is_err(), "so are headers");
    let server = Server::start(|_, _| with_headers(200, &"x-many: 1\r\n".repeat(5000), "{}")).await;
    assert!(server.runpod().restart("abc").await.is_err(), "and many of them");
}

#[test]
fn a_create_whose_answer_is_too_large_may_have_made_a_pod() {
    let error = run_fast(40, async {
        let server = Server::start(|head, number| match head {
            head if head.starts_with("GET /v2/pods") && number > 3 => json(503, "{}"),
            head => account(head, || json(201, vec![b' '; 65 * 1024 * 1024])),
        })
        .await;
        server.runpod().deploy(&spec()).await.expect_err("nobody can tell")
    });
    let error = error.unwrap();
    assert!(matches!(error, DeployError::Unclear { .. }) && error.may_bill(), "{error}");
}

#[tokio::test]
async fn json_that_is_too_deep_is_an_error() {
    for depth in [200, 100_000, 1_000_000] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for body in [
            deep.clone(),
            format!(r#"{{"id":"abc","name":{deep}}}"#),
            format!(r#"{{"id":"abc","unknown":{deep}}}"#),
            format!(r#"{{"pods":[{{"id":"abc","env":{deep}}}]}}"#),
            format!(r#"{{"title":{deep}}}"#),
        ] {
            for status in [200, 400] {
                let body = body.clone();
                let server = Server::start(move |_, _| json(status, &body)).await;
                // Unknown fields may hold what they like; nothing overflows.
                let _ = server.runpod().restart("abc").await;
                if status == 400 {
                    assert!(server.runpod().list().await.is_err());
                }
            }
        }
    }
}

#[test]
fn a_list_without_end_is_an_error() {
    let page = |number: usize, id: &str| {
        let pagination = json!({"nextCursor": format!("c{number}"), "hasNextPage": true});
        json(200, json!({"pods": [{"id": id, "name": "x"}], "pagination": pagination}).to_string())
    };
    for is_new in [true, false] {
        let error: Error = run_fast(40, async move {
            let server = Server::start(move |_, number| match is_new {
                true => page(number, &format!("pod{number}")),
                false => page(number, &format!("pod{}", number % 2)),
            })
            .await;
            server.runpod().list().await.expect_err("it has no end")
        })
        .unwrap();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(error.to_string().contains("do not come to an end"), "{error}");
    }
}

#[test]
fn a_log_line_without_end_is_an_error() {
    let (error, connections) = run_fast(40, async {
        let server = Server::start(|_, _| {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: ";
            [head.as_bytes(), &vec![b'a'; 3 * 1024 * 1024]].concat()
        })
        .await;
        let line = server.runpod().logs("abc").follow().next().await;
        (line.expect("it ends").expect_err("it is no line"), server.heard().len())
    })
    .unwrap();
    assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
    assert_eq!(connections, 10, "it is tried again, but not for ever");
}

#[test]
fn retry_after_holds_back_every_call_of_the_handle() {
    let pauses = run_fast(40, async {
        let server = Server::start(|_, number| match number {
            0 => with_headers(429, "retry-after: 20\r\n", "{}"),
            _ => json(200, r#"{"id":"abc","pods":[]}"#),
        })
        .await;
        let runpod = server.runpod();
        let started = Instant::now();
        runpod.restart("abc").await.expect_err("it is not repeated");
        let refused = started.elapsed();
        runpod.get("abc").await.expect("it waits, then goes through");
        (refused, started.elapsed())
    });
    let (refused, answered) = pauses.unwrap();
    assert!(refused < Duration::from_secs(5), "{refused:?}");
    assert!(answered >= Duration::from_secs(20), "{answered:?}");
}

#[test]
fn control_characters_of_a_server_reach_no_terminal() {
    const EVIL: &str = "\u{1b}[2J\u{7}\u{9b}31m\r\n\u{0}";
    let texts = run_fast(40, async {
        let problem = json!({"title": EVIL, "detail": EVIL, "errors": [EVIL]}).to_string();
        let server = Server::start(move |head, _| account(head, || json(400, &problem))).await;
        let (sender, events) = std::sync::mpsc::channel();
        let runpod = server.runpod().on_event(move |event: &Event| sender.send(event.to_string()).unwrap());
        let mut texts = vec![runpod.deploy(&spec()).await.expect_err("refused").to_string()];
        let other = json!({"id": format!("abc{EVIL}"), "name": "x"}).to_string();
        let server = Server::start(move |_, _| json(200, &other)).await;
        texts.push(server.runpod().get("abc").await.expect_err("that is another pod").to_string());
        let pod = json!({"id": "abc", "name": EVIL, "status": EVIL, "ports": [EVIL]}).to_string();
        let server = Server::start(move |_, _| json(200, &pod)).await;
        let (sender, more_events) = std::sync::mpsc::channel();
        let runpod = server.runpod().on_event(move |event: &Event| sender.send(event.to_string()).unwrap());
        let pod = runpod.get("abc").await.expect("it can be read");
        let wait = pod.wait_until(runpod_lifecycle::Running, Duration::from_secs(3)).await;
        texts.push(wait.expect_err("it never runs").to_string());
        texts.push(format!("{:?}", pod.state));
        texts.extend(events.try_iter().chain(more_events.try_iter()));
        texts
    })
    .unwrap();
    assert!(texts.len() > 3);
    for text in texts {
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}
