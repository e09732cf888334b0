//! Metrics, as a recorder hears them.

use std::{collections::BTreeMap, time::Duration};

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{IfExists, PodSpec, RunPod, Running};
use runpod_sim::{Fault, FaultKind, RateWindow, Sim};

use super::{MINUTE, handle, quick, spec};
use crate::mock::{GPU, fresh_pod};

/// Every metric that a recorder has heard, by its name and labels in order.
type Metrics = BTreeMap<String, DebugValue>;

/// Everything that a recorder hears while some work is done.
fn during<T>(work: impl AsyncFnOnce(&Snapshotter) -> T) -> T {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let done = metrics::with_local_recorder(&recorder, || run_fast(100, work(&snapshotter)));
    done.expect("a runtime can be had")
}

/// Everything heard since the last call; gauges begin at 0 again. Each metric has a description.
fn heard(snapshotter: &Snapshotter) -> Metrics {
    let metrics = snapshotter.snapshot().into_vec().into_iter().map(|(key, unit, description, value)| {
        let (name, labels) = key.key().clone().into_parts();
        let name = name.as_str();
        assert!(description.is_some(), "{name} is not described");
        assert!(unit.is_some() || name.ends_with("usd_per_hour"), "{name} has no unit");
        let mut labels: Vec<String> =
            labels.iter().map(|label| format!("{}={}", label.key(), label.value())).collect();
        labels.sort();
        (format!("{name} {}", labels.join(" ")).trim().to_owned(), value)
    });
    metrics.collect()
}

fn number(metrics: &Metrics, name: &str) -> f64 {
    match metrics.get(name) {
        Some(DebugValue::Counter(count)) => *count as f64,
        Some(DebugValue::Gauge(value)) => value.into_inner(),
        Some(DebugValue::Histogram(values)) => values.len() as f64,
        None => 0.0,
    }
}

/// The sum over every combination of labels.
fn total(metrics: &Metrics, name: &str) -> f64 {
    let names = metrics.keys().filter(|key| key.split(' ').next() == Some(name));
    names.map(|name| number(metrics, name)).sum()
}

async fn deployed(runpod: &RunPod, name: &str) -> runpod_lifecycle::PodHandle {
    runpod.deploy(&spec(name)).await.expect("it is accepted")
}

async fn limited() -> Sim {
    let windows = [RateWindow::new("minute", 600, MINUTE)];
    quick().rate_windows(windows).start().await.expect("loopback is free")
}

#[test]
fn requests_retries_pauses_operations_and_the_quota_are_counted_as_the_server_has_them() {
    during(async |snapshotter| {
        let sim = limited().await;
        let limited =
            FaultKind::RateLimited { retry_after: Some(Duration::from_secs(1)), exhausted_for: None };
        sim.inject(Fault::new(limited).on("getPod").times(1)).expect("a sound fault");
        sim.inject(Fault::new(FaultKind::status_before(503)).on("listPods").times(2)).expect("a sound fault");
        let runpod = handle(&sim);
        let pod = deployed(&runpod, "counted").await;
        let pod = pod.wait_until(Running, MINUTE).await.expect("it comes up");
        runpod.get("nosuchpod12345").await.expect_err("there is none");
        pod.terminate().await.expect("it ends");
        let metrics = heard(snapshotter);
        let (told, written) = (total(&metrics, "runpod_requests_total"), sim.requests().len());
        assert!(told == written as f64 && told == total(&metrics, "runpod_request_seconds"), "{metrics:#?}");
        for (name, count) in [
            ("runpod_requests_total operation=create pod status=201", 1.0),
            ("runpod_requests_total operation=list pods status=503", 2.0),
            ("runpod_requests_total operation=get pod status=429", 1.0),
            ("runpod_requests_total operation=get pod status=404", 1.0),
            ("runpod_requests_total operation=terminate pod status=204", 1.0),
            ("runpod_retries_total operation=list pods", 2.0),
            ("runpod_pause_seconds cause=retry operation=list pods", 2.0),
            ("runpod_operation_seconds operation=deploy pod outcome=succeeded", 1.0),
            ("runpod_operation_seconds operation=wait for pod outcome=succeeded", 1.0),
            ("runpod_operation_seconds operation=get pod outcome=failed", 1.0),
        ] {
            assert_eq!(number(&metrics, name), count, "{name}: {metrics:#?}");
        }
        assert!(
            number(&metrics, "runpod_pause_seconds cause=limit operation=get pod") >= 1.0,
            "{metrics:#?}"
        );
        let budget = runpod.rate_budget();
        let left = number(&metrics, "runpod_quota_left window=minute");
        let minute = budget.iter().find(|window| window.name == "minute").expect("it was named");
        // It may have begun anew since the last answer.
        assert!(left > 500.0 && left < 600.0 && minute.limit == Some(600), "{left} {budget:?}");
    });
}

#[test]
fn pods_and_what_they_cost_are_counted_from_create_to_end_and_not_while_stopped() {
    const RUNNING: &str = "runpod_running_usd_per_hour";
    during(async |snapshotter| {
        let sim = limited().await;
        let runpod = handle(&sim);
        let (one, two) = (deployed(&runpod, "one").await, deployed(&runpod, "two").await);
        let price = |pod: &runpod_lifecycle::PodHandle| pod.cost_usd_per_hour.expect("RunPod names it");
        let metrics = heard(snapshotter);
        let both = price(&one) + price(&two);
        assert!((number(&metrics, RUNNING) - both).abs() < 1e-9 && both > 0.0, "{metrics:#?}");
        assert_eq!(number(&metrics, "runpod_pods_created_total"), 2.0);

        let change = |metrics: &Metrics, by: f64| {
            assert!((number(metrics, RUNNING) - by).abs() < 1e-9, "not {by}: {metrics:#?}");
        };
        one.stop().await.expect("it stops");
        one.stop().await.expect("it is stopped");
        change(&heard(snapshotter), -price(&one));
        one.start().await.expect("it starts");
        change(&heard(snapshotter), price(&one));
        // Another program has the same pods, and takes one as it is.
        let other = handle(&sim);
        let spec = spec("two").if_exists(IfExists::Adopt);
        other.deploy(&spec).await.expect("it is there");
        change(&heard(snapshotter), price(&two));
        for pod in [one, two] {
            pod.terminate().await.expect("it ends");
        }
        let metrics = heard(snapshotter);
        change(&metrics, -both);
        assert_eq!(number(&metrics, "runpod_pods_ended_total"), 2.0);
        assert_eq!(sim.ledger().iter().filter(|entry| entry.is_billing()).count(), 0);
    });
}

#[test]
fn a_wait_that_sees_a_pod_stopped_counts_it_as_stopped() {
    during(async |snapshotter| {
        let server = crate::scripted::Scripted::start(|request, _| {
            let mut pod = fresh_pod();
            if request.method == "GET" && request.path.ends_with("k3x9q2m7v1b8z5") {
                pod["status"] = "EXITED".into();
            }
            match request.path.as_str() {
                path if path.starts_with("/v2/catalog") || request.is("GET", "/v2/pods") => {
                    crate::scripted::account(request)
                }
                _ => crate::scripted::answer(if request.method == "POST" { 201 } else { 200 }, pod),
            }
        })
        .await;
        let runpod = server.runpod();
        let pod = runpod.deploy(&PodSpec::gpu("trainer", "image", [GPU])).await.expect("it is accepted");
        assert!(number(&heard(snapshotter), "runpod_running_usd_per_hour") > 0.0);
        let before = heard(snapshotter);
        assert_eq!(number(&before, "runpod_running_usd_per_hour"), 0.0);
        pod.wait_until(Running, MINUTE).await.expect_err("it is stopped");
        assert!(number(&heard(snapshotter), "runpod_running_usd_per_hour") < 0.0);
    });
}

#[test]
fn no_label_holds_a_name_or_an_id() {
    during(async |snapshotter| {
        let sim = limited().await;
        let pod = deployed(&handle(&sim), "not-a-label").await;
        pod.terminate().await.expect("it ends");
        for name in heard(snapshotter).keys() {
            assert!(!name.contains("not-a-label") && !name.contains(&pod.id), "{name}");
        }
    });
}
