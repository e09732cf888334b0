//! Ending the second pod of one create.

use crate::{Event, PodHandle, pods::evidence::LAG, pods::record::Created, wait::watcher::Snapshot};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, sleep, timeout_at};

/// The pause between two looks for a twin.
const TWIN_PAUSE: Duration = Duration::from_secs(1);
/// The longest a search takes once the list that it goes by can be asked for.
const TWIN_PATIENCE: Duration = Duration::from_secs(5);

impl PodHandle {
    /// Terminates every other pod of this deployment: RunPod has made two out of one create (observed).
    /// Only for a new pod, which is the one its deployer knows, and once. No certainty is an event.
    pub(crate) async fn end_twins(&self) {
        let Some(record) = self.record().filter(|record| !record.are_twins_settled()) else { return };
        let Some(created) = record.created() else { return };
        let mut search = TwinSearch::default();
        let until = Instant::now().max(created.at + LAG) + TWIN_PATIENCE;
        let outcome = timeout_at(until, self.try_to_end_twins(&created, &mut search)).await;
        record.settle_twins();
        let TwinSearch { left, trouble } = search;
        let late = match left.is_empty() {
            true => trouble.unwrap_or_else(|| "reading RunPod's list took too long".to_owned()),
            false => "terminating it took too long".to_owned(),
        };
        let Err(reason) = outcome.unwrap_or(Err(late)) else { return };
        let id = &self.id;
        let left = left.into_iter().map(|twin| format!(" as {twin}")).collect::<Vec<_>>().join(" and");
        let warning = format!(
            "a second pod may have been created beside {id}{left}, and bill; look for its name: {reason}"
        );
        self.runpod().notify(&Event::Warned { warning });
    }

    /// Goes by one list from [`LAG`] after the create: each pod shows up in lists at a time of its own.
    async fn try_to_end_twins(&self, created: &Created, search: &mut TwinSearch) -> Result<(), String> {
        loop {
            match self.runpod().list_since(created.at + LAG).await {
                Err(error) if !error.is_retryable() => return Err(error.to_string()),
                Err(error) => search.trouble = Some(error.to_string()),
                Ok(list) => {
                    let doubt = self.end_twins_in(&list, &created.marker, &mut search.left).await;
                    return doubt.map_or(Ok(()), Err);
                }
            }
            sleep(TWIN_PAUSE).await;
        }
    }

    /// Terminates the twins a list shows. Returns why one may be left, if one may.
    async fn end_twins_in(
        &self,
        list: &Snapshot,
        marker: &str,
        left: &mut BTreeSet<String>,
    ) -> Option<String> {
        let may_be = |name: Option<&str>| name.is_none() || name == self.name.as_deref();
        let odd = list.unreadable.iter().find(|odd| may_be(odd.name.as_deref()));
        let mut doubt = odd.map(|odd| odd.problem.clone());
        for mut pod in list.pods.values().filter(|pod| pod.id != self.id).cloned() {
            if pod.env.is_empty() && may_be(pod.name.as_deref()) {
                match self.runpod().look_closer(pod).await {
                    Ok(Some(closer)) => pod = closer,
                    Ok(None) => continue,
                    Err(error) => {
                        doubt = Some(error.to_string());
                        continue;
                    }
                }
            }
            if pod.marker() == Some(marker) {
                left.insert(pod.id.clone());
                match self.runpod().end(&pod).await {
                    Err(error) => doubt = Some(error.to_string()),
                    Ok(()) => {
                        left.remove(&pod.id);
                        self.runpod().notify(&Event::DuplicateTerminated { pod_id: pod.id });
                    }
                }
            } else if pod.env.is_empty() && may_be(pod.name.as_deref()) {
                doubt = Some(format!("pod {} does not show whose it is", pod.id));
            }
        }
        doubt
    }
}

/// What a search for twins has come to so far.
#[derive(Default)]
struct TwinSearch {
    /// Twins that were seen and not terminated.
    left: BTreeSet<String>,
    /// Why the last look was not enough.
    trouble: Option<String>,
}
