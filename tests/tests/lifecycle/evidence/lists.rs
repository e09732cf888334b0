//! Lists: pages, failures, names, and who reads them.

use futures_util::{future::join_all, poll};
use runpod_lifecycle::{ErrorKind, Found, Gone, PodSpec, Running, WaitError};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::{LATER, MINUTE, fast, seconds, state};
use crate::{
    mock::{GPU, spec},
    script::{
        Script,
        To::{Create, Get, List},
        pod, refusal,
    },
};

#[test]
fn whatever_answers_is_asked() {
    fast(async {
        for (broken, working) in [(List, Get), (Get, List)] {
            let script = Script::new().await;
            let runpod = script.runpod();
            let pod = runpod.deploy(&spec()).await.expect("it is accepted");
            sleep(LATER).await;
            script.show(state("RUNNING"));
            script.set(broken, refusal(500, "not today"));
            let (one, two) = tokio::join!(
                pod.wait_until(Running, MINUTE).into_future(),
                pod.wait_until(Running, MINUTE).into_future()
            );
            one.unwrap_or_else(|error| panic!("{broken:?}: {error}"));
            two.unwrap_or_else(|error| panic!("{broken:?}: {error}"));
            let alone = pod.wait_until(Running, seconds(10)).await;
            alone.unwrap_or_else(|error| panic!("{broken:?}: {error}"));
            assert!(script.asked(working) > 0);
        }
    });
}

#[test]
fn a_pod_that_one_page_shows_is_there_although_the_next_page_cannot_be_read() {
    fast(async {
        let script = Script::new().await;
        let pod = script.deployed().await;
        let page = json!({
            "pods": [state("RUNNING")],
            "pagination": {"nextCursor": "two", "hasNextPage": true}
        });
        script.set_page("two", refusal(500, "not today"));
        script.set(List, (200, page));
        script.set(Get, refusal(500, "not today"));
        pod.wait_until(Running, MINUTE).await.expect("the first page shows it");
    });
}

#[test]
fn a_short_wait_long_after_the_deploy_is_short() {
    fast(async {
        let script = Script::new().await;
        let pod = script.deployed().await;
        sleep(seconds(300)).await;
        script.show(state("STARTING"));
        let (one, waited) = (seconds(1), Instant::now());
        let error = pod.wait_until(Running, one).await.expect_err("it is not up");
        assert!(matches!(error, WaitError::TimedOut { .. }), "{error}");
        assert!(waited.elapsed() < seconds(4), "{:?}", waited.elapsed());
        // The search for a twin is over, or has been given up: no later wait makes it.
        script.set(List, refusal(500, "not today"));
        let waited = Instant::now();
        pod.wait_until(Running, one).await.expect_err("it is not up");
        assert!(waited.elapsed() < seconds(4), "{:?}", waited.elapsed());
    });
}

/// An account whose list has these pages: each the ids on it and the cursor of the next one.
async fn paged(pages: &'static [(&'static str, &'static [&'static str], Option<&'static str>)]) -> Script {
    let script = Script::new().await;
    for (cursor, ids, next) in pages {
        let pods: Vec<Value> = ids.iter().map(|id| pod(json!({"id": id}))).collect();
        let body = json!({
            "pods": pods, "pagination": {"nextCursor": next, "hasNextPage": next.is_some()}
        });
        match *cursor {
            "" => script.set(List, (200, body)),
            cursor => script.set_page(cursor, (200, body)),
        }
    }
    script
}

#[test]
fn empty_and_short_pages_are_followed_and_a_cursor_that_comes_again_is_an_error() {
    fast(async {
        let script = paged(&[
            ("", &[], Some("b")),
            ("b", &["bbbbbbbbbbbbbb"], Some("c")),
            ("c", &["bbbbbbbbbbbbbb"], Some("d")),
            ("d", &[], Some("e")),
            ("e", &["eeeeeeeeeeeeee"], None),
        ])
        .await;
        let pods = script.runpod().list().await.expect("every page can be read");
        assert_eq!(pods.iter().map(|pod| &pod.id[..1]).collect::<String>(), "be");
        let script = paged(&[("", &[], Some("b")), ("b", &[], Some("c")), ("c", &[], Some("b"))]).await;
        let error = script.runpod().list().await.expect_err("it goes round");
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(error.to_string().contains("do not come to an end"), "{error}");
    });
}

#[test]
fn nobody_waits_for_a_deploy_that_is_not_polled() {
    fast(async {
        let script = Script::new().await;
        let runpod = script.runpod();
        let other = PodSpec::gpu("other", "image", [GPU]);
        let mut idle = Box::pin(runpod.deploy(&other));
        assert!(poll!(&mut idle).is_pending());
        let spec = spec();
        let outcome = timeout(MINUTE, runpod.deploy(&spec)).await;
        outcome.expect("it asks itself in the end").expect("it is accepted");
        drop(idle);
    });
}

#[test]
fn nobody_waits_for_a_wait_that_is_not_polled() {
    fast(async {
        let script = Script::new().await;
        let pod = script.deployed().await;
        script.show(state("RUNNING"));
        let wait = || pod.wait_until(Running, seconds(30)).into_future();
        let (mut first, mut second) = (wait(), wait());
        // The second does not look alone: it reads the list for all.
        assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
        let outcome = timeout(MINUTE, wait()).await;
        outcome.expect("it asks itself in the end").expect("it runs");
        drop((first, second));
    });
}

#[test]
fn a_pod_that_has_another_name_by_now_is_not_found_by_the_one_it_was_created_with() {
    fast(async {
        let script = Script::new().await;
        let runpod = script.runpod();
        let created = runpod.deploy(&spec()).await.expect("it is accepted");
        script.set(Get, (200, pod(json!({"name": "renamed"}))));
        let found = runpod.find(spec().name()).await.expect("it answers");
        assert!(matches!(found, Found::None), "{found:?}");
        script.set(Get, (200, pod(json!({"name": null}))));
        let found = runpod.find(spec().name()).await.expect("it answers");
        assert!(matches!(&found, Found::One(pod) if pod.id == created.id), "{found:?}");
    });
}

#[test]
fn a_list_that_is_not_whole_proves_no_absence_anywhere() {
    let following =
        |pagination: Value| json!({"pods": [pod(json!({"id": "bbbbbbbbbbbbbb"}))], "pagination": pagination});
    let bodies = [
        following(json!({"hasNextPage": true})),
        following(json!({"hasNextPage": true, "nextCursor": null})),
        following(json!({"hasNextPage": true, "nextCursor": ""})),
        following(json!({"hasNextPage": true, "nextCursor": 7})),
        following(json!({"hasNextPage": "true"})),
        following(json!({"hasNextPage": 1, "nextCursor": {}})),
        following(json!("more")),
        following(json!([true])),
        json!({}),
        json!({"pods": null}),
        json!({"pods": {}}),
        json!({"pods": "none"}),
        json!({"data": []}),
        json!({"pods": [null]}),
        json!({"pods": [[]]}),
        json!({"pods": [{}]}),
        json!([]),
        json!([pod(json!({"id": "bbbbbbbbbbbbbb"}))]),
        json!(null),
        json!("pods"),
        json!(0),
    ];
    fast(async {
        for body in bodies {
            let script = Script::new().await;
            let deployed = script.deployed().await;
            let created = script.asked(Create);
            script.set(List, (200, body.clone()));
            let runpod = script.runpod();
            let name = "another";
            if let Ok(list) = runpod.list().await {
                assert!(script.heard().contains("cannot be read") && list.is_empty(), "{body}");
            }
            let found = runpod.find(name).await;
            assert!(found.is_err(), "{body}: {found:?}");
            runpod.deploy(&PodSpec::gpu(name, "image", [GPU])).await.expect_err("it may be there already");
            assert_eq!(script.asked(Create), created, "{body}");
            let plan = runpod.plan(&PodSpec::gpu(name, "image", [GPU])).await;
            assert!(plan.is_err(), "{body}: {plan:?}");
            assert!(runpod.reap().await.is_err() || script.heard().contains("cannot be read"), "{body}");
            // The pod is not taken for gone, and a second one for not made.
            script.set(Get, refusal(500, "not today"));
            let waits = [1, 2].map(|_| deployed.wait_until(Gone, seconds(20)).into_future());
            for outcome in join_all(waits).await {
                assert!(matches!(&outcome, Err(WaitError::TimedOut { .. })), "{body}: {outcome:?}");
            }
            assert!(script.heard().contains("a second pod may have been created"), "{body}");
        }
    });
}
