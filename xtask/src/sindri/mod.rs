//! `cargo xtask sindri`: the adapter of docs/sindri.md inside Sindri's own source, built and run against the simulator.

mod scenarios;
mod simulator;
pub(crate) mod target;
mod vault;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::openapi::Failure;

const NEEDS: &str = "this needs the source of Sindri 3.1 (https://github.com/pacphi/sindri, branch v3): name its folder with --source, or in SINDRI_SOURCE";

/// The beginning of the adapter in the guide.
const ADAPTER: &str = "//! RunPod: the provider of";
/// The beginning of the tests that Sindri gets.
const TESTS: &str = "//! RunPod as Sindri makes it";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder of Sindri 3.1's source, which is copied and not changed. Default: SINDRI_SOURCE.
    #[arg(long)]
    source: Option<PathBuf>,
    /// The folder that the copy is built in.
    #[arg(long, default_value = "target/sindri")]
    work: PathBuf,
    /// Only run what an earlier call has built there.
    #[arg(long)]
    built: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let work = ours.join(&arguments.work);
    let sindri = Sindri { folder: work.join("source"), target: work.join("target"), ours };
    if !arguments.built {
        build(arguments, &sindri)?;
    }
    scenarios::run(&sindri)
}

/// Builds a copy of the source that has the change, as Sindri's own checks want it.
fn build(arguments: &Arguments, sindri: &Sindri) -> Result<(), Failure> {
    let named = arguments.source.clone().or_else(|| std::env::var_os("SINDRI_SOURCE").map(PathBuf::from));
    let source = workspace(&named.ok_or(NEEDS)?)?;
    let mut changes = changes(&source, &sindri.ours)?;
    copy(&source, Path::new(""), &sindri.folder, &mut changes)?;
    for (path, content) in changes {
        put(&sindri.folder.join(path), &content)?;
    }
    sindri.cargo(&["fmt", "--package", "sindri-providers", "--check"])?;
    sindri.cargo(&["clippy", "--package", "sindri-providers", "--all-targets", "--", "-D", "warnings"])?;
    sindri.cargo(&["test", "--package", "sindri-providers", "--test", "runpod_tests"])?;
    sindri.cargo(&["build", "--package", "sindri"])
}

/// Sindri's workspace of its third version: the folder itself, or `v3` in a clone of the whole.
fn workspace(named: &Path) -> Result<PathBuf, Failure> {
    let is_workspace = |folder: &PathBuf| folder.join("crates/sindri-providers/src/runpod.rs").is_file();
    let found = [named.to_owned(), named.join("v3")].into_iter().find(is_workspace);
    Ok(found.ok_or_else(|| format!("there is no Sindri 3.1 in {}; {NEEDS}", named.display()))?)
}

/// A copy of Sindri's source with the adapter in it.
struct Sindri {
    folder: PathBuf,
    target: PathBuf,
    ours: PathBuf,
}

/// Files of Sindri's workspace with other contents.
type Changes = BTreeMap<PathBuf, Vec<u8>>;

/// The change that docs/sindri.md describes.
fn changes(source: &Path, ours: &Path) -> Result<Changes, Failure> {
    let providers = Path::new("crates/sindri-providers");
    let guide = fs::read_to_string(ours.join("docs/sindri.md"))?;
    let manifest = fs::read_to_string(source.join(providers).join("Cargo.toml"))?;
    let dependency = format!(
        "[dependencies]\nrunpod-sindri = {{ path = {:?}, default-features = false, features = [\"rustls\"] }}",
        ours.join("runpod-sindri")
    );
    let mut changes = Changes::from([
        (providers.join("src/runpod.rs"), shown(&guide, ADAPTER)?.into()),
        (providers.join("tests/runpod_tests.rs"), shown(&guide, TESTS)?.into()),
        (providers.join("Cargo.toml"), manifest.replacen("[dependencies]", &dependency, 1).into()),
        ("schemas/sindri.schema.json".into(), described(source, ours)?.into()),
    ]);
    // The copy is inside this checkout, and the tools take the nearest of these above a file: ours are not Sindri's.
    let styles = ["rustfmt.toml", "clippy.toml"].into_iter().filter(|name| !source.join(name).exists());
    changes.extend(styles.map(|name| (name.into(), Vec::new())));
    Ok(changes)
}

/// Sindri's schema with our description of `providers.runpod`.
fn described(source: &Path, ours: &Path) -> Result<String, Failure> {
    let read = |path: &Path| -> Result<Value, Failure> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
    let ours = read(&ours.join("docs/schema/runpod.schema.json"))?;
    let mut schema = read(&source.join("schemas/sindri.schema.json"))?;
    let place = schema.pointer_mut("/properties/providers/properties/runpod");
    *place.ok_or("Sindri's schema has no providers.runpod")? = ours["$defs"]["RunpodConfig"].clone();
    schema["$defs"] = ours["$defs"].clone();
    Ok(schema.to_string())
}

impl Sindri {
    fn cargo(&self, words: &[&str]) -> Result<(), Failure> {
        self.cargo_with(words, &[])
    }

    fn cargo_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Result<(), Failure> {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(words).current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target);
        cargo.envs(variables.iter().copied());
        let status = cargo.status()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("cargo {} failed in Sindri", words.join(" ")).into())
        }
    }

    /// Runs Sindri with no variables but these.
    fn run(&self, words: &[&str], folder: &Path, variables: &[(&str, &str)]) -> Result<Output, Failure> {
        let mut sindri = Command::new(self.target.join("debug/sindri"));
        sindri.args(words).current_dir(folder).env_clear().env("HOME", folder);
        Ok(sindri.envs(variables.iter().copied()).output()?)
    }
}

/// The text in Rust that the guide shows and that begins so.
fn shown<'a>(guide: &'a str, first: &str) -> Result<&'a str, Failure> {
    let fence = format!("```rust\n{first}");
    let at = guide.find(&fence).ok_or_else(|| format!("docs/sindri.md shows no {first:?}"))?;
    let text = &guide[at + fence.len() - first.len()..];
    Ok(&text[..text.find("```\n").ok_or("a text in docs/sindri.md does not end")?])
}

/// Copies a folder of the source, changes made, without what a build or git leaves in it, and without the choice of a
/// toolchain: the one at hand will do, and the file asks for targets that a build here does not need.
fn copy(source: &Path, folder: &Path, to: &Path, changes: &mut Changes) -> Result<(), Failure> {
    for entry in fs::read_dir(source.join(folder))? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let path = folder.join(&name);
        if kind.is_dir() && name != "target" && name != ".git" {
            copy(source, &path, to, changes)?;
        } else if kind.is_file() && name != "rust-toolchain.toml" {
            let content = changes.remove(&path).map_or_else(|| fs::read(entry.path()), Ok)?;
            let copied = to.join(path);
            put(&copied, &content)?;
            // Scripts stay programs.
            fs::set_permissions(copied, entry.metadata()?.permissions())?;
        }
    }
    Ok(())
}

/// Writes a file unless it is there: what did not change is not built again.
fn put(path: &Path, content: &[u8]) -> Result<(), Failure> {
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().ok_or("a file is in a folder")?)?;
    Ok(fs::write(path, content)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_sindris_source_it_says_what_it_needs() {
        let nowhere = tempfile::tempdir().expect("a folder of its own");
        let error = workspace(nowhere.path()).expect_err("there is nothing").to_string();
        assert!(error.contains("--source") && error.contains("SINDRI_SOURCE"), "{error}");
    }

    #[test]
    fn the_adapter_and_its_tests_are_taken_from_the_guide() {
        let guide = include_str!("../../../docs/sindri.md");
        for first in [ADAPTER, TESTS] {
            let text = shown(guide, first).expect("the guide shows it");
            assert!(text.starts_with(first) && text.ends_with("}\n") && !text.contains("```"));
        }
        assert!(shown(guide, "//! Nothing").is_err());
    }

    /// Its defaults and edition 2021, which Sindri's own checks hold every file to.
    #[test]
    fn the_texts_are_formatted_as_sindri_formats() {
        let guide = include_str!("../../../docs/sindri.md");
        let elsewhere = tempfile::tempdir().expect("a folder without a style of ours above it");
        for first in [ADAPTER, TESTS] {
            let file = elsewhere.path().join("text.rs");
            fs::write(&file, shown(guide, first).expect("the guide shows it")).expect("written");
            let mut rustfmt = Command::new("rustfmt");
            let output = rustfmt.args(["--check", "--edition", "2021"]).arg(&file).output().expect("rustfmt");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
    }
}
