//! Candidates, their order, and the meaning of a refusal.

use std::time::Duration;

use runpod_lifecycle::{Cloud, DeployError, ErrorKind, Hardware, Order, PodSpec, RunPod};
use runpod_sim::{Fault, FaultKind, Scope};

use crate::world::{GPU, SCARCE, World, build, settings, spec, world};

fn ids(plan: &runpod_lifecycle::Plan) -> Vec<&str> {
    let id = |candidate: &runpod_lifecycle::Candidate| match &candidate.hardware {
        Hardware::Gpu { id, .. } => Some(id.clone()),
        _ => None,
    };
    plan.candidates.iter().filter_map(id).map(|id| Box::leak(id.into_boxed_str()) as &str).collect()
}

#[tokio::test]
async fn a_pool_becomes_the_catalogs_types_in_place() {
    let world = world().await;
    let spec = PodSpec::gpu("pool", "image", [SCARCE, "AMPERE_48", GPU]);
    let plan = world.runpod.plan(&spec).await.unwrap();
    let ids = ids(&plan);
    assert_eq!((ids[0], ids[ids.len() - 1]), (SCARCE, GPU));
    assert!(ids.contains(&"NVIDIA A40") && ids.contains(&"NVIDIA RTX A6000"), "{ids:?}");
}

#[tokio::test]
async fn cheapest_and_most_available_go_first_when_asked_for() {
    let world = build(settings().capacity("NVIDIA RTX A5000", 0)).await;
    let spec = PodSpec::gpu("order", "image", [SCARCE, "NVIDIA RTX A5000", GPU]);
    let cheapest = world.runpod.plan(&spec.clone().order(Order::Cheapest)).await.unwrap();
    let prices: Vec<f64> =
        cheapest.candidates.iter().map(|candidate| candidate.price_usd_per_hour.unwrap()).collect();
    assert!(prices.is_sorted(), "{prices:?}");
    let available = world.runpod.plan(&spec.order(Order::MostAvailable)).await.unwrap();
    assert_eq!(ids(&available).last(), Some(&"NVIDIA RTX A5000"));
}

#[tokio::test]
async fn either_cloud_means_secure_first() {
    let world =
        build(settings().capacity_in(Scope::of_type(GPU).in_cloud(runpod_sim::Cloud::Secure), 0)).await;
    let pod = world.runpod.deploy(&spec("either").cloud(Cloud::Either)).await.expect("community has some");
    assert_eq!(pod.cloud, Some(Cloud::Community));
    assert_eq!(world.sent("createPod"), 2);
}

#[tokio::test]
async fn the_same_refusal_of_every_candidate_looks_like_a_rule() {
    let world = world().await;
    world
        .sim
        .inject(Fault::new(FaultKind::refusal(400, "mounts are not allowed on Tuesdays")).on("createPod"))
        .unwrap();
    let spec = PodSpec::gpu("rule", "image", [SCARCE, GPU]).data_center("US-TX-3");
    let error = world.runpod.deploy(&spec).await.expect_err("every candidate is refused");
    assert!(!error.is_no_capacity());
    let text = error.to_string();
    assert!(
        text.contains("looks like a rule") && text.contains("Tuesdays") && text.contains("any data center"),
        "{text}"
    );
    let DeployError::AllRefused { attempts, .. } = error else { panic!("{text}") };
    assert_eq!(attempts.len(), 2);
}

#[tokio::test]
async fn a_forbidden_type_is_passed_over_and_an_empty_balance_ends_the_search() {
    let world = build(settings().forbid(SCARCE)).await;
    let both = |name: &str| PodSpec::gpu(name, "image", [SCARCE, GPU]);
    world.runpod.deploy(&both("allowed")).await.expect("the second type is allowed");
    world.sim.set_balance(Some(0.0));
    let error = world.runpod.deploy(&both("broke")).await.expect_err("there is no money");
    let DeployError::Refused(error) = error else { panic!("{error}") };
    assert_eq!(error.kind(), ErrorKind::InsufficientBalance);
}

#[tokio::test]
async fn without_a_catalog_the_observed_pools_do() {
    let World { sim, .. } = world().await;
    sim.inject(Fault::new(FaultKind::status_before(503)).on("listGpuTypes")).unwrap();
    // One attempt takes no time, and a dead catalog is retried four times.
    let runpod =
        RunPod::builder(sim.api_key()).base_url(sim.url()).timeout(Duration::from_secs(5)).build().unwrap();
    let pod = runpod.deploy(&PodSpec::gpu("blind", "image", ["ADA_24"])).await.expect("the pool is known");
    assert_eq!(pod.gpu.as_ref().unwrap().id, GPU);
}

#[tokio::test]
async fn a_pod_refused_for_429_comes_when_the_server_is_ready() {
    let world = world().await;
    let limited = FaultKind::RateLimited { retry_after: Some(Duration::from_secs(1)), exhausted_for: None };
    world.sim.inject(Fault::new(limited).on("createPod").times(2)).unwrap();
    world.runpod.deploy(&spec("patient")).await.expect("the third create is let in");
    assert_eq!((world.sent("createPod"), world.sim.ledger().len()), (3, 1));
}
