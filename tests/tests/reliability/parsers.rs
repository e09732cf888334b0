//! Anything a server may send ends in a value or an error.

use std::{sync::Mutex, time::Duration};

use proptest::{prelude::*, strategy::ValueTree};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{ApiVersion, LogLine};
use serde_json::{Value, json};

use crate::{
    properties,
    wire::{Server, json as json_answer, with_headers},
};

/// Any JSON, a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0-9]{1,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

const FIELDS: [&str; 16] = [
    "id",
    "name",
    "status",
    "desiredStatus",
    "gpu",
    "cpu",
    "env",
    "ports",
    "portMappings",
    "publicIp",
    "ssh",
    "runtime",
    "cost",
    "mounts",
    "machine",
    "locked",
];

/// A pod as either version knows it, with some of its fields exchanged for anything.
fn any_pod() -> impl Strategy<Value = Value> {
    let sound = json!({
        "id": "abc", "name": "x", "status": "RUNNING", "desiredStatus": "RUNNING", "gpu": {"id": "g", "count": 1},
        "env": {"A": "1"}, "ports": ["22/tcp"], "portMappings": {"22": 1}, "publicIp": "203.0.113.9",
        "ssh": {"direct": {"host": "203.0.113.9", "port": 22, "username": "root"}, "proxy": null},
        "runtime": {"uptime": 1, "ports": [{"private": 22, "public": 1, "type": "tcp", "ip": "203.0.113.9"}]},
        "cost": 0.5, "mounts": {}, "locked": false,
    });
    prop::collection::vec((prop::sample::select(FIELDS.to_vec()), any_json()), 0..5).prop_map(
        move |changes| {
            let mut pod = sound.clone();
            changes.into_iter().for_each(|(field, value)| pod[field] = value);
            pod
        },
    )
}

/// What the pages of a list, or any other body, may be.
fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any_pod(), 0..4).prop_map(|pods| json!({"pods": pods}).to_string().into_bytes()),
        2 => prop::collection::vec(any_pod(), 0..4).prop_map(|pods| json!(pods).to_string().into_bytes()),
        2 => any_pod().prop_map(|pod| pod.to_string().into_bytes()),
        1 => any_json().prop_map(|json| json.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        // A body that ends too early.
        2 => (any_pod(), any::<prop::sample::Index>()).prop_map(|(pod, cut)| {
            let mut bytes = pod.to_string().into_bytes();
            bytes.truncate(cut.index(bytes.len()));
            bytes
        }),
    ]
}

/// The values of headers: right ones, nearly right ones, and anything that is no line break.
fn any_header() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("5".to_owned()),
        Just("0".to_owned()),
        "-?[0-9]{1,30}",
        "[0-9]{0,3}[.e][0-9]{0,4}",
        Just("Wed, 21 Oct 2015 07:28:00 GMT".to_owned()),
        Just("Fri, 31 Dec 9999 23:59:59 GMT".to_owned()),
        "\"[a-z]{0,6}\";r=[0-9]{0,22};t=[0-9]{0,22}(, \"hour\";r=0;t=[0-9]{1,3})?",
        "[\"a-z;=, 0-9-]{0,40}",
        "[ -~]{0,60}",
        Just("inf".to_owned()),
        Just("NaN".to_owned()),
    ]
}

/// Lines of an event stream: right ones, and anything.
fn any_events() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        3 => (any::<String>(), any_json())
            .prop_map(|(line, ts)| format!("data: {}\n", json!({"source": "system", "line": line, "ts": ts}))),
        2 => Just("\n".to_owned()),
        1 => any::<String>().prop_map(|text| format!("id: {text}\n")),
        1 => any::<String>().prop_map(|text| format!("data: {text}\r\n")),
        1 => any::<String>().prop_map(|text| format!("{text}\r")),
    ];
    prop_oneof![
        4 => prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..300),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn lists_of_either_version_lose_no_pod(body in any_body()) {
        properties::pod_list_v2(&body);
        properties::pod_list_v1(&body);
    }

    #[test]
    fn ports_are_read_strictly(text in prop_oneof![any::<String>(), "[0-9]{0,6}/?(tcp|http|udp|TCP)?"]) {
        properties::port(&text);
    }

    #[test]
    fn specs_say_what_is_wrong(text in prop_oneof![any::<String>(), "[ -~\\n\\r\\x1b]{0,40}"]) {
        properties::spec(&text);
    }
}

/// Runs `cases` drawn answers one after the other, on a fast clock.
fn for_each_drawn<S: Strategy>(cases: usize, strategy: S, mut check: impl AsyncFnMut(S::Value)) {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let drawn: Vec<S::Value> =
        (0..cases).map(|_| strategy.new_tree(&mut runner).expect("it can be drawn").current()).collect();
    run_fast(1000, async {
        for value in drawn {
            check(value).await;
        }
    })
    .expect("a runtime can be had");
}

#[test]
fn any_answer_ends_in_a_value_or_an_error_that_says_what() {
    let statuses = vec![200, 201, 204, 301, 400, 403, 404, 409, 422, 429, 500, 503, 599];
    let answers = (prop::sample::select(statuses), any_header(), any_header(), any_header(), any_body());
    let failed = Mutex::new(0);
    for_each_drawn(300, answers, async |(status, retry_after, limit, policy, body)| {
        let headers =
            format!("retry-after: {retry_after}\r\nratelimit: {limit}\r\nratelimit-policy: {policy}\r\n");
        let server = Server::start(move |_, _| with_headers(status, &headers, &body)).await;
        for version in [ApiVersion::V2, ApiVersion::V1] {
            let runpod =
                server.builder().api_version(version).timeout(Duration::from_secs(30)).build().unwrap();
            let outcomes = [
                runpod
                    .get("abc")
                    .await
                    .map(|pod| drop(format!("{pod:?} {:?}", pod.connection().ssh_command()))),
                runpod.list().await.map(drop),
                runpod.find("x").await.map(drop),
                runpod.restart("abc").await.map(drop),
                runpod.terminate("abc").await.map(drop),
                runpod.reap().await.map(drop),
            ];
            for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
                properties::error(error);
                *failed.lock().unwrap() += 1;
            }
        }
    });
    assert!(*failed.lock().unwrap() > 100, "most of it is nonsense");
}

#[test]
fn any_event_stream_ends_in_lines_and_an_error() {
    let lines = Mutex::new(0);
    for_each_drawn(300, any_events(), async |events| {
        let server = Server::start(move |_, number| match number {
            0 => [b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".as_slice(), &events].concat(),
            _ => json_answer(404, r#"{"title":"Not Found","status":404,"detail":"no such pod"}"#),
        })
        .await;
        let followed: Vec<Result<LogLine, _>> =
            futures_util::StreamExt::collect(server.runpod().logs("abc").follow()).await;
        let (last, before) = followed.split_last().expect("at least the error");
        properties::error(last.as_ref().expect_err("the second answer ends it"));
        assert!(before.iter().all(Result::is_ok));
        *lines.lock().unwrap() += before.len();
    });
    assert!(*lines.lock().unwrap() > 100, "some of it is fine");
}
