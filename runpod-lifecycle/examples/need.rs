//! Deploys 24 GB of VRAM below 60 cents an hour, whatever the type, with a network volume made where such GPUs are in
//! stock, and says why others were left out.

use std::{error::Error, time::Duration};

use runpod_lifecycle::{Cloud, OnFailure, Place, PodSpec, Ready, RunPod};
use runpod_sim::Sim;

const LONGEST: Duration = Duration::from_secs(900);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::builder().time_scale(50.0).start().await?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    // Either cloud, until a network volume makes it the secure one.
    let spec = PodSpec::any_gpu("wish", "runpod/pytorch:latest")
        .min_vram_gb(24)
        .max_usd_per_hour(0.60)
        .cloud(Cloud::Either)
        .port("22/tcp");

    let data = runpod.ensure_volume("wish-data", 50, Place::WhereInStock(&spec)).await?;
    let place = data.data_center.as_deref().unwrap_or("an unknown place");
    println!("volume {} is in {place}, where the stock is", data.id);

    let spec = spec.network_volume(&data);
    let plan = runpod.plan(&spec).await?;
    println!("{plan}");
    println!("{} types would be tried, {} are left out", plan.candidates.len(), plan.left_out.len());

    let pod = runpod.deploy_and_wait_until(&spec, Ready::Ssh, LONGEST, OnFailure::Terminate).await?;
    let gpu = pod.gpu.as_ref().map_or("no GPU", |gpu| gpu.id.as_str());
    println!("{} has {gpu} at {}", pod.id, pod.hourly_cost());
    pod.terminate().await?;
    runpod.delete_volume(&data.id).await?;
    println!("{} volumes are left", runpod.list_volumes().await?.len());
    println!("{} pods still bill", sim.ledger().iter().filter(|entry| entry.is_billing()).count());
    Ok(())
}
