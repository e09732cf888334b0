//! Answers that callers at the same moment share.

use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use crate::{Error, knowledge::turn::Turn};

/// The last answer to a question `K`, asked by one caller at a time: a thousand deploys that begin
/// together look things up once.
#[derive(Debug)]
pub(crate) struct SingleFlight<K, T> {
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

impl<K, T> Default for SingleFlight<K, T> {
    fn default() -> Self {
        Self { asking: Turn::default(), latest: Mutex::new(None) }
    }
}

impl<K: PartialEq, T: Clone> SingleFlight<K, T> {
    /// Has the next caller ask anew.
    pub(crate) fn invalidate(&self) {
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

    /// The last answer to a question and when it was asked; `None` if that was not after `after`.
    pub(crate) fn newer(&self, question: &K, after: Instant) -> Option<(Instant, Result<T, Error>)> {
        let latest = self.latest();
        let latest =
            latest.as_ref().filter(|latest| latest.question == *question && latest.asked_at > after)?;
        Some((latest.asked_at, latest.answer.clone()))
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
