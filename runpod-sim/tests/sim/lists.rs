use std::time::Duration;

use serde_json::{Value, json};

use crate::caller::{Caller, frozen, id, order};

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
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["pagination"]["hasNextPage"], true);
    caller.delete(&format!("/v2/pods/{}", ids[1])).await;
    let cursor = first["pagination"]["nextCursor"].as_str().unwrap();
    let second = caller.get(&format!("/v2/pods?limit=3&cursor={cursor}")).await.json();
    assert_eq!(names(&second), ["c", "d", "e"]);
    assert_eq!(second["pagination"], json!({ "nextCursor": null, "hasNextPage": false }));
}

#[tokio::test]
async fn odd_page_requests_are_refused_and_unknown_parameters_ignored() {
    let caller = Caller::of(frozen()).await;
    for limit in ["0", "1001", "-1", "x", ""] {
        caller.get(&format!("/v2/pods?limit={limit}")).await.refused(422, "limit");
    }
    caller.get("/v2/pods?cursor=zz").await.refused(400, "cursor");
    assert_eq!(caller.get("/v2/pods?colour=blue&limit=1000").await.status, 200);
}
