//! A process that deploys is killed; another one finds what it left, and adopts or ends it.

use std::{process::Stdio, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};
use runpod_lifecycle::{IfExists, PodSpec, RunPod};
use runpod_sim::{Fault, FaultKind, Sim};
use tokio::{process::Command, task::yield_now, time::Instant};

const NAME: &str = "crashed";

fn alive(sim: &Sim) -> Vec<String> {
    let entries = sim.ledger().into_iter();
    entries.filter(|entry| entry.terminated.is_none()).map(|entry| entry.pod_id).collect()
}

/// Runs the deployer until so many requests were answered and a moment more, then kills it.
async fn kill_after(sim: &Sim, requests: usize, moment: Duration) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_deployer"))
        .env("RUNPOD_API_KEY", sim.api_key())
        .env("RUNPOD_API_URL", sim.url())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the deployer was built");
    while sim.requests().len() < requests && child.try_wait().expect("it can be asked").is_none() {
        yield_now().await;
    }
    let end = Instant::now() + moment;
    while Instant::now() < end {
        yield_now().await;
    }
    child.kill().await.expect("it is ours to kill");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_finds_what_a_killed_one_left() {
    let mut rng = StdRng::seed_from_u64(3);
    let (mut adopted, mut reaped) = (0, 0);
    for round in 0..24 {
        let sim = Sim::builder().real_endpoints(false).start().await.unwrap();
        if round % 3 == 0 {
            sim.inject(Fault::new(FaultKind::DropAfterApply).on("createPod").times(1)).unwrap();
        }
        let moment = Duration::from_micros(rng.random_range(0..3000));
        kill_after(&sim, 1 + round % 6, moment).await;
        sim.advance(Duration::from_secs(600));
        let left = alive(&sim);
        assert!(left.len() <= 1, "round {round}: {left:?}");
        let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build().unwrap();
        if round % 2 == 0 {
            let spec = PodSpec::gpu(NAME, "runpod/pytorch:latest", ["NVIDIA GeForce RTX 4090"]);
            let pod = runpod.deploy(&spec.if_exists(IfExists::Adopt)).await.unwrap();
            assert_eq!(alive(&sim), std::slice::from_ref(&pod.id), "round {round}: one pod, and it is known");
            assert!(
                left.is_empty() || left == std::slice::from_ref(&pod.id),
                "round {round}: what was there is taken"
            );
            adopted += left.len();
        } else {
            let ended: Vec<String> =
                runpod.reap().await.unwrap().iter().map(|one| one.pod.id.clone()).collect();
            assert_eq!(ended, left, "round {round}");
            assert!(alive(&sim).is_empty(), "round {round}");
            reaped += left.len();
        }
    }
    println!("of 24 killed deploys, {adopted} left a pod that was adopted, {reaped} one that was reaped");
    assert!(adopted > 0 && reaped > 0, "some were killed after the create");
}
