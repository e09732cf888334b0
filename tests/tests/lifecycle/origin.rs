//! Origin of pods: only what a deploy created is ever terminated on its caller's behalf.

use std::time::Duration;

use futures_util::poll;
use httpmock::HttpMockResponse;
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{DeployError, IfExists, OnFailure, Origin, PodSpec, Running, Stopped};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    account::{Account, STOCK, State, accept, answer, pod_with, refusal},
    mock::{GPU, spec},
};

const SPEED: u32 = 50;
const MINUTE: Duration = Duration::from_secs(60);
const A: &str = "aaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbb";

fn made(state: &mut State, sent: &Value) -> HttpMockResponse {
    accept(state, sent, A)
}

/// A create that makes two pods, of which it answers the first.
fn doubled(state: &mut State, sent: &Value) -> HttpMockResponse {
    let response = accept(state, sent, A);
    accept(state, sent, B);
    response
}

#[test]
fn an_adopted_pod_is_kept_when_it_does_not_become_ready() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let mounts = json!({"persistent": {"size": 20, "path": "/workspace"}});
        account.state().pods.push(pod_with(json!({"id": B, "status": "EXITED", "mounts": mounts})));
        let spec = spec().if_exists(IfExists::Adopt);
        let deploy =
            account.runpod().deploy_and_wait_until(&spec, Running, MINUTE, OnFailure::Terminate).await;
        let error = deploy.expect_err("it is stopped");
        let text = error.to_string();
        assert!(text.contains("was adopted") && !text.contains("deployed"), "{text}");
        assert!(text.contains("it was kept") && error.may_bill(), "{text}");
        assert_eq!(account.state().deleted, [""; 0], "its volume is the caller's");
    })
    .expect("a runtime");
}

#[test]
fn a_handle_knows_where_its_pod_comes_from() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let runpod = account.runpod();
        let created = runpod.deploy(&spec()).await.expect("it is accepted");
        assert_eq!(created.origin(), Origin::Created);
        let waited = created.wait_until(Running, MINUTE).await.expect("it runs");
        assert_eq!(waited.origin(), Origin::Created);
        assert_eq!(waited.refresh().await.expect("it is there").origin(), Origin::Created);
        assert_eq!(runpod.get(A).await.expect("it is there").origin(), Origin::Found);
        assert_eq!(runpod.pod("trainer").await.expect("it is there").origin(), Origin::Found);
        let adopted = runpod.deploy(&spec().if_exists(IfExists::Adopt)).await.expect("it is there");
        assert_eq!((adopted.id.as_str(), adopted.origin()), (A, Origin::Adopted));
        let waited = adopted.wait_until(Running, MINUTE).await.expect("it runs");
        assert_eq!(waited.origin(), Origin::Adopted);
    })
    .expect("a runtime");
}

#[test]
fn twins_are_judged_by_a_list_that_would_show_every_one() {
    run_fast(SPEED, async {
        let account = Account::new(doubled).await;
        account.state().unlisted.insert(B.to_owned());
        let pod = account.runpod().deploy(&spec()).await.expect("it is accepted");
        let late = async {
            sleep(Duration::from_secs(5)).await;
            account.state().unlisted.clear();
        };
        let (waited, ()) = tokio::join!(pod.wait_until(Running, MINUTE).into_future(), late);
        waited.expect("it runs");
        assert_eq!(account.state().deleted, [B], "lists show each pod at a time of its own");
    })
    .expect("a runtime");
}

#[test]
fn twins_are_searched_for_once() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let pod = account.runpod().deploy(&spec()).await.expect("it is accepted");
        pod.wait_until(Running, MINUTE).await.expect("it runs");
        let copy = pod_with(json!({"id": B, "env": account.state().creates[0]["env"]}));
        account.state().pods.push(copy);
        pod.wait_until(Running, MINUTE).await.expect("it runs");
        assert_eq!(account.state().deleted, [""; 0], "the search was over");
    })
    .expect("a runtime");
}

/// Pods that are terminated, and what is heard, when the first wait for a pod finds another one with its
/// environment and these members.
fn beside(members: Value) -> (Vec<String>, String) {
    run_fast(SPEED, async move {
        let account = Account::new(made).await;
        let pod = account.runpod().deploy(&spec()).await.expect("it is accepted");
        let mut copy = pod_with(json!({"id": B, "env": account.state().creates[0]["env"]}));
        for (name, value) in members.as_object().expect("members") {
            copy[name] = value.clone();
        }
        account.state().pods.push(copy);
        pod.wait_until(Running, MINUTE).await.expect("it runs");
        let deleted = account.state().deleted.clone();
        (deleted, account.heard())
    })
    .expect("a runtime")
}

#[test]
fn a_copy_of_a_pods_environment_does_not_make_a_twin() {
    assert_eq!(beside(json!({})).0, [B], "the same name, marker and time");
    for members in [
        json!({"name": "copy"}),
        json!({"name": "copy", "createdAt": "2026-08-20T09:16:19Z"}),
        json!({"createdAt": "2026-08-20T09:16:19Z"}),
        json!({"createdAt": "2026-08-20T05:16:19Z"}),
        json!({"createdAt": "2026-08-20 09:16:19.43 +0000 UTC"}),
    ] {
        let (deleted, heard) = beside(members.clone());
        assert_eq!(deleted, [""; 0], "{members}");
        assert!(!heard.contains("warning"), "{members}: {heard}");
    }
}

#[test]
fn a_pod_that_may_be_a_twin_is_named_and_left_alone() {
    let starred = json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": "********"});
    for members in [json!({"createdAt": null}), json!({"env": null}), json!({"env": starred})] {
        let (deleted, heard) = beside(members.clone());
        assert_eq!(deleted, [""; 0], "{members}");
        assert!(heard.contains("warning") && heard.contains(B), "{members}: {heard}");
    }
}

#[test]
fn a_first_wait_long_after_the_deploy_is_not_held_up() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let pod = account.runpod().deploy(&spec()).await.expect("it is accepted");
        account.state().are_lists_broken = true;
        sleep(Duration::from_secs(3600)).await;
        let began = Instant::now();
        pod.wait_until(Running, Duration::from_secs(1)).await.expect("it runs");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert!(account.heard().contains("a second pod may have been created"), "{}", account.heard());
        let error = pod.wait_until(Stopped, Duration::from_secs(1)).await.expect_err("it is not stopped");
        assert!(error.may_bill() && error.report().doubt.is_some(), "{error}");
        assert!(error.to_string().contains("look for its name"), "{error}");
    })
    .expect("a runtime");
}

#[test]
fn an_answer_about_another_pod_is_unclear_and_that_pod_is_left_alone() {
    for members in [
        json!({"name": "somebody-elses"}),
        json!({"name": "trainer", "env": {"RUNPOD_LIFECYCLE_DEPLOYMENT": "0123456789abcdef0123456789abcdef"}}),
    ] {
        run_fast(SPEED, async move {
            let shown = members.clone();
            let account = Account::new(move |state, _| {
                let mut other = pod_with(json!({"id": B}));
                for (name, value) in shown.as_object().expect("members") {
                    other[name] = value.clone();
                }
                if state.pods.is_empty() {
                    state.pods.push(other.clone());
                }
                answer(201, &other)
            })
            .await;
            let error = account.runpod().deploy(&spec()).await.expect_err("it is about another pod");
            assert!(matches!(&error, DeployError::Unclear { .. }) && error.may_bill(), "{error}");
            assert!(error.to_string().contains("about another pod"), "{error}");
            assert_eq!(account.state().deleted, [""; 0], "{members}");
        })
        .expect("a runtime");
    }
}

#[test]
fn a_pod_whose_lifetime_the_server_dropped_is_said_to_be_out_of_reach() {
    run_fast(SPEED, async {
        let account = Account::new(|state, _| accept(state, &json!({"name": "trainer", "env": {}}), A)).await;
        let spec = spec().lifetime(MINUTE);
        account.runpod().deploy(&spec).await.expect("it is accepted");
        let heard = account.heard();
        assert!(heard.contains("warning") && heard.contains(A) && heard.contains("lifetime"), "{heard}");
    })
    .expect("a runtime");
}

#[test]
fn a_pod_that_is_terminated_by_the_time_it_is_found_is_not_taken() {
    run_fast(SPEED, async {
        let account = Account::new(|state, sent| {
            if state.creates.len() > 1 {
                return accept(state, sent, A);
            }
            state.pods.push(pod_with(json!({"id": B, "env": sent["env"], "status": "TERMINATED"})));
            HttpMockResponse::builder().status(201).body(format!(r#"{{"id":"{B}","name":"#)).build()
        })
        .await;
        let pod = account.runpod().deploy(&spec()).await.expect("the create goes on");
        assert_eq!(pod.id, A);
        assert!(account.heard().contains(&format!("pod {B}")), "{}", account.heard());
    })
    .expect("a runtime");
}

#[test]
fn a_deploy_that_replaces_says_that_the_old_pod_is_gone() {
    for (status, detail) in [(400, STOCK), (402, "no balance"), (500, "Something went wrong")] {
        run_fast(SPEED, async move {
            let account = Account::new(move |_, _| refusal(status, detail)).await;
            account.state().pods.push(pod_with(json!({"id": B})));
            let spec = spec().if_exists(IfExists::Replace);
            let error = account.runpod().deploy(&spec).await.expect_err("refused");
            let text = error.to_string();
            assert_eq!(account.state().deleted, [B]);
            assert!(text.contains(B) && text.contains("gone"), "{status}: {text}");
            assert_eq!(error.is_no_capacity(), status == 400, "{text}");
        })
        .expect("a runtime");
    }
}

#[test]
fn what_this_handle_created_is_found_although_no_list_shows_it() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        account.state().unlisted.insert(A.to_owned());
        let runpod = account.runpod();
        let pod = runpod.deploy(&spec()).await.expect("it is accepted");
        let clone = runpod.clone();
        let found = clone.find("trainer").await.expect("the list can be read");
        assert!(matches!(&found, runpod_lifecycle::Found::One(found) if found.id == A), "{found:?}");
        assert_eq!(clone.pod("trainer").await.expect("it is there").id, A);
        let plan = clone.plan(&spec()).await.expect("only reads");
        assert_eq!(plan.existing.iter().map(|pod| pod.id.as_str()).collect::<Vec<_>>(), [A]);

        let gone = account.state().pods.pop().expect("it was made");
        assert_eq!(clone.pod("trainer").await.expect("a 404 proves nothing yet").id, A);
        assert_eq!(clone.pod(A).await.expect("a 404 proves nothing yet").id, A);
        account.state().pods.push(gone);

        account.state().unlisted.clear();
        pod.terminate().await.expect("it is terminated");
        account.state().pods.push(pod_with(json!({"id": A})));
        let found = clone.find("trainer").await.expect("the list can be read");
        assert!(matches!(found, runpod_lifecycle::Found::None), "an old list shows it: {found:?}");
    })
    .expect("a runtime");
}

#[test]
fn deploys_of_one_name_through_one_handle_take_turns() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let one = account.runpod();
        let (spec, clone) = (spec(), one.clone());
        let (first, second) = tokio::join!(one.deploy(&spec), clone.deploy(&spec));
        let (outcomes, creates) = ([first.is_ok(), second.is_ok()], account.state().creates.len());
        assert_eq!((outcomes.iter().filter(|ok| **ok).count(), creates), (1, 1), "{outcomes:?}");
        let error = first.err().or(second.err()).expect("one of them");
        assert!(matches!(&error, DeployError::NameTaken { pods, .. } if pods[0].id == A), "{error}");
    })
    .expect("a runtime");
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let (runpod, spec) = (account.runpod(), spec().if_exists(IfExists::Adopt));
        let (first, second) = tokio::join!(runpod.deploy(&spec), runpod.deploy(&spec));
        let mut origins = [first, second].map(|pod| pod.expect("one is made, one taken").origin());
        origins.sort_by_key(|origin| *origin != Origin::Created);
        assert_eq!(origins, [Origin::Created, Origin::Adopted]);
        assert_eq!(account.state().creates.len(), 1);
    })
    .expect("a runtime");
}

#[test]
fn deploys_of_other_names_do_not_wait() {
    run_fast(SPEED, async {
        let account = Account::new(|state, sent| {
            let id = format!("{:a>14}", state.creates.len());
            accept(state, sent, &id)
        })
        .await;
        let runpod = account.runpod();
        let (one, two) = (PodSpec::gpu("one", "image", [GPU]), PodSpec::gpu("two", "image", [GPU]));
        let (one, two) = tokio::join!(runpod.deploy(&one), runpod.deploy(&two));
        assert_ne!(one.expect("it is accepted").id, two.expect("it is accepted").id);
    })
    .expect("a runtime");
}

#[test]
fn a_deploy_does_not_wait_for_ever_for_another_that_nobody_polls() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let (runpod, spec) = (account.runpod(), spec());
        let mut idle = Box::pin(runpod.deploy(&spec));
        // It has the name from before its list on until its create is answered.
        while account.state().lists == 0 {
            assert!(poll!(&mut idle).is_pending(), "it is on its way");
            sleep(Duration::from_millis(1)).await;
        }
        let began = Instant::now();
        let error = runpod.deploy(&spec).await.expect_err("the name is taken");
        let waited = began.elapsed();
        assert!(matches!(&error, DeployError::NameBusy { .. }) && !error.may_bill(), "{error}");
        assert!(
            waited < Duration::from_secs(75) && error.to_string().contains("within 60 s"),
            "{waited:?} {error}"
        );
        drop(idle);
        let adopt = spec.clone().if_exists(IfExists::Adopt);
        assert_eq!(runpod.deploy(&adopt).await.expect("the name is free").id, A);
    })
    .expect("a runtime");
}
