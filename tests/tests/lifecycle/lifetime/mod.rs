//! Pods that outlive their time are ended; nobody else's are.

mod deploy;
mod reap;
mod verdicts;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use httpmock::{HttpMockResponse, MockServer};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::End;
use serde_json::{Value, json};

use crate::mock::{fresh_pod, handle};

/// A lifetime that is over at once.
const MOMENT: Duration = Duration::from_millis(1);
const SPEED: u32 = 200;

/// A marker as deploys write them.
const MARKER: &str = "0123456789abcdef0123456789abcdef";

/// The time of RunPod's answers in these tests: months from this machine's.
const DATE: &str = "Thu, 20 Aug 2026 12:00:00 GMT";

/// A pod in a list or by its id, with this environment.
fn pod(id: &str, env: &Value) -> Value {
    let mut pod = fresh_pod();
    (pod["id"], pod["env"]) = (json!(id), env.clone());
    pod["runtime"] = json!({"uptime": 3600, "ports": []});
    pod
}

/// A pod of ours with a lifetime of an hour that ends at this time of that day, and these members.
fn mortal(id: &str, end: &str, members: &Value) -> Value {
    let mut pod = pod(
        id,
        &json!({
            "RUNPOD_LIFECYCLE_DEPLOYMENT": MARKER, "RUNPOD_LIFECYCLE_EXPIRES_AT": format!("2026-08-20T{end}:00Z"),
            "RUNPOD_LIFECYCLE_LIFETIME_SECONDS": "3600",
        }),
    );
    for (name, value) in members.as_object().expect("members") {
        match name.as_str() {
            "atEnd" => pod["env"]["RUNPOD_LIFECYCLE_AT_END"] = value.clone(),
            "ends" => pod["env"]["RUNPOD_LIFECYCLE_EXPIRES_AT"] = value.clone(),
            _ => pod[name] = value.clone(),
        }
    }
    pod
}

fn dated(status: u16, date: &str, body: &Value) -> HttpMockResponse {
    HttpMockResponse::builder().status(status).header("date", date).body(body.to_string()).build()
}

/// The verdict of `reap` on a pod, and what it sends, when a list shows one and a call by its id another.
fn reaped(date: &'static str, listed: Value, by_id: Value) -> (Option<End>, Vec<String>, String) {
    run_fast(SPEED, reaped_now(date, listed, by_id)).expect("a runtime")
}

async fn reaped_now(date: &'static str, listed: Value, by_id: Value) -> (Option<End>, Vec<String>, String) {
    let server = MockServer::start_async().await;
    let sent: Arc<Mutex<Vec<String>>> = Arc::default();
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.respond_with(move |_| dated(200, date, &json!({"pods": [listed]})));
    });
    let looked = by_id.clone();
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods/subject");
        then.respond_with(move |_| dated(200, date, &looked));
    });
    for (method, path) in [("DELETE", "/v2/pods/subject"), ("POST", "/v2/pods/subject/action")] {
        let (sent, by_id) = (Arc::clone(&sent), by_id.clone());
        server.mock(|when, then| {
            when.method(method).path(path);
            then.respond_with(move |_| {
                sent.lock().expect("no test panics with it").push(method.to_owned());
                dated(if method == "DELETE" { 204 } else { 200 }, date, &by_id)
            });
        });
    }
    let heard: Arc<Mutex<String>> = Arc::default();
    let sink = Arc::clone(&heard);
    let runpod = handle(&server)
        .on_event(move |event| *sink.lock().expect("no test panics with it") += &format!("{event}\n"));
    let reaped = runpod.reap().await.expect("the list can be read");
    assert!(reaped.len() <= 1 && reaped.iter().all(|one| one.outcome.is_ok()), "{reaped:?}");
    assert!(reaped.iter().all(|one| one.kept_because.is_some() == (one.end == End::Kept)), "{reaped:?}");
    let overdue = runpod.overdue().await.expect("the list can be read").len();
    let sent = sent.lock().expect("no test panics with it").clone();
    assert!(overdue == reaped.len() || sent == ["DELETE"], "a dry run says the same");
    let heard = heard.lock().expect("no test panics with it").clone();
    (reaped.first().map(|one| one.end), sent, heard)
}
