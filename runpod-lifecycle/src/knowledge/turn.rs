//! Something that one caller at a time does for all.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as Queue, OwnedMutexGuard},
    time::timeout,
};

/// The longest wait for another's turn.
const PATIENCE: Duration = Duration::from_secs(4);
/// The number of others that are waited for so long.
const MOST_ABANDONED: usize = 2;

/// Something that one caller at a time does for all. A future that holds its turn may never be polled again,
/// so nobody waits for another for long.
#[derive(Debug, Default)]
pub(crate) struct Turn(Mutex<Arc<Queue<()>>>);

impl Turn {
    /// Waits for a turn, at most 8 s; `None` if others kept theirs for so long, which is leave to go on.
    ///
    /// # Cancellation
    /// If the future is dropped, the turn is the next one's.
    pub(crate) async fn take(&self) -> Option<OwnedMutexGuard<()>> {
        for _ in 0..MOST_ABANDONED {
            let queue = Arc::clone(&self.current());
            if let Ok(turn) = timeout(PATIENCE, Arc::clone(&queue).lock_owned()).await {
                return Some(turn);
            }
            self.abandon(&queue);
        }
        None
    }

    /// Starts an empty queue, unless another caller has.
    fn abandon(&self, queue: &Arc<Queue<()>>) {
        let mut current = self.current();
        if Arc::ptr_eq(&current, queue) {
            *current = Arc::default();
        }
    }

    fn current(&self) -> MutexGuard<'_, Arc<Queue<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
