//! The failure of one call, and its meaning for the pod and the money.

mod classify;
mod hint;
pub(crate) mod kind;
pub(crate) mod operation;
mod refusal;
#[cfg(feature = "serde")]
mod serial;

use std::{fmt, sync::Arc, time::Duration};

use runpod_api::{Failure, FailureKind, printable};

use crate::{
    ApiVersion, ErrorKind,
    error::{classify::classify, hint::Failed, operation::Operation},
};

/// A call to RunPod that did not bring what it was made for.
///
/// It says which operation, on what, what the server said and what to do next, and holds neither
/// the API key nor an env value nor a raw body.
///
/// ```no_run
/// # async fn example(runpod: runpod_lifecycle::RunPod) {
/// use runpod_lifecycle::ErrorKind;
///
/// match runpod.get("abc123def456gh").await {
///     Ok(pod) => println!("{:?}", pod.state),
///     Err(error) if error.kind() == ErrorKind::NotFound => println!("gone"),
///     Err(error) => eprintln!("{error}"), // "could not get pod abc123def456gh: ..."
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
    /// Anything that was done before the call and is not undone by its failure.
    note: Option<Arc<str>>,
    /// Its text says what to do.
    hints: bool,
    /// True if an attempt before this one may have done it.
    is_unclear: bool,
}

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    operation: Operation,
    target: Option<String>,
    message: String,
    retry_after: Option<Duration>,
    failure: Option<Arc<Failure>>,
}

impl Error {
    /// A failed call as a program is told of one, for tests of programs that handle them. `operation` is in words, such as
    /// `create pod`, and `message` stands for RunPod's own words.
    ///
    /// ```
    /// use std::time::Duration;
    /// use runpod_lifecycle::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::RateLimited, "get pod", "too many requests")
    ///     .with_target("k3x9q2m7v1b8z5")
    ///     .with_retry_after(Duration::from_secs(7));
    /// assert!(error.is_retryable() && error.to_string().starts_with("could not get pod k3x9q2m7v1b8z5: too many"));
    /// ```
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self::of_answer(kind, Operation::Named(operation), None, message)
    }

    /// The same error of an operation on this id or name.
    #[must_use]
    pub fn with_target(mut self, target: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.inner).target = Some(target.into());
        self
    }

    /// The same error of a server that asks to wait so long.
    #[must_use]
    pub fn with_retry_after(mut self, pause: Duration) -> Self {
        Arc::make_mut(&mut self.inner).retry_after = Some(pause);
        self
    }

    /// A failed call as an error of `operation` on `target`.
    pub(crate) fn of_call(
        version: ApiVersion,
        operation: Operation,
        target: Option<&str>,
        failure: Failure,
    ) -> Self {
        Self {
            hints: true,
            inner: Arc::new(Inner {
                kind: classify(version, operation, target, &failure),
                operation,
                target: target.map(str::to_owned),
                message: failure.message().to_owned(),
                retry_after: failure.retry_after(),
                failure: Some(Arc::new(failure)),
            }),
            note: None,
            is_unclear: false,
        }
    }

    /// An error found by this crate in an otherwise fine answer.
    pub(crate) fn of_answer(
        kind: ErrorKind,
        operation: Operation,
        target: Option<&str>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            hints: true,
            inner: Arc::new(Inner {
                kind,
                operation,
                target: target.map(str::to_owned),
                message: message.into(),
                retry_after: None,
                failure: None,
            }),
            note: None,
            is_unclear: false,
        }
    }

    /// The same error, saying also what was done before it.
    pub(crate) fn with_note(self, note: &str) -> Self {
        let note = self.note.as_ref().map_or_else(|| note.into(), |first| format!("{first}; {note}").into());
        Self { note: Some(note), ..self }
    }

    /// The same error of a later attempt at what an earlier one may have done.
    pub(crate) fn after_unclear(self) -> Self {
        if self.may_have_been_applied() {
            return self;
        }
        Self {
            is_unclear: true,
            ..self.with_note("an earlier attempt had no clear answer and may have done it")
        }
    }

    /// Returns the kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The HTTP status with which a service would answer its own caller: [`ErrorKind::http_status`] of its kind.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        self.kind().http_status()
    }

    /// Returns the operation in words, for example `create pod`.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.inner.operation.words()
    }

    /// The id or name it was done to.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.inner.target.as_deref()
    }

    /// HTTP status of the answer; `None` if there was none.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.inner.failure.as_ref()?.status()
    }

    /// The server's own words, capped; empty if it said nothing. Secrets that were sent and came
    /// back in them are cut out.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// RunPod's `x-request-id`, which its support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.inner.failure.as_ref()?.request_id()
    }

    /// Returns the time that the server asks to wait before the next request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }

    /// Returns true if the same request may succeed later without any change.
    ///
    /// For a create this says nothing about safety: see [`may_have_been_applied`](Self::may_have_been_applied).
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        use ErrorKind::{Interrupted, ProxyRefused, RateLimited, Server, Unproven, Unreachable, Unreadable};
        match self.kind() {
            RateLimited | Server | Unreachable | Interrupted | Unreadable | Unproven => true,
            // A proxy also refuses while the server behind it cannot be reached.
            ProxyRefused => !self.wants_login(),
            _ => false,
        }
    }

    /// Returns true if a proxy asks for a login that it was not given.
    fn wants_login(&self) -> bool {
        let kind = self.inner.failure.as_deref().map(Failure::kind);
        kind == Some(&FailureKind::ProxyRefused { wants_login: true })
    }

    /// Returns true if RunPod may have done what was asked although the call failed.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        // A redirect is also how a server says that it was done and that the outcome is elsewhere.
        self.is_unclear
            || matches!(self.status(), Some(300..=399))
            || matches!(
                self.kind(),
                ErrorKind::Server | ErrorKind::Interrupted | ErrorKind::Unreadable | ErrorKind::Unproven
            )
    }

    /// The pod id in an answer to a create that could not be read whole.
    pub(crate) fn recovered_id(&self) -> Option<&str> {
        self.inner.failure.as_ref()?.recovered_id()
    }

    /// Says what happened, without what to do about it: for those who know better.
    pub(crate) fn what(&self) -> String {
        let mut text = format!("could not {}", self.operation());
        if let Some(target) = self.target() {
            text += &format!(" {}", target.escape_debug());
        }
        text += &match (self.status(), &self.inner.failure) {
            (Some(status), Some(failure)) if matches!(failure.kind(), FailureKind::Status) => {
                let errors = failure.errors().join("; ");
                let errors = if errors.is_empty() { errors } else { format!(" [{errors}]") };
                format!(": RunPod answered {status} {:?}{errors}", self.message())
            }
            (_, Some(failure)) => format!(": {}", failure.outcome()),
            (_, None) => format!(": {}", self.message()),
        };
        if let Some(id) = self.request_id() {
            text += &format!(" (request {})", id.escape_debug());
        }
        if let Some(note) = &self.note {
            text += &format!("; {note}");
        }
        text
    }

    /// Advises what to do next, in a clause without capital and full stop: the end of the error's text.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        self.failed().hint()
    }

    /// The same error without what to do about it in its text: for callers who tell that in words of their own.
    #[must_use]
    pub fn without_hint(mut self) -> Self {
        self.hints = false;
        self
    }

    /// The failure, as far as advice depends on it.
    fn failed(&self) -> Failed {
        Failed {
            kind: self.kind(),
            operation: self.inner.operation,
            has_target: self.target().is_some(),
            status: self.status(),
            is_read: self.is_read(),
            is_about_command: self.is_about_command(),
        }
    }

    /// Returns true if the call that failed only read, by its HTTP method.
    pub(crate) fn is_read(&self) -> bool {
        self.inner.failure.as_deref().is_some_and(Failure::is_read)
    }

    /// Returns true if a create was refused for the fields that an older REST v2 does not know.
    fn is_about_command(&self) -> bool {
        let is_create = self.inner.operation == Operation::CreatePod && self.status() == Some(422);
        let errors = self.inner.failure.iter().flat_map(|failure| failure.errors()).map(String::as_str);
        let mut words =
            errors.chain([self.message()]).flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
        is_create && words.any(|word| matches!(word, "cmd" | "entrypoint"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.what();
        let mut letters = self.hint().chars();
        if let Some(first) = letters.next().filter(|_| self.hints) {
            text += &format!(". {}{}.", first.to_ascii_uppercase(), letters.as_str());
        }
        f.write_str(&printable(&text))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("operation", &self.operation())
            .field("target", &self.target())
            .field("status", &self.status())
            .field("message", &self.message())
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}

/// The source is what lies below the text above, which already says the rest.
impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let failure = self.inner.failure.as_deref().filter(|_| self.kind() != ErrorKind::Unreachable)?;
        std::error::Error::source(failure)
    }
}
