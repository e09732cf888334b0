//! `cargo xtask sindri-target`: the target plugin under Sindri 4's own host for plugins, and before its command line.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Changes, Sindri, copy, put, simulator::Simulator};
use crate::openapi::Failure;

const NEEDS: &str = "this needs the source of Sindri 4 (https://github.com/pacphi/sindri, branch v4): name its folder with --source, or in SINDRI_SOURCE";

/// A test of the plugin for Sindri's crate of targets.
const TEST: &str = include_str!("plugin_test.txt");
const KIND: &str = "runpod-pod";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder of Sindri 4's source, which is copied and not changed. Default: SINDRI_SOURCE.
    #[arg(long)]
    source: Option<PathBuf>,
    /// The folder that the copy is built in.
    #[arg(long, default_value = "target/sindri-v4")]
    work: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let work = ours.join(&arguments.work);
    let sindri = Sindri { folder: work.join("source"), target: work.join("target"), ours };
    let named = arguments.source.clone().or_else(|| std::env::var_os("SINDRI_SOURCE").map(PathBuf::from));
    let source = workspace(&named.ok_or(NEEDS)?)?;
    let test = ("crates/sindri-targets/tests/runpod_pod.rs".into(), TEST.into());
    let mut changes = Changes::from([test]);
    copy(&source, Path::new(""), &sindri.folder, &mut changes)?;
    for (path, content) in changes {
        put(&sindri.folder.join(path), &content)?;
    }
    build_ours(&sindri.ours)?;
    let home = tempfile::tempdir()?;
    let plugin = sindri.ours.join("target/debug/sindri-target-runpod-pod");
    ended("the install", Command::new(plugin).arg("--install").env("HOME", home.path()))?;
    under_its_host(&sindri, home.path())?;
    before_its_command_line(&sindri, home.path())?;
    Ok("ok      Sindri's own tests of plugins\nok      a whole life under Sindri's host\nok      listed and uninstalled by Sindri's command line\n".to_owned())
}

/// Sindri's workspace of its fourth version: the folder itself, or `v4` in a clone of the branch.
fn workspace(named: &Path) -> Result<PathBuf, Failure> {
    let is_workspace = |folder: &PathBuf| folder.join("crates/sindri-targets/src/plugin.rs").is_file();
    let found = [named.to_owned(), named.join("v4")].into_iter().find(is_workspace);
    Ok(found.ok_or_else(|| format!("there is no Sindri 4 in {}; {NEEDS}", named.display()))?)
}

fn build_ours(ours: &Path) -> Result<(), Failure> {
    let simulator = ["build", "--quiet", "--package", "runpod-sim", "--features", "ssh"];
    let plugin = ["build", "--quiet", "--package", "runpod-sindri", "--bin", "sindri-target-runpod-pod"];
    ended("the simulator's build", Command::new(env!("CARGO")).args(simulator).current_dir(ours))?;
    ended("the plugin's build", Command::new(env!("CARGO")).args(plugin).current_dir(ours))
}

/// Runs Sindri's own tests of plugins, and a whole life of a target.
fn under_its_host(sindri: &Sindri, home: &Path) -> Result<(), Failure> {
    sindri.cargo(&["test", "--package", "sindri-targets", "--test", "plugin_integration"])?;
    let key = home.join("key");
    ended("ssh-keygen", Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key))?;
    let public = fs::read_to_string(key.with_extension("pub"))?;
    let config = format!("ssh_keys = [{:?}]\n[ssh]\nexec = true\n", public.trim_end());
    let simulator = Simulator::start(&sindri.ours.join("target/debug/runpod-sim"), home, &config)?;
    let variables = [
        ("PLUGIN_HOME", home.to_str().ok_or("a folder whose name is no text")?),
        ("RUNPOD_API_URL", &simulator.url),
        ("RUNPOD_API_KEY", &simulator.key),
    ];
    sindri.cargo_with(&["test", "--package", "sindri-targets", "--test", "runpod_pod"], &variables)?;
    let ledger = simulator.ledger()?;
    let is_left = ledger.iter().any(|pod| pod["status"] == "RUNNING");
    if ledger.len() != 1 || is_left {
        return Err(format!("one pod was to be made and ended: {ledger:?}").into());
    }
    Ok(())
}

/// Has Sindri's command line list the plugin and take it away.
fn before_its_command_line(sindri: &Sindri, home: &Path) -> Result<(), Failure> {
    sindri.cargo(&["build", "--package", "sindri"])?;
    let plugins = |words: &[&str]| -> Result<String, Failure> {
        let output = sindri.run(&[&["target", "plugin"], words].concat(), home, &[])?;
        Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let listed = plugins(&["ls"])?;
    let taken = plugins(&["uninstall", KIND, "--yes"])?;
    let left = plugins(&["ls"])?;
    if listed.contains(KIND) && !left.contains(KIND) {
        return Ok(());
    }
    Err(format!("Sindri lists {listed:?}, says {taken:?} and lists {left:?} then").into())
}

fn ended(what: &str, command: &mut Command) -> Result<(), Failure> {
    let output = command.output()?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{what} failed: {}", said()).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_sindris_source_it_says_what_it_needs() {
        let nowhere = tempfile::tempdir().expect("a folder of its own");
        let error = workspace(nowhere.path()).expect_err("there is nothing").to_string();
        assert!(error.contains("--source") && error.contains("branch v4"), "{error}");
    }
}
