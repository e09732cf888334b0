//! The outcome of the search for what else has a new pod's name, as far as it has come.

use std::collections::BTreeSet;

use crate::{Error, Pod};

/// The outcome of a search.
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

impl Settled {
    /// Returns true if this pod had to go and could not be terminated.
    pub(crate) fn is_left_undone(&self) -> bool {
        matches!(self, Self::GaveWay { failure: Some(_), .. })
    }
}

/// The progress of a search.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) settled: Option<Settled>,
    /// The pod to which this one gives way, from when its terminate is on its way.
    pub(crate) winner: Option<Box<Pod>>,
    /// Pods that may be twins, or earlier, and twins that were not terminated.
    pub(crate) left: BTreeSet<String>,
    /// Why the last poll was not enough.
    pub(crate) trouble: Option<String>,
    /// Why there may be another pod, if the search ended without certainty.
    pub(crate) doubt: Option<String>,
    /// The warnings that were given, so that many waits give each once.
    pub(crate) said: BTreeSet<String>,
}
