//! Waits for something only this program knows: a condition is a function of one look at a pod.

use std::{error::Error, time::Duration};

use runpod_lifecycle::{Pod, PodSpec, RunPod, Verdict};
use runpod_sim::Sim;

/// Up for a moment: long enough that a container that crashes at once has crashed.
fn settled(pod: Option<&Pod>) -> Verdict {
    let Some(pod) = pod else { return Verdict::Failed("the pod is gone".to_owned()) };
    match pod.uptime {
        Some(uptime) if uptime >= Duration::from_secs(20) => Verdict::Done,
        Some(uptime) => Verdict::Pending(format!("up for {} s", uptime.as_secs())),
        None => Verdict::Pending("not up yet".to_owned()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::builder().time_scale(20.0).start().await?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    let runpod = runpod.on_event(|event| println!("{event}"));
    let pod = runpod.deploy(&PodSpec::gpu("settled", "runpod/pytorch:latest", ["ADA_24"])).await?;
    let pod = pod.wait_until(settled, Duration::from_secs(600)).await?;
    println!("{} has been up for {:?}", pod.id, pod.uptime.unwrap_or_default());
    pod.terminate().await?;
    Ok(())
}
