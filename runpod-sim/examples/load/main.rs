//! Measures a simulator with 1,000 pods: how long a page of all of them takes, how many gets a second it answers, and
//! how much memory the process has, this client included. At last, how much slower 200 gets a second are answered while the page
//! is open, and how late it shows a new pod, in a browser where there is one.
//!
//! `cargo run --release -p runpod-sim --example load`

#[path = "../../tests/page/browser.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod browser;
mod client;
mod watched;

use std::{
    io::Write,
    time::{Duration, Instant},
};

use runpod_sim::{BootProfile, Sim};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use client::{Client, Failure};

const PODS: usize = 1000;
const PAGES: usize = 100;
const CLIENTS: usize = 8;
const LASTING: Duration = Duration::from_secs(15);

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let builder = Sim::builder().seed(7).rate_windows([]).real_endpoints(false).list_lag(Duration::ZERO);
    let sim = builder.boot(BootProfile::fixed(Duration::ZERO)).start().await?;
    let mut client = Client::connect(&sim).await?;
    let pod = json!({
        "name": "load", "image": "ubuntu:24.04", "disk": 20, "ports": ["22/tcp", "8888/http"],
        "gpu": { "id": "NVIDIA GeForce RTX 4090", "count": 1 }, "env": { "A": "1", "B": "2" },
    });
    let seeded = client.call("POST", "/_sim/pods", json!({ "pod": pod, "count": PODS }).to_string()).await?;
    let ids: Vec<String> = serde_json::from_value(serde_json::from_slice::<Value>(&seeded)?["ids"].take())?;

    let mut out = std::io::stdout();
    let mut pages = Vec::new();
    let mut size = 0;
    for _ in 0..PAGES {
        let begun = Instant::now();
        size = client.call("GET", "/v2/pods?limit=1000", String::new()).await?.len();
        pages.push(begun.elapsed());
    }
    pages.sort();
    let (median, slow) = (pages[PAGES / 2], pages[PAGES * 99 / 100]);
    writeln!(out, "list of {PODS} pods, {size} bytes: median {median:.1?}, 99th percentile {slow:.1?}")?;

    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (mut client, ids) = (Client::connect(&sim).await?, ids.clone());
        clients.spawn(async move {
            let mut gets = 0;
            while begun.elapsed() < LASTING {
                let id = &ids[(number * 131 + gets) % ids.len()];
                client.call("GET", &format!("/v2/pods/{id}"), String::new()).await?;
                gets += 1;
            }
            Ok::<_, Failure>(gets)
        });
    }
    let gets: usize = clients.join_all().await.into_iter().sum::<Result<_, _>>()?;
    let rate = gets as f64 / begun.elapsed().as_secs_f64();
    writeln!(out, "{gets} gets over {CLIENTS} connections: {rate:.0} a second")?;

    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak =
        status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown on this system");
    writeln!(out, "peak memory, client included: {}", peak.trim_start_matches("VmHWM:").trim())?;
    watched::measure(&sim, &ids).await?;
    sim.shutdown().await;
    Ok(())
}
