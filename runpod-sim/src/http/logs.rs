use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use super::{App, Call, Outcome, Reply};
use crate::log::{self, Line, Source};
use crate::pod::{Phase, PodStatus};
use crate::problem::Problem;

/// Lines of the past that come first, unless the request says otherwise.
const TAIL: usize = 100;
/// Real time without a line before the server shows that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Answers with the log as Server-Sent Events, which go on while the pod is up.
pub(super) fn follow(app: &Arc<App>, call: &Call) -> Outcome {
    let tail = call.query("tail").and_then(|text| text.parse().ok()).unwrap_or(TAIL);
    let source = match call.query("source") {
        Some("container") => Some(Source::Container),
        Some("system") => Some(Source::System),
        _ => None,
    };
    let since = call.query("since").map(|text| instant(app, "query.since", text)).transpose()?;
    let resume = call.last_event_id.as_deref().map(|text| instant(app, "Last-Event-ID", text)).transpose()?;
    let mut follower = Follower {
        app: app.clone(),
        changed: app.changed.subscribe(),
        pod: call.id().to_owned(),
        source,
        seen: resume.or(since.map(|since| since.saturating_sub(Duration::from_nanos(1)))),
        backlog: String::new(),
    };
    let mut past = follower.read(call.now).ok_or_else(|| Problem::not_found("pod", call.id()))?;
    follower.see(&past);
    past.retain(|line| follower.wants(line));
    if resume.is_none() {
        past.drain(..past.len().saturating_sub(tail));
    }
    follower.backlog = follower.write(&past);
    Ok(Reply::Events(Body::from_stream(stream::unfold(follower, Follower::next))))
}

fn instant(app: &App, name: &str, text: &str) -> Result<Duration, Box<Problem>> {
    let wall: Timestamp =
        text.parse().map_err(|_| Problem::invalid(vec![format!("{name}: must be an RFC 3339 time")]))?;
    Ok(app.clock.instant(wall))
}

/// One reader of one pod's log.
struct Follower {
    app: Arc<App>,
    changed: watch::Receiver<()>,
    pod: String,
    source: Option<Source>,
    /// The instant of the last line that was looked at.
    seen: Option<Duration>,
    /// What was written before the request, still to be sent.
    backlog: String,
}

impl Follower {
    /// The next events, once there are any; `None` at the end of the log.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if !self.backlog.is_empty() {
            let backlog = std::mem::take(&mut self.backlog);
            return Some((Ok(backlog.into()), self));
        }
        loop {
            self.changed.mark_unchanged();
            let now = self.app.clock.now();
            let lines = self.read(now).unwrap_or_default();
            self.see(&lines);
            let text = self.write(&lines);
            let due = self.due(now);
            if !text.is_empty() {
                return Some((Ok(text.into()), self));
            }
            let due = due?;
            let app = self.app.clone();
            tokio::select! {
                () = app.clock.sleep_until(due) => {}
                changed = self.changed.changed() => changed.ok()?,
                () = tokio::time::sleep(KEEP_ALIVE) => return Some((Ok(Bytes::from_static(b": still here\n\n")), self)),
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

    /// When to look again; `None` when nothing more will be written.
    fn due(&self, now: Duration) -> Option<Duration> {
        let account = self.app.account();
        let pod = account.pod(&self.pod, now, self.app.settings.terminated_linger)?;
        match pod.phase {
            Phase::Up { .. } => {
                let due = log::next(pod, now.saturating_add(log::INSTANT));
                let over = due.is_none() && pod.status(now) == PodStatus::Error;
                (!over).then_some(due.unwrap_or(Duration::MAX))
            }
            Phase::Exited { .. } | Phase::Terminated { .. } => None,
        }
    }

    fn write(&self, lines: &[Line]) -> String {
        let event = |line: &Line| {
            let at = self.app.clock.wall(line.at);
            let data = json!({ "source": line.source, "line": line.text, "ts": at.to_string() });
            format!("id: {at}\ndata: {data}\n\n")
        };
        lines.iter().filter(|line| self.wants(line)).map(event).collect()
    }
}
