//! Plans of deploys.

use runpod_lifecycle::{IfExists, PlannedAction, PodSpec, Running, Stock};

use crate::world::{GPU, LONG, SCARCE, build, settings, spec, world};

#[tokio::test]
async fn a_plan_prices_gpus_and_disks_and_sends_reads_only() {
    let world = world().await;
    let spec = PodSpec::gpu("planned", "image", [GPU])
        .gpu_count(2)
        .container_disk_gb(50)
        .volume_gb(100)
        .port("22/tcp");
    let plan = world.runpod.plan(&spec).await.unwrap();
    assert_eq!(plan.action, PlannedAction::Create);
    let gpus = plan.candidates[0].price_usd_per_hour.unwrap();
    let one = world.runpod.gpu_types(1, runpod_lifecycle::Cloud::Secure).await.unwrap();
    let one = one.iter().find(|gpu| gpu.id == GPU).unwrap().price_usd_per_hour.unwrap();
    assert!((gpus - 2.0 * one).abs() < 1e-9);
    // 150 GB at 0.10 USD per GB and month of 730 hours.
    assert!((plan.usd_per_hour.unwrap() - gpus - 15.0 / 730.0).abs() < 1e-9);
    assert!((plan.usd_per_month.unwrap() - gpus * 730.0 - 15.0).abs() < 1e-6);
    assert!((plan.stopped_usd_per_month - 20.0).abs() < 1e-9);
    assert!(plan.to_string().starts_with("create a pod\n  2x NVIDIA GeForce RTX 4090 (Secure), $"), "{plan}");
    assert!(world.sim.requests().iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn a_plan_says_what_becomes_of_a_pod_that_has_the_name() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("taken")).await.unwrap();
    pod.wait_until(Running, LONG).await.unwrap();
    for (if_exists, action) in [
        (IfExists::Fail, PlannedAction::Refuse),
        (IfExists::Adopt, PlannedAction::Adopt),
        (IfExists::Replace, PlannedAction::Replace),
    ] {
        let plan = world.runpod.plan(&spec("taken").if_exists(if_exists)).await.unwrap();
        assert_eq!((plan.action, &plan.existing[0].id), (action, &pod.id));
    }
    assert_eq!(world.billing(), 1, "planning touches nothing");
}

#[tokio::test]
async fn a_plan_warns_of_what_may_surprise() {
    let world = build(settings().capacity(SCARCE, 0).ssh_keys(Vec::new())).await;
    let spec = PodSpec::gpu("warned", "image", [SCARCE]).volume_gb(10).port("22/tcp");
    let plan = world.runpod.plan(&spec).await.unwrap();
    assert_eq!(plan.candidates[0].stock, Some(Stock::None));
    let warnings = plan.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for part in ["no stock", "stays on its host", "no SSH key"] {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
}
