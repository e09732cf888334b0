//! Answers after a start, stop or restart: none is believed that may be from before it.

use runpod_lifecycle::{ErrorKind, Pod, Ready, Running, Stopped, Verdict, WaitError};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{LATER, MINUTE, NEW_START, OLD_START, after, fast, never, seconds, showing, sshd, state};
use crate::script::{
    Script,
    To::{Act, Get, List},
    listed, pod, reachable, refusal,
};

#[test]
fn every_change_made_through_a_handle_makes_older_answers_worthless() {
    fast(async {
        let script = Script::new().await;
        let pod = script.deployed().await;
        script.show(state("RUNNING"));
        pod.wait_until(Running, MINUTE).await.expect("it runs");
        script.set(Act, (200, state("RUNNING")));
        pod.stop().await.expect("it is accepted");
        let late = |word| {
            let script = &script;
            async move {
                sleep(seconds(5)).await;
                script.show(state(word));
            }
        };
        let (stopped, ()) = tokio::join!(pod.wait_until(Stopped, MINUTE).into_future(), late("EXITED"));
        stopped.expect("it stops");
        pod.start().await.expect("it is accepted");
        let (running, ()) = tokio::join!(pod.wait_until(Running, MINUTE).into_future(), late("RUNNING"));
        running.expect("what says EXITED is from before the start");
        // And again, through the same handle.
        pod.stop().await.expect("it is accepted");
        let (running, ()) = tokio::join!(pod.wait_until(Running, MINUTE).into_future(), late("EXITED"));
        let error = running.expect_err("what says RUNNING is from before the stop");
        assert!(matches!(&error, WaitError::Failed { reason, .. } if reason.contains("stopped")), "{error}");
    });
}

#[test]
fn a_change_that_does_not_show_within_15_seconds_is_believed_not_to_have_come_about() {
    fast(async {
        let (_script, pod) = showing(state("EXITED")).await;
        pod.start().await.expect("it is accepted");
        let error = pod.wait_until(Running, MINUTE).await.expect_err("it never starts");
        let WaitError::Failed { report, .. } = &error else { panic!("{error}") };
        assert!(report.elapsed > seconds(13) && report.elapsed < seconds(22), "{:?}", report.elapsed);
    });
}

#[test]
fn after_a_start_the_endpoint_from_before_the_stop_is_not_ready() {
    fast(async {
        let (strangers, own) = (sshd().await, sshd().await);
        let (script, stopped) = showing(pod(json!({"status": "EXITED", "startedAt": OLD_START}))).await;
        stopped.start().await.expect("it is accepted");
        script.show(reachable(strangers, OLD_START, 500));
        let up = async {
            sleep(seconds(14)).await;
            let seen = stopped.refresh().await.expect("it is there");
            assert!(seen.connection().direct_ssh().is_none(), "what belongs to a stranger is not handed out");
            script.show(reachable(own, NEW_START, 3));
        };
        let custom = |pod: Option<&Pod>| match pod.map(|pod| pod.connection().direct_ssh()) {
            Some(Some(_)) => Verdict::Done,
            _ => Verdict::Pending("no endpoint".into()),
        };
        let (ready, own_condition, ()) = tokio::join!(
            stopped.wait_until(Ready::Ssh, MINUTE).into_future(),
            stopped.wait_until(custom, MINUTE).into_future(),
            up
        );
        for pod in [ready, own_condition] {
            let pod = pod.expect("it comes up");
            assert_eq!(pod.connection().direct_ssh().map(|ssh| ssh.port), Some(own));
        }
    });
}

/// Lags of the start and of the container's inside are independent.
#[test]
fn after_a_start_the_address_from_before_is_not_ready_beside_the_new_start() {
    fast(async {
        let (strangers, own) = (sshd().await, sshd().await);
        let mut leftover = reachable(strangers, OLD_START, 500);
        leftover["status"] = json!("EXITED");
        let seen = [
            // The pod was seen with its address before it was stopped, or still shows it, or was never seen with it.
            (reachable(strangers, OLD_START, 500), json!({"uptime": 2, "ports": []})),
            (reachable(strangers, OLD_START, 500), Value::Null),
            (leftover, json!({"uptime": 2, "ports": []})),
            (pod(json!({"status": "EXITED", "startedAt": OLD_START})), json!({"uptime": 500, "ports": []})),
        ];
        for (before, runtime) in seen {
            let (script, pod) = showing(before).await;
            pod.stop().await.expect("it is accepted, or stopped");
            sleep(LATER).await;
            script.show(state("EXITED"));
            pod.start().await.expect("it is accepted");
            let mut mixed = reachable(strangers, NEW_START, 500);
            mixed["runtime"] = runtime.clone();
            script.show(mixed);
            let up = after(10, || script.show(reachable(own, NEW_START, 8)));
            let (ready, ()) = tokio::join!(pod.wait_until(Ready::Ssh, MINUTE).into_future(), up);
            let ready = ready.expect("it comes up");
            assert_eq!(ready.connection().direct_ssh().map(|ssh| ssh.port), Some(own), "{runtime}");
        }
    });
}

#[test]
fn after_a_restart_only_a_run_that_began_anew_is_ready() {
    fast(async {
        let port = sshd().await;
        for (new_start, new_uptime) in [(NEW_START, 500), (OLD_START, 2)] {
            let (script, pod) = showing(reachable(port, OLD_START, 500)).await;
            pod.restart().await.expect("it is accepted");
            let restarted_at = Instant::now();
            let anew = after(4, || script.show(reachable(port, new_start, new_uptime)));
            let (ready, ()) = tokio::join!(pod.wait_until(Ready::Ssh, MINUTE).into_future(), anew);
            ready.expect("it comes up anew");
            assert!(restarted_at.elapsed() >= seconds(4), "{:?}", restarted_at.elapsed());
        }
    });
}

#[test]
fn a_restart_that_never_comes_about_is_never_ready_and_the_wait_says_so() {
    fast(async {
        let port = sshd().await;
        for shown in [reachable(port, OLD_START, 500), {
            let mut timeless = reachable(port, OLD_START, 500);
            (timeless["startedAt"], timeless["runtime"]) = (Value::Null, Value::Null);
            timeless
        }] {
            let (_script, pod) = showing(shown).await;
            pod.restart().await.expect("it is accepted");
            let error = pod.wait_until(Ready::Ssh, MINUTE).await.expect_err("nothing was restarted");
            assert!(matches!(&error, WaitError::TimedOut { .. }) && error.may_bill(), "{error}");
            let text = error.to_string();
            assert!(text.contains("accepted the restart") && text.contains("no new run"), "{text}");
        }
    });
}

#[test]
fn an_uptime_that_is_refreshed_now_and_then_is_no_restart() {
    fast(async {
        let script = Script::new().await;
        let pod = script.deployed().await;
        let restarts = |uptimes: &'static [u64]| {
            let (script, pod) = (&script, &pod);
            async move {
                let shown = async {
                    for uptime in uptimes {
                        script.show(reachable(1, OLD_START, *uptime));
                        sleep(seconds(5)).await;
                    }
                };
                let longest = seconds(5) * u32::try_from(uptimes.len()).expect("a few");
                let (outcome, ()) = tokio::join!(pod.wait_until(never, longest).into_future(), shown);
                outcome.expect_err("it never holds").report().restarts
            }
        };
        sleep(LATER).await;
        assert_eq!(restarts(&[15, 15, 15, 30, 30, 30, 45, 45, 45]).await, 0);
        assert_eq!(restarts(&[45, 45, 0, 0, 0, 15, 15]).await, 1);
    });
}

#[test]
fn a_wait_of_many_does_not_take_an_old_list_for_the_present() {
    fast(async {
        let (script, pod) = showing(state("RUNNING")).await;
        // Another wait keeps lists coming, which lag.
        let other = pod.wait_until(never, seconds(40)).into_future();
        let change = async {
            sleep(seconds(3)).await;
            pod.stop().await.expect("it is accepted");
            script.set(Get, (200, state("EXITED")));
            let late = after(12, || script.set(List, listed([state("EXITED")])));
            let (running, ()) = tokio::join!(pod.wait_until(Running, MINUTE).into_future(), late);
            running.expect_err("lists are from before the stop")
        };
        let (_, error) = tokio::join!(other, change);
        assert!(matches!(&error, WaitError::Failed { .. }), "{error}");
    });
}

#[test]
fn a_refused_change_is_not_taken_for_done_because_an_old_answer_shows_the_state_it_leads_to() {
    fast(async {
        let (script, pod) = showing(state("EXITED")).await;
        pod.start().await.expect("it is accepted");
        // It comes up, and RunPod's answers lag.
        script.set(Act, refusal(409, "pod is being provisioned"));
        let up = after(10, || script.show(state("RUNNING")));
        let (stopped, ()) = tokio::join!(pod.stop(), up);
        let error = stopped.expect_err("nothing shows that it is stopped, and it bills");
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");

        let (script, pod) = showing(state("RUNNING")).await;
        pod.stop().await.expect("it is accepted");
        script
            .set(Act, refusal(400, "There are not enough free GPUs on the host machine to start this pod."));
        let down = after(10, || script.show(state("EXITED")));
        let (started, ()) = tokio::join!(pod.start(), down);
        let error = started.expect_err("it is stopped, whatever an old answer says");
        assert_eq!(error.kind(), ErrorKind::NoCapacity, "{error}");
    });
}

#[test]
fn a_state_from_before_the_change_before_the_last_one_ends_no_wait() {
    fast(async {
        // A list of before the start says what the stop leads to.
        let (script, pod) = showing(state("EXITED")).await;
        pod.start().await.expect("it is accepted");
        sleep(seconds(3)).await;
        pod.stop().await.expect("it is accepted");
        let began = Instant::now();
        pod.wait_until(Stopped, MINUTE).await.expect("it is stopped");
        assert!(began.elapsed() >= seconds(11) && began.elapsed() < seconds(20), "{:?}", began.elapsed());
        // And one of before the stop what the start leads to.
        script.show(state("RUNNING"));
        sleep(LATER).await;
        let pod = pod.refresh().await.expect("it is there");
        pod.stop().await.expect("it is accepted");
        sleep(seconds(3)).await;
        pod.start().await.expect("it is accepted");
        let began = Instant::now();
        pod.wait_until(Running, MINUTE).await.expect("it runs");
        assert!(began.elapsed() >= seconds(11) && began.elapsed() < seconds(20), "{:?}", began.elapsed());
    });
}

#[test]
fn a_stop_of_a_pod_that_was_up_for_long_is_believed_as_soon_as_it_shows() {
    fast(async {
        let (script, pod) = showing(state("RUNNING")).await;
        pod.stop().await.expect("it is accepted");
        script.show(state("EXITED"));
        let began = Instant::now();
        pod.wait_until(Stopped, MINUTE).await.expect("it is stopped");
        assert!(began.elapsed() < seconds(3), "{:?}", began.elapsed());
        sleep(LATER).await;
        pod.start().await.expect("it is accepted");
        script.show(reachable(1, NEW_START, 1));
        let began = Instant::now();
        pod.wait_until(Running, MINUTE).await.expect("it runs");
        assert!(began.elapsed() < seconds(3), "{:?}", began.elapsed());
    });
}

#[test]
fn a_wait_for_running_after_a_restart_does_not_end_on_the_run_before_it() {
    fast(async {
        let (script, pod) = showing(reachable(1, OLD_START, 500)).await;
        pod.restart().await.expect("it is accepted");
        let anew = after(25, || script.show(reachable(1, NEW_START, 2)));
        let (running, ()) = tokio::join!(pod.wait_until(Running, MINUTE).into_future(), anew);
        assert_eq!(running.expect("it runs anew").started_at.as_deref(), Some(NEW_START));
        // Nothing tells one run from the next: what is asked 15 s later is at least about the time after it.
        let (_script, pod) = showing(state("RUNNING")).await;
        pod.restart().await.expect("it is accepted");
        let began = Instant::now();
        pod.wait_until(Running, MINUTE).await.expect("it runs");
        assert!(began.elapsed() >= seconds(14) && began.elapsed() < seconds(22), "{:?}", began.elapsed());
        // A restart that never comes about.
        let (_script, pod) = showing(reachable(1, OLD_START, 500)).await;
        pod.restart().await.expect("it is accepted");
        let error = pod.wait_until(Running, MINUTE).await.expect_err("nothing was restarted");
        assert!(error.to_string().contains("accepted the restart"), "{error}");
    });
}

/// Actions on a pod, one after the other with 2 s between.
#[derive(Clone, Copy, Debug)]
enum Do {
    Start,
    Stop,
    Restart,
}

#[test]
fn no_wait_ends_on_an_answer_from_before_any_of_the_changes_whatever_they_were() {
    use Do::{Restart, Start, Stop};
    // What was shown before the changes, and goes on being shown; what is done; what such an answer must not end as.
    for (shown, changes) in [
        ("EXITED", &[Start][..]),
        ("EXITED", &[Start, Stop]),
        ("EXITED", &[Start, Restart]),
        ("EXITED", &[Start, Stop, Start]),
        ("RUNNING", &[Stop]),
        ("RUNNING", &[Stop, Start]),
        ("RUNNING", &[Stop, Start, Stop]),
        ("RUNNING", &[Restart]),
        ("RUNNING", &[Restart, Start]),
        ("RUNNING", &[Restart, Restart]),
    ] {
        fast(async {
            let (_script, pod) = showing(state(shown)).await;
            for change in changes {
                sleep(seconds(2)).await;
                let done = match change {
                    Start => pod.start().await,
                    Stop => pod.stop().await,
                    Restart => pod.restart().await,
                };
                done.expect("it is accepted");
            }
            let few = seconds(6);
            let any = |pod: Option<&Pod>| match pod {
                Some(_) => Verdict::Done,
                None => Verdict::Failed("gone".into()),
            };
            let (stopped, running, ready, any) = tokio::join!(
                pod.wait_until(Stopped, few).into_future(),
                pod.wait_until(Running, few).into_future(),
                pod.wait_until(Ready::Ports, few).into_future(),
                pod.wait_until(any, few).into_future(),
            );
            for (name, outcome) in
                [("stopped", stopped), ("running", running), ("ready", ready), ("any", any)]
            {
                let error = outcome.expect_err(name);
                assert!(
                    matches!(error, WaitError::TimedOut { .. }) && error.may_bill(),
                    "{name} after {changes:?} on {shown}: {error}"
                );
            }
        });
    }
}
