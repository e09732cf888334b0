//! Failures over SSH, told apart by what to do next.

use std::{fmt, io, path::PathBuf, time::Duration};

use runpod_lifecycle::printable;

/// A failure of a session, a copy or a job.
///
/// Its Display says what was done, on which pod, what was heard, and what to do next. It holds no variable's value and nothing that a command
/// printed but the last words of a script of this crate's own.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// OpenSSH's client, `ssh`, could not be started on this machine.
    NoClient {
        /// Why.
        source: io::Error,
    },
    /// The pod has no direct SSH endpoint. RunPod's proxy carries an interactive shell and nothing else.
    NoEndpoint {
        /// The pod's id.
        pod_id: String,
    },
    /// No pod of the spec could be logged in to: it opens no `22/tcp`. Nothing was deployed.
    NoSshPort {
        /// The name of the pod that was to be.
        name: String,
    },
    /// Nothing that speaks SSH answers there, or not in time, or not for long enough to log in.
    Unreachable {
        /// The pod's id.
        pod_id: String,
        /// The words of ssh, or the time that was waited.
        reason: String,
    },
    /// The host key is another than the one that was seen at this start of the pod.
    HostKey {
        /// The pod's id.
        pod_id: String,
        /// The words of ssh.
        reason: String,
    },
    /// The pod accepts none of the keys.
    LoginRefused {
        /// The pod's id.
        pod_id: String,
        /// The user that tried to log in.
        user: String,
        /// The words of ssh.
        reason: String,
    },
    /// The connection broke while something was under way.
    Lost {
        /// The pod's id.
        pod_id: String,
        /// The thing that was under way.
        during: String,
    },
    /// Something took longer than it was given. A command was killed on the pod.
    TimedOut {
        /// The pod's id.
        pod_id: String,
        /// The thing that was under way.
        during: String,
        /// The time it was given.
        after: Duration,
    },
    /// There is no such file or folder on the pod.
    NotFound {
        /// The pod's id.
        pod_id: String,
        /// The path.
        path: String,
    },
    /// The disk is full, on the pod or here.
    NoSpace {
        /// The pod's id; `None` for this machine.
        pod_id: Option<String>,
        /// The path that was written.
        path: String,
    },
    /// A file changed while it was copied. What was copied so far is kept aside, and not taken for the file.
    Changed {
        /// The path.
        path: String,
    },
    /// A file of this machine could not be read or written.
    Local {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A script of this crate failed on the pod.
    Remote {
        /// The pod's id.
        pod_id: String,
        /// The thing it was to do.
        during: String,
        /// Its exit status.
        status: i32,
        /// The end of what it wrote to standard error.
        reason: String,
    },
    /// Something that no command can be: one without words, a word with a NUL, a variable's name that no shell takes.
    Unsendable {
        /// The reason, as a clause.
        reason: &'static str,
    },
}

impl Error {
    /// Returns true if the same may work after connecting again.
    #[must_use]
    pub fn is_connection(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Unreachable { .. })
    }

    pub(crate) fn local(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::NoSpace { pod_id: None, path: path.display().to_string() }
            }
            _ => Self::Local { path, source },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())?;
        self.hint().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl Error {
    /// The thing that was done, on which pod, and what was heard.
    #[must_use]
    pub fn summary(&self) -> String {
        printable(&self.words()).into_owned()
    }

    /// Advice on what to do next in a program; `None` where the summary says all there is to say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoClient { .. } => "install OpenSSH's client",
            Self::NoEndpoint { .. } => "deploy it with .port(\"22/tcp\") and wait for Ready::Ssh",
            Self::NoSshPort { .. } => "add .port(\"22/tcp\")",
            Self::Unreachable { .. } => "poll it again, since addresses are new after every start",
            Self::HostKey { .. } => "if it was restarted, poll it again and connect anew",
            Self::LoginRefused { .. } => {
                "the keys that count are those the account had when the pod was created (add_ssh_key, then a new pod), a key with a passphrase needs ssh-agent"
            }
            Self::Lost { .. } => "connect again",
            Self::Changed { .. } => "copy it again",
            _ => return None,
        })
    }

    fn words(&self) -> String {
        match self {
            Self::NoClient { source } => format!("ssh could not be started: {source}"),
            Self::NoEndpoint { pod_id } => format!("pod {pod_id} has no direct SSH endpoint"),
            Self::NoSshPort { name } => {
                format!("the spec of {name:?} opens no 22/tcp, so nobody could log in")
            }
            Self::Unreachable { pod_id, reason } => {
                format!("pod {pod_id} could not be reached over SSH: {reason}")
            }
            Self::HostKey { pod_id, reason } => {
                format!("pod {pod_id} shows another host key than before: {reason}")
            }
            Self::LoginRefused { pod_id, user, reason } => {
                format!("pod {pod_id} accepts no key for {user}: {reason}")
            }
            Self::Lost { pod_id, during } => {
                format!("the connection to pod {pod_id} was lost during {during}")
            }
            Self::TimedOut { pod_id, during, after } => {
                format!("{during} on pod {pod_id} took longer than {} s", after.as_secs_f64())
            }
            Self::NotFound { pod_id, path } => format!("pod {pod_id} has no {path:?}"),
            Self::NoSpace { pod_id: Some(pod_id), path } => {
                format!("the disk of pod {pod_id} is full: {path:?} could not be written")
            }
            Self::NoSpace { pod_id: None, path } => {
                format!("the disk of this machine is full: {path:?} could not be written")
            }
            Self::Changed { path } => format!("{path:?} changed while it was copied"),
            Self::Local { path, source } => format!("{}: {source}", path.display()),
            Self::Remote { pod_id, during, status, reason } => {
                format!("{during} failed on pod {pod_id} with status {status}: {reason}")
            }
            Self::Unsendable { reason } => format!("nothing was sent: {reason}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The text has said what the source says; what is below it is left.
        match self {
            Self::NoClient { source } | Self::Local { source, .. } => source.source(),
            _ => None,
        }
    }
}
