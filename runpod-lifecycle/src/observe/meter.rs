//! Every metric with its unit, and what each event adds to it (feature `metrics`).

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::{Event, PodState, RequestReport};

/// Requests that ended: a count, by `operation` and `status` (`none` without an answer).
const REQUESTS: &str = "runpod_requests_total";
/// The time of a request from its sending to its answer: seconds, by `operation`.
const REQUEST_TIME: &str = "runpod_request_seconds";
/// Requests that were sent again after a failure: a count, by `operation`.
const RETRIES: &str = "runpod_retries_total";
/// Pauses before something was sent: seconds, by `operation` and `cause` (`limit` or `retry`).
const PAUSES: &str = "runpod_pause_seconds";
/// Requests left in a window of the rate limit, by this side's reckoning: a count, by `window`.
const QUOTA_LEFT: &str = "runpod_quota_left";
/// The time of an operation, such as a deploy or a wait: seconds, by `operation` and `outcome`.
const OPERATION_TIME: &str = "runpod_operation_seconds";
/// Pods that RunPod accepted: a count.
const PODS_CREATED: &str = "runpod_pods_created_total";
/// Terminates that succeeded: a count.
const PODS_ENDED: &str = "runpod_pods_ended_total";
/// The price of the pods that were created, started or adopted, and are not known to have stopped: USD per hour.
const RUNNING: &str = "runpod_running_usd_per_hour";

/// Turns events into metrics, for whatever recorder the program has installed.
#[derive(Debug)]
pub(super) struct Meter {
    /// USD per hour of each pod that runs, by its id.
    running: Mutex<HashMap<String, f64>>,
}

impl Default for Meter {
    fn default() -> Self {
        describe();
        Self { running: Mutex::default() }
    }
}

/// Tells the recorder what each metric is.
fn describe() {
    let count = Unit::Count;
    describe_counter!(REQUESTS, count, "Requests to RunPod that ended");
    describe_histogram!(REQUEST_TIME, Unit::Seconds, "Time of a request until its answer");
    describe_counter!(RETRIES, count, "Requests that were sent again after a failure");
    describe_histogram!(PAUSES, Unit::Seconds, "Pauses that a rate limit or a failure made");
    describe_gauge!(QUOTA_LEFT, count, "Requests left in a window of the rate limit");
    describe_histogram!(OPERATION_TIME, Unit::Seconds, "Time of an operation, such as a deploy or a wait");
    describe_counter!(PODS_CREATED, count, "Pods that RunPod accepted");
    describe_counter!(PODS_ENDED, count, "Terminates that succeeded");
    describe_gauge!(RUNNING, "USD per hour of the pods that were created, started or adopted and run");
}

impl Meter {
    /// Takes in an event.
    pub(super) fn hear(&self, event: &Event) {
        match event {
            Event::RequestEnded(report) => requested(report),
            Event::Paused { operation, pause, .. } => paused(operation, "limit", *pause),
            Event::RetryAwaited { operation, pause, .. } => paused(operation, "retry", *pause),
            Event::OperationEnded(report) => {
                let outcome = report.outcome.as_str();
                histogram!(OPERATION_TIME, "operation" => report.operation, "outcome" => outcome)
                    .record(report.elapsed);
            }
            Event::PodCreated { pod_id, cost_usd_per_hour, .. } => {
                counter!(PODS_CREATED).increment(1);
                self.runs(pod_id, *cost_usd_per_hour);
            }
            Event::PodAdopted { pod_id, cost_usd_per_hour, .. }
            | Event::PodStarted { pod_id, cost_usd_per_hour } => self.runs(pod_id, *cost_usd_per_hour),
            Event::PodTerminated { pod_id } => {
                counter!(PODS_ENDED).increment(1);
                self.rests(pod_id);
            }
            Event::PodStopped { pod_id } => self.rests(pod_id),
            Event::Polled { pod_id, state: Some(state), .. }
                if state.is_stopped() || *state == PodState::Terminated =>
            {
                self.rests(pod_id);
            }
            _ => {}
        }
    }

    /// Counts a pod as running, at its latest price.
    fn runs(&self, pod_id: &str, cost_usd_per_hour: Option<f64>) {
        let Some(cost) = cost_usd_per_hour else { return };
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let before = running.insert(pod_id.to_owned(), cost).unwrap_or_default();
        gauge!(RUNNING).increment(cost - before);
    }

    /// Counts a pod as running no more.
    fn rests(&self, pod_id: &str) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cost) = running.remove(pod_id) {
            gauge!(RUNNING).decrement(cost);
        }
    }
}

fn requested(report: &RequestReport) {
    let operation = report.operation;
    let status = report.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    counter!(REQUESTS, "operation" => operation, "status" => status).increment(1);
    histogram!(REQUEST_TIME, "operation" => operation).record(report.elapsed);
    if report.attempt > 1 {
        counter!(RETRIES, "operation" => operation).increment(1);
    }
    // A pause that RunPod asked for is no window, and has no end that a gauge would show.
    for window in report.rate_budget.iter().filter(|window| window.limit.is_some()) {
        gauge!(QUOTA_LEFT, "window" => window.name.clone()).set(window.left as f64);
    }
}

fn paused(operation: &str, cause: &'static str, pause: Duration) {
    histogram!(PAUSES, "operation" => operation.to_owned(), "cause" => cause).record(pause);
}
