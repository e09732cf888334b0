//! Names that deploys and other creates of one handle are busy with.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use crate::knowledge::evidence::LAG;

/// The longest a deploy waits for another one of its name. The other's future may never be polled again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The longest that reading a list may take.
const LONGEST_LIST: Duration = Duration::from_secs(600);

/// The names that deploys are under way for: two at once would not see each other's pod.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: Mutex<BTreeSet<String>>,
    freed: Notify,
    /// When deploys of these names were dropped while a create was on its way.
    dropped: Mutex<BTreeMap<String, Instant>>,
}

/// A name that is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct TakenName<'a> {
    names: &'a Names,
    name: &'a str,
    /// A create may be on its way.
    pub(crate) is_creating: bool,
}

/// Says that a name is taken by a call that does not end.
pub(crate) fn busy() -> String {
    format!("not sent: another call for this name has not ended within {} s", PATIENCE.as_secs())
}

impl Names {
    /// Takes a name, once it is free; `None` if it is not within [`PATIENCE`].
    pub(crate) async fn take<'a>(&'a self, name: &'a str) -> Option<TakenName<'a>> {
        timeout(PATIENCE, self.take_once_free(name)).await.ok()
    }

    async fn take_once_free<'a>(&'a self, name: &'a str) -> TakenName<'a> {
        loop {
            // Registered before the search, so that no release is missed in between.
            let freed = self.freed.notified();
            if self.taken().insert(name.to_owned()) {
                return TakenName { names: self, name, is_creating: false };
            }
            freed.await;
        }
    }

    /// Returns from when on a list shows a pod of this name whose deploy was dropped with its create on the way.
    pub(crate) fn shown_from(&self, name: &str) -> Option<Instant> {
        self.dropped().get(name).map(|at| *at + LAG)
    }

    fn dropped(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TakenName<'_> {
    fn drop(&mut self) {
        if self.is_creating {
            let mut dropped = self.names.dropped();
            dropped.retain(|_, at| at.elapsed() < LONGEST_LIST);
            dropped.insert(self.name.to_owned(), Instant::now());
        }
        self.names.taken().remove(self.name);
        self.names.freed.notify_waiters();
    }
}
