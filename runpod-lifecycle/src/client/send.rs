//! Sending a request: held back by the rate limit, and sent again where that does no harm.

use std::{future::Future, pin::Pin, time::Duration};

use runpod_api::Failure;
use tokio::time::{Instant, sleep};

use crate::{
    Error, ErrorKind, Event, RunPod,
    backend::Answer,
    client::{
        call::{Attempts, Call},
        quota::{Permit, Priority},
        retry,
    },
    error::operation::Operation,
    version::Feature,
};

/// The longest a call is held back for an exhausted rate limit before it fails instead.
const PATIENCE: Duration = Duration::from_secs(120);

impl RunPod {
    /// Ends a call that this handle's version of the API cannot do, before anything is sent.
    pub(crate) fn require(&self, feature: Feature, call: Call<'_>) -> Result<(), Error> {
        if self.supports(feature) {
            return Ok(());
        }
        let message = format!("REST v1 has no {feature}; REST v2 has (ApiVersion::V2)");
        Err(Error::of_answer(ErrorKind::Unsupported, call.operation, call.target, message))
    }

    /// Sends one request, once the rate limit allows it, and once only.
    ///
    /// The request is boxed by the caller: its future is large, and nobody's stack or state should be.
    pub(crate) async fn once<T: Send>(
        &self,
        call: Call<'_>,
        send: Pin<Box<impl Future<Output = Result<Answer<T>, Failure>> + Send>>,
    ) -> Result<T, Error> {
        self.part(call, self.request(call, send)).await
    }

    /// The one way that a request goes: in its span, and an event when it is over.
    async fn request<T>(
        &self,
        call: Call<'_>,
        send: Pin<Box<impl Future<Output = Result<Answer<T>, Failure>> + Send>>,
    ) -> Result<T, Error> {
        let wanted_at = Instant::now();
        let permit = self.admit(call).await?;
        // Leave that is given at once takes no time that anybody would call a wait.
        let waited = Duration::from_millis(wanted_at.elapsed().as_millis() as u64);
        let request = self.observer.sending(&call.into(), call.attempt, waited);
        let mutating = |at| {
            if call.is_change {
                self.inner.lookups.mutated(at);
            }
        };
        mutating(Instant::now());
        let answer = request.span.around(send).await;
        mutating(Instant::now());
        match answer {
            Ok(answer) => {
                // A failure may be another server's, with another clock.
                self.inner.clock.observe(&answer.headers);
                permit.answered(&answer.headers);
                request.answered(answer.status.as_u16(), &answer.headers, self.rate_budget());
                Ok(answer.value)
            }
            Err(failure) => {
                permit.answered(failure.headers());
                if failure.status() == Some(429) {
                    self.inner.quota.hold(failure.retry_after());
                }
                request.failed(&failure, self.rate_budget());
                Err(Error::of_call(self.version(), call.operation, call.target, failure))
            }
        }
    }

    /// Sends a request whose repetition does no harm, again after failures that may pass.
    pub(crate) async fn repeatedly<T: Send, F>(
        &self,
        call: Call<'_>,
        send: impl Fn() -> F + Send,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<Answer<T>, Failure>> + Send,
    {
        self.send(call, Attempts::Several, send).await
    }

    /// Sends a request once, or again after failures that may pass.
    pub(crate) async fn send<T: Send, F>(
        &self,
        call: Call<'_>,
        attempts: Attempts,
        send: impl Fn() -> F + Send,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<Answer<T>, Failure>> + Send,
    {
        self.part(call, self.attempts(call, attempts, send)).await
    }

    async fn attempts<T: Send, F>(
        &self,
        call: Call<'_>,
        attempts: Attempts,
        send: impl Fn() -> F + Send,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<Answer<T>, Failure>> + Send,
    {
        let mut pauses = retry::pauses(match attempts {
            Attempts::One => 1,
            Attempts::Several | Attempts::Urgent => retry::ATTEMPTS,
        });
        let mut call = match attempts {
            Attempts::Urgent => Call { priority: Priority::Ending, ..call },
            Attempts::One | Attempts::Several => call,
        };
        let mut is_unclear = false;
        loop {
            let error = match self.once(call, Box::pin(send())).await {
                Ok(value) => return Ok(value),
                Err(error) if is_unclear => error.after_unclear(),
                Err(error) => error,
            };
            is_unclear |= call.priority != Priority::Poll && error.may_have_been_applied();
            if !error.is_retryable() {
                return Err(error);
            }
            let Some(pause) = pauses.next() else { return Err(error) };
            if !self.rest_after(&error, call, pause).await {
                return Err(error);
            }
            call = call.again();
        }
    }

    /// Rests for at least `pause` before a call that failed is sent again. Returns false at once if RunPod
    /// wants to be left alone for longer than anybody waits.
    pub(crate) async fn rest_after(&self, error: &Error, call: Call<'_>, pause: Duration) -> bool {
        let asked = error.retry_after().unwrap_or_default();
        let asked = match self.priority(call) {
            // A pod that bills is worth another 429.
            Priority::Ending if asked > PATIENCE => Duration::ZERO,
            Priority::Ending => asked,
            _ => asked.max(self.inner.quota.exhausted_for()),
        };
        if asked > PATIENCE {
            return false;
        }
        let pause = pause.max(asked);
        if error.kind() == ErrorKind::RateLimited {
            self.tell_pause(call.operation, pause, "RunPod answered 429");
        } else if !asked.is_zero() {
            self.tell_pause(call.operation, pause, "RunPod asked for it");
        } else {
            let (operation, target) = (call.operation.words().to_owned(), call.target.map(str::to_owned));
            self.notify(&Event::RetryAwaited { operation, target, pause });
        }
        sleep(pause).await;
        true
    }

    /// The weight of a call against the rate limit.
    fn priority(&self, call: Call<'_>) -> Priority {
        if self.is_ending { Priority::Ending } else { call.priority }
    }

    fn tell_pause(&self, operation: Operation, pause: Duration, reason: impl Into<String>) {
        self.notify(&Event::Paused { operation: operation.words().to_owned(), pause, reason: reason.into() });
    }

    async fn admit(&self, call: Call<'_>) -> Result<Permit<'_>, Error> {
        loop {
            let hold = match self.inner.quota.admit(self.priority(call)).await {
                Ok(permit) => return Ok(permit),
                Err(hold) => hold,
            };
            if hold.span > PATIENCE {
                let seconds = hold.span.as_secs();
                let message = format!("not sent for another {seconds} s, since {}", hold.reason);
                return Err(Error::of_answer(ErrorKind::RateLimited, call.operation, call.target, message));
            }
            self.tell_pause(call.operation, hold.span, hold.reason);
            sleep(hold.span).await;
        }
    }
}
