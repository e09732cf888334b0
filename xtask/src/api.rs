//! `cargo xtask api`: the public items of the crates that programs import, as docs/api/ lists them.

use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The crates that are listed: those that programs run on. What `runpod-api` has is in the contract, which is kept as well.
const LISTED: [&str; 2] = ["runpod-jobs", "runpod-lifecycle"];

/// The options of `cargo xtask api`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The crates to list. Default: both.
    #[arg(value_parser = LISTED)]
    crates: Vec<String>,
    /// Writes nothing, and fails if a listing is not what the crate has.
    #[arg(long)]
    check: bool,
}

/// Lists the crates, or compares them with their listings.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let all: Vec<String> = LISTED.iter().map(|name| (*name).to_owned()).collect();
    let names = if arguments.crates.is_empty() { &all } else { &arguments.crates };
    let (mut report, mut changes) = (String::new(), String::new());
    for name in names {
        let file = root.join("docs/api").join(name).with_extension("txt");
        let listing = public_items(&root, name)?;
        if arguments.check {
            changes += &changed(name, &fs::read_to_string(file)?, &listing);
        } else {
            fs::create_dir_all(root.join("docs/api"))?;
            fs::write(file, &listing)?;
        }
        report += &format!("{name}: {} public items\n", listing.lines().count());
    }
    if changes.is_empty() {
        return Ok(report);
    }
    Err(format!("public items are not as listed; if that is meant, run `cargo xtask api`\n{changes}").into())
}

/// Lists every public item of a crate with all its features, a line each.
fn public_items(root: &Path, name: &str) -> Result<String, Box<dyn Error>> {
    let json = rustdoc(root, name)?;
    let api = public_api::Builder::from_rustdoc_json(json);
    let api = api.omit_blanket_impls(true).omit_auto_trait_impls(true).omit_auto_derived_impls(true);
    Ok(api.build()?.to_string())
}

/// Has rustdoc write what it knows as JSON. Its switch for that is unstable, so what is built for it stays apart.
fn rustdoc(root: &Path, name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let target = root.join("target/api");
    let words = ["rustdoc", "--quiet", "-p", name, "--lib", "--all-features", "--target-dir"];
    let mut command = Command::new(env!("CARGO"));
    command.args(words).arg(&target).args(["--", "-Z", "unstable-options", "--output-format", "json"]);
    let output = command.env("RUSTC_BOOTSTRAP", "1").current_dir(root).output()?;
    if !output.status.success() {
        return Err(format!("rustdoc failed on {name}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(target.join("doc").join(name.replace('-', "_")).with_extension("json"))
}

/// Tells what was added to a listing and what is gone from it, a line each.
fn changed(name: &str, listed: &str, now: &str) -> String {
    let (before, after): (BTreeSet<&str>, BTreeSet<&str>) = (listed.lines().collect(), now.lines().collect());
    let gone = before.difference(&after).map(|item| format!("{name} lacks {item}\n"));
    let new = after.difference(&before).map(|item| format!("{name} has besides {item}\n"));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_item_by_item() {
        assert_eq!(changed("x", "pub fn a\npub fn b\n", "pub fn a\npub fn b\n"), "");
        assert_eq!(
            changed("x", "pub fn a\npub fn b\n", "pub fn b\npub fn c\n"),
            "x lacks pub fn a\nx has besides pub fn c\n"
        );
    }
}
