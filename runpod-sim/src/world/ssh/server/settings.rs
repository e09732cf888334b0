//! Settings of commands over SSH.

use std::time::Duration;

use super::answer::{ExecAnswer, Script};

/// Limits of the commands that a simulator runs in its pods.
///
/// ```
/// use std::time::Duration;
/// use runpod_sim::{ExecLimits, Sim};
///
/// let limits = ExecLimits { lasting: Duration::from_secs(60), ..ExecLimits::default() };
/// let sim = Sim::builder().exec(true).exec_limits(limits);
/// # let _ = sim;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecLimits {
    /// Commands, shells and sftp sessions of one pod at once, 1 to 10,000. One more is refused. Default: 16.
    pub sessions: u32,
    /// Bytes that one command may write to stdout and stderr together. Then its processes are killed.
    /// Default: 256 MiB.
    pub output_bytes: u64,
    /// Real time that one command may take, at least 1 ms. Then its processes are killed. Default: 10 minutes.
    pub lasting: Duration,
}

impl Default for ExecLimits {
    fn default() -> Self {
        Self { sessions: 16, output_bytes: 256 << 20, lasting: Duration::from_secs(600) }
    }
}

/// Everything that is set about commands over SSH.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShellSettings {
    pub(crate) commands: Commands,
    pub(crate) limits: ExecLimits,
}

/// The way commands are answered.
#[derive(Debug, Clone, Default)]
pub(crate) enum Commands {
    #[default]
    Refused,
    Scripted(Script),
    /// As child processes of the simulator's user.
    Run,
}

impl ShellSettings {
    pub(crate) fn runs(&self) -> bool {
        matches!(self.commands, Commands::Run)
    }

    /// Says which limit is out of range; `None` when none is.
    pub(crate) fn flaw(&self) -> Option<&'static str> {
        let ExecLimits { sessions, lasting, .. } = self.limits;
        match () {
            () if !(1..=10_000).contains(&sessions) => Some("`sessions` must be 1 to 10,000"),
            () if lasting < Duration::from_millis(1) => Some("a command needs at least 1 ms"),
            () => None,
        }
    }
}

impl Commands {
    /// The answer to a command that is not run; a shell is the empty command.
    pub(super) fn answer(&self, command: &str) -> ExecAnswer {
        match self {
            Self::Scripted(script) => (script.0)(command),
            Self::Refused | Self::Run => ExecAnswer::refusal(),
        }
    }
}
