//! The pages in `docs/` that are written from the statements.
//!
//! `RUNPOD_WRITE_DOCS=1 cargo test -p runpod-conformance --test conformance` writes them; without the variable the
//! committed ones must be what they would be.

use std::path::Path;

use runpod_conformance::{Report, Row};

use crate::house;

const BEGIN: &str = "<!-- written: begin -->\n";
const END: &str = "<!-- written: end -->\n";

/// Writes a text into a page, or compares it with the one that is there.
pub(crate) fn keep(page: &str, written: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = text.split_once(BEGIN).expect("it says where the text begins");
    let (_, after) = rest.split_once(END).expect("it says where the text ends");
    let fresh = format!("{before}{BEGIN}{written}{END}{after}");
    if std::env::var_os("RUNPOD_WRITE_DOCS").is_some() {
        std::fs::write(path, fresh).expect("the page can be written");
    } else {
        assert!(fresh == text, "docs/{page} is stale: run this test with RUNPOD_WRITE_DOCS=1");
    }
}

/// The table of what the simulator has shown, beside an empty column for the real thing.
pub(crate) fn seen(report: &Report) -> String {
    let row = |Row { id, seen, verdict, .. }: &Row| {
        format!("| `{id}` | {} | {verdict} | |\n", seen.replace('|', "\\|"))
    };
    let rows: String = report.rows.iter().map(row).collect();
    format!("| statement | seen in the simulator | verdict | live |\n|---|---|---|---|\n{rows}")
}

/// The names in the last column of the guide's tables of behavior.
fn named_in_the_guide() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/simulator.md");
    let guide = std::fs::read_to_string(path).expect("the guide is there");
    let (_, tables) = guide.split_once("| stands for | seen |").expect("it has the table of settings");
    let (tables, _) = tables.split_once("\nRestricted keys").expect("the tables end");
    let rows = tables.lines().filter(|line| line.starts_with("| ")).map(|line| line.trim_end_matches(" |"));
    let seen = rows.filter_map(|row| row.rsplit(" | ").next());
    let names = seen.flat_map(|seen| seen.split(", ")).filter(|name| name.starts_with('`'));
    names.map(|name| name.trim_matches('`').to_owned()).collect()
}

#[test]
fn the_guide_names_statements_that_there_are() {
    let (names, ids) = (named_in_the_guide(), house::ids());
    assert!(names.len() > 35, "{names:?}");
    let unknown: Vec<&String> = names.iter().filter(|name| !ids.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn the_page_of_facts_is_the_list_of_statements() {
    keep("facts.md", &runpod_conformance::page());
}
