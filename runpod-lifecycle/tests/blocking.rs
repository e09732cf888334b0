//! The blocking calls, against the simulator: on plain threads, inside each other, and where async code runs.
#![cfg(feature = "blocking")]

use std::{
    collections::BTreeSet,
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use runpod_lifecycle::{
    DeployError, Error, ErrorKind, Event, Found, Gone, OnFailure, Place, PodSpec, PodState, Progress, Ready,
    Running, ScopeError, VolumeError, WaitError,
    api::v2::types::ListPodsOptions,
    blocking::{self, RunPod, block_on},
};
use runpod_sim::Sim;

const LONGEST: Duration = Duration::from_secs(600);

fn spec(name: &str) -> PodSpec {
    PodSpec::any_gpu(name, "runpod/pytorch:latest").port("22/tcp")
}

fn world() -> (Sim, RunPod) {
    let sim = block_on(Sim::builder().time_scale(100.0).page_size(2).start());
    let sim = sim.expect("a plain thread").expect("loopback is free");
    let runpod = handle(&sim);
    (sim, runpod)
}

fn handle(sim: &Sim) -> RunPod {
    let runpod = runpod_lifecycle::RunPod::builder(sim.api_key()).base_url(sim.url()).build();
    RunPod::from(runpod.expect("the simulator's address is fine"))
}

fn billing(sim: &Sim) -> usize {
    sim.ledger().iter().filter(|entry| entry.is_billing()).count()
}

#[test]
fn a_pod_lives_from_its_deploy_to_its_end_without_async_code() {
    let (sim, runpod) = world();
    let seen = Arc::<Mutex<Vec<(String, thread::ThreadId)>>>::default();
    let heard = Arc::clone(&seen);
    let told = runpod.on_event(move |event| {
        heard.lock().expect("nobody panics").push((event.to_string(), thread::current().id()));
    });
    let pod = told.deploy(&spec("one")).expect("there is room");
    let pod = pod.wait_until(Ready::Ssh, LONGEST).expect("it boots");
    assert!(pod.connection().ssh_command().is_some(), "what does not wait is there too");
    {
        let seen = seen.lock().expect("nobody panics");
        assert!(seen.iter().any(|(text, _)| text.contains("created pod")), "{seen:?}");
        assert!(
            seen.iter().all(|(_, on)| *on == thread::current().id()),
            "events come on the calling thread"
        );
    }
    assert_eq!(runpod.list().expect("a list").len(), 1);
    assert!(matches!(runpod.find("one").expect("a list"), Found::One(found) if found.id == pod.id));
    assert!(pod.cost_so_far().at_least_usd().is_some());
    let lines = runpod.logs(&pod.id).tail(2).history().expect("a log");
    assert_eq!(lines.len(), 2);
    let followed = runpod.logs(&pod.id).follow().expect("a plain thread").next().expect("it never ends");
    assert!(followed.is_ok());
    pod.stop().expect("it runs");
    let stopped = pod.refresh().expect("it is there");
    assert_eq!(stopped.state, Some(PodState::Exited));
    stopped.terminate().expect("it is there");
    pod.wait_until(Gone, LONGEST).expect("it is gone");
    assert_eq!(billing(&sim), 0);
}

#[test]
fn a_wait_shows_its_progress_as_an_iterator_that_ends_with_its_outcome() {
    let (_sim, runpod) = world();
    let pod = runpod.deploy(&spec("one")).expect("there is room");
    let items: Vec<Progress> = pod.progress_until(Running, LONGEST).expect("a plain thread").collect();
    let (last, before) = items.split_last().expect("at least its outcome");
    assert!(matches!(last, Progress::Done(Ok(done)) if done.id == pod.id), "{last:?}");
    assert!(before.iter().all(|item| matches!(item, Progress::Event(_))), "{before:?}");
    assert!(before.iter().any(|item| matches!(item, Progress::Event(Event::Polled { .. }))), "{before:?}");
}

#[test]
fn the_work_with_a_pod_blocks_in_its_turn_and_the_pod_ends_on_every_way_out() {
    let (sim, runpod) = world();
    let value = || {
        let done = runpod.with_pod(&spec("value"), Running, LONGEST, |pod| -> Result<_, Error> {
            // One blocking call within another.
            Ok((pod.refresh()?.id.clone(), runpod.find("value")?))
        });
        let done = done.expect("it works");
        assert_eq!(done.value.0, done.pod.id);
        assert!(matches!(&done.value.1, Found::One(found) if found.id == done.pod.id), "{:?}", done.value.1);
    };
    let error = || {
        let work = |_| Err::<(), _>(io::Error::other("out of memory"));
        let failed = runpod.with_pod(&spec("error"), Running, LONGEST, work).expect_err("it fails");
        assert!(
            matches!(&failed, ScopeError::Work { error, .. } if error.to_string() == "out of memory"),
            "{failed}"
        );
    };
    let panic = || {
        let work = |_| -> io::Result<()> { panic!("a bug of mine") };
        let scope = || runpod.with_pod(&spec("panic"), Running, LONGEST, work);
        assert!(catch_unwind(AssertUnwindSafe(scope)).is_err(), "a panic goes on");
        // This thread is as it was.
        assert!(runpod.list().is_ok());
    };
    thread::scope(|scope| {
        for way in [&value as &(dyn Fn() + Sync), &error, &panic] {
            scope.spawn(way);
        }
    });
    assert_eq!((sim.ledger().len(), billing(&sim)), (3, 0));
}

#[test]
fn many_pods_pages_and_raw_calls() {
    let (sim, runpod) = world();
    let deployed = runpod.deploy_all((0..5).map(|n| spec(&format!("pod-{n}")))).expect("five names");
    let pods: Vec<_> = deployed.into_iter().map(|pod| pod.expect("there is room")).collect();
    for pod in &pods {
        pod.wait_until(Running, LONGEST).expect("it boots");
    }
    let pages = runpod.pod_pages(ListPodsOptions::new()).expect("a plain thread");
    let pages = pages.map(|page| page.expect("it comes").pods.len());
    assert_eq!(pages.collect::<Vec<_>>(), [2, 2, 1]);
    let raw = runpod.raw("get pod", |api| api.get_pod(&pods[0].id)).expect("it is there");
    assert_eq!(raw.id, pods[0].id);
    let ended = runpod.terminate_all(pods);
    assert_eq!(ended.iter().filter(|ended| ended.outcome.is_ok()).count(), 5);
    assert_eq!(billing(&sim), 0);
}

#[test]
fn threads_share_one_thread_of_the_runtime() {
    let (sim, runpod) = world();
    thread::scope(|scope| {
        for number in 0..8 {
            let runpod = &runpod;
            scope.spawn(move || {
                let pod = runpod.deploy(&spec(&format!("pod-{number}"))).expect("there is room");
                pod.wait_until(Ready::Ssh, LONGEST).expect("it boots").terminate().expect("it is there");
            });
        }
    });
    assert_eq!((sim.ledger().len(), billing(&sim)), (8, 0));
    #[cfg(target_os = "linux")]
    {
        let tasks = fs::read_dir("/proc/self/task").expect("Linux has it").flatten();
        let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
        assert_eq!(names.filter(|name| name.trim() == "runpod-blocking").count(), 1);
    }
}

/// Makes every kind of call where async code runs: each is refused with its own type, and nothing is sent.
fn is_refused(runpod: &RunPod, pod: &blocking::PodHandle, sim: &Sim) {
    let sent = sim.requests().len();
    let error = runpod.list().expect_err("async code runs here");
    assert_eq!((error.kind(), error.target()), (ErrorKind::Unsupported, Some("list")));
    assert_eq!(
        error.to_string(),
        "could not make the blocking call list: it would hold up the async program that this thread runs: call the async RunPod there, or this one on a thread of std::thread. Nothing was sent."
    );
    let deploy = runpod.deploy(&spec("two")).expect_err("async code runs here");
    assert!(matches!(deploy, DeployError::Refused(error) if error.kind() == ErrorKind::Unsupported));
    let wait = pod.wait_until(Running, LONGEST).expect_err("async code runs here");
    assert!(matches!(&wait, WaitError::Call { source, .. } if source.kind() == ErrorKind::Unsupported));
    assert_eq!(wait.pod_id(), pod.id);
    let volume =
        runpod.ensure_volume("data", 10, Place::DataCenter("EU-RO-1")).expect_err("async code runs here");
    assert!(matches!(volume, VolumeError::Call(error) if error.kind() == ErrorKind::Unsupported));
    let scope = runpod.with_pod(&spec("two"), Running, LONGEST, |_| Ok::<_, io::Error>(()));
    assert!(matches!(scope, Err(ScopeError::Deploy(DeployError::Refused(_)))));
    assert!(matches!(pod.settle_name(), Err(DeployError::Refused(_))));
    let all = runpod.deploy_all([spec("two"), spec("three")]).expect("two names");
    assert!(all.len() == 2 && all.iter().all(|one| matches!(one, Err(DeployError::Refused(_)))));
    let ended = runpod.terminate_all([pod.clone()]);
    assert!(ended.len() == 1 && ended[0].outcome.is_err());
    assert!(pod.cost_so_far().billing_error.is_some());
    assert!(runpod.pod_pages(ListPodsOptions::new()).is_err());
    assert!(runpod.raw("list clusters", |api| api.list_clusters()).is_err());
    assert!(runpod.logs(&pod.id).history().is_err() && runpod.logs(&pod.id).follow().is_err());
    assert!(pod.progress_until(Running, LONGEST).is_err() && block_on(async {}).is_err());
    let both = runpod.deploy_and_wait_until(&spec("two"), Running, LONGEST, OnFailure::Terminate);
    assert!(matches!(both, Err(DeployError::Refused(_))));
    assert_eq!(sim.requests().len(), sent);
}

#[tokio::test]
async fn where_async_code_runs_every_call_is_refused_and_a_thread_of_its_own_is_not() {
    let sim = Sim::builder().time_scale(100.0).start().await.expect("loopback is free");
    let runpod = handle(&sim);
    let pod: blocking::PodHandle = (*runpod).deploy(&spec("one")).await.expect("there is room").into();
    is_refused(&runpod, &pod, &sim);
    let there = thread::spawn(move || (runpod.list().map(|pods| pods.len()), runpod, pod));
    let (listed, runpod, pod) =
        tokio::task::spawn_blocking(|| there.join()).await.expect("it ends").expect("it ends");
    assert!(listed.is_ok());
    tokio::task::spawn_blocking(move || is_refused(&runpod, &pod, &sim)).await.expect("no panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_runtime_of_many_threads_it_is_refused_as_well() {
    let sim = Sim::builder().time_scale(100.0).start().await.expect("loopback is free");
    let runpod = handle(&sim);
    let pod: blocking::PodHandle = (*runpod).deploy(&spec("one")).await.expect("there is room").into();
    tokio::spawn(async move { is_refused(&runpod, &pod, &sim) }).await.expect("no panic");
}

/// The calls of a type that are to be waited for, by its sources: those that are async, and those that return something that is.
fn awaited(folder: &Path, of: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("sources are here").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("blocking") {
            awaited(&path, of, found);
        }
        if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("it is text");
            let head = format!("\nimpl {of} {{\n");
            let bodies = text.split(&head).skip(1);
            let own = bodies.filter_map(|body| body.split("\n}\n").next());
            for function in own.flat_map(|body| body.split("\n    pub ").skip(1)) {
                let head = function.split(" {\n").next().unwrap_or_default();
                let (before, rest) = head.split_once("fn ").unwrap_or_default();
                let waits = ["DeployAll<", "DeployAndWait<", "WithPod<", "Wait<", "-> Logs"];
                if before.contains("async") || waits.iter().any(|word| head.contains(word)) {
                    found.extend(rest.split(['(', '<']).next().map(str::to_owned));
                }
            }
        }
    }
}

#[test]
fn every_call_that_is_to_be_waited_for_has_its_blocking_namesake() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (of, file, least) in [("RunPod", "runpod.rs", 35), ("PodHandle", "handle.rs", 8)] {
        let mut names = BTreeSet::new();
        awaited(&sources, of, &mut names);
        assert!(names.len() >= least, "{names:?}");
        let mut text = fs::read_to_string(sources.join("blocking").join(file)).expect("it is text");
        text += &fs::read_to_string(sources.join("blocking/logs.rs")).expect("it is text");
        let has = |name: &String| {
            [format!("        {name}("), format!("pub fn {name}("), format!("pub fn {name}<")]
                .iter()
                .any(|form| text.contains(form.as_str()))
        };
        let missing: Vec<_> = names.iter().filter(|name| !has(name)).collect();
        assert!(missing.is_empty(), "{of} has no blocking {missing:?}");
    }
}
