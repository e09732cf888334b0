//! The pages in `docs/` that are written from the statements.
//!
//! `RUNPOD_WRITE_DOCS=1 cargo test -p runpod-conformance --test conformance` writes them; without the variable the
//! committed ones must be what they would be.

use std::path::Path;

use runpod_conformance::{Report, Row};

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

#[test]
fn the_page_of_facts_is_the_list_of_statements() {
    keep("facts.md", &runpod_conformance::page());
}
