//! Costs that the facade adds to a call.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use reqwest::Client;
use runpod_lifecycle::RunPod;
use runpod_sim::Sim;
use serde_json::{Value, json};

use crate::{
    account,
    report::{Report, Table, Target, percentile},
    strict,
};

/// Looks at one pod again and again through each client in turn, for so long in all.
///
/// # Errors
/// If a call fails.
pub fn run(duration: Duration) -> Result<Report> {
    // The server has a thread of its own, as a server elsewhere would.
    let server = runtime()?;
    let sim = server.block_on(account::filled(10))?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = std::thread::spawn(move || server.block_on(stopped));
    let report = runtime()?.block_on(measure(&sim, duration));
    drop((stop, sim));
    let _ = server.join();
    report
}

async fn measure(sim: &Sim, duration: Duration) -> Result<Report> {
    let id = sim.pods().first().context("the account has pods")?.id.clone();
    let clients = Clients::new(sim, id)?;
    let mut times: [Vec<f64>; 3] = Default::default();
    let until = Instant::now() + duration;
    // Each goes first as often as the others.
    for client in (0..times.len()).cycle() {
        for which in [client, (client + 1) % 3, (client + 2) % 3] {
            let started = Instant::now();
            clients.call(which).await?;
            times[which].push(started.elapsed().as_secs_f64() * 1e6);
        }
        if Instant::now() >= until {
            break;
        }
    }
    Ok(report(&mut times))
}

struct Clients {
    runpod: RunPod,
    plain: Client,
    url: String,
    key: String,
    id: String,
}

impl Clients {
    fn new(sim: &Sim, id: String) -> Result<Self> {
        Ok(Self {
            runpod: RunPod::builder(sim.api_key()).base_url(sim.url()).build()?,
            // With the facade's timeouts.
            plain: Client::builder()
                .user_agent("bench/1")
                .connect_timeout(Duration::from_secs(10))
                .timeout(Duration::from_secs(60))
                .build()?,
            url: format!("{}/v2/pods/{id}", sim.url()),
            key: sim.api_key().to_owned(),
            id,
        })
    }

    /// One call: through the facade, into strict structs, or into a generic tree.
    async fn call(&self, which: usize) -> Result<()> {
        match which {
            0 => drop(black_box(self.runpod.get(&self.id).await?)),
            1 => drop(black_box(self.raw().await?.json::<strict::Pod>().await?)),
            _ => drop(black_box(self.raw().await?.json::<Value>().await?)),
        }
        Ok(())
    }

    async fn raw(&self) -> reqwest::Result<reqwest::Response> {
        self.plain.get(&self.url).bearer_auth(&self.key).send().await?.error_for_status()
    }
}

fn report(times: &mut [Vec<f64>; 3]) -> Report {
    let names = ["runpod-lifecycle", "reqwest + strict structs", "reqwest + serde_json::Value"];
    let calls = times[0].len();
    let medians = times.each_mut().map(|times| percentile(times, 0.5));
    let row = |(name, times): (&str, &mut Vec<f64>)| {
        let [low, median, high] = [0.25, 0.5, 0.75].map(|at| percentile(times, at));
        vec![json!(name), json!(median), json!(low), json!(high), json!(median / medians[1])]
    };
    let table = Table {
        title: format!("One get on loopback, {calls} calls through each client in turn"),
        columns: vec!["client", "median µs", "25 % µs", "75 % µs", "ratio"],
        rows: names.into_iter().zip(times.iter_mut()).map(row).collect(),
    };
    let targets = vec![Target::at_most("facade call / raw reqwest call", 1.05, medians[0] / medians[1])];
    Report { name: "call", tables: vec![table], targets }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
