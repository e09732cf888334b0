//! The matrix as people read it.

use std::fmt::Write;

use super::{
    cell::{Cell, Seen},
    fault,
    operation::Row,
};

const GROUPS: [&str; 5] = ["Deploy", "Wait", "Act", "Look", "Reap and SSH keys"];

/// One table for each group of operations.
pub(crate) fn render(seen: &[(Cell, Seen)]) -> String {
    let mut text = format!("{} cells, every one as it must be.\n", seen.len());
    for group in GROUPS {
        let rows: Vec<Row> = Row::all().into_iter().filter(|row| row.operation.group() == group).collect();
        let heads: Vec<String> =
            rows.iter().map(|row| format!("{}: `{}`", row.operation.words(), row.call)).collect();
        let rule = "---|".repeat(rows.len() + 1);
        write!(text, "\n### {group}\n\n| fault | {} |\n|{rule}\n", heads.join(" | "))
            .expect("a string takes it");
        for fault in fault::all().iter().filter(|fault| rows.iter().any(|row| fault.suits(row))) {
            let cells: Vec<String> = rows.iter().map(|row| entry(seen, row, fault.name)).collect();
            writeln!(text, "| {} | {} |", fault.name, cells.join(" | ")).expect("a string takes it");
        }
    }
    text
}

/// What came of one fault in one call: once, and three times if that is different.
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
