//! The kinds of failures.

use crate::word::words;

/// The kind of failure an [`Error`](crate::Error) is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// 400 or 422, or refused before it was sent: the request cannot be as it is. Sending it again
    /// changes nothing.
    Rejected,
    /// RunPod has no machine for this right now. Nothing was created or started.
    NoCapacity,
    /// The pod that RunPod made costs more than the spec allows. It was terminated, unless
    /// [`DeployError::may_bill`](crate::DeployError::may_bill) says otherwise.
    OverPrice,
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
    /// a list has just shown it. Get it again.
    Unproven,
    /// 409: not possible in the pod's present state.
    Conflict,
    /// 400 or 409 to a delete: something uses it.
    InUse,
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
    /// The server's certificate is not trusted, so nothing was sent: a proxy that re-signs connections, a wrong address or
    /// a wrong clock.
    Untrusted,
    /// The proxy on the way to RunPod refused to connect, or asks for a login (407). Nothing was sent.
    ProxyRefused,
    /// The request was sent and no complete answer came back, or 408. A mutation may have been applied.
    Interrupted,
    /// An answer nobody can read: not RunPod's JSON, or an unexpected shape.
    Unreadable,
    /// This version of RunPod's API cannot do it, or a blocking call was made where async code runs. Nothing was sent.
    Unsupported,
    /// Any other status.
    Unexpected,
    /// A wait was over before its condition held. No single call has this kind.
    TimedOut,
    /// A wait whose condition can no longer come true. No single call has this kind.
    Failed,
    /// A deploy was called off before its first create. No single call has this kind.
    CalledOff,
    /// It is not certain which pods exist on account of a deploy, and one may bill. No single call has this kind.
    Unclear,
}

words!(
    ErrorKind,
    "kind of failure",
    Rejected => "rejected",
    NoCapacity => "no_capacity",
    OverPrice => "over_price",
    Unauthorized => "unauthorized",
    InsufficientBalance => "insufficient_balance",
    Forbidden => "forbidden",
    Blocked => "blocked",
    NotFound => "not_found",
    Unproven => "unproven",
    Conflict => "conflict",
    InUse => "in_use",
    Locked => "locked",
    Retired => "retired",
    TooLarge => "too_large",
    RateLimited => "rate_limited",
    Server => "server",
    Unreachable => "unreachable",
    Untrusted => "untrusted",
    ProxyRefused => "proxy_refused",
    Interrupted => "interrupted",
    Unreadable => "unreadable",
    Unsupported => "unsupported",
    Unexpected => "unexpected",
    TimedOut => "timed_out",
    Failed => "failed",
    CalledOff => "called_off",
    Unclear => "unclear",
);

impl ErrorKind {
    /// The HTTP status with which a service would answer its own caller: 4xx where the caller can do something about it,
    /// 500 where the service is set up wrong (key, proxy, certificate), 502 to 504 where RunPod is at fault or has no room.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Rejected => 422,
            Self::InsufficientBalance => 402,
            Self::NotFound => 404,
            Self::Conflict | Self::InUse | Self::CalledOff => 409,
            Self::TooLarge => 413,
            Self::Locked => 423,
            Self::RateLimited => 429,
            Self::Unauthorized
            | Self::Forbidden
            | Self::Blocked
            | Self::Retired
            | Self::Untrusted
            | Self::ProxyRefused => 500,
            Self::Unsupported => 501,
            Self::NoCapacity | Self::OverPrice | Self::Unproven => 503,
            Self::TimedOut => 504,
            Self::Server
            | Self::Unreachable
            | Self::Interrupted
            | Self::Unreadable
            | Self::Unexpected
            | Self::Failed
            | Self::Unclear => 502,
        }
    }
}
