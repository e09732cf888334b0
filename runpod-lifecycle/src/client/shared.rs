//! Answers that callers at the same moment share.

use std::future::Future;

use tokio::{sync::Mutex, time::Instant};

use crate::Error;

/// The last answer to a question `K`, asked by one caller at a time: a thousand deploys that begin
/// together look things up once.
#[derive(Debug)]
pub(crate) struct Shared<K, T> {
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
        Self { latest: Mutex::new(None) }
    }
}

impl<K: PartialEq, T: Clone> Shared<K, T> {
    /// Has whoever comes next ask anew.
    pub(crate) async fn forget(&self) {
        *self.latest.lock().await = None;
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
        let mut latest = self.latest.lock().await;
        if let Some(latest) = latest.as_ref().filter(|latest| latest.question == question) {
            let is_recent = match &latest.answer {
                Ok(_) => oldest.is_none_or(|oldest| latest.asked_at > oldest),
                Err(_) => latest.came_at > wanted_at,
            };
            if is_recent {
                return latest.answer.clone();
            }
        }
        let asked_at = Instant::now();
        let answer = Box::pin(ask).await;
        *latest = Some(Latest { question, asked_at, came_at: Instant::now(), answer: answer.clone() });
        answer
    }
}
