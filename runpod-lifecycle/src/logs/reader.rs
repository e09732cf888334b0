//! Reads one log over as many connections as it takes.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use serde_json::Value;
use sse_stream::{Sse, SseStream};
use tokio::time::{Instant, sleep_until};

use crate::{
    Error, ErrorKind, LogLine, LogSource, RunPod,
    client::{call::Call, retry},
    error::operation::Operation,
    logs::position::Position,
    pod::log::LogQuery,
    version::Feature,
};

/// Connections in a row that bring nothing before a reader gives up.
const RECONNECTS: usize = 10;
/// The least time between two connections, and how long one must last to have lived.
const PACE: Duration = Duration::from_secs(1);
/// Bytes of one event, after which it is taken to have no end.
const LARGEST_EVENT: usize = 1024 * 1024;
/// The longest line kept; what is longer is cut.
const LONGEST_LINE: usize = 64 * 1024;
/// The edge's status for an answer that has not begun after 100 s: a log says nothing before its first line.
const SILENT: u16 = 524;

type Events = Pin<Box<dyn Stream<Item = Result<Sse, sse_stream::Error>> + Send>>;

pub(crate) struct Reader {
    runpod: RunPod,
    pod_id: String,
    query: LogQuery,
    connection: Option<Connection>,
    position: Position,
    /// In a row.
    failures: usize,
    last_failure: Option<Error>,
}

struct Connection {
    events: Events,
    began: Instant,
    /// Something came, be it only a sign that the other side is there.
    is_alive: Arc<AtomicBool>,
}

impl Reader {
    pub(crate) fn new(runpod: RunPod, pod_id: String, query: LogQuery) -> Self {
        let position = Position::default();
        Self { runpod, pod_id, query, connection: None, position, failures: 0, last_failure: None }
    }

    /// Returns the last failure, if nothing has gone right since.
    pub(crate) fn last_failure(self) -> Option<Error> {
        self.last_failure
    }

    pub(crate) fn lines(self) -> Pin<Box<dyn Stream<Item = Result<LogLine, Error>> + Send>> {
        Box::pin(stream::unfold(Some(self), |reader| async {
            let mut reader = reader?;
            match reader.next().await {
                Ok(line) => Some((Ok(line), Some(reader))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }

    pub(crate) async fn next(&mut self) -> Result<LogLine, Error> {
        loop {
            let Some(connection) = &mut self.connection else {
                self.connect().await?;
                continue;
            };
            match connection.events.next().await {
                Some(Ok(event)) => {
                    if let Some(line) = self.take(event) {
                        self.go_on();
                        return Ok(line);
                    }
                }
                // What cannot be read now cannot be read on the next connection either.
                Some(Err(error)) if !is_cut(&error) => self.end(false).await?,
                Some(Err(_)) | None => self.end(true).await?,
            }
        }
    }

    async fn connect(&mut self) -> Result<(), Error> {
        let (resume, began) = (self.position.resume(), Instant::now());
        let Self { runpod, pod_id, .. } = &*self;
        let failures = u32::try_from(self.failures).unwrap_or(u32::MAX);
        let call = Call::read(Operation::ReadLogs, Some(pod_id)).attempt(failures.saturating_add(1));
        runpod.require(Feature::Logs, call)?;
        let open = runpod.backend().logs(pod_id, &self.query, &resume);
        match runpod.once(call, Box::pin(open)).await {
            Ok(bytes) => {
                let is_alive = Arc::new(AtomicBool::new(false));
                let sign = Arc::clone(&is_alive);
                let bytes = bytes.inspect_ok(move |_| sign.store(true, Ordering::Relaxed));
                let events = SseStream::from_bytes_stream(bounded(bytes.map_err(io::Error::other)));
                self.connection = Some(Connection { events: Box::pin(events), began, is_alive });
                Ok(())
            }
            Err(error) if is_silence(&error, began.elapsed()) => {
                self.go_on();
                sleep_until(began + PACE).await;
                Ok(())
            }
            Err(error) if is_about_cursor(&error) && self.position.forget_id() => Ok(()),
            Err(error) if error.is_retryable() => self.fail(error).await,
            Err(error) => Err(error),
        }
    }

    /// Sees to the end of a connection, which is a failure only if it brought nothing, or nothing readable.
    async fn end(&mut self, is_readable: bool) -> Result<(), Error> {
        let Some(Connection { began, is_alive, .. }) = self.connection.take() else { return Ok(()) };
        if is_readable && (is_alive.load(Ordering::Relaxed) || began.elapsed() >= PACE) {
            self.go_on();
            sleep_until(began + PACE).await;
            return Ok(());
        }
        let target = Some(self.pod_id.as_str());
        let message = "the log broke off time and again";
        self.fail(Error::of_answer(ErrorKind::Interrupted, Operation::ReadLogs, target, message)).await
    }

    fn go_on(&mut self) {
        (self.failures, self.last_failure) = (0, None);
    }

    /// Counts a failure and pauses, or ends with `error` if there were too many in a row.
    async fn fail(&mut self, error: Error) -> Result<(), Error> {
        self.failures += 1;
        // Known also to callers that do not wait for the pause to end.
        self.last_failure = Some(error.clone());
        let Self { runpod, pod_id, .. } = &*self;
        let is_rested = match retry::pauses(RECONNECTS).nth(self.failures - 1) {
            Some(pause) => {
                runpod.rest_after(&error, Call::read(Operation::ReadLogs, Some(pod_id)), pause).await
            }
            None => false,
        };
        if !is_rested {
            return Err(error);
        }
        Ok(())
    }

    /// The line of an event, unless it is none or was told before.
    fn take(&mut self, event: Sse) -> Option<LogLine> {
        let id = event.id.filter(|id| !id.is_empty());
        let Some(data) = event.data.filter(|data| !data.is_empty()) else {
            self.position.pass(id.as_deref());
            return None;
        };
        let payload = payload(&data);
        let is_new = self.position.take(id.as_deref(), payload.ts.as_deref(), &data);
        is_new.then(|| line_of(payload, data, id))
    }
}

/// Returns true for a connection that ended before its answer began, as that of a silent log does.
fn is_silence(error: &Error, lasted: Duration) -> bool {
    match error.status() {
        Some(status) => status == SILENT,
        None => error.kind() == ErrorKind::Interrupted && lasted >= PACE,
    }
}

/// Returns true for a refusal that a forgotten cursor gets, or one that cannot be sent.
fn is_about_cursor(error: &Error) -> bool {
    error.kind() == ErrorKind::Rejected || matches!(error.status(), Some(400 | 422))
}

/// Returns true if the connection ended, rather than that something unreadable came.
fn is_cut(error: &sse_stream::Error) -> bool {
    let sse_stream::Error::Body(error) = error else { return false };
    error.downcast_ref::<io::Error>().is_none_or(|error| error.kind() != io::ErrorKind::InvalidData)
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
                return Err(io::Error::new(io::ErrorKind::InvalidData, "an event of the log has no end"));
            }
        }
        Ok(chunk)
    })
}

#[derive(Default)]
struct Payload {
    source: Option<String>,
    line: Option<String>,
    ts: Option<String>,
}

/// Reads an event; of data that is not RunPod's JSON, nothing is known.
fn payload(data: &str) -> Payload {
    let fields: Value = serde_json::from_str(data).unwrap_or_default();
    let text = |name: &str| fields.get(name)?.as_str().map(str::to_owned);
    Payload { source: text("source"), line: text("line"), ts: text("ts") }
}

/// A log line; data without one is taken as a line itself.
fn line_of(payload: Payload, data: String, id: Option<String>) -> LogLine {
    let mut line = payload.line.unwrap_or(data);
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
