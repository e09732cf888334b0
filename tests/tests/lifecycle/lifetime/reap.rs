//! Reaps: pods that are ended, left alone or warned of.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use httpmock::{HttpMockRequest, HttpMockResponse, MockServer};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{End, Running};
use runpod_sim::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::{
    lifetime::{DATE, MARKER, MOMENT, SPEED, dated, mortal, pod},
    mock::{handle, problem},
    scripted::{self, Scripted},
    world::{LONG, spec, world},
};

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
async fn a_broken_list_reaps_nothing() {
    let world = world().await;
    world.runpod.deploy(&spec("overdue").lifetime(MOMENT)).await.unwrap();
    world.sim.inject(Fault::new(FaultKind::Html { status: 200, applied: false }).on("listPods")).unwrap();
    world.runpod.reap().await.expect_err("nobody knows what is there");
    assert_eq!(world.billing(), 1);
}

#[tokio::test]
async fn a_pod_whose_environment_the_list_hides_is_asked_for_by_its_id() {
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
async fn what_the_list_itself_proves_overdue_is_ended_before_any_further_call() {
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
async fn no_rate_limit_holds_back_the_calls_before_an_end() {
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
