//! When a pod is believed to be gone, and when a search to have found none.

use runpod_lifecycle::{DeployError, ErrorKind, Event, Gone, Running};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::{MINUTE, after, fast, seconds, state};
use crate::{
    mock::spec,
    script::{
        ID, Script,
        To::{Create, Delete, Get, List},
        listed, not_found, pod, refusal,
    },
};

#[test]
fn a_terminated_pod_is_gone_as_soon_as_runpod_says_so() {
    fast(async {
        let script = Script::new().await;
        let pod = script.deployed().await;
        script.show(state("RUNNING"));
        pod.wait_until(Running, MINUTE).await.expect("it runs");
        sleep(seconds(12)).await;
        script.set(Delete, (204, Value::Null));
        pod.terminate().await.expect("it is accepted");
        let waited = Instant::now();
        let gone = after(2, || script.set(Get, not_found()));
        let (outcome, ()) = tokio::join!(pod.wait_until(Gone, MINUTE).into_future(), gone);
        outcome.expect("it is gone, whatever lists still show");
        assert!(waited.elapsed() < seconds(6), "{:?}", waited.elapsed());
    });
}

#[test]
fn a_404_about_a_pod_that_is_new_or_was_just_listed_does_not_end_a_wait() {
    fast(async {
        let script = Script::new().await;
        let pod = script.deployed().await;
        script.set(List, listed([state("RUNNING")]));
        script.set(Get, not_found());
        pod.wait_until(Running, MINUTE).await.expect("a list shows it");
        // A pod that somebody else has created a moment ago.
        let script = Script::new().await;
        script.set(List, listed([state("STARTING")]));
        script.set(Get, not_found());
        let listed = script.runpod().list().await.expect("a list").remove(0);
        let up = after(8, || script.show(state("RUNNING")));
        let (outcome, ()) = tokio::join!(listed.wait_until(Running, MINUTE).into_future(), up);
        outcome.expect("it was only not known by its id yet");
    });
}

#[test]
fn a_pod_that_a_list_has_just_shown_is_terminated_once_it_is_known_by_its_id() {
    fast(async {
        let script = Script::new().await;
        script.set(List, listed([state("RUNNING")]));
        script.set(Delete, not_found());
        let pod = script.runpod().list().await.expect("a list").remove(0);
        let known = after(8, || script.set(Delete, (204, Value::Null)));
        let (outcome, ()) = tokio::join!(pod.terminate(), known);
        outcome.expect("it is accepted in the end");
        assert!(script.asked(Delete) > 1);
        // By its id alone, a 404 is believed, unless this handle has just created the pod.
        script.set(Delete, not_found());
        let before = script.asked(Delete);
        script.runpod().terminate(ID).await.expect("there is none");
        assert_eq!(script.asked(Delete), before + 1);
        script.set(List, listed([]));
        let new = script.deployed().await;
        let known = after(8, || script.set(Delete, (204, Value::Null)));
        let created_at = Instant::now();
        let (outcome, ()) = tokio::join!(new.terminate(), known);
        outcome.expect("it is accepted in the end");
        assert!(created_at.elapsed() > seconds(8), "a new pod may not be known yet");
    });
}

#[test]
fn a_new_pod_is_terminated_by_its_id_too_once_it_is_known() {
    fast(async {
        let script = Script::new().await;
        let runpod = script.runpod();
        runpod.deploy(&spec()).await.expect("it is accepted");
        script.set(Delete, not_found());
        script.set(Get, not_found());
        let known = after(8, || script.set(Delete, (204, Value::Null)));
        let error = runpod.get(ID).await.expect_err("it is not known yet");
        assert_eq!(error.kind(), ErrorKind::Unproven, "{error}");
        let (outcome, ()) = tokio::join!(runpod.terminate(ID), known);
        outcome.expect("it is accepted in the end");
        assert!(script.asked(Delete) > 2, "{}", script.asked(Delete));
    });
}

#[test]
fn a_404_about_the_address_makes_no_pod_gone() {
    fast(async {
        for words in ["route not found", "Route DELETE:/v2/pods/k3x9q2m7v1b8z5 not found", "Not Found"] {
            let script = Script::new().await;
            script.set(Delete, refusal(404, words));
            script.set(Get, refusal(404, words));
            let runpod = script.runpod();
            let error = runpod.terminate(ID).await.expect_err("nobody said that the pod is gone");
            assert_eq!(error.kind(), ErrorKind::Unreadable, "{words}");
            assert!(error.to_string().contains("check the base URL"), "{error}");
            let error = runpod.get(ID).await.expect_err("nobody knows");
            assert_eq!(error.kind(), ErrorKind::Unreadable, "{words}");
        }
    });
}

#[test]
fn a_pod_that_is_terminated_by_the_time_it_is_found_is_not_taken() {
    fast(async {
        let script = Script::new().await;
        script.set(Create, (201, json!({"id": ID, "name": 7})));
        script.set(Get, (200, state("TERMINATED")));
        let created = async {
            while !script.heard().contains("unclear") {
                sleep(std::time::Duration::from_millis(100)).await;
            }
            script.set(Create, (201, pod(json!({"id": "bbbbbbbbbbbbbb"}))));
        };
        let runpod = script.runpod();
        let spec = spec();
        let (outcome, ()) = tokio::join!(runpod.deploy(&spec), created);
        assert_eq!(outcome.expect("the create goes on").id, "bbbbbbbbbbbbbb");
    });
}

#[test]
fn a_doubt_about_a_wait_is_told_while_it_lasts() {
    fast(async {
        let script = Script::new().await;
        let pod = script.deployed().await;
        script.set(Get, not_found());
        let known = after(6, || script.show(state("RUNNING")));
        let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = std::sync::Arc::clone(&told);
        let wait = pod.wait_until(Running, MINUTE).on_event(move |event| {
            if let Event::Polled { pending, .. } = event {
                sink.lock().expect("no test panics with it").extend(pending.clone());
            }
        });
        let (outcome, ()) = tokio::join!(wait.into_future(), known);
        outcome.expect("it runs");
        let told = told.lock().expect("no test panics with it").join("; ");
        assert!(told.contains("RunPod does not know it yet"), "{told}");
    });
}

#[test]
fn a_404_about_a_pod_that_the_same_handle_has_just_listed_proves_nothing() {
    fast(async {
        let script = Script::new().await;
        script.set(List, listed([state("RUNNING")]));
        script.set(Get, not_found());
        script.set(Delete, not_found());
        let runpod = script.runpod();
        let pods = runpod.list().await.expect("another process has created it");
        let error = runpod.get(&pods[0].id).await.expect_err("it is not known by its id yet");
        assert_eq!(error.kind(), ErrorKind::Unproven, "{error}");
        let known = after(8, || script.set(Delete, (204, Value::Null)));
        let (ended, ()) = tokio::join!(runpod.terminate(&pods[0].id), known);
        ended.expect("it is known by then");
        assert!(script.asked(Delete) > 1, "it was not told as terminated before it was known");
    });
}

#[test]
fn a_deploy_that_was_dropped_with_its_create_on_the_way_is_not_forgotten_by_the_next_one() {
    fast(async {
        let script = Script::new().await;
        let runpod = script.runpod();
        // A create whose outcome stays unclear, so that the deploy is still at it.
        script.set(Create, refusal(500, "Internal Server Error"));
        let spec = spec();
        timeout(seconds(3), runpod.deploy(&spec)).await.expect_err("it looks for the pod");
        script.set(Create, (201, pod(json!({"id": "bbbbbbbbbbbbbb"}))));
        let late = after(6, || script.set(List, listed([state("RUNNING")])));
        let (second, ()) = tokio::join!(runpod.deploy(&spec), late);
        let error = second.expect_err("the first one's pod has the name");
        assert!(matches!(&error, DeployError::NameTaken { pods, .. } if pods[0].id == ID), "{error}");
        assert_eq!(script.asked(Create), 1);
    });
}
