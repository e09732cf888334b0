//! Logs: the past, what follows, and broken connections.

use futures_util::StreamExt;
use runpod_lifecycle::{LogLine, LogSource, Running};
use runpod_sim::{Fault, FaultKind};

use crate::world::{LONG, spec, world};

#[tokio::test]
async fn history_has_the_image_pull_in_the_system_log() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("talker")).await.unwrap();
    pod.wait_until(Running, LONG).await.unwrap();
    let lines = world.runpod.logs(&pod.id).source(LogSource::System).history().await.unwrap();
    assert!(!lines.is_empty() && lines.iter().all(|line| line.source == LogSource::System), "{lines:?}");
    assert!(lines.iter().any(|line| line.line.to_lowercase().contains("pull")), "{lines:?}");
    assert_eq!(world.runpod.logs(&pod.id).tail(2).history().await.unwrap().len(), 2);
    assert!(world.runpod.logs(&pod.id).tail(0).history().await.unwrap().is_empty());
}

#[tokio::test]
async fn following_survives_broken_connections_without_loss_or_repetition() {
    let world = world().await;
    let pod = world.runpod.deploy(&spec("flaky")).await.unwrap();
    pod.wait_until(Running, LONG).await.unwrap();
    world.sim.inject(Fault::new(FaultKind::DropMidAnswer).on("getPodLogs").times(2)).unwrap();
    world.sim.inject(Fault::new(FaultKind::status_before(502)).on("getPodLogs").nth(3)).unwrap();
    let followed: Vec<LogLine> = world
        .runpod
        .logs(&pod.id)
        .tail(5000)
        .follow()
        .take(12)
        .map(|line| line.expect("it goes on"))
        .collect()
        .await;
    let whole: Vec<LogLine> = world
        .runpod
        .logs(&pod.id)
        .tail(5000)
        .follow()
        .take(12)
        .map(|line| line.expect("unbroken"))
        .collect()
        .await;
    assert_eq!(followed, whole, "the same lines in the same order, each once");
}

#[tokio::test]
async fn the_log_of_an_unknown_pod_is_not_found() {
    let world = world().await;
    let error = world.runpod.logs("nosuchpod12345").history().await.expect_err("there is no such pod");
    assert_eq!(error.kind(), runpod_lifecycle::ErrorKind::NotFound);
}
