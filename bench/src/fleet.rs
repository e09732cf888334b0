//! Many deployments and waits through one handle.

use std::{collections::BTreeMap, fs, mem::size_of_val, time::Duration};

use anyhow::{Context, Result};
use futures_util::future::join_all;
use runpod_lifecycle::{OnFailure, PodSpec, Ready, RunPod, Running};
use runpod_sim::{RateWindow, Sim};
use serde_json::json;

use crate::{
    account,
    clock::run_fast,
    report::{Report, Table, Target, percentile},
};

/// Deployments at once.
pub const PODS: usize = 1000;
/// Requests a minute that the account may send.
const QUOTA: u32 = 60;
/// Simulated time per real time, while the processors keep up.
const SPEED: u32 = 100;
/// Longer than everything takes.
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// Waits per pod when memory is measured.
const CROWD: usize = 10;

/// Deploys so many pods at once and waits for each; measures memory and futures besides.
///
/// # Errors
/// If the simulator, a deploy or a wait fails.
pub fn run(pods: usize) -> Result<Report> {
    let fleet = run_fast(SPEED, deploy(pods))??;
    let sizes = run_fast(SPEED, measure_size(pods))??;
    Ok(report(pods, fleet, &sizes))
}

struct Fleet {
    /// Until the last create was accepted, in seconds.
    accepted: f64,
    /// Until the last pod was ready, in seconds.
    ready: f64,
    lateness: Vec<f64>,
    requests: BTreeMap<String, usize>,
    refused: usize,
    threads: u64,
}

async fn deploy(pods: usize) -> Result<Fleet> {
    let sim = account::settings().real_endpoints(true).start().await?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    sim.set_rate_windows([RateWindow::new("minute", QUOTA, Duration::from_secs(60))])?;
    sim.set_time_scale(1.0)?;
    let before = status("Threads")?;
    let deploys = (0..pods).map(|number| {
        let (runpod, sim) = (&runpod, &sim);
        async move {
            let pod = runpod.deploy(&spec(number)).await?;
            let accepted = sim.now();
            let pod = pod.wait_until(Ready::Ssh, LONGEST).await?;
            anyhow::Ok((pod.id.clone(), accepted, sim.now()))
        }
    });
    let ends = join_all(deploys).await.into_iter().collect::<Result<Vec<_>>>()?;
    let threads = status("Threads")?.saturating_sub(before);
    let requests = sim.requests();
    let mut by_operation = BTreeMap::new();
    for request in &requests {
        *by_operation.entry(request.operation.clone().unwrap_or_else(|| "refused".into())).or_default() += 1;
    }
    Ok(Fleet {
        accepted: ends.iter().map(|end| end.1.as_secs_f64()).fold(0.0, f64::max),
        ready: ends.iter().map(|end| end.2.as_secs_f64()).fold(0.0, f64::max),
        lateness: lateness(&sim, &ends),
        requests: by_operation,
        refused: requests.iter().filter(|request| request.status == 429).count(),
        threads,
    })
}

fn spec(number: usize) -> PodSpec {
    PodSpec::gpu(format!("pod-{number:05}"), "runpod/pytorch:latest", ["NVIDIA GeForce RTX 4090"])
        .port("22/tcp")
}

fn lateness(sim: &Sim, ends: &[(String, Duration, Duration)]) -> Vec<f64> {
    let usable: BTreeMap<String, Duration> =
        sim.ledger().into_iter().filter_map(|entry| Some((entry.pod_id, entry.usable_from?))).collect();
    let late = |(id, _, end): &(String, Duration, Duration)| Some((*end - *usable.get(id)?).as_secs_f64());
    ends.iter().filter_map(late).collect()
}

struct Sizes {
    wait_bytes: f64,
    futures: Vec<(&'static str, usize)>,
}

/// Memory that a long wait holds on to.
async fn measure_size(pods: usize) -> Result<Sizes> {
    let sim = account::settings().start().await?;
    account::fill(&sim, pods).await?;
    sim.advance(Duration::from_secs(4));
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    let handles = runpod.list().await?;
    let spec = spec(0);
    let first = handles.first().context("the account has pods")?;
    let futures = vec![
        ("deploy", size_of_val(&runpod.deploy(&spec))),
        (
            "deploy_and_wait_until",
            size_of_val(&runpod.deploy_and_wait_until(&spec, Ready::Ssh, LONGEST, OnFailure::Keep)),
        ),
        ("wait_until", size_of_val(&IntoFuture::into_future(first.wait_until(Ready::Ssh, LONGEST)))),
        ("list", size_of_val(&runpod.list())),
        ("find", size_of_val(&runpod.find("name"))),
        ("get", size_of_val(&runpod.get("id"))),
        ("terminate", size_of_val(&runpod.terminate("id"))),
        ("reap", size_of_val(&runpod.reap())),
    ];
    // A few lists warm the allocator up, so that it is the waits that are measured.
    for _ in 0..3 {
        runpod.list().await?;
    }
    let before = status("VmRSS")?;
    // The clock stands still, so none of them ends.
    let crowd = (0..CROWD).flat_map(|_| &handles).map(|pod| pod.wait_until(Running, LONGEST));
    let crowd = join_all(crowd.map(IntoFuture::into_future));
    let looked = tokio::time::timeout(Duration::from_secs(30), crowd).await;
    anyhow::ensure!(looked.is_err(), "a wait ended although the clock stands still");
    // Memory was at its highest while they waited, and the kernel remembers it.
    let after = status("VmHWM")?.max(status("VmRSS")?);
    let waits = (CROWD * handles.len()) as f64;
    Ok(Sizes { wait_bytes: after.saturating_sub(before) as f64 * 1024.0 / waits, futures })
}

/// A number from what the kernel knows about this process: kB, or a count.
fn status(name: &str) -> Result<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()).context("no such line")?;
    Ok(number.parse()?)
}

fn report(pods: usize, mut fleet: Fleet, sizes: &Sizes) -> Report {
    let allowed = pods as f64 / f64::from(QUOTA) * 60.0;
    let requests = Table {
        title: format!("{pods} deployments at once through one handle, {QUOTA} requests a minute"),
        columns: vec!["operation", "requests"],
        rows: fleet.requests.iter().map(|(name, count)| vec![json!(name), json!(count)]).collect(),
    };
    let times = Table {
        title: "In simulated seconds".to_owned(),
        columns: vec!["what", "s"],
        rows: vec![
            vec![json!("the creates alone under the quota"), json!(allowed)],
            vec![json!("last create accepted"), json!(fleet.accepted)],
            vec![json!("last pod ready"), json!(fleet.ready)],
            vec![json!("p50 lateness"), json!(percentile(&mut fleet.lateness, 0.5))],
            vec![json!("p95 lateness"), json!(percentile(&mut fleet.lateness, 0.95))],
        ],
    };
    let futures = Table {
        title: "Size of the futures, and memory per wait".to_owned(),
        columns: vec!["what", "bytes"],
        rows: sizes
            .futures
            .iter()
            .map(|(name, size)| vec![json!(name), json!(size)])
            .chain([vec![json!("memory per wait, lists included"), json!(sizes.wait_bytes)]])
            .collect(),
    };
    let largest = sizes.futures.iter().map(|future| future.1).max().unwrap_or_default();
    let targets = vec![
        Target::at_most("last create / the quota's minimum", 1.15, fleet.accepted / allowed),
        Target::at_most("429s", 0.0, fleet.refused as f64),
        Target::at_most("threads started", 0.0, fleet.threads as f64),
        Target::at_most("bytes per wait", 8192.0, sizes.wait_bytes),
        Target::at_most("bytes of the largest future", 4096.0, largest as f64),
    ];
    Report { name: "fleet", tables: vec![times, requests, futures], targets }
}
