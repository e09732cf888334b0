//! Start, stop, restart, terminate: idempotent, explained, and never applied to the wrong pod.

use std::sync::atomic::{AtomicUsize, Ordering};

use httpmock::{HttpMockResponse, MockServer};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{Accepted, ErrorKind, PodHandle, Ready, Running, Stopped, WaitError, Warning};
use runpod_sim::{Fault, FaultKind};
use serde_json::json;

use crate::{
    mock::{fresh_pod, handle},
    world::{LONG, World, spec, world},
};

async fn stopped(world: &World, name: &str) -> runpod_lifecycle::PodHandle {
    let pod = world.runpod.deploy(&spec(name).volume_gb(20)).await.expect("stock");
    pod.wait_until(Running, LONG).await.expect("it boots");
    pod.stop().await.expect("it stops");
    pod.wait_until(Stopped, LONG).await.expect("it stops")
}

#[tokio::test]
async fn a_full_host_is_explained() {
    let world = world().await;
    let pod = stopped(&world, "full").await;
    world.sim.inject(Fault::new(FaultKind::HostFull)).unwrap();
    let error = pod.start().await.expect_err("the host has no GPU free");
    assert_eq!(error.kind(), ErrorKind::NoCapacity);
    assert!(error.to_string().contains("host machine"), "{error}");
}

#[tokio::test]
async fn a_pod_that_comes_back_without_a_gpu_is_not_ready() {
    let world = world().await;
    let pod = stopped(&world, "empty").await;
    world.sim.inject(Fault::new(FaultKind::ZeroGpus)).unwrap();
    pod.start().await.expect("RunPod accepts it");
    let error = pod.wait_until(Ready::Ssh, LONG).await.expect_err("there is no GPU in it");
    assert!(
        matches!(&error, WaitError::Failed { reason, .. } if reason.contains("without a GPU")),
        "{error}"
    );
}

#[tokio::test]
async fn a_locked_pod_is_said_to_be_locked() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("locked")).await.unwrap();
    pod.wait_until(Running, LONG).await.unwrap();
    assert!(world.sim.set_locked(&pod.id, true));
    for error in [pod.stop().await, pod.restart().await, pod.terminate().await] {
        let error = error.expect_err("a locked pod refuses");
        assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
        assert!(error.to_string().contains("Unlock it"), "{error}");
    }
    assert_eq!(world.billing(), 1);
}

#[tokio::test]
async fn a_lost_answer_to_a_stop_or_terminate_is_made_good() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("lossy")).await.unwrap();
    pod.wait_until(Running, LONG).await.unwrap();
    world.sim.inject(Fault::new(FaultKind::DropAfterApply).on("podAction").times(1)).unwrap();
    pod.stop().await.expect("the pod is stopped, whatever became of the first answer");
    world.sim.inject(Fault::new(FaultKind::DropAfterApply).on("deletePod").times(1)).unwrap();
    pod.terminate().await.expect("the pod is gone, whatever became of the first answer");
    assert_eq!(world.billing(), 0);
}

#[tokio::test]
async fn a_pod_is_found_by_id_or_name() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("by-name")).await.unwrap();
    assert_eq!(world.runpod.pod(&pod.id).await.expect("ids work at once").id, pod.id);
    pod.wait_until(Running, LONG).await.unwrap();
    assert_eq!(world.runpod.pod("by-name").await.expect("names work once listed").id, pod.id);
    let error = world.runpod.pod("nobody").await.expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    world.sim.inject(Fault::new(FaultKind::status_before(500)).on("listPods")).unwrap();
    let error = world.runpod.pod("by-name").await.expect_err("nobody knows");
    assert_eq!(error.kind(), ErrorKind::Server, "a failed lookup is not 'not found'");
}

/// The warnings of an answer in words; each is about the pod.
fn told(accepted: &Accepted, pod: &PodHandle) -> String {
    assert!(accepted.warnings.iter().all(|warning| warning.pod_ids() == [pod.id.as_str()]), "{accepted:?}");
    accepted.warnings.iter().map(Warning::to_string).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn each_step_says_what_it_means_for_data_and_money() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("told").volume_gb(20)).await.unwrap();
    let pod = pod.wait_until(Running, LONG).await.unwrap();
    assert!(pod.billed_usd().await.unwrap() > 0.0, "billing knows it");
    let said = told(&pod.stop().await.unwrap(), &pod);
    assert!(
        said.contains("container disk is wiped") && said.contains("20 GB of pod volume are kept"),
        "{said}"
    );
    pod.wait_until(Stopped, LONG).await.unwrap();
    let said = told(&pod.start().await.unwrap(), &pod);
    assert!(said.contains("external ports are new"), "{said}");
    let said = told(&pod.terminate().await.unwrap(), &pod);
    assert!(said.contains("20 GB of pod volume are deleted"), "{said}");
}

#[test]
fn a_start_whose_answer_was_lost_is_not_denied_because_the_pod_has_the_gpus_itself() {
    run_fast(40, async {
        let server = MockServer::start_async().await;
        let starts = AtomicUsize::new(0);
        server.mock(|when, then| {
            when.method("POST").path("/v2/pods/k3x9q2m7v1b8z5/action");
            then.respond_with(move |_| {
                let (status, detail) = match starts.fetch_add(1, Ordering::Relaxed) {
                    0 => (502, "lost on the way"),
                    _ => (400, "There are not enough free GPUs on the host machine to start this pod."),
                };
                let body = json!({"title": "x", "status": status, "detail": detail});
                HttpMockResponse::builder().status(status).body(body.to_string()).build()
            });
        });
        server.mock(|when, then| {
            when.method("GET").path("/v2/pods/k3x9q2m7v1b8z5");
            then.status(200).json_body(fresh_pod());
        });
        handle(&server).start("k3x9q2m7v1b8z5").await.expect("it runs and bills");
    })
    .expect("a runtime");
}

/// A refused stop of a pod that is stopped by then, as this many looks do not show yet.
fn stop_twice(first: u16, late_looks: usize) -> Result<runpod_lifecycle::Accepted, runpod_lifecycle::Error> {
    run_fast(40, async move {
        let server = MockServer::start_async().await;
        let (turn, looks) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let answer = |status: u16, body: serde_json::Value| {
            HttpMockResponse::builder().status(status).body(body.to_string()).build()
        };
        server.mock(|when, then| {
            when.method("POST").path("/v2/pods/k3x9q2m7v1b8z5/action");
            then.respond_with(move |_| match turn.fetch_add(1, Ordering::Relaxed) {
                0 if first == 200 => answer(200, fresh_pod()),
                0 => answer(first, json!({"title": "x", "status": first, "detail": "lost"})),
                _ => answer(409, json!({"title": "x", "status": 409, "detail": "it is EXITED"})),
            });
        });
        server.mock(|when, then| {
            when.method("GET").path("/v2/pods/k3x9q2m7v1b8z5");
            then.respond_with(move |_| {
                let mut pod = fresh_pod();
                let is_late = looks.fetch_add(1, Ordering::Relaxed) < late_looks;
                pod["status"] = json!(if is_late { "RUNNING" } else { "EXITED" });
                answer(200, pod)
            });
        });
        let runpod = handle(&server);
        let outcome = runpod.stop("k3x9q2m7v1b8z5").await;
        if first == 200 { runpod.stop("k3x9q2m7v1b8z5").await } else { outcome }
    })
    .expect("a runtime")
}

#[test]
fn a_stop_that_is_refused_since_an_earlier_one_was_applied_succeeds_although_its_status_is_late() {
    for first in [200, 500, 502] {
        stop_twice(first, 2).unwrap_or_else(|error| panic!("{first}: {error}"));
    }
}

#[test]
fn a_refused_stop_of_a_pod_that_goes_on_running_is_an_error() {
    let error = stop_twice(500, usize::MAX).expect_err("it runs");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}
