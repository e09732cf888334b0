//! The kinds of faults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A kind of fault. "Applied" means that the request took effect before things went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The connection is closed without an answer; nothing is applied.
    DropBeforeRead,
    /// The request is applied, then the connection is closed without an answer.
    DropAfterApply,
    /// The request is applied, then the connection is closed in the middle of the answer's body.
    DropMidAnswer,
    /// A refusal with this status in the API's own error shape.
    Status {
        /// 400 to 599.
        status: u16,
        /// The server's words; `None` for its usual ones.
        detail: Option<String>,
        /// True if the request is applied all the same.
        applied: bool,
    },
    /// 429; nothing is applied.
    RateLimited {
        /// Value of `Retry-After`, in whole real seconds; `None` leaves the header out.
        retry_after: Option<Duration>,
        /// Time for which `RateLimit` says that another window, the hour, stays exhausted; `None` leaves that window
        /// with room.
        exhausted_for: Option<Duration>,
    },
    /// 403 as plain text, `error code: 1010`, from the edge; nothing is applied.
    EdgeBlock,
    /// An HTML page in place of the answer.
    Html {
        /// 200 to 599.
        status: u16,
        /// True if the request is applied all the same.
        applied: bool,
    },
    /// The request is applied; the answer's JSON ends in the middle, in a complete HTTP message.
    TruncatedJson,
    /// The request is applied; the answer says that it is `text/plain`.
    WrongContentType,
    /// The request is applied; the answer's body takes this much real time, at most 10 minutes, to arrive.
    SlowBody {
        /// From the first to the last byte.
        lasting: Duration,
    },
    /// No answer for this much real time, at most 10 minutes; then the connection is closed.
    Hang {
        /// Until the connection is closed.
        lasting: Duration,
        /// True if the request is applied all the same.
        applied: bool,
    },
    /// A field of the answer, and of each item of a list, has the value `SOMETHING_NEW`.
    UnknownEnum {
        /// Dotted path, such as `status`.
        field: String,
    },
    /// A field of the answer, and of each item of a list, is left out.
    MissingField {
        /// Dotted path, such as `ssh.direct`.
        field: String,
    },
    /// A field of the answer, and of each item of a list, is null.
    NullField {
        /// Dotted path, such as `runtime`.
        field: String,
    },
    /// A list of pods begins with a pod that has an unknown status, nulls and unknown fields.
    OddPod,
    /// One create makes two pods, if there is stock for two; the answer shows the first.
    DuplicateCreate,
    /// 410: this API is retired; nothing is applied.
    Gone,
    /// The container of the created or started pod exits again and again; the pod stays RUNNING and bills.
    ExitLoop {
        /// Simulated time from one exit to the next.
        every: Duration,
    },
    /// The created or started pod ends up in ERROR instead of RUNNING.
    BootFailure,
    /// The created or started pod never gets past a stage of its boot.
    Stuck {
        /// The stage it stays in.
        stage: BootStage,
    },
    /// A stopped pod's machine has no free GPU: starting it is refused with 400.
    HostFull,
    /// A stopped pod comes back without GPUs.
    ZeroGpus,
    /// The created or started pod is RUNNING without a runtime, and its system log repeats why.
    CannotStart {
        /// The reason.
        cause: Cause,
        /// Simulated time from RUNNING until it can be started after all; `None` means never.
        healing: Option<Duration>,
    },
    /// A start, stop, restart or delete is accepted, and nothing happens.
    Ignored,
    /// The pod is created without its environment.
    DropEnvironment,
    /// A connection to a pod's sshd in which no key logs in. Needs the feature `ssh`.
    SshLoginRefused,
    /// A connection to a pod's sshd that hangs after the versions for this much real time, at most 10 minutes, and is
    /// closed then. Needs the feature `ssh`.
    SshHang {
        /// Until the connection is closed.
        lasting: Duration,
    },
    /// A connection to a pod's sshd that is closed in the middle of what it carries. Needs the feature `ssh`.
    SshDrop {
        /// Encrypted bytes since the login that are still carried, in both directions together.
        after_bytes: u64,
    },
    /// The container exits once a command over SSH has begun, and is started again: its processes die, its disk is
    /// wiped, its connections close, and the pod stays RUNNING and bills. Needs the feature `ssh`.
    ContainerExit {
        /// Simulated time from the command's begin to the exit.
        after: Duration,
    },
    /// A command or sftp session in which no file can be written to. Needs the feature `ssh` and commands that run.
    DiskFull,
}

/// A reason for which a container cannot be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// The registry denies the pull.
    PullDenied,
    /// There is no such image.
    ImageMissing,
    /// A layer of the image cannot be downloaded.
    LayerMissing,
    /// The image needs a newer CUDA than its host has.
    CudaTooOld,
    /// The image is made for another kind of machine.
    ExecFormat,
    /// The disk is full.
    NoSpace,
    /// The container needs more memory than there is.
    OutOfMemory,
}

impl Cause {
    /// The line that the system log repeats.
    pub(crate) fn line(self, image: &str) -> String {
        match self {
            Self::PullDenied => format!(
                "error creating container: Error response from daemon: pull access denied for {image}, repository \
                 does not exist or may require 'docker login': denied: requested access to the resource is denied"
            ),
            Self::ImageMissing => format!(
                "error creating container: Error response from daemon: manifest for {image} not found: manifest \
                 unknown: manifest unknown"
            ),
            Self::LayerMissing => {
                "error creating container: failed to register layer: layer does not exist".to_owned()
            }
            Self::CudaTooOld => "error starting container: Error response from daemon: failed to create task for \
                container: nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.9, please update \
                your driver to a newer version, or use an earlier cuda container: unknown"
                .to_owned(),
            Self::ExecFormat => "error starting container: exec /start.sh: exec format error".to_owned(),
            Self::NoSpace => "error creating container: failed to register layer: write /usr/lib/libcudnn.so: no \
                space left on device"
                .to_owned(),
            Self::OutOfMemory => "container was killed: out of memory (OOMKilled), exit code 137".to_owned(),
        }
    }
}

/// A stage of a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum BootStage {
    /// PROVISIONING: no machine is found.
    Provisioning,
    /// STARTING: the image never arrives.
    Starting,
    /// RUNNING without public ports.
    Ports,
    /// RUNNING with public ports that nothing listens on.
    Listening,
}

/// The names faults go by in files, over HTTP and in the request log.
pub(crate) const NAMES: [&str; 30] = [
    "drop-before-read",
    "drop-after-apply",
    "drop-mid-answer",
    "status",
    "rate-limited",
    "edge-block",
    "html",
    "truncated-json",
    "wrong-content-type",
    "slow-body",
    "hang",
    "unknown-enum",
    "missing-field",
    "null-field",
    "odd-pod",
    "duplicate-create",
    "gone",
    "exit-loop",
    "boot-failure",
    "stuck",
    "host-full",
    "zero-gpus",
    "cannot-start",
    "ignored",
    "drop-environment",
    "ssh-login-refused",
    "ssh-hang",
    "ssh-drop",
    "container-exit",
    "disk-full",
];

/// The names of the faults that this build can inject.
#[cfg(feature = "page")]
pub(crate) fn names() -> &'static [&'static str] {
    let without_ssh = NAMES.len() - 5;
    if cfg!(feature = "ssh") { &NAMES } else { &NAMES[..without_ssh] }
}

/// The names of the values that a fault takes, in a script.
#[cfg(feature = "page")]
pub(crate) fn takes(name: &str) -> &'static [&'static str] {
    match name {
        "status" => &["status", "detail", "applied"],
        "rate-limited" => &["retry_after_seconds", "exhausted_seconds"],
        "html" => &["status", "applied"],
        "slow-body" | "exit-loop" | "ssh-hang" | "container-exit" => &["seconds"],
        "hang" => &["seconds", "applied"],
        "unknown-enum" | "missing-field" | "null-field" => &["field"],
        "stuck" => &["stage"],
        "cannot-start" => &["cause", "seconds"],
        "ssh-drop" => &["bytes"],
        _ => &[],
    }
}

/// Calls of faults that are no operations of the API: a connection to a pod's sshd, a command or a shell, and an sftp
/// session.
pub(crate) const SSH_CALLS: [&str; 3] = [SSH_CONNECT, SSH_EXEC, SSH_SFTP];
pub(crate) const SSH_CONNECT: &str = "ssh:connect";
pub(crate) const SSH_EXEC: &str = "ssh:exec";
pub(crate) const SSH_SFTP: &str = "ssh:sftp";

const CREATES: [&str; 2] = ["createPod", "CreatePod"];
const STARTS: [&str; 2] = ["podAction:start", "StartPod"];
const CHANGES: [&str; 6] = ["deletePod", "DeletePod", "StartPod", "StopPod", "RestartPod", "ResetPod"];
const LISTS: [&str; 2] = ["listPods", "ListPods"];

impl FaultKind {
    /// An answer with this status, of a request that was not applied.
    #[must_use]
    pub fn status_before(status: u16) -> Self {
        Self::Status { status, detail: None, applied: false }
    }

    /// An answer with this status, of a request that was applied.
    #[must_use]
    pub fn status_after(status: u16) -> Self {
        Self::Status { status, detail: None, applied: true }
    }

    /// 400 with words that mean "no capacity", or any other refusal's own words.
    #[must_use]
    pub fn refusal(status: u16, detail: impl Into<String>) -> Self {
        Self::Status { status, detail: Some(detail.into()), applied: false }
    }

    /// The name it goes by in files, over HTTP and in the request log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::DropBeforeRead => "drop-before-read",
            Self::DropAfterApply => "drop-after-apply",
            Self::DropMidAnswer => "drop-mid-answer",
            Self::Status { .. } => "status",
            Self::RateLimited { .. } => "rate-limited",
            Self::EdgeBlock => "edge-block",
            Self::Html { .. } => "html",
            Self::TruncatedJson => "truncated-json",
            Self::WrongContentType => "wrong-content-type",
            Self::SlowBody { .. } => "slow-body",
            Self::Hang { .. } => "hang",
            Self::UnknownEnum { .. } => "unknown-enum",
            Self::MissingField { .. } => "missing-field",
            Self::NullField { .. } => "null-field",
            Self::OddPod => "odd-pod",
            Self::DuplicateCreate => "duplicate-create",
            Self::Gone => "gone",
            Self::ExitLoop { .. } => "exit-loop",
            Self::BootFailure => "boot-failure",
            Self::Stuck { .. } => "stuck",
            Self::HostFull => "host-full",
            Self::ZeroGpus => "zero-gpus",
            Self::CannotStart { .. } => "cannot-start",
            Self::Ignored => "ignored",
            Self::DropEnvironment => "drop-environment",
            Self::SshLoginRefused => "ssh-login-refused",
            Self::SshHang { .. } => "ssh-hang",
            Self::SshDrop { .. } => "ssh-drop",
            Self::ContainerExit { .. } => "container-exit",
            Self::DiskFull => "disk-full",
        }
    }

    /// Returns true if it strikes the SSH servers of pods.
    pub(crate) fn needs_ssh(&self) -> bool {
        SSH_CALLS.iter().any(|call| self.suits(call))
    }

    /// Returns true if the request takes effect.
    pub(crate) fn applies(&self) -> bool {
        match self {
            Self::DropBeforeRead | Self::RateLimited { .. } | Self::EdgeBlock | Self::Gone => false,
            Self::Status { applied, .. } | Self::Html { applied, .. } | Self::Hang { applied, .. } => {
                *applied
            }
            _ => true,
        }
    }

    /// Returns true if it can happen to this call. Other calls are not counted.
    pub(crate) fn suits(&self, call: &str) -> bool {
        match self {
            Self::OddPod => LISTS.contains(&call),
            Self::DuplicateCreate | Self::DropEnvironment => CREATES.contains(&call),
            Self::ExitLoop { .. } | Self::BootFailure | Self::Stuck { .. } | Self::CannotStart { .. } => {
                CREATES.contains(&call) || STARTS.contains(&call)
            }
            Self::HostFull | Self::ZeroGpus => STARTS.contains(&call),
            Self::Ignored => call.starts_with("podAction:") || CHANGES.contains(&call),
            Self::SshLoginRefused | Self::SshHang { .. } | Self::SshDrop { .. } => call == SSH_CONNECT,
            Self::ContainerExit { .. } => call == SSH_EXEC,
            Self::DiskFull => [SSH_EXEC, SSH_SFTP].contains(&call),
            _ => !SSH_CALLS.contains(&call),
        }
    }

    /// Says which of its values is invalid; `None` when all are valid.
    pub(crate) fn flaw(&self) -> Option<&'static str> {
        const LONGEST: Duration = Duration::from_secs(600);
        match self {
            Self::Status { status, .. } if !(400..=599).contains(status) => {
                Some("`status` must be 400 to 599")
            }
            Self::Html { status, .. }
                if !(200..=599).contains(status) || *status == 204 || *status == 304 =>
            {
                Some("`status` must be 200 to 599, and one that has a body")
            }
            Self::SlowBody { lasting } | Self::Hang { lasting, .. } | Self::SshHang { lasting }
                if *lasting > LONGEST =>
            {
                Some("`seconds` must be at most 600")
            }
            Self::ExitLoop { every } if *every < Duration::from_secs(1) => {
                Some("`seconds` must be at least 1")
            }
            Self::UnknownEnum { field } | Self::MissingField { field } | Self::NullField { field }
                if field.split('.').any(str::is_empty) =>
            {
                Some("`field` must be a dotted path such as `ssh.direct`")
            }
            kind if kind.needs_ssh() && !cfg!(feature = "ssh") => {
                Some("this simulator was built without the feature `ssh`, which the fault needs")
            }
            _ => None,
        }
    }
}
