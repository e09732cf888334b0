//! Pods that outlive their time are ended; nobody else's are.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use httpmock::{HttpMockResponse, MockServer};
use runpod_lifecycle::Running;
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
        json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": "m", "RUNPOD_LIFECYCLE_EXPIRES_AT": "2020-01-01T00:00:00Z"});
    let shown = json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": "m"});
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.status(200).json_body(json!({"pods": [
            pod("broken", &json!({})), pod("hidden", &Value::Null), pod("foreign", &json!({})), pod("shown", &shown),
        ]}));
    });
    let look = |id: &str, env: &Value| {
        server.mock(|when, then| {
            when.method("GET").path(format!("/v2/pods/{id}"));
            then.status(200).json_body(pod(id, env));
        })
    };
    let looks = [look("hidden", &over), look("foreign", &json!({})), look("shown", &shown)];
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods/broken");
        problem(then, 403, "Forbidden", "not this one");
    });
    server.mock(|when, then| {
        when.method("DELETE").path("/v2/pods/hidden");
        then.status(204);
    });
    let heard: Arc<Mutex<String>> = Arc::default();
    let sink = Arc::clone(&heard);
    let runpod = handle(&server).on_event(move |event| *sink.lock().unwrap() += &format!("{event}\n"));

    let reaped = runpod.reap().await.expect("the list can be read");
    let ids: Vec<&str> = reaped.iter().map(|reaped| reaped.pod.id.as_str()).collect();
    assert_eq!(ids, ["hidden"]);
    assert!(reaped[0].outcome.is_ok());
    assert_eq!(
        looks.map(|look| look.calls()),
        [1, 1, 0],
        "one look more for each that hides its environment"
    );
    let heard = heard.lock().unwrap();
    assert!(heard.contains("broken") && heard.contains("not this one"), "{heard}");
}

#[tokio::test]
async fn what_the_list_itself_proves_overdue_is_ended_before_any_closer_look() {
    let server = MockServer::start_async().await;
    let over =
        json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": "m", "RUNPOD_LIFECYCLE_EXPIRES_AT": "2020-01-01T00:00:00Z"});
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
