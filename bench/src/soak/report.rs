//! Outcome of the runs.

use std::fmt;

use super::behavior;

/// Counts of one run or of many.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Tally {
    /// Runs made.
    pub runs: u64,
    /// Calls of the facade made.
    pub calls: u64,
    /// Calls that were dropped before their end.
    pub cancelled: u64,
    /// Faults that happened.
    pub faults: u64,
    /// Pods that were made.
    pub pods: u64,
    /// Requests that were answered.
    pub requests: u64,
    /// Pods of a deploy that said itself that one may exist.
    pub said: u64,
    /// Pods of a deploy that was dropped, which a search by name shows as documented.
    pub shown: u64,
    /// Pods that run and that nobody knows of.
    pub unknown: u64,
    /// Second pods of one deployment after its first wait.
    pub duplicates: u64,
    /// Outcomes that did not carry the id of the pod they are about.
    pub lost_ids: u64,
    /// Other people's pods that were stopped or terminated.
    pub foreign: u64,
    /// Calls that took longer than they may.
    pub overdue: u64,
    /// Runs that panicked.
    pub panics: u64,
    /// Requests sent into a window that was used up.
    pub quota: u64,
    /// Failures, with their runs.
    pub failures: Vec<(u64, String)>,
    /// Every request and event of the last run that failed.
    pub story: Vec<String>,
    /// The first run of a batch, and the resident memory in KiB after it.
    pub memory: Vec<(u64, u64)>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.calls += other.calls;
        self.cancelled += other.cancelled;
        self.faults += other.faults;
        self.pods += other.pods;
        self.requests += other.requests;
        self.said += other.said;
        self.shown += other.shown;
        self.unknown += other.unknown;
        self.duplicates += other.duplicates;
        self.lost_ids += other.lost_ids;
        self.foreign += other.foreign;
        self.overdue += other.overdue;
        self.panics += other.panics;
        self.quota += other.quota;
        self.failures.extend(other.failures);
        if !other.story.is_empty() {
            self.story = other.story;
        }
        self.memory.extend(other.memory);
    }

    /// The same, as that of a run with this number.
    pub(super) fn of_run(mut self, number: u64) -> Self {
        self.failures.iter_mut().for_each(|(run, _)| *run = number);
        self
    }

    pub(super) fn fail(&mut self, what: impl Into<String>) {
        self.failures.push((0, what.into()));
    }
}

/// The whole soak.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The seed it can be repeated with.
    pub seed: u64,
    /// The sums.
    pub tally: Tally,
}

impl Report {
    /// Returns true if every promise was kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let sums = &self.tally;
        let broken = [
            sums.unknown,
            sums.duplicates,
            sums.lost_ids,
            sums.foreign,
            sums.overdue,
            sums.panics,
            sums.quota,
        ];
        broken.iter().all(|count| *count == 0) && sums.failures.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sums = &self.tally;
        writeln!(f, "profile observed; each run draws {}", behavior::DRAWN)?;
        for (what, count) in [
            ("runs", sums.runs),
            ("calls", sums.calls),
            ("calls dropped", sums.cancelled),
            ("requests", sums.requests),
            ("faults", sums.faults),
            ("pods made", sums.pods),
            ("pods a failed deploy spoke of", sums.said),
            ("pods of dropped deploys, shown by find", sums.shown),
            ("unknown pods", sums.unknown),
            ("duplicates", sums.duplicates),
            ("lost ids", sums.lost_ids),
            ("foreign pods touched", sums.foreign),
            ("overdue calls", sums.overdue),
            ("panics", sums.panics),
            ("quota violations", sums.quota),
        ] {
            writeln!(f, "{what:<40} {count:>9}")?;
        }
        let mut memory = sums.memory.clone();
        memory.sort_unstable();
        if let (Some((_, early)), Some((_, late))) = (memory.get(memory.len() / 5), memory.last()) {
            writeln!(f, "{:<40} {:>9}", "resident MiB after a fifth", early / 1024)?;
            writeln!(f, "{:<40} {:>9}", "resident MiB at the end", late / 1024)?;
        }
        if sums.runs == 1 {
            sums.story.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        }
        for (run, what) in sums.failures.iter().take(50) {
            writeln!(f, "run {run}: {what}; again with: soak --seed {} --only {run}", self.seed)?;
        }
        Ok(())
    }
}
