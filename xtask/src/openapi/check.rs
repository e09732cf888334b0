//! Checks that the committed documents are what an import gives today.

use std::{fmt, path::Path};

use serde_json::Value;

use super::{Failure, Version, contract_folder, corrections::How, difference, import, source, write};

/// Lists the faults of the committed contract.
#[derive(Debug)]
struct Problems(Vec<String>);

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the committed contract is not what an import gives")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// Imports both of upstream's documents again and compares, with everything beside them.
pub(crate) fn check(upstream: &Path) -> Result<String, Failure> {
    let mut problems = Vec::new();
    for version in [Version::V1, Version::V2] {
        let place = upstream.join(format!("runpod-{}.json", version.name()));
        let document = source::read(&place.to_string_lossy())?;
        problems.extend(of_version(version, document, &contract_folder())?);
    }
    if problems.is_empty() {
        Ok("openapi/: both documents are what an import gives\n".to_owned())
    } else {
        Err(Problems(problems).into())
    }
}

/// Lists the faults of one version's files in `folder`.
fn of_version(version: Version, upstream: Value, folder: &Path) -> Result<Vec<String>, Failure> {
    let name = version.name();
    let mut problems = unordered(folder, name)?;
    let notes = import::Notes::load(version, folder)?;
    let imported = import::import(upstream, &notes, How { bindings_only: true, ..How::default() })
        .map_err(|error| format!("{name}: {error}"))?;
    problems.extend(imported.problems.iter().map(|problem| format!("{name}.corrections.json: {problem}")));
    let unused = notes.docs.unused(&imported.document);
    problems.extend(unused.iter().map(|entry| {
        format!("{name}.docs.json: {entry}: there is nothing of that name; correct or remove the entry")
    }));
    problems.extend(compared(&format!("{name}.json"), folder, &imported.document)?);
    Ok(problems)
}

/// The files beside the document that are not written in the one way there is.
fn unordered(folder: &Path, name: &str) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    for kind in ["corrections", "docs"] {
        let file = format!("{name}.{kind}.json");
        if folder.join(&file).exists() {
            let document = source::read(&folder.join(&file).to_string_lossy())?;
            problems.extend(compared(&file, folder, &document)?);
        }
    }
    Ok(problems)
}

/// Finds the places where the file is not what it should be.
fn compared(file: &str, folder: &Path, fresh: &Value) -> Result<Vec<String>, Failure> {
    let path = folder.join(file);
    let committed = source::read(&path.to_string_lossy())?;
    let differences = difference::first(&committed, fresh);
    if !differences.is_empty() {
        return Ok(differences.iter().map(|difference| format!("{file}: {difference}")).collect());
    }
    let (old, new) = (std::fs::read_to_string(&path)?, write::text(fresh)?);
    let line = old.lines().zip(new.lines()).take_while(|(old, new)| old == new).count() + 1;
    Ok(if old == new { Vec::new() } else { vec![format!("{file}: line {line} is written otherwise")] })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::openapi::tests::documents;

    /// A folder with a contract that agrees with its upstream.
    fn contract() -> TempDir {
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = temporary.path();
        let corrections = json!([{
            "pointer": "/components/schemas/Thing/properties/extra", "change": "set",
            "value": { "type": "string" }, "reason": "seen", "source": "a test",
        }]);
        let docs = json!({ "operations": { "getThing": "Reads a thing." } });
        for (file, value) in [("v2.corrections.json", corrections), ("v2.docs.json", docs)] {
            write::document(&folder.join(file), &value).expect("written");
        }
        let notes = import::Notes::load(Version::V2, folder).expect("notes");
        let imported = import::import(documents::small(), &notes, How::default()).expect("imported");
        write::document(&folder.join("v2.json"), &imported.document).expect("written");
        temporary
    }

    fn problems(folder: &TempDir, upstream: Value) -> Vec<String> {
        of_version(Version::V2, upstream, folder.path()).expect("a comparison")
    }

    #[test]
    fn a_contract_that_agrees_has_no_problem() {
        assert_eq!(problems(&contract(), documents::small()), Vec::<String>::new());
    }

    #[test]
    fn every_changed_byte_is_found() {
        let contract = contract();
        let folder = contract.path();
        let mut found = 0;
        for file in ["v2.json", "v2.corrections.json", "v2.docs.json"] {
            let good = std::fs::read(folder.join(file)).expect("read");
            for at in (0..good.len()).step_by(7) {
                let mut bad = good.clone();
                bad[at] = if bad[at] == b'x' { b'y' } else { b'x' };
                std::fs::write(folder.join(file), &bad).expect("written");
                match of_version(Version::V2, documents::small(), folder) {
                    Ok(problems) => assert!(!problems.is_empty(), "{file}: byte {at} was not missed"),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
                found += 1;
            }
            std::fs::write(folder.join(file), &good).expect("written");
        }
        assert!(found > 300, "{found} bytes");
    }

    #[test]
    fn a_difference_is_named_by_its_pointer() {
        let folder = contract();
        let mut upstream = documents::small();
        upstream["components"]["schemas"]["Thing"]["properties"]["size"] = json!({ "type": "string" });
        let problems = problems(&folder, upstream);
        assert_eq!(
            problems,
            [
                "v2.json: /components/schemas/Thing/properties/size is missing",
                "v2.json: /components/schemas/ThingRequest/properties/size is missing",
            ]
        );
    }

    #[test]
    fn a_correction_whose_place_is_gone_and_one_that_is_stale_are_problems() {
        let folder = contract();
        let mut upstream = documents::small();
        upstream["components"]["schemas"]["Thing"]["properties"]["extra"] = json!({ "type": "string" });
        let stale = of_version(Version::V2, upstream, folder.path()).expect_err("stale").to_string();
        assert!(stale.contains("correction /components/schemas/Thing/properties/extra"), "{stale}");
        let mut upstream = documents::small();
        let thing = json!({ "type": "array", "items": { "type": "string" } });
        upstream["components"]["schemas"]["Thing"] = thing;
        let lost = problems(&folder, upstream);
        assert!(lost[0].contains("/components/schemas/Thing/properties/extra: there is no such place"));
    }

    #[test]
    fn a_description_of_nothing_is_a_problem() {
        let folder = contract();
        let docs = json!({ "operations": { "getThing": "Reads a thing.", "getNothing": "Reads." } });
        write::document(&folder.path().join("v2.docs.json"), &docs).expect("written");
        let problems = problems(&folder, documents::small());
        assert!(problems[0].starts_with("v2.docs.json: operations/getNothing"), "{problems:?}");
    }
}
