//! Pods that outlive their time are ended; nobody else's are.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use httpmock::{HttpMockRequest, HttpMockResponse, MockServer};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{AtEnd, End, PodSpec, Running, Warning};
use runpod_sim::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::{
    account::{Account, accept},
    mock::{GPU, fresh_pod, handle, problem},
    scripted::{self, Scripted},
    world::{LONG, spec, world},
};

/// A lifetime that is over at once.
const MOMENT: Duration = Duration::from_millis(1);
const SPEED: u32 = 200;

#[tokio::test]
async fn only_our_own_overdue_pods_are_reaped() {
    let world = world().await;
    let overdue = world.runpod.deploy(&spec("overdue").lifetime(MOMENT)).await.unwrap();
    world.runpod.deploy(&spec("young").lifetime(Duration::from_secs(3600))).await.unwrap();
    world.runpod.deploy(&spec("ageless")).await.unwrap();
    let api = world.runpod.api().expect("v2");
    let foreign = serde_json::from_value(json!({
        "name": "foreign", "image": "image", "disk": 10, "gpu": {"id": crate::world::GPU, "count": 1},
        "env": {"RUNPOD_LIFECYCLE_EXPIRES_AT": "2020-01-01T00:00:00Z"},
    }));
    let foreign = api.create_pod(&foreign.unwrap()).await.unwrap().into_inner();
    world.runpod.get(&foreign.id).await.unwrap().wait_until(Running, LONG).await.unwrap();
    // By then it has run for so long that it cannot have been started just now.
    world.sim.advance(Duration::from_secs(600));
    while world.runpod.get(&overdue.id).await.unwrap().uptime.is_none_or(|up| up < Duration::from_secs(60)) {
        world.sim.advance(Duration::from_secs(60));
    }

    let listed: Vec<String> =
        world.runpod.overdue().await.unwrap().iter().map(|pod| pod.id.clone()).collect();
    assert_eq!(listed, [overdue.id.as_str()], "a dry run");
    assert_eq!(world.billing(), 4);

    world.sim.inject(Fault::new(FaultKind::DropAfterApply).on("deletePod").times(1)).unwrap();
    let reaped = world.runpod.reap().await.unwrap();
    assert_eq!(reaped.len(), 1);
    assert!(reaped[0].outcome.is_ok() && reaped[0].pod.id == overdue.id);
    assert_eq!(world.billing(), 3, "the others live on");
}

#[tokio::test]
async fn a_lifetime_may_be_endless() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("endless").lifetime(Duration::MAX)).await.unwrap();
    let in_a_year = SystemTime::now() + Duration::from_secs(365 * 24 * 3600);
    assert!(pod.expires_at().is_some_and(|end| end > in_a_year), "{:?}", pod.expires_at());
    assert!(world.runpod.overdue().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_broken_list_reaps_nothing() {
    let world = world().await;
    world.runpod.deploy(&spec("overdue").lifetime(MOMENT)).await.unwrap();
    world.sim.inject(Fault::new(FaultKind::Html { status: 200, applied: false }).on("listPods")).unwrap();
    world.runpod.reap().await.expect_err("nobody knows what is there");
    assert_eq!(world.billing(), 1);
}

/// A marker as deploys write them.
const MARKER: &str = "0123456789abcdef0123456789abcdef";

/// A pod in a list or by its id, with this environment.
fn pod(id: &str, env: &Value) -> Value {
    let mut pod = fresh_pod();
    (pod["id"], pod["env"]) = (json!(id), env.clone());
    pod["runtime"] = json!({"uptime": 3600, "ports": []});
    pod
}

#[tokio::test]
async fn a_pod_whose_environment_the_list_hides_is_looked_at_by_its_id() {
    let server = MockServer::start_async().await;
    let over =
        json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": MARKER, "RUNPOD_LIFECYCLE_EXPIRES_AT": "2020-01-01T00:00:00Z"});
    let shown = json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": MARKER});
    let starred = json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": "****", "RUNPOD_LIFECYCLE_EXPIRES_AT": "****"});
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.status(200).json_body(json!({"pods": [
            pod("broken", &json!({})), pod("hidden", &Value::Null), pod("foreign", &json!({})), pod("shown", &shown),
            pod("starred", &starred),
        ]}));
    });
    let look = |id: &str, env: &Value| {
        server.mock(|when, then| {
            when.method("GET").path(format!("/v2/pods/{id}"));
            then.status(200).json_body(pod(id, env));
        })
    };
    let looks =
        [look("hidden", &over), look("foreign", &json!({})), look("shown", &shown), look("starred", &over)];
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods/broken");
        problem(then, 403, "Forbidden", "not this one");
    });
    for id in ["hidden", "starred"] {
        server.mock(|when, then| {
            when.method("DELETE").path(format!("/v2/pods/{id}"));
            then.status(204);
        });
    }
    let heard: Arc<Mutex<String>> = Arc::default();
    let sink = Arc::clone(&heard);
    let runpod = handle(&server).on_event(move |event| *sink.lock().unwrap() += &format!("{event}\n"));

    let reaped = runpod.reap().await.expect("the list can be read");
    let ids: Vec<&str> = reaped.iter().map(|reaped| reaped.pod.id.as_str()).collect();
    assert_eq!(ids, ["hidden", "starred"]);
    assert!(reaped.iter().all(|reaped| reaped.outcome.is_ok()), "{reaped:?}");
    assert_eq!(
        looks.map(|look| look.calls()),
        [1, 1, 0, 1],
        "one look more for each that hides its environment"
    );
    let heard = heard.lock().unwrap();
    assert!(heard.contains("broken") && heard.contains("not this one"), "{heard}");
}

#[tokio::test]
async fn what_the_list_itself_proves_overdue_is_ended_before_any_closer_look() {
    let server = MockServer::start_async().await;
    let over =
        json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": MARKER, "RUNPOD_LIFECYCLE_EXPIRES_AT": "2020-01-01T00:00:00Z"});
    let pods = json!({"pods": [pod("hidden", &Value::Null), pod("over", &over)]});
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.status(200).json_body(pods);
    });
    let order: Arc<Mutex<Vec<&str>>> = Arc::default();
    for (method, id) in [("GET", "hidden"), ("DELETE", "over")] {
        let order = Arc::clone(&order);
        server.mock(|when, then| {
            when.method(method).path(format!("/v2/pods/{id}"));
            then.respond_with(move |_| {
                order.lock().unwrap().push(id);
                let answer = HttpMockResponse::builder();
                if id == "over" {
                    return answer.status(204).build();
                }
                answer.status(200).body(pod(id, &json!({})).to_string()).build()
            });
        });
    }
    assert_eq!(handle(&server).reap().await.expect("the list can be read").len(), 1);
    assert_eq!(*order.lock().unwrap(), ["over", "hidden"]);
}

/// The time of RunPod's answers in these tests: months from this machine's.
const DATE: &str = "Thu, 20 Aug 2026 12:00:00 GMT";

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

#[test]
fn a_lifetime_ends_by_runpods_clock_as_its_spec_says_and_never_with_data() {
    let volume = json!({"persistent": {"size": 20, "path": "/workspace"}});
    let network = json!({"network": [{"volumeId": "v", "path": "/workspace"}]});
    let stopped = |mounts: &Value| json!({"status": "EXITED", "mounts": mounts});
    let (over, none) = ("11:00", [""; 0].as_slice());
    type Row<'a> = (&'a str, &'a str, Value, Option<End>, &'a [&'a str]);
    let table: [Row<'_>; 24] = [
        ("30 min are left", "12:30", json!({}), None, none),
        ("it is over", over, json!({}), Some(End::Terminated), &["DELETE"]),
        ("over, with a volume", over, json!({"mounts": volume}), Some(End::Terminated), &["DELETE"]),
        ("started after its end", "09:00", json!({"startedAt": "2026-08-20T11:30:00Z"}), None, none),
        (
            "over again",
            "09:00",
            json!({"startedAt": "2026-08-20T10:30:00Z"}),
            Some(End::Terminated),
            &["DELETE"],
        ),
        (
            "started before its end",
            over,
            json!({"startedAt": "2026-08-20T10:59:00Z"}),
            Some(End::Terminated),
            &["DELETE"],
        ),
        ("stopped, with data", over, stopped(&volume), Some(End::Kept), none),
        (
            "who knows what, with data",
            over,
            json!({"status": "PAUSED", "mounts": volume}),
            Some(End::Kept),
            none,
        ),
        ("who knows what", over, json!({"status": "PAUSED"}), Some(End::Terminated), &["DELETE"]),
        ("stopped, without data", over, stopped(&json!({})), Some(End::Terminated), &["DELETE"]),
        ("stopped, with a network volume", over, stopped(&network), Some(End::Terminated), &["DELETE"]),
        ("to be stopped", over, json!({"atEnd": "stop", "mounts": volume}), Some(End::Stopped), &["POST"]),
        ("stopped already", over, json!({"atEnd": "stop", "status": "EXITED"}), None, none),
        ("gone already", over, json!({"status": "TERMINATED"}), None, none),
        ("failed", over, json!({"status": "ERROR"}), Some(End::Terminated), &["DELETE"]),
        ("failed, with data", over, json!({"status": "ERROR", "mounts": volume}), Some(End::Kept), none),
        (
            "on its way up, with data",
            over,
            json!({"status": "STARTING", "startedAt": null, "mounts": volume}),
            Some(End::Kept),
            none,
        ),
        (
            "on its way up for days, with data",
            over,
            json!({"status": "STARTING", "ends": "2026-08-19T11:00:00Z", "createdAt": "2026-08-19T10:00:00Z", "mounts": volume}),
            Some(End::Stopped),
            &["POST"],
        ),
        (
            "on its way up for days",
            over,
            json!({
                "status": "PROVISIONING", "ends": "2026-08-19T11:00:00Z", "createdAt": "2026-08-19T10:00:00Z",
                "startedAt": "2026-08-19T10:01:00Z",
            }),
            Some(End::Terminated),
            &["DELETE"],
        ),
        ("has run for a moment", over, json!({"runtime": null}), Some(End::Terminated), &["DELETE"]),
        (
            "with a lifetime from long before it was created",
            over,
            json!({"createdAt": "2026-08-20T10:30:00Z"}),
            Some(End::Kept),
            none,
        ),
        (
            "the same, to be stopped",
            over,
            json!({"createdAt": "2026-08-20T10:30:00Z", "atEnd": "stop", "mounts": volume}),
            Some(End::Kept),
            none,
        ),
        ("created at no time", over, json!({"createdAt": null}), Some(End::Terminated), &["DELETE"]),
        (
            "created at no time, with data",
            over,
            json!({"createdAt": null, "mounts": volume}),
            Some(End::Kept),
            none,
        ),
    ];
    for (what, end, members, expected, sent) in table {
        let pod = mortal("subject", end, &members);
        let (done, requests, _) = reaped(DATE, pod.clone(), pod);
        assert_eq!(
            (done, requests.iter().map(String::as_str).collect::<Vec<_>>()),
            (expected, sent.to_vec()),
            "{what}"
        );
    }
}

#[test]
fn a_pod_of_ours_whose_lifetime_is_nowhere_shown_is_warned_of() {
    for (value, warns) in [("********", true), ("soon", true), ("", false), ("2100-01-01T00:00:00Z", false)] {
        for marker in ["********", MARKER] {
            let env = json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": marker, "RUNPOD_LIFECYCLE_EXPIRES_AT": value});
            let pod = pod("subject", &env);
            let (done, sent, heard) = reaped(DATE, pod.clone(), pod);
            assert_eq!((done, sent), (None, Vec::new()), "{value} {marker}");
            let is_warned = heard.contains("pod subject may have outlived its lifetime, and bill");
            assert_eq!(is_warned, warns, "{value} {marker}: {heard}");
        }
    }
}

/// A volume that an answer does not tell of may be there all the same.
#[test]
fn a_stopped_pod_is_ended_only_if_an_answer_shows_that_it_has_no_volume() {
    let path = "/workspace";
    let untold = [
        Value::Null,
        json!("none"),
        json!([]),
        json!({"persistent": {}}),
        json!({"persistent": {"path": path, "size": null}}),
        json!({"persistent": {"path": path, "size": "some"}}),
        json!({"persistent": [path]}),
    ];
    for (mounts, status) in untold.iter().flat_map(|mounts| [(mounts, "EXITED"), (mounts, "ERROR")]) {
        let pod = mortal("subject", "11:00", &json!({"status": status, "mounts": mounts}));
        let (done, sent, heard) = reaped(DATE, pod.clone(), pod.clone());
        assert!(done == Some(End::Kept) || heard.contains("cannot be read"), "{status} {mounts}: {done:?}");
        assert!(sent.is_empty(), "{status} {mounts}");
        let told = mortal("subject", "11:00", &json!({"status": status, "mounts": {}}));
        if done.is_some() {
            let (done, sent, _) = reaped(DATE, pod, told);
            assert_eq!((done, sent), (Some(End::Terminated), vec!["DELETE".to_owned()]), "{status} {mounts}");
        }
    }
    let mut pod = mortal("subject", "11:00", &json!({"status": "EXITED"}));
    pod.as_object_mut().expect("members").remove("mounts");
    let (done, sent, _) = reaped(DATE, pod.clone(), pod);
    assert_eq!((done, sent), (Some(End::Kept), Vec::new()), "not a word of mounts");
}

#[test]
fn a_pod_that_was_started_since_the_list_was_made_is_left_alone() {
    let listed = mortal("subject", "11:00", &json!({"status": "EXITED"}));
    let now = mortal("subject", "11:00", &json!({"startedAt": "2026-08-20T11:59:58Z"}));
    let (done, sent, _) = reaped(DATE, listed, now);
    assert_eq!((done, sent), (None, Vec::new()));
}

#[test]
fn a_pod_with_data_that_was_stopped_since_the_list_was_made_is_kept() {
    let volume = json!({"persistent": {"size": 20, "path": "/workspace"}});
    let listed = mortal("subject", "11:00", &json!({"mounts": volume}));
    let now = mortal("subject", "11:00", &json!({"status": "EXITED", "mounts": volume}));
    let (done, sent, _) = reaped(DATE, listed, now);
    assert_eq!((done, sent), (Some(End::Kept), Vec::new()));
}

#[test]
fn a_pod_that_is_being_started_again_is_not_ended_by_its_old_start() {
    let volume = json!({"persistent": {"size": 20, "path": "/workspace"}});
    for word in ["PROVISIONING", "STARTING"] {
        let starts = json!({"status": word, "startedAt": "2026-08-20T10:01:00Z", "mounts": volume});
        let pod = mortal("subject", "11:00", &starts);
        let (done, sent, _) = reaped(DATE, pod.clone(), pod);
        assert_eq!((done, sent), (Some(End::Kept), Vec::new()), "{word}");
    }
    let stuck = mortal("subject", "11:00", &json!({"status": "STARTING"}));
    let (done, sent, _) = reaped(DATE, stuck.clone(), stuck);
    assert_eq!((done, sent), (Some(End::Terminated), vec!["DELETE".to_owned()]), "it has never run");
}

#[tokio::test]
async fn a_pod_that_this_handle_has_started_is_not_ended_by_an_answer_from_before() {
    let server = MockServer::start_async().await;
    let over = mortal("subject", "11:00", &json!({"startedAt": null}));
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        let pod = over.clone();
        then.respond_with(move |_| dated(200, DATE, &json!({"pods": [pod]})));
    });
    for (method, path) in [("GET", "/v2/pods/subject"), ("POST", "/v2/pods/subject/action")] {
        let pod = over.clone();
        server.mock(|when, then| {
            when.method(method).path(path);
            then.respond_with(move |_| dated(200, DATE, &pod));
        });
    }
    let delete = server.mock(|when, then| {
        when.method("DELETE").path("/v2/pods/subject");
        then.status(204);
    });
    let runpod = handle(&server);
    runpod.start("subject").await.expect("it is accepted");
    assert_eq!((runpod.reap().await.expect("the list can be read").len(), delete.calls()), (0, 0));
}

#[test]
fn without_a_date_this_machines_clock_is_taken_and_that_is_said() {
    let pod = mortal("subject", "11:00", &json!({}));
    let (done, sent, heard) = reaped("some day", pod.clone(), pod.clone());
    assert_eq!((done, sent), (Some(End::Terminated), vec!["DELETE".to_owned()]), "by this machine's clock");
    assert!(heard.contains("warning") && heard.contains("this machine's clock"), "{heard}");
    let (_, _, heard) = reaped(DATE, pod.clone(), pod);
    assert!(!heard.contains("this machine's clock"), "{heard}");
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
async fn what_a_part_of_the_list_proves_overdue_is_ended_before_the_rest_is_missed() {
    let server = MockServer::start_async().await;
    let over = mortal("over", "11:00", &json!({}));
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.respond_with(move |request: &HttpMockRequest| match request.uri().query() {
            Some(query) if query.contains("cursor") => {
                dated(403, DATE, &json!({"title": "Forbidden", "status": 403, "detail": "no second page"}))
            }
            _ => {
                let pagination = json!({"nextCursor": "c", "hasNextPage": true});
                dated(200, DATE, &json!({"pods": [over], "pagination": pagination}))
            }
        });
    });
    let delete = server.mock(|when, then| {
        when.method("DELETE").path("/v2/pods/over");
        then.status(204);
    });
    let error = handle(&server).reap().await.expect_err("nobody knows the rest");
    let text = error.to_string();
    assert_eq!(delete.calls(), 1);
    assert!(text.contains("no second page") && text.contains("over"), "{text}");
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

#[test]
fn a_pod_that_another_process_has_just_started_is_left_alone_although_no_answer_shows_it_yet() {
    let volume = json!({"persistent": {"size": 20, "path": "/workspace"}});
    for members in [json!({"runtime": null}), json!({"mounts": volume})] {
        run_fast(SPEED, async move {
            let over = mortal("subject", "11:00", &members);
            let mut renewed = over.clone();
            renewed["startedAt"] = json!("2026-08-20T11:59:59Z");
            let (server, shown) = (MockServer::start_async().await, Arc::new(Mutex::new(over)));
            for path in ["/v2/pods", "/v2/pods/subject"] {
                let shown = Arc::clone(&shown);
                server.mock(|when, then| {
                    when.method("GET").path(path);
                    then.respond_with(move |_| {
                        let pod = shown.lock().expect("no test panics with it").clone();
                        let body = if path == "/v2/pods" { json!({"pods": [pod]}) } else { pod };
                        dated(200, DATE, &body)
                    });
                });
            }
            let late = async {
                tokio::time::sleep(Duration::from_secs(14)).await;
                *shown.lock().expect("no test panics with it") = renewed;
            };
            let runpod = handle(&server);
            let (reaped, ()) = tokio::join!(runpod.reap(), late);
            assert!(reaped.expect("the list can be read").is_empty(), "its new lifetime has begun");
        })
        .expect("a runtime");
    }
}

#[tokio::test]
async fn no_rate_limit_holds_back_the_looks_before_an_end() {
    let over = || mortal("over", "11:00", &json!({}));
    let server = Scripted::start(move |request, _| {
        let answer = match (request.method.as_str(), request.path.split('?').next()) {
            ("GET", Some("/v2/pods")) if request.path.contains("cursor") => {
                scripted::answer(200, json!({"pods": [pod("hidden", &Value::Null)]}))
            }
            ("GET", Some("/v2/pods")) => {
                let pagination = json!({"nextCursor": "c", "hasNextPage": true});
                scripted::answer(200, json!({"pods": [], "pagination": pagination}))
            }
            ("GET", _) => {
                let mut pod = over();
                pod["id"] = json!("hidden");
                scripted::answer(200, pod)
            }
            _ => scripted::answer(204, Value::Null),
        };
        answer.header("date", DATE).header("ratelimit", "\"hour\";r=0;t=3600")
    })
    .await;
    let runpod = server.runpod();
    runpod.list().await.expect_err("nothing is left of the hour after the first page");
    runpod.overdue().await.expect_err("a dry run ends nothing, so it is held back like any look");
    let reaped = runpod.reap().await.expect("it bills while nobody looks");
    assert!(reaped.len() == 1 && reaped[0].end == End::Terminated && reaped[0].outcome.is_ok(), "{reaped:?}");
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
