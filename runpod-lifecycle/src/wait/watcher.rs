//! One look at the account for everybody who waits.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{
    Error, LogSource, Pod, Probe, RunPod,
    backend::Unreadable,
    client::Tries,
    client::shared::Turn,
    pod::Asked,
    pods::evidence::{Came, Finding, History, LAG, Observation, judge},
    pods::list::Listing,
    wait::watch::{LONGEST_PAUSE, Sight, Source},
};

/// The oldest list that a look is answered from. With several waits on a handle, one list is read
/// each time this has passed, however many they are.
const SHARED_FOR: Duration = Duration::from_millis(2500);
/// Lists in a row that may miss a new pod before it is asked for by its id: it shows up in lists late (observed).
const UNLISTED_PATIENCE: u32 = 4;
/// Lines of the system log that a wait looks at, and reports if it fails.
const REPORTED_LINES: u32 = 10;

/// What the waits on one handle share.
#[derive(Debug)]
pub(crate) struct Poller {
    watchers: AtomicUsize,
    /// Taken while a list is read, so that only one is.
    reading: Turn,
    latest: watch::Sender<Option<Arc<Snapshot>>>,
    /// When a wait that goes on last looked at a pod's log: one at a time costs what one costs.
    log_read_at: std::sync::Mutex<Option<Instant>>,
}

/// The account at one moment, as far as it could be read.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// When it was asked for.
    pub(crate) asked_at: Instant,
    pub(crate) pods: HashMap<String, Pod>,
    pub(crate) unreadable: Vec<Unreadable>,
    /// Why it is not whole: a pod that it lacks may be there.
    pub(crate) failure: Option<Error>,
}

impl Poller {
    pub(crate) fn new() -> Self {
        Self {
            watchers: AtomicUsize::new(0),
            reading: Turn::default(),
            latest: watch::Sender::new(None),
            log_read_at: std::sync::Mutex::default(),
        }
    }
}

/// One wait's view of the account: by id while it is alone, else through the shared list, and the other
/// way whenever that one fails.
#[derive(Debug)]
pub(crate) struct Watcher<'a> {
    runpod: &'a RunPod,
    id: &'a str,
    lists: watch::Receiver<Option<Arc<Snapshot>>>,
    /// When the last list that showed the pod was asked for.
    listed_at: Option<Instant>,
    /// Lists in a row that did not show the pod.
    unlisted: u32,
    /// The last question, if its answer was of no use.
    unhelpful: Option<Asked>,
    /// What a wait that is alone asks.
    preferred: Asked,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(runpod: &'a RunPod, pod: &'a Pod) -> Self {
        let poller = runpod.poller();
        poller.watchers.fetch_add(1, Ordering::Relaxed);
        Self {
            runpod,
            id: &pod.id,
            lists: poller.latest.subscribe(),
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
        self.runpod.poller().watchers.load(Ordering::Relaxed) <= 1
    }

    fn history(&self) -> History {
        self.runpod.lookups().records.history(self.id).with_list(self.listed_at)
    }

    /// What to ask next: not what was of no use, and one list for all while there are several.
    fn question(&self) -> Asked {
        match self.unhelpful {
            Some(Asked::List) => Asked::ById,
            Some(Asked::ById) => Asked::List,
            None if self.is_alone() => self.preferred,
            None => Asked::List,
        }
    }

    async fn look_by_id(&mut self) -> Result<Sight, Error> {
        let (pod, finding) = self.runpod.examine(self.id, Tries::One, self.listed_at).await?;
        // A list may show what is not known by its id yet.
        self.unhelpful = (pod.is_none() && finding != Finding::Gone).then_some(Asked::ById);
        Ok(sight(pod, finding))
    }

    async fn look_in_list(&mut self) -> Result<Sight, Error> {
        let list = self.runpod.snapshot().await;
        self.lists.mark_unchanged();
        let at = list.asked_at;
        let sight = |came, pod, history| {
            let seen = Observation { asked: Asked::List, at, came };
            Ok(sight(pod, judge(&seen, history)))
        };
        if let Some(pod) = list.pods.get(self.id) {
            (self.unlisted, self.listed_at) = (0, self.listed_at.max(Some(at)));
            return sight(Came::Pod(pod), Some(pod.clone()), &self.history());
        }
        if let Some(failure) = &list.failure {
            return Err(failure.clone());
        }
        self.unlisted += 1;
        let history = self.history();
        let is_new = history.created_at.is_some_and(|created_at| at < created_at + LAG);
        let is_odd = list.unreadable.iter().any(|odd| odd.id.as_deref() == Some(self.id));
        if is_new && !is_odd && self.unlisted < UNLISTED_PATIENCE {
            return sight(Came::Absent, None, &history);
        }
        self.unlisted = 0;
        self.look_by_id().await
    }
}

/// What a wait makes of an answer.
fn sight(pod: Option<Pod>, finding: Finding) -> Sight {
    match (finding, pod) {
        (Finding::Unknown { why, .. }, pod) => Sight::Unclear(why, pod.map(Box::new)),
        (_, Some(pod)) => Sight::Pod(Box::new(pod)),
        (_, None) => Sight::Gone,
    }
}

impl RunPod {
    /// A list no older than [`SHARED_FOR`], read by whoever comes first.
    async fn snapshot(&self) -> Arc<Snapshot> {
        let poller = self.poller();
        let oldest = Instant::now().checked_sub(SHARED_FOR);
        // A failure is shared among many; whoever is alone knows it already.
        let is_alone = poller.watchers.load(Ordering::Relaxed) <= 1;
        let recent = || {
            let latest = poller.latest.borrow().clone();
            latest.filter(|list| {
                oldest.is_none_or(|oldest| list.asked_at > oldest) && !(is_alone && list.failure.is_some())
            })
        };
        if let Some(list) = recent() {
            return list;
        }
        let _reading = poller.reading.take().await;
        if let Some(list) = recent() {
            return list;
        }
        // An odd pod in the list is asked for by its id when somebody waits for it.
        let Listing { pods, unreadable, asked_at, failure } = self.read_pages(Tries::One).await;
        let pods = pods.into_iter().map(|pod| (pod.id.clone(), pod)).collect();
        let list = Arc::new(Snapshot { asked_at, pods, unreadable, failure });
        poller.latest.send_replace(Some(Arc::clone(&list)));
        list
    }

    /// A whole list that was asked for at or after a moment, shared with the waits on this handle.
    pub(crate) async fn list_since(&self, moment: Instant) -> Result<Arc<Snapshot>, Error> {
        sleep_until(moment).await;
        loop {
            let latest = self.poller().latest.borrow().clone();
            let is_whole = |list: &Arc<Snapshot>| list.asked_at >= moment && list.failure.is_none();
            let list = match latest.filter(is_whole) {
                Some(list) => list,
                None => self.snapshot().await,
            };
            match &list.failure {
                None if list.asked_at >= moment => return Ok(list),
                Some(failure) if list.asked_at >= moment => return Err(failure.clone()),
                _ => sleep_until(list.asked_at + SHARED_FOR).await,
            }
        }
    }
}

impl Source for Watcher<'_> {
    async fn look(&mut self) -> Result<Sight, Error> {
        let question = self.question();
        self.unhelpful = None;
        let sight = match question {
            Asked::ById => self.look_by_id().await,
            Asked::List => self.look_in_list().await,
        };
        match sight {
            Err(_) => self.unhelpful = Some(question),
            Ok(Sight::Unclear(..)) => {}
            Ok(_) => self.preferred = question,
        }
        sight
    }

    fn is_current(&self, pod: &Pod) -> bool {
        let changed_at = self.history().touched_at;
        changed_at.is_none_or(|changed_at| pod.observed.is_some_and(|(_, at)| at >= changed_at))
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
            // Somebody else's list is no news for a wait that asks by id.
            if is_readable && self.question() == Asked::List {
                return;
            }
        }
    }

    async fn probe(&self, probe: &Probe) -> Result<(), String> {
        self.runpod.prober().probe(probe).await
    }

    fn may_read_log(&self) -> bool {
        let poller = self.runpod.poller();
        let mut read_at = poller.log_read_at.lock().unwrap_or_else(PoisonError::into_inner);
        let may = read_at.is_none_or(|at| at.elapsed() >= SHARED_FOR);
        if may {
            *read_at = Some(Instant::now());
        }
        may
    }

    async fn system_log(&self, longest: Duration) -> Vec<String> {
        let log = self.runpod.logs(self.id).source(LogSource::System).tail(REPORTED_LINES);
        let lines = log.past(longest).await.unwrap_or_default();
        lines.into_iter().map(|line| line.line).collect()
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        self.runpod.poller().watchers.fetch_sub(1, Ordering::Relaxed);
    }
}
