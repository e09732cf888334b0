//! Ending the second pod of one create.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::{
    Event, Pod, PodHandle,
    pods::{
        created::LAG,
        identity::{Claim, Whose},
        list::Listing,
    },
};

/// The pause between two looks for a twin.
const TWIN_PAUSE: Duration = Duration::from_secs(1);
/// The longest a search that begins late holds up its wait.
const LATE_PATIENCE: Duration = Duration::from_secs(2);

/// What a deployment's creates may have made beside its pod: looked for once.
#[derive(Debug)]
pub(crate) struct Siblings {
    claim: Claim,
    created_at: Instant,
    /// Whether a search is under way or over.
    is_searched: AtomicBool,
}

impl Siblings {
    /// Those of a create that was just accepted.
    pub(crate) fn new(claim: Claim) -> Self {
        Self { claim, created_at: Instant::now(), is_searched: AtomicBool::new(false) }
    }

    /// The first instant at which a list shows all of them.
    fn shown_at(&self) -> Instant {
        self.created_at + LAG
    }

    /// Leave to search, for one search; one that is dropped midway gives it back.
    fn search(&self) -> Option<Search<'_>> {
        let is_first = !self.is_searched.swap(true, Ordering::Relaxed);
        is_first.then(|| Search { siblings: self, is_over: false, left: BTreeSet::new(), trouble: None })
    }
}

/// A search for twins, and what it has come to so far.
struct Search<'a> {
    siblings: &'a Siblings,
    is_over: bool,
    /// Twins that were seen and not terminated, and pods that may be twins.
    left: BTreeSet<String>,
    /// Why the last look was not enough.
    trouble: Option<String>,
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.siblings.is_searched.store(false, Ordering::Relaxed);
        }
    }
}

impl PodHandle {
    /// Terminates every other pod of this deployment: RunPod has made two out of one create (observed).
    /// Only for a pod that was created, once. No certainty is an event.
    pub(crate) async fn end_twins(&self) {
        let Some(mut search) = self.siblings().and_then(Siblings::search) else { return };
        let until = (search.siblings.shown_at() + LAG).max(Instant::now() + LATE_PATIENCE);
        let outcome = timeout_at(until, self.try_to_end_twins(&mut search)).await;
        search.is_over = true;
        let late = match search.left.is_empty() {
            true => search.trouble.take().unwrap_or_else(|| "reading RunPod's list took too long".to_owned()),
            false => "terminating it took too long".to_owned(),
        };
        let Err(reason) = outcome.unwrap_or(Err(late)) else { return };
        let id = &self.id;
        let left = search.left.iter().map(|twin| format!(" as {twin}")).collect::<Vec<_>>().join(" and");
        let warning = format!(
            "a second pod may have been created beside {id}{left}, and bill; look for its name: {reason}"
        );
        self.runpod().notify(&Event::Warned { warning });
    }

    async fn try_to_end_twins(&self, search: &mut Search<'_>) -> Result<(), String> {
        // Each pod shows up on its own: a list that shows this one may still lack its twin.
        sleep_until(search.siblings.shown_at()).await;
        loop {
            match self.runpod().list_since(search.siblings.shown_at()).await {
                Err(error) if !error.is_retryable() => return Err(error.to_string()),
                Err(error) => search.trouble = Some(error.to_string()),
                Ok(listing) => return self.end_twins_in(listing, search).await,
            }
            sleep(TWIN_PAUSE).await;
        }
    }

    /// Terminates the twins a list shows. The error says why one may be left.
    async fn end_twins_in(&self, listing: Listing, search: &mut Search<'_>) -> Result<(), String> {
        let claim = &search.siblings.claim;
        let odd = listing.unreadable.into_iter().find(|odd| odd.may_be(&claim.name));
        let mut doubt = odd.map(|odd| odd.problem);
        for pod in listing.pods.into_iter().filter(|pod| pod.id != self.id) {
            let id = pod.id.clone();
            match self.runpod().whose(claim, pod).await {
                Ok((Whose::SomebodyElses, _)) => {}
                Ok((Whose::Ours, Pod { id, .. })) => {
                    search.left.insert(id.clone());
                    match self.runpod().terminate(&id).await {
                        Err(error) => doubt = Some(error.to_string()),
                        Ok(_) => {
                            search.left.remove(&id);
                            self.runpod().notify(&Event::DuplicateTerminated { pod_id: id });
                        }
                    }
                }
                Ok((Whose::MayBeOurs, _)) => {
                    doubt = Some(format!("pod {id} does not show whose it is"));
                    search.left.insert(id);
                }
                Err(error) => {
                    doubt = Some(error.to_string());
                    search.left.insert(id);
                }
            }
        }
        doubt.map_or(Ok(()), Err)
    }
}
