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
    sync::{Mutex, watch},
    time::Instant,
};

use crate::{
    Error, ErrorKind, LogSource, Pod, Probe, RunPod,
    backend::Unreadable,
    client::Tries,
    pods::list::Listing,
    wait::watch::{LONGEST_PAUSE, Sight, Source},
};

/// The oldest list that a look is answered from. With several waits on a handle, one list is read
/// each time this has passed, however many they are.
const SHARED_FOR: Duration = Duration::from_millis(2500);
/// Lists in a row that may miss a pod nobody has seen listed yet before it is asked for by its id:
/// a new pod shows up in lists late (observed).
const UNLISTED_PATIENCE: u32 = 4;
/// Lines of the system log that a wait looks at, and reports if it fails.
const REPORTED_LINES: u32 = 10;

/// What the waits on one handle share.
#[derive(Debug)]
pub(crate) struct Poller {
    watchers: AtomicUsize,
    /// Held while a list is read, so that only one is.
    reading: Mutex<()>,
    latest: watch::Sender<Option<Arc<Snapshot>>>,
    /// When a wait that goes on last looked at a pod's log: one at a time costs what one costs.
    log_read_at: std::sync::Mutex<Option<Instant>>,
}

/// The account at one moment, or why it could not be read.
#[derive(Debug)]
struct Snapshot {
    taken_at: Instant,
    pods: Result<HashMap<String, Pod>, Error>,
    unreadable: Vec<Unreadable>,
}

impl Poller {
    pub(crate) fn new() -> Self {
        Self {
            watchers: AtomicUsize::new(0),
            reading: Mutex::new(()),
            latest: watch::Sender::new(None),
            log_read_at: std::sync::Mutex::default(),
        }
    }
}

/// One wait's view of the account: by id while it is alone, else through the shared list.
#[derive(Debug)]
pub(crate) struct Watcher<'a> {
    runpod: &'a RunPod,
    id: &'a str,
    lists: watch::Receiver<Option<Arc<Snapshot>>>,
    /// A new pod is looked for in lists until one shows it: that one would show its twin as well.
    is_new: bool,
    /// When this handle last changed something before the wait: older lists show a pod as it was.
    not_before: Option<Instant>,
    was_listed: bool,
    unlisted: u32,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(runpod: &'a RunPod, id: &'a str, is_new: bool) -> Self {
        let poller = runpod.poller();
        poller.watchers.fetch_add(1, Ordering::Relaxed);
        let not_before = if is_new { None } else { runpod.lookups().last_mutation() };
        let lists = poller.latest.subscribe();
        Self { runpod, id, lists, is_new, not_before, was_listed: false, unlisted: 0 }
    }

    pub(crate) fn id(&self) -> &'a str {
        self.id
    }

    fn is_alone(&self) -> bool {
        self.runpod.poller().watchers.load(Ordering::Relaxed) <= 1
    }

    async fn look_alone(&self) -> Result<Sight, Error> {
        match self.runpod.look_at(self.id, Tries::One).await {
            Ok(pod) => Ok(Sight::Pod(Box::new(pod))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Sight::Absent),
            Err(error) => Err(error),
        }
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
                oldest.is_none_or(|oldest| list.taken_at > oldest) && !(is_alone && list.pods.is_err())
            })
        };
        if let Some(list) = recent() {
            return list;
        }
        let _reading = poller.reading.lock().await;
        if let Some(list) = recent() {
            return list;
        }
        let taken_at = Instant::now();
        let mut unreadable = Vec::new();
        let pods = self.read_list(Tries::One).await.map(|listing| {
            // An odd pod in the list is asked for by its id when somebody waits for it.
            unreadable = listing.unreadable;
            listing.pods.into_iter().map(|pod| (pod.id.clone(), pod)).collect()
        });
        let list = Arc::new(Snapshot { taken_at, pods, unreadable });
        poller.latest.send_replace(Some(Arc::clone(&list)));
        list
    }

    /// A list that shows a pod if `may_be_old`, or else one no older than [`SHARED_FOR`]; and when it was
    /// asked for.
    pub(crate) async fn list_with(&self, id: &str, may_be_old: bool) -> Result<(Instant, Listing), Error> {
        let latest = self.poller().latest.borrow().clone();
        let shows_it = |list: &Arc<Snapshot>| list.pods.as_ref().is_ok_and(|pods| pods.contains_key(id));
        let list = match latest.filter(|list| may_be_old && shows_it(list)) {
            Some(list) => list,
            None => self.snapshot().await,
        };
        let pods = list.pods.as_ref().map_err(Clone::clone)?;
        let listing = Listing { pods: pods.values().cloned().collect(), unreadable: list.unreadable.clone() };
        Ok((list.taken_at, listing))
    }
}

impl Source for Watcher<'_> {
    async fn look(&mut self) -> Result<Sight, Error> {
        if self.is_alone() && (self.was_listed || !self.is_new) {
            return self.look_alone().await;
        }
        let list = self.runpod.snapshot().await;
        self.lists.mark_unchanged();
        if self.not_before.is_some_and(|changed_at| list.taken_at <= changed_at) {
            return Ok(Sight::Unlisted);
        }
        let pods = match &list.pods {
            Ok(pods) => pods,
            Err(error) => return Err(error.clone()),
        };
        if let Some(pod) = pods.get(self.id) {
            (self.was_listed, self.unlisted) = (true, 0);
            return Ok(Sight::Pod(Box::new(pod.clone())));
        }
        self.unlisted += 1;
        if !self.was_listed && self.unlisted < UNLISTED_PATIENCE {
            return Ok(Sight::Unlisted);
        }
        // Absence from a list proves nothing.
        self.unlisted = 0;
        self.look_alone().await
    }

    fn pace(&self) -> Duration {
        if self.is_alone() { LONGEST_PAUSE } else { SHARED_FOR }
    }

    async fn news(&mut self) {
        loop {
            if self.lists.changed().await.is_err() {
                return std::future::pending().await;
            }
            let is_readable = self.lists.borrow().as_ref().is_some_and(|list| list.pods.is_ok());
            if is_readable {
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
