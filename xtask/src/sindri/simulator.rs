//! A simulator in a process of its own.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::openapi::Failure;

/// An account with a network volume and a registry credential.
pub(super) const CONFIG: &str = "[[network_volume]]\nid = \"vol1\"\nname = \"data\"\nsize_gb = 100\ndata_center = \"US-KS-2\"\n\
     [[registry]]\nid = \"cred1\"\nname = \"private\"\n";

pub(super) struct Simulator {
    process: Child,
    pub(super) url: String,
    pub(super) key: String,
    client: reqwest::blocking::Client,
}

impl Simulator {
    pub(super) fn start(binary: &Path, folder: &Path, config: &str) -> Result<Self, Failure> {
        let path = folder.join("sim.toml");
        std::fs::write(&path, config)?;
        let mut command = Command::new(binary);
        command
            .args(["--listen", "127.0.0.1:0", "--time-scale", "200", "--profile", "gentle", "--config"])
            .arg(path);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let out = process.stdout.take().ok_or("the simulator has no output")?;
        let mut lines = BufReader::new(out).lines();
        let mut next = |word: &str| -> Result<String, Failure> {
            let line = lines.next().ok_or("the simulator ended")??;
            Ok(line.strip_prefix(word).ok_or_else(|| format!("the simulator says {line:?}"))?.to_owned())
        };
        let (url, key) = (next("listening on ")?, next("key ")?);
        Ok(Self { process, url, key, client: crate::http::client().build()? })
    }

    /// Changes it through its control interface.
    pub(super) fn set(&self, method: &str, path: &str, body: &str) -> Result<(), Failure> {
        let url = format!("{}/_sim/{path}", self.url);
        let request = if method == "PUT" { self.client.put(url) } else { self.client.post(url) };
        request
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send()?
            .error_for_status()?;
        Ok(())
    }

    /// The pods that were ever created.
    pub(super) fn ledger(&self) -> Result<Vec<Value>, Failure> {
        Ok(self.read("/_sim/ledger")?["ledger"].as_array().cloned().unwrap_or_default())
    }

    /// A pod as RunPod shows it.
    pub(super) fn pod(&self, id: &str) -> Result<Value, Failure> {
        self.read(&format!("/v2/pods/{id}"))
    }

    fn read(&self, path: &str) -> Result<Value, Failure> {
        let request = self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.key);
        Ok(serde_json::from_str(&request.send()?.error_for_status()?.text()?)?)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // One that has ended already is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
