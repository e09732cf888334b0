//! From a spec to a result and back to nothing, against a simulator that one can log in to.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use runpod_jobs::{Error, Job, JobEnd, Keep, Login, RunError, Step, Task, run, run_until};
use runpod_lifecycle::{Aftermath, Event, OnFailure, PodSpec, Ready, RunPod, ScopeError};
use runpod_sim::{Fault, FaultKind, Sim};
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(120);

struct World {
    folder: TempDir,
    sim: Sim,
    runpod: RunPod,
}

fn keygen(path: &Path) {
    let words = ["-q", "-t", "ed25519", "-N", "", "-f"];
    let made =
        Command::new("ssh-keygen").args(words).arg(path).status().expect("OpenSSH's client is installed");
    assert!(made.success());
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder of its own");
        for key in ["key", "other"] {
            keygen(&folder.path().join(key));
        }
        let key = fs::read_to_string(folder.path().join("key.pub")).expect("it was made");
        let sim =
            Sim::builder().time_scale(200.0).exec(true).ssh_keys([key]).start().await.expect("loopback");
        let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build().expect("loopback");
        Self { folder, sim, runpod }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn login(&self, key: &str) -> Login {
        Login::new().identity_file(self.path(key)).known_hosts(self.path("known_hosts"))
    }

    fn billing(&self) -> usize {
        self.sim.ledger().iter().filter(|entry| entry.is_billing()).count()
    }
}

fn spec() -> PodSpec {
    PodSpec::any_gpu("worker", "runpod/pytorch:latest").port("22/tcp")
}

#[tokio::test]
async fn a_task_brings_runs_fetches_and_leaves_nothing_though_its_connection_breaks() {
    let world = World::new().await;
    world
        .sim
        .inject(Fault::new(FaultKind::SshDrop { after_bytes: 20_000 }).on("ssh:connect").times(2))
        .unwrap();
    fs::write(world.path("script"), "seq 1 30000; cat data/a > result; echo oops >&2; exit 3").unwrap();
    fs::create_dir(world.path("data")).unwrap();
    fs::write(world.path("data/a"), "brought").unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    let task = Task::new(Job::new(["sh", "script"]))
        .login(world.login("key"))
        .upload(world.path("script"), "script")
        .upload(world.path("data"), "data")
        .download("result", world.path("result"))
        .download("never made", world.path("none"))
        .on_output(move |bytes| sink.lock().unwrap().extend_from_slice(bytes));
    let report = run(&world.runpod, &spec(), &task).await.unwrap();
    assert_eq!(report.end, JobEnd::Exited { status: 3, is_disk_full: false }, "{report}");
    assert_eq!((report.fetched, fs::read_to_string(world.path("result")).unwrap().as_str()), (1, "brought"));
    let truth: String = (1..=30_000).map(|number| format!("{number}\n")).collect();
    assert!(*heard.lock().unwrap() == format!("{truth}oops\n").into_bytes());
    let words = "the job exited with status 3; ";
    assert!(report.usd.is_some_and(|usd| usd > 0.0) && report.to_string().starts_with(words), "{report}");
    assert_eq!(world.sim.faults()[0].fired, 2);
    assert_eq!(world.billing(), 0);
}

#[tokio::test]
async fn a_step_that_fails_is_named_and_its_pod_is_ended() {
    let world = World::new().await;
    let refused = Task::new(Job::new(["true"])).login(world.login("other"));
    let unmade =
        Task::new(Job::new(["true"])).login(world.login("key")).download("never made", world.path("x"));
    let tasks = [(refused, Step::Login), (unmade, Step::Download)];
    let specs = ["a", "b"].map(|name| PodSpec::any_gpu(name, "image").port("22/tcp"));
    let runs = tasks.iter().zip(&specs).map(|((task, _), spec)| run(&world.runpod, spec, task));
    for (outcome, (_, step)) in futures_util::future::join_all(runs).await.into_iter().zip(tasks.iter()) {
        let error = outcome.unwrap_err();
        let failed = error.step().unwrap();
        assert_eq!(failed.step, *step, "{error}");
        assert_eq!(failed.end.is_some(), *step == Step::Download);
        let below = std::error::Error::source(failed).map(ToString::to_string);
        assert!(below.is_none_or(|below| !failed.to_string().contains(&below)), "{error} says it twice");
        assert!(!error.may_bill() && error.to_string().contains("it was terminated"), "{error}");
    }
    assert_eq!(world.billing(), 0);
}

#[tokio::test]
async fn what_can_never_work_is_refused_before_a_pod_is_paid_for() {
    let world = World::new().await;
    let task = || Task::new(Job::new(["true"])).login(world.login("key"));
    let closed = || PodSpec::any_gpu("closed", "image");
    for (spec, task, step, says) in [
        (closed(), task(), Step::Login, "\"closed\" opens no 22/tcp"),
        (closed().port("8888/http"), task(), Step::Login, "add .port(\"22/tcp\")"),
        (spec(), task().login(world.login("nowhere")), Step::Login, "nowhere: No such file"),
        (spec(), task().upload(world.path("absent"), "x"), Step::Upload, "absent: No such file"),
        (spec(), Task::new(Job::new([""; 0])).login(world.login("key")), Step::Run, "a job has no words"),
        (spec(), Task::new(Job::new(["a\0b"])).login(world.login("key")), Step::Run, "holds a NUL"),
        (spec(), Task::new(Job::new(["true"]).env("A B", "x")), Step::Run, "the name of a variable"),
    ] {
        let error = run(&world.runpod, &spec, &task).await.unwrap_err();
        assert!(matches!(&error, RunError::Refused(failed) if failed.step == step), "{error}");
        assert!(!error.may_bill() && error.pod_id().is_none());
        let text = error.to_string();
        assert!(text.starts_with("no pod was deployed, since ") && text.contains(says), "{text}");
    }
    let waited =
        world.runpod.deploy_and_wait_until(&closed(), world.login("key"), LONG, OnFailure::Terminate).await;
    assert!(waited.is_err_and(|error| error.to_string().contains("22/tcp is not among")));
    assert_eq!(world.sim.ledger().len(), 0, "nothing was ever created");
}

#[tokio::test]
async fn a_pod_is_kept_where_that_was_asked_for_and_said_to_bill() {
    let world = World::new().await;
    let task = |line: &str, keep| Task::new(Job::shell(line)).login(world.login("key")).keep(keep);
    for (name, line, keep, is_kept) in [
        ("always", "echo kept", Keep::Always, true),
        ("job failed", "exit 3", Keep::OnFailure, true),
        ("all went well", "true", Keep::OnFailure, false),
    ] {
        let spec = PodSpec::any_gpu(name, "image").port("22/tcp");
        let report = run(&world.runpod, &spec, &task(line, keep)).await.unwrap();
        assert_eq!((report.is_kept, world.billing()), (is_kept, usize::from(is_kept)), "{name}");
        let words = format!("; pod {} was kept and bills until it is terminated", report.pod_id);
        assert_eq!(report.to_string().contains(&words), is_kept, "{report}");
        if is_kept {
            let pod = world.runpod.get(report.pod_id.as_str()).await.unwrap();
            let session = world.login("key").connect(&pod).await.unwrap();
            let end = session.attach(report.job_id.as_str()).status().await.unwrap().end;
            assert_eq!(end, Some(report.end), "another process attaches to it");
            pod.terminate().await.unwrap();
        }
    }
    let unmade = task("true", Keep::OnFailure).download("never made", world.path("x"));
    let error = run(&world.runpod, &spec(), &unmade).await.unwrap_err();
    assert_eq!(error.step().unwrap().step, Step::Download);
    assert!(error.may_bill() && error.to_string().contains("it was kept and bills"), "{error}");
    assert_eq!(world.billing(), 1);
    world.runpod.get(error.pod_id().unwrap()).await.unwrap().terminate().await.unwrap();
}

#[tokio::test]
async fn an_interrupted_task_ends_its_pod_unless_it_is_to_be_kept() {
    let world = World::new().await;
    for (name, keep, is_kept) in [("ended", Keep::Never, false), ("kept", Keep::OnFailure, true)] {
        let (up, is_up) = tokio::sync::oneshot::channel();
        let up = Mutex::new(Some(up));
        let hear = move |_: &[u8]| {
            if let Some(up) = up.lock().unwrap().take() {
                up.send(()).expect("it is waited for");
            }
        };
        let job = Job::shell("echo up; sleep 600");
        let task = Task::new(job).login(world.login("key")).keep(keep).on_output(hear);
        let spec = PodSpec::any_gpu(name, "image").port("22/tcp");
        let interrupt = async { is_up.await.expect("the job says that it is up") };
        let error = run_until(&world.runpod, &spec, &task, interrupt).await.unwrap_err();
        let RunError::Failed(failed) = &error else { panic!("{error}") };
        let ScopeError::Interrupted { aftermath, .. } = &**failed else { panic!("{error}") };
        assert_eq!(matches!(aftermath, Aftermath::Kept), is_kept, "{error}");
        assert_eq!((error.may_bill(), world.billing()), (is_kept, usize::from(is_kept)), "{error}");
        if is_kept {
            world.runpod.get(error.pod_id().unwrap()).await.unwrap().terminate().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_task_that_waits_for_stock_is_interrupted_though_its_pod_is_to_be_kept() {
    const GPU: &str = "NVIDIA GeForce RTX 4090";
    let world = World::new().await;
    world.sim.set_capacity(GPU, 0).unwrap();
    let waits = std::sync::Arc::new(tokio::sync::Notify::new());
    let told = std::sync::Arc::clone(&waits);
    let runpod = world.runpod.clone().on_event(move |event| {
        if matches!(event, Event::StockAwaited { .. }) {
            told.notify_one();
        }
    });
    let spec = PodSpec::gpu("wanted", "image", [GPU]).port("22/tcp").patience(LONG * 60);
    let task = Task::new(Job::new(["true"])).login(world.login("key")).keep(Keep::Always);
    let error = run_until(&runpod, &spec, &task, waits.notified()).await.unwrap_err();
    assert!(!error.may_bill() && world.billing() == 0, "{error}");
}

#[tokio::test]
async fn a_login_is_a_condition_that_only_a_real_login_meets() {
    let world = World::new().await;
    let deploy = async |key: &str, longest| {
        let spec = PodSpec::any_gpu(key, "image").port("22/tcp");
        world.runpod.deploy_and_wait_until(&spec, world.login(key), longest, OnFailure::Terminate).await
    };
    let pod = deploy("key", LONG).await.unwrap();
    assert!(world.login("key").connect(&pod).await.unwrap().exec(["true"]).output().await.is_ok());
    pod.terminate().await.unwrap();
    let error = deploy("other", Duration::from_secs(8)).await.unwrap_err().to_string();
    assert!(error.contains("accepts no key for root") && error.contains("it was terminated"), "{error}");
    assert_eq!(world.billing(), 0);
}

#[tokio::test]
async fn a_pod_that_stops_ends_the_job() {
    let world = World::new().await;
    let pod = world.runpod.deploy(&spec()).await.unwrap().wait_until(Ready::Ssh, LONG).await.unwrap();
    let session = world.login("key").connect(&pod).await.unwrap();
    let job = session.start(&Job::shell("echo up; sleep 600")).await.unwrap();
    let (mut text, is_up) = (Vec::new(), tokio::sync::Notify::new());
    let stop = async {
        is_up.notified().await;
        pod.stop().await.unwrap();
    };
    let follow = job.follow(|bytes| {
        text.extend_from_slice(bytes);
        is_up.notify_one();
    });
    let (end, ()) = tokio::join!(follow, stop);
    assert!(matches!(end.unwrap(), JobEnd::ContainerEnded { state: Some(state) } if state.is_stopped()));
    assert_eq!(text, b"up\n");
    pod.terminate().await.unwrap();
}

#[tokio::test]
async fn a_pod_without_an_address_says_what_it_lacks() {
    let world = World::new().await;
    let spec = PodSpec::any_gpu("closed", "image");
    let pod = world.runpod.deploy(&spec).await.unwrap();
    let error = world.login("key").connect(&pod).await.unwrap_err();
    assert!(matches!(error, Error::NoEndpoint { .. }) && error.to_string().contains("22/tcp"), "{error}");
    pod.terminate().await.unwrap();
}
