//! A pod for as long as it is worked with: it is ended on every way out, and only if it was created for this.

use std::{io, sync::Arc, time::Duration};

use futures_util::FutureExt;
use httpmock::HttpMockResponse;
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{
    Aftermath, Cloud, DeployError, Event, IfExists, PodHandle, PodSpec, RunPod, Running, ScopeError, Scoped,
};
use serde_json::{Value, json};
use tokio::{sync::Notify, time::sleep};

use crate::{
    account::{Account, STOCK, State, accept, pod_with, refusal},
    mock::spec,
};

const SPEED: u32 = 50;
const OWN: &str = "mmmmmmmmmmmmmm";
const MINUTE: Duration = Duration::from_secs(60);

fn made(state: &mut State, sent: &Value) -> HttpMockResponse {
    accept(state, sent, OWN)
}

type Outcome = Result<Scoped<u32>, ScopeError<u32, io::Error>>;

async fn scoped(runpod: &RunPod, spec: &PodSpec, outcome: Result<u32, &'static str>) -> Outcome {
    let work = async |_: PodHandle| {
        sleep(Duration::from_secs(3600)).await;
        outcome.map_err(io::Error::other)
    };
    runpod.with_pod(spec, Running, MINUTE, work).await
}

#[test]
fn the_pod_is_ended_after_success_and_told_with_its_time_and_cost() {
    run_fast(SPEED * 100, async {
        let account = Account::new(made).await;
        let done = scoped(&account.runpod(), &spec(), Ok(7)).await.unwrap();
        assert_eq!(
            (done.value, done.pod.id.as_str(), account.state().deleted.as_slice()),
            (7, OWN, [OWN.to_owned()].as_slice())
        );
        assert!(done.pod.is_gone());
        let hours = done.lived.as_secs_f64() / 3600.0;
        assert!(hours > 1.0, "{hours}");
        let hourly = done.usd.unwrap() / hours;
        assert!((0.1..10.0).contains(&hourly), "{hourly}");
    })
    .expect("a runtime");
}

#[test]
fn the_pod_is_ended_after_an_error_and_what_cannot_be_ended_is_told() {
    for (outcome, is_locked, may_bill, told) in [
        (
            Err("out of memory"),
            false,
            false,
            "the work on pod mmmmmmmmmmmmmm failed: out of memory; it was terminated",
        ),
        (Err("out of memory"), true, true, "failed: out of memory; it may bill, since terminating it failed"),
        (Ok(7), true, true, "the work is done, and pod mmmmmmmmmmmmmm may bill, since terminating it failed"),
    ] {
        run_fast(SPEED * 100, async move {
            let account = Account::new(made).await;
            if is_locked {
                account.state().locked.insert(OWN.to_owned());
            }
            let error = scoped(&account.runpod(), &spec(), outcome).await.expect_err(told);
            assert!(error.to_string().contains(told), "{error}");
            assert_eq!((error.may_bill(), error.pod_id()), (may_bill, Some(OWN)));
            assert_eq!(account.state().deleted.is_empty(), is_locked);
            if let ScopeError::NotTerminated { value, .. } = error {
                assert_eq!(value, 7, "nothing is lost");
            }
        })
        .expect("a runtime");
    }
}

/// The way in which a scope ends.
#[derive(Clone, Copy, Debug)]
enum Way {
    Done,
    Failed,
    Interrupted,
    Dropped,
    NeverReady,
    Panicked,
}

/// Lives through a scope that asks this if its pod is kept. Returns true if it may bill, as far as anybody was told.
async fn kept_if(account: &Account, way: Way, keeps: impl FnOnce(Option<&u32>) -> bool + Send) -> bool {
    let (runpod, spec) = (account.runpod(), spec());
    let work = async |_: PodHandle| match way {
        Way::Done => Ok(7),
        Way::Failed => Err(io::Error::other("out of memory")),
        Way::Panicked => panic!("a bug of the caller's"),
        _ => std::future::pending().await,
    };
    let interrupt = async {
        match way {
            Way::Interrupted => sleep(Duration::from_secs(40)).await,
            _ => std::future::pending().await,
        }
    };
    let scope = runpod.with_pod(&spec, Running, MINUTE, work).until(interrupt).keep_if(keeps);
    match way {
        Way::Dropped => tokio::time::timeout(Duration::from_secs(40), scope).await.is_err(),
        Way::Panicked => std::panic::AssertUnwindSafe(scope).catch_unwind().await.is_err(),
        _ => match scope.await {
            Ok(done) => !done.pod.is_gone(),
            Err(error) => error.may_bill(),
        },
    }
}

#[test]
fn a_pod_is_kept_where_that_is_asked_for_and_is_then_said_to_bill() {
    let ways = [Way::Done, Way::Failed, Way::Interrupted, Way::Dropped, Way::NeverReady, Way::Panicked];
    for (way, keeps) in ways.into_iter().flat_map(|way| [(way, false), (way, true)]) {
        run_fast(SPEED, async move {
            let account = Account::new(move |state, sent| {
                let answer = accept(state, sent, OWN);
                if matches!(way, Way::NeverReady) {
                    state.pods[0]["status"] = json!("PROVISIONING");
                }
                answer
            })
            .await;
            let may_bill = kept_if(&account, way, move |value| {
                assert_eq!(value.is_some(), matches!(way, Way::Done), "{way:?}");
                keeps
            })
            .await;
            // A dropped scope leaves the end to a task.
            sleep(MINUTE).await;
            assert_eq!(account.state().deleted.is_empty(), keeps, "{way:?} {keeps}");
            let is_told = matches!(way, Way::Dropped | Way::Panicked) || may_bill == keeps;
            assert!(is_told, "{way:?} {keeps}");
        })
        .expect("a runtime");
    }
}

#[test]
fn a_pod_that_is_to_be_kept_is_kept_though_its_scope_is_dropped_in_its_last_search() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let (runpod, spec) = (account.runpod(), spec());
        let work = async |_: PodHandle| -> Result<(), io::Error> { std::future::pending().await };
        let scope = runpod.with_pod(&spec, Running, MINUTE, work).until(sleep(Duration::from_secs(2)));
        let scope = scope.keep_if(|_| true);
        assert!(tokio::time::timeout(Duration::from_secs(6), scope).await.is_err(), "it searches for 15 s");
        sleep(MINUTE).await;
        assert!(account.state().deleted.is_empty());
    })
    .expect("a runtime");
}

#[test]
fn the_second_pod_of_one_that_is_kept_is_ended_all_the_same() {
    const SECOND: &str = "zzzzzzzzzzzzzz";
    run_fast(SPEED, async {
        let account = account_of_twins(SECOND).await;
        assert!(kept_if(&account, Way::Interrupted, |_| true).await, "the first is kept");
        assert_eq!(account.state().deleted, [SECOND]);
    })
    .expect("a runtime");
}

#[test]
fn a_panic_goes_on_after_the_pod_was_ended() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let (runpod, spec) = (account.runpod(), spec());
        let work = async |_: PodHandle| -> Result<(), io::Error> { panic!("a bug of the caller's") };
        let scope = runpod.with_pod(&spec, Running, MINUTE, work);
        let panic = std::panic::AssertUnwindSafe(scope).catch_unwind().await.expect_err("it panics");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"a bug of the caller's"));
        assert_eq!(account.state().deleted, [OWN]);
    })
    .expect("a runtime");
}

#[test]
fn a_scope_is_interrupted_in_its_wait_and_in_its_work() {
    for after in [5, 600] {
        run_fast(SPEED, async move {
            let account = Account::new(made).await;
            let (runpod, spec) = (account.runpod(), spec());
            let work = async |_: PodHandle| -> Result<(), io::Error> { std::future::pending().await };
            let scope =
                runpod.with_pod(&spec, Running, MINUTE, work).until(sleep(Duration::from_secs(after)));
            let error = scope.await.expect_err("it is interrupted");
            assert!(
                matches!(&error, ScopeError::Interrupted { aftermath: Aftermath::Terminated, .. }),
                "{error}"
            );
            assert_eq!(
                (error.may_bill(), account.state().deleted.as_slice()),
                (false, [OWN.to_owned()].as_slice())
            );
        })
        .expect("a runtime");
    }
}

/// A handle, and an interrupt that comes when its first create is on its way.
fn interrupted_at_create(account: &Account) -> (RunPod, impl Future<Output = ()> + use<>) {
    interrupted_at(account, |event| matches!(event, Event::CandidateTried { .. }))
}

/// A handle, and a future that ends with the first such event.
fn interrupted_at(
    account: &Account,
    is_it: fn(&Event) -> bool,
) -> (RunPod, impl Future<Output = ()> + use<>) {
    let told = Arc::new(Notify::new());
    let teller = Arc::clone(&told);
    let runpod = account.runpod().on_event(move |event| {
        if is_it(event) {
            teller.notify_one();
        }
    });
    (runpod, async move { told.notified().await })
}

#[test]
fn a_deploy_that_is_called_off_before_its_first_create_creates_and_replaces_nothing() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        account.state().pods.push(pod_with(json!({"id": "theirs", "name": "trainer"})));
        let (runpod, spec) = (account.runpod(), spec().if_exists(IfExists::Replace));
        let work = async |_: PodHandle| -> Result<(), io::Error> { panic!("there is no pod") };
        let error = runpod.with_pod(&spec, Running, MINUTE, work).until(async {}).await.expect_err("at once");
        let text = error.to_string();
        assert!(matches!(&error, ScopeError::Deploy(DeployError::CalledOff { .. })), "{text}");
        assert!(!error.may_bill() && text.contains("no pod was created"), "{text}");
        let state = account.state();
        assert!(state.deleted.is_empty() && state.creates.is_empty(), "{:?}", state.deleted);
    })
    .expect("a runtime");
}

#[test]
fn a_deploy_that_is_called_off_once_it_has_replaced_a_pod_says_so_and_creates_nothing() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        account.state().pods.push(pod_with(json!({"id": "theirs", "name": "trainer"})));
        let spec = spec().if_exists(IfExists::Replace);
        let (runpod, replaced) = interrupted_at(&account, |event| matches!(event, Event::Polled { .. }));
        let work = async |_: PodHandle| -> Result<(), io::Error> { panic!("there is no pod") };
        let error =
            runpod.with_pod(&spec, Running, MINUTE, work).until(replaced).await.expect_err("called off");
        let text = error.to_string();
        assert!(matches!(&error, ScopeError::Deploy(DeployError::CalledOff { .. })), "{text}");
        assert!(text.contains("pod theirs, which was to be replaced, is terminated and gone"), "{text}");
        assert!(account.state().creates.is_empty());
    })
    .expect("a runtime");
}

#[test]
fn an_interrupt_during_the_create_ends_the_pod_as_soon_as_it_is_there() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let ((runpod, interrupt), spec) = (interrupted_at_create(&account), spec());
        let work = async |_: PodHandle| -> Result<(), io::Error> { panic!("it is interrupted before") };
        let scope = runpod.with_pod(&spec, Running, MINUTE, work).until(interrupt);
        let error = scope.await.expect_err("it is interrupted");
        assert!(matches!(&error, ScopeError::Interrupted { .. }) && !error.may_bill(), "{error}");
        assert_eq!(account.state().deleted, [OWN]);
    })
    .expect("a runtime");
}

/// Each request and operation under way is told of while a panic unwinds through it.
#[test]
fn an_observer_that_panics_ends_the_work_and_the_pod_and_not_the_program() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let runpod = account.runpod().on_any_event(|event| {
            let is_stop = match event {
                Event::RequestEnded(request) => request.operation == "stop pod",
                Event::OperationEnded(operation) => operation.operation == "stop pod",
                _ => false,
            };
            assert!(!is_stop, "a bug of the observer's");
        });
        let work = async |pod: PodHandle| pod.stop().await.map(drop).map_err(io::Error::other);
        let scoped = spec();
        let scope = async { runpod.with_pod(&scoped, Running, MINUTE, work).await };
        std::panic::AssertUnwindSafe(scope).catch_unwind().await.expect_err("it panics");
        assert_eq!(account.state().deleted, [OWN]);
    })
    .expect("a runtime");
}

#[test]
fn a_panic_of_the_interrupt_ends_the_pod_too() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let (runpod, spec) = (account.runpod(), spec());
        let work = async |_: PodHandle| -> Result<(), io::Error> { std::future::pending().await };
        let interrupt = async {
            sleep(Duration::from_secs(30)).await;
            panic!("a bug of the caller's");
        };
        let scope = runpod.with_pod(&spec, Running, MINUTE, work).until(interrupt);
        std::panic::AssertUnwindSafe(scope).catch_unwind().await.expect_err("it goes on");
        assert_eq!(account.state().deleted, [OWN]);
    })
    .expect("a runtime");
}

#[test]
fn a_scope_that_is_dropped_leaves_the_end_of_its_pod_to_the_runtime() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let (runpod, spec) = (account.runpod(), spec());
        let work = async |_: PodHandle| -> Result<(), io::Error> { std::future::pending().await };
        let scope = runpod.with_pod(&spec, Running, MINUTE, work);
        assert!(tokio::time::timeout(Duration::from_secs(40), scope).await.is_err());
        while account.state().deleted.is_empty() {
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(account.state().deleted, [OWN]);
    })
    .expect("a runtime");
}

#[test]
fn a_pod_that_was_adopted_is_worked_with_and_kept() {
    run_fast(SPEED * 100, async {
        let account = Account::new(made).await;
        account.state().pods.push(pod_with(json!({"id": "theirs", "name": "trainer"})));
        let done = scoped(&account.runpod(), &spec().if_exists(IfExists::Adopt), Ok(7)).await.unwrap();
        assert_eq!((done.pod.id.as_str(), done.pod.is_gone()), ("theirs", false));
        {
            let state = account.state();
            assert!(state.deleted.is_empty() && state.creates.is_empty());
        }
        let told = account.heard();
        assert!(told.contains("pod theirs was adopted, not created for this, so it is kept"), "{told}");
    })
    .expect("a runtime");
}

#[test]
fn a_pod_that_is_not_ready_is_ended_and_the_work_never_begins() {
    run_fast(SPEED, async {
        let account = Account::new(|state, sent| {
            let answer = accept(state, sent, OWN);
            state.pods[0]["status"] = json!("PROVISIONING");
            answer
        })
        .await;
        let error = scoped(&account.runpod(), &spec(), Ok(7)).await.expect_err("it never runs");
        assert!(matches!(error, ScopeError::Deploy(_)) && !error.may_bill(), "{error}");
        assert_eq!(account.state().deleted, [OWN]);
    })
    .expect("a runtime");
}

#[test]
fn an_adopted_pod_that_is_gone_is_not_said_to_bill() {
    run_fast(SPEED, async {
        let account = Account::new(made).await;
        let theirs = json!({"id": "theirs", "name": "trainer", "status": "PROVISIONING"});
        account.state().pods.push(pod_with(theirs));
        let (runpod, adopting) = (account.runpod(), spec().if_exists(IfExists::Adopt));
        let end = async {
            while !account.heard().contains("theirs") {
                sleep(Duration::from_secs(1)).await;
            }
            account.state().pods.clear();
        };
        let (outcome, ()) = tokio::join!(scoped(&runpod, &adopting, Ok(7)), end);
        let error = outcome.expect_err("it is gone");
        assert!(!error.may_bill(), "{error}");
        assert!(error.to_string().contains("nothing of it was left to end"), "{error}");
    })
    .expect("a runtime");
}

/// An account whose creates make two pods, of which lists show the second one late.
async fn account_of_twins(second: &'static str) -> Account {
    Account::new(move |state, sent| {
        accept(state, sent, second);
        state.pods[0]["createdAt"] = json!("2026-08-20T06:16:19.630Z");
        accept(state, sent, OWN)
    })
    .await
}

#[test]
fn an_interrupt_ends_the_second_pod_of_the_create_too_or_tells_of_it() {
    const SECOND: &str = "zzzzzzzzzzzzzz";
    for (is_locked, deleted) in [(false, vec![OWN, SECOND]), (true, vec![OWN])] {
        run_fast(SPEED, async move {
            let account = account_of_twins(SECOND).await;
            if is_locked {
                account.state().locked.insert(SECOND.to_owned());
            }
            let (runpod, spec) = (account.runpod(), spec());
            let work = async |_: PodHandle| -> Result<(), io::Error> { std::future::pending().await };
            let scope = runpod.with_pod(&spec, Running, MINUTE, work).until(sleep(Duration::from_secs(2)));
            let error = scope.await.expect_err("it is interrupted");
            assert_eq!(account.state().deleted, deleted);
            assert_eq!(error.may_bill(), is_locked, "{error}");
            assert_eq!(error.to_string().contains(SECOND), is_locked, "{error}");
        })
        .expect("a runtime");
    }
}

#[test]
fn an_interrupt_during_the_deploy_lets_no_further_candidate_be_tried() {
    run_fast(SPEED, async {
        let account = Account::new(|_, _| refusal(400, STOCK)).await;
        let spec = spec().cloud(Cloud::Either);
        let (runpod, interrupt) = interrupted_at_create(&account);
        let work = async |_: PodHandle| -> Result<(), io::Error> { panic!("there is no pod") };
        let scope = runpod.with_pod(&spec, Running, MINUTE, work).until(interrupt);
        let error = scope.await.expect_err("it is refused");
        assert!(matches!(&error, ScopeError::Deploy(_)) && !error.may_bill(), "{error}");
        assert_eq!(account.state().creates.len(), 1);
    })
    .expect("a runtime");
}
