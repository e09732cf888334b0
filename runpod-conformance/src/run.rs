//! One run: the survey, and the end of everything it has made.

use std::sync::Arc;

use runpod_api::{BuildError, Secret};

use crate::{
    exchange::Evidence,
    options::{Options, Stop},
    session::Session,
    survey,
};

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
    let session = Arc::new(Session::new(options).await?);
    // A task of its own, so that not even a panic in it keeps a pod from being ended.
    let mut survey = tokio::spawn({
        let session = Arc::clone(&session);
        async move { survey::all(&session).await }
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
        (session.options.tell)(&format!("stopping: {stop}"));
    }
    let left = session.end_all().await;
    let (evidence, spent_usd) = (session.evidence().clone(), session.ledger().spent(session.clock.now()));
    let (key, name) = (session.options.key.clone(), session.name.clone());
    Ok(Outcome { evidence, stopped, left, spent_usd, key, name })
}
