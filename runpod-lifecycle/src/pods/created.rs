//! Pods so new that RunPod may not show them yet.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{Error, ErrorKind, Pod, PodHandle, RunPod, client::Tries};

/// How late after its create RunPod may know a pod (observed in lists).
pub(crate) const LAG: Duration = Duration::from_secs(15);

/// A create that RunPod accepted.
#[derive(Debug)]
pub(crate) struct Created {
    at: Instant,
    was_seen: AtomicBool,
}

impl Created {
    pub(crate) fn new() -> Self {
        Self { at: Instant::now(), was_seen: AtomicBool::new(false) }
    }

    /// RunPod has shown that it knows the pod: from now on a 404 means that it is gone.
    pub(crate) fn see(&self) {
        self.was_seen.store(true, Ordering::Relaxed);
    }

    /// Whether a 404 may mean that RunPod does not know the pod yet.
    pub(crate) fn may_be_unknown(&self) -> bool {
        !self.was_seen.load(Ordering::Relaxed) && self.at.elapsed() < LAG
    }
}

/// The pods that were created lately.
#[derive(Debug, Default)]
pub(crate) struct Accepted(Mutex<Vec<Recent>>);

/// A pod that was created lately, as RunPod accepted it.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    /// The name it was to have.
    name: String,
    pub(crate) pod: Arc<Pod>,
    created: Arc<Created>,
}

impl Accepted {
    pub(crate) fn remember(&self, name: &str, pod: &PodHandle) {
        if let Some((pod, created)) = pod.as_created() {
            let (name, pod, created) = (name.to_owned(), Arc::clone(pod), Arc::clone(created));
            self.recent().push(Recent { name, pod, created });
        }
    }

    pub(crate) fn forget(&self, id: &str) {
        self.recent().retain(|recent| recent.pod.id != id);
    }

    pub(crate) fn of_id(&self, id: &str) -> Option<Recent> {
        self.recent().iter().find(|recent| recent.pod.id == id).cloned()
    }

    pub(crate) fn named(&self, name: &str) -> Vec<Recent> {
        self.recent().iter().filter(|recent| recent.name == name).cloned().collect()
    }

    /// Twice as long as lists lag, since a list may take a while to come.
    fn recent(&self) -> MutexGuard<'_, Vec<Recent>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|recent| recent.created.at.elapsed() < 2 * LAG);
        all
    }
}

impl RunPod {
    /// A pod that was created lately, unless it is gone.
    pub(crate) async fn accepted_still(&self, recent: Recent) -> Result<Option<PodHandle>, Error> {
        let Recent { pod, created, .. } = recent;
        let pod = match self.look_at(&pod.id, Tries::Several).await {
            Ok(seen) if seen.is_gone() => return Ok(None),
            Ok(seen) => {
                created.see();
                Arc::new(seen)
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Err(_) if created.may_be_unknown() => pod,
            Err(_) => return Ok(None),
        };
        Ok(Some(PodHandle::of_create(self.clone(), pod, created)))
    }
}
