//! One list for everybody who waits.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use crate::{
    Error, RunPod,
    client::call::Attempts,
    knowledge::listing::{Listing, SHARED_FOR, Snapshot},
};

impl RunPod {
    /// A list no older than [`SHARED_FOR`], read by whoever comes first.
    pub(crate) async fn snapshot(&self) -> Arc<Snapshot> {
        let poller = self.poller();
        let oldest = Instant::now().checked_sub(SHARED_FOR);
        // A failure is shared among many; whoever is alone knows it already.
        let is_alone = poller.is_alone();
        let recent = || {
            let latest = poller.latest();
            latest.filter(|list| {
                oldest.is_none_or(|oldest| list.asked_at > oldest) && !(is_alone && list.failure.is_some())
            })
        };
        if let Some(list) = recent() {
            return list;
        }
        let _reading = poller.reading().take().await;
        if let Some(list) = recent() {
            return list;
        }
        // An odd pod in the list is asked for by its id when somebody waits for it.
        let Listing { pods, unreadable, asked_at, failure } = self.read_pages(Attempts::One).await;
        let pods = pods.into_iter().map(|pod| (pod.id.clone(), pod)).collect();
        let list = Arc::new(Snapshot { asked_at, pods, unreadable, failure });
        poller.publish(Arc::clone(&list));
        list
    }

    /// A whole list that was asked for at or after a moment, shared with the waits on this handle.
    pub(crate) async fn list_since(&self, moment: Instant) -> Result<Arc<Snapshot>, Error> {
        sleep_until(moment).await;
        loop {
            let latest = self.poller().latest();
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
