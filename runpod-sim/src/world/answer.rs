//! Answers of pods' HTTP ports.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

/// The longest a service may think, in real time.
const LONGEST: Duration = Duration::from_secs(600);

/// An answer of the HTTP ports of pods, instead of 200 and a line of text.
///
/// A status of 520 to 530 is the edge's own: the proxy sends it, as a page of Cloudflare's, and the port never does.
///
/// ```
/// use std::time::Duration;
/// use runpod_sim::HttpAnswer;
///
/// // 404 at `/` for ever, and for the first minute a page at `/health` that says "starting".
/// let rules = [
///     HttpAnswer::new(404).path("/"),
///     HttpAnswer::new(200).path("/health").body("starting").until(Duration::from_secs(60)),
/// ];
/// # let _ = rules;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an answer is not given until the simulator knows it"]
pub struct HttpAnswer {
    pub(crate) pod: Option<String>,
    pub(crate) port: Option<u32>,
    pub(crate) path: Option<String>,
    pub(crate) until: Option<Duration>,
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
    pub(crate) delay: Duration,
}

impl HttpAnswer {
    /// An empty answer with a status, 200 to 599, to every request to every HTTP port.
    pub fn new(status: u16) -> Self {
        Self {
            pod: None,
            port: None,
            path: None,
            until: None,
            status,
            content_type: "text/plain; charset=utf-8".to_owned(),
            body: String::new(),
            delay: Duration::ZERO,
        }
    }

    /// Narrows it to one pod.
    pub fn pod(mut self, id: impl Into<String>) -> Self {
        self.pod = Some(id.into());
        self
    }

    /// Narrows it to one port.
    pub fn port(mut self, number: u16) -> Self {
        self.port = Some(number.into());
        self
    }

    /// Narrows it to one path, such as `/health`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Gives it for so long after the service came up, in simulated time. Default: without end.
    pub fn until(mut self, after: Duration) -> Self {
        self.until = Some(after);
        self
    }

    /// The body, as plain text. Default: empty.
    pub fn body(mut self, text: impl Into<String>) -> Self {
        self.body = text.into();
        self
    }

    /// The type of the body. Default: `text/plain; charset=utf-8`.
    pub fn content_type(mut self, kind: impl Into<String>) -> Self {
        self.content_type = kind.into();
        self
    }

    /// Real time until the answer comes, at most 10 minutes. Default: none.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Says why it cannot be given; `None` when it can.
    pub(crate) fn flaw(&self) -> Option<&'static str> {
        match self {
            Self { status, .. } if !(200..=599).contains(status) => Some("`status` must be 200 to 599"),
            Self { delay, .. } if *delay > LONGEST => Some("`delay_seconds` must be at most 600"),
            Self { path: Some(path), .. } if !path.starts_with('/') => Some("`path` must begin with a slash"),
            Self { content_type, .. } if HeaderValue::try_from(content_type).is_err() => {
                Some("`content_type` must be printable")
            }
            _ => None,
        }
    }

    /// True if it is the edge's own.
    pub(crate) fn is_edge(&self) -> bool {
        (520..=530).contains(&self.status)
    }

    fn fits(&self, pod: &str, port: u32, path: &str, up: Duration) -> bool {
        self.pod.as_deref().is_none_or(|id| id == pod)
            && self.port.is_none_or(|number| number == port)
            && self.path.as_deref().is_none_or(|known| known == path)
            && self.until.is_none_or(|until| up < until)
    }

    pub(crate) fn response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        if let Ok(kind) = HeaderValue::try_from(self.content_type) {
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        response
    }
}

/// The answers that were given to the simulator, in their order; the first that fits is given.
#[derive(Default)]
pub(crate) struct Answers(Mutex<Vec<HttpAnswer>>);

impl Answers {
    pub(crate) fn new(answers: Vec<HttpAnswer>) -> Self {
        Self(Mutex::new(answers))
    }

    fn rules(&self) -> MutexGuard<'_, Vec<HttpAnswer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn replace(&self, answers: Vec<HttpAnswer>) {
        *self.rules() = answers;
    }

    pub(crate) fn add(&self, answer: HttpAnswer) {
        self.rules().push(answer);
    }

    pub(crate) fn count(&self) -> usize {
        self.rules().len()
    }

    /// The answer to a request for a path of a port whose service has been up for a while.
    pub(crate) fn of(&self, pod: &str, port: u32, path: &str, up: Duration) -> Option<HttpAnswer> {
        self.rules().iter().find(|answer| answer.fits(pod, port, path, up)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_that_fits_is_given() {
        let minute = Duration::from_secs(60);
        let answers = Answers::new(vec![
            HttpAnswer::new(204).pod("other"),
            HttpAnswer::new(503).port(80).until(minute),
            HttpAnswer::new(404).path("/"),
            HttpAnswer::new(201).port(80),
        ]);
        for (port, path, up, status) in [
            (80, "/", Duration::ZERO, Some(503)),
            (80, "/", minute, Some(404)),
            (80, "/health", minute, Some(201)),
            (81, "/health", minute, None),
        ] {
            assert_eq!(answers.of("pod", port, path, up).map(|answer| answer.status), status, "{port}{path}");
        }
    }
}
