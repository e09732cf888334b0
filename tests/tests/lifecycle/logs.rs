//! Logs: the past, what follows, and broken connections.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::StreamExt;
use runpod_lifecycle::{LogLine, LogSource, RunPod, Running};
use runpod_sim::{Fault, FaultKind};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use crate::{
    mock::KEY,
    world::{LONG, spec, world},
};

#[tokio::test]
async fn history_has_the_image_pull_in_the_system_log() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("talker")).await.unwrap();
    pod.wait_until(Running, LONG).await.unwrap();
    let lines = world.runpod.logs(&pod.id).source(LogSource::System).history().await.unwrap();
    assert!(!lines.is_empty() && lines.iter().all(|line| line.source == LogSource::System), "{lines:?}");
    assert!(lines.iter().any(|line| line.line.to_lowercase().contains("pull")), "{lines:?}");
    assert_eq!(world.runpod.logs(&pod.id).tail(2).history().await.unwrap().len(), 2);
    assert!(world.runpod.logs(&pod.id).tail(0).history().await.unwrap().is_empty());
}

#[tokio::test]
async fn following_survives_broken_connections_without_loss_or_repetition() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("flaky")).await.unwrap();
    pod.wait_until(Running, LONG).await.unwrap();
    world.sim.inject(Fault::new(FaultKind::DropMidAnswer).on("getPodLogs").times(2)).unwrap();
    world.sim.inject(Fault::new(FaultKind::status_before(502)).on("getPodLogs").nth(3)).unwrap();
    let followed: Vec<LogLine> = world
        .runpod
        .logs(&pod.id)
        .tail(5000)
        .follow()
        .take(12)
        .map(|line| line.expect("it goes on"))
        .collect()
        .await;
    let whole: Vec<LogLine> = world
        .runpod
        .logs(&pod.id)
        .tail(5000)
        .follow()
        .take(12)
        .map(|line| line.expect("unbroken"))
        .collect()
        .await;
    assert_eq!(followed, whole, "the same lines in the same order, each once");
}

#[tokio::test]
async fn the_log_of_an_unknown_pod_is_not_found() {
    let world = world().await;
    let error = world.runpod.logs("nosuchpod12345").history().await.expect_err("there is no such pod");
    assert_eq!(error.kind(), runpod_lifecycle::ErrorKind::NotFound);
}

/// The head of each request that came, lower case.
type Heads = Arc<Mutex<Vec<String>>>;

/// RunPod's log, which answers each connection with what `answer` has for its number, and ends it.
async fn scripted(answer: impl Fn(usize) -> String + Send + Sync + 'static) -> (RunPod, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
    let url = format!("http://{}", listener.local_addr().expect("it listens"));
    let heads = Heads::default();
    let heard = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).await.is_ok_and(|read| read > 0)
            {
            }
            let number = {
                let mut heads = heard.lock().expect("nobody panicked while holding it");
                heads.push(head.to_lowercase());
                heads.len() - 1
            };
            let _ = stream.write_all(answer(number).as_bytes()).await;
        }
    });
    (RunPod::builder(KEY).base_url(url).build().expect("loopback is fine"), heads)
}

fn events(events: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{events}")
}

fn refused(status: u16) -> String {
    let body = format!(r#"{{"title":"No","status":{status},"detail":"no such event"}}"#);
    format!(
        "HTTP/1.1 {status} No\r\ncontent-type: application/problem+json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn event(id: &str, line: &str, ts: &str) -> String {
    format!("id: {id}\ndata: {{\"source\":\"system\",\"line\":\"{line}\",\"ts\":\"{ts}\"}}\n\n")
}

async fn lines(runpod: &RunPod, count: usize) -> Vec<String> {
    let followed = runpod.logs("abc").follow().take(count);
    followed.map(|line| line.expect("it goes on").line).collect().await
}

#[tokio::test]
async fn a_log_that_is_silent_for_hours_is_followed_however_often_the_edge_cuts_it() {
    const CUTS: usize = 13;
    let (runpod, heads) = scripted(|number| match number {
        CUTS => events(&event("7", "at last", "2026-08-20T06:16:20Z")),
        number if number % 3 == 0 => refused(524),
        number if number % 3 == 1 => events(": still here\n\n"),
        _ => events("id: 6\n\n"),
    })
    .await;
    assert_eq!(lines(&runpod, 1).await, ["at last"]);
    let heads = heads.lock().unwrap();
    assert!(heads[CUTS].contains("last-event-id: 6\r\n"), "{heads:?}");
}

#[tokio::test]
async fn where_runpod_has_forgotten_the_last_line_a_log_goes_on_at_its_time() {
    for status in [400, 422] {
        let (t1, t2) = ("2026-08-20T06:16:20Z", "2026-08-20T06:16:21Z");
        let old =
            [event(&format!("{t1}/000000000001"), "a", t1), event(&format!("{t1}/000000000002"), "b", t1)];
        let before = event("2026-08-20T06:16:19Z/000000000001", "long ago", "2026-08-20T06:16:19Z");
        let (runpod, heads) = scripted(move |number| match number {
            0 => events(&old.concat()),
            1 => refused(status),
            2 => {
                events(&format!("{before}{}{}", old.concat(), event(&format!("{t2}/000000000001"), "c", t2)))
            }
            _ => events(&event(&format!("{t2}/000000000002"), "d", t2)),
        })
        .await;
        assert_eq!(lines(&runpod, 4).await, ["a", "b", "c", "d"], "{status}");
        let heads = heads.lock().unwrap();
        assert!(
            heads[1].contains(&format!("last-event-id: {}/000000000002\r\n", t1.to_lowercase())),
            "{heads:?}"
        );
        assert!(heads[2].contains("since=2026-08-20t06") && !heads[2].contains("last-event-id"), "{heads:?}");
        assert!(
            heads[3].contains(&format!("last-event-id: {}/000000000001\r\n", t2.to_lowercase())),
            "{heads:?}"
        );
    }
}

#[tokio::test]
async fn a_frame_without_data_says_where_the_log_is_and_one_without_json_is_a_line() {
    let (runpod, heads) = scripted(|number| match number {
        0 => events("id: 4\n\ndata: plain words\n\nid: 5\ndata:\n\n"),
        _ => events(&event("6", "and then", "2026-08-20T06:16:20Z")),
    })
    .await;
    assert_eq!(lines(&runpod, 2).await, ["plain words", "and then"]);
    assert!(heads.lock().unwrap()[1].contains("last-event-id: 5\r\n"));
}

#[tokio::test]
async fn the_past_of_a_log_that_says_nothing_is_empty_and_of_one_that_fails_an_error() {
    // Not even its headers come before there is a line.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
    let url = format!("http://{}", listener.local_addr().expect("it listens"));
    let silent = RunPod::builder(KEY).base_url(url).build().expect("loopback is fine");
    let (failing, _) = scripted(|_| refused(500)).await;
    let (limited, _) = scripted(|_| refused(429).replacen("\r\n", "\r\nretry-after: 60\r\n", 1)).await;
    let past = async |runpod: &RunPod| {
        let past = runpod.logs("abc").history();
        tokio::time::timeout(Duration::from_secs(30), past).await.expect("it takes at most 10 s")
    };
    let (of_silent, of_failing, of_limited) =
        futures_util::future::join3(past(&silent), past(&failing), past(&limited)).await;
    assert_eq!(of_silent.expect("there is none"), []);
    assert_eq!(of_failing.expect_err("it cannot be read").status(), Some(500));
    assert_eq!(of_limited.expect_err("it cannot be read for a minute").status(), Some(429));
}
