//! One command on a pod.

use std::{collections::BTreeMap, fmt, process::ExitStatus, sync::Arc, time::Duration};

use openssh::{Child, Stdio};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout},
};

use crate::{Error, Session, env::exports};

/// The most of each stream that an [`Output`] holds, unless something else is said.
const MOST_KEPT: usize = 16 << 20;
/// The size of one read.
const CHUNK: usize = 64 << 10;
/// Exit statuses of a command that `timeout` has ended, by SIGTERM or SIGKILL, as coreutils and busybox have them.
const TIMED_OUT: [i32; 3] = [124, 137, 143];
/// The time between the pod's own limit, which kills the command, and the one here.
const GRACE: Duration = Duration::from_secs(15);
/// Runs the words it is given: a program, never a builtin of the shell. The shell stays, and tells of a signal as shells do: 128 and
/// its number. The first bytes of the input are a script of its own, read one by one so that none of the rest is taken.
const RUN: &str = r#"
size=$1 limit=$2; shift 2
[ "$size" = 0 ] || eval "$(dd bs=1 count="$size" 2> /dev/null)"
if [ "$limit" != 0 ]; then timeout -k 5 "$limit" "$@"; exit $?; fi
case $1 in -*) "$@" ;; *) (exec "$@") ;; esac
exit $?"#;

/// The same in a process group of its own, without input: that is a rope, and whatever lets go of it, here or on the way, ends the
/// group.
const RUN_ON_A_ROPE: &str = r#"
size=$1 limit=$2; shift 2
command -v setsid > /dev/null || { echo 'there is no setsid' >&2; exit 127; }
[ "$size" = 0 ] || eval "$(dd bs=1 count="$size" 2> /dev/null)"
[ "$limit" = 0 ] || set -- timeout -k 5 "$limit" "$@"
exec 3<&0 < /dev/null
setsid "$@" 3<&- &
child=$!
( cat <&3 > /dev/null; kill -TERM "-$child"; sleep 5; kill -KILL "-$child" ) > /dev/null 2>&1 &
dog=$!
exec 3<&-
wait "$child"
status=$?
kill "$dog"
exit "$status""#;

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
    is_on_a_rope: bool,
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
            is_on_a_rope: false,
            limit: None,
            most_kept: MOST_KEPT,
            on_output: None,
        }
    }

    /// Sets an environment variable of the command, whose name a shell could use. It is in no command line, here or there.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Bytes for its standard input. Default: none, an empty input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Ends the command with its process group on the pod, by SIGTERM and 5 s later by SIGKILL, if the future is dropped or the connection
    /// breaks. It has an empty input then, whatever [`stdin`](Self::stdin) says. Needs `setsid` on the pod, which every usual image has.
    pub fn kill_on_drop(mut self) -> Self {
        self.is_on_a_rope = true;
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
    /// Dropping the future closes the command's streams. The command itself goes on until it writes, unless it has a time limit or is to
    /// be [killed](Self::kill_on_drop).
    pub async fn output(self) -> Result<Output, Error> {
        self.check()?;
        let during = format!("{:?}", self.words.first().map_or("a command", String::as_str));
        let limit = self.limit.map(|limit| limit.max(Duration::from_secs(1)));
        let began = Instant::now();
        let run = self.run(&during);
        let Some(longest) = limit else { return run.await };
        let outcome = timeout(longest + GRACE, run).await;
        let is_over = |status: i32| TIMED_OUT.contains(&status) && began.elapsed() >= longest;
        match outcome {
            Ok(Ok(output)) if !is_over(output.status) => Ok(output),
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) | Err(_) => {
                Err(Error::TimedOut { pod_id: self.session.pod_id(), during, after: longest })
            }
        }
    }

    fn check(&self) -> Result<(), Error> {
        if self.words.is_empty() {
            return Err(Error::Unsendable { reason: "a command has no words" });
        }
        if self.words.iter().any(|word| word.contains('\0')) {
            return Err(Error::Unsendable { reason: "a word of a command holds a NUL" });
        }
        Ok(())
    }

    async fn run(&self, during: &str) -> Result<Output, Error> {
        let exports = exports(&self.env)?;
        let mut child = self.spawn(during, exports.len()).await?;
        let (stdin, stdout, stderr) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
        let (rope, stdout, stderr) = tokio::join!(
            self.feed(stdin, &exports),
            self.read(Stream::Stdout, stdout),
            self.read(Stream::Stderr, stderr)
        );
        let status = exit_status(&self.session, during, child.wait().await).await?;
        drop(rope);
        let ((stdout, one), (stderr, other)) = (stdout, stderr);
        if status == 255 && String::from_utf8_lossy(&stderr).contains("mux_client_request_session") {
            let reason = "the pod's sshd takes no more sessions on one connection".to_owned();
            let (pod_id, during) = (self.session.pod_id(), during.to_owned());
            return Err(Error::Remote { pod_id, during, status, reason });
        }
        Ok(Output { status, stdout, stderr, dropped: one + other })
    }

    /// Writes what it is to read, and gives back what it hangs on.
    async fn feed(&self, stdin: Option<impl AsyncWrite + Unpin>, exports: &str) -> Option<impl AsyncWrite> {
        let mut stdin = stdin?;
        // A command that reads nothing closes it.
        let _ = stdin.write_all(exports.as_bytes()).await;
        if self.is_on_a_rope {
            let _ = stdin.flush().await;
            return Some(stdin);
        }
        let _ = stdin.write_all(&self.stdin).await;
        let _ = stdin.shutdown().await;
        None
    }

    async fn spawn(&self, during: &str, exports: usize) -> Result<Child<Arc<openssh::Session>>, Error> {
        let limit = self.limit.map_or(0, |limit| limit.as_secs().max(1));
        let mut command = Arc::clone(self.session.master()).arc_command("sh");
        let script = if self.is_on_a_rope { RUN_ON_A_ROPE } else { RUN };
        command.args(["-c", script, "sh", &exports.to_string(), &limit.to_string()]).args(&self.words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
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
