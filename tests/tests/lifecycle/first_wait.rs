//! The first wait after a deploy, which ends no sooner than lists would show a second pod.

use std::{sync::Arc, sync::Mutex, time::Duration};

use httpmock::MockServer;
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{OnFailure, PodState, Ready, Running, Wait, WaitError};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    mock::{answer_create, empty_account, fresh_pod, handle, spec},
    script::{ID, Script, pod, reachable},
};

const MINUTE: Duration = Duration::from_secs(60);

/// A wait and everything it tells.
fn heard<C: runpod_lifecycle::Condition>(wait: Wait<C>) -> (Wait<C>, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    let wait =
        wait.on_event(move |event| sink.lock().expect("no test panics with it").push(event.to_string()));
    (wait, told)
}

#[test]
fn says_that_it_is_over_and_what_it_still_waits_for_and_returns_the_pod_as_last_seen() {
    run_fast(50, async {
        let script = Script::new().await;
        let deployed = script.deployed().await;
        script.show(reachable(1, "2026-08-20T06:16:19Z", 1));
        let (wait, told) = heard(deployed.wait_until(Running, MINUTE));
        let restarted = async {
            sleep(Duration::from_secs(8)).await;
            script.show(reachable(2, "2026-08-20T06:16:29Z", 1));
        };
        let (running, ()) = tokio::join!(wait.into_future(), restarted);
        let running = running.expect("it runs");
        assert_eq!(running.connection().direct_ssh().map(|ssh| ssh.port), Some(2));
        let told = told.lock().expect("no test panics with it").clone();
        let over = told.iter().position(|event| event.ends_with(": running")).expect("the condition holds");
        assert!(told[over + 1].contains("RUNNING, running; RunPod's list shows in 1"), "{told:?}");
        assert!(told[over + 1].contains("whether a second pod was made"), "{told:?}");
    })
    .expect("a runtime");
}

#[test]
fn fails_if_the_pod_is_seen_to_be_gone_before_it_is_over() {
    run_fast(50, async {
        let script = Script::new().await;
        let deployed = script.deployed().await;
        script.show(reachable(1, "2026-08-20T06:16:19Z", 1));
        let ended = async {
            sleep(Duration::from_secs(8)).await;
            script.show(pod(json!({"status": "TERMINATED"})));
        };
        let (outcome, ()) = tokio::join!(deployed.wait_until(Running, MINUTE).into_future(), ended);
        let error = outcome.expect_err("it is gone");
        assert!(matches!(error, WaitError::Failed { .. }), "{error}");
        assert!(!error.may_bill(), "{error}");
    })
    .expect("a runtime");
}

#[test]
fn reports_a_pod_that_did_not_come_up_as_it_is_at_the_end() {
    run_fast(50, async {
        let script = Script::new().await;
        let deployed = script.deployed().await;
        script.show(pod(json!({"status": "PROVISIONING"})));
        let stopped = async {
            sleep(Duration::from_secs(8)).await;
            script.show(pod(json!({"status": "EXITED"})));
        };
        let short = Duration::from_secs(3);
        let (outcome, ()) = tokio::join!(deployed.wait_until(Running, short).into_future(), stopped);
        let error = outcome.expect_err("it does not come up");
        let WaitError::TimedOut { report } = &error else { panic!("{error}") };
        assert_eq!(report.last_pod.as_ref().and_then(|pod| pod.state.clone()), Some(PodState::Exited));
        let text = error.to_string();
        assert!(text.contains("is not running: timed out after 3 s; last seen: EXITED"), "{text}");
    })
    .expect("a runtime");
}

#[test]
fn ends_early_on_a_cause_that_does_not_heal_if_a_deploy_was_told_to() {
    for (is_early, words) in [(true, "does not heal by itself"), (false, "timed out after 60 s")] {
        let error = run_fast(50, async move {
            let server = MockServer::start_async().await;
            empty_account(&server);
            answer_create(&server, |then| then.status(201).json_body(fresh_pod()));
            let line = "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8";
            let data = json!({"source": "system", "line": line, "ts": "2026-08-20T06:16:20Z"});
            server.mock(|when, then| {
                when.method("GET").path(format!("/v2/pods/{ID}/logs"));
                let stream = then.status(200).header("content-type", "text/event-stream");
                stream.body(format!("id: 2026-08-20T06:16:20Z\ndata: {data}\n\n"));
            });
            server.mock(|when, then| {
                when.method("GET").path(format!("/v2/pods/{ID}"));
                then.status(200).json_body(fresh_pod());
            });
            let (runpod, spec) = (handle(&server), spec());
            let deploy = runpod.deploy_and_wait_until(&spec, Ready::Ssh, MINUTE, OnFailure::Keep);
            deploy.fail_early(is_early).await
        });
        let text = error.expect("a runtime").expect_err("it never comes up").to_string();
        assert!(text.contains(words) && text.contains("cuda>=12.8"), "{text}");
    }
}
