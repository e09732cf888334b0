//! A folder of revisions of one document: each is imported, compared with the one before, and compiled if asked for.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    Failure, Version, contract_folder,
    corrections::How,
    diff::{Step, between},
    import::{self, Notes, operation_count},
    memory::Memory,
    mutations, source, verify,
};

/// Imports the folder's documents in the order of their names and tells the step from each to the next. With a folder
/// to build in, the bindings of each are compiled, and the facade if it can be.
pub(crate) fn run(version: Version, folder: &Path, target: Option<&Path>) -> Result<String, Failure> {
    let mut told = String::new();
    let mut before = None;
    for path in documents(folder)? {
        let notes = Notes::load(version, &contract_folder())?;
        let notes = match &before {
            Some(old) => Notes { memory: Memory::of(Clone::clone(old)), ..notes },
            None => notes,
        };
        let place = path.display().to_string();
        let how = How { skip_stale: true, bindings_only: true };
        let imported = import::generated(source::read(&place)?, &notes, how)
            .map_err(|error| format!("{place}: {error}"))?;
        let built = match target {
            Some(target) => {
                build(version, &imported.document, target).map_err(|error| format!("{place}: {error}"))?
            }
            None => "",
        };
        let step =
            before.as_ref().map_or("the first", |old| Step::of(&between(old, &imported.document)).name());
        let (count, out) = (operation_count(&imported.document), imported.skipped.len());
        // Writing to a text cannot fail.
        let _ = writeln!(told, "{place}: {count} operations, {out} left out{built}; step: {step}");
        before = Some(imported.document);
    }
    Ok(told)
}

/// Compiles the bindings, which must, and the facade on top, which may rest on what only a later revision has.
fn build(version: Version, document: &Value, target: &Path) -> Result<&'static str, Failure> {
    let folder = verify::with(version, document)?;
    mutations::check(folder.path(), target, false)?;
    Ok(match mutations::check(folder.path(), target, true) {
        Ok(()) => "; bindings and facade compile",
        Err(_) => "; bindings compile, the facade does not",
    })
}

fn documents(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let mut documents: Vec<PathBuf> = entries.into_iter().filter(|path| path.is_file()).collect();
    documents.sort();
    if documents.is_empty() { Err(format!("{}: no file", folder.display()).into()) } else { Ok(documents) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_told_in_the_order_of_their_names_with_the_step_between() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = fs::read_to_string(contract_folder().join("v1.json")).expect("ours");
        let mut new: serde_json::Value = serde_json::from_str(&old).expect("JSON");
        new["paths"].as_object_mut().expect("paths").remove("/docs");
        for (name, text) in [("b.json", new.to_string()), ("a.json", old)] {
            fs::write(folder.path().join(name), text).expect("written");
        }
        let told = run(Version::V1, folder.path(), None).expect("told");
        let lines: Vec<&str> = told.lines().map(|line| line.rsplit("step: ").next().unwrap_or("")).collect();
        assert_eq!(lines, ["the first", "major"], "{told}");
        assert!(run(Version::V1, &folder.path().join("nowhere"), None).is_err());
    }
}
