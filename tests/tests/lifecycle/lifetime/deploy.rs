//! Lifetimes that deploys and starts give.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use httpmock::{HttpMockRequest, MockServer};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{AtEnd, PodSpec, Warning};
use serde_json::{Value, json};

use crate::{
    account::{Account, accept},
    lifetime::{DATE, SPEED, dated, mortal, pod},
    mock::{GPU, handle},
    scripted::{Scripted, account, answer},
    world::{LONG, spec, world},
};

#[tokio::test]
async fn a_lifetime_may_be_endless() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("endless").lifetime(Duration::MAX)).await.unwrap();
    let in_a_year = SystemTime::now() + Duration::from_secs(365 * 24 * 3600);
    assert!(pod.expires_at().is_some_and(|end| end > in_a_year), "{:?}", pod.expires_at());
    assert!(world.runpod.overdue().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_date_beyond_all_sense_ends_nobodys_program() {
    const LAST: &str = "Fri, 31 Dec 9999 23:59:59 GMT";
    let old = json!({
        "id": "old", "name": "old", "status": "EXITED", "createdAt": "9999-12-30T00:00:00Z",
        "env": {
            "RUNPOD_LIFECYCLE_EXPIRES_AT": "9999-12-31T00:00:00Z", "RUNPOD_LIFECYCLE_LIFETIME_SECONDS": "86400",
        },
    });
    let server = Scripted::start(move |request, _| match request.path.starts_with("/v2/pods/old") {
        true => answer(200, old.clone()).header("date", LAST),
        false => account(request).header("date", LAST),
    })
    .await;
    let runpod = server.runpod();
    runpod.deploy(&spec("endless").lifetime(Duration::MAX)).await.expect("it is accepted");
    let warnings = runpod.start("old").await.expect("it is accepted").warnings;
    let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|told| told.ends_with("ends at 9999-12-31T23:59:59Z")), "{told:?}");
}

#[tokio::test]
async fn a_start_after_the_end_says_when_the_new_lifetime_ends() {
    let server = MockServer::start_async().await;
    let pods = [("over", "11:00"), ("young", "12:30")]
        .map(|(id, end)| mortal(id, end, &json!({"status": "EXITED"})));
    for pod in pods {
        let id = pod["id"].as_str().expect("it has one").to_owned();
        for (method, path) in [("GET", format!("/v2/pods/{id}")), ("POST", format!("/v2/pods/{id}/action"))] {
            let pod = pod.clone();
            server.mock(|when, then| {
                when.method(method).path(path);
                then.respond_with(move |_| dated(200, DATE, &pod));
            });
        }
    }
    let runpod = handle(&server);
    let warnings = runpod.start("over").await.expect("it is accepted").warnings;
    let renewed = |warning: &Warning| matches!(warning, Warning::LifetimeRenewed { pod_id, .. } if pod_id == "over" && warning.to_string().contains("2026-08-20T13:00:0"));
    assert!(warnings.iter().any(renewed), "{warnings:?}");
    let warnings = runpod.start("young").await.expect("it is accepted").warnings;
    assert!(
        !warnings.iter().any(|warning| matches!(warning, Warning::LifetimeRenewed { .. })),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn a_deploy_counts_the_lifetime_by_runpods_clock() {
    let server = MockServer::start_async().await;
    let sent: Arc<Mutex<Value>> = Arc::default();
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.respond_with(|_| dated(200, DATE, &json!({"pods": []})));
    });
    server.mock(|when, then| {
        when.method("GET").path("/v2/catalog/gpus");
        then.respond_with(|_| dated(200, DATE, &json!({"gpus": [{"id": crate::mock::GPU}]})));
    });
    let body = Arc::clone(&sent);
    server.mock(|when, then| {
        when.method("POST").path("/v2/pods");
        then.respond_with(move |request: &HttpMockRequest| {
            let sent: Value = serde_json::from_slice(request.body_ref()).expect("it is JSON");
            *body.lock().unwrap() = sent.clone();
            dated(201, DATE, &pod("k3x9q2m7v1b8z5", &sent["env"]))
        });
    });
    let spec = crate::mock::spec().lifetime(Duration::from_secs(5400)).at_end(AtEnd::Stop);
    let pod = handle(&server).deploy(&spec).await.expect("it is accepted");
    let end = pod.expires_at().expect("it has a lifetime");
    let env = sent.lock().unwrap()["env"].clone();
    let text = env["RUNPOD_LIFECYCLE_EXPIRES_AT"].as_str().expect("it is text").to_owned();
    assert!(text.starts_with("2026-08-20T13:30:0"), "{text} {end:?}");
    assert_eq!(env["RUNPOD_LIFECYCLE_LIFETIME_SECONDS"], "5400");
    assert_eq!(pod.at_end(), Some(AtEnd::Stop));
}

/// The environment that is sent with a template, and what is heard when the answer shows this one besides.
fn deployed_from_template(spec: PodSpec, template: Value) -> (Value, String) {
    run_fast(SPEED, async move {
        let account = Account::new(move |state, sent| {
            let mut merged = sent.clone();
            for (name, value) in template.as_object().expect("members") {
                merged["env"][name] = value.clone();
            }
            accept(state, &merged, "aaaaaaaaaaaaaa")
        })
        .await;
        account.runpod().deploy(&spec).await.expect("it is accepted");
        let sent = account.state().creates[0]["env"].clone();
        (sent, account.heard())
    })
    .expect("a runtime")
}

#[test]
fn a_template_cannot_hand_a_lifetime_on() {
    let spec = || PodSpec::gpu("trainer", "", [GPU]).template("tpl");
    let names = ["EXPIRES_AT", "LIFETIME_SECONDS", "AT_END"].map(|name| format!("RUNPOD_LIFECYCLE_{name}"));
    let (sent, heard) = deployed_from_template(spec(), json!({}));
    assert!(names.iter().all(|name| sent[name] == ""), "none is inherited: {sent}");
    assert!(!heard.contains("warning"), "{heard}");
    let (sent, heard) = deployed_from_template(spec().lifetime(LONG), json!({}));
    assert!(sent[&names[0]] != "" && sent[&names[1]] == "120" && sent[&names[2]] == "", "{sent}");
    assert!(!heard.contains("warning"), "{heard}");
    let (sent, _) = deployed_from_template(spec().lifetime(LONG).at_end(AtEnd::Stop), json!({}));
    assert_eq!(sent[&names[2]], "stop");
    let plain = PodSpec::gpu("trainer", "image", [GPU]);
    let (sent, _) = deployed_from_template(plain.clone(), json!({}));
    assert!(names.iter().all(|name| sent[name].is_null()), "nothing to inherit from: {sent}");
    let inherited = json!({&names[0]: "2026-08-20T11:00:00Z", &names[1]: "3600"});
    for (spec, words) in [
        (plain.clone(), "a lifetime that nobody asked for"),
        (plain.clone().lifetime(LONG), "another lifetime"),
    ] {
        let (_, heard) = deployed_from_template(spec, inherited.clone());
        assert!(
            heard.contains("warning") && heard.contains(words) && heard.contains("aaaaaaaaaaaaaa"),
            "{heard}"
        );
    }
}

#[test]
fn a_pod_that_cannot_be_told_as_ours_later_is_warned_of_with_or_without_a_lifetime() {
    for (spec, words) in [
        (PodSpec::gpu("trainer", "image", [GPU]), "the marker"),
        (PodSpec::gpu("trainer", "image", [GPU]).lifetime(LONG), "the lifetime"),
    ] {
        let heard = run_fast(SPEED, async move {
            let account = Account::new(|state, sent| {
                let mut unmarked = sent.clone();
                unmarked["env"] = json!({});
                accept(state, &unmarked, "aaaaaaaaaaaaaa")
            })
            .await;
            account.runpod().deploy(&spec).await.expect("it is accepted");
            account.heard()
        })
        .expect("a runtime");
        assert!(
            heard.contains("warning") && heard.contains(words) && heard.contains("aaaaaaaaaaaaaa"),
            "{heard}"
        );
    }
}

#[test]
fn a_lifetime_of_nothing_is_a_problem_of_the_spec() {
    let spec = PodSpec::gpu("trainer", "image", [GPU]);
    let error = spec.clone().lifetime(Duration::ZERO).validate().expect_err("it ends before it begins");
    assert!(error.problems().iter().any(|problem| problem.field == "lifetime"), "{error}");
    spec.lifetime(Duration::from_nanos(1)).validate().expect("it is longer than nothing");
}
