//! One run: its options, the survey, and the end of everything it has made.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use runpod_api::{BuildError, ClientBuilder, Secret};

use crate::{Clock, Evidence, limit::Ledger, survey};

/// The real API.
pub const LIVE_URL: &str = "https://api.runpod.io";
const LIVE_V1_URL: &str = "https://rest.runpod.io/v1";

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

/// Everything that came of a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome {
    /// All exchanges.
    pub evidence: Evidence,
    /// The reason for which the survey ended early; `None` when it did not.
    pub stopped: Option<Stop>,
    /// Everything that may still be there, in words; empty when all is proven gone.
    pub left: Vec<String>,
    /// USD, by the run's own reckoning.
    pub spent_usd: f64,
    pub(crate) key: Secret,
    pub(crate) name: String,
}

/// The state that the rooms of a run share.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) options: Options,
    pub(crate) http: reqwest::Client,
    pub(crate) clock: Clock,
    /// The name of every pod and template of this run, which nobody else has.
    pub(crate) name: String,
    ledger: Mutex<Ledger>,
    evidence: Mutex<Evidence>,
    template: Mutex<Option<String>>,
}

impl Run {
    async fn new(options: Options) -> Result<Self, BuildError> {
        let http = ClientBuilder::new(options.key.clone()).plain_http(Duration::from_secs(600))?;
        let clock = Clock::of(&http, &options.url).await.edge(options.edge);
        let ledger = Ledger::new(options.limit_usd);
        let name = format!("runpod-conformance-{:08x}", fastrand::u32(..));
        Ok(Self {
            options,
            http,
            clock,
            name,
            ledger: ledger.into(),
            evidence: Mutex::default(),
            template: Mutex::default(),
        })
    }

    /// Base URL of REST v1, which the real service serves under another name.
    pub(crate) fn v1_url(&self) -> String {
        if self.options.url == LIVE_URL {
            return LIVE_V1_URL.to_owned();
        }
        format!("{}/v1", self.options.url)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn evidence(&self) -> MutexGuard<'_, Evidence> {
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of the run's template; empty while only its name is known.
    pub(crate) fn template(&self) -> MutexGuard<'_, Option<String>> {
        self.template.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs the survey, then ends whatever it has made.
///
/// # Errors
/// When TLS cannot be set up. Everything else is in the outcome.
///
/// # Cancellation
/// Let `interrupt` return to stop the survey: what it has made is ended before this returns. Dropping the future itself
/// leaves a pod to bill.
///
/// # Cost
/// One CPU pod at a time, at most the limit of the options by the run's own reckoning.
pub async fn run(options: Options, interrupt: impl Future<Output = ()>) -> Result<Outcome, BuildError> {
    let run = Arc::new(Run::new(options).await?);
    // A task of its own, so that not even a panic in it keeps a pod from being ended.
    let mut survey = tokio::spawn({
        let run = Arc::clone(&run);
        async move { survey::all(&run).await }
    });
    let done = tokio::select! {
        biased;
        () = interrupt => None,
        done = &mut survey => Some(done),
    };
    let stopped = match done {
        None => {
            survey.abort();
            let _ = survey.await;
            Some(Stop::Interrupted)
        }
        Some(Ok(done)) => done.err(),
        Some(Err(_)) => Some(Stop::Broken),
    };
    if let Some(stop) = &stopped {
        (run.options.tell)(&format!("stopping: {stop}"));
    }
    let left = run.end_all().await;
    let (evidence, spent_usd) = (run.evidence().clone(), run.ledger().spent(run.clock.now()));
    let (key, name) = (run.options.key.clone(), run.name.clone());
    Ok(Outcome { evidence, stopped, left, spent_usd, key, name })
}
