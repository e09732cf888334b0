//! One command on a pod.

use std::{collections::BTreeMap, fmt, process::ExitStatus, sync::Arc, time::Duration};

use openssh::{Child, Stdio};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{Error, Session};

/// The most of each stream that an [`Output`] holds, unless something else is said.
const MOST_KEPT: usize = 16 << 20;
/// The size of one read.
const CHUNK: usize = 64 << 10;
/// The exit status of `timeout` for a command that took too long.
const TIMED_OUT: i32 = 124;
/// The time between the pod's own limit, which kills the command, and the one here.
const GRACE: Duration = Duration::from_secs(15);
/// Runs the words it is given. The shell stays, and tells of a signal as shells do: 128 and its number.
const RUN: &str = "\"$@\"; exit $?";
/// The same, killed with everything in its group after so many seconds.
const RUN_LIMITED: &str = "limit=$1; shift; timeout -k 5 \"$limit\" \"$@\"; exit $?";

/// A stream of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

type OnOutput = dyn Fn(Stream, &[u8]) + Send + Sync;

/// A command to run on a pod, made by [`Session::exec`] and [`Session::shell`].
#[must_use = "a command does nothing until its output is awaited"]
pub struct Exec {
    session: Session,
    words: Vec<String>,
    env: BTreeMap<String, String>,
    stdin: Vec<u8>,
    limit: Option<Duration>,
    most_kept: usize,
    on_output: Option<Arc<OnOutput>>,
}

/// The outcome of a command.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Output {
    /// Its exit status; 128 and the signal's number if a signal ended it, 126 or 127 if it could not be started.
    pub status: i32,
    /// Standard output, the first part of it if it was longer than what was to be kept.
    pub stdout: Vec<u8>,
    /// Standard error, likewise.
    pub stderr: Vec<u8>,
    /// Bytes that were received and not kept.
    pub dropped: u64,
}

impl Output {
    /// Returns true for exit status 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status == 0
    }
}

impl fmt::Debug for Output {
    /// Sizes only: a command may print secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("status", &self.status)
            .field("stdout", &format_args!("{} bytes", self.stdout.len()))
            .field("stderr", &format_args!("{} bytes", self.stderr.len()))
            .field("dropped", &self.dropped)
            .finish()
    }
}

impl Session {
    /// A command of one program and its arguments. No shell sees them: spaces, quotes, line breaks and a leading `-` are theirs.
    pub fn exec<W: Into<String>>(&self, words: impl IntoIterator<Item = W>) -> Exec {
        Exec::words(self.clone(), words.into_iter().map(Into::into).collect())
    }

    /// A command line for `sh` on the pod, with its pipes, variables and quotes.
    pub fn shell(&self, line: impl Into<String>) -> Exec {
        Exec::words(self.clone(), vec!["sh".to_owned(), "-c".to_owned(), line.into()])
    }
}

impl Exec {
    fn words(session: Session, words: Vec<String>) -> Self {
        Self {
            session,
            words,
            env: BTreeMap::new(),
            stdin: Vec::new(),
            limit: None,
            most_kept: MOST_KEPT,
            on_output: None,
        }
    }

    /// Sets an environment variable of the command. Whoever may list the pod's processes sees it, and nobody else.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Bytes for its standard input. Default: none, an empty input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// The longest it may run: after that it is killed on the pod, with what it has started in its process group. Default: no limit.
    /// At least 1 s, whole seconds. Needs `timeout` on the pod, which every usual image has.
    pub fn time_limit(mut self, longest: Duration) -> Self {
        self.limit = Some(longest);
        self
    }

    /// The most bytes of each stream that are kept. Default: 16 MiB. The command is not held up by more.
    pub fn keep(mut self, bytes: usize) -> Self {
        self.most_kept = bytes;
        self
    }

    /// Hears what it prints as it comes, besides. Must be quick.
    pub fn on_output(mut self, hear: impl Fn(Stream, &[u8]) + Send + Sync + 'static) -> Self {
        self.on_output = Some(Arc::new(hear));
        self
    }

    /// Runs it and waits for its end.
    ///
    /// # Errors
    /// [`Error::Lost`] if the connection breaks, which leaves open what became of the command; [`Error::TimedOut`] after its
    /// [`time_limit`](Self::time_limit). An exit status other than 0 is no error.
    ///
    /// # Cancellation
    /// Dropping the future closes the command's streams. The command itself goes on until it writes, unless it has a time limit.
    pub async fn output(self) -> Result<Output, Error> {
        self.check()?;
        let during = format!("{:?}", self.words.first().map_or("a command", String::as_str));
        let limit = self.limit.map(|limit| limit.max(Duration::from_secs(1)));
        let run = self.run(&during);
        match limit {
            None => run.await,
            Some(longest) => match timeout(longest + GRACE, run).await {
                Ok(Ok(output)) if output.status != TIMED_OUT => Ok(output),
                Ok(Err(error)) => Err(error),
                Ok(Ok(_)) | Err(_) => {
                    Err(Error::TimedOut { pod_id: self.session.pod_id(), during, after: longest })
                }
            },
        }
    }

    fn check(&self) -> Result<(), Error> {
        let has_nul = |text: &String| text.contains('\0');
        if self.words.iter().any(has_nul) {
            return Err(Error::Nul { what: "a word of the command" });
        }
        let is_name = |name: &String| !name.is_empty() && !name.contains(['=', '\0']);
        if !self.env.iter().all(|(name, value)| is_name(name) && !has_nul(value)) {
            return Err(Error::Nul { what: "an environment variable, or its name an equals sign," });
        }
        Ok(())
    }

    async fn run(&self, during: &str) -> Result<Output, Error> {
        let mut child = self.spawn(during).await?;
        let (stdin, stdout, stderr) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A command that reads nothing closes it.
                let _ = stdin.write_all(&self.stdin).await;
                let _ = stdin.shutdown().await;
            }
        };
        let ((), stdout, stderr) =
            tokio::join!(feed, self.read(Stream::Stdout, stdout), self.read(Stream::Stderr, stderr));
        let status = exit_status(&self.session, during, child.wait().await).await?;
        let ((stdout, one), (stderr, other)) = (stdout, stderr);
        Ok(Output { status, stdout, stderr, dropped: one + other })
    }

    async fn spawn(&self, during: &str) -> Result<Child<Arc<openssh::Session>>, Error> {
        let mut command = Arc::clone(self.session.master()).arc_command("env");
        for (name, value) in &self.env {
            command.arg(format!("{name}={value}"));
        }
        command.args(["sh", "-c"]);
        match self.limit {
            None => command.args([RUN, "sh"]),
            Some(limit) => command.args([RUN_LIMITED, "sh", &limit.as_secs().max(1).to_string()]),
        };
        command.args(&self.words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        match command.spawn().await {
            Ok(child) => Ok(child),
            Err(error) => Err(self.session.failed(during, &error).await),
        }
    }

    async fn read(&self, stream: Stream, from: Option<impl AsyncRead + Unpin>) -> (Vec<u8>, u64) {
        let (mut kept, mut dropped, mut chunk) = (Vec::new(), 0, vec![0; CHUNK]);
        let Some(mut from) = from else { return (kept, 0) };
        // The end of a broken connection is told by the exit status.
        while let Ok(read @ 1..) = from.read(&mut chunk).await {
            let bytes = &chunk[..read];
            if let Some(hear) = &self.on_output {
                hear(stream, bytes);
            }
            let room = self.most_kept.saturating_sub(kept.len()).min(read);
            kept.extend_from_slice(&bytes[..room]);
            dropped += (read - room) as u64;
        }
        (kept, dropped)
    }
}

/// The exit status of a command, or the loss of its connection: ssh says 255 for that as well.
pub(crate) async fn exit_status(
    session: &Session,
    during: &str,
    waited: Result<ExitStatus, openssh::Error>,
) -> Result<i32, Error> {
    match waited {
        Ok(status) => status.code().ok_or_else(|| session.lost(during)),
        Err(openssh::Error::Remote(source)) if source.kind() == std::io::ErrorKind::NotFound => Ok(127),
        Err(openssh::Error::RemoteProcessTerminated) => {
            session.check().await.map(|()| 255).map_err(|_| session.lost(during))
        }
        Err(error) => Err(session.failed(during, &error).await),
    }
}

impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exec").field("pod_id", &self.session.pod_id()).finish_non_exhaustive()
    }
}
