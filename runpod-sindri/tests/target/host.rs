//! Sindri's side of the protocol.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use runpod_lifecycle::RunPod;
use runpod_sim::{Sim, SimBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const HANDSHAKE: &str = r#"{"protocol":"sindri-target-plugin","version":1}"#;
pub(crate) const PLUGIN: &str = env!("CARGO_BIN_EXE_sindri-target-runpod-pod");
/// A text that must not be in anything the plugin says.
pub(crate) const SENTINEL: &str = "sentinel-7f3a";

/// A host without RunPod: nothing listens where the plugin is pointed.
pub(crate) struct Host {
    pub(crate) folder: TempDir,
    pub(crate) variables: BTreeMap<String, String>,
}

impl Host {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder of its own");
        let text = |name: &str| std::env::var(name).expect("the tests have a path");
        let variables = [
            ("HOME", folder.path().to_str().expect("a plain path").to_owned()),
            ("PATH", text("PATH")),
            ("RUNPOD_API_URL", "http://127.0.0.1:9".to_owned()),
            ("RUNPOD_API_KEY", format!("rpa_{SENTINEL}")),
            ("SINDRI_TARGET_NAME", "gpu-box".to_owned()),
            ("SINDRI_TARGET_KIND", "runpod-pod".to_owned()),
            ("SINDRI_TARGET_CONFIG", json!({"kind": "runpod-pod"}).to_string()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
        Self { folder, variables }
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn config(&mut self, config: &Value) -> &mut Self {
        self.set("SINDRI_TARGET_CONFIG", config.to_string())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the plugin as Sindri does, in the manifest's folder.
    pub(crate) fn start(&self, stderr: Stdio) -> Running {
        let mut plugin = Command::new(PLUGIN);
        plugin.env_clear().envs(&self.variables).current_dir(self.folder.path());
        plugin.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let mut process = plugin.spawn().expect("the plugin starts");
        let mut out = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("the handshake is text");
        assert_eq!(line.trim_end(), HANDSHAKE);
        Running { process, out }
    }

    /// Sends a line as it is, and returns the one answer.
    pub(crate) fn send(&self, line: &[u8]) -> Value {
        let mut running = self.start(Stdio::piped());
        running.write(line);
        running.answer()
    }

    pub(crate) fn ask(&self, request: &Value) -> Value {
        self.send(format!("{request}\n").as_bytes())
    }

    pub(crate) fn method(&self, method: &str) -> Value {
        self.ask(&json!({"method": method}))
    }

    pub(crate) fn exec(&self, cmd: &str) -> Value {
        self.ask(&json!({"method": "exec", "cmd": cmd, "env": []}))
    }
}

/// A plugin that has greeted.
pub(crate) struct Running {
    pub(crate) process: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Running {
    /// Writes a request and closes the plugin's input, which may have ended already.
    pub(crate) fn write(&mut self, line: &[u8]) {
        let mut input = self.process.stdin.take().expect("a pipe");
        let _ = input.write_all(line);
    }

    /// The answer, nothing after it, and an end in peace. Standard error is read only then, as by nobody before.
    pub(crate) fn answer(mut self) -> Value {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("the answer is text");
        let status = self.process.wait().expect("it ends");
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("text");
        let mut said = String::new();
        if let Some(mut stderr) = self.process.stderr.take() {
            stderr.read_to_string(&mut said).expect("text");
        }
        assert_eq!((rest.as_str(), status.code()), ("", Some(0)), "{line}{said}");
        assert!(!line.contains(SENTINEL) && !said.contains(SENTINEL), "{line}{said}");
        assert!(line.ends_with('\n'), "{line:?}");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

/// An answer's kind of error, with everything that it says.
pub(crate) fn failed(answer: &Value) -> (&str, String) {
    assert_eq!(answer["result"], "error", "{answer}");
    let fix = &answer["suggested_fix"];
    assert!(fix.is_null() || fix.is_string(), "{answer}");
    let message = answer["message"].as_str().expect("a message");
    (answer["kind"].as_str().expect("a kind"), format!("{message} | {}", fix.as_str().unwrap_or_default()))
}

pub(crate) fn is_ok(answer: &Value) {
    assert_eq!(answer, &json!({"result": "ok"}));
}

/// A host beside a simulator that one can log in to.
pub(crate) struct World {
    pub(crate) host: Host,
    pub(crate) sim: Sim,
    pub(crate) runpod: RunPod,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|sim| sim).await
    }

    pub(crate) async fn with(change: impl FnOnce(SimBuilder) -> SimBuilder) -> Self {
        let mut host = Host::new();
        for key in ["key", "other"] {
            keygen(&host.path(key));
        }
        let key = fs::read_to_string(host.path("key.pub")).expect("it was made");
        let sim = Sim::builder().time_scale(200.0).exec(true).ssh_keys([key]);
        let sim = change(sim).start().await.expect("loopback");
        let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build().expect("loopback");
        host.set("RUNPOD_API_URL", sim.url()).set("RUNPOD_API_KEY", sim.api_key());
        let mut world = Self { host, sim, runpod };
        world.infra(&json!({}));
        world
    }

    /// The target's `infra`, beside what logging in takes.
    pub(crate) fn infra(&mut self, infra: &Value) {
        let mut config = json!({"kind": "runpod-pod", "infra": {
            "image": "runpod/pytorch:latest", "identityFile": "key", "env": {"TOKEN": SENTINEL},
        }});
        for (key, value) in infra.as_object().expect("keys") {
            config["infra"][key] = value.clone();
        }
        self.host.config(&config);
    }

    pub(crate) fn billing(&self) -> Vec<String> {
        let billing = self.sim.ledger().into_iter().filter(|entry| entry.is_billing());
        billing.map(|entry| entry.pod_id).collect()
    }
}

fn keygen(path: &Path) {
    let words = ["-q", "-t", "ed25519", "-N", "", "-f"];
    let made = Command::new("ssh-keygen").args(words).arg(path).status().expect("OpenSSH's client is here");
    assert!(made.success());
}
