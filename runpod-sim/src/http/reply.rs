//! Successful answers.

use std::borrow::Cow;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::Value;

use crate::contract::Problem;

/// A successful answer.
pub(crate) enum Reply {
    Json(StatusCode, Value),
    /// JSON that is written already.
    Written(String),
    Empty(StatusCode),
    /// Server-Sent Events.
    Events {
        events: Body,
        /// True if not even the headers are sent before the first event.
        quiet: bool,
    },
}

pub(super) type Outcome = Result<Reply, Box<Problem>>;

impl Reply {
    pub(super) fn ok(body: Value) -> Outcome {
        Ok(Self::Json(StatusCode::OK, body))
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Json(status, _) | Self::Empty(status) => *status,
            Self::Written(_) | Self::Events { .. } => StatusCode::OK,
        }
    }

    pub(super) fn body(&self) -> Option<Cow<'_, Value>> {
        match self {
            Self::Json(_, body) => Some(Cow::Borrowed(body)),
            Self::Written(text) => Some(Cow::Owned(serde_json::from_str(text).unwrap_or_default())),
            Self::Empty(_) | Self::Events { .. } => None,
        }
    }

    pub(super) fn into_response(self) -> Response {
        let (status, kind, body) = match self {
            Self::Json(status, body) => (status, "application/json", Body::from(body.to_string())),
            Self::Written(text) => (StatusCode::OK, "application/json", Body::from(text)),
            Self::Events { events, quiet: true } => return quiet(events),
            Self::Events { events, .. } => (StatusCode::OK, EVENTS, events),
            Self::Empty(status) => (status, "", Body::empty()),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        if !kind.is_empty() {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        response
    }
}

const EVENTS: &str = "text/event-stream";

/// Marks an answer whose headers wait for the first piece of its body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quiet;

fn quiet(events: Body) -> Response {
    let mut response = Response::new(events);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(EVENTS));
    response.extensions_mut().insert(Quiet);
    response
}
