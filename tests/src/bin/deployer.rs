//! Deploys one pod as the environment says, for a test that kills it on the way.

use std::time::Duration;

use runpod_lifecycle::{PodSpec, RunPod};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runpod = RunPod::from_env()?;
    let spec = PodSpec::gpu("crashed", "runpod/pytorch:latest", ["NVIDIA GeForce RTX 4090"])
        .port("22/tcp")
        .lifetime(Duration::from_millis(1));
    println!("{}", runpod.deploy(&spec).await?.id);
    Ok(())
}
