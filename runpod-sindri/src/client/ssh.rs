//! The ssh client of the machine.

use std::process::Command;

use crate::{RunpodProvider, variables::Variables};

impl RunpodProvider {
    /// The answer to `ssh -V`; `None` if there is no ssh.
    pub(crate) fn ssh_version(&self) -> Option<String> {
        let output = self.ssh().arg("-V").output().ok()?;
        let text =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        let version = text.split([',', '\n']).next().unwrap_or_default().trim();
        Some(if version.is_empty() { "unknown" } else { version }.to_owned())
    }

    /// The ssh client, found on the `PATH` the provider was given, with what it needs of the process's variables: no key
    /// and no secret, which its configuration could send to the pod.
    pub(crate) fn ssh(&self) -> Command {
        let mut command = Command::new("ssh");
        command.env_clear();
        command.envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_for_ssh)));
        if let Variables::Given(_) = self.variables
            && let Some(path) = self.variables.get("PATH")
        {
            command.env("PATH", path.expose());
        }
        command
    }
}

/// Returns true if ssh goes by a variable: to find its files, its agent, its terminal, whom to ask and in which language.
fn is_for_ssh(name: &str) -> bool {
    const WHOLE: [&str; 24] = [
        "APPDATA",
        "COMSPEC",
        "DISPLAY",
        "HOME",
        "LANG",
        "LANGUAGE",
        "LOCALAPPDATA",
        "LOGNAME",
        "PATH",
        "PROGRAMDATA",
        "SHELL",
        "SYSTEMROOT",
        "TEMP",
        "TERM",
        "TERMINFO",
        "TMP",
        "TMPDIR",
        "TZ",
        "USER",
        "USERNAME",
        "USERPROFILE",
        "WAYLAND_DISPLAY",
        "XAUTHORITY",
        "XDG_RUNTIME_DIR",
    ];
    const BEGINNINGS: [&str; 2] = ["LC_", "SSH_"];
    let name = name.to_ascii_uppercase();
    WHOLE.contains(&name.as_str()) || BEGINNINGS.iter().any(|start| name.starts_with(start))
}
