//! Answers that callers at the same moment share.

use std::{future::Future, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use crate::Error;

/// How old an answer may be that somebody else asked for.
const SHARED_FOR: Duration = Duration::from_millis(2500);

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
    /// The answer to a question, asked anew unless a recent one is there. A failure is shared only by
    /// those who were waiting for it.
    pub(crate) async fn get(
        &self,
        question: K,
        ask: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let wanted_at = Instant::now();
        let mut latest = self.latest.lock().await;
        if let Some(latest) = latest.as_ref().filter(|latest| latest.question == question) {
            let is_recent = match &latest.answer {
                Ok(_) => latest.asked_at + SHARED_FOR > wanted_at,
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
