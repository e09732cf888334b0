//! Stored things that were made, changed, deleted or listed through this handle lately: RunPod's answers may be from before.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use crate::{knowledge::evidence::LAG, stored::Stored};

/// Everything of one kind that was made, deleted or listed within the last [`LAG`].
#[derive(Debug)]
pub(crate) struct Recent<T> {
    changes: Mutex<Vec<Change<T>>>,
    /// Everything that an answer showed, by its id, and when.
    seen: Mutex<BTreeMap<String, (Instant, T)>>,
}

#[derive(Debug)]
struct Change<T> {
    at: Instant,
    id: String,
    /// `None` for a delete.
    made: Option<T>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { changes: Mutex::default(), seen: Mutex::default() }
    }
}

impl<T: Stored> Recent<T> {
    /// Remembers what RunPod's answer to a create or a change showed.
    pub(crate) fn made(&self, item: &T) {
        self.changed(item.id(), Some(item.clone()));
    }

    pub(crate) fn deleted(&self, id: &str) {
        self.lately_seen().remove(id);
        self.changed(id, None);
    }

    /// Remembers what RunPod shows just now: whoever made it, its other answers may not know it yet.
    pub(crate) fn saw(&self, items: &[T]) {
        let is_deleted =
            |id: &str| self.young().iter().any(|change| change.id == id && change.made.is_none());
        let shown: Vec<T> = items.iter().filter(|item| !is_deleted(item.id())).cloned().collect();
        let at = Instant::now();
        self.lately_seen().extend(shown.into_iter().map(|item| (item.id().to_owned(), (at, item))));
    }

    /// Takes in a list: adds what an answer has shown lately, which this one may not show yet, and takes out what it may
    /// still show although it was deleted here.
    pub(crate) fn amend(&self, items: &mut Vec<T>) {
        self.saw(items);
        for change in self.young().iter() {
            match &change.made {
                Some(item) if items.iter().all(|listed| listed.id() != change.id) => items.push(item.clone()),
                Some(_) => {}
                None => items.retain(|listed| listed.id() != change.id),
            }
        }
        let is_listed = |id: &str| items.iter().any(|listed| listed.id() == id);
        let lacking: Vec<T> = self
            .lately_seen()
            .iter()
            .filter(|(id, _)| !is_listed(id))
            .map(|(_, (_, item))| item.clone())
            .collect();
        items.extend(lacking);
    }

    /// Returns true if it was made or shown so lately that RunPod's 404 about its id proves nothing.
    pub(crate) fn is_new(&self, id: &str) -> bool {
        let is_made = self.young().iter().any(|change| change.id == id && change.made.is_some());
        is_made || self.lately_seen().contains_key(id)
    }

    /// Returns it as RunPod's answer to the last change through this handle showed it; `None` without a change lately.
    pub(crate) fn shown(&self, id: &str) -> Option<T> {
        self.young().iter().find(|change| change.id == id)?.made.clone()
    }

    fn changed(&self, id: &str, made: Option<T>) {
        let mut changes = self.young();
        changes.retain(|change| change.id != id);
        changes.push(Change { at: Instant::now(), id: id.to_owned(), made });
    }

    fn lately_seen(&self) -> MutexGuard<'_, BTreeMap<String, (Instant, T)>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, (at, _)| at.elapsed() < LAG);
        seen
    }

    fn young(&self) -> MutexGuard<'_, Vec<Change<T>>> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.retain(|change| change.at.elapsed() < LAG);
        changes
    }
}
