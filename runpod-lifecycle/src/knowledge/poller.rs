//! The pod list that all deploys and waits of one handle share.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{sync::watch, time::Instant};

use crate::knowledge::{
    listing::{Listing, SHARED_FOR},
    turn::Turn,
};

/// The last list, and everything else that the waits on one handle share.
#[derive(Debug)]
pub(crate) struct Poller {
    watchers: AtomicUsize,
    /// Taken while a list is read, so that only one is.
    reading: Turn,
    latest: watch::Sender<Option<Arc<Listing>>>,
    /// When a wait that goes on last polled at a pod's log: one at a time costs what one costs.
    log_read_at: Mutex<Option<Instant>>,
}

impl Default for Poller {
    fn default() -> Self {
        Self {
            watchers: AtomicUsize::new(0),
            reading: Turn::default(),
            latest: watch::Sender::new(None),
            log_read_at: Mutex::default(),
        }
    }
}

impl Poller {
    /// Counts one wait more, and returns the lists it will be told of.
    pub(crate) fn join(&self) -> watch::Receiver<Option<Arc<Listing>>> {
        self.watchers.fetch_add(1, Ordering::Relaxed);
        self.latest.subscribe()
    }

    /// Counts one wait less.
    pub(crate) fn leave(&self) {
        self.watchers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns true while there are not several waits.
    pub(crate) fn is_alone(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) <= 1
    }

    /// The turn to read the list.
    pub(crate) fn reading(&self) -> &Turn {
        &self.reading
    }

    /// The list that was read last, be it whole or not.
    pub(crate) fn latest(&self) -> Option<Arc<Listing>> {
        self.latest.borrow().clone()
    }

    /// Keeps a list for others, and tells all waits of it.
    pub(crate) fn publish(&self, list: Arc<Listing>) {
        self.latest.send_replace(Some(list));
    }

    /// Takes the leave to read a pod's log while a wait goes on; false if another wait had it a moment ago.
    pub(crate) fn take_log_turn(&self) -> bool {
        let mut read_at = self.log_read_at.lock().unwrap_or_else(PoisonError::into_inner);
        let may = read_at.is_none_or(|at| at.elapsed() >= SHARED_FOR);
        if may {
            *read_at = Some(Instant::now());
        }
        may
    }
}
