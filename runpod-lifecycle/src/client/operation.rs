//! The one way through which every operation goes.

use std::future::Future;

use crate::{Outcome, RunPod, client::call::Call, observe::doing::Doing};

tokio::task_local! {
    /// Set while an operation is under way: requests that are sent in it are its own.
    static UNDER_WAY: ();
}

impl RunPod {
    /// Does the work of an operation in its span, and tells of its end.
    pub(crate) fn operation<'a, T: Send, E: Send>(
        &'a self,
        doing: impl Into<Doing<'a>>,
        work: impl Future<Output = Result<T, E>> + Send + 'a,
    ) -> impl Future<Output = Result<T, E>> + Send + 'a {
        // Boxed: it is large, and would be twice in the state of what is returned.
        let (doing, work) = (doing.into(), Box::pin(work));
        async move {
            let ongoing = self.observer.began(&doing);
            let outcome = ongoing.span.around(UNDER_WAY.scope((), work)).await;
            ongoing.end(|report| report.outcome = Outcome::of(outcome.is_ok()));
            outcome
        }
    }

    /// Does the work of a call, which is an operation of its own unless one is under way.
    pub(crate) fn part<'a, T: Send, E: Send>(
        &'a self,
        call: Call<'a>,
        work: impl Future<Output = Result<T, E>> + Send + 'a,
    ) -> impl Future<Output = Result<T, E>> + Send + 'a {
        let work = Box::pin(work);
        async move {
            match UNDER_WAY.try_with(|()| ()) {
                Ok(()) => work.await,
                Err(_) => self.operation(call, work).await,
            }
        }
    }
}

impl<'a> From<Call<'a>> for Doing<'a> {
    fn from(call: Call<'a>) -> Self {
        Self::new(call.operation.words(), call.target)
    }
}
