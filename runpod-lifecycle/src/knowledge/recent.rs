//! Stored things that were made, changed or deleted through this handle lately: RunPod's lists may be from before.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::{knowledge::evidence::LAG, stored::Stored};

/// Everything of one kind that was made or deleted within the last [`LAG`].
#[derive(Debug)]
pub(crate) struct Recent<T>(Mutex<Vec<Change<T>>>);

#[derive(Debug)]
struct Change<T> {
    at: Instant,
    id: String,
    /// `None` for a delete.
    made: Option<T>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Stored> Recent<T> {
    /// Remembers what RunPod's answer to a create or a change showed.
    pub(crate) fn made(&self, item: &T) {
        self.changed(item.id(), Some(item.clone()));
    }

    pub(crate) fn deleted(&self, id: &str) {
        self.changed(id, None);
    }

    /// Returns true if it was made so lately that RunPod may not know its id yet.
    pub(crate) fn is_new(&self, id: &str) -> bool {
        self.young().iter().any(|change| change.id == id && change.made.is_some())
    }

    /// Returns it as RunPod's answer to the last change through this handle showed it; `None` without a change lately.
    pub(crate) fn shown(&self, id: &str) -> Option<T> {
        self.young().iter().find(|change| change.id == id)?.made.clone()
    }

    /// Adds to a list what it may not show yet, and takes out what it may still show.
    pub(crate) fn amend(&self, items: &mut Vec<T>) {
        for change in self.young().iter() {
            match &change.made {
                Some(item) if items.iter().all(|listed| listed.id() != change.id) => items.push(item.clone()),
                Some(_) => {}
                None => items.retain(|listed| listed.id() != change.id),
            }
        }
    }

    fn changed(&self, id: &str, made: Option<T>) {
        let mut changes = self.young();
        changes.retain(|change| change.id != id);
        changes.push(Change { at: Instant::now(), id: id.to_owned(), made });
    }

    fn young(&self) -> MutexGuard<'_, Vec<Change<T>>> {
        let mut changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        changes.retain(|change| change.at.elapsed() < LAG);
        changes
    }
}
