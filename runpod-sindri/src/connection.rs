//! How an environment is reached.

use runpod_lifecycle::{Connection, Pod};
use serde::{Deserialize, Serialize};

/// How an environment is reached, as of one look at it. External ports change on every start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionInfo {
    /// The command that opens a shell; `None` until the pod has an SSH endpoint.
    pub ssh_command: Option<String>,
    /// Always `None`: RunPod's proxy speaks HTTPS only.
    pub http_url: Option<String>,
    /// The URL of the first http port; `None` without one.
    pub https_url: Option<String>,
    /// Everything else there is to know, one thing a line.
    pub instructions: Option<String>,
}

impl ConnectionInfo {
    /// For this user over direct SSH, if it is to be another than RunPod names.
    pub(crate) fn of(pod: &Pod, user: Option<&str>) -> Self {
        let connection = ways(pod, user);
        Self {
            ssh_command: connection.ssh_command().map(|command| command.to_string()),
            http_url: None,
            https_url: connection.http_urls().into_iter().next(),
            instructions: Some(instructions(pod, user)),
        }
    }
}

/// RunPod's terminal in the browser, for when there is no ssh client.
pub(crate) fn web_terminal(pod_id: &str) -> String {
    format!("https://www.runpod.io/console/pods/{pod_id}/terminal")
}

pub(crate) fn ways<'a>(pod: &'a Pod, user: Option<&str>) -> Connection<'a> {
    user.into_iter().fold(pod.connection(), Connection::ssh_user)
}

fn instructions(pod: &Pod, user: Option<&str>) -> String {
    let connection = ways(pod, user);
    let mut lines = Vec::new();
    match connection.ssh_command() {
        Some(command) => {
            lines.push(format!("SSH: {command}"));
            if command.is_interactive_only() {
                lines.push(
                    "SSH goes through RunPod's proxy: a shell works, scp, sftp and forwarding do not"
                        .to_owned(),
                );
            }
        }
        None => lines.push("SSH: no endpoint yet; see status".to_owned()),
    }
    lines.extend(connection.http_urls().into_iter().map(|url| format!("HTTP: {url}")));
    lines.extend(connection.tcp_endpoints().iter().filter(|endpoint| endpoint.private_port != 22).map(
        |endpoint| format!("TCP port {}: {}:{}", endpoint.private_port, endpoint.ip, endpoint.public_port),
    ));
    lines.push(format!("Web terminal: {}", web_terminal(&pod.id)));
    lines.join("\n")
}
