//! What can go wrong with one call, and what it means for the pod and the money.

use std::{fmt, sync::Arc, time::Duration};

use runpod_api::{Failure, FailureKind, printable};

use crate::{
    ApiVersion,
    deploy::CREATE,
    pods::act::START,
    refusal::{lacks_capacity, names_a_limit, names_no_cause, says_it_failed, says_pod_is_gone},
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
    /// What was done before the call and is not undone by its failure.
    note: Option<Arc<str>>,
    /// Whether its text says what to do.
    hints: bool,
}

struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    target: Option<String>,
    message: String,
    failure: Option<Failure>,
}

/// What kind of failure an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// 400 or 422, or refused before it was sent: the request cannot be as it is. Sending it again
    /// changes nothing.
    Rejected,
    /// RunPod has no machine for this right now. Nothing was created or started.
    NoCapacity,
    /// 401: no key, or one RunPod does not know.
    Unauthorized,
    /// 402: the account has no balance left.
    InsufficientBalance,
    /// 403: the key or the account may not do this.
    Forbidden,
    /// 403 from the network edge in front of RunPod, which never reached the API.
    Blocked,
    /// 404 in RunPod's own words: there is no such thing.
    NotFound,
    /// 404 about a pod that RunPod may not know yet: it was created through this handle less than 15 s ago, or
    /// a list has just shown it. Look again.
    Unproven,
    /// 409: not possible in the pod's present state.
    Conflict,
    /// The pod is locked and refuses to be stopped, restarted or terminated.
    Locked,
    /// 410: this version of the API is retired.
    Retired,
    /// 413: the request body exceeds 102,400 bytes.
    TooLarge,
    /// 429: too many requests.
    RateLimited,
    /// 5xx, or a refusal that names no cause, of a create with any 4xx (`Something went wrong`, `Bad Request`):
    /// RunPod failed. A mutation may have been applied all the same.
    Server,
    /// The request never left: no connection, or it could not be built.
    Unreachable,
    /// The request was sent and no complete answer came back, or 408. A mutation may have been applied.
    Interrupted,
    /// An answer nobody can read: not RunPod's JSON, or an unexpected shape.
    Unreadable,
    /// This version of RunPod's API cannot do it. Nothing was sent.
    Unsupported,
    /// Any other status.
    Unexpected,
}

impl Error {
    /// A failed call as an error of `operation` on `target`.
    pub(crate) fn of_call(
        version: ApiVersion,
        operation: &'static str,
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
                failure: Some(failure),
            }),
            note: None,
        }
    }

    /// An error found by this crate in an otherwise fine answer.
    pub(crate) fn of_answer(
        kind: ErrorKind,
        operation: &'static str,
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
                failure: None,
            }),
            note: None,
        }
    }

    /// The same error, saying also what was done before it.
    pub(crate) fn with_note(self, note: &str) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// What was being done, for example `create pod`.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.inner.operation
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

    /// How long the server asks to wait before the next request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.failure.as_ref()?.retry_after()
    }

    /// Whether the same request may succeed later without any change.
    ///
    /// For a create this says nothing about safety: see [`may_have_been_applied`](Self::may_have_been_applied).
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        use ErrorKind::{Interrupted, RateLimited, Server, Unproven, Unreachable, Unreadable};
        matches!(self.kind(), RateLimited | Server | Unreachable | Interrupted | Unreadable | Unproven)
    }

    /// Whether RunPod may have done what was asked although the call failed.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        // A 303 says that it was done and that the outcome is elsewhere.
        self.status() == Some(303)
            || matches!(
                self.kind(),
                ErrorKind::Server | ErrorKind::Interrupted | ErrorKind::Unreadable | ErrorKind::Unproven
            )
    }

    /// The pod id in an answer to a create that could not be read whole.
    pub(crate) fn recovered_id(&self) -> Option<&str> {
        self.inner.failure.as_ref()?.recovered_id()
    }

    /// What happened, without what to do about it: for those who know better.
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

    /// The same error without what to do about it in its text: for callers who tell that in words of their own.
    #[must_use]
    pub fn without_hint(mut self) -> Self {
        self.hints = false;
        self
    }

    /// Returns true if a create was refused for the fields that an older REST v2 does not know.
    fn is_about_command(&self) -> bool {
        let is_create = self.operation() == CREATE && self.status() == Some(422);
        let errors = self.inner.failure.iter().flat_map(Failure::errors).map(String::as_str);
        let mut words =
            errors.chain([self.message()]).flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
        is_create && words.any(|word| matches!(word, "cmd" | "entrypoint"))
    }

    /// What to do about it.
    fn hint(&self) -> &'static str {
        let reads = self.inner.failure.as_ref().is_some_and(Failure::is_read);
        match (self.kind(), self.operation()) {
            (ErrorKind::Rejected, _) if self.is_about_command() => {
                "This server takes no entrypoint and cmd: use args in their place, one shell line or a JSON object with both as lists."
            }
            (ErrorKind::Rejected, START) => {
                "It was not started. If its host has no room for it, try later, or terminate it and deploy anew: a pod volume does not move."
            }
            (ErrorKind::Rejected, _) => "Correct the request; sending it again as it is changes nothing.",
            (ErrorKind::NoCapacity, START) => {
                "It was not started. A stopped pod is bound to its host: try later, or terminate it and deploy anew; a pod volume does not move."
            }
            (ErrorKind::NoCapacity, _) => {
                "Nothing was created. Allow another GPU type, a pool, any data center or the other cloud, or try later."
            }
            (ErrorKind::Unauthorized, _) => {
                "Check RUNPOD_API_KEY; keys are made at https://console.runpod.io/user/settings."
            }
            (ErrorKind::InsufficientBalance, CREATE | START) => {
                "Nothing was started. Add credit at https://console.runpod.io/user/billing."
            }
            (ErrorKind::InsufficientBalance, _) => "Add credit at https://console.runpod.io/user/billing.",
            (ErrorKind::Forbidden, CREATE) => {
                "The key may not create pods, or the account may not use this; check the key's scope at https://console.runpod.io/user/settings."
            }
            (ErrorKind::Forbidden, _) => {
                "The key may not do this; check its scope at https://console.runpod.io/user/settings."
            }
            (ErrorKind::Blocked, _) => {
                "The request was stopped in front of RunPod's API, which says nothing about your permissions; check proxies and the base URL."
            }
            (ErrorKind::NotFound, CREATE) => {
                "Something the spec names (a template, a volume, a registry credential) does not exist; else check the base URL."
            }
            (ErrorKind::NotFound, _) if self.target().is_none() => {
                "RunPod's API has nothing there: check the base URL."
            }
            (ErrorKind::NotFound, _) => "It does not exist or no longer does.",
            (ErrorKind::Unproven, _) => "RunPod may not know the pod yet: look again in a few seconds.",
            (ErrorKind::Conflict, _) => "Its present state does not allow this; look at it first.",
            (ErrorKind::Locked, _) => "Unlock it in the RunPod console first.",
            (ErrorKind::Retired, _) => "REST v1 was retired on 2026-11-15; use v2.",
            (ErrorKind::TooLarge, _) => "RunPod takes at most 102,400 bytes; shorten the environment.",
            (ErrorKind::RateLimited, _) => "Wait before the next request.",
            (ErrorKind::Server, _) if reads => "RunPod failed; see https://uptime.runpod.io and try again.",
            (ErrorKind::Server, _) => {
                "RunPod failed, and may have done it all the same: look before sending it again; see https://uptime.runpod.io."
            }
            (ErrorKind::Unreachable, _) => "Nothing was sent. Check the network and the base URL.",
            (ErrorKind::Interrupted, _) if reads => "Nothing was changed: try again.",
            (ErrorKind::Interrupted, _) => {
                "RunPod may have done it all the same: look before sending it again."
            }
            (ErrorKind::Unreadable, _) => {
                "The answer is not what RunPod's contract describes; check the base URL and proxies."
            }
            (ErrorKind::Unsupported, _) => "Nothing was sent.",
            (ErrorKind::Unexpected, _) if matches!(self.status(), Some(405 | 501)) => {
                "Nothing was done: this server does not offer it. Check the base URL and the API version."
            }
            (ErrorKind::Unexpected, _) => "This answer is not part of RunPod's contract.",
        }
    }
}

/// What a failed call means, from its status and RunPod's words alone.
fn classify(
    version: ApiVersion,
    operation: &'static str,
    target: Option<&str>,
    failure: &Failure,
) -> ErrorKind {
    // Money hangs on what a 404 says of a pod.
    let pod = target.filter(|_| operation.ends_with(" pod") && operation != CREATE);

    match failure.kind() {
        // Nothing below it went wrong: the request itself cannot be sent.
        FailureKind::NotSent if std::error::Error::source(failure).is_none() => ErrorKind::Rejected,
        FailureKind::NotSent => ErrorKind::Unreachable,
        FailureKind::Interrupted => ErrorKind::Interrupted,
        FailureKind::Undecodable { .. } | FailureKind::TooLarge => ErrorKind::Unreadable,
        _ => match failure.status() {
            Some(404) if !says_not_found(version, pod, failure) => ErrorKind::Unreadable,
            Some(status)
                if operation == CREATE
                    && !lacks_capacity(failure.message())
                    && is_unexplained(status, failure) =>
            {
                ErrorKind::Server
            }
            Some(status) => classify_status(status, failure),
            None => ErrorKind::Unexpected,
        },
    }
}

/// Whether it is this version of RunPod's API that says 404, and says it about the pod if one was asked for:
/// another version's shape will not do, nor will a router's word about the address.
fn says_not_found(version: ApiVersion, pod: Option<&str>, failure: &Failure) -> bool {
    match version {
        ApiVersion::V2 => {
            failure.is_problem() && pod.is_none_or(|id| says_pod_is_gone(failure.message(), id))
        }
        #[cfg(feature = "v1")]
        ApiVersion::V1 => {
            failure.is_runpod_shaped()
                && pod.is_none_or(|id| crate::refusal::says_there_is_none(failure.message(), id))
        }
    }
}

/// Returns true if a refused create may have made its pod: its words name no cause. What limits requests, what is
/// retired or too large is told by its status, before anything is done.
fn is_unexplained(status: u16, failure: &Failure) -> bool {
    let is_limit = status == 429
        && (failure.retry_after().is_some()
            || failure.rate_limit().is_some()
            || names_a_limit(failure.message()));
    let may_be = matches!(status, 400..=499) && !matches!(status, 405 | 408 | 410 | 413) && !is_limit;
    let mut words = failure.errors().iter().map(String::as_str).chain([failure.message()]);
    may_be && (says_it_failed(failure.message()) || words.all(names_no_cause))
}

fn classify_status(status: u16, failure: &Failure) -> ErrorKind {
    let says = failure.message().to_lowercase();
    match status {
        400 | 409 | 500 if lacks_capacity(&says) => ErrorKind::NoCapacity,
        400 | 409 if says.contains("pod is locked") => ErrorKind::Locked,
        400 | 409 | 422 if says_it_failed(&says) => ErrorKind::Server,
        400 | 422 => ErrorKind::Rejected,
        401 => ErrorKind::Unauthorized,
        402 => ErrorKind::InsufficientBalance,
        403 if failure.is_runpod_shaped() => ErrorKind::Forbidden,
        403 => ErrorKind::Blocked,
        404 => ErrorKind::NotFound,
        // A gateway says it when it gave up on either side.
        408 => ErrorKind::Interrupted,
        409 => ErrorKind::Conflict,
        410 => ErrorKind::Retired,
        413 => ErrorKind::TooLarge,
        429 => ErrorKind::RateLimited,
        500 | 502..=599 => ErrorKind::Server,
        _ => ErrorKind::Unexpected,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.hints { format!("{}. {}", self.what(), self.hint()) } else { self.what() };
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

/// What the text above says is not said again: the source is what lies below it.
impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(self.inner.failure.as_ref()?)
    }
}
