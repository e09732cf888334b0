//! Says what a deploy would do and cost, and sends nothing but reads.

use std::error::Error;

use runpod_lifecycle::{Cloud, Order, PodSpec, RunPod};
use runpod_sim::Sim;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::builder().start().await?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    let spec = PodSpec::gpu("planned", "runpod/pytorch:latest", ["AMPERE_24", "NVIDIA GeForce RTX 4090"])
        .cloud(Cloud::Either)
        .order(Order::Cheapest)
        .volume_gb(100)
        .port("22/tcp");
    let plan = runpod.plan(&spec).await?;
    println!("{plan}");
    assert!(sim.ledger().is_empty(), "a plan creates nothing");
    Ok(())
}
