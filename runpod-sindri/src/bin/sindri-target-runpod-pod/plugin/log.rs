//! Progress, for whoever reads standard error.

use std::{
    fmt::Display,
    io::{self, Write},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

/// The longest that the last lines are waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// Lines on their way to standard error. Sindri holds its other end and never reads it, so that a pipe that is full would hold up
/// whoever writes: a thread of its own does.
pub(crate) struct Log {
    lines: Sender<String>,
    written: Receiver<()>,
}

impl Log {
    pub(crate) fn start() -> Self {
        let (lines, coming) = channel::<String>();
        let (done, written) = channel();
        thread::spawn(move || {
            for line in coming {
                let _ = writeln!(io::stderr(), "{line}");
            }
            drop(done);
        });
        Self { lines, written }
    }

    /// Takes lines from anywhere.
    pub(crate) fn writer(&self) -> impl Fn(&dyn Display) + Send + Sync + 'static {
        let lines = self.lines.clone();
        move |line| {
            let _ = lines.send(line.to_string());
        }
    }

    /// Waits until everything is written, or for a moment.
    pub(crate) fn end(self) {
        drop(self.lines);
        let _ = self.written.recv_timeout(PATIENCE);
    }
}
