//! What answers prove: RunPod's lists and looks lag, each by itself, and no old answer decides anything.

use std::time::Duration;

use futures_util::poll;
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{
    DeployError, ErrorKind, Event, Found, Gone, PodSpec, Ready, Running, Stopped, WaitError,
};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::TcpListener,
    time::{Instant, sleep, timeout},
};

use crate::{
    mock::{GPU, spec},
    script::{
        ID, Script,
        To::{Act, Create, Delete, Get, List},
        listed, not_found, pod, reachable, refusal,
    },
};

const SPEED: u32 = 50;
const MINUTE: Duration = Duration::from_secs(60);
/// Longer than anything of RunPod's lags.
const LATER: Duration = Duration::from_secs(20);
const OLD_START: &str = "2026-08-20T06:16:19.430Z";
const NEW_START: &str = "2026-08-20T07:16:19.430Z";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn state(word: &str) -> Value {
    pod(json!({"status": word}))
}

fn fast<F: Future>(future: F) -> F::Output {
    run_fast(SPEED, future).expect("a runtime")
}

/// A server that greets as sshd on a port of this machine.
async fn sshd() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
    let port = listener.local_addr().expect("it listens").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Whoever only wanted to know that it listens is gone by now.
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").await;
        }
    });
    port
}

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
        let script = Script::new().await;
        script.show(state("EXITED"));
        script.set(Act, (200, state("EXITED")));
        let pod = script.runpod().get(ID).await.expect("it is there");
        pod.start().await.expect("it is accepted");
        let error = pod.wait_until(Running, MINUTE).await.expect_err("it never starts");
        let WaitError::Failed { report, .. } = &error else { panic!("{error}") };
        assert!(report.elapsed > seconds(13) && report.elapsed < seconds(22), "{:?}", report.elapsed);
    });
}

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
        let gone = async {
            sleep(seconds(2)).await;
            script.set(Get, not_found());
        };
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
        let up = async {
            sleep(seconds(8)).await;
            script.show(state("RUNNING"));
        };
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
        let known = async {
            sleep(seconds(8)).await;
            script.set(Delete, (204, Value::Null));
        };
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
        let known = async {
            sleep(seconds(8)).await;
            script.set(Delete, (204, Value::Null));
        };
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
        let known = async {
            sleep(seconds(8)).await;
            script.set(Delete, (204, Value::Null));
        };
        let error = runpod.get(ID).await.expect_err("it is not known yet");
        assert_eq!(error.kind(), ErrorKind::Unproven, "{error}");
        let (outcome, ()) = tokio::join!(runpod.terminate(ID), known);
        outcome.expect("it is accepted in the end");
        assert!(script.asked(Delete) > 2, "{}", script.asked(Delete));
    });
}

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
        sleep(seconds(3600)).await;
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

#[test]
fn after_a_start_the_endpoint_from_before_the_stop_is_not_ready() {
    fast(async {
        let (strangers, own) = (sshd().await, sshd().await);
        let script = Script::new().await;
        script.show(pod(json!({"status": "EXITED", "startedAt": OLD_START})));
        script.set(Act, (200, state("EXITED")));
        let stopped = script.runpod().get(ID).await.expect("it is there");
        stopped.start().await.expect("it is accepted");
        script.show(reachable(strangers, OLD_START, 500));
        let up = async {
            sleep(seconds(14)).await;
            let seen = stopped.refresh().await.expect("it is there");
            assert!(seen.connection().direct_ssh().is_none(), "what belongs to a stranger is not handed out");
            script.show(reachable(own, NEW_START, 3));
        };
        let custom = |pod: Option<&runpod_lifecycle::Pod>| match pod.map(|pod| pod.connection().direct_ssh())
        {
            Some(Some(_)) => runpod_lifecycle::Verdict::Done,
            _ => runpod_lifecycle::Verdict::Pending("no endpoint".into()),
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

#[test]
fn after_a_restart_only_a_run_that_began_anew_is_ready() {
    fast(async {
        let port = sshd().await;
        for (new_start, new_uptime) in [(NEW_START, 500), (OLD_START, 2)] {
            let script = Script::new().await;
            script.show(reachable(port, OLD_START, 500));
            script.set(Act, (200, reachable(port, OLD_START, 500)));
            let pod = script.runpod().get(ID).await.expect("it is there");
            pod.restart().await.expect("it is accepted");
            let restarted_at = Instant::now();
            let anew = async {
                sleep(seconds(4)).await;
                script.show(reachable(port, new_start, new_uptime));
            };
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
            let script = Script::new().await;
            script.show(shown.clone());
            script.set(Act, (200, shown));
            let pod = script.runpod().get(ID).await.expect("it is there");
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
                let never =
                    |_: Option<&runpod_lifecycle::Pod>| runpod_lifecycle::Verdict::Pending("never".into());
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
fn a_refusal_without_a_reason_proves_nothing_and_the_pod_is_looked_for() {
    fast(async {
        for words in [
            "Something went wrong. Please try again later or contact support.",
            "Internal Server Error",
            "internal error",
        ] {
            let script = Script::new().await;
            script.set(Create, refusal(400, words));
            let made = async {
                while script.asked(Create) == 0 {
                    sleep(Duration::from_millis(100)).await;
                }
                script.show(state("STARTING"));
            };
            let runpod = script.runpod();
            let spec = spec();
            let (outcome, ()) = tokio::join!(runpod.deploy(&spec), made);
            assert_eq!(outcome.unwrap_or_else(|error| panic!("{words}: {error}")).id, ID);
            assert_eq!(script.asked(Create), 1, "{words}");
        }
        let script = Script::new().await;
        script.set(Create, refusal(400, "Something went wrong. Please try again later or contact support."));
        let error = script.runpod().deploy(&spec()).await.expect_err("no list shows it");
        assert!(matches!(&error, DeployError::Unclear { .. }) && error.may_bill(), "{error}");
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
fn a_pod_that_is_terminated_by_the_time_it_is_found_is_not_taken() {
    fast(async {
        let script = Script::new().await;
        script.set(Create, (201, json!({"id": ID, "name": 7})));
        script.set(Get, (200, state("TERMINATED")));
        let created = async {
            while !script.heard().contains("unclear") {
                sleep(Duration::from_millis(100)).await;
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
fn a_wait_of_many_does_not_take_an_old_list_for_the_present() {
    fast(async {
        let script = Script::new().await;
        script.show(state("RUNNING"));
        let pod = script.runpod().get(ID).await.expect("it is there");
        // Another wait keeps lists coming, which lag.
        let never = |_: Option<&runpod_lifecycle::Pod>| runpod_lifecycle::Verdict::Pending("never".into());
        let other = pod.wait_until(never, seconds(40)).into_future();
        let change = async {
            sleep(seconds(3)).await;
            script.set(Act, (200, state("RUNNING")));
            pod.stop().await.expect("it is accepted");
            script.set(Get, (200, state("EXITED")));
            let late = async {
                sleep(seconds(12)).await;
                script.set(List, listed([state("EXITED")]));
            };
            let (running, ()) = tokio::join!(pod.wait_until(Running, MINUTE).into_future(), late);
            running.expect_err("lists are from before the stop")
        };
        let (_, error) = tokio::join!(other, change);
        assert!(matches!(&error, WaitError::Failed { .. }), "{error}");
    });
}

#[test]
fn a_doubt_about_a_wait_is_told_while_it_lasts() {
    fast(async {
        let script = Script::new().await;
        let pod = script.deployed().await;
        script.set(Get, not_found());
        let known = async {
            sleep(seconds(6)).await;
            script.show(state("RUNNING"));
        };
        let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = std::sync::Arc::clone(&told);
        let wait = pod.wait_until(Running, MINUTE).on_event(move |event| {
            if let Event::Looked { pending, .. } = event {
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
fn a_refused_change_is_not_taken_for_done_because_an_old_answer_shows_the_state_it_leads_to() {
    fast(async {
        let script = Script::new().await;
        script.show(state("EXITED"));
        script.set(Act, (200, state("EXITED")));
        let pod = script.runpod().get(ID).await.expect("it is there");
        pod.start().await.expect("it is accepted");
        // It comes up, and RunPod's answers lag.
        script.set(Act, refusal(409, "pod is being provisioned"));
        let up = async {
            sleep(seconds(10)).await;
            script.show(state("RUNNING"));
        };
        let (stopped, ()) = tokio::join!(pod.stop(), up);
        let error = stopped.expect_err("nothing shows that it is stopped, and it bills");
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");

        let script = Script::new().await;
        script.show(state("RUNNING"));
        script.set(Act, (200, state("RUNNING")));
        let pod = script.runpod().get(ID).await.expect("it is there");
        pod.stop().await.expect("it is accepted");
        script
            .set(Act, refusal(400, "There are not enough free GPUs on the host machine to start this pod."));
        let down = async {
            sleep(seconds(10)).await;
            script.show(state("EXITED"));
        };
        let (started, ()) = tokio::join!(pod.start(), down);
        let error = started.expect_err("it is stopped, whatever an old answer says");
        assert_eq!(error.kind(), ErrorKind::NoCapacity, "{error}");
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
        let known = async {
            sleep(seconds(8)).await;
            script.set(Delete, (204, Value::Null));
        };
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
        let late = async {
            sleep(seconds(6)).await;
            script.set(List, listed([state("RUNNING")]));
        };
        let (second, ()) = tokio::join!(runpod.deploy(&spec), late);
        let error = second.expect_err("the first one's pod has the name");
        assert!(matches!(&error, DeployError::NameTaken { pods, .. } if pods[0].id == ID), "{error}");
        assert_eq!(script.asked(Create), 1);
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
