//! Budget of the facade: requests, connections, quota. Counted, not timed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{PodHandle, Ready, RunPod};
use runpod_sim::{BootProfile, RateWindow, Sim, SimBuilder};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use crate::world::spec;

/// Simulated time per real time.
const SPEED: u32 = 200;
const MINUTE: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3600);

fn account(quota: u32) -> SimBuilder {
    let ssh_banner = BootProfile::default().ssh_banner;
    Sim::builder()
        .seed(5)
        .boot(BootProfile { ssh_banner, ..BootProfile::fixed(Duration::from_secs(10)) })
        .rate_windows([RateWindow::new("minute", quota, MINUTE)])
}

fn handle(sim: &Sim) -> RunPod {
    RunPod::builder(sim.api_key()).base_url(sim.url()).build().expect("the simulator's address is fine")
}

async fn deployed(runpod: &RunPod, pods: usize) -> Vec<PodHandle> {
    let deploys = (0..pods).map(|number| async move { runpod.deploy(&spec(&format!("pod-{number}"))).await });
    join_all(deploys).await.into_iter().map(|pod| pod.expect("there is room")).collect()
}

/// Requests that so many waits send until pods with the same boot are usable.
fn requests_of_waits(pods: usize) -> usize {
    run_fast(SPEED, async move {
        let sim = account(1_000_000).time_scale(0.0).start().await.expect("loopback is free");
        let runpod = handle(&sim);
        let pods = deployed(&runpod, pods).await;
        let before = sim.requests().len();
        sim.set_time_scale(1.0).expect("real time is a pace");
        for pod in join_all(pods.iter().map(|pod| pod.wait_until(Ready::Ssh, LONGEST).into_future())).await {
            pod.expect("it boots");
        }
        sim.requests().len() - before
    })
    .expect("a runtime")
}

#[test]
fn fifty_waits_send_what_five_send() {
    let (few, many) = (requests_of_waits(5), requests_of_waits(50));
    assert!(many <= few + few / 4, "5 waits: {few} requests, 50 waits: {many}");
}

#[test]
fn a_hundred_deployments_at_once_see_no_429_and_spend_the_quota_on_creates() {
    let (requests, creates, refused) = run_fast(SPEED, async {
        let sim = account(60).start().await.expect("loopback is free");
        let runpod = handle(&sim);
        let work = deployed(&runpod, 100).await;
        let requests = sim.requests();
        let creates =
            requests.iter().filter(|request| request.operation.as_deref() == Some("createPod")).count();
        let refused = requests.iter().filter(|request| request.status == 429).count();
        assert_eq!(work.len(), 100);
        (requests.len(), creates, refused)
    })
    .expect("a runtime");
    assert_eq!((creates, refused), (100, 0));
    // What all of them look up first is looked up once.
    assert!(requests < 110, "{requests} requests for 100 pods");
}

/// When a pod is created by a deploy that begins with so many requests left in the minute.
fn created_at(left: u32) -> Duration {
    run_fast(SPEED, async move {
        let sim = account(20).time_scale(1.0).start().await.expect("loopback is free");
        let runpod = handle(&sim);
        for _ in left..20 {
            runpod.list().await.expect("a list");
        }
        runpod.deploy(&spec("warned")).await.expect("there is room");
        let requests = sim.requests();
        let create = requests.iter().find(|request| request.operation.as_deref() == Some("createPod"));
        create.expect("it was sent").at
    })
    .expect("a runtime")
}

#[test]
fn a_look_for_a_warning_does_not_hold_a_deploy_up() {
    // The catalog and the list take two; the account's keys would have to wait for the next minute.
    let at = created_at(4);
    assert!(at < MINUTE / 4, "{at:?}");
}

/// Passes connections on and counts them.
async fn counted(sim: &Sim) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
    let url = format!("http://{}", listener.local_addr().expect("it listens"));
    let (connections, to) = (Arc::new(AtomicUsize::new(0)), sim.address());
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut to = TcpStream::connect(to).await?;
                copy_bidirectional(&mut from, &mut to).await
            });
        }
    });
    (url, connections)
}

#[tokio::test]
async fn a_thousand_calls_in_a_row_use_one_connection() {
    let sim = account(1_000_000).start().await.expect("loopback is free");
    let (url, connections) = counted(&sim).await;
    let runpod = RunPod::builder(sim.api_key()).base_url(url).build().expect("a loopback address");
    let pod = runpod.deploy(&spec("only")).await.expect("there is room");
    for _ in 0..1000 {
        runpod.get(&pod.id).await.expect("it is there");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}
