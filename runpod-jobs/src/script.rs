//! Scripts of this crate's own that run on a pod: `sh` and what every usual image has (coreutils or busybox).

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    sync::Arc,
};

use openssh::{Child, Stdio};
use tokio::io::AsyncWriteExt;

use crate::{Error, Session, exec::exit_status};

/// The exit status by which a script says that a file is not there.
const NOT_FOUND: i32 = 44;
/// The exit status by which a script says that the disk is full.
const NO_SPACE: i32 = 45;
/// The exit status by which a script says that a file is not as it was.
const CHANGED: i32 = 46;
/// The most that is told of a script's standard error.
const MOST_TOLD: usize = 300;

/// A script, its arguments, and what it does in a few words.
pub(crate) struct Script<'a> {
    pub(crate) text: &'static str,
    /// Bytes, as names of files are.
    pub(crate) arguments: Vec<&'a OsStr>,
    pub(crate) during: &'a str,
    /// The path that the script is about.
    pub(crate) path: &'a str,
}

impl Script<'_> {
    /// Starts it; standard input and output are pipes.
    pub(crate) async fn start(&self, session: &Session) -> Result<Child<Arc<openssh::Session>>, Error> {
        self.start_with(session, Stdio::piped(), Stdio::piped()).await
    }

    /// Starts it with this standard input and output.
    pub(crate) async fn start_with(
        &self,
        session: &Session,
        stdin: impl Into<Stdio>,
        stdout: impl Into<Stdio>,
    ) -> Result<Child<Arc<openssh::Session>>, Error> {
        if self.arguments.iter().any(|argument| argument.as_bytes().contains(&0)) {
            return Err(Error::Unsendable { reason: "a path or word holds a NUL" });
        }
        let mut command = Arc::clone(session.master()).arc_command("sh");
        command.args(["-c", self.text, "sh"]).raw_args(self.arguments.iter().map(|word| quoted(word)));
        command.stdin(stdin).stdout(stdout).stderr(Stdio::piped());
        match command.spawn().await {
            Ok(child) => Ok(child),
            Err(error) => Err(session.failed(self.during, &error).await),
        }
    }

    /// Runs it to its end without input; its standard output as text.
    pub(crate) async fn output(&self, session: &Session) -> Result<String, Error> {
        let bytes = self.output_with(session, b"").await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Runs it to its end with an input that fits into a pipe; its standard output.
    pub(crate) async fn output_with(&self, session: &Session, input: &[u8]) -> Result<Vec<u8>, Error> {
        let mut child = self.start(session).await?;
        if let Some(mut stdin) = child.stdin().take() {
            // A script that has ended tells why.
            let _ = stdin.write_all(input).await;
            let _ = stdin.shutdown().await;
        }
        let output = child.wait_with_output().await;
        let (status, stdout, stderr) = match output {
            Ok(output) => (Ok(output.status), output.stdout, output.stderr),
            Err(error) => (Err(error), Vec::new(), Vec::new()),
        };
        self.judge(session, status, &stderr).await?;
        Ok(stdout)
    }

    /// The error of a script that ended, if it failed.
    pub(crate) async fn judge(
        &self,
        session: &Session,
        waited: Result<std::process::ExitStatus, openssh::Error>,
        stderr: &[u8],
    ) -> Result<(), Error> {
        let (pod_id, path) = (session.pod_id(), self.path.to_owned());
        match exit_status(session, self.during, waited).await? {
            0 => Ok(()),
            NOT_FOUND => Err(Error::NotFound { pod_id, path }),
            NO_SPACE => Err(Error::NoSpace { pod_id: Some(pod_id), path }),
            CHANGED => Err(Error::Changed { path }),
            status => {
                let text = String::from_utf8_lossy(stderr);
                if text.contains("No space left")
                    || text.contains("Disk quota")
                    || text.contains("File too large")
                {
                    return Err(Error::NoSpace { pod_id: Some(pod_id), path });
                }
                let text = text.trim();
                let from = text.char_indices().rev().nth(MOST_TOLD - 1).map_or(0, |(at, _)| at);
                let reason =
                    if text.is_empty() { "it said nothing".to_owned() } else { text[from..].to_owned() };
                Err(Error::Remote { pod_id, during: self.during.to_owned(), status, reason })
            }
        }
    }
}

/// A word as a shell takes it for one, whatever bytes it holds.
fn quoted(word: &OsStr) -> OsString {
    let mut quoted = vec![b'\''];
    for byte in word.as_bytes() {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            // Some shells of users look for it within quotes.
            b'!' => quoted.extend_from_slice(b"'\\!'"),
            byte => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    OsString::from_vec(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word_and_keeps_its_bytes() {
        for (word, expected) in [
            (&b"plain"[..], &b"'plain'"[..]),
            (b"", b"''"),
            (b"hi!", b"'hi'\\!''"),
            (b"it's $x", b"'it'\\''s $x'"),
            (b"caf\xe9\n", b"'caf\xe9\n'"),
        ] {
            assert_eq!(quoted(OsStr::from_bytes(word)).as_bytes(), expected);
        }
    }
}
