//! The features of a crate: what its manifest has, its README tells and docs.rs shows.

use std::{collections::BTreeMap, error::Error, fs, path::Path};

/// Lists the features that the README's table lacks, has too many or tells another default of, a line each.
pub(crate) fn faults(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.exists() {
        return Ok(Vec::new());
    }
    let manifest: toml::Table = fs::read_to_string(manifest)?.parse()?;
    let (have, told) = (features(&manifest), told(&fs::read_to_string(folder.join("README.md"))?));
    let mut faults = Vec::new();
    for (name, is_default) in &have {
        match told.get(name) {
            None => faults.push(format!("the README's table of features lacks `{name}`")),
            Some(told) if told != is_default => {
                faults.push(format!("the README tells another default of the feature `{name}`"));
            }
            Some(_) => {}
        }
    }
    faults.extend(
        told.keys()
            .filter(|name| !have.contains_key(*name))
            .map(|name| format!("the README's table of features has `{name}`, which the manifest lacks")),
    );
    if !shows_all(&manifest) {
        faults.push("docs.rs is not told to show all features ([package.metadata.docs.rs])".to_owned());
    }
    Ok(faults)
}

/// Features by name, each with true if it is on by default.
fn features(manifest: &toml::Table) -> BTreeMap<String, bool> {
    let table = manifest.get("features").and_then(toml::Value::as_table);
    let default = table.and_then(|table| table.get("default")).and_then(toml::Value::as_array);
    let is_default = |name: &str| default.into_iter().flatten().any(|on| on.as_str() == Some(name));
    let names = table.into_iter().flat_map(toml::Table::keys).filter(|name| *name != "default");
    names.map(|name| (name.clone(), is_default(name))).collect()
}

/// Features that the README's section tells of: ``| `name` | yes | ...``.
fn told(readme: &str) -> BTreeMap<String, bool> {
    let section = readme.split("\n## ").find(|section| section.starts_with("Features\n")).unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    rows.map(|(name, rest)| (name.to_owned(), rest.starts_with("yes"))).collect()
}

fn shows_all(manifest: &toml::Table) -> bool {
    let docs = ["package", "metadata", "docs", "rs"]
        .iter()
        .try_fold(manifest, |table, key| table.get(*key).and_then(toml::Value::as_table));
    docs.and_then(|docs| docs.get("all-features")).and_then(toml::Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_readme_does_not_tell_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(faults(folder.path()).expect("no crate, no faults"), Vec::<String>::new());
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
        write("Cargo.toml", "[features]\ndefault = [\"a\"]\na = []\nb = []\nc = []\n");
        write(
            "README.md",
            "# x\n\n## Features\n\n| feature | default | what |\n|---|---|---|\n| `a` | no | x |\n| `b` | no | x |\n| `d` | no | x |\n\n## More\n| `c` | no | x |\n",
        );
        assert_eq!(
            faults(folder.path()).expect("it is read"),
            [
                "the README tells another default of the feature `a`",
                "the README's table of features lacks `c`",
                "the README's table of features has `d`, which the manifest lacks",
                "docs.rs is not told to show all features ([package.metadata.docs.rs])",
            ]
        );
    }
}
