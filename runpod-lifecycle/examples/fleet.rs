//! Deploys 50 pods at once through one handle and ends them all.

use std::{error::Error, time::Duration};

use futures_util::{StreamExt, stream};
use runpod_lifecycle::{PodHandle, PodSpec, Ready, RunPod};
use runpod_sim::Sim;

const PODS: usize = 50;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::builder().time_scale(100.0).start().await?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;

    let ready: Vec<Result<PodHandle, Box<dyn Error>>> = stream::iter(0..PODS)
        .map(|number| {
            let runpod = runpod.clone();
            async move {
                let name = format!("worker-{number}");
                let spec = PodSpec::gpu(name, "runpod/pytorch:latest", ["ADA_24"]).port("22/tcp");
                let pod = runpod.deploy(&spec).await?;
                Ok(pod.wait_until(Ready::Ssh, Duration::from_secs(600)).await?)
            }
        })
        .buffer_unordered(PODS)
        .collect()
        .await;
    println!("{} of {PODS} pods are ready", ready.iter().flatten().count());
    for pod in runpod.list().await? {
        pod.terminate().await?;
    }
    println!("{} pods still bill", sim.ledger().iter().filter(|entry| entry.is_billing()).count());
    ready.into_iter().collect::<Result<Vec<_>, _>>().map(drop)
}
