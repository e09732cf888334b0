//! Measures our own sources: imports that run up, circles, and how the code and its documentation read.

mod comments;
mod docs;
mod features;
mod functions;
mod imports;
mod layers;
mod source;
mod uses;

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use self::{
    comments::Comments,
    docs::{Docs, Openings},
    functions::Functions,
    source::Crate,
};

/// The crates that are published: what an inheritor reads first.
const PUBLISHED: [&str; 5] = ["runpod-api", "runpod-jobs", "runpod-lifecycle", "runpod-sim", "runpod-sindri"];

/// The options of `cargo xtask house`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The crates to measure. Default: every published crate, and the openings of the doc comments of every file.
    #[arg(value_parser = PUBLISHED)]
    crates: Vec<String>,
    /// The repository's root.
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

/// Measures the crates. The report is an error if a limit is passed.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let all: Vec<String> = PUBLISHED.iter().map(|name| (*name).to_owned()).collect();
    let names = if arguments.crates.is_empty() { &all } else { &arguments.crates };
    let (mut report, mut faults) = (String::new(), Vec::new());
    for name in names {
        let measured = Crate::read(name, &arguments.root.join(name).join("src"))?;
        let (line, mut found) = measure(&measured);
        found.extend(features::faults(&arguments.root.join(name))?);
        report += &line;
        faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    if arguments.crates.is_empty() {
        let (line, fault) = openings(&arguments.root)?;
        report += &line;
        faults.extend(fault);
    }
    if faults.is_empty() {
        return Ok(report);
    }
    let count = faults.len();
    Err(format!("{count} limits of the house are passed\n{report}{}", faults.join("\n")).into())
}

/// Measures the openings of every doc comment of ours, in tests, benches and chores too.
fn openings(root: &Path) -> Result<(String, Option<String>), Box<dyn Error>> {
    let mut openings = Openings::default();
    for (file, text) in source::texts(root)? {
        openings.add(&file, &text);
    }
    Ok((format!("every file: {openings}\n"), openings.fault()))
}

/// Measures one crate: a line of counts, and the limits that are passed.
fn measure(measured: &Crate) -> (String, Vec<String>) {
    let (docs, functions, comments) = (Docs::of(measured), Functions::of(measured), Comments::of(measured));
    let mut faults = layers::faults(measured);
    faults.extend(uses::faults(measured));
    faults.extend(docs.faults());
    faults.extend(functions.faults());
    faults.extend(comments.faults());
    (format!("{}: {docs}; {functions}{comments}\n", measured.name), faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(crates: &[&str]) -> Arguments {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Arguments { crates: crates.iter().map(|name| (*name).to_owned()).collect(), root }
    }

    #[test]
    fn every_published_crate_keeps_the_house() {
        let report = match run(&arguments(&[])) {
            Ok(report) => report,
            Err(faults) => panic!("{faults}"),
        };
        let measured = report.lines().filter(|line| line.contains(" functions, p90 "));
        assert_eq!(measured.count(), PUBLISHED.len(), "{report}");
        assert!(report.contains("\nevery file: "), "{report}");
    }

    #[test]
    fn openings_count_in_every_file_of_ours() {
        let house = tempfile::tempdir().expect("a folder");
        for (file, text) in [
            ("tests/tests/a.rs", "//! How it is.\n"),
            ("bench/src/lib.rs", "//! A bench.\n"),
            ("target/debug/b.rs", "//! What cargo makes.\n"),
        ] {
            let path = house.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let (line, fault) = openings(house.path()).expect("every file is read");
        assert_eq!(line, "every file: 2 doc comments, 1 roundabout\n");
        let fault = fault.expect("one of two is more than 2 %");
        assert!(fault.ends_with("begin with a verb or the noun: tests/tests/a.rs:1"), "{fault}");
    }

    #[test]
    fn a_passed_limit_is_told_with_its_crate() {
        let house = tempfile::tempdir().expect("a folder");
        let src = house.path().join("runpod-sim/src");
        std::fs::create_dir_all(&src).expect("a folder");
        std::fs::write(src.join("attic.rs"), "//! An attic.\n").expect("a file");
        let mut arguments = arguments(&["runpod-sim"]);
        arguments.root = house.path().to_owned();
        let told = run(&arguments).expect_err("a fault").to_string();
        assert!(told.starts_with("1 limits of the house are passed\nrunpod-sim: 1 doc comments"), "{told}");
        assert!(
            told.ends_with("runpod-sim: attic.rs is in no room of the floor plan; give `attic` a floor"),
            "{told}"
        );
    }
}
