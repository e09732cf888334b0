//! What a pod's container and RunPod's machinery around it say.

use std::{fmt, io, pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use runpod_api::printable;
use serde::Deserialize;
use sse_stream::{Sse, SseStream};
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    Error, ErrorKind, RunPod,
    client::retry,
    client::{Call, Feature, PATIENCE},
};

const READ: &str = "read logs of pod";
/// How long a log must be silent to count as read to its end.
const SILENCE: Duration = Duration::from_secs(1);
/// The longest the past is read: a container that never stops talking has no silence.
const LONGEST_HISTORY: Duration = Duration::from_secs(10);
/// Reconnects in a row without a line before a follow gives up.
const RECONNECTS: usize = 10;
/// Bytes of one event, after which it is taken to have no end.
const LARGEST_EVENT: usize = 1024 * 1024;
/// Events with one and the same id that are remembered to tell repetitions from news.
const MOST_TOLD: usize = 1000;
/// The longest line kept; what is longer is cut.
const LONGEST_LINE: usize = 64 * 1024;

/// Where a log line comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogSource {
    /// The container's own output.
    Container,
    /// RunPod's machinery: image pulls, starts, exits.
    System,
    /// A source this version does not know.
    Other(String),
}

impl LogSource {
    /// RunPod's word: `container` or `system`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Container => "container",
            Self::System => "system",
            Self::Other(word) => word,
        }
    }
}

/// One line of a pod's log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// Who said it.
    pub source: LogSource,
    /// What was said, without line break.
    pub line: String,
    /// When, RFC 3339 as RunPod wrote it; `None` if it did not.
    pub at: Option<String>,
}

/// One line, safe to show on a terminal; [`line`](Self::line) is what the container wrote.
impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{} {} {}", self.at.as_deref().unwrap_or("-"), self.source.as_str(), self.line);
        f.write_str(&printable(&line))
    }
}

/// A look into a pod's log, begun by [`RunPod::logs`].
#[derive(Clone, Debug)]
#[must_use = "nothing is read until history or follow is called"]
pub struct Logs {
    runpod: RunPod,
    pod_id: String,
    pub(crate) source: Option<LogSource>,
    pub(crate) tail: u32,
}

impl RunPod {
    /// A look into the log of a pod. Goes on with [`Logs::history`] or [`Logs::follow`].
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
        Logs { runpod: self.clone(), pod_id: pod_id.into(), source: None, tail: 100 }
    }
}

impl Logs {
    /// Only the lines of one source. Default: all.
    pub fn source(mut self, source: LogSource) -> Self {
        self.source = Some(source);
        self
    }

    /// How many past lines to begin with, at most 5000. Default 100.
    pub fn tail(mut self, lines: u32) -> Self {
        self.tail = lines.min(5000);
        self
    }

    /// The past lines, oldest first.
    ///
    /// RunPod's log never ends by itself, so the past is taken to be over once as many lines came as
    /// were asked for, none came for 1 s, or 10 s have passed.
    ///
    /// # Errors
    /// If the log cannot be opened, or breaks off time and again; [`ErrorKind::Unsupported`] on REST v1.
    pub async fn history(self) -> Result<Vec<LogLine>, Error> {
        let wanted = self.tail as usize;
        let mut lines = Vec::new();
        if wanted == 0 {
            return Ok(lines);
        }
        let mut reader = Reader::new(self);
        while reader.connection.is_none() {
            reader.connect().await?;
        }
        let mut stream = reader.lines();
        let deadline = Instant::now() + LONGEST_HISTORY;
        while lines.len() < wanted {
            // The first line may take longer than the next.
            let silence = if lines.is_empty() { LONGEST_HISTORY } else { SILENCE };
            match timeout_at(deadline.min(Instant::now() + silence), stream.next()).await {
                Ok(Some(line)) => lines.push(line?),
                Ok(None) | Err(_) => break,
            }
        }
        Ok(lines)
    }

    /// The past lines and then every new one, until the stream is dropped.
    ///
    /// When the connection breaks it is made anew at the last line read, without loss or repetition.
    /// The stream ends with an error once that fails ten times in a row, or RunPod refuses it.
    #[must_use]
    pub fn follow(self) -> Pin<Box<dyn Stream<Item = Result<LogLine, Error>> + Send>> {
        Reader::new(self).lines()
    }
}

type Events = Pin<Box<dyn Stream<Item = Result<Sse, sse_stream::Error>> + Send>>;

/// Reads one log over as many connections as it takes.
struct Reader {
    logs: Logs,
    connection: Option<Events>,
    /// The id of the last event, where a new connection resumes.
    cursor: Option<String>,
    /// The events told with that id, in order: a resumed connection may repeat them.
    told: Vec<String>,
    /// How many of those the present connection has repeated.
    skip: usize,
    failures: usize,
}

impl Reader {
    fn new(logs: Logs) -> Self {
        Self { logs, connection: None, cursor: None, told: Vec::new(), skip: 0, failures: 0 }
    }

    fn lines(self) -> Pin<Box<dyn Stream<Item = Result<LogLine, Error>> + Send>> {
        Box::pin(stream::unfold(Some(self), |reader| async {
            let mut reader = reader?;
            match reader.next().await {
                Ok(line) => Some((Ok(line), Some(reader))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }

    async fn next(&mut self) -> Result<LogLine, Error> {
        loop {
            let Some(connection) = &mut self.connection else {
                self.connect().await?;
                continue;
            };
            match connection.next().await {
                Some(Ok(event)) => {
                    if let Some(line) = self.take(event) {
                        self.failures = 0;
                        return Ok(line);
                    }
                }
                Some(Err(_)) | None => {
                    self.connection = None;
                    let message = "the log broke off time and again";
                    let target = Some(self.logs.pod_id.as_str());
                    self.fail(Error::of_answer(ErrorKind::Interrupted, READ, target, message)).await?;
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<(), Error> {
        let Logs { runpod, pod_id, .. } = &self.logs;
        let call = Call::look(READ, Some(pod_id));
        runpod.require(Feature::Logs, call)?;
        let open = runpod.backend().logs(pod_id, &self.logs, self.cursor.as_deref());
        match runpod.once(call, Box::pin(open)).await {
            Ok(bytes) => {
                let body = bounded(bytes.map_err(io::Error::other));
                self.connection = Some(Box::pin(SseStream::from_bytes_stream(body)));
                self.skip = 0;
                Ok(())
            }
            Err(error) if error.is_retryable() => self.fail(error).await,
            Err(error) => Err(error),
        }
    }

    /// Counts a failure and pauses, or ends with `error` if there were too many in a row.
    async fn fail(&mut self, error: Error) -> Result<(), Error> {
        self.failures += 1;
        let asked = self.logs.runpod.asked_pause(&error);
        match retry::pauses(RECONNECTS).nth(self.failures - 1) {
            Some(pause) if asked <= PATIENCE => sleep(pause.max(asked)).await,
            _ => return Err(error),
        }
        Ok(())
    }

    /// The line of an event, unless it is none or was told before.
    fn take(&mut self, event: Sse) -> Option<LogLine> {
        let data = event.data?;
        if self.cursor == event.id && self.told.get(self.skip) == Some(&data) {
            self.skip += 1;
            return None;
        }
        if self.cursor != event.id || event.id.is_none() || self.told.len() >= MOST_TOLD {
            self.cursor.clone_from(&event.id);
            self.told.clear();
        }
        let line = line_of(&data, event.id);
        self.told.push(data);
        self.skip = self.told.len();
        Some(line)
    }
}

/// The same bytes, broken off where an event becomes larger than [`LARGEST_EVENT`].
fn bounded<B: AsRef<[u8]>>(
    bytes: impl Stream<Item = Result<B, io::Error>>,
) -> impl Stream<Item = Result<B, io::Error>> {
    let (mut size, mut line_is_empty) = (0, true);
    bytes.map(move |chunk| {
        let chunk = chunk?;
        for byte in chunk.as_ref().iter().filter(|byte| **byte != b'\r') {
            // An empty line ends an event.
            let ends = *byte == b'\n' && line_is_empty;
            line_is_empty = *byte == b'\n';
            size = if ends { 0 } else { size + 1 };
            if size > LARGEST_EVENT {
                return Err(io::Error::other("an event of the log has no end"));
            }
        }
        Ok(chunk)
    })
}

#[derive(Deserialize)]
struct Payload {
    source: Option<String>,
    line: Option<String>,
    ts: Option<String>,
}

/// A line from an event's data; data that is not RunPod's JSON is taken as a line itself.
fn line_of(data: &str, id: Option<String>) -> LogLine {
    let payload: Payload =
        serde_json::from_str(data).unwrap_or(Payload { source: None, line: Some(data.to_owned()), ts: None });
    let mut line = payload.line.unwrap_or_default();
    if let Some((cut, _)) = line.char_indices().find(|(position, _)| *position >= LONGEST_LINE) {
        line.truncate(cut);
    }
    LogLine {
        source: match payload.source.as_deref() {
            Some("container") => LogSource::Container,
            Some("system") => LogSource::System,
            other => LogSource::Other(other.unwrap_or_default().to_owned()),
        },
        line,
        at: payload.ts.or(id),
    }
}
