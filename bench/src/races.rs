//! Races of real processes for one name: however many deploy it at a time, one pod is left.

use std::{
    env, fmt, io,
    io::{BufRead, Write},
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use rand::{Rng, SeedableRng, rngs::StdRng};
use runpod_lifecycle::{DeployError, Event, IfExists, OnFailure, Origin, PodSpec, RunPod, Running};
use runpod_sim::{BootProfile, Sim};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};

use crate::clock::run_fast;

/// Speed of every clock over real time: the simulator's exactly, the processes' at most.
const SPEED: u32 = 10;
/// Lag of the simulator's lists.
const LIST_LAG: Duration = Duration::from_secs(12);
/// The longest a process waits before it deploys: so that no list shows it any other's pod, unless the machine is busy.
const LATEST_START: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(600);
const NAME: &str = "contended";

/// Number of races.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Races of two processes, and as many of three.
    #[arg(long, default_value_t = 200)]
    pub runs: u64,
    /// Seed of every random choice of every race.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Races side by side.
    #[arg(long, default_value_t = 2)]
    pub side_by_side: usize,
}

/// One process of a race. It deploys once a line comes in, and prints what that came to as JSON.
#[derive(Clone, Debug, clap::Args)]
pub struct Racer {
    /// `fail`, `adopt` or `replace`.
    #[arg(long)]
    pub if_exists: String,
    /// Milliseconds of its own clock to wait first.
    #[arg(long)]
    pub after: u64,
}

impl Racer {
    /// Waits for its start, deploys, and prints the outcome.
    ///
    /// # Errors
    /// If the environment names no RunPod, or nothing can be printed.
    pub fn run(&self) -> Result<(), Box<dyn std::error::Error>> {
        let spec = PodSpec::gpu(NAME, "runpod/pytorch:latest", ["NVIDIA GeForce RTX 4090"]);
        let spec = spec.if_exists(match self.if_exists.as_str() {
            "adopt" => IfExists::Adopt,
            "replace" => IfExists::Replace,
            _ => IfExists::Fail,
        });
        let mut out = io::stdout();
        writeln!(out, "ready")?;
        out.flush()?;
        io::stdin().lock().read_line(&mut String::new())?;
        let outcome = run_fast(SPEED, async {
            let warnings = Arc::<Mutex<Vec<String>>>::default();
            let heard = Arc::clone(&warnings);
            let runpod = RunPod::from_env()?.on_event(move |event| {
                if let Event::Warned { warning } = event {
                    heard.lock().unwrap_or_else(PoisonError::into_inner).push(warning.to_string());
                }
            });
            tokio::time::sleep(Duration::from_millis(self.after)).await;
            let deploy = runpod.deploy_and_wait_until(&spec, Running, PATIENCE, OnFailure::Terminate).await;
            let mut told = told(deploy);
            told["warnings"] = json!(*warnings.lock().unwrap_or_else(PoisonError::into_inner));
            Ok::<_, runpod_lifecycle::ConfigError>(told)
        })??;
        writeln!(out, "{outcome}")?;
        Ok(())
    }
}

fn told(deploy: Result<runpod_lifecycle::PodHandle, DeployError>) -> Value {
    let (outcome, id, text) = match deploy {
        Ok(pod) if pod.origin() == Origin::Created => ("created", pod.id.clone(), String::new()),
        Ok(pod) => ("adopted", pod.id.clone(), String::new()),
        Err(DeployError::GaveWay(error)) => ("gave way", error.winner.id.clone(), error.to_string()),
        Err(DeployError::NameTaken { pods, .. }) if pods.len() == 1 => {
            ("taken", pods[0].id.clone(), String::new())
        }
        Err(error) => ("failed", String::new(), error.to_string()),
    };
    json!({"outcome": outcome, "id": id, "text": text})
}

/// Outcome of races of so many processes with one policy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Row {
    /// Number of processes that raced.
    pub processes: usize,
    /// Policy of each about a pod of the name: `fail`, `adopt` or `replace`.
    pub if_exists: &'static str,
    /// Number of races.
    pub races: u64,
    /// Number of close races: more than one process created a pod.
    pub close: u64,
    /// Number of races that left exactly one pod.
    pub one_left: u64,
    /// Number of races in which every process was told the truth.
    pub told_right: u64,
}

/// Outcome of all races.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// One row for each number of processes and policy.
    pub rows: Vec<Row>,
    /// Failures, with their races.
    pub failures: Vec<String>,
}

impl Report {
    /// Returns true if every race left one pod and nobody was told wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, lists {} s late", self.seed, LIST_LAG.as_secs())?;
        writeln!(
            f,
            "| processes | if the name exists | races | several created | one pod left | all told right |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        for Row { processes, if_exists, races, close, one_left, told_right } in &self.rows {
            writeln!(f, "| {processes} | {if_exists} | {races} | {close} | {one_left} | {told_right} |")?;
        }
        self.failures.iter().try_for_each(|failure| writeln!(f, "wrong: {failure}"))
    }
}

/// Has processes of `program` race, each with the arguments `race-one` and those of [`Racer`].
///
/// # Errors
/// If a process or a simulator cannot be started.
pub fn run(arguments: &Arguments, program: &Path) -> io::Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut rows = Vec::new();
        let mut failures = Vec::new();
        for processes in [2, 3] {
            for (number, if_exists) in ["fail", "adopt", "replace"].into_iter().enumerate() {
                let numbers = (0..arguments.runs).filter(|run| *run as usize % 3 == number);
                let races = stream::iter(numbers)
                    .map(|run| race(arguments.seed, run, processes, if_exists, program))
                    .buffer_unordered(arguments.side_by_side.max(1));
                let raced: Vec<Raced> = races.try_collect().await?;
                let count = |is: fn(&Raced) -> bool| raced.iter().filter(|one| is(one)).count() as u64;
                rows.push(Row {
                    processes,
                    if_exists,
                    races: raced.len() as u64,
                    close: count(|one| one.created > 1),
                    one_left: count(|one| one.left == 1),
                    told_right: count(|one| one.wrong.is_none()),
                });
                failures.extend(raced.into_iter().filter_map(Raced::failure));
            }
        }
        Ok(Report { seed: arguments.seed, rows, failures })
    })
}

/// Outcome of one race.
struct Raced {
    what: String,
    created: usize,
    left: usize,
    /// Process that was told what is not so; `None` if none was.
    wrong: Option<String>,
}

impl Raced {
    fn failure(self) -> Option<String> {
        let Self { what, left, wrong, .. } = self;
        let wrong = wrong.or_else(|| (left != 1).then(|| format!("{left} pods are left")))?;
        Some(format!("{what}: {wrong}"))
    }
}

async fn race(
    seed: u64,
    run: u64,
    processes: usize,
    if_exists: &'static str,
    program: &Path,
) -> io::Result<Raced> {
    let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(run));
    let sim = Sim::builder()
        .seed(run)
        .time_scale(f64::from(SPEED))
        .list_lag(LIST_LAG)
        .boot(BootProfile::fixed(Duration::from_secs(10)))
        .real_endpoints(false);
    let sim = sim.start().await.map_err(io::Error::other)?;
    let mut racers = Vec::new();
    for _ in 0..processes {
        let after = rng.random_range(0..=LATEST_START.as_millis() as u64);
        racers.push(Process::start(program, &sim, if_exists, after).await?);
    }
    for racer in &mut racers {
        racer.go().await?;
    }
    let mut told = Vec::new();
    for racer in racers {
        told.push(racer.told().await?);
    }
    let ledger = sim.ledger();
    let left: Vec<&str> =
        ledger.iter().filter(|pod| pod.terminated.is_none()).map(|pod| pod.pod_id.as_str()).collect();
    Ok(Raced {
        what: format!("{processes} processes, {if_exists}, race {run}"),
        created: ledger.len(),
        left: left.len(),
        wrong: wrong(&told, left.first().copied().unwrap_or_default(), if_exists),
    })
}

/// Says who was told what is not so, when one pod is left.
fn wrong(told: &[Value], left: &str, if_exists: &str) -> Option<String> {
    let is_right = |told: &&Value| match told["outcome"].as_str() {
        // What was replaced by a process that came later has failed.
        Some("failed") => if_exists == "replace",
        _ => told["id"] == left,
    };
    let created = told.iter().filter(|told| told["outcome"] == "created" && told["id"] == left).count();
    (created != 1 || !told.iter().all(|told| is_right(&told)))
        .then(|| format!("{left} is left, and {told:?}"))
}

/// A process that was started and waits for the word.
struct Process {
    child: Child,
}

impl Process {
    async fn start(program: &Path, sim: &Sim, if_exists: &str, after: u64) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(["race-one", "--if-exists", if_exists, "--after", &after.to_string()]);
        // It needs nothing else of the environment, and least of all a real key.
        command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("RUNPOD_API_KEY", sim.api_key()).env("RUNPOD_API_URL", sim.url());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        if let Some(out) = &mut child.stdout {
            BufReader::with_capacity(1, out).read_line(&mut String::new()).await?;
        }
        Ok(Self { child })
    }

    async fn go(&mut self) -> io::Result<()> {
        match self.child.stdin.take() {
            Some(mut stdin) => stdin.write_all(b"go\n").await,
            None => Ok(()),
        }
    }

    async fn told(mut self) -> io::Result<Value> {
        let mut text = String::new();
        if let Some(out) = &mut self.child.stdout {
            out.read_to_string(&mut text).await?;
        }
        self.child.wait().await?;
        serde_json::from_str(&text).map_err(|error| io::Error::other(format!("{error}: {text:?}")))
    }
}
