//! The error of a call.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, header};
use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

use crate::{
    decode::DecodeError,
    fault::{Fault, causes, fault},
    printable::printable,
    redaction::Redaction,
};

/// Longest message kept, in characters.
const LONGEST_MESSAGE: usize = 2000;

/// Most entries of `errors` kept.
const MOST_ERRORS: usize = 50;

/// A failed call. It holds the server's words, and never the API key, the value of an environment variable or a body.
///
/// Its text names the operation, the status, the server's words, the request id and what to do.
pub struct Failure(Box<Inner>);

struct Inner {
    operation: &'static str,
    /// True if the request changes nothing.
    reads: bool,
    kind: FailureKind,
    status: Option<u16>,
    headers: HeaderMap,
    message: String,
    errors: Vec<String>,
    runpod_shaped: bool,
    is_problem: bool,
    recovered_id: Option<String>,
    source: Option<reqwest::Error>,
}

/// The point at which a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The request did not reach the server: it was not valid, or there was no connection.
    NotSent,
    /// The server's certificate is not trusted, so nothing was sent: another server, a proxy that re-signs connections, or
    /// a wrong clock.
    Untrusted,
    /// The proxy on the way refused to connect, so nothing was sent.
    ProxyRefused {
        /// It asks for a user and a password (407), or refuses those it was given.
        wants_login: bool,
    },
    /// The request was sent and no whole answer came: the server may have done it.
    Interrupted,
    /// The server answered with a status that is not a success.
    Status,
    /// The answer is a success that could not be read: the server did it, unless something else answered for it.
    Undecodable {
        /// Path in the answer, such as `pods[0].gpu.count`.
        path: String,
        /// The type or value that was expected there.
        expected: String,
    },
    /// The server did it, and its answer was too large to be read.
    TooLarge,
}

/// Says which server was not reached, and the last cause, which is the system's own.
fn unreachable(error: &reqwest::Error) -> String {
    let cause = causes(error).last().map(ToString::to_string);
    let origin = error.url().map(|url| url.origin().ascii_serialization());
    capped(&[origin, cause].into_iter().flatten().collect::<Vec<_>>().join(": "))
}

impl Failure {
    fn new(operation: &'static str, kind: FailureKind) -> Self {
        Self(Box::new(Inner {
            operation,
            reads: false,
            kind,
            status: None,
            headers: HeaderMap::new(),
            message: String::new(),
            errors: Vec::new(),
            runpod_shaped: false,
            is_problem: false,
            recovered_id: None,
            source: None,
        }))
    }

    /// Returns the failure of a request that cannot be sent as it is, for layers above the bindings.
    pub fn invalid(operation: &'static str, message: &str) -> Self {
        let mut failure = Self::new(operation, FailureKind::NotSent);
        failure.0.message = message.to_owned();
        failure
    }

    /// A request that got no answer.
    pub(crate) fn unanswered(operation: &'static str, source: reqwest::Error) -> Self {
        let not_sent = source.is_connect() || source.is_builder();
        let (kind, words) = match fault(&source) {
            Some(Fault::Untrusted(why)) => (FailureKind::Untrusted, why),
            Some(Fault::ProxyRefused { wants_login, why }) => {
                (FailureKind::ProxyRefused { wants_login }, why)
            }
            Some(Fault::ProxyUnreached) => (FailureKind::NotSent, "the proxy could not be reached"),
            None if not_sent => (FailureKind::NotSent, ""),
            None => (FailureKind::Interrupted, ""),
        };
        let mut failure = Self::new(operation, kind);
        failure.0.message = match failure.0.kind {
            FailureKind::NotSent if words.is_empty() && source.is_connect() => unreachable(&source),
            _ => words.to_owned(),
        };
        // The rest of the address would make the text long.
        failure.0.source = Some(source.without_url());
        failure
    }

    /// A request whose answer did not begin in time.
    pub(crate) fn late(operation: &'static str, limit: Duration) -> Self {
        let mut failure = Self::new(operation, FailureKind::Interrupted);
        failure.0.message = format!("no answer within {} s", limit.as_secs_f64());
        failure
    }

    /// An answer with a status that is not a success.
    pub(crate) fn status_of(
        operation: &'static str,
        status: u16,
        headers: HeaderMap,
        body: &[u8],
        redaction: &Redaction,
    ) -> Self {
        let mut failure = Self::new(operation, FailureKind::Status);
        let words = Words::of(body);
        failure.0.message = capped(&redaction.apply(&words.message));
        failure.0.errors =
            words.errors.iter().take(MOST_ERRORS).map(|text| capped(&redaction.apply(text))).collect();
        failure.0.runpod_shaped = words.runpod_shaped;
        failure.0.is_problem = words.is_problem;
        failure.0.status = Some(status);
        failure.0.headers = redaction.clean(headers);
        failure
    }

    /// Keeps no more of an answer than its status and headers.
    pub(crate) fn bare(status: u16, headers: HeaderMap) -> Self {
        let mut failure = Self::new("", FailureKind::Status);
        failure.0.status = Some(status);
        failure.0.headers = headers;
        failure
    }

    /// A success that could not be read.
    pub(crate) fn unreadable(
        operation: &'static str,
        status: u16,
        headers: HeaderMap,
        body: &[u8],
        why: BodyError,
        redaction: &Redaction,
    ) -> Self {
        let kind = match &why {
            BodyError::Cut(_) => FailureKind::Interrupted,
            BodyError::Malformed(error) if error.cut => FailureKind::Interrupted,
            BodyError::Malformed(error) => FailureKind::Undecodable {
                path: redaction.apply(&error.path),
                expected: redaction.apply(&error.expected),
            },
            BodyError::TooLarge => FailureKind::TooLarge,
        };
        let mut failure = Self::new(operation, kind);
        failure.0.status = Some(status);
        failure.0.headers = redaction.clean(headers);
        failure.0.recovered_id = top_level_id(body).filter(|id| !redaction.gives_away(id));
        if let BodyError::Cut(source) = why {
            failure.0.source = Some(source.without_url());
        }
        failure
    }

    /// The same failure, of a request that changes nothing if `reads`.
    pub(crate) fn of_read(mut self, reads: bool) -> Self {
        self.0.reads = reads;
        self
    }

    /// Returns true if the request changes nothing, so that it can be sent again.
    pub fn is_read(&self) -> bool {
        self.0.reads
    }

    /// The point at which the call failed.
    pub fn kind(&self) -> &FailureKind {
        &self.0.kind
    }

    /// The operation, as the client's method is called.
    pub fn operation(&self) -> &str {
        self.0.operation
    }

    /// The HTTP status, if an answer began.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The answer's headers; empty if none came.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The server's own words, at most 2000 characters; empty if it said nothing.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The server's messages about single fields.
    pub fn errors(&self) -> &[String] {
        &self.0.errors
    }

    /// Returns true if the answer has the shape of RunPod's own errors, in either version of its API. The answer of a
    /// proxy or a wrong address has not.
    pub fn is_runpod_shaped(&self) -> bool {
        self.0.runpod_shaped
    }

    /// Returns true if the answer has the shape of REST v2's errors: at least two of `title`, `status` and `detail`.
    /// `{"error": "..."}` is REST v1's shape, which other servers use as well.
    pub fn is_problem(&self) -> bool {
        self.0.is_problem
    }

    /// The `id` in a success that could not be read: the id of what was created.
    pub fn recovered_id(&self) -> Option<&str> {
        self.0.recovered_id.as_deref()
    }

    /// RunPod's id of the request, for its support.
    pub fn request_id(&self) -> Option<&str> {
        self.header("x-request-id")
    }

    /// Time to wait before the next request, as `Retry-After` says.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.header(header::RETRY_AFTER.as_str())?.trim();
        if let Ok(seconds) = text.parse::<f64>() {
            return Duration::try_from_secs_f64(seconds).ok();
        }
        let date = |text: &str| httpdate::parse_http_date(text).ok();
        let now = self.header(header::DATE.as_str()).and_then(date).unwrap_or_else(SystemTime::now);
        Some(date(text)?.duration_since(now).unwrap_or_default())
    }

    /// The `RateLimit` header: what is left of each quota.
    pub fn rate_limit(&self) -> Option<&str> {
        self.header("ratelimit")
    }

    /// The `RateLimit-Policy` header: the quotas.
    pub fn rate_limit_policy(&self) -> Option<&str> {
        self.header("ratelimit-policy")
    }

    /// Returns true if the call timed out.
    pub fn is_timeout(&self) -> bool {
        let late =
            self.0.kind == FailureKind::Interrupted && self.0.status.is_none() && !self.0.message.is_empty();
        late || self.0.source.as_ref().is_some_and(reqwest::Error::is_timeout)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name)?.to_str().ok()
    }
}

/// The reason for which the body of a success could not be read.
pub(crate) enum BodyError {
    Cut(reqwest::Error),
    TooLarge,
    Malformed(DecodeError),
}

/// For the generated code, when a request cannot be built.
impl From<reqwest::Error> for Failure {
    fn from(source: reqwest::Error) -> Self {
        Self::unanswered("", source)
    }
}

/// For the generated code, when a header's value cannot be sent.
impl From<http::header::InvalidHeaderValue> for Failure {
    fn from(_: http::header::InvalidHeaderValue) -> Self {
        Self::invalid("", "a header value has characters that cannot be sent; give visible ASCII text")
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.operation.is_empty() {
            write!(f, "{}: ", self.0.operation)?;
        }
        write!(f, "{}; {}", self.outcome(), self.advice())?;
        self.request_id().map_or(Ok(()), |id| write!(f, " [request {id}]"))
    }
}

impl Failure {
    /// Describes the point of failure and the server's words: the text without the operation, the request id and
    /// the advice.
    pub fn outcome(&self) -> String {
        let inner = &*self.0;
        let status = inner.status.unwrap_or_default();
        let mut text = match &inner.kind {
            FailureKind::NotSent if inner.source.is_some() => "the request did not reach RunPod".to_owned(),
            FailureKind::NotSent => "the request was not sent".to_owned(),
            FailureKind::Untrusted => "the server's certificate is not trusted".to_owned(),
            FailureKind::ProxyRefused { .. } => "the proxy did not connect to RunPod".to_owned(),
            FailureKind::Interrupted => "the answer did not come whole".to_owned(),
            FailureKind::Status => format!("RunPod answered {status}"),
            FailureKind::Undecodable { path, expected } => {
                format!("the answer ({status}) cannot be read: at {path} expected {expected}")
            }
            FailureKind::TooLarge => "the answer is too large".to_owned(),
        };
        if !inner.message.is_empty() {
            text += &format!(": {}", inner.message);
        }
        if !inner.errors.is_empty() {
            text += &format!(" ({})", inner.errors.join("; "));
        }
        if let Some(id) = &inner.recovered_id {
            text += &format!("; it was done, with id {}", id.escape_debug());
        }
        text
    }

    fn advice(&self) -> &'static str {
        match (&self.0.kind, self.0.status) {
            (FailureKind::NotSent, _) if self.0.source.is_none() => "correct the call",
            (FailureKind::NotSent, _) => "check the base URL and the network",
            (FailureKind::Untrusted, _) => "if a proxy re-signs connections, trust its root certificate",
            (FailureKind::ProxyRefused { .. }, _) => "check the proxy, its login and what it allows",
            (FailureKind::Interrupted, _) if self.0.reads => "try again",
            (FailureKind::TooLarge, _) if self.0.reads => "ask for less",
            (FailureKind::Undecodable { .. }, _) if self.0.reads => {
                "check the base URL, or update this crate"
            }
            (FailureKind::Interrupted | FailureKind::TooLarge, _) => {
                "it may have been done: check before trying again"
            }
            (FailureKind::Undecodable { .. }, _) => {
                "it may have been done: check that, and the base URL, or update this crate"
            }
            (_, Some(403)) if self.0.message.contains("1010") => {
                "the edge refused the client: set another user agent"
            }
            (_, Some(300..=399)) => "the base URL leads elsewhere: correct it",
            (_, Some(_)) if !self.0.runpod_shaped => "it does not look like RunPod's API: check the base URL",
            (_, Some(401)) => "check the API key",
            (_, Some(402)) => "add funds to the account",
            (_, Some(403)) => "check what the API key and the account may do",
            (_, Some(404)) => "check the id",
            (_, Some(409)) => "check the state it is in",
            (_, Some(410)) => "REST v1 was retired on 2026-11-15; use v2",
            (_, Some(413)) => "send less: a body may have 102,400 bytes",
            (_, Some(429)) => "wait, then try again",
            (_, Some(405 | 501)) => "this server does not offer it: check the base URL and the API version",
            (_, Some(500..=599)) if self.0.reads => "try again later",
            (_, Some(500..=599)) => "it may have been done: check before trying again",
            _ => "correct the request",
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Failure")
            .field("operation", &inner.operation)
            .field("kind", &inner.kind)
            .field("status", &inner.status)
            .field("message", &inner.message)
            .field("errors", &inner.errors)
            .field("request_id", &self.request_id())
            .field("recovered_id", &inner.recovered_id)
            .field("source", &inner.source)
            .finish_non_exhaustive()
    }
}

/// The content of an error body.
#[derive(Default)]
struct Words {
    message: String,
    errors: Vec<String>,
    runpod_shaped: bool,
    is_problem: bool,
}

impl Words {
    fn of(body: &[u8]) -> Self {
        let text =
            |value: &Value| value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
            return Self { message: String::from_utf8_lossy(body).trim().to_owned(), ..Self::default() };
        };
        let message = ["detail", "error", "message", "title"].iter().find_map(|key| text(fields.get(*key)?));
        let errors = fields.get("errors").and_then(Value::as_array);
        let errors: Vec<String> = errors
            .into_iter()
            .flatten()
            .map(|entry| text(entry).unwrap_or_else(|| entry.to_string()))
            .collect();
        // A lone `message` or `detail` is what gateways and web frameworks say of any address.
        let known = ["title", "status", "detail"].iter().filter(|key| fields.contains_key(**key)).count();
        let is_problem = message.is_some() && known >= 2;
        let runpod_shaped =
            is_problem || message.is_some() && fields.get("error").is_some_and(Value::is_string);
        let message = message.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned());
        Self { message, errors, runpod_shaped, is_problem }
    }
}

/// As much of the server's words as is kept, without what a terminal acts on.
fn capped(text: &str) -> String {
    let text = printable(text);
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// The `id` of a JSON object, even of one that ends too early.
fn top_level_id(body: &[u8]) -> Option<String> {
    struct Fields<'a>(&'a mut Option<String>);

    impl<'de> Visitor<'de> for Fields<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
            while let Some(name) = fields.next_key::<String>()? {
                if name == "id" {
                    *self.0 = fields.next_value::<Value>()?.as_str().map(str::to_owned);
                } else {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
            Ok(())
        }
    }

    let mut found = None;
    // An object that ends too early is an error, and the id may have been found before.
    let _ = serde_json::Deserializer::from_slice(body).deserialize_map(Fields(&mut found));
    found.filter(|id| !id.is_empty())
}
