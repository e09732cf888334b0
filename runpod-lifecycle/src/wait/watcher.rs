//! One poll of the account for everybody who waits.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use crate::{
    Error, LogSource, Pod, Probe, RunPod,
    client::call::Attempts,
    knowledge::{
        evidence::{Came, Evidence, Finding, History, LAG, judge},
        listing::{Listing, SHARED_FOR},
    },
    pod::Asked,
    wait::source::{LONGEST_PAUSE, Observation, Source},
};

/// Lists in a row that may miss a new pod before it is asked for by its id: it shows up in lists late (observed).
const UNLISTED_PATIENCE: u32 = 4;
/// Lines of the system log that a wait reads, and reports if it fails.
const REPORTED_LINES: u32 = 10;

/// One wait's view of the account: by id while it is alone, else through the shared list, and the other
/// way whenever that one fails.
#[derive(Debug)]
pub(crate) struct Watcher<'a> {
    runpod: &'a RunPod,
    id: &'a str,
    lists: watch::Receiver<Option<Arc<Listing>>>,
    /// When the last list that showed the pod was asked for.
    listed_at: Option<Instant>,
    /// Lists in a row that did not show the pod.
    unlisted: u32,
    /// The last question, if its answer was of no use.
    unhelpful: Option<Asked>,
    /// The question that a wait asks that is alone.
    preferred: Asked,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(runpod: &'a RunPod, pod: &'a Pod) -> Self {
        let lists = runpod.poller().join();
        Self {
            runpod,
            id: &pod.id,
            lists,
            listed_at: pod.listed_at(),
            unlisted: 0,
            unhelpful: None,
            preferred: Asked::ById,
        }
    }

    pub(crate) fn id(&self) -> &'a str {
        self.id
    }

    fn is_alone(&self) -> bool {
        self.runpod.poller().is_alone()
    }

    fn history(&self) -> History {
        self.runpod.lookups().records.history(self.id).with_list(self.listed_at)
    }

    /// The next question: not one that was of no use, and one list for all while there are several.
    fn question(&self) -> Asked {
        match self.unhelpful {
            Some(Asked::List) => Asked::ById,
            Some(Asked::ById) => Asked::List,
            None if self.is_alone() => self.preferred,
            None => Asked::List,
        }
    }

    async fn poll_by_id(&mut self) -> Result<Observation, Error> {
        let (pod, finding) = self.runpod.examine(self.id, Attempts::One, self.listed_at).await?;
        // A list may show what is not known by its id yet.
        self.unhelpful = (pod.is_none() && finding != Finding::Gone).then_some(Asked::ById);
        Ok(observation(pod, finding))
    }

    async fn poll_list(&mut self) -> Result<Observation, Error> {
        let list = self.runpod.snapshot().await;
        self.lists.mark_unchanged();
        let at = list.asked_at;
        let observed = |came, pod, history| {
            let seen = Evidence { asked: Asked::List, at, came };
            Ok(observation(pod, judge(&seen, history)))
        };
        if let Some(pod) = list.pod(self.id) {
            (self.unlisted, self.listed_at) = (0, self.listed_at.max(Some(at)));
            return observed(Came::Pod(pod), Some(pod.clone()), &self.history());
        }
        // A broken list proves the pods it shows, and nothing of those it lacks.
        if let Some(failure) = &list.failure {
            return Err(failure.clone());
        }
        self.unlisted += 1;
        let history = self.history();
        let is_new = history.created_at.is_some_and(|created_at| at < created_at + LAG);
        let is_unreadable = list.unreadable.iter().any(|entry| entry.id.as_deref() == Some(self.id));
        // By its id, a new pod may be a 404, which proves no more than this list.
        if is_new && !is_unreadable && self.unlisted < UNLISTED_PATIENCE {
            return observed(Came::Absent, None, &history);
        }
        self.unlisted = 0;
        self.poll_by_id().await
    }
}

/// The observation that a wait makes of an answer.
fn observation(pod: Option<Pod>, finding: Finding) -> Observation {
    match (finding, pod) {
        (Finding::Unknown { why, .. }, pod) => Observation::Unclear(why, pod.map(Box::new)),
        (_, Some(pod)) => Observation::Pod(Box::new(pod)),
        (_, None) => Observation::Gone,
    }
}

impl Source for Watcher<'_> {
    async fn poll(&mut self) -> Result<Observation, Error> {
        let question = self.question();
        self.unhelpful = None;
        let observed = match question {
            Asked::ById => self.poll_by_id().await,
            Asked::List => self.poll_list().await,
        };
        match observed {
            Err(_) => self.unhelpful = Some(question),
            // An answer that proves nothing says nothing for either question.
            Ok(Observation::Unclear(..)) => {}
            Ok(_) => self.preferred = question,
        }
        observed
    }

    fn is_current(&self, pod: &Pod) -> bool {
        self.runpod.lookups().records.is_current(pod)
    }

    fn pace(&self) -> Duration {
        if self.is_alone() { LONGEST_PAUSE } else { SHARED_FOR }
    }

    async fn news(&mut self) {
        loop {
            if self.lists.changed().await.is_err() {
                return std::future::pending().await;
            }
            let is_readable = self.lists.borrow().as_ref().is_some_and(|list| list.failure.is_none());
            // Another wait's list is no news for a wait that asks by id.
            if is_readable && self.question() == Asked::List {
                return;
            }
        }
    }

    async fn probe(&self, probe: &Probe) -> Result<(), String> {
        self.runpod.prober().probe(probe).await
    }

    fn may_read_log(&self) -> bool {
        self.runpod.poller().take_log_turn()
    }

    async fn system_log(&self, longest: Duration) -> Vec<String> {
        let log = self.runpod.logs(self.id).source(LogSource::System).tail(REPORTED_LINES);
        let lines = log.past(longest).await.unwrap_or_default();
        lines.into_iter().map(|line| line.line).collect()
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        self.runpod.poller().leave();
    }
}
