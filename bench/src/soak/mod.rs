//! Random deployments under random faults, lags and cancellations, with an audit after each run.

mod audit;
mod behavior;
mod life;
mod memory;
mod plan;
mod report;

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use futures_util::{StreamExt, stream};

pub use behavior::settings;
pub use report::{Report, Tally};

use crate::clock::run_fast;
use plan::Plan;

/// Speed of the runs' clock over real time, at most.
const SPEED: u32 = 40;
/// Runs at most that share one clock before it is thrown away with everything they left.
const LARGEST_BATCH: u64 = 500;

/// Options of a soak.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Number of runs.
    #[arg(long, default_value_t = 10_000)]
    pub runs: u64,
    /// Seed of every random choice of every run.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only the run of this number: the way to look at a failure again.
    #[arg(long)]
    pub only: Option<u64>,
    /// Threads, each with a clock of its own.
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// Runs side by side on one thread.
    #[arg(long, default_value_t = 100)]
    pub side_by_side: usize,
}

/// Makes the runs and adds up what the audits found.
///
/// # Errors
/// If a runtime or a simulator cannot be set up.
pub fn run(arguments: &Arguments) -> io::Result<Report> {
    let numbers = arguments.only.map_or(0..arguments.runs, |only| only..only + 1);
    let (next, end) = (&AtomicU64::new(numbers.start), numbers.end);
    let batch = (end - numbers.start).div_ceil(arguments.threads.max(1) as u64).min(LARGEST_BATCH);
    let tallies = thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads.max(1))
            .map(|_| scope.spawn(move || work(next, end, batch, arguments)))
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, io::Result<Tally>>| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread of the soak panicked")))
        };
        threads.into_iter().map(join).collect::<io::Result<Vec<_>>>()
    })?;
    let mut total = Tally::default();
    tallies.into_iter().for_each(|tally| total.add(tally));
    Ok(Report { seed: arguments.seed, tally: total })
}

/// Takes batches of runs until there are none left.
fn work(next: &AtomicU64, end: u64, batch: u64, arguments: &Arguments) -> io::Result<Tally> {
    let mut total = Tally::default();
    loop {
        let first = next.fetch_add(batch, Ordering::Relaxed);
        if first >= end {
            return Ok(total);
        }
        let runs = stream::iter(first..end.min(first + batch)).map(|number| single(arguments.seed, number));
        let runs = runs.buffer_unordered(arguments.side_by_side.max(1)).fold(
            Tally::default(),
            |mut sum, tally| async move {
                sum.add(tally);
                sum
            },
        );
        total.add(run_fast(SPEED, runs)?);
        total.memory.push((first, memory::resident_kb()));
    }
}

/// One run in a task of its own, so that a panic is counted and not passed on.
async fn single(seed: u64, number: u64) -> Tally {
    let plan = Plan::new(seed, number);
    let settings = plan.settings();
    let mut tally = tokio::spawn(life::live(plan)).await.unwrap_or_else(|error| {
        let mut tally = Tally { runs: 1, panics: 1, ..Tally::default() };
        tally.fail(format!("panicked: {error}"));
        tally
    });
    if !tally.failures.is_empty() {
        tally.fail(settings);
    }
    tally.of_run(number)
}
