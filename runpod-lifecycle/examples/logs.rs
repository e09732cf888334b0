//! Follows the log of a pod while it boots.

use std::error::Error;

use futures_util::StreamExt;
use runpod_lifecycle::{LogSource, PodSpec, RunPod};
use runpod_sim::Sim;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::builder().time_scale(20.0).start().await?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    let pod = runpod.deploy(&PodSpec::gpu("talkative", "runpod/pytorch:latest", ["ADA_24"])).await?;

    let mut lines = runpod.logs(&pod.id).follow();
    let mut from_container = 0;
    while from_container < 3 {
        let line = lines.next().await.ok_or("the log ended")??;
        println!("{line}");
        from_container += usize::from(line.source == LogSource::Container);
    }
    pod.terminate().await?;
    Ok(())
}
