//! Addresses of an environment.

use runpod_lifecycle::{Connection, PodHandle, printable};
use serde::{Deserialize, Serialize};

use crate::DeploymentState;

/// Note on the variables that a shell over ssh lacks, and how to have them there.
pub(crate) const VARIABLES: &str = "Variables: a session over ssh has none of the pod's variables, secrets included. In bash, as root: while IFS= read -rd '' v; do export \"$v\"; done < /proc/1/environ";

/// Addresses of an environment, by one poll. External ports change on every start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionInfo {
    /// The command that opens a shell; `None` until the pod has an SSH endpoint.
    pub ssh_command: Option<String>,
    /// The URL of the first http port, `https://` through RunPod's proxy; `None` without one. The one that Sindri shows.
    pub http_url: Option<String>,
    /// The same if it begins with `https://`.
    pub https_url: Option<String>,
    /// Everything else there is to know, one thing a line.
    pub instructions: Option<String>,
}

impl ConnectionInfo {
    /// For this user over direct SSH, if it is to be another than RunPod names.
    pub(crate) fn of(pod: &PodHandle, user: Option<&str>) -> Self {
        let Some(connection) = ways(pod, user) else {
            let reason =
                format!("pod {} is {}: a start brings new addresses", pod.id, DeploymentState::of(pod));
            return Self { instructions: Some(reason), ..Self::default() };
        };
        let url = connection.http_urls().into_iter().next();
        Self {
            ssh_command: connection.ssh_command().map(|command| command.to_string()),
            https_url: url.clone().filter(|url| url.starts_with("https://")),
            http_url: url,
            instructions: Some(instructions(pod, &connection)),
        }
    }
}

/// The ways to reach a pod; `None` unless it runs or may run: what RunPod shows of another leads elsewhere by now.
pub(crate) fn ways<'a>(pod: &'a PodHandle, user: Option<&str>) -> Option<Connection<'a>> {
    let may_run = matches!(
        DeploymentState::of(pod),
        DeploymentState::Running | DeploymentState::Creating | DeploymentState::Unknown
    );
    may_run.then(|| user.into_iter().fold(pod.connection(), Connection::ssh_user))
}

/// RunPod's terminal in the browser, for when there is no ssh client.
pub(crate) fn web_terminal(pod_id: &str) -> String {
    format!("https://www.runpod.io/console/pods/{pod_id}/terminal")
}

fn instructions(pod: &PodHandle, connection: &Connection<'_>) -> String {
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
            lines.push(VARIABLES.to_owned());
        }
        None => lines.push("SSH: no endpoint yet; see status".to_owned()),
    }
    lines.extend(connection.http_urls().into_iter().map(|url| format!("HTTP: {url}")));
    lines.extend(connection.tcp_endpoints().iter().filter(|endpoint| endpoint.private_port != 22).map(
        |endpoint| format!("TCP port {}: {}:{}", endpoint.private_port, endpoint.ip, endpoint.public_port),
    ));
    lines.push(format!("Web terminal: {}", web_terminal(&pod.id)));
    lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
}
