//! `cargo xtask sindri`: the adapter of docs/sindri.md inside Sindri's own source, built and run against the simulator.

mod scenarios;
mod simulator;
mod vault;

use std::{
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
}

pub(crate) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let named = arguments.source.clone().or_else(|| std::env::var_os("SINDRI_SOURCE").map(PathBuf::from));
    let source = workspace(&named.ok_or(NEEDS)?)?;
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let work = ours.join(&arguments.work);
    copy(&source, &work.join("source"))?;
    let sindri = Sindri { folder: work.join("source"), target: work.join("target"), ours };
    sindri.apply()?;
    sindri.cargo(&["fmt", "--package", "sindri-providers", "--check"])?;
    sindri.cargo(&["clippy", "--package", "sindri-providers", "--all-targets", "--", "-D", "warnings"])?;
    sindri.cargo(&["test", "--package", "sindri-providers", "--test", "runpod_tests"])?;
    sindri.cargo(&["build", "--package", "sindri"])?;
    scenarios::run(&sindri)
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

impl Sindri {
    /// Makes the change that docs/sindri.md describes.
    fn apply(&self) -> Result<(), Failure> {
        let providers = self.folder.join("crates/sindri-providers");
        let guide = fs::read_to_string(self.ours.join("docs/sindri.md"))?;
        fs::write(providers.join("src/runpod.rs"), shown(&guide, ADAPTER)?)?;
        fs::write(providers.join("tests/runpod_tests.rs"), shown(&guide, TESTS)?)?;
        self.describe()?;
        let manifest = providers.join("Cargo.toml");
        let dependency = format!(
            "[dependencies]\nrunpod-sindri = {{ path = {:?}, default-features = false, features = [\"rustls\"] }}",
            self.ours.join("runpod-sindri")
        );
        let text = fs::read_to_string(&manifest)?.replacen("[dependencies]", &dependency, 1);
        fs::write(manifest, text)?;
        // The toolchain at hand will do: the file asks for targets that a build here does not need.
        let _ = fs::remove_file(self.folder.join("rust-toolchain.toml"));
        // The copy is inside this checkout, and the tools take the nearest of these above a file: ours are not Sindri's.
        for name in ["rustfmt.toml", "clippy.toml"] {
            if !self.folder.join(name).exists() {
                fs::write(self.folder.join(name), "")?;
            }
        }
        Ok(())
    }

    /// Puts our description of `providers.runpod` into Sindri's schema.
    fn describe(&self) -> Result<(), Failure> {
        let read = |path: &Path| -> Result<Value, Failure> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
        let ours = read(&self.ours.join("docs/schema/runpod.schema.json"))?;
        let path = self.folder.join("schemas/sindri.schema.json");
        let mut schema = read(&path)?;
        let place = schema.pointer_mut("/properties/providers/properties/runpod");
        *place.ok_or("Sindri's schema has no providers.runpod")? = ours["$defs"]["RunpodConfig"].clone();
        schema["$defs"] = ours["$defs"].clone();
        Ok(fs::write(path, schema.to_string())?)
    }

    fn cargo(&self, words: &[&str]) -> Result<(), Failure> {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(words).current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target);
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

/// Copies a folder without what a build or git leaves in it.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if kind.is_dir() && name != "target" && name != ".git" {
            copy(&entry.path(), &to.join(name))?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
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
