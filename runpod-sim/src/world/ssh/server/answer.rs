//! Scripted answers to commands over SSH.

use std::{fmt, sync::Arc};

/// A scripted answer to a command over SSH.
///
/// ```
/// use runpod_sim::{ExecAnswer, Sim};
///
/// let sim = Sim::builder().on_exec(|command| match command {
///     "nvidia-smi -L" => ExecAnswer::new(0).stdout("GPU 0: NVIDIA GeForce RTX 4090\n"),
///     _ => ExecAnswer::new(127).stderr("not found\n"),
/// });
/// # let _ = sim;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an answer is not given until a script returns it"]
pub struct ExecAnswer {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) status: u8,
}

impl ExecAnswer {
    /// An answer without output and with an exit status.
    pub fn new(status: u8) -> Self {
        Self { stdout: Vec::new(), stderr: Vec::new(), status }
    }

    /// The bytes on stdout. Default: none.
    pub fn stdout(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdout = bytes.into();
        self
    }

    /// The bytes on stderr. Default: none.
    pub fn stderr(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stderr = bytes.into();
        self
    }

    /// The answer of a simulator that was told nothing about commands.
    pub(crate) fn refusal() -> Self {
        Self::new(126).stderr("this simulator runs no commands; see --exec\n")
    }
}

/// A function that answers commands.
#[derive(Clone)]
pub(crate) struct Script(pub(crate) Arc<dyn Fn(&str) -> ExecAnswer + Send + Sync>);

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}
