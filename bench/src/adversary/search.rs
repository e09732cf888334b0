//! Choice of tapes: all that are nearly friendly, and random ones; and the shortest that shows a failure.

use std::{
    collections::{BTreeMap, HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    Arguments,
    run::{Ran, Runner},
    scenarios,
    tape::Tape,
};

/// The longest random tape.
const LONGEST: usize = 160;
/// Runs that may be spent on making one failure shorter.
const MOST_SHRINKING: u32 = 3_000;
/// Failures after which a search is over.
const MOST_FAILURES: usize = 8;

/// A broken oracle with its shortest tape.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The story that was searched.
    pub scenario: String,
    /// The server's choices, and the fate of the futures.
    pub tape: Tape,
    /// The promise that was broken.
    pub broken: Vec<String>,
    /// The questions, the answers and the truth, in order.
    pub story: Vec<String>,
}

/// Outcome of a search.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Tapes that were run, by scenario.
    pub tapes: BTreeMap<String, u64>,
    /// Requests that were answered.
    pub requests: u64,
    /// Different ends of runs: what was true and what everybody was told.
    pub states: HashSet<u64>,
    /// Broken promises, each kind once per scenario.
    pub failures: Vec<Failure>,
}

impl Counts {
    fn count(&mut self, scenario: &str, ran: &Ran) {
        *self.tapes.entry(scenario.to_owned()).or_default() += 1;
        self.requests += ran.requests;
        self.states.insert(ran.state);
    }

    fn add(&mut self, other: Self) {
        for (scenario, tapes) in other.tapes {
            *self.tapes.entry(scenario).or_default() += tapes;
        }
        self.requests += other.requests;
        self.states.extend(other.states);
        for failure in other.failures {
            self.keep(failure);
        }
    }

    /// Keeps the shortest failure of each kind.
    fn keep(&mut self, failure: Failure) {
        let kind = |failure: &Failure| (failure.scenario.clone(), kind(&failure.broken));
        match self.failures.iter_mut().find(|known| kind(known) == kind(&failure)) {
            Some(known) if known.tape.choices().len() <= failure.tape.choices().len() => {}
            Some(known) => *known = failure,
            None => self.failures.push(failure),
        }
    }
}

/// The oracle that was broken first.
fn kind(broken: &[String]) -> String {
    let first = broken.first().map(String::as_str).unwrap_or_default();
    first.split(':').next().unwrap_or_default().to_owned()
}

/// A hash of what a run ended in.
pub(super) fn state_of(parts: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

/// Runs every tape with at most so many choices that are not friendly, of each scenario.
pub(super) fn exhaust(scenarios: &[&str], deviations: usize, threads: usize) -> io::Result<Counts> {
    let mut total = Counts::default();
    for scenario in scenarios {
        // The first level is shared out among the threads.
        let mut runner = Runner::new()?;
        let first = runner.run(scenario, &Tape::default())?;
        let mut counts = Counts::default();
        counts.count(scenario, &first);
        if !first.broken.is_empty() {
            counts.keep(shortest(&mut runner, scenario, &Tape::default(), first.broken.clone())?);
        }
        total.add(counts);
        if deviations == 0 {
            continue;
        }
        let branches = Mutex::new(children(&Tape::default(), &first.taken));
        let is_over = AtomicBool::new(false);
        let counted = in_threads(threads, || {
            let (mut runner, mut counts) = (Runner::new()?, Counts::default());
            while !is_over.load(Ordering::Relaxed)
                && let Some(tape) = { branches.lock().unwrap_or_else(PoisonError::into_inner).pop() }
            {
                descend(&mut runner, scenario, &tape, deviations - 1, &mut counts)?;
                is_over.fetch_or(counts.failures.len() >= MOST_FAILURES, Ordering::Relaxed);
            }
            Ok(counts)
        })?;
        counted.into_iter().for_each(|counts| total.add(counts));
    }
    Ok(total)
}

/// Runs a tape and all that differ from it later in up to so many choices.
fn descend(
    runner: &mut Runner,
    scenario: &str,
    tape: &Tape,
    more: usize,
    counts: &mut Counts,
) -> io::Result<()> {
    let ran = runner.run(scenario, tape)?;
    counts.count(scenario, &ran);
    if !ran.broken.is_empty() {
        counts.keep(shortest(runner, scenario, tape, ran.broken)?);
        return Ok(());
    }
    if more > 0 {
        for child in children(tape, &ran.taken) {
            descend(runner, scenario, &child, more - 1, counts)?;
        }
    }
    Ok(())
}

/// The tapes that choose otherwise once more, after the last choice of a tape.
fn children(tape: &Tape, taken: &[(u8, u8)]) -> Vec<Tape> {
    let from = tape.choices().len();
    let mut children = Vec::new();
    for (position, (_, among)) in taken.iter().enumerate().skip(from) {
        for choice in 1..*among {
            let mut choices = tape.choices().to_vec();
            choices.resize(position, 0);
            choices.push(choice);
            children.push(Tape::new(choices));
        }
    }
    children
}

/// Runs so many random tapes.
pub(super) fn draw(scenarios: &[&str], arguments: &Arguments) -> io::Result<Counts> {
    let Arguments { tapes, seed, threads, first, .. } = *arguments;
    let most = if first { 1 } else { MOST_FAILURES };
    let next = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let counted = in_threads(threads, || {
        let (mut runner, mut counts) = (Runner::new()?, Counts::default());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= tapes || is_over.load(Ordering::Relaxed) {
                return Ok(counts);
            }
            let scenario = scenarios[usize::try_from(number).unwrap_or_default() % scenarios.len()];
            let tape = random(seed, number, scenarios::choices_of(scenario));
            let ran = runner.run(scenario, &tape)?;
            counts.count(scenario, &ran);
            if !ran.broken.is_empty() {
                counts.keep(shortest(&mut runner, scenario, &tape, ran.broken)?);
                is_over.fetch_or(counts.failures.len() >= most, Ordering::Relaxed);
            }
        }
    })?;
    let mut total = Counts::default();
    counted.into_iter().for_each(|counts| total.add(counts));
    Ok(total)
}

/// A tape that follows from two numbers: some are nearly friendly, some hardly ever. The first `told` choices make
/// the story itself, of which none is friendlier than another.
fn random(seed: u64, number: u64, told: usize) -> Tape {
    let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.wrapping_mul(0xd134_2543_de82_ef95);
    let mut rng = StdRng::seed_from_u64(seed);
    let unfriendly = [0.03, 0.08, 0.2, 0.5][rng.random_range(0..4)];
    let probability = |position| if position < told { 0.6 } else { unfriendly };
    let choices =
        (0..LONGEST).map(|position| if rng.random_bool(probability(position)) { rng.random() } else { 0 });
    Tape::new(choices.collect())
}

/// The shortest tape found that breaks the same oracle: fewer unfriendly choices, fewer of them late, each smaller.
fn shortest(runner: &mut Runner, scenario: &str, tape: &Tape, broken: Vec<String>) -> io::Result<Failure> {
    let wanted = kind(&broken);
    let ran = runner.run(scenario, tape)?;
    let mut left = MOST_SHRINKING;
    // What was chosen, rather than the bytes it was read from.
    let mut best: Vec<u8> = ran.taken.iter().map(|(choice, _)| *choice).collect();
    let mut breaks = |choices: &[u8], left: &mut u32| -> io::Result<bool> {
        *left = left.saturating_sub(1);
        Ok(kind(&runner.run(scenario, &Tape::new(choices.to_vec()))?.broken) == wanted)
    };
    if !breaks(&best, &mut left)? {
        return told(runner, scenario, tape);
    }
    loop {
        let before = best.clone();
        let mut position = 0;
        while position < best.len() && left > 0 {
            if best[position] != 0 {
                let mut friendly = best.clone();
                friendly[position] = 0;
                let mut shorter = best.clone();
                shorter.remove(position);
                if breaks(&friendly, &mut left)? {
                    best = friendly;
                } else if breaks(&shorter, &mut left)? {
                    best = shorter;
                    continue;
                } else {
                    for smaller in 1..best[position] {
                        let mut tried = best.clone();
                        tried[position] = smaller;
                        if breaks(&tried, &mut left)? {
                            best = tried;
                            break;
                        }
                    }
                }
            }
            position += 1;
        }
        if best == before || left == 0 {
            return told(runner, scenario, &Tape::new(best));
        }
    }
}

fn told(runner: &mut Runner, scenario: &str, tape: &Tape) -> io::Result<Failure> {
    let Ran { broken, story, .. } = runner.run(scenario, tape)?;
    Ok(Failure { scenario: scenario.to_owned(), tape: tape.clone(), broken, story })
}

fn in_threads<T: Send>(threads: usize, work: impl Fn() -> io::Result<T> + Sync) -> io::Result<Vec<T>> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(&work)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, io::Result<T>>| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread of the search panicked")))
        };
        threads.into_iter().map(join).collect()
    })
}
