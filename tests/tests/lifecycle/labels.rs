//! Labels: written into the pod, found by another process, and doubted where RunPod hides them.

use std::{collections::BTreeMap, time::Duration};

use runpod_bench::clock::run_fast;
use runpod_lifecycle::{PodSpec, RunPod};
use runpod_sim::{BootProfile, Sim};
use serde_json::{Value, json};

use crate::{
    mock::{fresh_pod, handle},
    script::{ID, Script, To, listed, not_found, pod, refusal},
    scripted::{Scripted, account},
    world::{GPU, settings, spec, world},
};

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn ids(pods: &[runpod_lifecycle::PodHandle]) -> Vec<&str> {
    pods.iter().map(|pod| pod.id.as_str()).collect()
}

#[tokio::test]
async fn labels_are_written_beside_the_marker_and_read_back() {
    let world = world().await;
    let spec = spec("labelled").label("job", "6").label("team", "ü=\"1\"").label("job", "7");
    let expected = labels(&[("job", "7"), ("team", "ü=\"1\"")]);
    assert_eq!(spec.get_labels().collect::<Vec<_>>(), [("job", "7"), ("team", "ü=\"1\"")]);
    let pod = world.runpod.deploy(&spec).await.unwrap();
    assert_eq!(pod.labels(), expected);
    let sent = world.sim.pod_json(&pod.id).unwrap();
    assert_eq!(sent["env"]["RUNPOD_LIFECYCLE_LABELS"], json!({"job": "7", "team": "ü=\"1\""}).to_string());
    let plain = world.runpod.deploy(&crate::world::spec("plain")).await.unwrap();
    assert!(plain.labels().is_empty());
    assert_eq!(world.sim.pod_json(&plain.id).unwrap()["env"]["RUNPOD_LIFECYCLE_LABELS"], Value::Null);
}

#[tokio::test]
async fn a_template_hands_no_labels_on() {
    let server = Scripted::start(|request, _| account(request)).await;
    let runpod = server.runpod();
    runpod.deploy(&spec("one").template("t1")).await.unwrap();
    runpod.deploy(&spec("two").template("t1").label("a", "b")).await.unwrap();
    let written: Vec<Value> =
        server.creates().iter().map(|create| create["env"]["RUNPOD_LIFECYCLE_LABELS"].clone()).collect();
    assert_eq!(written, [json!(""), json!("{\"a\":\"b\"}")]);
}

#[test]
fn labels_that_cannot_be_kept_are_problems_of_the_spec() {
    let spec = || PodSpec::gpu("p", "image", [GPU]);
    let long = "x".repeat(64);
    for (key, value) in
        [("", "v"), (" a", "v"), ("a b", "v"), ("a=b", "v"), ("ü", "v"), (&long, "v"), ("a", "b\nc")]
    {
        let error = spec().label(key, value).validate().expect_err(key);
        assert!(error.to_string().contains("label \""), "{error}");
    }
    spec().label("a", "x".repeat(256)).validate().expect_err("the value is too long");
    spec().label(&long[..63], "").label("A.b_c-9", "x".repeat(255)).validate().expect("these are fine");
    let many = (0..65).fold(spec(), |spec, n| spec.label(format!("k{n}"), "v"));
    assert!(many.validate().expect_err("too many").to_string().contains("at most 64"));
}

#[test]
fn another_process_finds_a_fleet_by_its_label_once_it_is_listed_and_the_own_one_at_once() {
    run_fast(50, async {
        let settings = settings().time_scale(1.0).boot(BootProfile::fixed(Duration::from_secs(5)));
        let sim = settings.real_endpoints(false).list_lag(Duration::from_secs(9)).start().await.unwrap();
        let handle = |sim: &Sim| RunPod::builder(sim.api_key()).base_url(sim.url()).build().unwrap();
        let (own, other) = (handle(&sim), handle(&sim));
        let mut made = Vec::new();
        for (name, job) in [("a", "7"), ("b", "7"), ("c", "8")] {
            made.push(own.deploy(&spec(name).label("job", job)).await.unwrap());
        }
        own.deploy(&spec("plain")).await.unwrap();
        assert!(other.list_labelled("job", "7").await.unwrap().pods.is_empty(), "lists lag");
        let mut found = own.list_labelled("job", "7").await.unwrap().pods;
        found.sort_by_key(|pod| pod.name.clone());
        assert_eq!(ids(&found), ids(&made[..2]));
        sim.advance(Duration::from_secs(30));
        made[0].terminate().await.unwrap();
        for runpod in [&own, &other] {
            let found = runpod.list_labelled("job", "7").await.unwrap();
            assert_eq!((ids(&found.pods), found.unreadable.len()), (ids(&made[1..2]), 0));
        }
        let ended = other.terminate_all(other.list_labelled("job", "7").await.unwrap().pods).await;
        assert!(ended.len() == 1 && ended[0].outcome.is_ok());
    })
    .expect("a runtime");
}

fn labelled(env: Value) -> Value {
    pod(json!({"id": "aaaaaaaaaaaaaa", "name": "other", "env": env}))
}

#[tokio::test]
async fn a_pod_whose_labels_are_hidden_is_asked_for_by_its_id_and_then_told_of() {
    let shown =
        json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": "0".repeat(32), "RUNPOD_LIFECYCLE_LABELS": "{\"job\":\"7\"}"});
    let other =
        json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": "0".repeat(32), "RUNPOD_LIFECYCLE_LABELS": "{\"job\":\"8\"}"});
    let stars = json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": "****", "RUNPOD_LIFECYCLE_LABELS": "****"});
    let half = json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": "0".repeat(32), "RUNPOD_LIFECYCLE_LABELS": "****"});
    let foreign = json!({"HOME": "/root"});
    let get = |env: &Value| (200, labelled(env.clone()));
    // What the list shows, what a get by the id does; then found, told of, and warned of.
    for (list, by_id, found, unreadable, warned) in [
        (&shown, refusal(500, "not asked"), 1, 0, false),
        (&other, refusal(500, "not asked"), 0, 0, false),
        (&foreign, refusal(500, "not asked"), 0, 0, false),
        (&json!({}), get(&shown), 1, 0, false),
        (&json!(null), get(&other), 0, 0, false),
        (&stars, get(&shown), 1, 0, false),
        (&half, get(&shown), 1, 0, false),
        (&half, get(&half), 0, 1, false),
        (&stars, get(&stars), 0, 1, false),
        (&json!({}), get(&json!({})), 0, 1, false),
        (&json!({}), refusal(403, "not this"), 0, 1, true),
        // A list that shows a pod a moment ago outweighs a get that does not know it.
        (&json!({}), not_found(), 0, 1, false),
    ] {
        let script = Script::new().await;
        script.set(To::List, listed([labelled(list.clone())]));
        script.set(To::Get, by_id);
        let answer = script.runpod().list_labelled("job", "7").await.expect("the list can be read");
        assert_eq!((answer.pods.len(), answer.unreadable.len()), (found, unreadable), "{list}");
        assert!(answer.unreadable.iter().all(|id| id == "aaaaaaaaaaaaaa"));
        assert_eq!(
            script.heard().contains("the labels of pod aaaaaaaaaaaaaa are not known"),
            warned,
            "{list}"
        );
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_told_of_or_an_error() {
    let script = Script::new().await;
    script.set(To::List, listed([json!({"id": "bbbbbbbbbbbbbb", "ports": 5, "env": 7, "name": 9})]));
    let answer = script.runpod().list_labelled("job", "7").await.expect("its id can be read");
    assert!(answer.pods.is_empty() && answer.unreadable == ["bbbbbbbbbbbbbb"], "{answer:?}");
    script.set(To::List, listed([json!(5)]));
    script.runpod().list_labelled("job", "7").await.expect_err("nobody knows what that is");
    script.set(To::List, refusal(500, "no"));
    script.runpod().list_labelled("job", "7").await.expect_err("a failed lookup is never none");
}

#[tokio::test]
async fn a_create_whose_answer_shows_other_labels_warns() {
    let server = httpmock::MockServer::start_async().await;
    crate::mock::empty_account(&server);
    server.mock(|when, then| {
        when.method("POST").path("/v2/pods");
        then.respond_with(|request: &httpmock::HttpMockRequest| {
            let sent: Value = serde_json::from_slice(request.body_ref()).unwrap();
            let mut pod = fresh_pod();
            pod["env"] = json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": sent["env"]["RUNPOD_LIFECYCLE_DEPLOYMENT"]});
            httpmock::HttpMockResponse::builder().status(201).body(pod.to_string()).build()
        });
    });
    let told = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let teller = std::sync::Arc::clone(&told);
    let runpod = handle(&server).on_event(move |event| *teller.lock().unwrap() += &event.to_string());
    runpod.deploy(&crate::mock::spec().label("job", "7")).await.expect("it is accepted");
    let told = told.lock().unwrap();
    assert!(told.contains(&format!("the labels of pod {ID} are not known")), "{told}");
}
