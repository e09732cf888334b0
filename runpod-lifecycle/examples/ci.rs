//! Tests a service on a GPU, for CI: exit code 0 if it works, 1 if it does not, 75 if no GPU was to be had. No pod is left.

use std::{env, process::ExitCode, time::Duration};

use runpod_lifecycle::{
    DeployError, HttpReady, PodHandle, PodSpec, RunPod, ScopeError, Scoped, api::ClientBuilder,
};
use runpod_sim::{HttpAnswer, Sim};
use tokio::signal::unix::{SignalKind, signal};

const LONGEST: Duration = Duration::from_secs(900);
/// By sysexits(3) this means: try again later.
const TRY_LATER: u8 = 75;

type Tested = Result<Scoped<String>, ScopeError<String, String>>;

/// Asks the service what its users would. In earnest these would be the tests.
async fn ask(pod: PodHandle, path: &str) -> Result<String, String> {
    let url = pod.connection().http_url(8000).ok_or("the pod has no such port")?;
    let url = format!("{}{path}", url.trim_end_matches('/'));
    let http =
        ClientBuilder::new("").plain_http(Duration::from_secs(60)).map_err(|error| error.to_string())?;
    let answer = http.get(url).send().await.map_err(|error| error.to_string())?;
    match answer.status() {
        status if status.is_success() => Ok(format!("{path} answers {status}")),
        status => Err(format!("{path} answers {status}")),
    }
}

async fn test(runpod: &RunPod, gpu: &str, path: &str) -> Tested {
    // A name of this run alone: two at a time must not end each other's pod.
    let run = env::var("CI_JOB_ID").unwrap_or_else(|_| std::process::id().to_string());
    let spec = PodSpec::gpu(format!("ci-{run}"), "ghcr.io/org/service:latest", [gpu])
        .port("8000/http")
        .label("ci", &run)
        .lifetime(2 * LONGEST); // `RunPod::reap` ends what a killed run leaves
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be heard");
    let interrupt = async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    let ready = HttpReady::port(8000).path("/health");
    runpod.with_pod(&spec, ready, LONGEST, |pod| ask(pod, path)).until(interrupt).await
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let sim = Sim::builder().time_scale(50.0).capacity("NVIDIA H200", 0);
    let sim = sim.http_answer(HttpAnswer::new(500).path("/broken")).start().await?;
    // In earnest: RunPod::from_env()?
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).http_proxy(sim.http_proxy()).build()?;
    let mut given = env::args().skip(1);
    let gpu = given.next().unwrap_or_else(|| "ADA_24".to_owned());
    let tested = test(&runpod, &gpu, &given.next().unwrap_or_else(|| "/predict".to_owned())).await;
    println!("{} pods still bill", sim.ledger().iter().filter(|entry| entry.is_billing()).count());
    Ok(match tested {
        Ok(done) => {
            println!("passed for ${:.4}: {}", done.usd.unwrap_or_default(), done.value);
            ExitCode::SUCCESS
        }
        Err(ScopeError::Deploy(error @ DeployError::AllRefused { .. })) if error.is_no_capacity() => {
            println!("skipped: {error}");
            ExitCode::from(TRY_LATER)
        }
        Err(error) => {
            println!("failed: {error}");
            ExitCode::FAILURE
        }
    })
}
