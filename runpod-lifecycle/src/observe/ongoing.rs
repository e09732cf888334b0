//! Requests and operations under way: each has a span, and is an event when it is over.

use std::{
    error::Error,
    panic::{self, AssertUnwindSafe},
    time::Duration,
};

use runpod_api::{Failure, FailureKind, http::HeaderMap};
use tokio::time::Instant;

use crate::{
    Event, OperationReport, Outcome, RateWindow, RequestReport,
    observe::{Observer, doing::Doing, span::Span},
};

/// The header in which RunPod names a request.
const REQUEST_ID: &str = "x-request-id";

/// The report of an end.
pub(crate) trait Report {
    /// The event of an end after so long.
    fn after(self, elapsed: Duration) -> Event;
}

impl Report for RequestReport {
    fn after(self, elapsed: Duration) -> Event {
        Event::RequestEnded(Self { elapsed, ..self })
    }
}

impl Report for OperationReport {
    fn after(self, elapsed: Duration) -> Event {
        Event::OperationEnded(Self { elapsed, ..self })
    }
}

/// Something under way. Its end is told when it is dropped, whatever became of it.
pub(crate) struct Ongoing<'a, R: Report> {
    observer: &'a Observer,
    pub(crate) span: Span,
    began_at: Instant,
    report: Option<R>,
}

impl Observer {
    /// Begins an operation.
    pub(crate) fn began(&self, doing: &Doing<'_>) -> Ongoing<'_, OperationReport> {
        let (operation, target) = (doing.operation, doing.target.map(str::to_owned));
        let report =
            OperationReport { operation, target, outcome: Outcome::Dropped, elapsed: Duration::ZERO };
        self.ongoing(Span::of_operation(doing), report)
    }

    /// Begins a request: leave to send it was given after `waited`.
    pub(crate) fn sending(
        &self,
        doing: &Doing<'_>,
        attempt: u32,
        waited: Duration,
    ) -> Ongoing<'_, RequestReport> {
        let report = RequestReport {
            operation: doing.operation,
            target: doing.target.map(str::to_owned),
            attempt,
            outcome: Outcome::Dropped,
            status: None,
            request_id: None,
            error: None,
            waited,
            elapsed: Duration::ZERO,
            rate_budget: Vec::new(),
        };
        self.ongoing(Span::of_request(doing, attempt, waited), report)
    }

    fn ongoing<R: Report>(&self, span: Span, report: R) -> Ongoing<'_, R> {
        Ongoing { observer: self, span, began_at: Instant::now(), report: Some(report) }
    }
}

impl<R: Report> Ongoing<'_, R> {
    /// Ends it with what is known of its end.
    pub(crate) fn end(mut self, report: impl FnOnce(&mut R)) {
        self.report.as_mut().map(report);
    }

    /// Takes it that it never began.
    fn forget(mut self) {
        self.report = None;
    }
}

impl Ongoing<'_, RequestReport> {
    /// Ends it with an answer.
    pub(crate) fn answered(self, status: u16, headers: &HeaderMap, rate_budget: Vec<RateWindow>) {
        let request_id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
        self.end(|report| {
            (report.outcome, report.status, report.request_id) =
                (Outcome::Succeeded, Some(status), request_id);
            report.rate_budget = rate_budget;
        });
    }

    /// Ends it with a failure. What could not be sent as it is was no request.
    pub(crate) fn failed(self, failure: &Failure, rate_budget: Vec<RateWindow>) {
        if *failure.kind() == FailureKind::NotSent && failure.source().is_none() {
            return self.forget();
        }
        self.end(|report| {
            (report.outcome, report.status) = (Outcome::Failed, failure.status());
            (report.request_id, report.error) =
                (failure.request_id().map(str::to_owned), Some(failure.outcome()));
            report.rate_budget = rate_budget;
        });
    }
}

impl<R: Report> Drop for Ongoing<'_, R> {
    fn drop(&mut self) {
        let Some(report) = self.report.take() else { return };
        let event = report.after(self.began_at.elapsed());
        let tell = || self.span.end(&event, || self.observer.notify(&event));
        // A second panic, of an observer that hears of the first one's end, would abort the program and leave its pods to bill.
        match std::thread::panicking() {
            true => drop(panic::catch_unwind(AssertUnwindSafe(tell))),
            false => tell(),
        }
    }
}
