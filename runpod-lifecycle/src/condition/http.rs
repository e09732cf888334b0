//! When the application behind an http port counts as ready.

use std::{
    fmt,
    hash::{Hash, Hasher},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use runpod_api::http::HeaderMap;

/// The longest a probe may take, unless it says so itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The longest timeout that counts: RunPod's proxy gives up after 100 s.
const LONGEST: Duration = Duration::from_secs(3600);
/// The statuses of an application that is up, whatever it thinks of the request.
const ACCEPTED: RangeInclusive<u16> = 200..=499;
/// Bodies that may be the proxy's as well as an application's: in doubt nothing is ready.
const BARE: [&str; 4] = ["", "not found", "404 page not found", "service unavailable"];

/// The application behind an `http` port answers as wanted through RunPod's proxy.
///
/// [`Ready::Http`](crate::Ready) is the plain form. This one names a path, the statuses that count, and how long
/// one request may take.
///
/// What RunPod's proxy and the edge before it say themselves never counts, whatever is accepted: 502, 504, 520 to 530,
/// their error pages with other statuses, and a 404 or 503 without a body or with a mere "not found".
///
/// ```
/// use std::time::Duration;
/// use runpod_lifecycle::HttpReady;
///
/// let ready = HttpReady::port(8000)
///     .path("/health")
///     .accept(200..=299)
///     .timeout(Duration::from_secs(10))
///     .answer(|answer| !answer.body().starts_with(b"starting"));
/// # let _ = ready;
/// ```
#[derive(Clone)]
#[must_use]
pub struct HttpReady {
    port: u16,
    path: String,
    accepted: RangeInclusive<u16>,
    timeout: Duration,
    predicate: Option<Arc<Predicate>>,
}

type Predicate = dyn Fn(&HttpAnswer) -> bool + Send + Sync;

impl HttpReady {
    /// The application behind this port of the container, asked for `/`.
    pub fn port(port: u16) -> Self {
        Self { port, path: "/".to_owned(), accepted: ACCEPTED, timeout: PATIENCE, predicate: None }
    }

    /// The path that is asked for, with a query if need be. Default `/`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The statuses that count as ready. Default 200 to 499: the application is up and understands HTTP.
    pub fn accept(mut self, statuses: RangeInclusive<u16>) -> Self {
        self.accepted = statuses;
        self
    }

    /// The longest one request may take, answer included. Default 5 s, at most an hour.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// A further test of an answer whose status is accepted. Default: none. Must be quick.
    pub fn answer(mut self, is_ready: impl Fn(&HttpAnswer) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(Arc::new(is_ready));
        self
    }

    pub(crate) fn number(&self) -> u16 {
        self.port
    }

    pub(crate) fn limit(&self) -> Duration {
        self.timeout.min(LONGEST)
    }

    /// The part of the URL after the host.
    pub(crate) fn suffix(&self) -> String {
        match self.path.trim_start_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        }
    }

    /// Judges an answer; the error says in a few words what was missing.
    pub(crate) fn judge(&self, answer: &HttpAnswer) -> Result<(), String> {
        let (port, status) = (self.port, answer.status);
        if answer.is_of_the_edge() {
            return Err(match status {
                404 => format!(
                    "RunPod's proxy answers 404 for port {port}; if that is the application's, wait for a path that it has"
                ),
                _ => format!("RunPod's proxy answers {status} for port {port}"),
            });
        }
        let path = format!("/{}", self.path.trim_start_matches('/'));
        if !self.accepted.contains(&status) {
            return Err(format!("the application on port {port} answers {status} at {path:?}"));
        }
        match &self.predicate {
            Some(is_ready) if !is_ready(answer) => Err(format!(
                "the application on port {port} answers {status} at {path:?}, but not as wanted yet"
            )),
            _ => Ok(()),
        }
    }
}

impl PartialEq for HttpReady {
    /// Predicates are equal if they are one and the same.
    fn eq(&self, other: &Self) -> bool {
        let predicates = match (&self.predicate, &other.predicate) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        predicates
            && (self.port, &self.path, &self.accepted, self.timeout)
                == (other.port, &other.path, &other.accepted, other.timeout)
    }
}

impl Eq for HttpReady {}

impl Hash for HttpReady {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.port, &self.path).hash(state);
    }
}

impl fmt::Debug for HttpReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpReady")
            .field("port", &self.port)
            .field("path", &self.path)
            .field("accepted", &self.accepted)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// An answer that came through RunPod's proxy.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl HttpAnswer {
    pub(crate) fn new(status: u16, headers: HeaderMap, body: Vec<u8>) -> Self {
        Self { status, headers, body }
    }

    /// The HTTP status. Redirects are not followed.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header's value, its name compared without case; `None` if it is absent or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first bytes of the body: 4096 at most, and of a stalling one what came within 1 s.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns true for an answer of RunPod's proxy, or of the edge before it, rather than of the application.
    fn is_of_the_edge(&self) -> bool {
        let text = String::from_utf8_lossy(&self.body).trim().to_ascii_lowercase();
        match self.status {
            502 | 504 | 520..=530 => true,
            404 | 503 if BARE.contains(&text.as_str()) => true,
            status => self.headers.contains_key("cf-mitigated") || status >= 400 && is_edge_page(&text),
        }
    }
}

/// Returns true for an error page of the edge, lower case: `error code: 1010`, or its HTML.
fn is_edge_page(text: &str) -> bool {
    const MARKS: [&str; 5] = [
        "cf-error",
        "cf-wrapper",
        "cloudflare ray id",
        "| cloudflare</title>",
        "<center>cloudflare</center>",
    ];
    text.starts_with("error code: ") || MARKS.iter().any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> HttpAnswer {
        HttpAnswer::new(status, HeaderMap::new(), body.into())
    }

    #[test]
    fn no_status_of_the_edges_own_is_ready_whatever_is_accepted() {
        let ready = HttpReady::port(8000).accept(100..=999);
        let page = "<title>Access denied | Cloudflare</title>";
        let own = (520..=530).chain([502, 504]).map(|status| (status, "{\"any\":\"body\"}"));
        let coded = [403, 404, 409, 429, 500, 503].map(|status| (status, "error code: 1015\n"));
        let pages = [403, 404, 429, 500, 503].map(|status| (status, page));
        let plain = [400, 403, 404].map(|status| (status, "<hr><center>cloudflare</center>\n</body>"));
        let bare = [(404, ""), (404, "404 page not found\n"), (404, "Not Found"), (503, "")];
        for (status, body) in own.chain(coded).chain(pages).chain(plain).chain(bare) {
            let reason = ready.judge(&answer(status, body)).expect_err("it is the edge's");
            assert!(reason.contains(&format!("RunPod's proxy answers {status}")), "{body:?}: {reason}");
        }
        let mut challenge = answer(200, "<html>");
        challenge.headers.insert("cf-mitigated", "challenge".parse().unwrap());
        ready.judge(&challenge).expect_err("the edge challenges");
    }

    #[test]
    fn an_application_that_answers_is_ready_whatever_it_thinks_of_the_request() {
        for (status, body) in [
            (200, ""),
            (204, ""),
            (302, ""),
            (400, "bad request"),
            (401, ""),
            (403, "forbidden"),
            (404, "{\"detail\":\"Not Found\"}"),
            (404, "<h1>No such page</h1>"),
            (405, ""),
            (429, "later"),
        ] {
            assert_eq!(HttpReady::port(8000).judge(&answer(status, body)), Ok(()), "{status} {body}");
        }
        for status in [500, 501, 503, 599] {
            let reason = HttpReady::port(8000).judge(&answer(status, "{\"error\":\"loading\"}")).unwrap_err();
            assert_eq!(reason, format!("the application on port 8000 answers {status} at \"/\""));
        }
    }

    #[test]
    fn statuses_and_the_answer_itself_can_be_asked_for() {
        let ready = HttpReady::port(8000).path("health").accept(200..=299).answer(|answer| {
            answer.header("X-State") == Some("up") && answer.body() != b"starting" && answer.status() == 200
        });
        let with = |status, state: &str, body| {
            let mut answer = answer(status, body);
            answer.headers.insert("x-state", state.parse().unwrap());
            ready.judge(&answer)
        };
        assert_eq!(with(200, "up", "ok"), Ok(()));
        assert_eq!(
            with(404, "up", "{}").unwrap_err(),
            "the application on port 8000 answers 404 at \"/health\""
        );
        for (state, body) in [("up", "starting"), ("loading", "ok")] {
            let reason = with(200, state, body).unwrap_err();
            assert_eq!(
                reason,
                "the application on port 8000 answers 200 at \"/health\", but not as wanted yet"
            );
        }
    }
}
