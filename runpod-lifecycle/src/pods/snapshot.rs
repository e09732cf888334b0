//! One list for everybody on a handle.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use crate::{
    Error, RunPod,
    client::call::Attempts,
    knowledge::listing::{Listing, SHARED_FOR},
};

impl RunPod {
    /// A list for waits, no older than [`SHARED_FOR`].
    pub(crate) async fn snapshot(&self) -> Arc<Listing> {
        let oldest = Instant::now().checked_sub(SHARED_FOR);
        // A failure is shared among many; a wait that is alone knows it already.
        let is_alone = self.poller().is_alone();
        let will_do = |list: &Listing| is_after(list, oldest) && !(is_alone && list.failure.is_some());
        // A pod that the list shows unreadably is asked for by its id when a wait is for it.
        self.shared_list(Attempts::One, will_do).await
    }

    /// A whole list for deploys, no older than [`SHARED_FOR`] and the last change through this handle.
    pub(crate) async fn list_at_deploy(&self) -> Result<Arc<Listing>, Error> {
        let (wanted_at, oldest) = (Instant::now(), self.lookups().oldest_of_pods());
        let will_do = |list: &Listing| match list.failure {
            None => is_after(list, oldest),
            // For those only who waited for it, and would have tried no harder.
            Some(_) => list.is_persistent && list.came_at > wanted_at,
        };
        let list = self.shared_list(Attempts::Several, will_do).await;
        list.failure.clone().map_or(Ok(list), Err)
    }

    /// The list that was read last if it will do, or else one that is read by the first caller.
    async fn shared_list(&self, attempts: Attempts, will_do: impl Fn(&Listing) -> bool) -> Arc<Listing> {
        let poller = self.poller();
        let recent = || poller.latest().filter(|list| will_do(list));
        if let Some(list) = recent() {
            return list;
        }
        let _reading = poller.reading().take().await;
        if let Some(list) = recent() {
            return list;
        }
        let list = Arc::new(self.read_pages(attempts).await);
        poller.publish(Arc::clone(&list));
        list
    }

    /// A whole list that was asked for at or after a moment, shared with the waits on this handle.
    pub(crate) async fn list_since(&self, moment: Instant) -> Result<Arc<Listing>, Error> {
        sleep_until(moment).await;
        loop {
            let latest = self.poller().latest();
            let is_whole = |list: &Arc<Listing>| list.asked_at >= moment && list.failure.is_none();
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

fn is_after(list: &Listing, oldest: Option<Instant>) -> bool {
    oldest.is_none_or(|oldest| list.asked_at > oldest)
}
