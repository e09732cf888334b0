//! A create whose answer is lost or unclear never makes a second pod, and never loses one.

use std::sync::Arc;

use runpod_lifecycle::{DeployError, Event, IfExists, RunPod, Running};
use runpod_sim::{Fault, FaultKind};

use crate::world::{LONG, World, settings, spec, world};

/// Deploys under a fault of the first create and returns the world with the ids in its ledger.
async fn deploy_under(kind: FaultKind) -> (World, Result<String, DeployError>) {
    let world = world().await;
    world.sim.inject(Fault::new(kind).on("createPod").times(1)).expect("a sound fault");
    let outcome = world.runpod.deploy(&spec("once")).await.map(|pod| pod.id.clone());
    (world, outcome)
}

#[tokio::test]
async fn a_create_that_was_applied_is_found_and_not_repeated() {
    for kind in [
        FaultKind::DropAfterApply,
        FaultKind::DropMidAnswer,
        FaultKind::status_after(500),
        FaultKind::status_after(502),
        FaultKind::status_after(504),
        FaultKind::Html { status: 200, applied: true },
        FaultKind::Html { status: 502, applied: true },
        FaultKind::TruncatedJson,
        FaultKind::MissingField { field: "id".into() },
    ] {
        let name = format!("{kind:?}");
        let (world, outcome) = deploy_under(kind).await;
        let id = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
        let ledger = world.sim.ledger();
        assert_eq!(ledger.len(), 1, "{name}: one pod was made");
        assert_eq!((ledger[0].pod_id.as_str(), world.sent("createPod")), (id.as_str(), 1), "{name}");
    }
}

#[tokio::test]
async fn a_create_that_was_not_applied_is_repeated_once_proven_absent() {
    let (world, outcome) = deploy_under(FaultKind::status_before(503)).await;
    outcome.expect("the second create is let in");
    assert_eq!((world.sim.ledger().len(), world.sent("createPod")), (1, 2));
}

#[tokio::test]
async fn nothing_is_sent_again_while_nobody_can_look() {
    let sim = Arc::new(settings().start().await.unwrap());
    sim.inject(Fault::new(FaultKind::DropAfterApply).on("createPod").times(1)).unwrap();
    let breaking = Arc::clone(&sim);
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build().unwrap().on_event(move |event| {
        if matches!(event, Event::OutcomeUnclear { .. }) {
            let page = FaultKind::Html { status: 200, applied: false };
            breaking.inject(Fault::new(page).on("listPods")).unwrap();
        }
    });
    let error = runpod.deploy(&spec("blind")).await.expect_err("nobody can tell");
    assert!(matches!(error, DeployError::Unclear { .. }) && error.may_bill(), "{error}");
    assert!(error.to_string().contains("it may bill: look for it"), "{error}");
    assert_eq!(sim.ledger().len(), 1, "and nothing was sent again");
}

#[tokio::test]
async fn a_duplicate_made_by_the_server_is_terminated() {
    let world = world().await;
    let (sender, events) = std::sync::mpsc::channel();
    let runpod = world.runpod.on_event(move |event| sender.send(event.clone()).unwrap());
    world.sim.inject(Fault::new(FaultKind::DuplicateCreate).on("createPod").times(1)).unwrap();
    let pod = runpod.deploy(&spec("double")).await.expect("the answer shows one of the two");
    pod.wait_until(Running, LONG).await.expect("it comes up");
    let ledger = world.sim.ledger();
    assert_eq!(ledger.len(), 2, "the server made two");
    let billing: Vec<_> =
        ledger.iter().filter(|entry| entry.is_billing()).map(|entry| &entry.pod_id).collect();
    assert_eq!(billing, [&pod.id], "the one that was promised is kept, the other is not");
    assert!(events.try_iter().any(|event| matches!(event, Event::DuplicateTerminated { .. })));
}

#[tokio::test]
async fn replacing_creates_only_after_the_old_pod_is_proven_gone() {
    let world = world().await;
    let old = world.runpod.deploy(&spec("swap")).await.unwrap();
    old.wait_until(Running, LONG).await.unwrap();
    world.sim.inject(Fault::new(FaultKind::DropAfterApply).on("deletePod").times(1)).unwrap();
    let new = world.runpod.deploy(&spec("swap").if_exists(IfExists::Replace)).await.unwrap();
    assert_ne!(old.id, new.id);
    let requests = world.sim.requests();
    let position = |operation: &str, last: bool| {
        let mut hits = requests.iter().enumerate().filter(|(_, r)| r.operation.as_deref() == Some(operation));
        if last { hits.next_back().map(|(at, _)| at) } else { hits.next().map(|(at, _)| at) }
    };
    assert!(position("deletePod", true) < position("createPod", true), "first gone, then new");

    assert!(world.sim.set_locked(&new.id, true));
    new.wait_until(Running, LONG).await.unwrap();
    let error =
        world.runpod.deploy(&spec("swap").if_exists(IfExists::Replace)).await.expect_err("it is locked");
    assert!(error.to_string().contains("no pod was deployed"), "{error}");
    assert_eq!(world.sent("createPod"), 2);
}
