//! The injected faults.

use askama::Template;

use crate::faults::{FaultReport, Faults};

/// The most faults shown, newest first.
const SHOWN: usize = 16;

#[derive(Template)]
#[template(path = "faults.html")]
pub(super) struct FaultsSection {
    rows: Vec<Row>,
    more: usize,
}

struct Row {
    number: u64,
    name: &'static str,
    on: String,
    calls: u64,
    fired: u64,
}

impl FaultsSection {
    pub(super) fn of(faults: &Faults) -> Self {
        let row = |report: FaultReport| Row {
            number: report.number,
            name: report.fault,
            on: if report.on.is_empty() { "any operation".to_owned() } else { report.on.join(", ") },
            calls: report.calls,
            fired: report.fired,
        };
        let reports = faults.reports();
        let more = reports.len().saturating_sub(SHOWN);
        Self { rows: reports.into_iter().rev().take(SHOWN).map(row).collect(), more }
    }
}
