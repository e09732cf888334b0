//! The process of ssh that holds a connection open for all commands.

use std::{io, path::PathBuf, process::Stdio, time::Duration};

use runpod_lifecycle::{Pod, SshEndpoint};
use tokio::{fs, process::Command, time::timeout};

use crate::{Error, Login};

/// The pause between two signs of life in seconds, so that a dead connection is found out within a minute.
const ALIVE_EVERY: u64 = 15;

/// Logs in. The library's own way leaves a process behind if it is given up; this one is killed.
pub(crate) async fn connect(login: &Login, pod: &Pod) -> Result<openssh::Session, Error> {
    let endpoint = login.endpoint(pod)?;
    let folder = tempfile::Builder::new().prefix("ssh-").tempdir();
    let folder = folder.map_err(Error::local(std::env::temp_dir()))?;
    let (socket, log) = (folder.path().join("master"), folder.path().join("log"));
    let mut ssh = Command::new("ssh");
    // Goes to the background once it is logged in, and lives there until the session ends.
    ssh.arg("-E").arg(&log).arg("-S").arg(socket).args(["-M", "-f", "-N"]);
    for option in ["ControlPersist=yes", "BatchMode=yes", "StrictHostKeyChecking=accept-new"] {
        ssh.args(["-o", option]);
    }
    let longest = login.longest();
    ssh.args(["-o", &format!("ConnectTimeout={}", longest.as_secs().max(1))]);
    ssh.args(["-o", &format!("ServerAliveInterval={ALIVE_EVERY}")]);
    ssh.args(login.own_arguments(pod)).args(["-p", &endpoint.port.to_string(), "-l", &endpoint.username]);
    ssh.args(["--", &endpoint.host]);
    if let Some(agent) = login.agent_socket() {
        ssh.env("SSH_AUTH_SOCK", agent);
    }
    ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    match timeout(longest, ssh.status()).await {
        Ok(Ok(status)) if status.success() => Ok(openssh::Session::new_process_mux(folder)),
        Ok(Ok(_)) => Err(refused(pod, &endpoint, &said(log).await)),
        Ok(Err(source)) => Err(Error::NoClient { source }),
        Err(_) => Err(unreachable(pod, longest)),
    }
}

/// Checks that OpenSSH's client is there.
pub(crate) async fn check_client() -> Result<(), Error> {
    let asked = Command::new("ssh").arg("-V").stdin(Stdio::null()).output().await;
    asked.map(drop).map_err(|source| Error::NoClient { source })
}

/// Everything that ssh said of a login.
async fn said(log: PathBuf) -> String {
    let read: io::Result<Vec<u8>> = fs::read(log).await;
    String::from_utf8_lossy(&read.unwrap_or_default()).into_owned()
}

fn unreachable(pod: &Pod, longest: Duration) -> Error {
    let reason = format!("no login within {} s", longest.as_secs_f64());
    Error::Unreachable { pod_id: pod.id.clone(), reason }
}

/// The error of a connection that ssh could not make, by its words: its exit status is the same for all.
fn refused(pod: &Pod, endpoint: &SshEndpoint, words: &str) -> Error {
    let (pod_id, reason) = (pod.id.clone(), last_line(words));
    let says = |any: &[&str]| any.iter().any(|text| words.contains(text));
    if says(&["IDENTIFICATION HAS CHANGED", "Host key verification failed"]) {
        Error::HostKey { pod_id, reason }
    } else if says(&["Permission denied (", "Too many authentication failures"]) {
        Error::LoginRefused { pod_id, user: endpoint.username.clone(), reason }
    } else {
        Error::Unreachable { pod_id, reason }
    }
}

/// The last line that says anything.
fn last_line(words: &str) -> String {
    let line = words.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("ssh said nothing").to_owned()
}
