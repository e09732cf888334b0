//! Scenarios for a Sindri that has the adapter.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use super::{
    Sindri,
    simulator::{CONFIG, Simulator},
    vault::Vault,
};
use crate::openapi::Failure;

/// A file, what is done to the simulator first, what Sindri is told, and the pods there are at the end.
#[derive(Clone, Copy)]
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
    /// How the GPU type or CPU flavor of the last pod begins; empty if none was made.
    hardware: &'static str,
    /// Counts the pods that were ever made.
    made: usize,
    /// Counts the pods that bill at the end.
    billing: usize,
    /// JSON pointers into the last pod, as RunPod shows it, with what is there in JSON.
    shows: &'static [(&'static str, &'static str)],
}

const PLAIN: Scenario = Scenario {
    name: "",
    runpod: "",
    more: "",
    first: None,
    steps: &[],
    hardware: "NVIDIA GeForce RTX 4090",
    made: 1,
    billing: 1,
    shows: &[],
};
/// Refused before anything is made.
const REFUSED: Scenario = Scenario { hardware: "", made: 0, billing: 0, ..PLAIN };
const DEPLOY: &[&str] = &["deploy", "--skip-image-verification"];
const DRY_RUN: &[&str] = &["deploy", "--dry-run", "--skip-image-verification"];
const DESTROY: &[&str] = &["destroy", "--force"];
const VALIDATE: &[&str] = &["config", "validate"];
const DEPLOYED: (&[&str], i32, &str) = (DEPLOY, 0, "Deployment complete");
const SECRETS: &str = "secrets:
- {name: IN_SHELL, source: env, required: true}
- {name: IN_LOCAL, source: env, required: true}
- {name: IN_DOTENV, source: env, required: true}
- {name: IN_FILE, source: env, required: true, fromFile: secret}
- {name: AT_HOME, source: env, required: true, fromFile: ~/secret}
- {name: AS_FILE, source: file, path: secret, mountPath: /etc/secret}
- {name: IN_VAULT, source: vault, vaultPath: app, vaultKey: token, required: true}
- {name: IN_S3, source: s3, s3Path: app/token}
";

/// Whole lives.
const LIVES: &[Scenario] = &[
    Scenario {
        name: "a whole life",
        steps: &[
            (DRY_RUN, 0, "1x NVIDIA GeForce RTX 4090"),
            (&["deploy", "--wait", "--skip-image-verification"], 0, "Deployment complete"),
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
        made: 2,
        billing: 0,
        ..PLAIN
    },
    Scenario {
        name: "a connect that starts what is stopped",
        steps: &[DEPLOYED, (&["stop"], 0, "stopped"), (&["connect"], 0, "the shell of the pod")],
        ..PLAIN
    },
    Scenario {
        name: "what is not there",
        steps: &[
            (&["status"], 0, "not deployed"),
            (&["connect"], 1, "deploy it first"),
            (&["stop"], 1, "deploy it first"),
            (&["start"], 1, "deploy it first"),
            (DESTROY, 0, "destroyed"),
        ],
        ..REFUSED
    },
];

/// What RunPod and the network do to a deploy.
const TROUBLE: &[Scenario] = &[
    Scenario {
        name: "out of stock",
        first: Some(("PUT", "capacity", "{\"units\": 0}")),
        steps: &[(DRY_RUN, 0, "stock none"), (DEPLOY, 1, "no machine")],
        ..REFUSED
    },
    Scenario {
        name: "a lost answer",
        first: Some(("POST", "faults", r#"{"fault": "drop-after-apply", "on": ["createPod"], "times": 1}"#)),
        steps: &[DEPLOYED],
        ..PLAIN
    },
    Scenario {
        name: "a 500",
        first: Some((
            "POST",
            "faults",
            r#"{"fault": "status", "status": 500, "on": ["createPod"], "times": 1}"#,
        )),
        steps: &[DEPLOYED],
        ..PLAIN
    },
    Scenario {
        name: "a 401",
        first: Some(("POST", "faults", r#"{"fault": "status", "status": 401}"#)),
        steps: &[
            (DRY_RUN, 1, "RUNPOD_API_KEY"),
            (DEPLOY, 1, "RUNPOD_API_KEY"),
            (&["status"], 1, "RUNPOD_API_KEY"),
            (DESTROY, 1, "RUNPOD_API_KEY"),
        ],
        ..REFUSED
    },
];

/// Files, and the pods that come of them.
const FILES: &[Scenario] = &[
    Scenario {
        name: "a CPU pod",
        runpod: "cpuOnly: true, vcpuCount: 8",
        steps: &[DEPLOYED],
        hardware: "cpu",
        shows: &[("/cpu/vcpuCount", "8"), ("/mounts/persistent", "null")],
        ..PLAIN
    },
    Scenario {
        name: "a network volume",
        runpod: "gpuType: AMPERE_80, networkVolumeId: vol1, volumeMountPath: /data",
        steps: &[DEPLOYED],
        hardware: "NVIDIA A100",
        shows: &[
            ("/mounts/network/0/volumeId", "\"vol1\""),
            ("/mounts/network/0/path", "\"/data\""),
            ("/dataCenterId", "\"US-KS-2\""),
        ],
        ..PLAIN
    },
    Scenario {
        name: "a pool",
        runpod: "gpuType: AMPERE_80, gpuCount: 2",
        steps: &[DEPLOYED],
        hardware: "NVIDIA A100",
        shows: &[("/gpu/count", "2")],
        ..PLAIN
    },
    Scenario {
        name: "a list of GPUs",
        runpod: "gpuType: [NVIDIA L4, ADA_24]",
        steps: &[(VALIDATE, 0, "is valid"), DEPLOYED],
        hardware: "NVIDIA L4",
        ..PLAIN
    },
    Scenario {
        name: "defaults that Sindri would fill in",
        runpod: "exposePorts: [8080]",
        steps: &[(DEPLOY, 0, "-8080.proxy.runpod.net")],
        shows: &[("/cloud", "\"SECURE\""), ("/disk", "50"), ("/mounts/persistent/size", "20")],
        ..PLAIN
    },
    Scenario {
        name: "a registry credential and a lifetime",
        runpod: "registryId: cred1, lifetimeHours: 2",
        steps: &[DEPLOYED],
        shows: &[("/registry", "\"cred1\""), ("/env/RUNPOD_LIFECYCLE_LIFETIME_SECONDS", "\"7200\"")],
        ..PLAIN
    },
    Scenario {
        name: "spot",
        runpod: "spot: true",
        steps: &[(DRY_RUN, 1, "REST v2 rents no spot pods"), (DEPLOY, 1, "REST v2 rents no spot pods")],
        ..REFUSED
    },
    Scenario {
        name: "a key that nobody knows",
        runpod: "gpuKind: A40",
        steps: &[
            (VALIDATE, 1, "gpuKind"),
            (DRY_RUN, 1, "gpuKind"),
            (DEPLOY, 1, "(line 5, "),
            (&["status"], 0, "not deployed"),
        ],
        ..REFUSED
    },
    Scenario {
        name: "secrets of every source",
        more: SECRETS,
        steps: &[(DEPLOY, 0, "secret AS_FILE was skipped")],
        shows: &[
            ("/env/IN_SHELL", "\"shell\""),
            ("/env/IN_LOCAL", "\"local\""),
            ("/env/IN_DOTENV", "\"dotenv\""),
            ("/env/IN_FILE", "\"file\""),
            ("/env/AT_HOME", "\"file\""),
            ("/env/IN_VAULT", "\"vault\""),
            ("/env/AS_FILE", "null"),
            ("/env/IN_S3", "null"),
        ],
        ..PLAIN
    },
    Scenario {
        name: "a secret without a value",
        more: "secrets: [{name: NOWHERE, source: env, required: true}]\n",
        steps: &[(DEPLOY, 1, "NOWHERE")],
        ..REFUSED
    },
    Scenario {
        name: "a secret that Sindri cannot read yet",
        more: "secrets: [{name: IN_S3, source: s3, s3Path: app/token, required: true}]\n",
        steps: &[(DEPLOY, 1, "IN_S3")],
        ..REFUSED
    },
];

/// Runs every scenario; the report has a line for each.
pub(super) fn run(sindri: &Sindri) -> Result<String, Failure> {
    let words = ["build", "--quiet", "--package", "runpod-sim"];
    let built = Command::new(env!("CARGO")).args(words).current_dir(&sindri.ours).status()?;
    if !built.success() {
        return Err("the simulator cannot be built".into());
    }
    let binary = sindri.ours.join("target/debug/runpod-sim");
    let (mut report, mut failed) = (String::new(), 0);
    for scenario in [LIVES, TROUBLE, FILES].concat() {
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
        let simulator = Simulator::start(simulator, folder, CONFIG)?;
        if let Some((method, path, body)) = self.first {
            simulator.set(method, path, body)?;
        }
        let vault = Vault::start()?;
        let path = folder.to_str().ok_or("a folder whose name is no text")?;
        let variables = [
            ("RUNPOD_API_KEY", simulator.key.as_str()),
            ("RUNPOD_API_URL", &simulator.url),
            ("PATH", path),
            ("IN_SHELL", "shell"),
            ("VAULT_ADDR", &vault.url),
            ("VAULT_TOKEN", "any"),
        ];
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
        self.check(&simulator)
    }

    fn write(&self, folder: &Path, ours: &Path) -> Result<(), Failure> {
        let Self { runpod, more, .. } = self;
        let file = format!(
            "version: '3.0'\nname: scenario\ndeployment: {{provider: runpod, image: 'ubuntu:24.04'}}\n\
             extensions: {{profile: minimal}}\nproviders: {{runpod: {{{runpod}}}}}\n{more}"
        );
        fs::write(folder.join("sindri.yaml"), file)?;
        fs::write(folder.join(".env"), "IN_SHELL=no\nIN_LOCAL=no\nIN_DOTENV=dotenv\n")?;
        fs::write(folder.join(".env.local"), "IN_SHELL=no\nIN_LOCAL=local\n")?;
        fs::write(folder.join("secret"), "file\n")?;
        fs::copy(ours.join("tests/tests/sindri/fake/ssh"), folder.join("ssh"))?;
        Ok(())
    }

    /// Compares the pods that were made.
    fn check(&self, simulator: &Simulator) -> Result<(), Failure> {
        let ledger = simulator.ledger()?;
        let hardware = ledger.last().and_then(|pod| pod["type_id"].as_str()).unwrap_or_default();
        if !hardware.starts_with(self.hardware) || hardware.is_empty() != self.hardware.is_empty() {
            return Err(format!("the pod has {hardware:?}, wanted {:?}", self.hardware).into());
        }
        let billing = ledger.iter().filter(|pod| pod["status"] == "RUNNING").count();
        if (ledger.len(), billing) != (self.made, self.billing) {
            let (made, wanted) = (ledger.len(), (self.made, self.billing));
            return Err(format!("{made} pods were made and {billing} bill, wanted {wanted:?}").into());
        }
        for (pointer, value) in self.shows {
            let id = ledger.last().and_then(|pod| pod["pod_id"].as_str()).unwrap_or_default();
            let pod = simulator.pod(id)?;
            let shown = pod.pointer(pointer).unwrap_or(&Value::Null);
            if *shown != serde_json::from_str::<Value>(value)? {
                return Err(format!("the pod has {shown} at {pointer}, wanted {value}").into());
            }
        }
        Ok(())
    }
}
