//! Deploys 50 labelled pods, 8 at a time, waits for all of them, and ends them from another handle by their label.

use std::{error::Error, time::Duration};

use futures_util::future::join_all;
use runpod_lifecycle::{PodSpec, Ready, RunPod};
use runpod_sim::Sim;

const PODS: usize = 50;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::builder().time_scale(100.0).start().await?;
    let handle = || RunPod::builder(sim.api_key()).base_url(sim.url()).build();
    let runpod = handle()?;

    let spec = |number| {
        let name = format!("worker-{number}");
        PodSpec::gpu(name, "runpod/pytorch:latest", ["ADA_24"]).port("22/tcp").label("job", "7")
    };
    let mut pods = Vec::new();
    for deployed in runpod.deploy_all((0..PODS).map(spec)).at_once(8).await? {
        match deployed {
            Ok(pod) => pods.push(pod),
            Err(error) => eprintln!("{error}"),
        }
    }
    let waits = pods.iter().map(|pod| pod.wait_until(Ready::Ssh, Duration::from_secs(600)).into_future());
    let ready = join_all(waits).await;
    println!("{} of {PODS} pods are ready", ready.iter().flatten().count());

    // Another process, which knows nothing but the label.
    let other = handle()?;
    let found = other.list_labelled("job", "7").await?;
    println!("{} pods have the label, {} may have it", found.pods.len(), found.unreadable.len());
    for ended in other.terminate_all(found.pods).await {
        ended.outcome?;
    }
    println!("{} pods still bill", sim.ledger().iter().filter(|entry| entry.is_billing()).count());
    Ok(())
}
