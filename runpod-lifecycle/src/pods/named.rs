//! A name where a verb takes an id.

use crate::{Error, RunPod, pods::list::is_id};

impl RunPod {
    /// The error of a verb whose id no pod has, which also says so if pods have it as their name; `None` if none has, or
    /// nobody knows.
    pub(super) async fn misnamed(&self, id: &str, error: &Error) -> Option<Error> {
        if is_id(id) || id.is_empty() {
            return None;
        }
        let ids: Vec<String> = self.named_now(id).await.ok()?.iter().map(|pod| pod.id.clone()).collect();
        let note =
            format!("it is no id but the name of pod {}, which pod({id:?}) finds", ids.join(" and of pod "));
        (!ids.is_empty()).then(|| error.clone().with_note(&note))
    }
}
