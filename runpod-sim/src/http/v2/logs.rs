//! Logs of pods as Server-Sent Events.

use std::{io, sync::Arc, time::Duration};

use axum::body::{Body, Bytes};
use futures_util::stream;
use jiff::Timestamp;
use serde_json::json;
use tokio::{sync::watch, time::Instant};

use crate::{
    contract::Problem,
    http::{
        call::Call,
        reply::{Outcome, Reply},
    },
    world::{
        App,
        behavior::LogIds,
        log::{self, Line, Source},
    },
};

/// Lines of the past that come first, unless the request says otherwise.
const TAIL: usize = 100;
/// Real time without a line before the server shows that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The most lines of the past that are sent at once.
const MOST: usize = 5000;

/// Answers with the log as Server-Sent Events. They never end, unless the edge cuts them.
pub(crate) fn follow(app: &Arc<App>, call: &Call) -> Outcome {
    let behavior = app.behavior();
    let tail = call.query("tail").and_then(|text| text.parse().ok()).unwrap_or(TAIL);
    let source = match call.query("source") {
        Some("container") => Some(Source::Container),
        Some("system") => Some(Source::System),
        _ => None,
    };
    let since = call.query("since").map(|text| time("since", text)).transpose()?;
    let since = since.map(|since| app.clock.instant(since));
    let resume = call.last_event_id.as_deref().map(cursor).transpose()?;
    // By the time of day, since a cursor may be older than the simulator.
    let age = |written: Timestamp| Duration::try_from(app.clock.wall(call.now).duration_since(written)).ok();
    let memory = behavior.log_memory.unwrap_or(Duration::MAX);
    if resume.is_some_and(|(written, _)| age(written).is_some_and(|age| age > memory)) {
        return Err(Problem::bad_request("the cursor in Last-Event-ID is not known"));
    }
    let resume = resume.map(|(written, number)| app.clock.instant(written).saturating_add(number));
    let mut follower = Follower {
        app: app.clone(),
        changed: app.changed.subscribe(),
        pod: call.id().to_owned(),
        source,
        seen: resume.or(since.map(|since| since.saturating_sub(Duration::from_nanos(1)))),
        backlog: String::new(),
        written: 0,
        silent: behavior.quiet_logs,
        end: behavior.log_limit.map(|limit| Instant::now() + limit),
    };
    let mut past = follower.read(call.now).ok_or_else(|| Problem::not_found("pod"))?;
    follower.see(&past);
    past.retain(|line| follower.wants(line));
    let kept = if resume.is_none() { tail } else { MOST };
    past.drain(..past.len().saturating_sub(kept));
    follower.backlog = follower.write(&past);
    let events = Body::from_stream(stream::unfold(follower, Follower::next));
    Ok(Reply::Events { events, quiet: behavior.quiet_logs })
}

fn time(name: &str, text: &str) -> Result<Timestamp, Box<Problem>> {
    text.parse().map_err(|_| Problem::invalid(vec![format!("$.{name}: must be an RFC 3339 time")]))
}

/// The time of the line that an id belongs to, and the number behind it.
fn cursor(id: &str) -> Result<(Timestamp, Duration), Box<Problem>> {
    let (written, number) = id.split_once('/').unwrap_or((id, "0"));
    let number = number.parse().ok().filter(|number| *number < MILLISECOND);
    let number =
        number.ok_or_else(|| Problem::invalid(vec!["$.Last-Event-ID: not an id of ours".to_owned()]))?;
    Ok((time("Last-Event-ID", written)?, Duration::from_nanos(number)))
}

/// Nanoseconds of a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// One reader of one pod's log.
struct Follower {
    app: Arc<App>,
    changed: watch::Receiver<()>,
    pod: String,
    source: Option<Source>,
    /// The instant of the last line that was read.
    seen: Option<Duration>,
    /// Lines written before the request, still to be sent.
    backlog: String,
    /// Lines that were sent.
    written: u64,
    /// True if nothing may be sent before the first line.
    silent: bool,
    /// The instant the edge cuts the stream; `None` means never.
    end: Option<Instant>,
}

impl Follower {
    /// The next events, once there are any, or the cut.
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        if !self.backlog.is_empty() {
            let backlog = std::mem::take(&mut self.backlog);
            self.silent = false;
            return Some((Ok(backlog.into()), self));
        }
        loop {
            self.changed.mark_unchanged();
            let now = self.app.clock.now();
            let lines = self.read(now).unwrap_or_default();
            self.see(&lines);
            let text = self.write(&lines);
            if !text.is_empty() {
                self.silent = false;
                return Some((Ok(text.into()), self));
            }
            let due = self.due(now);
            let app = self.app.clone();
            tokio::select! {
                () = app.clock.sleep_until(due) => {}
                changed = self.changed.changed() => changed.ok()?,
                () = tokio::time::sleep(KEEP_ALIVE), if !self.silent => {
                    return Some((Ok(Bytes::from_static(b": still here\n\n")), self));
                }
                () = cut(self.end) => return Some((Err(io::ErrorKind::ConnectionReset.into()), self)),
            }
        }
    }

    fn read(&self, until: Duration) -> Option<Vec<Line>> {
        let account = self.app.account();
        let pod = account.pod(&self.pod, until, self.app.settings.terminated_linger)?;
        Some(log::lines(pod, self.seen, until.saturating_add(log::INSTANT)))
    }

    fn see(&mut self, lines: &[Line]) {
        self.seen = lines.last().map(|line| line.at).or(self.seen);
    }

    fn wants(&self, line: &Line) -> bool {
        self.source.is_none_or(|source| source == line.source)
    }

    /// The instant to read the log again, unless something happens before.
    fn due(&self, now: Duration) -> Duration {
        let account = self.app.account();
        let pod = account.pod(&self.pod, now, self.app.settings.terminated_linger);
        pod.and_then(|pod| log::next(pod, now.saturating_add(log::INSTANT))).unwrap_or(Duration::MAX)
    }

    fn write(&mut self, lines: &[Line]) -> String {
        let behavior = self.app.behavior();
        let mut text = String::new();
        for line in lines.iter().filter(|line| self.source.is_none_or(|source| source == line.source)) {
            let id = id(&self.app, line, behavior.log_ids);
            let at = self.app.clock.wall(line.at);
            let data = json!({ "source": line.source, "line": line.text, "ts": at.to_string() });
            text += &format!("id: {id}\ndata: {data}\n\n");
            self.written += 1;
            if behavior.odd_log_frames && self.written % 5 == 1 {
                text += &format!("id: {id}\n\ndata: not json\n\n");
            }
        }
        text
    }
}

/// The id of a line, which says when it was written, to the nanosecond.
fn id(app: &App, line: &Line, form: LogIds) -> String {
    let wall = app.clock.wall(line.at);
    match form {
        LogIds::Time => wall.to_string(),
        LogIds::Numbered => {
            let number = wall.subsec_nanosecond().unsigned_abs() % 1_000_000;
            format!("{wall:.3}/{number:012}")
        }
    }
}

async fn cut(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}
