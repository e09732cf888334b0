//! A simulator, a key that its account has, and OpenSSH's client.

use std::{
    ffi::OsStr,
    future::Future,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use runpod_sim::{BootProfile, Delay, Sim, SimBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Command,
};

use crate::client::{Caller, id, order};

const LONG: Duration = Duration::from_secs(60);

/// A simulator whose pods are up within a tenth of a second, and a client with a key that opens them.
pub(crate) struct House {
    pub(crate) caller: Caller,
    pub(crate) folder: TempDir,
}

/// The outcome of a command.
#[derive(Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Told {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl House {
    /// A house whose simulator runs commands.
    pub(crate) async fn new() -> Self {
        Self::of(Sim::builder().exec(true)).await
    }

    pub(crate) async fn of(builder: SimBuilder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = key(folder.path(), "key").await;
        let boot = BootProfile {
            ssh_banner: Delay::fixed(Duration::ZERO),
            ..BootProfile::fixed(Duration::from_secs(1))
        };
        let builder = builder.time_scale(100.0).boot(boot).list_lag(Duration::ZERO).ssh_keys([key]);
        Self { caller: Caller::of(builder).await, folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Creates a pod with a volume at `/workspace`, and returns its id.
    pub(crate) async fn pod(&self, change: Value) -> String {
        let mut body = json!({ "mounts": { "persistent": { "size": 10, "path": "/workspace" } } });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        id(&self.caller.create(order(body)).await)
    }

    /// The port of a pod's sshd, once it greets. Greetings alone are no logins.
    pub(crate) async fn port(&self, pod: &str) -> u16 {
        until(async || {
            let address = self.caller.sim.pods().into_iter().find(|seen| seen.id == pod)?.ssh?;
            let stream = TcpStream::connect(address).await.ok()?;
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).await.ok()?;
            line.starts_with("SSH-2.0-").then(|| address.port())
        })
        .await
    }

    fn openssh(&self, program: &str, key: &str) -> Command {
        openssh(self.folder.path(), program, key)
    }

    /// `ssh` to a pod, to which a command is still to be added.
    pub(crate) async fn ssh(&self, pod: &str) -> Command {
        self.ssh_with(pod, "key").await
    }

    pub(crate) async fn ssh_with(&self, pod: &str, key: &str) -> Command {
        let port = self.port(pod).await;
        let mut command = self.openssh("ssh", key);
        command.args(["-p", &port.to_string(), "root@127.0.0.1"]);
        command
    }

    /// `scp` or `sftp`, with the pod's port; the host is `root@127.0.0.1`.
    pub(crate) async fn copier(&self, program: &str, pod: &str) -> Command {
        let port = self.port(pod).await;
        let mut command = self.openssh(program, "key");
        command.args(["-P", &port.to_string()]);
        command
    }

    /// Runs a command in a pod.
    pub(crate) async fn run(&self, pod: &str, text: &str) -> Told {
        done(self.ssh(pod).await.arg(text)).await
    }

    /// The output of a command in a pod, which must succeed.
    pub(crate) async fn say(&self, pod: &str, text: &str) -> String {
        let told = self.run(pod, text).await;
        assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""), "{text}: {told:?}");
        told.stdout.trim_end().to_owned()
    }
}

/// A program of OpenSSH with everything of this machine's user left out, and its keys and known hosts in a folder.
pub(crate) fn openssh(folder: &Path, program: &str, key: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["-F", "none", "-i"]).arg(folder.join(key)).arg("-o");
    command.arg(format!("UserKnownHostsFile={}", folder.join("known_hosts").display()));
    for option in ["BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=no", "LogLevel=ERROR"] {
        command.arg("-o").arg(option);
    }
    command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

/// Waits for a program of OpenSSH.
pub(crate) async fn done(command: &mut Command) -> Told {
    tokio::time::timeout(LONG, command.output()).await.expect("it ends").unwrap().into()
}

/// Waits for a program that reads stdin.
pub(crate) async fn fed(command: &mut Command, bytes: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let feeding = tokio::spawn(async move { stdin.write_all(&bytes).await });
    let output = tokio::time::timeout(LONG, child.wait_with_output()).await.expect("it ends").unwrap();
    // A program may end without having read everything.
    let _ = feeding.await.unwrap();
    output
}

/// Asks until there is an answer.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, asking).await.expect("it comes to pass")
}

/// Makes a key and returns its public half.
pub(crate) async fn key(folder: &Path, name: &str) -> String {
    let file = folder.join(name);
    let parts: [&OsStr; 8] =
        ["-q", "-t", "ed25519", "-N", "", "-C", "tests", "-f"].map(|part: &str| OsStr::new(part));
    let made = Command::new("ssh-keygen").args(parts).arg(&file).stdin(Stdio::null()).output();
    let made = made.await.expect("OpenSSH's programs are installed");
    assert!(made.status.success(), "{made:?}");
    std::fs::read_to_string(file.with_extension("pub")).unwrap().trim_end().to_owned()
}

/// True while a process is there.
pub(crate) fn lives(pid: &str) -> bool {
    Path::new("/proc").join(pid).join("exe").exists()
}
