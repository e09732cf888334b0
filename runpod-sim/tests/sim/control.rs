use std::time::Duration;

use reqwest::Method;
use runpod_sim::Behavior;
use serde_json::{Value, json};

use crate::client::{Caller, RTX_4090, frozen, id, order};

#[tokio::test]
async fn everything_can_be_done_over_http() {
    let caller = Caller::of(frozen()).await;
    let seeded =
        caller.post("/_sim/pods", json!({ "pod": order(json!({})), "count": 3, "status": "EXITED" })).await;
    assert_eq!(seeded.json()["ids"].as_array().unwrap().len(), 3);
    assert_eq!(caller.get("/v2/pods").await.json()["pods"][2]["status"], "EXITED");

    caller.put("/_sim/capacity", json!({ "type": RTX_4090, "units": 0 })).await;
    caller.put("/_sim/capacity", json!({ "type": RTX_4090, "units": 1, "after_seconds": 60 })).await;
    caller.post("/v2/pods", order(json!({}))).await.refused(400, "no longer any instances");
    assert_eq!(caller.post("/_sim/advance", json!({ "seconds": 60 })).await.json()["seconds"], 60.0);
    let pod = id(&caller.create(order(json!({}))).await);

    let fault = json!({ "fault": "status", "status": 503, "on": ["getPod"], "times": 1 });
    assert_eq!(caller.post("/_sim/faults", fault).await.status, 200);
    caller.get(&format!("/v2/pods/{pod}")).await.refused(503, "");
    let reports = caller.get("/_sim/faults").await.json();
    assert_eq!(
        reports["faults"][0],
        json!({ "number": 1, "fault": "status", "on": ["getPod"], "calls": 1, "fired": 1 })
    );
    caller.delete("/_sim/faults").await;
    assert_eq!(caller.get("/_sim/faults").await.json(), json!({ "faults": [] }));

    caller.put("/_sim/account", json!({ "balance_usd": 0, "retire_v1": true })).await;
    caller.post("/v2/pods", order(json!({}))).await.refused(402, "balance");
    assert_eq!(caller.get("/v1/pods").await.status, 410);
    let account =
        caller.put("/_sim/account", json!({ "balance_usd": null, "forbidden": ["NVIDIA L4"] })).await.json();
    assert_eq!(account, json!({ "balance_usd": null, "forbidden": ["NVIDIA L4"], "denied": [] }));
    caller
        .post("/v2/pods", order(json!({ "gpu": { "id": "NVIDIA L4", "count": 1 } })))
        .await
        .refused(403, "NVIDIA L4");

    let time = caller.put("/_sim/time", json!({ "scale": 0.5 })).await.json();
    assert_eq!(
        (&time["scale"], caller.get("/_sim/time").await.json()["scale"].clone()),
        (&json!(0.5), json!(0.5))
    );
    let log = caller.get("/_sim/requests").await.json();
    assert_eq!(log["requests"][0]["operation"], "listPods");
    assert!(log["requests"].as_array().unwrap().iter().any(|record| record["fault"] == "status"));
    let ledger = caller.get("/_sim/ledger").await.json();
    let last = ledger["ledger"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["pod_id"], &last["billed_to"], &last["billed_from"]),
        (&json!(pod), &Value::Null, &json!(70.0))
    );

    caller.post("/_sim/reset", json!({})).await;
    assert_eq!(caller.get("/_sim/ledger").await.json(), json!({ "ledger": [] }));
    assert_eq!(
        caller.get("/_sim/requests").await.json(),
        json!({ "requests": [], "count": 0, "forgotten": 0, "next": null })
    );
    let state = caller.get("/_sim").await.json();
    assert_eq!((&state["pods"], &state["contractViolations"]), (&json!(0), &json!([])));
    assert_eq!(caller.get("/v1/pods").await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let caller = Caller::of(frozen()).await;
    for (path, body, words) in [
        ("/_sim/faults", json!({ "fault": "explode" }), "unknown fault `explode`"),
        ("/_sim/faults", json!({ "fault": "gone", "on": ["x"] }), "`x` is not an operation"),
        ("/_sim/faults", json!({}), "fault"),
        ("/_sim/advance", json!({ "seconds": -1 }), "0 or more"),
        ("/_sim/advance", json!({ "hours": 1 }), "hours"),
        ("/_sim/pods", json!({ "pod": order(json!({})), "count": 10_001 }), "10000"),
        ("/_sim/pods", json!({ "pod": order(json!({})), "status": "BUSY" }), "BUSY"),
        (
            "/_sim/pods",
            json!({ "pod": order(json!({ "gpu": { "id": "x", "count": 1 } })) }),
            "Unknown GPU type",
        ),
    ] {
        caller.post(path, body).await.refused(422, words);
    }
    caller.put("/_sim/time", json!({ "scale": 1e9 })).await.refused(422, "1,000,000");
    caller.put("/_sim/capacity", json!({ "type": "x", "units": -1 })).await.refused(422, "units");
    assert_eq!(caller.get("/_sim/nothing").await.status, 404);
    assert!(caller.sim.ledger().is_empty());
}

#[tokio::test]
async fn web_pages_control_nothing() {
    let caller = Caller::of(frozen()).await;
    caller.create(order(json!({}))).await;
    let own = caller.sim.url();
    for (name, value, allowed) in [
        ("origin", "http://evil.example", false),
        ("origin", "null", false),
        ("host", "evil.example", false),
        ("sec-fetch-site", "cross-site", false),
        ("origin", own.as_str(), true),
        ("host", "localhost:1", true),
    ] {
        for path in ["/_sim/ledger", "/_sim/health", "/_sim", "/_sim/proxy/x/80/"] {
            let answer = caller.send(caller.request(Method::GET, path).header(name, value)).await;
            assert_eq!(answer.status == 403, !allowed, "{name}: {value} {path}: {}", answer.text);
        }
    }
    let plain = |path: &str| {
        let page = caller.request(Method::POST, path).header("content-type", "text/plain").body("{}");
        page.header("origin", "http://evil.example")
    };
    for path in ["/_sim/reset", "/_sim/advance", "/_sim/faults"] {
        caller.send(plain(path)).await.refused(403, "web pages");
    }
    assert_eq!(caller.sim.ledger().len(), 1);
}

#[tokio::test]
async fn the_request_log_has_a_bound_pages_and_filters_and_a_count_that_never_falls() {
    let caller = Caller::of(frozen().request_log(5)).await;
    for page in 1..=7 {
        caller.get(&format!("/v2/pods?limit={page}")).await;
    }
    caller.get("/v2/pods/nosuchpod").await;
    let read = async |query: &str| -> Vec<u64> {
        let log = caller.get(&format!("/_sim/requests{query}")).await.json();
        assert_eq!((&log["count"], &log["forgotten"]), (&json!(8), &json!(3)));
        log["requests"].as_array().unwrap().iter().map(|record| record["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(read("").await, [4, 5, 6, 7, 8]);
    assert_eq!(read("?after=6").await, [7, 8]);
    assert_eq!(read("?after=4&limit=2&operation=listPods").await, [5, 6]);
    assert_eq!(read("?status=404&method=GET").await, [8]);
    assert_eq!(read("?path=/v2/pods/nosuchpod").await, [8]);
    assert_eq!(read("?fault=gone").await, Vec::<u64>::new());
    assert_eq!(caller.get("/_sim/requests?limit=2").await.json()["next"], 5);
    caller.get("/_sim/requests?limit=0").await.refused(422, "limit");
    caller.get("/_sim/requests?colour=red").await.refused(422, "colour");
    assert_eq!((caller.sim.requests().len(), caller.sim.request_count()), (5, 8));
    assert_eq!(caller.get("/_sim").await.json()["requests"], 8);
}

#[tokio::test]
async fn what_the_catalog_does_not_know_is_refused_with_what_it_knows() {
    let caller = Caller::of(frozen()).await;
    let known = "known are NVIDIA RTX A4000, NVIDIA  RTX A4500";
    caller.put("/_sim/capacity", json!({ "type": "RTX 4090", "units": 1 })).await.refused(422, known);
    caller
        .put("/_sim/capacity", json!({ "data_center": "MOON-1", "units": 1 }))
        .await
        .refused(422, "`MOON-1` is not a data center; known are AP-JP-1");
    caller.put("/_sim/account", json!({ "forbidden": ["RTX 4090"] })).await.refused(422, known);
    caller.put("/_sim/account", json!({ "denied": ["moon"] })).await.refused(422, "moon");
    caller.post("/_sim/faults", json!({ "fault": "gone", "times": 0 })).await.refused(422, "`times`");
    assert_eq!(caller.put("/_sim/account", json!({})).await.json()["forbidden"], json!([]));
}

#[tokio::test]
async fn behavior_is_changed_in_parts_and_as_a_whole() {
    let caller = Caller::of(frozen()).await;
    let change =
        json!({ "get_lag": { "median_seconds": 9 }, "list_environment": "stars", "short_pages": true });
    let behavior = caller.put("/_sim/behavior", change).await.json();
    assert_eq!(behavior["get_lag"], json!({ "median_seconds": 9.0, "sigma": 0.0 }));
    assert_eq!((&behavior["list_environment"], &behavior["disk_caps"]), (&json!("stars"), &json!(false)));
    let lag = json!({ "profile": "observed", "list_age_seconds": 3 });
    caller.put("/_sim/behavior", lag).await;
    let observed = Behavior { list_age: Duration::from_secs(3), ..Behavior::observed() };
    assert_eq!(caller.sim.behavior(), observed);
    for (change, words) in [
        (json!({ "colour": 1 }), "colour"),
        (json!({ "profile": "lunar" }), "lunar"),
        (json!({ "list_age_seconds": -1 }), "`list_age_seconds`"),
        (json!({ "get_lag": { "from_seconds": 2 } }), "`get_lag`"),
        (json!({ "get_lag": { "from_seconds": 2, "to_seconds": 1 } }), "`get_lag`"),
        (json!({ "edge_statuses": [] }), "`edge_statuses`"),
    ] {
        caller.put("/_sim/behavior", change).await.refused(422, words);
    }
    assert_eq!(caller.sim.behavior(), observed);
    caller.post("/_sim/reset", json!({})).await;
    assert_eq!(caller.get("/_sim/behavior").await.json()["list_age_seconds"], 0.0);
}

#[tokio::test]
async fn http_ports_are_reached_through_the_simulator() {
    let caller = Caller::of(frozen()).await;
    let pod = id(&caller.create(order(json!({}))).await);
    let url = |pod: &str, port: &str| caller.sim.http_proxy().replace("{pod}", pod).replace("{port}", port);
    let plain = crate::client::client().build().unwrap();
    let fetch = async |url: String| {
        let response = plain.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(fetch(url(&pod, "8888")).await.0, 404, "no port yet");
    caller.advance(30);
    assert_eq!(fetch(url(&pod, "8888")).await.0, 502, "nothing listens");
    assert_eq!(fetch(url(&pod, "22")).await.0, 404, "not an HTTP port");
    assert_eq!(fetch(url(&pod, "x")).await.0, 404);
    assert_eq!(fetch(url("nosuchpod", "8888")).await.0, 404);
    caller.advance(10);
    let up = async {
        loop {
            let (status, text) = fetch(format!("{}deep/path?query=1", url(&pod, "8888"))).await;
            if status != 502 {
                return (status, text);
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), up).await.unwrap();
    assert_eq!(answer, (200, "simulated service on port 8888\n".to_owned()));
}

#[tokio::test]
async fn faults_are_removed_one_by_one() {
    let caller = Caller::of(frozen()).await;
    for fault in ["gone", "edge-block", "html"] {
        caller.post("/_sim/faults", json!({ "fault": fault, "on": ["listPods"] })).await;
    }
    let numbers = |reports: &Value| -> Vec<u64> {
        reports["faults"]
            .as_array()
            .unwrap()
            .iter()
            .map(|report| report["number"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(numbers(&caller.delete("/_sim/faults/1").await.json()), [2, 3]);
    assert_eq!(caller.get("/v2/pods").await.text, "error code: 1010", "the next one is due");
    assert!(caller.sim.remove_fault(2) && !caller.sim.remove_fault(2));
    assert_eq!(caller.get("/v2/pods").await.header("content-type"), "text/html; charset=UTF-8");
    for number in ["1", "4", "-1", "x", "18446744073709551616"] {
        caller.delete(&format!("/_sim/faults/{number}")).await.refused(404, "GET /_sim/faults lists them");
    }
    // Numbers are not used again, so that nobody removes another's fault.
    caller.delete("/_sim/faults/3").await;
    assert_eq!(numbers(&caller.post("/_sim/faults", json!({ "fault": "gone" })).await.json()), [4]);
}

#[tokio::test]
async fn pods_are_acted_on_without_a_request_to_the_api() {
    let caller = Caller::of(frozen()).await;
    let pod = id(&caller.create(order(json!({}))).await);
    caller.advance(60);
    let act = async |action: &str| caller.post(&format!("/_sim/pods/{pod}/{action}"), json!({})).await;
    assert_eq!(act("stop").await.json(), json!({ "status": "EXITED" }));
    assert_eq!(caller.pod(&pod).await["status"], "EXITED");
    act("stop").await.refused(409, "cannot stop a pod that is EXITED");
    assert_eq!(act("start").await.json(), json!({ "status": "PROVISIONING" }));
    caller.advance(60);
    assert_eq!(act("restart").await.json()["status"], "STARTING");
    act("dance").await.refused(422, "`dance` is no action; known are start, stop, restart, terminate");
    caller.sim.set_locked(&pod, true);
    act("terminate").await.refused(400, "Pod is locked");
    caller.sim.set_locked(&pod, false);
    assert_eq!(act("terminate").await.json(), json!({ "status": "TERMINATED" }));
    act("terminate").await.refused(404, "pod");
    assert_eq!(caller.sim.ledger()[0].billed.len(), 3);
    assert_eq!(caller.sim.request_count(), 2, "a create and a get; the console is not RunPod's API");
}

#[tokio::test]
async fn the_request_log_tells_which_pod_a_request_was_about() {
    let caller = Caller::of(frozen()).await;
    let lost = json!({ "fault": "drop-after-apply", "on": ["createPod"], "nth": 2 });
    caller.post("/_sim/faults", lost).await;
    let pod = id(&caller.create(order(json!({}))).await);
    let request = caller.request(Method::POST, "/v2/pods").json(&order(json!({})));
    assert!(request.send().await.is_err(), "its answer is lost");
    caller.get(&format!("/v2/pods/{pod}")).await;
    caller.get(&format!("/v1/pods/{pod}")).await;
    caller.get("/v2/pods").await;
    caller.get("/v2/pods/another").await;
    let read = async |query: &str| -> Vec<u64> {
        let log = caller.get(&format!("/_sim/requests?{query}")).await.json();
        log["requests"].as_array().unwrap().iter().map(|record| record["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(read(&format!("pod={pod}")).await, [1, 3, 4]);
    assert_eq!(read("pod=another").await, [6]);
    let twin = caller.sim.pods()[1].id.clone();
    assert_eq!(read(&format!("pod={twin}")).await, [2], "the create whose answer was lost");
}

#[tokio::test]
async fn the_request_log_waits_until_there_is_what_is_asked_for() {
    let caller = Caller::of(frozen()).await;
    caller.get("/v2/pods").await;
    let wait = async |query: &str| caller.get(&format!("/_sim/requests?{query}")).await.json();
    let (log, ()) = tokio::join!(wait("operation=listPods&at_least=3&wait_seconds=60"), async {
        caller.get("/v2/pods/nosuchpod").await;
        caller.get("/v2/pods").await;
        caller.get("/v2/pods").await;
    });
    assert_eq!(log["requests"].as_array().unwrap().len(), 3);
    // What is there already is not waited for, and what does not come is not in the answer.
    assert_eq!(wait("after=1&status=404&wait_seconds=60").await["requests"][0]["number"], 2);
    assert_eq!(wait("after=4&wait_seconds=0.05").await["requests"], json!([]));
    for (query, words) in [
        ("wait_seconds=601", "at most 600"),
        ("wait_seconds=-1", "`wait_seconds`"),
        ("wait_seconds=1&limit=2&at_least=3", "`at_least` at most `limit`"),
        ("wait_seconds=soon", "wait_seconds"),
    ] {
        caller.get(&format!("/_sim/requests?{query}")).await.refused(422, words);
    }
}
