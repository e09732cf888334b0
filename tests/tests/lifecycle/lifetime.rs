//! Pods that outlive their time are ended; nobody else's are.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use httpmock::{HttpMockRequest, HttpMockResponse, MockServer};
use runpod_lifecycle::{AtEnd, End, Running};
use runpod_sim::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::{
    mock::{fresh_pod, handle, problem},
    world::{LONG, spec, world},
};

#[tokio::test]
async fn only_our_own_overdue_pods_are_reaped() {
    let world = world().await;
    let overdue = world.runpod.deploy(&spec("overdue").lifetime(Duration::ZERO)).await.unwrap();
    world.runpod.deploy(&spec("young").lifetime(Duration::from_secs(3600))).await.unwrap();
    world.runpod.deploy(&spec("ageless")).await.unwrap();
    let api = world.runpod.api().expect("v2");
    let foreign = serde_json::from_value(json!({
        "name": "foreign", "image": "image", "disk": 10, "gpu": {"id": crate::world::GPU, "count": 1},
        "env": {"RUNPOD_LIFECYCLE_EXPIRES_AT": "2020-01-01T00:00:00Z"},
    }));
    let foreign = api.create_pod(&foreign.unwrap()).await.unwrap().into_inner();
    world.runpod.get(&foreign.id).await.unwrap().wait_until(Running, LONG).await.unwrap();

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
    world.runpod.deploy(&spec("overdue").lifetime(Duration::ZERO)).await.unwrap();
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
            _ => pod[name] = value.clone(),
        }
    }
    pod
}

fn dated(status: u16, date: &str, body: &Value) -> HttpMockResponse {
    HttpMockResponse::builder().status(status).header("date", date).body(body.to_string()).build()
}

/// What `reap` says of a pod, and what it sends to it, when a list shows one and a look by its id another.
async fn reaped(date: &'static str, listed: Value, by_id: Value) -> (Option<End>, Vec<String>, String) {
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
    let overdue = runpod.overdue().await.expect("the list can be read").len();
    let sent = sent.lock().expect("no test panics with it").clone();
    assert!(overdue == reaped.len() || sent == ["DELETE"], "a dry run says the same");
    let heard = heard.lock().expect("no test panics with it").clone();
    (reaped.first().map(|one| one.end), sent, heard)
}

#[tokio::test]
async fn a_lifetime_ends_by_runpods_clock_as_its_spec_says_and_never_with_data() {
    let volume = json!({"persistent": {"size": 20, "path": "/workspace"}});
    let network = json!({"network": [{"volumeId": "v", "path": "/workspace"}]});
    let stopped = |mounts: &Value| json!({"status": "EXITED", "mounts": mounts});
    let (over, none) = ("11:00", [""; 0].as_slice());
    type Row<'a> = (&'a str, &'a str, Value, Option<End>, &'a [&'a str]);
    let table: [Row<'_>; 14] = [
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
    ];
    for (what, end, members, expected, sent) in table {
        let pod = mortal("subject", end, &members);
        let (done, requests, _) = reaped(DATE, pod.clone(), pod).await;
        assert_eq!(
            (done, requests.iter().map(String::as_str).collect::<Vec<_>>()),
            (expected, sent.to_vec()),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_pod_that_was_started_since_the_list_was_made_is_left_alone() {
    let listed = mortal("subject", "11:00", &json!({"status": "EXITED"}));
    let now = mortal("subject", "11:00", &json!({"startedAt": "2026-08-20T11:59:58Z"}));
    let (done, sent, _) = reaped(DATE, listed, now).await;
    assert_eq!((done, sent), (None, Vec::new()));
}

#[tokio::test]
async fn a_pod_with_data_that_was_stopped_since_the_list_was_made_is_kept() {
    let volume = json!({"persistent": {"size": 20, "path": "/workspace"}});
    let listed = mortal("subject", "11:00", &json!({"mounts": volume}));
    let now = mortal("subject", "11:00", &json!({"status": "EXITED", "mounts": volume}));
    let (done, sent, _) = reaped(DATE, listed, now).await;
    assert_eq!((done, sent), (Some(End::Kept), Vec::new()));
}

#[tokio::test]
async fn a_pod_that_is_being_started_again_is_not_ended_by_its_old_start() {
    let volume = json!({"persistent": {"size": 20, "path": "/workspace"}});
    for word in ["PROVISIONING", "STARTING"] {
        let starts = json!({"status": word, "startedAt": "2026-08-20T10:01:00Z", "mounts": volume});
        let pod = mortal("subject", "11:00", &starts);
        let (done, sent, _) = reaped(DATE, pod.clone(), pod).await;
        assert_eq!((done, sent), (Some(End::Kept), Vec::new()), "{word}");
    }
    let stuck = mortal("subject", "11:00", &json!({"status": "STARTING"}));
    let (done, sent, _) = reaped(DATE, stuck.clone(), stuck).await;
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

#[tokio::test]
async fn without_a_date_this_machines_clock_is_taken_and_that_is_said() {
    let pod = mortal("subject", "11:00", &json!({}));
    let (done, sent, heard) = reaped("some day", pod.clone(), pod.clone()).await;
    assert_eq!((done, sent), (Some(End::Terminated), vec!["DELETE".to_owned()]), "by this machine's clock");
    assert!(heard.contains("warning") && heard.contains("this machine's clock"), "{heard}");
    let (_, _, heard) = reaped(DATE, pod.clone(), pod).await;
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
    let warnings = runpod.start("over").await.expect("it is accepted").warnings.join("; ");
    assert!(warnings.contains("lifetime") && warnings.contains("2026-08-20T13:00:0"), "{warnings}");
    let warnings = runpod.start("young").await.expect("it is accepted").warnings.join("; ");
    assert!(!warnings.contains("lifetime"), "{warnings}");
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
