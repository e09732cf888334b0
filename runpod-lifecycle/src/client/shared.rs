//! Answers that callers at the same moment share.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as Queue, OwnedMutexGuard},
    time::{Instant, timeout},
};

use crate::Error;

/// The longest anybody waits for somebody else's turn.
const PATIENCE: Duration = Duration::from_secs(4);
/// How many others are waited for so long.
const MOST_ABANDONED: usize = 2;

/// Something that one caller at a time does for all. A future that holds its turn may never be polled again,
/// so nobody waits for another for long.
#[derive(Debug, Default)]
pub(crate) struct Turn(Mutex<Arc<Queue<()>>>);

impl Turn {
    /// Waits for a turn, at most 8 s; `None` if others kept theirs for so long, which is leave to go on.
    ///
    /// # Cancellation
    /// If the future is dropped, the turn is somebody else's.
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

    /// Has everybody queue anew behind nobody, unless somebody has seen to it.
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

/// The last answer to a question `K`, asked by one caller at a time: a thousand deploys that begin
/// together look things up once.
#[derive(Debug)]
pub(crate) struct Shared<K, T> {
    asking: Turn,
    latest: Mutex<Option<Latest<K, T>>>,
}

#[derive(Debug)]
struct Latest<K, T> {
    question: K,
    asked_at: Instant,
    came_at: Instant,
    answer: Result<T, Error>,
}

impl<K, T> Default for Shared<K, T> {
    fn default() -> Self {
        Self { asking: Turn::default(), latest: Mutex::new(None) }
    }
}

impl<K: PartialEq, T: Clone> Shared<K, T> {
    /// Has whoever comes next ask anew.
    pub(crate) fn forget(&self) {
        *self.latest() = None;
    }

    /// The answer to a question, asked anew unless there is one that was asked after `oldest`. A
    /// failure is shared only by those who were waiting for it.
    pub(crate) async fn get(
        &self,
        question: K,
        oldest: Option<Instant>,
        ask: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let wanted_at = Instant::now();
        let _asking = self.asking.take().await;
        if let Some(answer) = self.recent(&question, oldest, wanted_at) {
            return answer;
        }
        let asked_at = Instant::now();
        let answer = Box::pin(ask).await;
        *self.latest() = Some(Latest { question, asked_at, came_at: Instant::now(), answer: answer.clone() });
        answer
    }

    fn recent(&self, question: &K, oldest: Option<Instant>, wanted_at: Instant) -> Option<Result<T, Error>> {
        let latest = self.latest();
        let latest = latest.as_ref().filter(|latest| latest.question == *question)?;
        let is_recent = match &latest.answer {
            Ok(_) => oldest.is_none_or(|oldest| latest.asked_at > oldest),
            Err(_) => latest.came_at > wanted_at,
        };
        is_recent.then(|| latest.answer.clone())
    }

    fn latest(&self) -> MutexGuard<'_, Option<Latest<K, T>>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
