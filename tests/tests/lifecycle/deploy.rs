//! The whole way of a pod, against the simulator and its ledger.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use runpod_lifecycle::{
    DeployError, Event, Found, Gone, IfExists, PodSpec, PodState, Ready, RunPod, Running, Stopped,
};
use runpod_sim::{BootProfile, Sim, SimBuilder};

use crate::mock::GPU;

const SCARCE: &str = "NVIDIA H100 80GB HBM3";
const LONG: Duration = Duration::from_secs(120);

async fn sim() -> (Sim, RunPod) {
    simulate(Sim::builder().seed(7).time_scale(200.0)).await
}

/// A simulator with one GPU type out of stock.
async fn simulate(settings: SimBuilder) -> (Sim, RunPod) {
    let sim = settings.capacity(SCARCE, 0).start().await.expect("loopback is free");
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build().expect("a fine base URL");
    (sim, runpod)
}

fn spec(name: &str) -> PodSpec {
    PodSpec::gpu(name, "runpod/pytorch:latest", [SCARCE, GPU]).port("22/tcp").port("8888/http")
}

#[tokio::test]
async fn a_pod_is_deployed_reached_and_terminated() {
    // Slow steps: RUNNING after 4 s of ours, ready 6 s later, with a look between.
    let steps = BootProfile::fixed(Duration::from_secs(20));
    let (sim, runpod) = simulate(Sim::builder().time_scale(10.0).boot(steps)).await;
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let runpod = runpod.on_event(move |event| heard.lock().unwrap().push(event.clone()));

    let pod = runpod.deploy(&spec("whole")).await.expect("the second GPU is in stock");
    assert_eq!(pod.gpu.as_ref().map(|gpu| gpu.id.as_str()), Some(GPU));
    let pod = pod.wait_until(Ready::Ssh, LONG).await.expect("it becomes ready");
    assert_eq!(pod.state, Some(PodState::Running));
    let ssh = pod.connection().ssh_command().expect("a ready pod has SSH").to_string();
    assert!(ssh.starts_with("ssh -o ") && ssh.ends_with("root@127.0.0.1"), "{ssh}");
    assert_eq!(pod.connection().http_urls(), [format!("https://{}-8888.proxy.runpod.net", pod.id)]);
    assert!(pod.cost_usd_per_hour.is_some_and(|cost| cost > 0.0));

    pod.terminate().await.expect("terminating works");
    pod.terminate().await.expect("and works again");
    pod.wait_until(Gone, LONG).await.expect("it is gone");
    let ledger = sim.ledger();
    assert_eq!(ledger.len(), 1, "one pod was ever created");
    assert!(!ledger[0].is_billing(), "and it bills no more");

    let events = events.lock().unwrap();
    assert!(events.iter().any(
        |event| matches!(event, Event::CandidateRefused { hardware, .. } if hardware.ends_with(SCARCE))
    ));
    assert!(
        events.iter().any(|event| matches!(event, Event::PodCreated { pod_id, .. } if *pod_id == pod.id))
    );
    let early = |event: &Event| {
        matches!(event, Event::Polled { state: Some(PodState::Running), pending: Some(_), .. })
    };
    assert!(events.iter().any(early), "RUNNING was seen before ready");
}

#[tokio::test]
async fn without_stock_nothing_is_created_and_the_error_says_what_to_try() {
    let (sim, runpod) = sim().await;
    sim.set_capacity(GPU, 0).unwrap();
    let error = runpod.deploy(&spec("nowhere")).await.expect_err("nothing is in stock");
    assert!(error.is_no_capacity() && !error.may_bill());
    let text = error.to_string();
    assert!(text.contains(SCARCE) && text.contains(GPU) && text.contains("lack of stock"), "{text}");
    assert!(sim.ledger().is_empty());
}

#[tokio::test]
async fn find_tells_none_one_and_many_apart() {
    let (_sim, runpod) = sim().await;
    assert!(matches!(runpod.find("twin").await.unwrap(), Found::None));
    let first = runpod.deploy(&spec("twin")).await.unwrap();
    first.wait_until(Running, LONG).await.unwrap(); // by then the list shows it
    match runpod.find("twin").await.unwrap() {
        Found::One(pod) => assert_eq!(pod.id, first.id),
        other => panic!("{other:?}"),
    }
    let error = runpod.deploy(&spec("twin")).await.expect_err("the name is taken");
    assert!(matches!(&error, DeployError::NameTaken { pods, .. } if pods[0].id == first.id), "{error}");
    let adopted = runpod.deploy(&spec("twin").if_exists(IfExists::Adopt)).await.unwrap();
    assert_eq!(adopted.id, first.id);
    let replaced = runpod.deploy(&spec("twin").if_exists(IfExists::Replace)).await.unwrap();
    assert_ne!(replaced.id, first.id);
    replaced.wait_until(Running, LONG).await.unwrap(); // by then the list shows it
    match runpod.find("twin").await.unwrap() {
        Found::One(pod) => assert_eq!(pod.id, replaced.id),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_pod_stops_starts_and_restarts() {
    let (_sim, runpod) = sim().await;
    let pod = runpod.deploy(&spec("cycle").volume_gb(20)).await.unwrap();
    let pod = pod.wait_until(Ready::Ssh, LONG).await.unwrap();
    let before = pod.connection().direct_ssh().expect("ready").port;
    pod.stop().await.unwrap();
    let stopped = pod.wait_until(Stopped, LONG).await.unwrap();
    assert!(stopped.connection().direct_ssh().is_none());
    pod.stop().await.expect("stopping a stopped pod succeeds");
    pod.start().await.unwrap();
    pod.start().await.expect("starting a starting pod succeeds");
    let pod = pod.wait_until(Ready::Ssh, LONG).await.unwrap();
    assert_ne!(pod.connection().direct_ssh().expect("ready").port, before, "ports are new after a start");
    pod.restart().await.unwrap();
    pod.wait_until(Ready::Ssh, LONG).await.unwrap();
}

#[tokio::test]
async fn a_wait_that_runs_out_keeps_the_id_and_the_pod() {
    let (_sim, runpod) = sim().await;
    let pod = runpod.deploy(&spec("slow")).await.unwrap();
    let error =
        pod.wait_until(Ready::Http(8888), Duration::ZERO).await.expect_err("nothing boots in no time");
    assert_eq!(error.pod_id(), pod.id);
    runpod.get(&pod.id).await.expect("the pod was not touched");
}
