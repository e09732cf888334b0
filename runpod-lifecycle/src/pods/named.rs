//! A name where a verb takes an id.

use tokio::time::sleep;

use crate::{Error, PodHandle, RunPod, knowledge::evidence::lag_pauses, pods::list::is_id};

impl RunPod {
    /// Fails unless no pod has the id of a 404 as its name. Of a text that looks like no id, lists tell that over 15 s; of
    /// one that does, RunPod's 404 is enough where its list cannot be read.
    pub(super) async fn check_unnamed(&self, id: &str, error: &Error) -> Result<(), Error> {
        let reads = if is_id(id) { 1 } else { usize::MAX };
        for pause in lag_pauses().take(reads) {
            sleep(pause).await;
            match self.for_ending().named_now(id).await {
                Ok(named) if named.is_empty() => {}
                Ok(named) => return Err(misnamed(id, &named, error)),
                Err(_) if is_id(id) => {}
                Err(unread) => return Err(unread.with_note("so it may be the name of a pod, which bills")),
            }
        }
        Ok(())
    }

    /// The error of a verb whose id no pod has, which also says so if pods have it as their name; `None` if none has, or
    /// nobody knows.
    pub(super) async fn misnamed(&self, id: &str, error: &Error) -> Option<Error> {
        if is_id(id) || id.is_empty() {
            return None;
        }
        let named = self.named_now(id).await.ok()?;
        (!named.is_empty()).then(|| misnamed(id, &named, error))
    }
}

fn misnamed(id: &str, named: &[PodHandle], error: &Error) -> Error {
    let ids: Vec<&str> = named.iter().map(|pod| pod.id.as_str()).collect();
    let note =
        format!("it is no id but the name of pod {}, which pod({id:?}) finds", ids.join(" and of pod "));
    error.clone().with_note(&note)
}
