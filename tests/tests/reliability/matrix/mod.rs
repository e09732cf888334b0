//! Every operation against every fault, once and three times in a row.
//!
//! `RUNPOD_WRITE_DOCS=1 cargo test -p runpod-tests --test reliability matrix` writes the table to
//! `docs/reliability.md`; without the variable the committed one must be what the run shows.

pub(crate) mod cell;
mod expectation;
pub(crate) mod fault;
pub(crate) mod operation;
mod table;
pub(crate) mod world;

use std::{fmt::Write, path::Path};

use futures_util::{StreamExt, stream};
use runpod_bench::clock::run_fast;

use cell::{Cell, Seen};
use operation::Row;

/// Cells that run side by side on one thread.
const SIDE_BY_SIDE: usize = 128;
/// Speed over real time.
const SPEED: u32 = 40;
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reliability.md");
const BEGIN: &str = "<!-- matrix: begin -->\n";
const END: &str = "<!-- matrix: end -->";

/// Every cell there is: a fault happens only to calls it can happen to.
fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for row in Row::all() {
        for fault in fault::all().into_iter().filter(|fault| fault.suits(&row)) {
            for times in [1, 3] {
                cells.push(Cell { row, fault: fault.clone(), times });
            }
        }
    }
    cells
}

/// Runs the cells on two threads, each with a fast clock of its own.
fn run(cells: Vec<Cell>) -> Vec<(Cell, Seen)> {
    let (one, two): (Vec<_>, Vec<_>) =
        cells.into_iter().enumerate().partition(|(position, _)| position % 4 < 2);
    let runs = [one, two].map(|cells| {
        std::thread::spawn(move || {
            let runs =
                stream::iter(cells).map(|(position, cell)| async move { (position, cell.run().await) });
            run_fast(SPEED, runs.buffer_unordered(SIDE_BY_SIDE).collect::<Vec<_>>())
                .expect("a runtime can be had")
        })
    });
    let mut seen: Vec<_> = runs.into_iter().flat_map(|run| run.join().expect("no cell panics")).collect();
    seen.sort_by_key(|(position, _)| *position);
    seen.into_iter().map(|(_, seen)| seen).collect()
}

#[test]
fn every_operation_survives_every_fault() {
    let only = std::env::var("RUNPOD_MATRIX_ONLY").unwrap_or_default();
    let cells: Vec<Cell> = cells().into_iter().filter(|cell| cell.name().contains(&only)).collect();
    let started = std::time::Instant::now();
    let seen = run(cells);
    let mut report = String::new();
    for (cell, seen) in &seen {
        for flaw in seen.flaws() {
            writeln!(report, "{}: {flaw}", cell.name()).unwrap();
        }
    }
    let longest = seen.iter().map(|(_, seen)| seen.elapsed).max().unwrap_or_default();
    println!(
        "{} cells in {:.0} s, the longest took {:.0} s of its own time",
        seen.len(),
        started.elapsed().as_secs_f64(),
        longest.as_secs_f64()
    );
    assert!(report.is_empty(), "{} flaws:\n{report}", report.lines().count());
    if only.is_empty() {
        let table = table::render(&seen);
        println!("{table}");
        keep(&table);
    }
}

/// Writes the table into the document, or compares it with the one that is there.
fn keep(table: &str) {
    let path = Path::new(DOCUMENT);
    let text = std::fs::read_to_string(path).expect("docs/reliability.md is there");
    let (before, rest) = text.split_once(BEGIN).expect("it says where the table begins");
    let (_, after) = rest.split_once(END).expect("it says where the table ends");
    let fresh = format!("{before}{BEGIN}{table}{END}{after}");
    if std::env::var_os("RUNPOD_WRITE_DOCS").is_some() {
        std::fs::write(path, fresh).expect("docs/reliability.md can be written");
    } else {
        assert!(fresh == text, "docs/reliability.md is stale: run this test with RUNPOD_WRITE_DOCS=1");
    }
}
