//! Waits until a sold-out GPU is in stock again, 20 simulated minutes later, and counts what that costs.

use std::{error::Error, time::Duration};

use runpod_lifecycle::{Event, PodSpec, RunPod};
use runpod_sim::{Scope, Sim};
use tokio::{
    task::spawn_blocking,
    time::{advance, pause},
};

const GPU: &str = "NVIDIA H200";
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim =
        Sim::builder().time_scale(1.0).capacity(GPU, 0).capacity_at(20 * MINUTE, Scope::of_type(GPU), 1);
    let sim = sim.start().await?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?.on_event(|event| match event {
        Event::StockAwaited { left, .. } if (31..590).contains(&(left.as_secs() % 600)) => {}
        event => println!("{event}"),
    });

    let spec = PodSpec::gpu("patient", "runpod/pytorch:latest", [GPU]).patience(60 * MINUTE);
    let pod = tokio::select! {
        pod = runpod.deploy(&spec) => pod?,
        () = pass_time() => unreachable!("it never ends"),
    };
    let created = sim.ledger()[0].created;
    let sent = sim.requests().iter().filter(|request| request.at < 20 * MINUTE).count();
    println!("{} was created {} s after there was stock", pod.id, (created - 20 * MINUTE).as_secs());
    println!("{sent} requests were sent in the 20 minutes before");
    pod.terminate().await?;
    println!("{} pods still bill", sim.ledger().iter().filter(|entry| entry.is_billing()).count());
    Ok(())
}

/// Lets time pass 300 times as fast as it does. In a program nothing like this is needed.
async fn pass_time() {
    pause();
    loop {
        // While a thread is busy, tokio does not jump to the next timer.
        let tick = spawn_blocking(|| std::thread::sleep(Duration::from_millis(1)));
        tick.await.expect("it only sleeps");
        advance(Duration::from_millis(300)).await;
    }
}
