//! Anything a server may send ends in a value or an error.

use std::{path::Path, sync::Mutex, time::Duration};

use proptest::{prelude::*, strategy::ValueTree};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::ApiVersion;
use runpod_sim::Sim;
use runpod_sindri::{DeployOptions, Provider, RunpodProvider};
use serde_json::{Value, json};

use crate::{
    exchanges, properties,
    wire::{Server, with_headers},
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

/// Bodies of a list's pages, or of any other answer.
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

/// A `sindri.yaml`, written as JSON: a sound one with some of its keys exchanged for anything; or any text.
fn any_config() -> impl Strategy<Value = String> {
    let sound = json!({
        "version": "3.0", "name": "a", "extensions": {"profile": "x"},
        "deployment": {"provider": "runpod", "image": "a", "resources": {"gpu": {"tier": "gpu-small", "count": 1}}},
        "secrets": [{"name": "A", "source": "env"}], "providers": {"runpod": {}, "fly": {"region": "x"}},
    });
    let places = [
        "/version",
        "/name",
        "/extensions",
        "/deployment",
        "/deployment/provider",
        "/deployment/image",
        "/deployment/resources/gpu",
        "/deployment/resources/gpu/count",
        "/secrets",
        "/secrets/0/name",
        "/secrets/0/source",
        "/providers",
    ];
    let settings = [
        "gpuType",
        "gpuCount",
        "cpuOnly",
        "vcpuCount",
        "containerDiskGb",
        "volumeSizeGb",
        "volumeMountPath",
        "cloudType",
        "region",
        "spot",
        "ports",
        "networkVolumeId",
        "publicIp",
        "exposePorts",
        "startSsh",
        "cpuInstanceId",
        "templateId",
        "unknown",
    ];
    let likely = prop_oneof![
        (0..100u32).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec!["ADA_24", "COMMUNITY", "/data", "22/tcp", "cpu3c-2-4", "-", ""])
            .prop_map(Value::from),
        prop::collection::vec("[0-9]{1,5}/(tcp|http)", 0..3).prop_map(Value::from),
    ];
    let value = prop_oneof![3 => likely, 1 => any_json()].boxed();
    let changes = prop::collection::vec((prop::sample::select(places.to_vec()), any_json()), 0..2);
    let own = prop::collection::vec((prop::sample::select(settings.to_vec()), value), 0..4);
    let written = (changes, own).prop_map(move |(changes, own)| {
        let mut config = sound.clone();
        own.into_iter().for_each(|(key, value)| config["providers"]["runpod"][key] = value);
        for (place, value) in changes {
            if let Some(old) = config.pointer_mut(place) {
                *old = value;
            }
        }
        config.to_string()
    });
    prop_oneof![9 => written, 1 => any::<String>()]
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

/// The files of a fuzz target.
fn corpus(target: &str) -> impl Iterator<Item = Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let files = std::fs::read_dir(folder).expect("every target has a corpus");
    files.map(|file| std::fs::read(file.expect("it can be listed").path()).expect("it can be read"))
}

/// The same where the target wants text.
fn texts(target: &str) -> impl Iterator<Item = String> {
    corpus(target).filter_map(|bytes| String::from_utf8(bytes).ok())
}

#[test]
fn what_the_fuzzer_kept_still_holds() {
    corpus("pod_list_v2").for_each(|bytes| properties::pod_list_v2(&bytes));
    corpus("pod_list_v1").for_each(|bytes| properties::pod_list_v1(&bytes));
    texts("port").for_each(|text| properties::port(&text));
    texts("spec").for_each(|text| properties::spec(&text));
    run_fast(1000, async {
        for bytes in corpus("problem") {
            exchanges::refusal(bytes).await;
        }
        for bytes in corpus("events") {
            exchanges::log(bytes).await;
        }
        for text in texts("headers") {
            exchanges::limits(&text).await;
        }
        for text in texts("gpu") {
            exchanges::gpu(&text).await;
        }
        for text in texts("config") {
            exchanges::config(&text).await;
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
        let count = exchanges::log(events).await;
        *lines.lock().unwrap() += count;
    });
    assert!(*lines.lock().unwrap() > 100, "some of it is fine");
}

#[test]
fn any_refusal_and_any_limit_ends_in_an_error() {
    let limits =
        [any_header(), any_header(), any_header(), any_header()].prop_map(|values| values.join("\n"));
    for_each_drawn(100, (any_body(), limits), async |(body, limits)| {
        exchanges::refusal(body).await;
        exchanges::limits(&limits).await;
    });
}

#[test]
fn any_gpu_is_in_the_catalog_or_refused() {
    let known =
        prop::sample::select(vec!["NVIDIA L4", "ADA_24", "ampere_24", " NVIDIA L4", "NVIDIA L4\n", ""]);
    let texts = prop_oneof![known.prop_map(str::to_owned), any::<String>(), "[A-Z]{3,6}_[0-9]{2}"];
    for_each_drawn(100, texts, async |text| exchanges::gpu(&text).await);
}

#[test]
fn any_config_is_refused_or_asks_for_something() {
    let accepted = Mutex::new(0);
    for_each_drawn(300, any_config(), async |yaml| {
        let is_accepted = exchanges::config(&yaml).await;
        *accepted.lock().unwrap() += usize::from(is_accepted);
    });
    let accepted = *accepted.lock().unwrap();
    assert!((25..275).contains(&accepted), "{accepted} of 300");
}

#[test]
fn what_a_config_asks_for_is_within_the_contract() {
    let created = Mutex::new(0);
    for_each_drawn(200, any_config(), async |yaml| {
        let Some(config) = properties::config(&yaml) else { return };
        let sim = Sim::builder().real_endpoints(false).start().await.expect("loopback is free");
        let provider = RunpodProvider::new()
            .environment_variables([("RUNPOD_API_KEY", sim.api_key()), ("A", "1")])
            .api_url(sim.url());
        let outcome = provider.deploy(&config, DeployOptions::default()).await;
        for request in sim.requests() {
            assert_ne!(request.status, 422, "{} refuses {yaml}", request.path);
        }
        *created.lock().unwrap() += usize::from(outcome.is_ok());
    });
    assert!(*created.lock().unwrap() > 20, "some of it is fine");
}

#[test]
fn bombs_and_depth_are_no_config() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let last = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", [last.as_str(); 10].join(", "));
    }
    let deep = |open: &str, close: &str| {
        format!("name: a\nextensions: {}1{}", open.repeat(100_000), close.repeat(100_000))
    };
    let steps: String = (0..5_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    for yaml in [
        format!("{bomb}name: a\nextensions: *a11\n"),
        format!("{bomb}name: a\nproviders: {{other: *a11}}\n"),
        "name: a\nextensions: &a [*a]".to_owned(),
        "a: &a {<<: *a}\nname: a".to_owned(),
        deep("[", "]"),
        deep("{a: ", "}"),
        deep("- ", ""),
        deep("? ", ""),
        deep("!a ", ""),
        format!("name: a\nextensions:\n{steps}"),
    ] {
        let error = properties::config(&yaml).map(|config| format!("{config:?}").len());
        assert_eq!(error, None, "{}", &yaml[..60]);
    }
}
