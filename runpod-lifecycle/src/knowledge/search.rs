//! The outcome of the search for what else has a new pod's name, as far as it has come.

use std::collections::BTreeSet;

use crate::{Error, Pod};

/// What a search has come to.
#[derive(Clone, Debug)]
pub(crate) enum Settled {
    /// The pod stays.
    Stays,
    /// Another one was there first.
    GaveWay {
        /// The other one.
        winner: Box<Pod>,
        /// Why this one could not be terminated; `None` if it was.
        failure: Option<Error>,
    },
}

/// What a search knows so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) settled: Option<Settled>,
    /// Pods that may be twins, or earlier, and twins that were not terminated.
    pub(crate) left: BTreeSet<String>,
    /// Why the last look was not enough.
    pub(crate) trouble: Option<String>,
    /// What was said of it last, so that many waits say it once.
    pub(crate) said: BTreeSet<String>,
}
