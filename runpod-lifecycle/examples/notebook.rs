//! Works in a notebook that is there again the next day, and stops it when nobody does.

use std::{error::Error, time::Duration};

use runpod_lifecycle::{Idle, IfExists, Origin, PodSpec, Ready, RunPod, Stopped};
use runpod_sim::Sim;

const LONGEST: Duration = Duration::from_secs(900);
/// In earnest this would be 20 minutes.
const IDLE: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::builder().time_scale(100.0).start().await?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).http_proxy(sim.http_proxy()).build()?;
    let runpod = runpod.on_event(|event| eprintln!("  {event}"));

    // The same program on each day: it creates the pod, or starts the one that is stopped.
    let spec = PodSpec::any_gpu("notebook", "runpod/pytorch:latest")
        .min_vram_gb(24)
        .volume_gb(50)
        .jupyter_with("correct horse battery staple")
        .if_exists(IfExists::AdoptAndStart);

    for day in ["Monday", "Tuesday"] {
        let pod = runpod.deploy(&spec).await?;
        let came = if pod.origin() == Origin::Created { "created" } else { "adopted" };
        let pod = pod.wait_until(Ready::Jupyter, LONGEST).await?;
        println!("{day}: {came}, {}", pod.connection().jupyter_url().unwrap_or_default());

        // Somebody works for a while, then goes home.
        sim.set_load(&pod.id, 80);
        let work = tokio::time::sleep(Duration::from_secs(2));
        let rest = async {
            work.await;
            sim.set_load(&pod.id, 0)
        };
        let idle = pod.wait_until(Idle::below(5).during(IDLE), LONGEST);
        let (idle, _) = tokio::join!(idle.into_future(), rest);
        let pod = idle?;
        println!("{day}: idle, {}", pod.cost_so_far().await);
        pod.stop().await?;
        pod.wait_until(Stopped, LONGEST).await?;
    }

    // The volume of a stopped pod bills on.
    runpod.pod("notebook").await?.terminate().await?;
    println!("{} pods still bill", sim.ledger().iter().filter(|entry| entry.is_billing()).count());
    Ok(())
}
