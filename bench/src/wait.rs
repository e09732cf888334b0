//! Cost and delay of waiting: one poller per handle beside a loop per pod.

use std::{cell::Cell, collections::HashMap, time::Duration};

use anyhow::{Result, anyhow, ensure};
use futures_util::{StreamExt, TryStreamExt, future::join_all, stream};
use reqwest::{Client, StatusCode};
use runpod_lifecycle::{PodHandle, PodSpec, Ready, RunPod};
use runpod_sim::{RateWindow, Sim};
use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    account,
    clock::run_fast,
    plot,
    report::{Report, Table, Target, percentile},
};

/// Waits on one handle, and how often that is repeated with other boots.
pub const SCALES: [(usize, u64); 4] = [(1, 60), (10, 12), (100, 3), (1000, 1)];
/// Simulated time per real time, while the processors keep up.
const SPEED: u32 = 40;
/// Requests a minute that the account may send.
const QUOTA: u32 = 60;
/// The loop's pause between two looks.
const LOOP_PAUSE: Duration = Duration::from_secs(5);
/// Longer than any boot.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// Outcome of the waits on one account.
#[derive(Debug, Default)]
struct Outcome {
    requests: usize,
    refused: usize,
    lateness: Vec<f64>,
    /// From the first look to the last.
    minutes: f64,
}

impl Outcome {
    fn join(mut self, other: Self) -> Self {
        self.requests += other.requests;
        self.refused += other.refused;
        self.lateness.extend(other.lateness);
        self.minutes += other.minutes;
        self
    }
}

/// Both ways of waiting for so many pods at once, averaged over so many accounts.
#[derive(Debug)]
pub struct Row {
    /// Pods that are waited for at once.
    pub pods: usize,
    /// One handle, one wait per pod.
    pub ours: Cost,
    /// One loop per pod.
    pub looped: Cost,
}

/// Average cost of one account's waits.
#[derive(Debug)]
pub struct Cost {
    /// Requests sent.
    pub requests: f64,
    /// Those answered 429.
    pub refused: f64,
    /// Requests per minute of waiting.
    pub per_minute: f64,
    /// Median time from usable to the end of the wait, in seconds.
    pub p50: f64,
    /// 95th percentile of that.
    pub p95: f64,
}

/// Waits for each number of pods on as many accounts, both ways, and returns the report with its plots.
///
/// # Errors
/// If a simulator fails or a wait does.
pub fn run(scales: &[(usize, u64)]) -> Result<(Report, Vec<plot::Plot>)> {
    let mut rows = Vec::new();
    for &(pods, accounts) in scales {
        let ours = run_fast(SPEED, measure(pods, accounts, Way::Ours))??;
        let looped = run_fast(SPEED, measure(pods, accounts, Way::Loop))??;
        rows.push(Row { pods, ours, looped });
    }
    Ok((report(&rows), plot::of_waits(&rows)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Ours,
    Loop,
}

async fn measure(pods: usize, accounts: u64, way: Way) -> Result<Cost> {
    let outcomes = join_all((0..accounts).map(|number| account_of(pods, number, way))).await;
    let outcomes = outcomes.into_iter().collect::<Result<Vec<_>>>()?;
    let mut all = outcomes.into_iter().fold(Outcome::default(), Outcome::join);
    let accounts = accounts as f64;
    Ok(Cost {
        requests: all.requests as f64 / accounts,
        refused: all.refused as f64 / accounts,
        per_minute: all.requests as f64 / all.minutes,
        p50: percentile(&mut all.lateness, 0.5),
        p95: percentile(&mut all.lateness, 0.95),
    })
}

/// One account with its pods, which are all created at the same moment and waited for from then on.
async fn account_of(pods: usize, number: u64, way: Way) -> Result<Outcome> {
    let sim = account::settings().real_endpoints(true).seed(account::SEED + number).start().await?;
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build()?;
    let deployed = deploy(&runpod, pods).await?;
    sim.set_rate_windows([RateWindow::new("minute", QUOTA, Duration::from_secs(60))])?;
    sim.set_time_scale(1.0)?;
    match way {
        Way::Ours => wait(&sim, deployed).await,
        Way::Loop => look_around(&sim, deployed).await,
    }
}

/// Deploys while the clock stands still and there is no quota.
async fn deploy(runpod: &RunPod, pods: usize) -> Result<Vec<PodHandle>> {
    let deploys = (0..pods).map(|number| async move {
        let spec =
            PodSpec::gpu(format!("pod-{number}"), "runpod/pytorch:latest", ["NVIDIA GeForce RTX 4090"]);
        Ok(runpod.deploy(&spec.port("22/tcp")).await?)
    });
    stream::iter(deploys).buffer_unordered(8).try_collect().await
}

/// The truth about when each pod becomes usable.
struct Truth<'a> {
    sim: &'a Sim,
    usable_from: HashMap<String, Duration>,
}

impl<'a> Truth<'a> {
    fn of(sim: &'a Sim) -> Self {
        let boots = sim.ledger().into_iter().filter_map(|entry| Some((entry.pod_id, entry.usable_from?)));
        Self { sim, usable_from: boots.collect() }
    }

    /// Seconds since a pod became usable.
    fn lateness(&self, id: &str) -> Result<f64> {
        let now = self.sim.now();
        let usable = *self.usable_from.get(id).ok_or_else(|| anyhow!("{id} never boots"))?;
        ensure!(now >= usable, "{id} was called usable {:?} too early", usable - now);
        Ok((now - usable).as_secs_f64())
    }
}

async fn wait(sim: &Sim, pods: Vec<PodHandle>) -> Result<Outcome> {
    let before = sim.requests().len();
    let (started, truth) = (sim.now(), &Truth::of(sim));
    let waits = pods.into_iter().map(|pod| async move {
        let pod = pod.wait_until(Ready::Ssh, LONGEST).await?;
        truth.lateness(&pod.id)
    });
    let lateness = join_all(waits).await.into_iter().collect::<Result<_>>()?;
    let requests = sim.requests();
    let sent = &requests[before..];
    Ok(Outcome {
        requests: sent.len(),
        refused: sent.iter().filter(|request| request.status == 429).count(),
        lateness,
        minutes: (sim.now() - started).as_secs_f64() / 60.0,
    })
}

/// The way of other adapters: every pod on its own, a poll every five seconds, whatever comes back.
async fn look_around(sim: &Sim, pods: Vec<PodHandle>) -> Result<Outcome> {
    let client = account::client();
    let (requests, refused) = (Cell::new(0), Cell::new(0));
    let (started, truth) = (sim.now(), &Truth::of(sim));
    let loops = pods.iter().map(|pod| {
        let (client, requests, refused) = (&client, &requests, &refused);
        async move {
            loop {
                requests.set(requests.get() + 1);
                match look(client, sim, &pod.id).await? {
                    Look::Refused => refused.set(refused.get() + 1),
                    Look::Pending => {}
                    Look::Usable => return truth.lateness(&pod.id),
                }
                sleep(LOOP_PAUSE).await;
            }
        }
    });
    let lateness = join_all(loops).await.into_iter().collect::<Result<_>>()?;
    let minutes = (sim.now() - started).as_secs_f64() / 60.0;
    Ok(Outcome { requests: requests.get(), refused: refused.get(), lateness, minutes })
}

enum Look {
    Refused,
    Pending,
    Usable,
}

async fn look(client: &Client, sim: &Sim, id: &str) -> Result<Look> {
    let url = format!("{}/v2/pods/{id}", sim.url());
    let answer = client.get(url).bearer_auth(sim.api_key()).send().await?;
    if answer.status() == StatusCode::TOO_MANY_REQUESTS {
        return Ok(Look::Refused);
    }
    let pod: Value = answer.error_for_status()?.json().await?;
    let direct = &pod["ssh"]["direct"];
    let (Some(host), Some(port)) = (direct["host"].as_str(), direct["port"].as_u64()) else {
        return Ok(Look::Pending);
    };
    let greeting = async {
        let mut stream = TcpStream::connect((host, u16::try_from(port)?)).await?;
        let mut greeting = [0; 4];
        stream.read_exact(&mut greeting).await?;
        anyhow::Ok(greeting == *b"SSH-")
    };
    match timeout(LOOP_PAUSE, greeting).await {
        Ok(Ok(true)) => Ok(Look::Usable),
        _ => Ok(Look::Pending),
    }
}

fn report(rows: &[Row]) -> Report {
    let cells = |pods: usize, name: &str, cost: &Cost| {
        vec![
            json!(pods),
            json!(name),
            json!(cost.requests),
            json!(cost.refused),
            json!(cost.per_minute),
            json!(cost.p50),
            json!(cost.p95),
        ]
    };
    let table = Table {
        title: format!(
            "Waiting for SSH on pods created at the same moment, at most {QUOTA} requests a minute; mean of the \
             accounts, in simulated time"
        ),
        columns: vec!["pods", "way", "requests", "429s", "requests/min", "p50 late s", "p95 late s"],
        rows: rows
            .iter()
            .flat_map(|row| {
                [cells(row.pods, "one handle", &row.ours), cells(row.pods, "5 s loop each", &row.looped)]
            })
            .collect(),
    };
    let mut targets = Vec::new();
    for Row { pods, ours, looped } in rows {
        targets.push(Target::at_most(format!("{pods} waits: p95 lateness in s"), 3.0, ours.p95));
        targets.push(Target::at_most(format!("{pods} waits: 429s"), 0.0, ours.refused));
        match pods {
            1 => {
                targets.push(Target::at_most(
                    "1 wait: requests / loop",
                    1.0,
                    ours.requests / looped.requests,
                ));
                targets.push(Target::at_most("1 wait: p50 lateness / loop", 1.0, ours.p50 / looped.p50));
                targets.push(Target::at_most("1 wait: p95 lateness / loop", 1.0, ours.p95 / looped.p95));
            }
            100 => {
                let fewer = looped.requests / ours.requests;
                targets.push(Target::at_least("100 waits: loop / our requests", 20.0, fewer));
            }
            _ => {}
        }
    }
    let rate = |pods| rows.iter().find(|row| row.pods == pods).map(|row| row.ours.per_minute);
    if let (Some(ten), Some(thousand)) = (rate(10), rate(1000)) {
        targets.push(Target::at_most("requests a minute, 1,000 waits / 10 waits", 1.1, thousand / ten));
    }
    Report { name: "wait", tables: vec![table], targets }
}
