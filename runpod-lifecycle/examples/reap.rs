//! Ends pods that have outlived their lifetime. Run it from cron: it keeps no state.

use std::{error::Error, time::Duration};

use runpod_lifecycle::{Found, PodSpec, RunPod, Running};
use runpod_sim::Sim;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::builder().time_scale(50.0).start().await?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    let spec = |name: &str| PodSpec::gpu(name, "runpod/pytorch:latest", ["ADA_24"]);
    runpod.deploy(&spec("short").lifetime(Duration::from_millis(1))).await?;
    runpod.deploy(&spec("long").lifetime(Duration::from_secs(8 * 3600))).await?;
    let last = runpod.deploy(&spec("for-ever")).await?;
    last.wait_until(Running, Duration::from_secs(600)).await?; // by then RunPod's lists show all three
    sim.advance(Duration::from_secs(60)); // one that has just come up would be looked at twice, 15 s apart

    for pod in runpod.overdue().await? {
        println!("would terminate {} ({})", pod.id, pod.name.as_deref().unwrap_or("unnamed"));
    }
    for reaped in runpod.reap().await? {
        reaped.outcome?;
        println!("terminated {}", reaped.pod.id);
    }
    assert!(matches!(runpod.find("short").await?, Found::None));
    println!("{} pods are left", runpod.list().await?.len());
    Ok(())
}
