//! Works with pods that are ended on every way out: a value, an error, a panic, an interrupt.

use std::{error::Error, io, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use runpod_lifecycle::{PodHandle, PodSpec, Ready, RunPod};
use runpod_sim::Sim;
use tokio::time::sleep;

const LONGEST: Duration = Duration::from_secs(900);

/// A pod of this name. What a killed process leaves behind, `RunPod::reap` ends after an hour.
fn spec(name: &str) -> PodSpec {
    PodSpec::any_gpu(name, "runpod/pytorch:latest").port("22/tcp").lifetime(4 * LONGEST)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::builder().time_scale(50.0).start().await?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    let specs = ["value", "error", "panic", "interrupt"].map(spec);

    let answer = async |pod: PodHandle| Ok::<_, io::Error>(pod.id.len());
    let fail = async |_: PodHandle| Err::<(), _>(io::Error::other("out of memory"));
    let panic = async |_: PodHandle| -> io::Result<()> { panic!("a bug of mine") };
    let train = async |_: PodHandle| -> io::Result<()> { std::future::pending().await };
    let (value, error, panicked, interrupted) = tokio::join!(
        runpod.with_pod(&specs[0], Ready::Ssh, LONGEST, answer),
        runpod.with_pod(&specs[1], Ready::Ssh, LONGEST, fail),
        AssertUnwindSafe(runpod.with_pod(&specs[2], Ready::Ssh, LONGEST, panic)).catch_unwind(),
        // In a program this would wait for Ctrl-C.
        runpod.with_pod(&specs[3], Ready::Ssh, LONGEST, train).until(sleep(Duration::from_secs(20))),
    );

    let value = value?;
    println!("a value of {} for ${:.4}", value.value, value.usd.unwrap_or_default());
    for error in [error.err(), interrupted.err()].into_iter().flatten() {
        println!("{error}");
    }
    println!("a panic goes on: {}", panicked.is_err());
    println!("{} pods still bill", sim.ledger().iter().filter(|entry| entry.is_billing()).count());
    Ok(())
}
