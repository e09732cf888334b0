//! Shows a wait as a progress bar, from its stream of events.

use std::{error::Error, time::Duration};

use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use runpod_lifecycle::{Event, PodSpec, Progress, Ready, RunPod};
use runpod_sim::Sim;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::builder().time_scale(20.0).start().await?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    let spec = PodSpec::gpu("progress", "runpod/pytorch:latest", ["ADA_24"]).port("22/tcp");
    let pod = runpod.deploy(&spec).await?;

    let bar =
        ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {elapsed} {msg}")?);
    let mut wait = pod.wait_until(Ready::Ssh, Duration::from_secs(600)).stream();
    let mut outcome = None;
    while let Some(progress) = wait.next().await {
        match progress {
            Progress::Event(Event::Polled { state: Some(state), pending, .. }) => {
                bar.set_message(format!("{state}: {}", pending.unwrap_or_else(|| "ready".to_owned())));
                bar.tick();
            }
            Progress::Event(event) => bar.println(event.to_string()),
            Progress::Done(done) => outcome = Some(done),
            _ => {}
        }
    }
    bar.finish();
    pod.terminate().await?;
    let ready = outcome.ok_or("the stream ended without an outcome")??;
    println!("{} was ready and is terminated", ready.id);
    Ok(())
}
