//! The way to log in to a pod.

use std::{
    ffi::OsString,
    fmt::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use runpod_lifecycle::{Pod, PodHandle, SshEndpoint};
use tokio::fs;

use crate::Error;

/// The longest a connection may take, unless something else is said.
const PATIENCE: Duration = Duration::from_secs(20);

/// The way to log in to a pod over its direct SSH endpoint: who, with which key, and where host keys are kept.
///
/// Without anything said it is what `ssh` does: the user that RunPod names (root), the keys of ssh-agent and `~/.ssh`. Host keys are new at
/// every start of a pod, so they are kept in a file per start.
///
/// ```no_run
/// use runpod_jobs::Login;
/// # async fn example(pod: runpod_lifecycle::PodHandle) -> Result<(), runpod_jobs::Error> {
/// let session = Login::new().identity_file("id_ed25519").connect(&pod).await?;
/// let listed = session.exec(["ls", "-l", "/workspace"]).output().await?;
/// println!("{}", String::from_utf8_lossy(&listed.stdout));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Login {
    user: Option<String>,
    identity_file: Option<PathBuf>,
    agent: Option<PathBuf>,
    known_hosts: Option<PathBuf>,
    patience: Option<Duration>,
}

impl Login {
    /// As `ssh` would by itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// The user to log in as. Default: the one RunPod names, root.
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.user = Some(name.into());
        self
    }

    /// The private key to use, and no other. Default: those of ssh-agent and `~/.ssh`. One with a passphrase works through
    /// ssh-agent only: nobody is asked for it.
    pub fn identity_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.identity_file = Some(path.into());
        self
    }

    /// The socket of ssh-agent. Default: `SSH_AUTH_SOCK`.
    pub fn agent(mut self, socket: impl Into<PathBuf>) -> Self {
        self.agent = Some(socket.into());
        self
    }

    /// The file of host keys. Default: `~/.ssh/known_hosts_runpod_<pod id>_<start>`, one per start of the pod.
    pub fn known_hosts(mut self, path: impl Into<PathBuf>) -> Self {
        self.known_hosts = Some(path.into());
        self
    }

    /// The longest a connection may take to be logged in. Default: 20 s.
    pub fn patience(mut self, longest: Duration) -> Self {
        self.patience = Some(longest);
        self
    }

    /// The key that is to be used; `None` for those that ssh finds.
    pub(crate) fn identity(&self) -> Option<&Path> {
        self.identity_file.as_deref()
    }

    pub(crate) fn agent_socket(&self) -> Option<&Path> {
        self.agent.as_deref()
    }

    /// The file of host keys that was named; `None` for one per start of the pod.
    pub(crate) fn own_known_hosts(&self) -> Option<&Path> {
        self.known_hosts.as_deref()
    }

    /// Finds a key that is not there.
    pub(crate) async fn check_identity(&self) -> Result<(), Error> {
        match self.identity() {
            Some(path) => fs::metadata(path).await.map(drop).map_err(Error::local(path)),
            None => Ok(()),
        }
    }

    pub(crate) fn longest(&self) -> Duration {
        self.patience.unwrap_or(PATIENCE)
    }

    /// An entry for `~/.ssh/config`, so that `ssh NAME`, editors and other tools reach the pod. `None` without a direct endpoint.
    ///
    /// A name with anything but letters, digits, `.`, `_` and `-` is `None` too: ssh would read more than a name in it.
    #[must_use]
    pub fn ssh_config_entry(&self, pod: &PodHandle, name: &str) -> Option<String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.starts_with('-') || !name.chars().all(is_plain) {
            return None;
        }
        let endpoint = self.endpoint(pod).ok()?;
        let mut entry = format!(
            "Host {name}\n  HostName {}\n  Port {}\n  User {}\n  StrictHostKeyChecking accept-new\n",
            endpoint.host, endpoint.port, endpoint.username
        );
        for (option, path) in self.paths(pod) {
            let _ = writeln!(entry, "  {option} {}", quoted(&path)?);
        }
        if self.identity_file.is_some() {
            entry += "  IdentitiesOnly yes\n";
        }
        Some(entry)
    }

    /// The arguments for `scp`, and for `ssh` with `-p` in place of `-P`, before any path: `scp ARGUMENTS local root@host:path`. Empty without
    /// a direct endpoint.
    #[must_use]
    pub fn scp_arguments(&self, pod: &PodHandle) -> Vec<OsString> {
        self.arguments(pod, "-P")
    }

    /// The value of rsync's `-e`: the ssh command that reaches the pod, for a POSIX shell. `None` without a direct endpoint, or if a path
    /// holds what rsync cannot quote.
    #[must_use]
    pub fn rsync_shell(&self, pod: &PodHandle) -> Option<String> {
        let words = self.arguments(pod, "-p");
        if words.is_empty() {
            return None;
        }
        let mut shell = "ssh".to_owned();
        for word in words {
            let word = word.into_string().ok()?;
            match word.contains(|c: char| c.is_whitespace() || "'\"\\".contains(c)) {
                true if word.contains('\'') => return None,
                true => shell += &format!(" '{word}'"),
                false => shell += &format!(" {word}"),
            }
        }
        Some(shell)
    }

    fn arguments(&self, pod: &Pod, port: &str) -> Vec<OsString> {
        let Ok(endpoint) = self.endpoint(pod) else { return Vec::new() };
        let mut words: Vec<OsString> = ["-o", "StrictHostKeyChecking=accept-new"].map(Into::into).into();
        words.extend(self.own_arguments(pod));
        words.extend([port.into(), endpoint.port.to_string().into()]);
        words
    }

    /// The arguments that name the files of this login.
    pub(crate) fn own_arguments(&self, pod: &Pod) -> Vec<OsString> {
        let mut words = Vec::new();
        for (option, path) in self.paths(pod) {
            let mut assignment = OsString::from(option);
            assignment.push("=");
            assignment.push(one_word(&path));
            words.extend(["-o".into(), assignment]);
        }
        if self.identity_file.is_some() {
            words.extend(["-o", "IdentitiesOnly=yes"].map(Into::into));
        }
        words
    }

    /// The options that name files.
    fn paths(&self, pod: &Pod) -> Vec<(&'static str, PathBuf)> {
        let known_hosts = self.known_hosts_of(pod).map(|path| ("UserKnownHostsFile", path));
        let identity = self.identity_file.iter().map(|path| ("IdentityFile", path.clone()));
        known_hosts.into_iter().chain(identity).collect()
    }

    fn known_hosts_of(&self, pod: &Pod) -> Option<PathBuf> {
        let own = || pod.connection().known_hosts_file().map(PathBuf::from);
        self.known_hosts.clone().or_else(own)
    }

    pub(crate) fn endpoint(&self, pod: &Pod) -> Result<SshEndpoint, Error> {
        let connection = match &self.user {
            Some(user) => pod.connection().ssh_user(user),
            None => pod.connection(),
        };
        connection.direct_ssh().ok_or_else(|| Error::NoEndpoint { pod_id: pod.id.clone() })
    }
}

/// A path as one word of an option: ssh takes several, apart by blanks.
fn one_word(path: &Path) -> OsString {
    quoted(path).map_or_else(|| path.as_os_str().to_owned(), OsString::from)
}

/// A path as ssh's configuration quotes it; `None` if that cannot.
fn quoted(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    match text.contains(['"', '\n', '\r', '\0']) {
        true => None,
        false if text.contains(char::is_whitespace) => Some(format!("\"{text}\"")),
        false => Some(text.to_owned()),
    }
}
