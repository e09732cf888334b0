//! Waits over HTTP: levels, shared looks, stuck and looping pods.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, future::join_all};
use runpod_lifecycle::{
    DeployError, Event, OnFailure, Pod, PodState, Progress, Ready, Running, Stopped, Verdict, WaitError,
};
use runpod_sim::{BootStage, Fault, FaultKind, RateWindow};
use tokio::sync::Notify;

use crate::world::{LONG, build, settings, spec, world};

#[tokio::test]
async fn every_level_is_reached() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("levels").port("5432/tcp").port("8888/http")).await.unwrap();
    let pod = pod.wait_until(Running, LONG).await.unwrap();
    let pod = pod.wait_until(Ready::Ports, LONG).await.unwrap();
    assert!(pod.connection().tcp(5432).is_some());
    let pod = pod.wait_until(Ready::Ssh, LONG).await.unwrap();
    let pod = pod.wait_until(Ready::Http(8888), LONG).await.unwrap();
    assert_eq!(pod.state, Some(PodState::Running));
    let error = pod.wait_until(Ready::Http(9999), LONG).await.expect_err("that port was not opened");
    assert!(matches!(error, WaitError::Failed { .. }), "{error}");
    assert!(
        error.may_bill() && error.to_string().ends_with("). It may bill until it is terminated"),
        "{error}"
    );
}

#[tokio::test]
async fn a_condition_of_ones_own_is_a_function() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("own")).await.unwrap();
    let placed = |pod: Option<&Pod>| match pod.and_then(|pod| pod.data_center.as_ref()) {
        Some(_) => Verdict::Done,
        None => Verdict::Pending("nowhere yet".into()),
    };
    let pod = pod.wait_until(placed, LONG).await.unwrap();
    assert!(pod.data_center.is_some());
}

#[tokio::test]
async fn a_wait_streams_its_events_and_ends_with_its_outcome() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("stream")).await.unwrap();
    let progress: Vec<Progress> = pod.wait_until(Running, LONG).stream().collect().await;
    let (last, before) = progress.split_last().expect("something happened");
    assert!(matches!(last, Progress::Done(Ok(ready)) if ready.id == pod.id), "{last:?}");
    assert!(before.iter().all(|progress| matches!(progress, Progress::Event(Event::Polled { .. }))));
}

#[tokio::test]
async fn one_failed_answer_is_one_failed_look() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("listless")).await.unwrap();
    world.sim.inject(Fault::new(FaultKind::status_before(502)).on("getPod").times(1)).unwrap();
    let progress: Vec<Progress> = pod.wait_until(Running, LONG).stream().collect().await;
    let failed = progress.iter().filter(|one| matches!(one, Progress::Event(Event::PollFailed { .. })));
    assert_eq!(failed.count(), 1, "then a list is asked: {progress:?}");
}

#[tokio::test]
async fn stuck_provisioning_ends_with_what_is_known() {
    let world = world().await;
    world.sim.inject(Fault::new(FaultKind::Stuck { stage: BootStage::Starting })).unwrap();
    let pod = world.runpod.deploy(&spec("stuck")).await.unwrap();
    let error = pod.wait_until(Ready::Ssh, Duration::from_secs(3)).await.expect_err("it never comes up");
    let WaitError::TimedOut { report } = &error else { panic!("{error}") };
    assert_eq!(report.last_pod.as_ref().unwrap().state, Some(PodState::Starting));
    assert!(!report.system_log.is_empty());
    assert!(error.to_string().contains("RunPod's log ends with"), "{error}");
}

#[tokio::test]
async fn a_looping_container_is_noticed_and_said() {
    let world = build(settings().time_scale(10.0)).await;
    world.sim.inject(Fault::new(FaultKind::ExitLoop { every: Duration::from_secs(27) })).unwrap();
    let pod = world.runpod.deploy(&spec("loops")).await.unwrap();
    let never = |_: Option<&Pod>| Verdict::Pending("never".into());
    let error = pod.wait_until(never, Duration::from_secs(25)).await.expect_err("it is never over");
    assert!(error.report().restarts > 0, "{error}");
    assert!(error.to_string().contains("exited and was restarted"), "{error}");
}

#[tokio::test]
async fn error_and_disappearance_end_a_wait() {
    let world = world().await;
    world.sim.inject(Fault::new(FaultKind::BootFailure).times(1)).unwrap();
    let pod = world.runpod.deploy(&spec("broken")).await.unwrap();
    let error = pod.wait_until(Running, LONG).await.expect_err("RunPod gave it up");
    assert!(error.to_string().contains("ERROR") && error.pod_id() == pod.id, "{error}");
    pod.terminate().await.unwrap();
    let error = pod.wait_until(Ready::Ssh, LONG).await.expect_err("it is gone");
    assert!(matches!(error, WaitError::Failed { .. }), "{error}");
}

#[tokio::test]
async fn deploy_and_wait_cleans_up_or_keeps_as_told_and_always_says_the_id() {
    let world = world().await;
    world.sim.inject(Fault::new(FaultKind::Stuck { stage: BootStage::Provisioning })).unwrap();
    for (on_failure, billing, words) in
        [(OnFailure::Terminate, 0, "it was terminated"), (OnFailure::Keep, 1, "it was kept and bills")]
    {
        let spec = spec(&format!("{on_failure:?}"));
        let longest = Duration::from_millis(500);
        let error = world
            .runpod
            .deploy_and_wait_until(&spec, Ready::Ssh, longest, on_failure)
            .await
            .expect_err("stuck");
        assert!(matches!(error, DeployError::NotReady { .. }));
        assert_eq!((error.may_bill(), error.pod_id().is_some()), (billing == 1, true));
        assert!(error.to_string().contains(words), "{error}");
        let left =
            world.sim.pods().iter().filter(|pod| pod.status != runpod_sim::PodStatus::Terminated).count();
        assert_eq!(left, billing);
    }
}

#[tokio::test]
async fn a_hundred_waits_cost_what_a_few_looks_cost_and_no_429() {
    let windows = [RateWindow::new("minute", 6000, Duration::from_secs(60))];
    let world = build(settings().page_size(1000).rate_windows(windows)).await;
    let mut pods = Vec::new();
    for number in 0..100 {
        pods.push(world.runpod.deploy(&spec(&format!("w{number}"))).await.unwrap());
    }
    let before = world.sim.requests().len();
    let outcomes = join_all(pods.iter().map(|pod| async { pod.wait_until(Running, LONG).await })).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let requests = world.sim.requests();
    let looks = requests.len() - before;
    assert!(looks <= 20, "{looks} requests for 100 waits");
    assert!(requests.iter().all(|request| request.status != 429));
}

#[tokio::test]
async fn a_list_from_before_a_start_does_not_say_that_the_pod_is_stopped() {
    let world = build(settings().list_lag(Duration::ZERO)).await;
    let pod = world.runpod.deploy(&spec("stopped")).await.unwrap();
    let pod = pod.wait_until(Running, LONG).await.unwrap();
    pod.stop().await.unwrap();
    let pod = pod.wait_until(Stopped, LONG).await.unwrap();
    // The clock stands still, so the others are waited for as long as it takes.
    world.sim.set_time_scale(0.0).unwrap();
    let others =
        join_all(["a", "b"].map(|name| async { world.runpod.deploy(&spec(name)).await.unwrap() })).await;
    let looked = Arc::new(Notify::new());
    let waits = others.iter().map(|other| {
        let looked = Arc::clone(&looked);
        other.wait_until(Running, LONG).on_event(move |_| looked.notify_one()).into_future()
    });
    let started = async {
        looked.notified().await;
        pod.start().await.unwrap();
        world.sim.set_time_scale(100.0).unwrap();
        pod.wait_until(Running, LONG).await
    };
    let (outcomes, started) = tokio::join!(join_all(waits), started);
    assert_eq!(started.expect("it is coming up").state, Some(PodState::Running));
    assert!(outcomes.iter().all(Result::is_ok));
}

#[tokio::test]
async fn an_odd_pod_in_the_list_hides_nobody() {
    let world = world().await;
    let (a, b) =
        (world.runpod.deploy(&spec("a")).await.unwrap(), world.runpod.deploy(&spec("b")).await.unwrap());
    world.sim.inject(Fault::new(FaultKind::OddPod).on("listPods")).unwrap();
    let (a, b) = tokio::join!(async { a.wait_until(Running, LONG).await }, async {
        b.wait_until(Running, LONG).await
    });
    assert!(a.is_ok() && b.is_ok());
}
