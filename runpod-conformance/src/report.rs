//! The report of a run: each statement, what was seen, and the verdict.

use std::fmt::Write;

use runpod_api::printable;
use serde::Serialize;

use crate::{STATEMENTS, Statement, Verdict, recording::Cleaner, run::Outcome};

/// One statement in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// The statement's id.
    pub id: &'static str,
    /// The statement.
    pub believed: &'static str,
    /// A few words about what was seen.
    pub seen: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The files of the project that rest on it.
    pub rests: &'static [&'static str],
}

/// The report of a run.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// All statements.
    pub rows: Vec<Row>,
    /// The reason for which the run ended early; `None` when it did not.
    pub stopped: Option<String>,
    /// Everything that may still be there.
    pub left: Vec<String>,
    /// USD, by the run's own reckoning.
    pub spent_usd: f64,
}

impl Report {
    /// Judges all statements by what a run has seen.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        let cleaner = Cleaner::of(outcome);
        let row = |statement: &Statement| {
            let seen = statement.judge(&outcome.evidence);
            let words = printable(&cleaner.free(&seen.words)).into_owned();
            let Statement { id, says, rests, .. } = *statement;
            Row { id, believed: says, seen: words, verdict: seen.verdict, rests }
        };
        let statements = STATEMENTS.iter().flat_map(|(_, statements)| statements.iter());
        Self {
            rows: statements.map(row).collect(),
            stopped: outcome.stopped.as_ref().map(|stop| cleaner.text(&stop.to_string())),
            left: outcome.left.clone(),
            spent_usd: outcome.spent_usd,
        }
    }

    /// Counts the statements with a verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.rows.iter().filter(|row| row.verdict == verdict).count()
    }

    /// Writes the statements, a table with one row each.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = "| statement | believed | seen | verdict |\n|---|---|---|---|\n".to_owned();
        for Row { id, believed, seen, verdict, .. } in &self.rows {
            let seen = seen.replace('|', "\\|").replace(['\n', '\r'], " ");
            let _ = writeln!(text, "| `{id}` | {believed} | {seen} | {verdict} |");
        }
        text
    }

    /// Writes all of it in Markdown: what differs with what rests on it, then the statements.
    #[must_use]
    pub fn markdown(&self) -> String {
        let [believed, differs, unseen] =
            [Verdict::AsBelieved, Verdict::Differs, Verdict::NotSeen].map(|verdict| self.count(verdict));
        let mut text = format!(
            "{believed} as believed, {differs} differ, {unseen} not seen; {:.4} USD by its own reckoning.\n\n",
            self.spent_usd
        );
        if let Some(stopped) = &self.stopped {
            let _ = writeln!(text, "It ended early: {stopped}\n");
        }
        for left in &self.left {
            let _ = writeln!(text, "**It could not be ended, and may bill: {left}**\n");
        }
        for Row { id, seen, rests, .. } in self.rows.iter().filter(|row| row.verdict == Verdict::Differs) {
            let rests = rests.iter().map(|file| format!("`{file}`")).collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "- `{id}` differs ({seen}): {rests} rest on it");
        }
        if differs > 0 {
            text.push('\n');
        }
        text + &self.table()
    }

    /// Writes all of it in JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
