//! Answers on the wire, with the faults that distort them.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::reply::{Quiet, Reply};
use crate::{
    contract::{Api, Problem},
    faults::FaultKind,
};

const HTML: &str = "<!DOCTYPE html><html><head><title>Something is wrong</title></head>\
    <body><h1>Something is wrong</h1><p>The page you asked for is not here right now.</p></body></html>\n";
/// Pieces a slow body comes in.
const PIECES: u32 = 10;

/// Real time in which half of an answer goes out before the connection breaks.
const FLUSH: Duration = Duration::from_millis(10);

/// Marks an answer that must never be sent: the connection is closed instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut;

/// An answer on its way out.
pub(super) struct Delivery {
    pub(super) response: Response,
    /// Real time to wait before anything is sent.
    pub(super) delay: Duration,
}

impl Delivery {
    pub(super) fn now(response: Response) -> Self {
        Self { response, delay: Duration::ZERO }
    }

    fn cut() -> Self {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(Cut);
        Self::now(response)
    }

    pub(super) fn is_cut(&self) -> bool {
        self.response.extensions().get::<Cut>().is_some()
    }
}

/// Changes an answer's JSON as a fault says.
pub(super) fn distort(fault: &FaultKind, reply: &mut Reply) {
    if let Reply::Written(text) = reply {
        *reply = Reply::Json(StatusCode::OK, serde_json::from_str(text).unwrap_or_default());
    }
    let Reply::Json(_, body) = reply else { return };
    match fault {
        FaultKind::UnknownEnum { field } => {
            each(body, field, &|item| set(item, field, Some("SOMETHING_NEW".into())));
        }
        FaultKind::MissingField { field } => each(body, field, &|item| set(item, field, None)),
        FaultKind::NullField { field } => each(body, field, &|item| set(item, field, Some(Value::Null))),
        FaultKind::OddPod => list(body).into_iter().for_each(|pods| pods.insert(0, odd_pod())),
        _ => {}
    }
}

/// The items of a list answer: of v1's bare array, or of the one array in v2's object.
fn list(body: &mut Value) -> Option<&mut Vec<Value>> {
    match body {
        Value::Array(items) => Some(items),
        Value::Object(map) if !map.contains_key("id") => map.values_mut().find_map(Value::as_array_mut),
        _ => None,
    }
}

/// Changes a field of an answer. A list has few of its own, such as `pagination`; all others are those of its items.
fn each(body: &mut Value, field: &str, change: &dyn Fn(&mut Value)) {
    let is_own = field.split('.').next().is_some_and(|name| body.get(name).is_some());
    match list(body).filter(|_| !is_own) {
        Some(items) => items.iter_mut().for_each(change),
        None => change(body),
    }
}

/// Sets the field at a dotted path where its parent exists, or takes it out.
fn set(item: &mut Value, path: &str, value: Option<Value>) {
    let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
    let mut parents = parents.split('.').filter(|part| !part.is_empty());
    let parent = parents.try_fold(item, |item, part| item.get_mut(part));
    let Some(parent) = parent.and_then(Value::as_object_mut) else { return };
    match value {
        Some(value) => parent.insert(name.to_owned(), value),
        None => parent.remove(name),
    };
}

fn odd_pod() -> Value {
    json!({
        "id": "oddpod00000000", "name": null, "status": "HIBERNATING", "desiredStatus": "HIBERNATING",
        "env": null, "ports": null, "cost": null, "ssh": null, "runtime": {}, "newThing": { "depth": [1, null] },
    })
}

/// Changes an answer as a whole as a fault says.
pub(super) fn deliver(fault: &FaultKind, response: Response, body: Option<Vec<u8>>, api: Api) -> Delivery {
    match fault {
        FaultKind::DropBeforeRead | FaultKind::DropAfterApply => Delivery::cut(),
        FaultKind::Hang { lasting, .. } => Delivery { delay: *lasting, ..Delivery::cut() },
        FaultKind::Status { status, detail, .. } => Delivery::now(refusal(*status, detail.as_deref(), api)),
        FaultKind::Gone => Delivery::now(refusal(410, Some("This API was retired; use v2."), api)),
        FaultKind::RateLimited { retry_after, exhausted_for } => {
            Delivery::now(rate_limited(*retry_after, *exhausted_for, api))
        }
        FaultKind::EdgeBlock => Delivery::now(edge_block()),
        FaultKind::Html { status, .. } => Delivery::now(html(*status)),
        FaultKind::DropMidAnswer => Delivery::now(torn(response, body)),
        FaultKind::TruncatedJson => Delivery::now(replace(response, body, |mut body| {
            body.truncate(body.len() / 2);
            Body::from(body)
        })),
        FaultKind::WrongContentType => {
            let mut response = response;
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            Delivery::now(response)
        }
        FaultKind::SlowBody { lasting } => {
            Delivery::now(replace(response, body, |body| slow(body, *lasting / PIECES)))
        }
        _ => Delivery::now(response),
    }
}

/// Exchanges a body that is known whole; one that is not, a stream, stays.
fn replace(response: Response, body: Option<Vec<u8>>, change: impl FnOnce(Vec<u8>) -> Body) -> Response {
    let Some(body) = body else { return response };
    let (mut parts, _) = response.into_parts();
    if !body.is_empty() {
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    Response::from_parts(parts, change(body))
}

fn refusal(status: u16, detail: Option<&str>, api: Api) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let usual = match status.as_u16() {
        500 => "Something went wrong. Please try again later or contact support.",
        _ => status.canonical_reason().unwrap_or("The request failed."),
    };
    Problem::new(status, detail.unwrap_or(usual)).into_response(api)
}

fn rate_limited(retry_after: Option<Duration>, exhausted_for: Option<Duration>, api: Api) -> Response {
    let mut response = refusal(429, Some("rate limit exceeded"), api);
    let headers = response.headers_mut();
    if let Some(wait) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    let minute = retry_after.map_or(60, |wait| wait.as_secs());
    let hour = match exhausted_for {
        Some(wait) => format!("r=0;t={}", wait.as_secs()),
        None => "r=3000;t=3600".to_owned(),
    };
    let limit = format!("\"minute\";r=0;t={minute}, \"hour\";{hour}");
    if let Ok(limit) = HeaderValue::try_from(limit) {
        headers.insert(HeaderName::from_static("ratelimit"), limit);
    }
    let policy = HeaderValue::from_static("\"minute\";q=60;w=60, \"hour\";q=3600;w=3600");
    headers.insert(HeaderName::from_static("ratelimit-policy"), policy);
    response
}

/// Cloudflare's refusal of a client.
pub(super) fn edge_block() -> Response {
    typed(StatusCode::FORBIDDEN, "text/plain; charset=UTF-8", "error code: 1010")
}

fn html(status: u16) -> Response {
    typed(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), "text/html; charset=UTF-8", HTML)
}

fn typed(status: StatusCode, kind: &'static str, body: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Sends half of a body whose whole length is announced, or of the first piece of a stream, and breaks the connection.
/// An answer without a body has no middle.
fn torn(response: Response, body: Option<Vec<u8>>) -> Response {
    let Some(body) = body else {
        let (parts, stream) = response.into_parts();
        let first = stream.into_data_stream().take(1).map(|piece| piece.map(|piece| half(&piece)));
        return Response::from_parts(
            parts,
            Body::from_stream(first.chain(broken().map_err(axum::Error::new))),
        );
    };
    let length = body.len();
    let half = half(&body);
    let mut response = replace(response, Some(body), |_| {
        Body::from_stream(stream::once(async { Ok::<_, io::Error>(half) }).chain(broken()))
    });
    if length > 0 {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

fn half(piece: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&piece[..piece.len() / 2])
}

/// Breaks the connection, once what was written before is on its way.
fn broken() -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::once(async {
        tokio::time::sleep(FLUSH).await;
        Err(io::ErrorKind::ConnectionReset.into())
    })
}

/// Holds an answer back until the first piece of its body is there, if it is one that waits for it.
pub(super) async fn when_due(mut response: Response) -> Response {
    if response.extensions_mut().remove::<Quiet>().is_none() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let mut events = body.into_data_stream();
    match events.next().await {
        Some(Ok(first)) => {
            let first = stream::once(async { Ok(first) });
            Response::from_parts(parts, Body::from_stream(first.chain(events)))
        }
        _ => Delivery::cut().response,
    }
}

fn slow(body: Vec<u8>, pause: Duration) -> Body {
    let size = body.len().div_ceil(PIECES as usize).max(1);
    let pieces: Vec<Bytes> = body.chunks(size).map(Bytes::copy_from_slice).collect();
    Body::from_stream(stream::unfold(pieces.into_iter(), move |mut pieces| async move {
        let piece = pieces.next()?;
        tokio::time::sleep(pause).await;
        Some((Ok::<_, io::Error>(piece), pieces))
    }))
}
