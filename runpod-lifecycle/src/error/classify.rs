//! The kind of a failed call, from its status and RunPod's words alone.

use runpod_api::{Failure, FailureKind};

use crate::{
    ApiVersion, ErrorKind,
    error::{
        operation::Operation,
        refusal::{
            Subject, lacks_capacity, names_a_limit, names_no_cause, says_in_use, says_it_failed,
            says_it_is_gone,
        },
    },
};

/// Classifies a failed call by its status and RunPod's words alone.
pub(super) fn classify(
    version: ApiVersion,
    operation: Operation,
    target: Option<&str>,
    failure: &Failure,
) -> ErrorKind {
    // Money and data hang on what a 404 says of a pod or of what is stored.
    let subject = target.zip(operation.subject());

    match failure.kind() {
        // Nothing below it went wrong: the request itself cannot be sent.
        FailureKind::NotSent if std::error::Error::source(failure).is_none() => ErrorKind::Rejected,
        FailureKind::NotSent => ErrorKind::Unreachable,
        FailureKind::Untrusted => ErrorKind::Untrusted,
        FailureKind::ProxyRefused { .. } => ErrorKind::ProxyRefused,
        FailureKind::Interrupted => ErrorKind::Interrupted,
        FailureKind::Undecodable { .. } | FailureKind::TooLarge => ErrorKind::Unreadable,
        _ => match failure.status() {
            Some(404) if !says_not_found(version, subject, failure) => ErrorKind::Unreadable,
            Some(status)
                if !lacks_capacity(failure.message())
                    && operation
                        .product()
                        .is_some_and(|product| is_unexplained(status, failure, product)) =>
            {
                ErrorKind::Server
            }
            Some(400 | 409) if operation.is_delete() && says_in_use(failure.message()) => ErrorKind::InUse,
            Some(status) => classify_status(status, failure),
            None => ErrorKind::Unexpected,
        },
    }
}

/// Returns true if it is this version of RunPod's API that says 404, and says it about the subject if there is one:
/// another version's shape will not do, nor will a router's word about the address.
fn says_not_found(version: ApiVersion, subject: Option<(&str, Subject)>, failure: &Failure) -> bool {
    let text = failure.message();
    match version {
        ApiVersion::V2 => {
            failure.is_problem() && subject.is_none_or(|(id, what)| says_it_is_gone(text, id, what))
        }
        #[cfg(feature = "v1")]
        ApiVersion::V1 => {
            let says_none = crate::error::refusal::says_there_is_none;
            failure.is_runpod_shaped() && subject.is_none_or(|(id, what)| says_none(text, id, what))
        }
    }
}

/// Returns true if a refused create may have made its product all the same: its words name no cause. What limits requests, what is
/// retired or too large is told by its status, before anything is done.
fn is_unexplained(status: u16, failure: &Failure, product: &str) -> bool {
    let is_limit = status == 429
        && (failure.retry_after().is_some()
            || failure.rate_limit().is_some()
            || names_a_limit(failure.message()));
    let may_be = matches!(status, 400..=499) && !matches!(status, 405 | 408 | 410 | 413) && !is_limit;
    let mut words = failure.errors().iter().map(String::as_str).chain([failure.message()]);
    may_be && (says_it_failed(failure.message()) || words.all(|text| names_no_cause(text, product)))
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
