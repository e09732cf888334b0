//! The guides show code that is compiled and run elsewhere, and names that are there.

use std::{fs, path::Path};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_block_of_a_guide_is_part_of_the_example_that_it_is_about() {
    for (guide, example, blocks) in [
        ("web-service", "runpod-lifecycle/examples/server.rs", 2),
        ("batch-job", "runpod-jobs/examples/train.rs", 3),
        ("ci-test", "runpod-lifecycle/examples/ci.rs", 3),
    ] {
        let (guide, example) = (read(&format!("docs/guides/{guide}.md")), read(example));
        let shown: Vec<&str> =
            guide.split("```rust\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
        assert_eq!(shown.len(), blocks);
        for block in shown {
            assert!(example.contains(block), "{block}");
        }
    }
}

/// Every source file below a folder, one after the other.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("sources are here").flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => sources(&path, text),
            false => *text += &fs::read_to_string(&path).expect("it is text"),
        }
    }
}

#[test]
fn every_call_in_a_table_of_a_guide_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut code = String::new();
    for folder in ["runpod-lifecycle/src", "runpod-jobs/src"] {
        sources(&root.join(folder), &mut code);
    }
    let (mut checked, mut missing) = (0, Vec::new());
    for (guide, other) in [("migrating", ["api.update_pod", "api.create_template"]), ("python", ["", ""])] {
        for row in read(&format!("docs/guides/{guide}.md")).lines().filter(|line| line.starts_with("| ")) {
            let row = row.replace("\\|", " ");
            let here = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default().to_owned();
            let shown = here.split('`').skip(1).step_by(2).filter(|text| !other.contains(text));
            for name in shown.flat_map(names) {
                checked += 1;
                let is_there = ["fn ", "    "].iter().any(|before| {
                    ["(", "<"].iter().any(|after| code.contains(&format!("{before}{name}{after}")))
                });
                missing.extend((!is_there).then_some((guide, name)));
            }
        }
    }
    assert!(checked > 60 && missing.is_empty(), "{checked} names, of which are not there: {missing:?}");
}

/// The names of calls in a piece of code: what stands before a parenthesis, or alone.
fn names(code: &str) -> Vec<String> {
    let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
    let alone = code.chars().all(is_word) && code.len() > 1;
    let called = code.match_indices('(').map(|(at, _)| {
        let before = &code[..at];
        before[before.rfind(|c| !is_word(c)).map_or(0, |end| end + 1)..].to_owned()
    });
    let called: Vec<String> = called.filter(|name| !name.is_empty()).collect();
    if alone { vec![code.to_owned()] } else { called }
}
