use std::time::{Duration, Instant};

use runpod_sim::{Area, Behavior, HttpAnswer};
use serde_json::json;

use crate::client::{Answer, Caller, frozen, id, order};

/// Asks for a path of port 8888 through the proxy.
async fn fetch(caller: &Caller, pod: &str, path: &str) -> Answer {
    let url = format!("/_sim/proxy/{pod}/8888{path}");
    caller.get(&url).await
}

/// A pod all of whose services are up.
async fn ready(caller: &Caller) -> String {
    let pod = id(&caller.create(order(json!({}))).await);
    caller.advance(40);
    let up = async { while fetch(caller, &pod, "/up").await.status == 502 {} };
    tokio::time::timeout(Duration::from_secs(20), up).await.unwrap();
    pod
}

#[tokio::test]
async fn http_ports_answer_as_they_are_told() {
    let starting = HttpAnswer::new(200).path("/health").body("starting").until(Duration::from_secs(60));
    let slow = Duration::from_millis(30);
    let caller = Caller::of(frozen().http_answer(HttpAnswer::new(404).path("/")).http_answer(starting)).await;
    let pod = ready(&caller).await;
    let answer =
        HttpAnswer::new(503).port(8888).path("/slow").delay(slow).body("{}").content_type("application/json");
    caller.sim.add_http_answer(answer).unwrap();
    assert_eq!(fetch(&caller, &pod, "/").await.status, 404);
    assert_eq!(fetch(&caller, &pod, "/health").await.text, "starting");
    let begun = Instant::now();
    let late = fetch(&caller, &pod, "/slow").await;
    assert_eq!(
        (late.status, late.header("content-type"), late.text.as_str()),
        (503, "application/json", "{}")
    );
    assert!(begun.elapsed() >= slow);
    caller.advance(60);
    assert_eq!(fetch(&caller, &pod, "/health").await.text, "simulated service on port 8888\n");
    let rule = json!({ "status": 201, "pod": "other" });
    assert_eq!(caller.post("/_sim/http-answers", rule).await.json(), json!({ "http_answers": 4 }));
    caller.delete("/_sim/http-answers").await;
    assert_eq!(fetch(&caller, &pod, "/").await.status, 200);
    for (rule, words) in [
        (json!({ "status": 99 }), "`status`"),
        (json!({ "status": 200, "path": "x" }), "`path`"),
        (json!({ "status": 200, "delay_seconds": 601 }), "`delay_seconds`"),
        (json!({ "body": "x" }), "status"),
    ] {
        caller.post("/_sim/http-answers", rule).await.refused(422, words);
    }
}

#[tokio::test]
async fn the_edge_has_statuses_of_its_own() {
    let caller = Caller::of(frozen()).await;
    let pod = ready(&caller).await;
    for status in [520, 521, 522, 523, 524, 525, 526, 530] {
        caller.sim.clear_http_answers();
        caller.sim.add_http_answer(HttpAnswer::new(status)).unwrap();
        let answer = fetch(&caller, &pod, "/").await;
        assert_eq!((answer.status, answer.header("server")), (status, "cloudflare"));
        assert!(answer.text.starts_with("<!DOCTYPE html>"));
        let url = caller.sim.http_url(&pod, 8888).unwrap();
        let own = crate::client::client().build().unwrap().get(url).send().await.unwrap();
        assert_eq!(own.status(), 200, "the port itself knows nothing of the edge");
    }
    let behavior = Behavior { edge_statuses: vec![521], ..Behavior::default() };
    let caller = Caller::of(frozen().behavior(behavior)).await;
    let pod = id(&caller.create(order(json!({}))).await);
    caller.advance(30);
    assert_eq!(fetch(&caller, &pod, "/").await.status, 521, "nothing listens yet");
}

#[tokio::test]
async fn a_key_may_lack_the_rights_to_an_area() {
    let builder = frozen().deny(Area::Catalog).deny(Area::SshKeys).deny(Area::Volumes).deny(Area::Logs);
    let caller = Caller::of(builder).await;
    let pod = id(&caller.create(order(json!({}))).await);
    for (path, area) in [
        ("/v2/catalog/gpus".to_owned(), "the catalog"),
        ("/v2/catalog/datacenters".to_owned(), "the catalog"),
        ("/v2/account/ssh-keys".to_owned(), "SSH keys"),
        ("/v2/network-volumes".to_owned(), "network volumes"),
        (format!("/v2/pods/{pod}/logs"), "pod logs"),
    ] {
        caller.get(&path).await.refused(403, &format!("no permission for {area}"));
    }
    assert_eq!(caller.get("/v2/templates").await.status, 200);
    caller.sim.set_denied(Area::Catalog, false);
    assert_eq!(caller.get("/v2/catalog/gpus").await.status, 200);
    let account = caller.put("/_sim/account", json!({ "denied": ["pods"] })).await.json();
    assert_eq!(account["denied"], json!(["pods"]));
    caller.get("/v2/pods").await.refused(403, "pods");
}
