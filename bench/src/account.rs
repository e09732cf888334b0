//! A simulated account with pods of all kinds in it.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Client;
use runpod_sim::{BootProfile, RateWindow, Sim, SimBuilder};
use serde_json::{Value, json};

/// The seed of every account.
pub const SEED: u64 = 20_261_124;
/// A quota that limits nothing.
const UNLIMITED: u32 = 1_000_000_000;
/// Creates that are under way at a time.
const AT_ONCE: usize = 8;

/// A simulator without a quota and with made-up endpoints; its clock stands still.
pub fn settings() -> SimBuilder {
    Sim::builder()
        .seed(SEED)
        .time_scale(0.0)
        .epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000))
        .real_endpoints(false)
        .boot(BootProfile::default())
        .page_size(1000)
        .rate_windows([unlimited()])
}

/// A window that is never exhausted.
pub fn unlimited() -> RateWindow {
    RateWindow::new("minute", UNLIMITED, Duration::from_secs(60))
}

/// A simulator with so many pods, most of them up, every fifth on a CPU.
pub async fn filled(pods: usize) -> Result<Sim> {
    let sim = settings().start().await?;
    fill(&sim, pods).await?;
    sim.advance(Duration::from_secs(75));
    Ok(sim)
}

/// Creates pods as plain HTTP would.
pub async fn fill(sim: &Sim, pods: usize) -> Result<()> {
    let client = client();
    let creates = (0..pods).map(|number| create(&client, sim, number));
    stream::iter(creates).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await.map(drop)
}

async fn create(client: &Client, sim: &Sim, number: usize) -> Result<()> {
    let url = format!("{}/v2/pods", sim.url());
    let answer = client.post(url).bearer_auth(sim.api_key()).json(&order(number)).send().await?;
    let status = answer.status();
    ensure!(status.is_success(), "create {number}: {status}: {}", answer.text().await?);
    Ok(())
}

fn order(number: usize) -> Value {
    let mut order = json!({
        "name": format!("pod-{number:05}"),
        "image": "runpod/pytorch:2.8.0-py3.11-cuda12.8.1-cudnn-devel-ubuntu22.04",
        "disk": 20 + number % 80,
        "ports": ["22/tcp", "8888/http", "6006/http"],
        "startSsh": true,
        "env": {
            "RUNPOD_LIFECYCLE_DEPLOYMENT": format!("{number:032x}"),
            "DATASET": format!("s3://bucket/shard-{number}"),
            "GREETING": "caf\u{e9} \"quoted\"\nsecond line",
        },
    });
    if number.is_multiple_of(5) {
        order["cpu"] = json!({ "id": "cpu3c", "vcpuCount": 4 });
    } else {
        order["gpu"] = json!({ "id": "NVIDIA GeForce RTX 4090", "count": 1 + number % 2 });
        order["mounts"] = json!({ "persistent": { "size": 50, "path": "/workspace" } });
    }
    order
}

/// The body of one answer.
pub async fn body(sim: &Sim, path: &str) -> Result<Vec<u8>> {
    let answer = client().get(format!("{}{path}", sim.url())).bearer_auth(sim.api_key()).send().await?;
    let answer = answer.error_for_status().with_context(|| format!("GET {path}"))?;
    Ok(answer.bytes().await?.to_vec())
}

/// A plain HTTP client; RunPod refuses callers without a name.
pub fn client() -> Client {
    Client::builder().user_agent("bench/1").build().unwrap_or_default()
}
