//! Many deploys in one call: how many at a time, what becomes of each, and who hears of it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use runpod_bench::clock::run_fast;
use runpod_lifecycle::{DeployError, ErrorKind, Event, PodSpec, Running};
use runpod_sim::Scope;
use tokio::sync::Semaphore;

use crate::world::{GPU, LONG, SCARCE, build, settings, spec, world};

/// Every event of a handle, in order.
type Heard = Arc<Mutex<Vec<Event>>>;

fn heard(runpod: &runpod_lifecycle::RunPod) -> (runpod_lifecycle::RunPod, Heard) {
    let told: Heard = Arc::default();
    let teller = Arc::clone(&told);
    (runpod.on_event(move |event| teller.lock().expect("no test panics with it").push(event.clone())), told)
}

#[tokio::test]
async fn each_spec_has_its_result_and_so_many_are_created_at_a_time() {
    for at_once in [1, 3, 8] {
        let world = build(settings().forbid(SCARCE)).await;
        let (runpod, told) = heard(&world.runpod);
        let mut specs: Vec<PodSpec> = (0..20).map(|n| spec(&format!("worker-{n}"))).collect();
        specs[5] = PodSpec::gpu("worker-5", "image", [SCARCE]);
        specs[6] = PodSpec::gpu("worker-6", "no image", [GPU]);
        let deploys = runpod.deploy_all(specs);
        let results = if at_once == 8 { deploys.await } else { deploys.at_once(at_once).await }.unwrap();
        assert_eq!(results.len(), 20);
        for (index, result) in results.iter().enumerate() {
            match (index, result) {
                (5, Err(DeployError::AllRefused { .. })) | (6, Err(DeployError::Spec(_))) => {}
                (_, Ok(pod)) => assert_eq!(pod.name, Some(format!("worker-{index}"))),
                (_, Err(error)) => panic!("{index}: {error}"),
            }
        }
        assert_eq!((world.sent("createPod"), world.billing()), (19, 18));
        let (mut under_way, mut most) = (0, 0);
        for event in told.lock().unwrap().iter() {
            let Event::OfFleet { index, name, event } = event else { panic!("{event}") };
            assert_eq!(*name, format!("worker-{index}"));
            match **event {
                Event::CandidateTried { .. } => under_way += 1,
                Event::PodCreated { .. } | Event::CandidateRefused { .. } => under_way -= 1,
                _ => {}
            }
            most = most.max(under_way);
        }
        assert!(under_way == 0 && most <= at_once, "{most} of {at_once}");
        assert!(at_once == 1 || most > 1, "{most} of {at_once}");
    }
}

#[tokio::test]
async fn what_is_done_with_a_pod_later_is_no_event_of_the_fleet() {
    let world = world().await;
    let (runpod, told) = heard(&world.runpod);
    let pods = runpod.deploy_all([spec("one")]).await.unwrap();
    let first = told.lock().unwrap()[0].to_string();
    assert_eq!(first, format!("[0] one: asking for 1x {GPU}"));
    told.lock().unwrap().clear();
    pods[0].as_ref().unwrap().wait_until(Running, LONG).await.unwrap();
    let told = told.lock().unwrap();
    assert!(!told.is_empty() && told.iter().all(|event| !matches!(event, Event::OfFleet { .. })));
}

#[tokio::test]
async fn two_specs_of_one_name_are_refused_before_anything_is_sent() {
    let world = world().await;
    let specs = ["a", "b", "a", "c", "b", "a"].map(spec);
    let error = world.runpod.deploy_all(specs).await.expect_err("names are shared");
    let text = error.to_string();
    assert!(text.contains("nothing was sent") && text.contains("those at 0, 2, 5"), "{text}");
    assert_eq!((error.problems().len(), world.sim.request_count()), (2, 0));
    assert!(world.runpod.deploy_all([]).await.unwrap().is_empty());
}

#[test]
fn a_deploy_that_waits_for_stock_is_in_nobodys_way() {
    run_fast(100, async {
        let hour = Duration::from_secs(3600);
        let stock_at = hour / 6;
        let settings = settings().time_scale(1.0).real_endpoints(false).capacity(SCARCE, 0);
        let world = build(settings.capacity_at(stock_at, Scope::of_type(SCARCE), 2)).await;
        let patient = |name: &str| PodSpec::gpu(name, "image", [SCARCE]).patience(hour);
        let specs = [patient("first"), patient("second"), spec("third"), spec("fourth")];
        let results = world.runpod.deploy_all(specs).at_once(1).await.unwrap();
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let created =
            |name: &str| world.sim.ledger().iter().find(|entry| entry.name == name).unwrap().created;
        assert!(created("third") < Duration::from_secs(60) && created("fourth") < Duration::from_secs(60));
        assert!(created("second") - stock_at < Duration::from_secs(40));
    })
    .expect("a runtime");
}

#[test]
fn what_one_is_refused_spares_those_that_wait_for_their_turn_the_search_and_the_create() {
    run_fast(100, async {
        let (minute, waiting) = (Duration::from_secs(60), 8);
        let settings = settings().time_scale(1.0).real_endpoints(false).capacity(SCARCE, 0);
        let world = build(settings.capacity_at(5 * minute, Scope::of_type(SCARCE), 1)).await;
        let patient = |n| PodSpec::gpu(format!("p{n}"), "image", [SCARCE]).patience(10 * minute);
        let results = world.runpod.deploy_all((0..waiting).map(patient)).at_once(1).await.unwrap();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert_eq!(world.sent("createPod"), waiting + 1 + 1, "the first that is refused spares the others");
        let requests = world.sim.requests();
        let late = requests.iter().filter(|sent| sent.at > 5 * minute);
        let lists = late.filter(|sent| sent.operation.as_deref() == Some("listPods")).count();
        assert!(lists <= 4, "{lists} lists for two creates, in pages of two");
    })
    .expect("a runtime");
}

#[tokio::test]
async fn each_pod_is_ended_whatever_becomes_of_the_others() {
    let world = world().await;
    let pods = world.runpod.deploy_all((0..12).map(|n| spec(&format!("p{n}")))).await.unwrap();
    let pods: Vec<_> = pods.into_iter().map(Result::unwrap).collect();
    assert!(world.sim.set_locked(&pods[3].id, true));
    let order: Vec<String> = pods.iter().map(|pod| pod.id.clone()).collect();
    let ended = world.runpod.terminate_all(pods.clone()).await;
    assert_eq!(ended.iter().map(|ended| ended.pod.id.clone()).collect::<Vec<_>>(), order);
    for (index, ended) in ended.iter().enumerate() {
        let kind = ended.outcome.as_ref().err().map(runpod_lifecycle::Error::kind);
        assert_eq!(kind, (index == 3).then_some(ErrorKind::Locked));
    }
    assert_eq!(world.billing(), 1);
    let again = world.runpod.terminate_all(pods.into_iter().filter(|pod| pod.id != order[3])).await;
    assert!(again.iter().all(|ended| ended.outcome.is_ok()), "what is gone is gone");
}

#[tokio::test]
async fn a_fleet_that_is_dropped_sends_nothing_more() {
    let world = world().await;
    let fifth = Arc::new(Semaphore::new(0));
    let counter = Arc::clone(&fifth);
    let runpod = world.runpod.on_event(move |event| {
        if matches!(event, Event::OfFleet { event, .. } if matches!(**event, Event::PodCreated { .. })) {
            counter.add_permits(1);
        }
    });
    let deploys = runpod.deploy_all((0..100).map(|n| spec(&format!("p{n}")))).at_once(2);
    tokio::select! {
        _ = deploys => panic!("a hundred were deployed before five"),
        _ = fifth.acquire_many(5) => {}
    }
    // Those that were on their way may still arrive; a few requests later they have.
    for _ in 0..3 {
        world.runpod.list().await.unwrap();
    }
    let sent = world.sent("createPod");
    assert!((5..=7).contains(&sent), "{sent}");
}
