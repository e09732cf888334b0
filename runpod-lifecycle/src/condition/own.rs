//! A probe of the caller's own.

use std::{
    fmt,
    future::Future,
    hash::{Hash, Hasher},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

/// The longest a question may take, unless it says so itself.
const PATIENCE: Duration = Duration::from_secs(20);

type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A question of the caller's own to a pod that must be answered well before a wait is over: what no port tells by itself, such as a login.
///
/// ```
/// use runpod_lifecycle::{Condition, OwnProbe, Pod, Probe, Ready, Verdict};
///
/// struct Migrated;
///
/// impl Condition for Migrated {
///     fn verdict(&self, pod: Option<&Pod>) -> Verdict {
///         Ready::Ports.verdict(pod)
///     }
///
///     fn probes(&self, pod: &Pod) -> Vec<Probe> {
///         let id = pod.id.clone();
///         let ask = move || {
///             let id = id.clone();
///             async move { if id.is_empty() { Err("no database yet".to_owned()) } else { Ok(()) } }
///         };
///         vec![Probe::Own(OwnProbe::new(format!("the database of pod {}", pod.id), ask))]
///     }
/// }
/// ```
#[derive(Clone)]
#[must_use]
pub struct OwnProbe {
    name: String,
    longest: Duration,
    ask: Arc<dyn Fn() -> Answer + Send + Sync>,
}

impl OwnProbe {
    /// A question by its name, which says what is asked of whom. The error of an answer says in a few words what is missing.
    ///
    /// Questions of the same name are one and the same: waits of a handle share the answer, and it is asked at most every 8 s at last.
    pub fn new<F>(name: impl Into<String>, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name: name.into(), longest: PATIENCE, ask: Arc::new(move || Box::pin(ask())) }
    }

    /// The longest it may take: then its future is dropped. Default 20 s.
    pub fn timeout(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn limit(&self) -> Duration {
        self.longest
    }

    /// Asks it; the error says in a few words what is missing.
    pub(crate) async fn ask(&self) -> Result<(), String> {
        match tokio::time::timeout(self.longest, (self.ask)()).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("{}: no answer within {} s", self.name, self.longest.as_secs_f64())),
        }
    }
}

impl PartialEq for OwnProbe {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for OwnProbe {}

impl Hash for OwnProbe {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for OwnProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnProbe").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_question_is_told_by_its_name_and_given_up_after_its_time() {
        let answer = |answer: Result<(), String>| move || std::future::ready(answer.clone());
        let yes = OwnProbe::new("the database", answer(Ok(())));
        let no = OwnProbe::new("the database", answer(Err("no table yet".to_owned())));
        assert!(yes == no && yes != OwnProbe::new("the queue", answer(Ok(()))));
        assert_eq!((yes.ask().await, no.ask().await), (Ok(()), Err("no table yet".to_owned())));
        let began = Instant::now();
        let silent = OwnProbe::new("the database", std::future::pending).timeout(Duration::from_secs(3));
        assert_eq!(silent.ask().await.unwrap_err(), "the database: no answer within 3 s");
        assert_eq!(began.elapsed(), Duration::from_secs(3));
    }
}
