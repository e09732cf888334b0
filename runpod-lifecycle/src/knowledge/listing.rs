//! The pod list, as far as it could be read.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use crate::{Error, Pod, Warning};

/// The oldest list that is good enough for another caller at the same moment. With several waits on a handle, one list
/// is read each time this has passed, however many they are.
pub(crate) const SHARED_FOR: Duration = Duration::from_millis(2500);

/// The account's pods, as far as they could be read.
#[derive(Debug)]
pub(crate) struct Listing {
    /// In RunPod's order.
    pub(crate) pods: Vec<Pod>,
    /// The place of each pod among `pods`, by its id.
    pub(crate) places: HashMap<String, usize>,
    pub(crate) unreadable: Vec<Unreadable>,
    /// True if a request that failed was sent again.
    pub(crate) is_persistent: bool,
    /// When it was asked for.
    pub(crate) asked_at: Instant,
    /// When its last page came.
    pub(crate) came_at: Instant,
    /// Why the pages after those read so far could not be had: a pod that it lacks may be there. `None` if the listing
    /// is whole.
    pub(crate) failure: Option<Error>,
}

impl Listing {
    /// An empty listing, asked for now.
    pub(crate) fn new(is_persistent: bool) -> Self {
        let (asked_at, places) = (Instant::now(), HashMap::new());
        let (pods, unreadable) = (Vec::new(), Vec::new());
        Self { pods, places, unreadable, is_persistent, asked_at, came_at: asked_at, failure: None }
    }

    /// Ends the reading, with the failure that cut it short.
    pub(crate) fn close(&mut self, failure: Option<Error>) {
        let places = self.pods.iter().enumerate().map(|(place, pod)| (pod.id.clone(), place));
        self.places = places.collect();
        (self.came_at, self.failure) = (Instant::now(), failure);
    }

    /// The pod of an id, if the listing shows it.
    pub(crate) fn pod(&self, id: &str) -> Option<&Pod> {
        self.places.get(id).and_then(|place| self.pods.get(*place))
    }
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

    /// The warning about an entry that is left out.
    pub(crate) fn warning(&self) -> Warning {
        Warning::EntryUnreadable { pod_id: self.id.clone(), problem: self.problem.clone() }
    }

    /// Returns true if it may be a pod of this name.
    pub(crate) fn may_be(&self, name: &str) -> bool {
        self.name.as_deref().is_none_or(|own| own == name)
    }
}
