//! The pod list, as far as it could be read.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::{Error, Pod};

/// The oldest list that is good enough for another caller at the same moment. With several waits on a handle, one list
/// is read each time this has passed, however many they are.
pub(crate) const SHARED_FOR: Duration = Duration::from_millis(2500);

/// The account's pods, as far as they could be read.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) pods: Vec<Pod>,
    pub(crate) unreadable: Vec<Unreadable>,
    /// When it was asked for.
    pub(crate) asked_at: Instant,
    /// Why the pages after those read so far could not be had; `None` if the listing is whole.
    pub(crate) failure: Option<Error>,
}

/// The account at one moment, as far as it could be read.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// When it was asked for.
    pub(crate) asked_at: Instant,
    pub(crate) pods: BTreeMap<String, Pod>,
    pub(crate) unreadable: Vec<Unreadable>,
    /// Why it is not whole: a pod that it lacks may be there.
    pub(crate) failure: Option<Error>,
}

/// An entry of the pod list that is no pod as this crate knows them, as far as it can be told.
#[derive(Clone, Debug)]
pub(crate) struct Unreadable {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) problem: String,
}

impl Unreadable {
    pub(crate) fn without_id(pod: Pod) -> Self {
        Self { id: None, name: pod.name, problem: "the list holds a pod with an empty id".to_owned() }
    }

    /// Returns true if it may be a pod of this name.
    pub(crate) fn may_be(&self, name: &str) -> bool {
        self.name.as_deref().is_none_or(|own| own == name)
    }
}
