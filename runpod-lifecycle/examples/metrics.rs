//! Shows the metrics of a fleet that lives against a simulator.

use std::{error::Error, time::Duration};

use futures_util::future::join_all;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use runpod_lifecycle::{PodSpec, Ready, RunPod};
use runpod_sim::{Fault, FaultKind, RateWindow, Sim};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A program that is watched has an exporter's in its place, for example Prometheus's.
    let recorder = DebuggingRecorder::new();
    let recorded = recorder.snapshotter();
    recorder.install()?;

    let window = |name, quota, seconds| RateWindow::new(name, quota, Duration::from_secs(seconds));
    let windows = [window("burst", 8, 5), window("minute", 60, 60)];
    let sim = Sim::builder().seed(7).time_scale(20.0).rate_windows(windows).start().await?;
    sim.inject(Fault::new(FaultKind::status_before(503)).on("listPods").times(1))?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    let spec = |n| PodSpec::gpu(format!("worker-{n}"), "runpod/pytorch:latest", ["ADA_24"]).port("22/tcp");
    let pods = runpod.deploy_all((0..12).map(spec)).await?.into_iter().flatten();
    let ready = pods.map(|pod| async move { pod.wait_until(Ready::Ssh, Duration::from_secs(600)).await });
    let ready: Vec<_> = join_all(ready).await.into_iter().flatten().collect();
    // One is left running.
    runpod.terminate_all(ready.into_iter().skip(1)).await;

    println!("| metric | value | unit |\n|---|---|---|");
    let mut rows: Vec<String> = Vec::new();
    for (key, unit, _, value) in recorded.snapshot().into_vec() {
        let labels = key.key().labels().map(|label| format!("{}={:?}", label.key(), label.value()));
        let labels = labels.collect::<Vec<_>>().join(", ");
        let value = match value {
            DebugValue::Counter(count) => count.to_string(),
            DebugValue::Gauge(value) => format!("{value:.2}"),
            DebugValue::Histogram(times) => {
                let sum: f64 = times.iter().map(|time| time.into_inner()).sum();
                format!("{}, {sum:.1} in all", times.len())
            }
        };
        let unit = unit.map_or("", |unit| unit.as_str());
        rows.push(format!("| `{}{{{labels}}}` | {value} | {unit} |", key.key().name()));
    }
    rows.sort();
    println!("{}", rows.join("\n").replace("{}", ""));
    Ok(())
}
