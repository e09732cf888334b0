use std::time::Duration;

use runpod_sim::{Behavior, Delay};
use serde_json::{Value, json};

use crate::client::{Caller, frozen, id, order};

fn names(page: &Value) -> Vec<&str> {
    page["pods"].as_array().unwrap().iter().map(|pod| pod["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_new_pod_appears_in_lists_later_than_in_a_get() {
    let caller = Caller::of(frozen().list_lag(Duration::from_secs(4))).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.advance(3);
    assert_eq!(names(&caller.get("/v2/pods").await.json()), Vec::<&str>::new());
    assert_eq!(caller.pod(&id).await["name"], "one");
    caller.advance(1);
    assert_eq!(names(&caller.get("/v2/pods").await.json()), ["one"]);
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps_while_pods_go() {
    let caller = Caller::of(frozen().page_size(2)).await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        ids.push(id(&caller.create(order(json!({ "name": name }))).await));
    }
    let first = caller.get("/v2/pods").await.json();
    assert_eq!(names(&first), ["e", "d"]);
    assert_eq!(first["pagination"]["hasNextPage"], true);
    caller.delete(&format!("/v2/pods/{}", ids[3])).await;
    let cursor = first["pagination"]["nextCursor"].as_str().unwrap();
    let second = caller.get(&format!("/v2/pods?limit=3&cursor={cursor}")).await.json();
    assert_eq!(names(&second), ["c", "b", "a"]);
    assert_eq!(second["pagination"], json!({ "nextCursor": null, "hasNextPage": false }));
}

#[tokio::test]
async fn odd_page_requests_are_refused_and_unknown_parameters_ignored() {
    let caller = Caller::of(frozen()).await;
    for limit in ["0", "1001", "-1", "x", ""] {
        caller.get(&format!("/v2/pods?limit={limit}")).await.refused(422, "limit");
    }
    caller.get("/v2/pods?cursor=zz").await.refused(422, "cursor");
    assert_eq!(caller.get("/v2/pods?colour=blue&limit=1000").await.status, 200);
}

/// Every name in the list, page by page, and how many pods each page held.
async fn walk(caller: &Caller, query: &str) -> (Vec<String>, Vec<usize>) {
    let (mut all, mut lengths, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("/v2/pods?{query}{cursor}")).await.json();
        lengths.push(names(&page).len());
        all.extend(names(&page).into_iter().map(str::to_owned));
        match page["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (all, lengths),
        }
        assert!(lengths.len() < 200, "the list has no end");
    }
}

#[tokio::test]
async fn pages_may_be_short_or_empty_and_still_have_a_next_one() {
    let behavior = Behavior { short_pages: true, list_lag: Delay::NONE, ..Behavior::default() };
    let caller = Caller::of(frozen().behavior(behavior).real_endpoints(false)).await;
    let mut names = Vec::new();
    for number in 0..30 {
        names.insert(0, format!("pod-{number}"));
        caller.create(order(json!({ "name": names[0] }))).await;
    }
    let mut lengths = Vec::new();
    for _ in 0..10 {
        let (all, seen) = walk(&caller, "limit=3").await;
        assert_eq!(all, names, "every pod once, newest first");
        lengths.extend(seen);
        caller.advance(1);
    }
    for length in 0..=3 {
        assert!(lengths.contains(&length), "{length} in {lengths:?}");
    }
}

#[tokio::test]
async fn members_of_clusters_are_taken_out_after_the_page_is_cut() {
    let caller = Caller::of(frozen()).await;
    let seed = |name: &str, cluster: serde_json::Value| json!({ "pod": order(json!({ "name": name })), "cluster": cluster });
    for (name, cluster) in [("a", json!(null)), ("b", json!("c1")), ("c", json!("c1")), ("d", json!(null))] {
        caller.post("/_sim/pods", seed(name, cluster)).await;
    }
    assert_eq!(walk(&caller, "limit=1").await, (vec!["d".to_owned(), "a".to_owned()], vec![1, 0, 0, 1]));
    assert_eq!(walk(&caller, "limit=2&includeClusterPods=true").await.1, [2, 2]);
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let caller = Caller::of(frozen().page_size(1)).await;
    for name in ["a", "b"] {
        caller.create(order(json!({ "name": name }))).await;
        caller.post("/v2/templates", json!({ "name": name, "image": "i" })).await;
    }
    let cursor = async |path: &str| {
        let page = caller.get(path).await.json();
        page["pagination"]["nextCursor"].as_str().unwrap().to_owned()
    };
    let (pods, templates) = (cursor("/v2/pods").await, cursor("/v2/templates").await);
    caller.get(&format!("/v2/pods?cursor={templates}")).await.refused(422, "$.cursor");
    caller.get(&format!("/v2/templates?cursor={pods}")).await.refused(422, "$.cursor");
    assert_eq!(caller.get(&format!("/v2/pods?cursor={pods}")).await.status, 200);
}
