//! One pod per name, however many processes deploy it: who created later gives way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{future::join_all, poll};
use httpmock::HttpMockResponse;
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{Aftermath, DeployError, IfExists, OnFailure, Origin, PodHandle, Running, WaitError};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    account::{Account, State, accept, answer, pod_with, refusal},
    mock::spec,
};

const SPEED: u32 = 100;
const MINUTE: Duration = Duration::from_secs(60);
/// The id of the pod that the deploy under test makes.
const OWN: &str = "mmmmmmmmmmmmmm";
const SMALLER: &str = "aaaaaaaaaaaaaa";
const LARGER: &str = "zzzzzzzzzzzzzz";
/// A millisecond before the pod that the deploy under test makes, the same moment, and one after it.
const EARLIER: &str = "2026-08-20T06:16:19.429Z";
const SAME: &str = "2026-08-20T06:16:19.430Z";
const LATER: &str = "2026-08-20T06:16:19.431Z";

fn made(state: &mut State, sent: &Value) -> HttpMockResponse {
    accept(state, sent, OWN)
}

/// A pod of another deploy of the same name, with these members besides.
fn rival(id: &str, created_at: &str, members: Value) -> Value {
    let env = json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": "0123456789abcdef0123456789abcdef"});
    let mut pod = pod_with(json!({"id": id, "createdAt": created_at, "env": env}));
    for (name, value) in members.as_object().expect("members") {
        pod[name] = value.clone();
    }
    pod
}

/// An account in which a pod of the name comes to light once the deploy under test has created its own.
async fn raced(rival: Value) -> Account {
    Account::new(move |state, sent| {
        state.pods.push(rival.clone());
        made(state, sent)
    })
    .await
}

async fn deploy(account: &Account, if_exists: IfExists) -> Result<PodHandle, DeployError> {
    let spec = spec().if_exists(if_exists);
    account.runpod().deploy_and_wait_until(&spec, Running, MINUTE, OnFailure::Terminate).await
}

#[test]
fn who_created_later_gives_way_and_of_two_at_once_the_one_with_the_larger_id() {
    for (id, created_at, gives_way) in [
        (LARGER, EARLIER, true),
        (SMALLER, EARLIER, true),
        (SMALLER, SAME, true),
        (LARGER, SAME, false),
        (SMALLER, LATER, false),
        (LARGER, LATER, false),
    ] {
        for if_exists in [IfExists::Fail, IfExists::Replace] {
            run_fast(SPEED, async move {
                let account = raced(rival(id, created_at, json!({}))).await;
                let outcome = deploy(&account, if_exists).await;
                let row = format!("{id} {created_at} {if_exists:?}");
                if !gives_way {
                    let pod = outcome.expect("it was there first");
                    assert_eq!((pod.id.as_str(), pod.origin()), (OWN, Origin::Created), "{row}");
                    assert_eq!(account.state().deleted, [""; 0], "{row}: the other one gives way");
                    return;
                }
                let error = outcome.expect_err("the other one was there first");
                assert_eq!(account.state().deleted, [OWN], "{row}");
                let DeployError::GaveWay(gave_way) = &error else { panic!("{row}: {error}") };
                assert_eq!((gave_way.winner.id.as_str(), gave_way.pod_id.as_str()), (id, OWN), "{row}");
                assert!(error.to_string().contains(id) && !error.may_bill(), "{row}: {error}");
                assert!(account.heard().contains(&format!("terminated pod {OWN}")), "{}", account.heard());
            })
            .expect("a runtime");
        }
    }
}

#[test]
fn a_deploy_that_adopts_takes_the_pod_that_was_there_first() {
    run_fast(SPEED, async {
        let account = raced(rival(SMALLER, EARLIER, json!({}))).await;
        let pod = deploy(&account, IfExists::Adopt).await.expect("the other one runs");
        assert_eq!((pod.id.as_str(), pod.origin()), (SMALLER, Origin::Adopted));
        assert_eq!(account.state().deleted, [OWN]);
    })
    .expect("a runtime");
    run_fast(SPEED, async {
        let account = raced(rival(SMALLER, EARLIER, json!({"status": "EXITED"}))).await;
        let error = deploy(&account, IfExists::Adopt).await.expect_err("the other one is stopped");
        let DeployError::NotReady { pod_id, origin, aftermath, .. } = &error else { panic!("{error}") };
        assert_eq!((pod_id.as_str(), *origin), (SMALLER, Origin::Adopted));
        assert!(matches!(aftermath, Aftermath::Kept), "it is somebody else's: {error}");
        assert!(error.to_string().contains(&format!("in place of {OWN}")), "{error}");
        assert_eq!(account.state().deleted, [OWN]);
    })
    .expect("a runtime");
}

#[test]
fn a_pod_that_lists_show_15_s_late_was_there_first_all_the_same() {
    run_fast(SPEED, async {
        let account = raced(rival(SMALLER, EARLIER, json!({}))).await;
        account.state().unlisted.insert(SMALLER.to_owned());
        let late = async {
            sleep(Duration::from_millis(14_500)).await;
            account.state().unlisted.clear();
        };
        let (outcome, ()) = tokio::join!(deploy(&account, IfExists::Fail), late);
        assert!(matches!(outcome, Err(DeployError::GaveWay(_))), "{outcome:?}");
        assert_eq!(account.state().deleted, [OWN]);
    })
    .expect("a runtime");
}

#[test]
fn a_long_wait_gives_way_as_soon_as_a_list_would_show_the_other_pod() {
    run_fast(SPEED, async {
        let account = Account::new(|state, sent| {
            state.pods.push(rival(SMALLER, EARLIER, json!({})));
            let pod = pod_with(json!({"id": OWN, "env": sent["env"], "status": "PROVISIONING"}));
            state.pods.push(pod.clone());
            answer(201, &pod)
        })
        .await;
        let began = Instant::now();
        let pod = account.runpod().deploy(&spec()).await.expect("it is accepted");
        let error = pod.wait_until(Running, 60 * MINUTE).await.expect_err("the other one was there first");
        assert!(matches!(&error, WaitError::GaveWay { .. }) && !error.may_bill(), "{error}");
        assert!(began.elapsed() < Duration::from_secs(25), "both bill that long: {:?}", began.elapsed());
    })
    .expect("a runtime");
}

#[test]
fn a_pod_that_no_deploy_made_is_warned_of_and_nothing_is_terminated() {
    for env in [json!({"A": "b"}), json!({"RUNPOD_LIFECYCLE_EXPIRES_AT": "2020-01-01T00:00:00Z"})] {
        run_fast(SPEED, async move {
            let account = raced(rival(SMALLER, EARLIER, json!({"env": env}))).await;
            assert_eq!(deploy(&account, IfExists::Fail).await.expect("it stays").id, OWN);
            assert_eq!(account.state().deleted, [""; 0]);
            let heard = account.heard();
            assert!(heard.contains("warning") && heard.contains(SMALLER), "{heard}");
        })
        .expect("a runtime");
    }
}

#[test]
fn a_pod_that_cannot_be_judged_is_named_and_nothing_is_terminated() {
    let starred = json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": "********"});
    for members in [json!({"createdAt": null}), json!({"createdAt": "?"}), json!({"env": starred})] {
        run_fast(SPEED, async move {
            let account = raced(rival(SMALLER, EARLIER, members)).await;
            assert_eq!(deploy(&account, IfExists::Fail).await.expect("it stays").id, OWN);
            assert_eq!(account.state().deleted, [""; 0]);
            let heard = account.heard();
            assert!(heard.contains("warning") && heard.contains(SMALLER) && heard.contains(OWN), "{heard}");
        })
        .expect("a runtime");
    }
}

#[test]
fn a_pod_of_another_name_or_one_that_is_gone_does_not_count() {
    for members in [json!({"name": "other"}), json!({"status": "TERMINATED"})] {
        run_fast(SPEED, async move {
            let account = raced(rival(SMALLER, EARLIER, members)).await;
            assert_eq!(deploy(&account, IfExists::Fail).await.expect("it stays").id, OWN);
            assert_eq!(account.state().deleted, [""; 0]);
            assert!(!account.heard().contains("warning"), "{}", account.heard());
        })
        .expect("a runtime");
    }
}

#[test]
fn a_pod_that_cannot_be_given_up_is_named_and_so_is_the_other() {
    for if_exists in [IfExists::Fail, IfExists::Adopt, IfExists::Replace] {
        run_fast(SPEED, async move {
            let account = raced(rival(SMALLER, EARLIER, json!({}))).await;
            account.state().locked.insert(OWN.to_owned());
            let error = deploy(&account, if_exists).await.expect_err("both bill");
            let text = error.to_string();
            assert!(error.may_bill() && error.pod_id() == Some(OWN), "{text}");
            assert!(text.contains(OWN) && text.contains(SMALLER) && text.contains("locked"), "{text}");
        })
        .expect("a runtime");
    }
}

#[test]
fn a_pod_that_could_not_be_given_up_is_given_up_by_whoever_comes_next() {
    run_fast(SPEED, async {
        let account = raced(rival(SMALLER, EARLIER, json!({}))).await;
        let pod = account.runpod().deploy(&spec()).await.expect("it is accepted");
        account.state().locked.insert(OWN.to_owned());
        let error = pod.settle_name().await.expect_err("both bill");
        assert!(error.may_bill() && error.to_string().contains("locked"), "{error}");
        account.state().locked.clear();
        let error = pod.settle_name().await.expect_err("it is given up");
        assert_eq!((error.winner.id.as_str(), error.may_bill()), (SMALLER, false), "{error}");
        assert_eq!(account.state().deleted, [OWN]);
    })
    .expect("a runtime");
}

#[test]
fn a_pod_of_an_unclear_create_is_a_twin_however_slowly_this_machines_clock_runs() {
    run_fast(SPEED, async {
        let account = Account::new(|state, sent| {
            if state.creates.len() > 1 {
                state.unlisted.clear();
                return made(state, sent);
            }
            // Another 16 s of lists without it come before the next create.
            accept(state, sent, SMALLER);
            state.pods[0]["createdAt"] = json!("2026-08-20T06:16:02.000Z");
            state.unlisted.insert(SMALLER.to_owned());
            refusal(503, "Service Unavailable")
        })
        .await;
        let pod = account.runpod().deploy(&spec()).await.expect("the second create is accepted");
        assert_eq!(pod.settle_name().await.expect("it stays").id, OWN);
        assert_eq!(account.state().deleted, [SMALLER]);
    })
    .expect("a runtime");
}

#[test]
fn a_deploy_without_any_wait_settles_the_name_by_a_call_of_its_own() {
    run_fast(SPEED, async {
        let account = raced(rival(SMALLER, EARLIER, json!({}))).await;
        let pod = account.runpod().deploy(&spec()).await.expect("it is accepted");
        let error = pod.settle_name().await.expect_err("the other one was there first");
        assert_eq!((error.winner.id.as_str(), error.may_bill()), (SMALLER, false));
        let lists = account.state().lists;
        let again = pod.settle_name().await.expect_err("it was given up");
        assert_eq!((again.winner.id.as_str(), account.state().lists), (SMALLER, lists), "it is known");
        let wait = pod.wait_until(Running, MINUTE).await.expect_err("it was given up");
        assert!(matches!(wait, WaitError::GaveWay { .. }), "{wait}");
        assert_eq!(account.state().deleted, [OWN]);
    })
    .expect("a runtime");
    run_fast(SPEED, async {
        let account = raced(rival(SMALLER, EARLIER, json!({}))).await;
        let spec = spec().if_exists(IfExists::Adopt);
        let pod = account.runpod().deploy(&spec).await.expect("it is accepted");
        let winner = pod.settle_name().await.expect("it is taken in its place");
        assert_eq!((winner.id.as_str(), winner.origin()), (SMALLER, Origin::Adopted));
    })
    .expect("a runtime");
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let (runpod, began) = (account.runpod(), Instant::now());
        let pod = runpod.deploy(&spec()).await.expect("it is accepted");
        assert_eq!(pod.settle_name().await.expect("it is the only one").id, OWN);
        assert!(began.elapsed() >= Duration::from_secs(15), "{:?}", began.elapsed());
        let found = runpod.get(OWN).await.expect("it is there");
        let (asked, began) = (account.state().lists, Instant::now());
        assert_eq!(found.settle_name().await.expect("it was not created by this handle").id, OWN);
        assert_eq!((began.elapsed() < Duration::from_secs(1), account.state().lists), (true, asked));
    })
    .expect("a runtime");
}

#[test]
fn a_name_that_cannot_be_settled_is_a_warning() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let (pod, began) = (account.runpod().deploy(&spec()).await.expect("it is accepted"), Instant::now());
        account.state().are_lists_broken = true;
        assert_eq!(pod.settle_name().await.expect("it stays").id, OWN);
        assert!(began.elapsed() < Duration::from_secs(35), "{:?}", began.elapsed());
        let heard = account.heard();
        assert!(
            heard.contains("a second pod may have been created") && heard.contains("no list today"),
            "{heard}"
        );
        account.state().are_lists_broken = false;
        account.state().pods.push(rival(SMALLER, EARLIER, json!({})));
        pod.settle_name().await.expect_err("it was left to whoever comes next");
    })
    .expect("a runtime");
}

#[test]
fn a_wait_that_nobody_polls_does_not_keep_another_from_settling_the_name() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let pod = account.runpod().deploy(&spec()).await.expect("it is accepted");
        account.state().are_lists_broken = true;
        let mut idle = Box::pin(pod.wait_until(Running, MINUTE).into_future());
        let before = account.state().lists;
        while account.state().lists == before {
            assert!(poll!(&mut idle).is_pending(), "its search has just begun");
            sleep(Duration::from_millis(100)).await;
        }
        account.state().are_lists_broken = false;
        account.state().pods.push(rival(SMALLER, EARLIER, json!({})));
        let (error, began) = (pod.wait_until(Running, MINUTE).await, Instant::now());
        assert!(matches!(error, Err(WaitError::GaveWay { .. })), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        assert!(matches!(idle.await, Err(WaitError::GaveWay { .. })), "it hears of it too");
        assert_eq!(account.state().deleted, [OWN], "once");
    })
    .expect("a runtime");
}

/// Outcome of so many processes that deploy one name at a time, when no list shows any of their pods for
/// 14 s and their creates are answered in this order of times.
fn deployed_at_a_time(times: &'static [&'static str], if_exists: IfExists) {
    // Slower than the others: a search gives up after 30 s, which a busy machine may need for an answer.
    run_fast(SPEED / 4, async move {
        let number = Arc::new(AtomicUsize::new(0));
        let account = Account::new(move |state, sent| {
            let number = number.fetch_add(1, Ordering::Relaxed);
            let id = format!("{}{number}", "p".repeat(13));
            let made = json!({"id": id, "createdAt": times[number], "env": sent["env"]});
            state.unlisted.insert(id);
            state.pods.push(pod_with(made.clone()));
            answer(201, &pod_with(made))
        })
        .await;
        let late = async {
            sleep(Duration::from_secs(14)).await;
            account.state().unlisted.clear();
        };
        let deploys = join_all(times.iter().map(|_| deploy(&account, if_exists)));
        let (outcomes, ()) = tokio::join!(deploys, late);
        let first = (0..times.len()).min_by_key(|number| (times[*number], *number)).expect("there are some");
        let first = format!("{}{first}", "p".repeat(13));
        let left: Vec<Value> = account.state().pods.iter().map(|pod| pod["id"].clone()).collect();
        assert_eq!(left, [json!(first)], "{times:?} {if_exists:?}");
        let mut created = 0;
        for outcome in outcomes {
            match outcome {
                Ok(pod) => {
                    assert_eq!(pod.id, first);
                    created += usize::from(pod.origin() == Origin::Created);
                    assert!(pod.origin() == Origin::Created || if_exists == IfExists::Adopt);
                }
                Err(DeployError::GaveWay(gave_way)) => assert_eq!(gave_way.winner.id, first),
                Err(error) => panic!("{times:?} {if_exists:?}: {error}"),
            }
        }
        assert_eq!(created, 1, "{times:?} {if_exists:?}");
    })
    .expect("a runtime");
}

#[test]
fn two_or_three_processes_that_deploy_one_name_at_a_time_keep_one_pod() {
    for if_exists in [IfExists::Fail, IfExists::Adopt, IfExists::Replace] {
        for times in [
            &[EARLIER, LATER][..],
            &[LATER, EARLIER],
            &[SAME, SAME],
            &[LATER, EARLIER, SAME],
            &[SAME, SAME, SAME],
        ] {
            deployed_at_a_time(times, if_exists);
        }
    }
}

#[test]
fn a_deploy_that_meets_a_race_of_two_others_goes_by_the_pod_that_is_left() {
    // Created in the future, so new whatever the time is.
    let two = || {
        [(SMALLER, "2999-01-01T00:00:00Z"), (LARGER, "2999-01-01T00:00:01Z")]
            .map(|(id, created_at)| rival(id, created_at, json!({})))
    };
    run_fast(SPEED, async move {
        let account = Account::new(made).await;
        account.state().pods.extend(two());
        let gives_way = async {
            sleep(Duration::from_secs(10)).await;
            account.state().pods.retain(|pod| pod["id"] != LARGER);
        };
        let (runpod, spec) = (account.runpod(), spec().if_exists(IfExists::Adopt));
        let (adopted, ()) = tokio::join!(runpod.deploy(&spec), gives_way);
        assert_eq!(adopted.expect("one is left").id, SMALLER);
        assert!(account.state().creates.is_empty());
    })
    .expect("a runtime");
    let old = [EARLIER, LATER].map(|created_at| rival(created_at, created_at, json!({})));
    let foreign = two().map(|mut pod| {
        pod["env"] = json!({"A": "b"});
        pod
    });
    for pods in [two(), old, foreign] {
        run_fast(SPEED, async move {
            let account = Account::new(made).await;
            let is_race = pods[0]["createdAt"] == "2999-01-01T00:00:00Z" && pods[0]["env"]["A"].is_null();
            account.state().pods.extend(pods);
            let (began, spec) = (Instant::now(), spec().if_exists(IfExists::Adopt));
            let error = account.runpod().deploy(&spec).await.expect_err("nobody gives way");
            assert!(matches!(error, DeployError::NameTaken { .. }), "{error}");
            let waited = began.elapsed();
            assert_eq!(waited > Duration::from_secs(40), is_race, "{waited:?}");
            assert!(waited < Duration::from_secs(75), "{waited:?}");
        })
        .expect("a runtime");
    }
}
