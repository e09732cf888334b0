//! A create that is on its way while Ctrl-C is pressed.

use std::{
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use runpod_lifecycle::Event;

/// Creates of a deploy, as its events tell them.
#[derive(Debug, Default)]
pub(crate) struct Creation(Mutex<Progress>);

#[derive(Debug, Default)]
struct Progress {
    /// True if a create was sent and nobody knows what became of it.
    on_its_way: bool,
    /// True if no further candidate is wanted.
    interrupted: bool,
    pod_id: Option<String>,
}

impl Creation {
    pub(crate) fn hear(&self, event: &Event) {
        let mut progress = self.progress();
        match event {
            Event::CandidateTried { .. } => progress.on_its_way = !progress.interrupted,
            Event::CandidateRefused { .. } => progress.on_its_way = false,
            Event::PodCreated { pod_id, .. } | Event::PodFound { pod_id } => {
                progress.on_its_way = false;
                // One deploy makes one pod.
                progress.pod_id.get_or_insert_with(|| pod_id.clone());
            }
            _ => {}
        }
    }

    /// Wants no further candidate. Gives whether a create is on its way.
    pub(crate) fn interrupt(&self) -> bool {
        let mut progress = self.progress();
        progress.interrupted = true;
        progress.on_its_way
    }

    /// Ends when no create is on its way. To be polled after the deploy, so that a next candidate is never sent: its
    /// request is dropped before the connection takes it.
    pub(crate) async fn settled(&self) {
        poll_fn(|_| if self.progress().on_its_way { Poll::Pending } else { Poll::Ready(()) }).await;
    }

    /// The pod that was created, as far as known.
    pub(crate) fn pod_id(&self) -> Option<String> {
        self.progress().pod_id.clone()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
