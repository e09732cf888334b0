//! The log of a pod's container and of RunPod's machinery around it.

mod position;
mod reader;

use std::{pin::Pin, time::Duration};

use futures_util::Stream;
use tokio::time::{Instant, timeout_at};

use crate::{
    Error, LogLine, LogSource, RunPod, client::call::Call, error::operation::Operation, logs::reader::Reader,
    pod::log::LogQuery,
};

/// The silence after which a log counts as read to its end.
const SILENCE: Duration = Duration::from_secs(1);
/// The longest the past is read: a container that never stops talking has no silence.
const LONGEST_HISTORY: Duration = Duration::from_secs(10);

/// A query of a pod's log, begun by [`RunPod::logs`].
#[derive(Clone, Debug)]
#[must_use = "nothing is read until history or follow is called"]
pub struct Logs {
    runpod: RunPod,
    pod_id: String,
    query: LogQuery,
}

impl RunPod {
    /// Opens the log of a pod. Goes on with [`Logs::history`] or [`Logs::follow`].
    ///
    /// ```no_run
    /// # async fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), runpod_lifecycle::Error> {
    /// use runpod_lifecycle::LogSource;
    ///
    /// for line in runpod.logs("k3x9q2m7v1b8z5").source(LogSource::System).tail(20).history().await? {
    ///     println!("{line}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn logs(&self, pod_id: impl Into<String>) -> Logs {
        Logs { runpod: self.clone(), pod_id: pod_id.into(), query: LogQuery { source: None, tail: 100 } }
    }
}

impl Logs {
    /// Only the lines of one source. Default: all.
    pub fn source(mut self, source: LogSource) -> Self {
        self.query.source = Some(source);
        self
    }

    /// The number of past lines to begin with, at most 5000. Default 100.
    pub fn tail(mut self, lines: u32) -> Self {
        self.query.tail = lines.min(5000);
        self
    }

    /// The past lines, oldest first.
    ///
    /// RunPod's log never ends, and a silent one does not even begin. Returns after as many lines as were asked
    /// for, 1 s of silence after a line, or 10 s, whichever comes first.
    ///
    /// # Errors
    /// If the log cannot be opened in that time; [`ErrorKind::Unsupported`](crate::ErrorKind) on REST v1.
    pub async fn history(self) -> Result<Vec<LogLine>, Error> {
        let (runpod, id) = (self.runpod.clone(), self.pod_id.clone());
        let call = Call::read(Operation::ReadLogs, Some(&id));
        runpod.operation(call, self.past(LONGEST_HISTORY)).await
    }

    /// The past lines, as many as come within `longest`.
    pub(crate) async fn past(self, longest: Duration) -> Result<Vec<LogLine>, Error> {
        let wanted = self.query.tail as usize;
        let mut lines = Vec::new();
        let mut reader = Reader::new(self.runpod, self.pod_id, self.query);
        let deadline = Instant::now() + longest;
        while lines.len() < wanted {
            // The first line may take longer than the next.
            let silence = if lines.is_empty() { longest } else { SILENCE };
            match timeout_at(deadline.min(Instant::now() + silence), reader.next()).await {
                Ok(line) => lines.push(line?),
                Err(_) => break,
            }
        }
        match reader.last_failure() {
            Some(error) if lines.is_empty() => Err(error),
            _ => Ok(lines),
        }
    }

    /// The past lines and then every new one, until the stream is dropped.
    ///
    /// RunPod's edge cuts a log about every 100 s, and a silent one before it began: that is no failure, however long
    /// it goes on. A connection that ends is made anew at the last line read, without loss or repetition; should
    /// RunPod have forgotten that line, at its time. The stream ends with an error once connections bring nothing at
    /// all ten times in a row, or RunPod refuses it.
    #[must_use]
    pub fn follow(self) -> Pin<Box<dyn Stream<Item = Result<LogLine, Error>> + Send>> {
        Reader::new(self.runpod, self.pod_id, self.query).lines()
    }
}
