//! Scenarios for a Sindri that has the adapter.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use super::{Sindri, simulator::Simulator};
use crate::openapi::Failure;

/// A file, what is done to the simulator first, what Sindri is told, and the pods there are at the end.
struct Scenario {
    name: &'static str,
    /// Under `providers.runpod`.
    runpod: &'static str,
    /// At the end of the file.
    more: &'static str,
    /// Method, path and body for the simulator.
    first: Option<(&'static str, &'static str, &'static str)>,
    /// Sindri's words, its exit code, and what it says.
    steps: &'static [(&'static [&'static str], i32, &'static str)],
    /// The GPU type or CPU flavor of the last pod; empty if none was made.
    hardware: &'static str,
    /// Counts the pods that bill at the end.
    billing: usize,
}

const PLAIN: Scenario = Scenario {
    name: "",
    runpod: "",
    more: "",
    first: None,
    steps: &[],
    hardware: "NVIDIA GeForce RTX 4090",
    billing: 1,
};
const DEPLOY: &[&str] = &["deploy", "--skip-image-verification"];
const DESTROY: &[&str] = &["destroy", "--force"];

fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "a whole life",
            steps: &[
                (&["deploy", "--dry-run", "--skip-image-verification"], 0, "1x NVIDIA GeForce RTX 4090"),
                (DEPLOY, 0, "Deployment complete"),
                (DEPLOY, 1, "exists already"),
                (&["deploy", "--force", "--skip-image-verification"], 0, "proxy.runpod.net"),
                (&["status"], 0, "running"),
                (&["connect"], 0, "the shell of the pod"),
                (&["stop"], 0, "stopped"),
                (&["status"], 0, "stopped"),
                (&["start"], 0, "started"),
                (DESTROY, 0, "destroyed"),
                (DESTROY, 0, "destroyed"),
            ],
            billing: 0,
            ..PLAIN
        },
        Scenario {
            name: "out of stock",
            first: Some(("PUT", "capacity", "{\"units\": 0}")),
            steps: &[
                (&["deploy", "--dry-run", "--skip-image-verification"], 0, "stock none"),
                (DEPLOY, 1, "no machine"),
            ],
            hardware: "",
            billing: 0,
            ..PLAIN
        },
        Scenario {
            name: "a lost answer",
            first: Some((
                "POST",
                "faults",
                "{\"fault\": \"drop-after-apply\", \"on\": [\"createPod\"], \"times\": 1}",
            )),
            steps: &[(DEPLOY, 0, "Deployment complete")],
            ..PLAIN
        },
        Scenario {
            name: "a 500",
            first: Some((
                "POST",
                "faults",
                "{\"fault\": \"status\", \"status\": 500, \"on\": [\"createPod\"], \"times\": 1}",
            )),
            steps: &[(DEPLOY, 0, "Deployment complete")],
            ..PLAIN
        },
        Scenario {
            name: "a 401",
            first: Some(("POST", "faults", "{\"fault\": \"status\", \"status\": 401}")),
            steps: &[(DEPLOY, 1, "RUNPOD_API_KEY"), (&["status"], 1, "RUNPOD_API_KEY")],
            hardware: "",
            billing: 0,
            ..PLAIN
        },
        Scenario {
            name: "a CPU pod",
            runpod: "cpuOnly: true, vcpuCount: 8",
            steps: &[(DEPLOY, 0, "Deployment complete")],
            hardware: "cpu",
            ..PLAIN
        },
        Scenario {
            name: "a network volume",
            runpod: "networkVolumeId: vol1",
            steps: &[(DEPLOY, 0, "Deployment complete")],
            ..PLAIN
        },
        Scenario {
            name: "a pool",
            runpod: "gpuType: AMPERE_80",
            steps: &[(DEPLOY, 0, "Deployment complete")],
            hardware: "NVIDIA A100",
            ..PLAIN
        },
        Scenario {
            name: "spot",
            runpod: "spot: true",
            steps: &[(DEPLOY, 1, "REST v2 rents no spot pods")],
            hardware: "",
            billing: 0,
            ..PLAIN
        },
        Scenario {
            name: "secrets",
            more: "secrets:\n- {name: IN_DOTENV, source: env, required: true}\n- {name: IN_FILE, source: env, fromFile: secret}\n",
            steps: &[(DEPLOY, 0, "Deployment complete")],
            ..PLAIN
        },
        Scenario {
            name: "a secret without a value",
            more: "secrets: [{name: NOWHERE, source: env, required: true}]\n",
            steps: &[(DEPLOY, 1, "NOWHERE")],
            hardware: "",
            billing: 0,
            ..PLAIN
        },
    ]
}

/// Runs every scenario; the report has a line for each.
pub(super) fn run(sindri: &Sindri) -> Result<String, Failure> {
    let words = ["build", "--quiet", "--package", "runpod-sim"];
    let built = Command::new(env!("CARGO")).args(words).current_dir(&sindri.ours).status()?;
    if !built.success() {
        return Err("the simulator cannot be built".into());
    }
    let binary = sindri.ours.join("target/debug/runpod-sim");
    let (mut report, mut failed) = (String::new(), 0);
    for scenario in all() {
        match scenario.play(sindri, &binary) {
            Ok(()) => report += &format!("ok      {}\n", scenario.name),
            Err(error) => {
                failed += 1;
                report += &format!("FAILED  {}: {error}\n", scenario.name);
            }
        }
    }
    if failed == 0 { Ok(report) } else { Err(format!("{failed} scenarios failed\n{report}").into()) }
}

impl Scenario {
    fn play(&self, sindri: &Sindri, simulator: &Path) -> Result<(), Failure> {
        let folder = tempfile::tempdir()?;
        let folder = folder.path();
        self.write(folder, &sindri.ours)?;
        let simulator = Simulator::start(simulator, folder)?;
        if let Some((method, path, body)) = self.first {
            simulator.set(method, path, body)?;
        }
        let path = folder.to_str().ok_or("a folder whose name is no text")?;
        let variables =
            [("RUNPOD_API_KEY", simulator.key.as_str()), ("RUNPOD_API_URL", &simulator.url), ("PATH", path)];
        for (words, code, says) in self.steps {
            let output = sindri.run(words, folder, &variables)?;
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            if output.status.code() != Some(*code) || !said.to_lowercase().contains(&says.to_lowercase()) {
                let ended = output.status;
                return Err(format!(
                    "sindri {} ended with {ended}, wanted {code} and {says:?}: {said}",
                    words.join(" ")
                )
                .into());
            }
        }
        self.check(&simulator.ledger()?)
    }

    fn write(&self, folder: &Path, ours: &Path) -> Result<(), Failure> {
        let Self { runpod, more, .. } = self;
        let file = format!(
            "version: '3.0'\nname: scenario\ndeployment: {{provider: runpod, image: 'ubuntu:24.04'}}\n\
             extensions: {{profile: minimal}}\nproviders: {{runpod: {{{runpod}}}}}\n{more}"
        );
        fs::write(folder.join("sindri.yaml"), file)?;
        fs::write(folder.join(".env"), "IN_DOTENV=one\n")?;
        fs::write(folder.join("secret"), "two\n")?;
        fs::copy(ours.join("tests/tests/sindri/fake/ssh"), folder.join("ssh"))?;
        Ok(())
    }

    /// Compares the pods that were made.
    fn check(&self, ledger: &[Value]) -> Result<(), Failure> {
        let hardware = ledger.last().and_then(|pod| pod["type_id"].as_str()).unwrap_or_default();
        if !hardware.starts_with(self.hardware) || hardware.is_empty() != self.hardware.is_empty() {
            return Err(format!("the pod has {hardware:?}, wanted {:?}", self.hardware).into());
        }
        let billing = ledger.iter().filter(|pod| pod["status"] == "RUNNING").count();
        if billing != self.billing {
            return Err(format!("{billing} pods bill, wanted {}", self.billing).into());
        }
        if self.name == "secrets" {
            let keys = ledger[0]["env_keys"].to_string();
            if !["IN_DOTENV", "IN_FILE"].iter().all(|name| keys.contains(name)) {
                return Err(format!("the pod's variables are {keys}").into());
            }
        }
        Ok(())
    }
}
