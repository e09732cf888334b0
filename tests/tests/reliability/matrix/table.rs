//! The matrix as people read it.

use std::fmt::Write;

use runpod_bench::soak::settings;
use runpod_lifecycle::ApiVersion;
use runpod_sim::Behavior;

use super::{
    cell::{Cell, Seen},
    fault,
    operation::Row,
    world::BOOT_STEP,
};

const GROUPS: [&str; 7] =
    ["Deploy", "Wait", "Act", "Look", "Reap and SSH keys", "Network volumes", "Credentials and templates"];

/// One table for each group of operations.
pub(crate) fn render(seen: &[(Cell, Seen)]) -> String {
    let mut text = format!(
        "{} cells, every one as it must be.\n\nThe simulator behaves as in its profile `observed`: {}. Lists are \
         also as late as a fault says, the pages of lists whose pods lack an id are not short, and each step of a boot \
         takes {BOOT_STEP:?}.\n",
        seen.len(),
        settings(&Behavior::observed())
    );
    let versions = [(ApiVersion::V2, ""), (ApiVersion::V1, ", REST v1")];
    for ((version, on), group) in versions.into_iter().flat_map(|on| GROUPS.map(|group| (on, group))) {
        let belongs = |row: &Row| row.version == version && row.operation.group() == group;
        let rows: Vec<Row> = Row::all().into_iter().filter(belongs).collect();
        if rows.is_empty() {
            continue;
        }
        let heads: Vec<String> =
            rows.iter().map(|row| format!("{}: `{}`", row.operation.words(), row.call)).collect();
        let rule = "---|".repeat(rows.len() + 1);
        write!(text, "\n### {group}{on}\n\n| fault | {} |\n|{rule}\n", heads.join(" | "))
            .expect("a string takes it");
        for fault in fault::all().iter().filter(|fault| rows.iter().any(|row| fault.suits(row))) {
            let cells: Vec<String> = rows.iter().map(|row| entry(seen, row, fault.name)).collect();
            writeln!(text, "| {} | {} |", fault.name, cells.join(" | ")).expect("a string takes it");
        }
    }
    text
}

/// Outcome of one fault in one call: once, and three times if that is different.
fn entry(seen: &[(Cell, Seen)], row: &Row, fault: &str) -> String {
    let of = |times| {
        let mut cells = seen.iter().filter(|(cell, _)| cell.row == *row && cell.fault.name == fault);
        cells.find(|(cell, _)| cell.times == times).map(|(_, seen)| seen.outcome.word())
    };
    match (of(1), of(3)) {
        (Some(once), Some(thrice)) if once == thrice => once,
        (Some(once), Some(thrice)) => format!("{once}, then {thrice}"),
        _ => "·".to_owned(),
    }
}
