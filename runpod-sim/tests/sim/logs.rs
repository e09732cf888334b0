use std::time::Duration;

use reqwest::{Method, Response};
use runpod_sim::{Behavior, Fault, FaultKind, LogIds};
use serde_json::{Value, json};

use crate::client::{Caller, frozen, id, order};

const LONG: Duration = Duration::from_secs(20);

/// An open log and what was read of it.
struct Log {
    response: Response,
    text: String,
}

impl Log {
    async fn open(caller: &Caller, id: &str, query: &str, resume: Option<&str>) -> Self {
        let mut request = caller.request(Method::GET, &format!("/v2/pods/{id}/logs{query}"));
        if let Some(cursor) = resume {
            request = request.header("last-event-id", cursor);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// Reads on until the text holds `words`.
    async fn until(&mut self, words: &str) {
        let read = async {
            while !self.text.contains(words) {
                let chunk = self.response.chunk().await.unwrap().expect("the log has ended");
                self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        };
        tokio::time::timeout(LONG, read).await.unwrap_or_else(|_| panic!("no {words:?} in {}", self.text));
    }

    /// Reads to the end of the line that holds `words`, which is the last.
    async fn whole(mut self, words: &str) -> String {
        self.until(words).await;
        assert!(self.text.ends_with("\n\n"), "{}", self.text);
        self.text
    }
}

/// The cursor and the data of each event.
fn events(text: &str) -> Vec<(String, Value)> {
    let event = |event: &str| {
        let (id, data) = event.split_once('\n')?;
        let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        Some((id.strip_prefix("id: ").unwrap().to_owned(), data))
    };
    text.split("\n\n").filter_map(event).collect()
}

fn lines(text: &str) -> Vec<String> {
    let line = |(_, data): (String, Value)| {
        format!("{}: {}", data["source"].as_str().unwrap(), data["line"].as_str().unwrap())
    };
    events(text).into_iter().map(line).collect()
}

#[tokio::test]
async fn a_log_tells_the_pull_while_it_happens_and_then_the_container() {
    let caller = Caller::of(frozen()).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(12);
    let mut log = Log::open(&caller, &id, "", None).await;
    log.until("image layer 1 of 6").await;
    assert!(!log.text.contains("layer 6"), "{}", log.text);
    caller.advance(9);
    log.until("container started").await;
    caller.advance(5);
    log.until("still working, step 1").await;
    caller.advance(5);
    log.until("still working, step 2").await;
    caller.act(&id, "stop").await;
    let told = lines(&log.whole("stop container").await);
    let expected = [
        "system: create container ubuntu:24.04",
        "system: pulling image ubuntu:24.04",
        "system: image layer 1 of 6 complete",
    ];
    assert_eq!(told[..3], expected);
    assert_eq!(told.last().unwrap(), "system: stop container");
    assert_eq!(told.len(), 14, "{told:?}");
}

#[tokio::test]
async fn a_log_is_narrowed_by_source_tail_and_time() {
    let caller = Caller::of(frozen().epoch(std::time::SystemTime::UNIX_EPOCH)).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(10 + 10 + 20 * 60);
    caller.act(&id, "stop").await;
    caller.advance(1);
    let read = async |query: &str| {
        let last = if query.contains("=container") { "step 239" } else { "stop container" };
        lines(&Log::open(&caller, &id, query, None).await.whole(last).await)
    };
    assert_eq!(read("").await.len(), 100);
    assert_eq!(read("?tail=2").await, ["container: still working, step 239", "system: stop container"]);
    let system = read("?source=system&tail=5000").await;
    assert!(system.len() == 11 && system.iter().all(|line| line.starts_with("system")), "{system:?}");
    let late = read("?since=1970-01-01T00:20:10Z&tail=5000&source=container").await;
    assert_eq!(late.first().unwrap(), "container: still working, step 238");
    for (query, words) in
        [("?tail=-1", "tail"), ("?tail=5001", "tail"), ("?source=x", "source"), ("?since=x", "since")]
    {
        caller.get(&format!("/v2/pods/{id}/logs{query}")).await.refused(422, words);
    }
    caller.get("/v2/pods/nosuchpod/logs").await.refused(404, "pod not found");
}

#[tokio::test]
async fn a_reader_that_was_cut_off_resumes_where_it_was() {
    let caller = Caller::of(frozen()).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(10 + 10 + 100);
    caller.act(&id, "stop").await;
    caller.advance(1);
    let whole = Log::open(&caller, &id, "?tail=5000", None).await.whole("stop container").await;
    let all = events(&whole);
    for cut in [0, 3, all.len() / 2, all.len() - 2] {
        let rest = Log::open(&caller, &id, "?tail=1", Some(&all[cut].0)).await.whole("stop container").await;
        assert_eq!(events(&rest), all[cut + 1..], "after {cut}");
    }
    let cursors: std::collections::BTreeSet<_> = all.iter().map(|(cursor, _)| cursor).collect();
    assert_eq!(cursors.len(), all.len(), "every line has its own cursor");
    let odd = caller.request(Method::GET, &format!("/v2/pods/{id}/logs")).header("last-event-id", "seven");
    caller.send(odd).await.refused(422, "Last-Event-ID");
}

#[tokio::test]
async fn a_log_shows_why_a_container_does_not_stay_up() {
    let every = Duration::from_secs(30);
    let caller = Caller::of(
        frozen()
            .fault(Fault::new(FaultKind::ExitLoop { every }).times(1))
            .fault(Fault::new(FaultKind::BootFailure)),
    )
    .await;
    let looping = id(&caller.create(order(json!({}))).await);
    let failing = id(&caller.create(order(json!({}))).await);
    caller.advance(20 + 61);
    let mut log = Log::open(&caller, &looping, "", None).await;
    log.until("restarting").await;
    assert_eq!(log.text.matches("container exited with code 1").count(), 2);
    let failed = Log::open(&caller, &failing, "", None).await.whole("cannot start the container").await;
    let failed = lines(&failed);
    assert_eq!(failed.last().unwrap(), "system: cannot start the container");
}

#[tokio::test]
async fn very_long_lives_are_told_by_their_end() {
    let caller = Caller::of(frozen()).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.sim.advance(Duration::from_secs(100 * 365 * 86_400));
    caller.act(&id, "stop").await;
    caller.advance(1);
    let log = Log::open(&caller, &id, "?tail=5000", None).await;
    let told = lines(&log.whole("stop container").await);
    assert!((4900..=5000).contains(&told.len()), "{}", told.len());
}

/// Returns once the log request has reached the simulator.
async fn asked(caller: &Caller) {
    let asked =
        || caller.sim.requests().iter().any(|record| record.operation.as_deref() == Some("getPodLogs"));
    let wait = async {
        while !asked() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, wait).await.unwrap();
}

#[tokio::test]
async fn nothing_comes_of_a_log_until_there_is_a_line_not_even_headers() {
    let caller = Caller::of(frozen()).await;
    let id = id(&caller.create(order(json!({}))).await);
    let open = std::pin::pin!(Log::open(&caller, &id, "", None));
    let asked = std::pin::pin!(asked(&caller));
    let first = futures_util::future::select(open, asked).await;
    let futures_util::future::Either::Right(((), open)) = first else {
        panic!("the log answered without a line");
    };
    caller.advance(10);
    let mut log = tokio::time::timeout(LONG, open).await.unwrap();
    log.until("create container").await;
}

#[tokio::test]
async fn the_edge_cuts_a_log_silent_or_not() {
    let behavior = Behavior { log_limit: Some(Duration::from_millis(50)), ..Behavior::default() };
    let caller = Caller::of(frozen().behavior(behavior).list_lag(Duration::ZERO)).await;
    let id = id(&caller.create(order(json!({}))).await);
    let path = format!("/v2/pods/{id}/logs");
    let silent = caller.request(Method::GET, &path).send().await.unwrap_err();
    assert!(silent.is_request(), "no headers came: {silent:?}");
    caller.advance(10);
    let mut log = Log::open(&caller, &id, "", None).await;
    log.until("create container").await;
    let cut = tokio::time::timeout(LONG, log.response.chunk()).await.unwrap();
    assert!(cut.is_err(), "it breaks off, it does not end");
}

#[tokio::test]
async fn a_log_may_break_in_the_middle_of_a_line() {
    let caller = Caller::of(frozen()).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(20);
    caller.sim.inject(Fault::new(FaultKind::DropMidAnswer).on("getPodLogs").times(1)).unwrap();
    let mut log = Log::open(&caller, &id, "?tail=1", None).await;
    let read = async {
        while let Ok(Some(chunk)) = log.response.chunk().await {
            log.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    tokio::time::timeout(LONG, read).await.unwrap();
    assert!(log.text.starts_with("id: ") && !log.text.ends_with("\n\n"), "{:?}", log.text);
    Log::open(&caller, &id, "?tail=1", None).await.until("container started").await;
}

#[tokio::test]
async fn ids_may_be_numbered_frames_odd_and_cursors_forgotten() {
    let behavior = Behavior {
        log_ids: LogIds::Numbered,
        odd_log_frames: true,
        log_memory: Some(Duration::from_secs(60)),
        ..Behavior::default()
    };
    let caller = Caller::of(frozen().behavior(behavior).epoch(std::time::SystemTime::UNIX_EPOCH)).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(20);
    let text = Log::open(&caller, &id, "", None).await.whole("container started").await;
    assert!(text.starts_with("id: 1970-01-01T00:00:10.000Z/000000000000\ndata: {"), "{text}");
    assert!(text.contains("id: 1970-01-01T00:00:10.000Z/000000000000\n\ndata: not json\n\n"), "{text}");
    let started = "1970-01-01T00:00:20.000Z/000000000009";
    let before = text.find(started).is_some();
    assert!(before, "{text}");
    caller.advance(5);
    let more = Log::open(&caller, &id, "", Some(started)).await.whole("still working, step 1").await;
    assert!(!more.contains("image") && !more.contains("create"), "resuming excludes what was seen: {more}");
    let path = format!("/v2/pods/{id}/logs");
    let resume = |cursor: &str| caller.request(Method::GET, &path).header("last-event-id", cursor);
    let older = resume("1969-12-31T00:00:00.000Z/000000000001");
    caller.send(older).await.refused(400, "not known");
    caller.advance(60);
    caller.send(resume(started)).await.refused(400, "not known");
}

#[tokio::test]
async fn lines_come_in_the_order_of_their_times_though_sshd_is_up_long_after_the_container() {
    let caller = Caller::of(frozen().boot(runpod_sim::BootProfile::observed())).await;
    let pod = caller.create(order(json!({ "ports": ["22/tcp"], "startSsh": true }))).await;
    caller.advance(300);
    let log = Log::open(&caller, &id(&pod), "?tail=5000", None).await.whole("step 50").await;
    let cursors: Vec<String> = events(&log).into_iter().map(|(cursor, _)| cursor).collect();
    assert!(log.contains("sshd listens"), "{log}");
    assert!(cursors.is_sorted(), "{cursors:?}");
}
