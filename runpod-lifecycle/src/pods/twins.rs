//! Ending the second pod of one create.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    Event, PodHandle,
    pods::{
        evidence::LAG,
        identity::{Claim, Whose},
        record::PodRecord,
    },
    wait::watcher::Snapshot,
};

/// The pause between two looks for a twin.
const TWIN_PAUSE: Duration = Duration::from_secs(1);
/// How long after the first list that could show a twin the search goes on while something fails.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest a search that begins late holds up its wait.
const LATE_PATIENCE: Duration = Duration::from_secs(2);

/// The one search for a pod's twins, and what it has come to so far. Unless it ends with certainty, or with
/// the ids of all that may be twins, it is left to whoever comes next.
struct Search<'a> {
    record: &'a PodRecord,
    is_over: bool,
    /// Twins that were not terminated, and pods that may be twins.
    left: BTreeSet<String>,
    /// Why the last look was not enough.
    trouble: Option<String>,
}

impl<'a> Search<'a> {
    fn take(record: &'a PodRecord) -> Option<Self> {
        record.take_search().then(|| Self { record, is_over: false, left: BTreeSet::new(), trouble: None })
    }

    fn trouble(&mut self) -> String {
        self.trouble.take().unwrap_or_else(|| match self.left.is_empty() {
            true => "reading RunPod's list took too long".to_owned(),
            false => "terminating it took too long".to_owned(),
        })
    }
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.record.give_search_back();
        }
    }
}

impl PodHandle {
    /// Terminates every other pod of this deployment: RunPod has made two out of one create (observed).
    /// Only for a pod that was created, once. No certainty is an event. `tell` hears how long it takes until a list
    /// would show one.
    pub(crate) async fn end_twins(&self, tell: impl FnOnce(Duration) + Send) {
        let Some((record, created)) = self.record().and_then(|record| Some((record, record.created()?)))
        else {
            return;
        };
        let Some(mut search) = Search::take(record) else { return };
        // Each pod shows up on its own: an earlier list that shows this one may still lack its twin.
        let shown_at = created.at + LAG;
        if let Some(pause) = shown_at.checked_duration_since(Instant::now()).filter(|pause| !pause.is_zero())
        {
            tell(pause);
        }
        let until = (shown_at + PATIENCE).max(Instant::now() + LATE_PATIENCE);
        let outcome = timeout_at(until, self.try_to_end_twins(&created.claim, shown_at, &mut search)).await;
        let Err(reason) = outcome.unwrap_or_else(|_| Err(search.trouble())) else { return };
        let id = &self.id;
        let left = search.left.iter().map(|twin| format!(" as {twin}")).collect::<Vec<_>>().join(" and");
        let warning = format!(
            "a second pod may have been created beside {id}{left}, and bill; look for its name: {reason}"
        );
        self.runpod().notify(&Event::Warned { warning });
    }

    async fn try_to_end_twins(
        &self,
        claim: &Claim,
        shown_at: Instant,
        search: &mut Search<'_>,
    ) -> Result<(), String> {
        let mut since = shown_at;
        loop {
            match self.runpod().list_since(since).await {
                Err(error) => search.trouble = Some(error.to_string()),
                Ok(list) => match self.end_twins_in(&list, claim, search).await {
                    Some(doubt) => search.trouble = Some(doubt),
                    None => {
                        search.is_over = true;
                        return match search.left.is_empty() {
                            true => Ok(()),
                            false => Err("it does not show whose it is".to_owned()),
                        };
                    }
                },
            }
            sleep(TWIN_PAUSE).await;
            since = since.max(Instant::now());
        }
    }

    /// Terminates the twins a list shows. Returns what went wrong, if something did that may go right yet.
    async fn end_twins_in(&self, list: &Snapshot, claim: &Claim, search: &mut Search<'_>) -> Option<String> {
        let odd = list.unreadable.iter().find(|odd| odd.may_be(&claim.name));
        search.left.clear();
        let mut trouble = odd.map(|odd| odd.problem.clone());
        for pod in list.pods.values().filter(|pod| pod.id != self.id) {
            let failure = match self.runpod().whose(claim, pod.clone()).await {
                Ok((Whose::SomebodyElses, _)) => continue,
                // Listed and not known by its id: a later list says whether it is there.
                Ok((Whose::MayBeOurs, seen)) => {
                    seen.listed_at().map(|_| format!("RunPod does not know {} by its id yet", seen.id))
                }
                Ok((Whose::Ours, twin)) => {
                    // Named also if its end takes too long.
                    search.left.insert(twin.id.clone());
                    match self.runpod().end(&twin).await {
                        Ok(()) => {
                            search.left.remove(&twin.id);
                            self.runpod().notify(&Event::DuplicateTerminated { pod_id: twin.id });
                            continue;
                        }
                        Err(error) => Some(error.to_string()),
                    }
                }
                Err(error) => Some(error.to_string()),
            };
            search.left.insert(pod.id.clone());
            trouble = failure.or(trouble);
        }
        trouble
    }
}
