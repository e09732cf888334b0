//! Spans of operations and requests, and lines of events (feature `tracing`). Without it, nothing.

use std::time::Duration;

use crate::{Event, observe::doing::Doing};

/// The target of spans and lines.
#[cfg(feature = "tracing")]
const TARGET: &str = "runpod_lifecycle";

/// The span of an operation or a request.
#[derive(Clone, Debug)]
pub(crate) struct Span(#[cfg(feature = "tracing")] tracing::Span);

#[cfg(feature = "tracing")]
impl Span {
    /// The span of an operation, in whatever span its caller is.
    pub(crate) fn of_operation(doing: &Doing<'_>) -> Self {
        let (pod, target) = doing.pod_or_target();
        Self(tracing::info_span!(
            target: TARGET, "operation", operation = doing.operation, pod, target, candidate = doing.candidate,
            condition = doing.condition, outcome = tracing::field::Empty,
        ))
    }

    /// The span of a request, in the span of its operation.
    pub(crate) fn of_request(doing: &Doing<'_>, attempt: u32, waited: Duration) -> Self {
        let (pod, target) = doing.pod_or_target();
        Self(tracing::debug_span!(
            target: TARGET, "request", operation = doing.operation, pod, target, attempt,
            waited = waited.as_secs_f64(), outcome = tracing::field::Empty, status = tracing::field::Empty,
            request_id = tracing::field::Empty,
        ))
    }

    /// Does some work in it.
    pub(crate) fn around<F: Future + Send>(&self, work: F) -> impl Future<Output = F::Output> + Send {
        tracing::Instrument::instrument(work, self.0.clone())
    }

    /// Adds what is known at its end, and tells of it.
    pub(super) fn end(&self, event: &Event, tell: impl FnOnce()) {
        match event {
            Event::OperationEnded(report) => drop(self.0.record("outcome", report.outcome.as_str())),
            Event::RequestEnded(report) => {
                self.0.record("outcome", report.outcome.as_str());
                self.0.record("status", report.status);
                self.0.record("request_id", report.request_id.as_deref());
            }
            _ => {}
        }
        self.0.in_scope(tell);
    }
}

/// Writes an event to the log.
#[cfg(feature = "tracing")]
pub(super) fn log(event: &Event) {
    tracing::debug!(target: TARGET, "{event}");
}

#[cfg(not(feature = "tracing"))]
impl Span {
    pub(crate) fn of_operation(_: &Doing<'_>) -> Self {
        Self()
    }

    pub(crate) fn of_request(_: &Doing<'_>, _: u32, _: Duration) -> Self {
        Self()
    }

    pub(crate) fn around<F: Future + Send>(&self, work: F) -> F {
        work
    }

    pub(super) fn end(&self, _: &Event, tell: impl FnOnce()) {
        tell();
    }
}

#[cfg(not(feature = "tracing"))]
pub(super) fn log(_: &Event) {}
