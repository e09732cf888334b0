//! Options of a run, and the reasons for which it ends early.

use std::time::Duration;

use runpod_api::Secret;

/// The real API.
pub const LIVE_URL: &str = "https://api.runpod.io";

/// Options of a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Base URL of REST v2, without `/v2`.
    pub url: String,
    /// The key.
    pub key: Secret,
    /// The most that pods may cost, in USD; `None` means no limit. Default: none.
    pub limit_usd: Option<f64>,
    /// True if creates of GPU pods are sent that RunPod is believed to refuse. Default: false.
    pub gpu: bool,
    /// Seconds of the edge per real second. Default: 1.
    pub edge: f64,
    /// The longest that one request may take, by the server's time. Default: 30 s.
    pub longest: Duration,
    /// Told what happens, a line each. Default: nobody.
    pub tell: fn(&str),
}

impl Options {
    /// Returns options for a server.
    #[must_use]
    pub fn new(url: impl Into<String>, key: impl Into<Secret>) -> Self {
        Self {
            url: url.into().trim_end_matches('/').to_owned(),
            key: key.into(),
            limit_usd: None,
            gpu: false,
            edge: 1.0,
            longest: Duration::from_secs(30),
            tell: |_| {},
        }
    }
}

/// The reason for which a run ended before its survey did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stop {
    /// It was told to.
    #[error("interrupted")]
    Interrupted,
    /// Pods would cost more than they may.
    #[error("the money limit is near: what is kept back for ending the pod must not be spent")]
    Limit,
    /// The first request was refused.
    #[error("{url} refuses the key ({words}): give one that may list, create and end pods")]
    Refused {
        /// The base URL.
        url: String,
        /// The server's words.
        words: String,
    },
    /// There is no such server.
    #[error("{url} does not answer as RunPod's API does ({words}): check the address and the network")]
    NoApi {
        /// The base URL.
        url: String,
        /// The reason.
        words: String,
    },
    /// A pod could not be ended, so no other is made.
    #[error("a pod could not be ended, so no other is made")]
    NotEnded,
    /// The run itself is wrong.
    #[error("the survey broke: this is a bug")]
    Broken,
}
