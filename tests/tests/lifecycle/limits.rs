//! RunPod's rate limits: what is held back, for how long, and who hears of it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use runpod_bench::clock::run_fast;
use runpod_lifecycle::{Error, Event, Running};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    mock::{GPU, fresh_pod},
    scripted::{Answer, Request, Scripted, account, answer, refusal},
};

const POD: &str = "k3x9q2m7v1b8z5";

fn pod() -> Answer {
    answer(200, fresh_pod())
}

/// The time that the second of two polls is held back by what the first one's answer says.
fn held(headers: &'static [(&str, &str)]) -> Duration {
    run_fast(100, async {
        let server = Scripted::start(move |_, earlier| match earlier {
            0 => headers.iter().fold(pod(), |answer, (name, value)| answer.header(name, value)),
            _ => pod(),
        })
        .await;
        let runpod = server.runpod();
        runpod.get(POD).await.expect("it is there");
        let asked_at = Instant::now();
        runpod.get(POD).await.expect("it is there");
        asked_at.elapsed()
    })
    .expect("a runtime can be had")
}

#[test]
fn limits_are_read_in_every_legal_spelling() {
    const POLICY: (&str, &str) = ("RateLimit-Policy", "\"minute\";q=60;w=60, \"hour\";q=1000;w=3600");
    for headers in [
        [POLICY, ("RateLimit", "\"minute\";r=50;t=12, \"hour\";r=0;t=20")].as_slice(),
        &[POLICY, ("RateLimit", "\"minute\";r=50;t=12"), ("RateLimit", "\"hour\";r=0;t=20")],
        &[POLICY, ("RateLimit", "\"hour\";t=19.5;r=0")],
        &[("RateLimit", "\"a, b;r=9\";r=0;pk=:cHJv:;t=20")],
        &[("RateLimit", "\"minute\";r=0;t=20, \"hour\";r=")],
    ] {
        let held = held(headers);
        assert!(
            (Duration::from_millis(19_400)..Duration::from_secs(25)).contains(&held),
            "{headers:?}: {held:?}"
        );
    }
}

#[test]
fn a_used_up_limit_without_a_time_and_an_unreadable_one_wait_a_backoff() {
    for headers in [
        [("RateLimit", "\"minute\";r=0")].as_slice(),
        &[("RateLimit", "\"minute\";r=0"), ("RateLimit-Policy", "\"minute\";q=60;w=60")],
        &[("RateLimit", "\"minute\";r=0;t=soon")],
        &[("RateLimit", "\"minute\";r=99999999999999999999;t=1")],
        &[("RateLimit", ";;;")],
    ] {
        let held = held(headers);
        assert!(
            (Duration::from_millis(900)..Duration::from_secs(5)).contains(&held),
            "{headers:?}: {held:?}"
        );
    }
    assert!(held(&[]) < Duration::from_millis(900), "no headers, no limit");
}

#[tokio::test]
async fn what_ends_billing_is_sent_whatever_the_window_says() {
    let server = Scripted::start(|request: &Request, _| {
        let answer = match request.method.as_str() {
            "GET" => pod(),
            "POST" => answer(200, fresh_pod()),
            _ => account(request),
        };
        answer.header("RateLimit", "\"minute\";r=0;t=604800")
    })
    .await;
    let runpod = server.runpod();
    let pod = runpod.get(POD).await.unwrap();
    let error: Error = runpod.get(POD).await.expect_err("a look is held back");
    assert!(error.to_string().contains("not sent for another"), "{error}");
    pod.stop().await.expect("a stop is sent");
    runpod.stop(POD).await.expect("a stop is sent");
    pod.terminate().await.expect("a terminate is sent");
    runpod.terminate(POD).await.expect("a terminate is sent");
    runpod.restart(POD).await.expect_err("a restart is held back");
    assert_eq!(server.heard().len(), 5);
}

#[test]
fn a_terminate_that_is_refused_for_a_limit_is_sent_again() {
    let heard = run_fast(100, async {
        let server = Scripted::start(|_, earlier| match earlier {
            0 => refusal(429, "slow down").header("Retry-After", "86400"),
            1 => refusal(429, "slow down").header("Retry-After", "3"),
            _ => answer(204, Value::Null),
        })
        .await;
        server.runpod().terminate(POD).await.expect("the third is let in");
        server.heard().len()
    });
    assert_eq!(heard.expect("a runtime can be had"), 3);
}

#[test]
fn every_pause_for_a_limit_is_told_with_its_length_and_reason() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    run_fast(100, async move {
        let server = Scripted::start(|request: &Request, earlier| match earlier {
            0 => pod().header("RateLimit", "\"minute\";r=0;t=20"),
            1..4 => refusal(429, "slow down").header("Retry-After", "30"),
            _ if request.method == "GET" => pod(),
            _ => account(request),
        })
        .await;
        let pod = server.runpod().get(POD).await.unwrap();
        let wait = pod.wait_until(Running, Duration::from_secs(600)).on_event(move |event| {
            if let Event::Paused { pause, reason, operation } = event {
                teller.lock().unwrap().push((pause.as_secs(), format!("{operation}: {reason}")));
            }
        });
        wait.await.expect("it runs");
    })
    .expect("a runtime can be had");
    let told = told.lock().unwrap().clone();
    assert!(told.len() >= 4, "{told:?}");
    assert!((18..=20).contains(&told[0].0) && told[0].1.contains("\"minute\" is used up"), "{told:?}");
    let refused: Vec<_> = told.iter().filter(|(_, reason)| reason.contains("RunPod answered 429")).collect();
    assert_eq!(refused.len(), 3, "{told:?}");
    assert!(refused.iter().all(|(seconds, _)| (29..=39).contains(seconds)), "{told:?}");
    let total: u64 = told.iter().map(|(seconds, _)| seconds).sum();
    assert!(total >= 100, "the whole silence is told: {told:?}");
}

#[test]
fn a_deploy_tells_of_a_create_that_is_held_back() {
    let told = Arc::new(Mutex::new(String::new()));
    let teller = Arc::clone(&told);
    run_fast(100, async move {
        let server = Scripted::start(|request: &Request, _| match request.is("POST", "/v2/pods") {
            true => refusal(429, "slow down").header("Retry-After", "7"),
            false => account(request),
        })
        .await;
        let runpod = server.runpod().on_event(move |event| *teller.lock().unwrap() += &format!("{event}\n"));
        let spec = runpod_lifecycle::PodSpec::gpu("trainer", "image", [GPU]);
        runpod.deploy(&spec).await.expect_err("it is never let in");
    })
    .expect("a runtime can be had");
    let told = told.lock().unwrap().clone();
    assert!(told.contains("to create pod: RunPod answered 429"), "{told}");
}
