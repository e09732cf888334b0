//! The log of the run's pod, as a stream.

use std::time::Duration;

use crate::{Exchange, facts::frames, options::Stop, session::Session, wire::Ask};

/// Time in which a log with lines must have sent some.
const SOON: Duration = Duration::from_secs(30);
/// Time after which the edge must have cut a stream, with room to spare.
const CUT: Duration = Duration::from_secs(180);
/// Bytes that are enough of a log.
const ENOUGH: usize = 400;
const ALL: usize = 1 << 20;
/// A cursor that nobody remembers.
const FORGOTTEN: &str = "2020-01-01T00:00:00.000Z/000000000001";
/// A time that no line is written at.
const NEVER: &str = "2099-01-01T00:00:00Z";

pub(super) async fn read(session: &Session, id: &str) -> Result<(), Stop> {
    let path = format!("/v2/pods/{id}/logs");
    let first = session.stream(Ask::get("log", format!("{path}?tail=20")), SOON, ENOUGH).await?;
    if let Some(cursor) = cursor(&first) {
        session.stream(Ask::get("log-resumed", &path).resume(cursor), SOON, ENOUGH).await?;
    }
    session.ask(Ask::get("log-unknown-pod", "/v2/pods/conformancenone/logs")).await?;
    session.stream(Ask::get("log-forgotten", &path).resume(FORGOTTEN.to_owned()), SOON, ENOUGH).await?;
    session.stream(Ask::get("log-silent", format!("{path}?since={NEVER}")), SOON, ENOUGH).await?;
    session.stream(Ask::get("log-cut", path), CUT, ALL).await.map(drop)
}

/// The cursor of the first line, after which more are there.
fn cursor(log: &Exchange) -> Option<String> {
    frames(&log.body).into_iter().find_map(|frame| frame.id.filter(|_| frame.data.is_some()))
}
