//! Everything that a user holds as JSON: stable names, no secrets, and specs both ways.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use httpmock::MockServer;
use runpod_lifecycle::{
    AtEnd, Cloud, Event, Hardware, IfExists, Order, Pod, PodSpec, Ready, SpecError, WaitError, WaitReport,
};
use serde_json::{Value, json};

use crate::mock::{GPU, answer_create, empty_account, fresh_pod, handle, spec};

const SENTINEL: &str = "sentinel-hunter2";

fn json_of(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("it is JSON")
}

/// A pod that runs, with addresses and a secret.
fn running() -> Value {
    let mut pod = fresh_pod();
    pod["env"] = json!({"TOKEN": SENTINEL});
    pod["ports"] = json!(["22/tcp", "8888/http"]);
    pod["ssh"]["direct"] = json!({"host": "203.0.113.7", "port": 10022, "username": "root"});
    pod["dataCenterId"] = json!("US-CA-2");
    pod
}

#[tokio::test]
async fn a_pod_and_its_addresses_have_plain_names_and_no_secrets() {
    let server = MockServer::start_async().await;
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods/k3x9q2m7v1b8z5");
        then.status(200).json_body(running());
    });
    let pod = handle(&server).get("k3x9q2m7v1b8z5").await.expect("it is there");
    let shown = json_of(&pod);
    for (field, value) in [
        ("id", json!("k3x9q2m7v1b8z5")),
        ("name", json!("trainer")),
        ("state", json!("RUNNING")),
        ("gpu", json!({"id": GPU, "count": 1})),
        ("cloud", json!("secure")),
        ("cost_usd_per_hour", json!(0.69)),
        ("ports", json!(["22/tcp", "8888/http"])),
        ("env", json!({"TOKEN": "[secret]"})),
        ("uptime_seconds", Value::Null),
        ("created_at", json!("2026-08-20T06:16:19.430Z")),
    ] {
        assert_eq!(shown[field], value, "{field}: {shown}");
    }
    let mut fields: Vec<&String> = shown.as_object().expect("an object").keys().collect();
    fields.sort();
    let documented = [
        "cloud",
        "container_disk_gb",
        "cost_usd_per_hour",
        "cpu",
        "created_at",
        "data_center",
        "env",
        "gpu",
        "has_runtime",
        "id",
        "image",
        "is_locked",
        "load",
        "memory_gb",
        "name",
        "network_volume",
        "ports",
        "registry",
        "started_at",
        "state",
        "unreadable_ports",
        "uptime_seconds",
        "volume_gb",
    ];
    assert_eq!(fields, documented);
    let connection = json_of(&pod.connection());
    assert_eq!(connection["ssh"], json!({"host": "203.0.113.7", "port": 10022, "username": "root"}));
    assert_eq!(connection["http"], json!({"8888": "https://k3x9q2m7v1b8z5-8888.proxy.runpod.net"}));
    assert!(connection["ssh_command"].as_str().is_some_and(|line| line.starts_with("ssh ")), "{connection}");
    assert!(!format!("{shown}{connection}").contains(SENTINEL));
}

#[tokio::test]
async fn a_plan_and_its_candidates_are_json_with_words_for_enums() {
    let server = MockServer::start_async().await;
    empty_account(&server);
    let spec = spec().env("TOKEN", SENTINEL);
    let plan = json_of(&handle(&server).plan(&spec).await.expect("a plan"));
    assert_eq!(plan["action"], "create");
    let candidate = &plan["candidates"][0];
    assert_eq!(candidate["hardware"], json!({"type": "gpu", "id": GPU, "count": 1}));
    assert_eq!((&candidate["cloud"], &candidate["data_centers"]), (&json!("secure"), &json!({})));
    assert!(plan["warnings"][0]["type"].is_string(), "{plan}");
    assert!(!plan.to_string().contains(SENTINEL));
    let types = handle(&server).gpu_types(1, Cloud::Secure).await.expect("the catalog");
    assert_eq!((&json_of(&types)[0]["id"], &json_of(&types)[0]["memory_gb"]), (&json!(GPU), &json!(24)));
}

#[tokio::test]
async fn events_and_reports_are_json_without_secrets() {
    let server = MockServer::start_async().await;
    empty_account(&server);
    answer_create(&server, |then| then.status(201).json_body(fresh_pod()));
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods/k3x9q2m7v1b8z5");
        let mut pod = running();
        pod["ssh"]["direct"] = Value::Null;
        then.status(200).json_body(pod);
    });
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let runpod = handle(&server).on_event(move |event| heard.lock().expect("no panic").push(event.clone()));
    let pod = runpod.deploy(&spec().env("TOKEN", SENTINEL)).await.expect("it is created");
    let other = handle(&server).get(&pod.id).await.expect("it is there");
    let heard = Arc::clone(&events);
    let wait = other.wait_until(Ready::Ssh, Duration::from_millis(300));
    let error = wait.on_event(move |event| heard.lock().expect("no panic").push(event.clone()));
    let WaitError::TimedOut { report } = error.await.expect_err("no address") else { panic!("not in time") };
    let report = json_of(&report);
    assert_eq!((&report["pod_id"], &report["longest_seconds"]), (&json!("k3x9q2m7v1b8z5"), &json!(0.3)));
    assert_eq!(report["last_pod"]["env"], json!({"TOKEN": "[secret]"}));
    let events: Vec<Event> = events.lock().expect("no panic").clone();
    let events: Vec<Value> = events.iter().map(json_of).collect();
    let created = events.iter().find(|event| event["type"] == "pod_created").expect("it is told");
    assert_eq!(
        (&created["pod_id"], &created["hardware"]),
        (&json!("k3x9q2m7v1b8z5"), &json!(format!("1x {GPU}")))
    );
    let polled = events.iter().find(|event| event["type"] == "polled").expect("it is told");
    assert!(polled["elapsed_seconds"].is_number() && polled["condition"] == "ready (ssh)", "{polled}");
    assert!(!format!("{report}{events:?}").contains(SENTINEL));
}

#[test]
fn an_event_within_an_event_has_a_type_each() {
    let event = Event::OfFleet {
        index: 3,
        name: "trainer".into(),
        event: Box::new(Event::Paused {
            operation: "get pod".into(),
            pause: Duration::from_millis(1500),
            reason: "RunPod answered 429".into(),
        }),
    };
    let paused = json!({"type": "paused", "operation": "get pod", "pause_seconds": 1.5, "reason": "RunPod answered 429"});
    let expected = json!({"type": "of_fleet", "index": 3, "name": "trainer", "event": paused});
    assert_eq!(json_of(&event), expected);
}

/// Specs that use every setting, of each kind of pod.
fn rich() -> [PodSpec; 3] {
    let gpu = PodSpec::gpu("trainer", "app:1", [GPU, "ADA_24"])
        .or_any_gpu()
        .min_vram_gb(24)
        .manufacturer("NVIDIA")
        .exclude_gpu("NVIDIA L4")
        .gpu_count(2)
        .min_ram_gb_per_gpu(32)
        .min_vcpus_per_gpu(4)
        .min_cuda_version("12.4")
        .order(Order::Cheapest)
        .max_usd_per_hour(1.5)
        .cloud(Cloud::Either)
        .data_center("US-CA-2")
        .container_disk_gb(40)
        .volume_gb(20)
        .mount_path("/data")
        .port("22/tcp")
        .port("8888/http")
        .env("MODE", "fast")
        .account_secret("HF_TOKEN", "hf")
        .label("team", "vision")
        .entrypoint(["sh", "-c"])
        .cmd(["sleep", "9"])
        .registry("login1")
        .ssh(true)
        .if_exists(IfExists::AdoptAndStart)
        .lifetime(Duration::from_millis(3_600_500))
        .at_end(AtEnd::Stop)
        .patience(Duration::from_secs(60));
    let cpu =
        PodSpec::cpu("builder", "ubuntu:24.04", 4).cpu_flavor("cpu3c").network_volume("vol1").args("make");
    let need = PodSpec::any_cpu("builder", "").template_named("base").min_vcpus(6).min_ram_gb(32);
    [gpu, cpu, need]
}

#[test]
fn a_spec_is_read_as_it_was_written() {
    for spec in rich() {
        let text = serde_json::to_string_pretty(&spec.with_secrets()).expect("it is valid");
        let read = PodSpec::from_json(&text).expect("it was written so");
        assert_eq!(format!("{read:?}"), format!("{spec:?}"), "{text}");
        let values = |spec: &PodSpec| -> Vec<String> {
            spec.get_env().map(|(name, value)| format!("{name}={}", value.expose())).collect()
        };
        assert_eq!(values(&read), values(&spec));
        let through_serde: PodSpec = serde_json::from_str(&text).expect("by its own Deserialize, too");
        assert_eq!(format!("{through_serde:?}"), format!("{spec:?}"));
    }
}

#[test]
fn a_spec_is_written_without_secrets_and_not_read_with_a_placeholder() {
    let spec = spec().env("TOKEN", SENTINEL).account_secret("HF_TOKEN", "hf");
    let shown = json_of(&spec);
    assert_eq!(shown["env"], json!({"TOKEN": "[secret]", "HF_TOKEN": {"account_secret": "hf"}}));
    assert!(!shown.to_string().contains(SENTINEL));
    let error = PodSpec::from_json(&shown.to_string()).expect_err("a value is missing");
    assert!(error.to_string().contains("variable \"TOKEN\" of env holds the placeholder"), "{error}");
    let misplaced = PodSpec::cpu("builder", "ubuntu:24.04", 2).gpu_count(3);
    assert!(serde_json::to_string(&misplaced).is_err_and(|error| error.to_string().contains("gpu_count")));
}

/// The fields of all problems of a spec.
fn problems(error: &SpecError) -> Vec<&str> {
    error.problems().iter().map(|problem| problem.field).collect()
}

#[test]
fn the_documented_names_are_the_ones_that_are_written() {
    let guide = include_str!("../../../docs/json.md");
    let (_, example) = guide.split_once("```json\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let spec = PodSpec::from_json(example).expect("it is read");
    assert_eq!((spec.name(), spec.get_gpu_count(), spec.get_at_end()), ("trainer", 2, AtEnd::Stop));
    let pod = json_of(&Pod::new("k3x9q2m7v1b8z5"));
    let report = json_of(&WaitReport::new("k3x9q2m7v1b8z5", "running"));
    let cpu = json_of(&SpecError::new("a", Vec::new()));
    for (row, value) in [("| `Pod`, ", pod), ("| `WaitReport`", report), ("| `SpecError`", cpu)] {
        let row = guide.lines().find(|line| line.starts_with(row)).expect("a row");
        for field in value.as_object().expect("an object").keys() {
            assert!(row.contains(&format!("`{field}`")), "{field} is not in: {row}");
        }
    }
}

#[test]
fn what_contradicts_itself_is_told_all_at_once() {
    let base = json!({"name": "trainer", "image": "app:1"});
    for (fields, expected) in [
        (json!({}), &["gpus"][..]),
        (json!({"any_gpu": true, "vcpus": 4}), &["vcpus"]),
        (json!({"gpus": [GPU], "min_vcpus": 4}), &["vcpus"]),
        (json!({"vcpus": 4, "min_vcpus": 2}), &["min_vcpus"]),
        (json!({"vcpus": 4, "gpu_count": 2}), &["gpu_count"]),
        (json!({"any_gpu": true, "cpu_flavors": ["cpu3c"]}), &["cpu_flavor"]),
        (json!({"any_gpu": true, "min_ram_gb": 4}), &["min_ram_gb"]),
        (json!({"any_gpu": true, "template": "t"}), &["image"]),
        (json!({"any_gpu": true, "lifetime_seconds": -1}), &["lifetime"]),
        (json!({"any_gpu": true, "lifetime_seconds": 1e300}), &["lifetime"]),
        (json!({"any_gpu": true, "cmd": ["a"], "args": "b"}), &["args"]),
    ] {
        let mut document = base.clone();
        let merged = document.as_object_mut().expect("an object");
        merged.extend(fields.as_object().expect("an object").clone());
        let error = PodSpec::from_json(&document.to_string()).expect_err("it contradicts itself");
        assert_eq!(problems(&error), expected, "{fields}: {error}");
        assert_eq!(error.pod_name(), "trainer");
    }
    let several = json!({"name": "", "image": "", "any_gpu": true, "ports": ["22"], "volume_gb": 1, "patience_seconds": -1});
    let error = PodSpec::from_json(&several.to_string()).expect_err("nothing of it is right");
    assert!(problems(&error).len() >= 4, "{error}");
}

#[test]
fn what_is_no_field_or_no_value_is_told_with_what_is_allowed_and_never_with_a_secret() {
    for (text, words) in [
        ("{\"name\": \"a\", \"imgae\": \"b\"}", "unknown field `imgae`, expected one of `name`, `image`"),
        ("{\"cloud\": \"blue\"}", "\"blue\" is no cloud: it may be secure, community or either"),
        ("{\"if_exists\": \"keep\"}", "it may be fail, adopt, adopt_and_start or replace"),
        ("{\"gpu_count\": \"two\"}", "expected u32"),
        ("{\"env\": \"sentinel-hunter2\"}", "env is an object of names and values"),
        (
            "{\"env\": {\"TOKEN\": \"sentinel-hunter2\", \"TOKEN\": \"other\"}}",
            "variable \"TOKEN\" of env is given twice",
        ),
        ("{\"name\": \"a\", \"\\u001b[31m\": 1}", "unknown field `\\u{1b}[31m`"),
        ("{\"env\": [\"sentinel-hunter2\"]}", "env is an object of names and values"),
        ("{\"env\": {\"PIN\": [\"sentinel-hunter2\"]}}", "variable \"PIN\" of env is a text, or a reference"),
        (
            "{\"env\": {\"PIN\": {\"sentinel-hunter2\": 1}}}",
            "variable \"PIN\" of env is a text, or a reference",
        ),
        ("", "line 1 column 0"),
        ("[]", "expected an object with the settings of a pod"),
        ("[\"trainer\", \"app:1\"]", "expected an object with the settings of a pod"),
        ("{\"name\": ", "line 1 column 9"),
    ] {
        let error = PodSpec::from_json(text).expect_err("it is none");
        assert_eq!(problems(&error), ["json"], "{text}: {error}");
        let said = format!("{error} {error:?}");
        assert!(said.contains(words), "{text}: {said}");
        assert!(!said.contains(SENTINEL), "{text}: {said}");
    }
    let endless = PodSpec::from_json(&format!("{{\"{}\": 1}}", "x".repeat(1_000_000)));
    assert!(endless.expect_err("it is no field").to_string().len() < 3000);
}

#[test]
fn the_schema_of_a_spec_accepts_what_is_written_and_refuses_what_is_not_read() {
    let schema = serde_json::to_value(schemars::schema_for!(PodSpec)).expect("it is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a fine schema");
    for spec in rich() {
        let document = json_of(&spec);
        assert!(validator.is_valid(&document), "{:?}", validator.iter_errors(&document).next());
    }
    for wrong in [
        json!({"name": "a", "imgae": "b"}),
        json!({"name": "a", "cloud": "blue"}),
        json!({"name": "a", "env": {"PIN": 1}}),
        json!({"name": "a", "env": {"PIN": {"secret": "x"}}}),
        json!({"image": "b"}),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
    let fields = schema["properties"].as_object().expect("an object");
    assert!(fields.values().all(|field| field["description"].is_string()), "each is described");
}

#[test]
fn an_error_is_json_with_its_kind_and_the_whole_text() {
    use runpod_lifecycle::{Error, ErrorKind};
    let error = Error::new(ErrorKind::RateLimited, "get pod", "too many requests")
        .with_target("k3x9q2m7v1b8z5")
        .with_retry_after(Duration::from_secs(7));
    let text = error.to_string();
    let expected = json!({
        "kind": "rate_limited", "operation": "get pod", "target": "k3x9q2m7v1b8z5", "status": null,
        "message": "too many requests", "request_id": null, "retry_after_seconds": 7.0, "text": text,
    });
    assert_eq!(json_of(&error), expected);
    assert_eq!(json_of(&Hardware::Cpu { flavor: "cpu3c".into(), vcpus: 2 })["type"], "cpu");
}
