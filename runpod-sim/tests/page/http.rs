//! The page as HTTP sees it.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::client::{Caller, RTX_4090, frozen, id, order};

/// The most bytes that the page may need, with everything it loads.
const MOST: usize = 60_000;

const PARTS: [&str; 4] = ["/", "/_sim/page/events", "/_sim/page/style.css", "/_sim/page/script.js"];

/// An account with much to show: a page of pods, a long life, a long log, faults and refusals.
async fn busy() -> (Caller, String) {
    let caller = Caller::of(frozen().seed(3).rate_windows([]).real_endpoints(false)).await;
    let seed =
        json!({ "pod": order(json!({ "name": "one-of-very-many-pods-with-a-long-name" })), "count": 1000 });
    caller.post("/_sim/pods", seed).await;
    let pod = id(&caller.create(order(json!({}))).await);
    caller.advance(1_000);
    for number in 0..60 {
        caller.get(&format!("/v2/pods/{pod}?a-rather-long-query-that-no-client-sends={number}")).await;
        caller.get(&format!("/v2/pods/{}", "x".repeat(300))).await;
        caller
            .post("/_sim/faults", json!({ "fault": "gone", "on": ["createPod"], "nth": 1000 + number }))
            .await;
    }
    (caller, pod)
}

#[tokio::test]
async fn it_is_small_whatever_there_is_to_show() {
    let (caller, pod) = busy().await;
    let page = caller.get(&format!("/?pod={pod}")).await;
    let others = [caller.get(PARTS[2]).await.text.len(), caller.get(PARTS[3]).await.text.len()];
    let size = page.text.len() + others.iter().sum::<usize>();
    assert!(size < MOST, "{size} bytes: {} and {others:?}", page.text.len());
    assert!(page.text.contains("1001 shown; 1001 RUNNING") && page.text.contains("page 51"), "{}", page.text);
    // What the page has is what the address asks for.
    let last = caller.get("/?page=51").await.text;
    assert_eq!(last.matches("<li id=\"card-").count(), 1001 - 50 * 20);
    assert_eq!(caller.get("/?page=999").await.text.matches("aria-current=\"page\">page 51<").count(), 1);
    assert_eq!(caller.get(&format!("/?name={pod}")).await.text.matches("<li id=\"card-").count(), 1);
    assert!(caller.get("/?pods=stopped").await.text.contains("0 shown;"));
}

#[tokio::test]
async fn it_is_served_only_where_the_control_interface_is() {
    let caller = Caller::of(frozen()).await;
    for path in PARTS {
        for (name, value, words) in [
            ("host", "evil.example", "ask for 127.0.0.1 or localhost"),
            ("host", "127.0.0.1.evil.example:80", "ask for 127.0.0.1 or localhost"),
            ("origin", "http://evil.example", "web pages of another origin"),
            ("sec-fetch-site", "cross-site", "open its own address yourself"),
        ] {
            caller.send(caller.request(Method::GET, path).header(name, value)).await.refused(403, words);
        }
    }
    // Nobody else can put it in a frame, and it loads and calls nothing but its own.
    let page = caller.get("/").await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(
        !page.text.contains("https://") && !page.text.contains("<script>") && !page.text.contains("style=")
    );
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn an_address_that_means_nothing_is_refused_or_said() {
    let caller = Caller::of(frozen()).await;
    for query in ["page=x", "pods=blue", "requests=-1", "colour=red"] {
        for path in ["/", "/_sim/page/events"] {
            caller.get(&format!("{path}?{query}")).await.refused(422, "open / without it");
        }
    }
    assert!(caller.get("/?pod=nosuchpod").await.text.contains("There is no pod <code>nosuchpod</code>"));
    assert_eq!(caller.post("/", json!({})).await.status, 405);
}

#[tokio::test]
async fn what_clients_send_is_shown_as_text_and_secrets_are_not_shown() {
    let caller = Caller::of(frozen()).await;
    let evil = "<script>alert(1)</script>\"'&";
    let pod = id(&caller.create(order(json!({ "name": evil, "image": "<b>image</b>" }))).await);
    caller.get("/v2/pods/<img%20src=x>?q=<i>\"&'").await;
    let page = caller.get(&format!("/?pod={pod}&name=<u>\"")).await.text;
    let with_pod = caller.get(&format!("/?pod={pod}")).await.text;
    for markup in ["<script>a", "<b>image", "<img", "<i>", "<u>"] {
        assert!(!page.contains(markup) && !with_pod.contains(markup), "{markup}");
    }
    assert!(with_pod.contains("&#60;script&#62;alert(1)"), "{with_pod}");
    for secret in ["sentinel-value", caller.sim.api_key()] {
        assert!(!with_pod.contains(secret), "{secret}");
    }
}

/// The next event of a page's stream.
async fn event(stream: &mut Response, rest: &mut String) -> Value {
    loop {
        if let Some((event, later)) = rest.split_once("\n\n") {
            let data: String = event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
            *rest = later.to_owned();
            if !data.is_empty() {
                return serde_json::from_str(&data).unwrap();
            }
            continue;
        }
        let chunk = tokio::time::timeout(Duration::from_secs(20), stream.chunk()).await.unwrap();
        rest.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
    }
}

#[tokio::test]
async fn events_bring_everything_once_and_then_what_has_changed() {
    let caller = Caller::of(frozen()).await;
    let mut stream = caller.request(Method::GET, PARTS[1]).send().await.unwrap();
    let mut rest = String::new();
    let first = event(&mut stream, &mut rest).await;
    let mut ids: Vec<&String> = first.as_object().unwrap().keys().collect();
    ids.sort();
    assert_eq!(ids, ["account", "faults", "ledger", "pod", "pods", "requests", "stock"]);
    caller.put("/_sim/capacity", json!({ "type": RTX_4090, "units": 3 })).await;
    let second = event(&mut stream, &mut rest).await;
    assert_eq!(second.as_object().unwrap().keys().collect::<Vec<_>>(), ["stock"]);
    assert!(second["stock"].as_str().unwrap().contains("$0.6900, 3 free"));
    caller.advance(1);
    let third = event(&mut stream, &mut rest).await;
    assert_eq!(
        third.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["account"],
        "nothing else changes with time"
    );
    let before = caller.sim.request_count();
    assert_eq!(before, 0, "the page makes no request of RunPod's API");
}

#[tokio::test]
async fn the_way_in_is_told_or_why_there_is_none() {
    let caller = Caller::of(frozen()).await;
    let pod = id(&caller.create(order(json!({}))).await);
    let deaf = id(&caller.create(order(json!({ "startSsh": false, "ports": ["22/tcp"] }))).await);
    let page = async |id: &str| caller.get(&format!("/?pod={id}")).await.text;
    if !cfg!(feature = "ssh") {
        caller.advance(60);
        assert!(page(&pod).await.contains("No terminal: this simulator was built without the feature ssh"));
        return;
    }
    assert!(page(&pod).await.contains("No terminal yet: its sshd is not up."));
    caller.advance(60);
    let port = caller.sim.pods()[0].ssh.unwrap().port();
    let command = format!("UserKnownHostsFile=/dev/null -p {port} root@127.0.0.1</code>");
    assert!(page(&pod).await.contains(&command), "{}", page(&pod).await);
    assert!(page(&deaf).await.contains("No terminal: this pod starts no sshd"), "{}", page(&deaf).await);
}

#[tokio::test]
async fn the_life_of_a_pod_is_told_in_order_beside_its_requests() {
    let caller = Caller::of(frozen()).await;
    let pod = id(&caller.create(order(json!({}))).await);
    caller.get("/v2/pods").await;
    caller.advance(60);
    caller.act(&pod, "stop").await;
    caller.advance(10);
    caller.act(&pod, "start").await;
    caller.advance(60);
    caller.act(&pod, "restart").await;
    caller.delete(&format!("/v2/pods/{pod}")).await;
    let page = caller.get(&format!("/?pod={pod}&pods=ended")).await.text;
    let (_, life) = page.split_once("<ol class=\"life\">").unwrap();
    let (life, _) = life.split_once("</ol>").unwrap();
    let told: Vec<&str> = life
        .lines()
        .filter_map(|line| Some(line.split_once("<div>")?.1.split_once("</div>")?.0))
        .map(|words| words.split(" →").next().unwrap())
        .collect();
    let action = format!("POST /v2/pods/{pod}/action");
    assert_eq!(
        told,
        [
            "POST /v2/pods",
            "created",
            "has a machine, bills",
            "running",
            "has endpoints",
            "ready: all of it answers",
            action.as_str(),
            "stopped, bills no more",
            action.as_str(),
            "started again",
            "has a machine, bills",
            "running",
            "has endpoints",
            "ready: all of it answers",
            action.as_str(),
            &format!("DELETE /v2/pods/{pod}"),
            "restarted",
            "ended",
        ]
    );
    assert!(page.contains("1 TERMINATED") && page.contains("Next: nothing by itself."), "{page}");
    let records = caller.get(&format!("/_sim/requests?pod={pod}")).await.json();
    assert_eq!(records["requests"].as_array().unwrap().len(), 5, "the list is about no one pod");
}

#[tokio::test]
async fn a_log_begins_anew_with_the_simulator() {
    let caller = Caller::of(frozen().seed(5)).await;
    let pod = json!({ "pod": order(json!({})) });
    let seeded = caller.post("/_sim/pods", pod.clone()).await.json();
    let id = seeded["ids"][0].as_str().unwrap().to_owned();
    caller.advance(100);
    let request = caller.request(Method::GET, &format!("{}?pod={id}", PARTS[1]));
    let (mut stream, mut rest) = (request.send().await.unwrap(), String::new());
    let mut log = async || event(&mut stream, &mut rest).await["pod"].as_str().unwrap_or_default().to_owned();
    assert!(log().await.contains("still working, step 20"));
    caller.sim.reset();
    let again = caller.post("/_sim/pods", pod).await.json();
    assert_eq!(again["ids"][0], id.as_str(), "one seed, one id");
    caller.advance(6);
    // Of the looks between, some may still see the pod before, or none.
    let begun_anew = async {
        loop {
            let text = log().await;
            if text.contains("still working, step 1\n") && !text.contains("step 20") {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), begun_anew).await.unwrap();
}
