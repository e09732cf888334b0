//! Effect of an account's size on calls that read all of it.

use std::time::Instant;

use anyhow::Result;
use runpod_lifecycle::{PodSpec, RunPod};
use runpod_sim::Sim;
use serde_json::{Value, json};

use crate::{
    account,
    report::{Report, Table, percentile},
};

/// Pods in the account.
pub const SIZES: [usize; 4] = [10, 100, 1000, 10_000];
/// Repetitions of each call.
const TIMES: usize = 5;

/// Times `find`, `deploy` and `reap` in accounts of each size.
///
/// # Errors
/// If the simulator or a call fails.
pub fn run(sizes: &[usize]) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut rows = Vec::new();
    for &size in sizes {
        rows.extend(runtime.block_on(measure(size))?);
    }
    let table = Table {
        title: format!("Median of {TIMES} calls against a simulator in the same process, 1,000 pods a page"),
        columns: vec!["pods", "call", "ms", "requests"],
        rows,
    };
    Ok(Report { name: "growth", tables: vec![table], targets: Vec::new() })
}

async fn measure(size: usize) -> Result<Vec<Vec<Value>>> {
    let sim = account::filled(size).await?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    let mut calls: [Call; 3] = [Call::new("find"), Call::new("deploy"), Call::new("reap")];
    for number in 0..TIMES {
        let started = calls[0].start(&sim);
        runpod.find("pod-00007").await?;
        calls[0].end(&sim, started);
        let name = format!("new-{number}");
        let spec = PodSpec::gpu(name, "runpod/pytorch:latest", ["NVIDIA GeForce RTX 4090"]).port("22/tcp");
        let started = calls[1].start(&sim);
        let pod = runpod.deploy(&spec).await?;
        calls[1].end(&sim, started);
        pod.terminate().await?;
        let started = calls[2].start(&sim);
        runpod.reap().await?;
        calls[2].end(&sim, started);
    }
    Ok(calls.into_iter().map(|call| call.row(size)).collect())
}

struct Call {
    name: &'static str,
    milliseconds: Vec<f64>,
    requests: usize,
}

impl Call {
    fn new(name: &'static str) -> Self {
        Self { name, milliseconds: Vec::new(), requests: 0 }
    }

    fn start(&self, sim: &Sim) -> (usize, Instant) {
        (sim.requests().len(), Instant::now())
    }

    fn end(&mut self, sim: &Sim, (requests, started): (usize, Instant)) {
        self.milliseconds.push(started.elapsed().as_secs_f64() * 1000.0);
        self.requests += sim.requests().len() - requests;
    }

    fn row(mut self, size: usize) -> Vec<Value> {
        let requests = self.requests as f64 / self.milliseconds.len() as f64;
        vec![json!(size), json!(self.name), json!(percentile(&mut self.milliseconds, 0.5)), json!(requests)]
    }
}
