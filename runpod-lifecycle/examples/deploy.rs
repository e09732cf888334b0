//! Deploys a GPU pod, waits until SSH answers, shows how to reach it, and terminates it.
//!
//! Runs against a simulator inside this process; with `--live` against RunPod, which costs money.

use std::{error::Error, process::ExitCode, time::Duration};

use runpod_lifecycle::{Gone, PodHandle, PodSpec, PodState, Ready, RunPod};
use runpod_sim::Sim;

const OUT_OF_STOCK: &str = "NVIDIA H100 80GB HBM3";
const IN_STOCK: &str = "NVIDIA GeForce RTX 4090";
const LONGEST_WAIT: Duration = Duration::from_secs(900);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(last_line) => println!("{last_line}"),
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(below) = cause {
                eprintln!("caused by: {below}");
                cause = below.source();
            }
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn run() -> Result<String, Box<dyn Error>> {
    let started = std::time::Instant::now();
    let (runpod, _sim) = if std::env::args().any(|argument| argument == "--live") {
        println!("This rents a real GPU and costs money until the last line.");
        (RunPod::from_env()?, None)
    } else {
        let sim = Sim::builder().time_scale(20.0).capacity(OUT_OF_STOCK, 0).start().await?;
        let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).http_proxy(sim.http_proxy());
        (runpod.build()?, Some(sim))
    };
    let runpod = runpod.on_event(move |event| println!("[{:>5.1?}] {event}", started.elapsed()));

    let name = format!("example-{}", std::process::id());
    let spec = PodSpec::gpu(name, "runpod/pytorch:latest", [OUT_OF_STOCK, IN_STOCK])
        .port("22/tcp")
        .port("8888/http");
    // From here on Ctrl-C is ours: a create that was sent is seen through to its pod's id first.
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let mut deploy = std::pin::pin!(runpod.deploy(&spec));
    let (pod, is_wanted) = tokio::select! {
        biased;
        _ = &mut interrupted => (deploy.await?, false),
        pod = &mut deploy => (pod?, true),
    };
    let outcome = match is_wanted {
        true => tokio::select! {
            ready = show(&pod) => ready,
            _ = &mut interrupted => Err("interrupted".into()),
        },
        false => Err("interrupted".into()),
    };
    pod.terminate().await?;
    pod.wait_until(Gone, Duration::from_secs(60)).await?;
    println!("pod {} is terminated and gone", pod.id);
    outcome
}

async fn show(pod: &PodHandle) -> Result<String, Box<dyn Error>> {
    let pod = pod.wait_until(Ready::Ssh, LONGEST_WAIT).await?;
    let ssh = pod.connection().ssh_command().ok_or("no SSH endpoint")?;
    let cost = pod.cost_usd_per_hour.unwrap_or_default();
    let state = pod.state.as_ref().map_or("unknown", PodState::as_str);
    println!("state {}, {}", state.to_lowercase(), pod.hourly_cost());
    println!("ssh   {ssh}");
    println!("http  {}", pod.connection().http_urls().join(" "));
    Ok(format!("ready pod={} ssh=\"{ssh}\" cost_usd_per_hour={cost}", pod.id))
}
