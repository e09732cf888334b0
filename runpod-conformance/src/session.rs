//! The state of a run, which the rooms that ask and end share.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use runpod_api::{BuildError, ClientBuilder};

use crate::{
    clock::Clock,
    exchange::Evidence,
    limit::Ledger,
    options::{LIVE_URL, Options},
};

const LIVE_V1_URL: &str = "https://rest.runpod.io/v1";

/// The state that the rooms of a run share.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) options: Options,
    pub(crate) http: reqwest::Client,
    pub(crate) clock: Clock,
    /// The name of every pod and template of this run, which nobody else has.
    pub(crate) name: String,
    ledger: Mutex<Ledger>,
    evidence: Mutex<Evidence>,
    template: Mutex<Option<String>>,
}

impl Session {
    pub(crate) async fn new(options: Options) -> Result<Self, BuildError> {
        let builder = || ClientBuilder::new(options.key.clone()).base_url(&options.url);
        // The bindings know which addresses a key may go to.
        drop(builder().v2()?);
        let http = builder().plain_http(Duration::from_secs(600))?;
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
