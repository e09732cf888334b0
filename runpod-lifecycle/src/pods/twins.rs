//! Ending the second pod of one create.

use crate::{
    Event, PodHandle,
    pods::created::{Created, LAG},
    pods::list::Listing,
};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// The pause between two looks for a twin.
const TWIN_PAUSE: Duration = Duration::from_secs(1);

impl PodHandle {
    /// Terminates every other pod of this deployment: RunPod has made two out of one create (observed).
    /// Only for a new pod, which is the one its deployer knows. No certainty is an event.
    pub(crate) async fn end_twins(&self) {
        let Some(created) = self.created() else { return };
        let mut search = TwinSearch::default();
        let longest = if created.is_in_doubt { 2 * LAG } else { LAG };
        let outcome = timeout(longest, self.try_to_end_twins(created, &mut search)).await;
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

    async fn try_to_end_twins(&self, created: &Created, search: &mut TwinSearch) -> Result<(), String> {
        loop {
            match self.runpod().list_with(&self.id, !created.is_in_doubt).await {
                Err(error) if !error.is_retryable() => return Err(error.to_string()),
                Err(error) => search.trouble = Some(error.to_string()),
                Ok((asked_at, listing)) => {
                    let is_shown = listing.pods.iter().any(|pod| pod.id == self.id);
                    let doubt = self.end_twins_in(listing, &created.marker, &mut search.left).await;
                    // A list that shows the pod itself would show a twin of the same create.
                    if (is_shown && !created.is_in_doubt) || asked_at >= created.at + LAG {
                        return doubt.map_or(Ok(()), Err);
                    }
                    search.trouble = Some("RunPod's list does not show the pod".to_owned());
                }
            }
            let until_shown = (created.at + LAG).saturating_duration_since(Instant::now());
            sleep(if created.is_in_doubt { until_shown.max(TWIN_PAUSE) } else { TWIN_PAUSE }).await;
        }
    }

    /// Terminates the twins a list shows. Returns why one may be left, if one may.
    async fn end_twins_in(
        &self,
        listing: Listing,
        marker: &str,
        left: &mut BTreeSet<String>,
    ) -> Option<String> {
        let may_be = |name: Option<&str>| name.is_none() || name == self.name.as_deref();
        let odd = listing.unreadable.into_iter().find(|odd| may_be(odd.name.as_deref()));
        let mut doubt = odd.map(|odd| odd.problem);
        for mut pod in listing.pods.into_iter().filter(|pod| pod.id != self.id) {
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
                match self.runpod().terminate(&pod.id).await {
                    Err(error) => doubt = Some(error.to_string()),
                    Ok(_) => {
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
