//! The first words of SSH: the version exchange of RFC 4253, section 4.2.

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// The line that this side sends first. A version holds neither spaces nor hyphens.
pub(crate) const IDENTIFICATION: &[u8] =
    concat!("SSH-2.0-runpod_lifecycle_", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes();
/// The versions of the protocol that a client of today speaks: 1.99 stands for 2.0 and older.
const SPOKEN: [&str; 2] = ["SSH-2.0-", "SSH-1.99-"];
/// Lines that may come before the version, as many as OpenSSH's client reads.
const MOST_LINES: usize = 1024;
/// Bytes of all of them together.
const MOST_BYTES: u64 = 64 * 1024;
/// Characters of a server's words that are shown.
const SHOWN: usize = 120;

/// The lines a server has sent so far.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The line that is being read.
    line: Vec<u8>,
    /// The last line that says something.
    words: Option<String>,
}

impl Heard {
    /// Reads until the server names its version; returns true if it speaks SSH 2.0.
    ///
    /// Cancel safe: what was heard until then is kept.
    pub(crate) async fn listen(&mut self, stream: impl AsyncRead + Unpin) -> bool {
        let mut reader = BufReader::new(stream).take(MOST_BYTES);
        for _ in 0..MOST_LINES {
            match reader.read_until(b'\n', &mut self.line).await {
                Ok(0) | Err(_) => return false,
                Ok(_) if SPOKEN.iter().any(|version| self.line.starts_with(version.as_bytes())) => {
                    return self.line.ends_with(b"\n");
                }
                // Only the version begins so.
                Ok(_) if self.line.starts_with(b"SSH-") => return false,
                Ok(_) => self.end_line(),
            }
        }
        false
    }

    /// Returns what the endpoint does instead of naming its version.
    pub(crate) fn what_it_does(mut self) -> String {
        self.end_line();
        self.words.map_or_else(
            || "accepts connections, but sshd does not answer yet".to_owned(),
            |words| format!("says {words:?} instead of an SSH greeting"),
        )
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        let plain: String = line.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
        let plain = plain.trim();
        if !plain.is_empty() {
            self.words = Some(plain.to_owned());
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn heard(says: &[u8]) -> Result<(), String> {
        let mut heard = Heard::default();
        if heard.listen(says).await { Ok(()) } else { Err(heard.what_it_does()) }
    }

    #[tokio::test]
    async fn a_version_is_a_greeting_and_lines_may_come_before_it() {
        let preamble = "# key cert ssh\r\n".repeat(1023);
        for greeting in [
            "SSH-2.0-OpenSSH_9.8\r\n",
            "SSH-2.0-dropbear\n",
            "SSH-1.99-Cisco-1.25\r\n",
            "SSH-2.0-OpenSSH_9.8 Ubuntu-3\r\nbinary follows \0\x01",
            "Welcome to host 7\r\nBooting, please wait\r\nSSH-2.0-OpenSSH_8.9\r\n",
            "\r\n\r\nSSH-2.0-x\r\n",
            &format!("{preamble}SSH-2.0-late\r\n"),
        ] {
            assert_eq!(heard(greeting.as_bytes()).await, Ok(()), "{greeting:?}");
        }
    }

    #[tokio::test]
    async fn anything_else_is_repeated_in_its_own_words() {
        let says = |words: &str| format!("says {words:?} instead of an SSH greeting");
        for (other, reason) in [
            ("", "accepts connections, but sshd does not answer yet".to_owned()),
            ("\r\n \r\n", "accepts connections, but sshd does not answer yet".to_owned()),
            ("Not allowed at this time\r\n", says("Not allowed at this time")),
            ("Exceeded MaxStartups", says("Exceeded MaxStartups")),
            ("HTTP/1.1 400 Bad Request\r\n\r\n", says("HTTP/1.1 400 Bad Request")),
            ("SSH-1.5-old\r\n", says("SSH-1.5-old")),
            ("SSH-2.0-cut", says("SSH-2.0-cut")),
            ("say SSH-2.0-\r\n", says("say SSH-2.0-")),
            ("\x1b[2Jclear\x07\r\n", says("[2Jclear")),
        ] {
            assert_eq!(heard(other.as_bytes()).await, Err(reason), "{other:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_never_stops_talking_is_cut_off() {
        let lines = "x\n".repeat(MOST_LINES + 1) + "SSH-2.0-never\r\n";
        let bytes = "x".repeat(70 * 1024) + "\nSSH-2.0-never\r\n";
        for endless in [lines, bytes] {
            let reason = heard(endless.as_bytes()).await.expect_err("it is none");
            assert!(reason.len() < 200, "{reason}");
        }
    }

    #[test]
    fn the_identification_is_one_of_rfc_4253() {
        let text = std::str::from_utf8(IDENTIFICATION).unwrap();
        let version = text.strip_prefix("SSH-2.0-").and_then(|rest| rest.strip_suffix("\r\n")).unwrap();
        assert!(version.bytes().all(|b| b.is_ascii_graphic() && b != b'-') && text.len() <= 255, "{text:?}");
    }
}
