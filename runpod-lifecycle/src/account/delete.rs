//! Deleting what an account stores.

use std::future::Future;

use runpod_api::{Failure, http::StatusCode};
use tokio::time::{Instant, sleep};

use crate::{
    Error, ErrorKind, RunPod,
    backend::Answer,
    client::call::Call,
    knowledge::{
        evidence::{DOUBT_PAUSE, LAG},
        recent::Recent,
    },
    stored::Stored,
};

/// The end of something that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    Now,
    /// It was gone, by RunPod's 404.
    Before,
}

impl RunPod {
    /// Deletes something by its id. One that is gone already is fine, by RunPod's own 404 about it; while it is so new that
    /// a 404 proves nothing, the call is sent again: until 15 s after it was made or an answer last showed it. If answers go
    /// on showing it for 30 s, it is not known.
    pub(crate) async fn delete_stored<T: Stored, F>(
        &self,
        id: &str,
        call: Call<'_>,
        recent: &Recent<T>,
        delete: impl Fn() -> F + Send + Sync,
    ) -> Result<Deleted, Error>
    where
        F: Future<Output = Result<Answer<StatusCode>, Failure>> + Send,
    {
        let (mut deleted, patience) = (Deleted::Before, Instant::now() + 2 * LAG);
        loop {
            // An answer says how it was when it was asked for.
            let is_new = recent.is_new(id);
            match self.repeatedly(call, &delete).await {
                Ok(StatusCode::NO_CONTENT) => {
                    deleted = Deleted::Now;
                    break;
                }
                Ok(status) => {
                    let message =
                        format!("RunPod answered {} in place of 204: it may be there still", status.as_u16());
                    return Err(call.refused(ErrorKind::Unreadable, message));
                }
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Err(error) => {
                    // An attempt without a clear answer has done it.
                    if error.may_have_been_applied() {
                        deleted = Deleted::Now;
                    }
                    if !is_new {
                        break;
                    }
                    if Instant::now() >= patience {
                        let message = "RunPod answers 404, and yet its list shows it";
                        return Err(call.refused(ErrorKind::Unproven, message.to_owned()));
                    }
                    sleep(DOUBT_PAUSE).await;
                }
            }
        }
        recent.deleted(id);
        Ok(deleted)
    }
}
