//! A store of items by id, in the order they were made.

/// An item that is stored under its id.
pub(crate) trait Stored {
    fn id(&self) -> &str;
}

/// Items of one kind, in the order they were made.
#[derive(Debug, Clone)]
pub(crate) struct Store<T> {
    next: u64,
    items: Vec<(u64, T)>,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { next: 0, items: Vec::new() }
    }
}

impl<T: Stored> Store<T> {
    pub(crate) fn put(&mut self, item: T) {
        self.items.retain(|(_, known)| known.id() != item.id());
        self.items.push((self.next, item));
        self.next += 1;
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.items.iter().map(|(_, item)| item).find(|item| item.id() == id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.items.iter_mut().map(|(_, item)| item).find(|item| item.id() == id)
    }

    /// Changes every item.
    pub(crate) fn each(&mut self, change: impl FnMut(&mut T)) {
        self.items.iter_mut().map(|(_, item)| item).for_each(change);
    }

    /// Removes an item; returns true if it was there.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let before = self.items.len();
        self.items.retain(|(_, item)| item.id() != id);
        self.items.len() < before
    }

    /// Each with the number that keeps its place, oldest first.
    pub(crate) fn numbered(&self) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        self.items.iter().map(|(number, item)| (*number, item))
    }
}
