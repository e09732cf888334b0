//! A server that does anything the real one may do, and a search for what that breaks.
//!
//! What the server answers, and what becomes of the callers' futures, is chosen by a tape. Every failure has the
//! tape that repeats it.

mod actors;
mod answers;
mod changes;
mod choices;
mod oracles;
mod run;
mod scenarios;
mod search;
mod server;
mod stillness;
mod stored;
mod stored_oracles;
mod stranger;
mod tape;
mod truth;
mod world;

use std::{fmt, io, time::Instant};

pub use search::{Counts, Failure};
pub use tape::Tape;

use run::Runner;

/// Options of a search.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Number of random tapes.
    #[arg(long, default_value_t = 10_000)]
    pub tapes: u64,
    /// Seed of every random tape.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Runs every tape with at most so many unfriendly choices before the random ones. Default: none.
    #[arg(long, default_value_t = 0)]
    pub depth: usize,
    /// Only this scenario. Default: all.
    #[arg(long)]
    pub scenario: Option<String>,
    /// Only this tape of the scenario, told as a story: the way to look at a failure again.
    #[arg(long, requires = "scenario")]
    pub tape: Option<Tape>,
    /// Ends the random part at the first failure. Default: at the eighth.
    #[arg(long)]
    pub first: bool,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
}

/// Outcome of a search.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The seed of the random tapes.
    pub seed: u64,
    /// Every tape with at most so many unfriendly choices; `None` if there was no such part.
    pub exhaustive: Option<(usize, Counts)>,
    /// The random tapes.
    pub random: Counts,
    /// The story of the one tape that was asked for.
    pub story: Vec<String>,
    seconds: f64,
}

impl Report {
    /// Returns true if no oracle was broken.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The promise that was broken.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        let exhaustive = self.exhaustive.iter().flat_map(|(_, counts)| &counts.failures);
        exhaustive.chain(&self.random.failures)
    }
}

/// Names the scenarios.
#[must_use]
pub fn scenarios() -> &'static [&'static str] {
    &scenarios::NAMES
}

/// Runs one tape of a scenario. Returns what it broke, and its story.
///
/// # Errors
/// If there is no such scenario, or no socket.
pub fn replay(scenario: &str, tape: &Tape) -> io::Result<(Vec<String>, Vec<String>)> {
    let ran = Runner::new()?.run(scenario, tape)?;
    Ok((ran.broken, ran.story))
}

/// Searches.
///
/// # Errors
/// If there is no such scenario, or a socket cannot be had.
pub fn run(arguments: &Arguments) -> io::Result<Report> {
    let began = Instant::now();
    let Arguments { seed, depth, threads, .. } = *arguments;
    let only = arguments.scenario.as_deref();
    let names: Vec<&str> = only.map_or_else(|| scenarios().to_vec(), |only| vec![only]);
    let mut report =
        Report { seed, exhaustive: None, random: Counts::default(), story: Vec::new(), seconds: 0.0 };
    if let (Some(scenario), Some(tape)) = (only, &arguments.tape) {
        let (broken, story) = replay(scenario, tape)?;
        report.story = story;
        if !broken.is_empty() {
            let failure =
                Failure { scenario: scenario.to_owned(), tape: tape.clone(), broken, story: Vec::new() };
            report.random.failures.push(failure);
        }
        return Ok(report);
    }
    if depth > 0 {
        report.exhaustive = Some((depth, search::exhaust(&names, depth, threads)?));
    }
    report.random = search::draw(&names, arguments)?;
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.story {
            writeln!(f, "{line}")?;
        }
        if let Some((depth, counts)) = &self.exhaustive {
            writeln!(f, "every tape with at most {depth} unfriendly choices")?;
            counts.fmt(f)?;
        }
        if !self.random.tapes.is_empty() {
            writeln!(f, "random tapes, seed {}", self.seed)?;
            self.random.fmt(f)?;
            writeln!(f, "{:<30} {:>12.1}", "seconds", self.seconds)?;
        }
        for failure in self.failures() {
            failure.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (scenario, tapes) in &self.tapes {
            writeln!(f, "  {scenario:<28} {tapes:>12}")?;
        }
        writeln!(f, "{:<30} {:>12}", "tapes", self.tapes.values().sum::<u64>())?;
        writeln!(f, "{:<30} {:>12}", "requests", self.requests)?;
        writeln!(f, "{:<30} {:>12}", "distinct states", self.states.len())?;
        writeln!(f, "{:<30} {:>12}", "broken oracles", self.failures.len())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.story {
            writeln!(f, "{line}")?;
        }
        for broken in &self.broken {
            writeln!(f, "BROKEN {broken}")?;
        }
        writeln!(f, "again with: adversary --scenario {} --tape {}", self.scenario, self.tape)
    }
}
