//! Whole lives of targets, against a simulator that one can log in to.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    sync::mpsc::{RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use runpod_lifecycle::{PodSpec, Ready};
use runpod_sim::{Behavior, Delay, Fault, FaultKind, Scope};
use serde_json::{Value, json};

use crate::host::{SENTINEL, World, failed, is_ok};

const CREATE: &[u8] = b"{\"method\":\"create\"}\n";

fn ran(answer: &Value) -> (i64, &str, &str) {
    assert_eq!(answer["result"], "exec", "{answer}");
    let text = |key: &str| answer[key].as_str().expect("a text");
    (answer["exit_code"].as_i64().expect("a number"), text("stdout"), text("stderr"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_created_worked_on_and_destroyed() {
    let world = World::new().await;
    let host = &world.host;
    let checks = host.method("check-prerequisites");
    assert!(checks["checks"].as_array().unwrap().iter().all(|check| check["passed"] == true), "{checks}");
    for method in ["profile", "exec", "upload", "download"] {
        let answer = host.ask(&json!({"method": method, "cmd": "true", "local": "key", "remote": "x"}));
        let (kind, said) = failed(&answer);
        assert!(kind == "not-provisioned" && said.contains("create the target"), "{method}: {answer}");
    }
    is_ok(&host.method("create"));
    is_ok(&host.method("create"));
    assert_eq!(world.sim.ledger().len(), 1, "the second create takes the first's pod");

    let profile = host.method("profile");
    assert_eq!(
        profile["profile"]["platform"]["os"],
        if cfg!(target_os = "macos") { "macos" } else { "linux" }
    );
    let capabilities = &profile["profile"]["capabilities"];
    assert!(capabilities["shell"].as_str().unwrap().starts_with('/'), "{profile}");
    assert!(capabilities["has_docker"].is_boolean() && capabilities["has_sudo"].is_boolean(), "{profile}");

    let env = json!([["GREETING", "it's $HOME\n\"é\" `x`"], ["EMPTY", ""]]);
    let cmd = "printf %s \"$GREETING$EMPTY\"; echo oops >&2; exit 3";
    let answer = host.ask(&json!({"method": "exec", "cmd": cmd, "env": env}));
    assert_eq!(ran(&answer), (3, "it's $HOME\n\"é\" `x`", "oops\n"));
    assert_eq!(ran(&host.exec("false || echo yes | tr a-z A-Z")), (0, "YES\n", ""));
    assert_eq!(ran(&host.exec("printf '\\377\\n'")), (0, "\u{fffd}\n", ""), "what is no text is marked");
    assert_eq!(ran(&host.exec("kill -9 $$")).0, 137);
    let answer = host.ask(&json!({"method": "exec", "cmd": "true", "env": [["A B", SENTINEL]]}));
    assert_eq!(failed(&answer).0, "exec-failed");
    let answer = host.exec("head -c 20000000 /dev/zero | tr '\\0' x");
    let (status, stdout, stderr) = ran(&answer);
    assert_eq!((status, stdout.len()), (0, 8 << 20));
    assert_eq!(stderr, format!("\n[{} bytes more were printed and are not told]\n", 20_000_000 - (8 << 20)));

    is_ok(&host.method("destroy"));
    assert_eq!(failed(&host.exec("true")).0, "not-provisioned");
    assert_eq!((world.sim.ledger().len(), world.billing()), (1, Vec::new()));
    is_ok(&host.method("destroy"));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_folders_are_copied_both_ways() {
    let world = World::new().await;
    let host = &world.host;
    is_ok(&host.method("create"));
    let upload =
        |local: &str, remote: &str| host.ask(&json!({"method": "upload", "local": local, "remote": remote}));
    let download = |remote: &str, local: &str| {
        host.ask(&json!({"method": "download", "remote": remote, "local": local}))
    };
    let name = "-a 'b'\n\"c\" é";
    fs::create_dir_all(host.path("tree/deep")).unwrap();
    fs::write(host.path(&format!("tree/deep/{name}")), "one").unwrap();
    fs::write(host.path("tree/run"), "#!/bin/sh\necho two\n").unwrap();
    fs::set_permissions(host.path("tree/run"), fs::Permissions::from_mode(0o755)).unwrap();
    is_ok(&upload("tree", "new/tree"));
    assert_eq!(ran(&host.exec("new/tree/run; cat new/tree/deep/*")), (0, "two\none", ""));
    is_ok(&download("new/tree", "back"));
    assert_eq!(fs::read_to_string(host.path(&format!("back/deep/{name}"))).unwrap(), "one");
    is_ok(&upload(&format!("tree/deep/{name}"), name));
    is_ok(&download(name, "single"));
    assert_eq!(fs::read_to_string(host.path("single")).unwrap(), "one");
    for (answer, says) in [
        (upload("missing", "x"), "missing: No such file"),
        (download("missing there", "x"), "has no \"missing there\""),
        (download("new/tree/run", "single/below"), "single"),
    ] {
        let (kind, said) = failed(&answer);
        assert!(kind == "io" && said.contains(says), "{answer}");
    }
    // A connection that breaks on the way is another one's beginning.
    let big = vec![b'y'; 5 << 20];
    fs::write(host.path("big"), &big).unwrap();
    let drops = Fault::new(FaultKind::SshDrop { after_bytes: 2 << 20 }).on("ssh:connect").times(2);
    world.sim.inject(drops).unwrap();
    is_ok(&upload("big", "big"));
    world.sim.clear_faults();
    is_ok(&download("big", "big again"));
    assert!(fs::read(host.path("big again")).unwrap() == big);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_pod_of_the_name_is_left_alone() {
    let mut world = World::new().await;
    let spec = PodSpec::any_gpu("gpu-box", "image").port("22/tcp");
    let other = world
        .runpod
        .deploy(&spec)
        .await
        .unwrap()
        .wait_until(Ready::Ssh, Duration::from_secs(60))
        .await
        .unwrap();
    let answer = world.host.method("create");
    let (kind, said) = failed(&answer);
    assert!(kind == "unavailable" && said.contains(other.id.as_str()), "{answer}");
    assert!(said.contains("infra.name gives"), "{answer}");
    let answer = world.host.exec("true");
    let (kind, said) = failed(&answer);
    assert!(kind == "not-provisioned" && said.contains("it has no pod of its own"), "{answer}");
    is_ok(&world.host.method("destroy"));
    assert_eq!(world.billing(), [other.id.as_str()]);
    world.infra(&json!({"name": "other-box"}));
    is_ok(&world.host.method("create"));
    assert_eq!(world.billing().len(), 2);
    is_ok(&world.host.method("destroy"));
    assert_eq!(world.billing(), [other.id.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_hides_whose_it_is_is_a_doubt_with_its_id() {
    let world = World::new().await;
    is_ok(&world.host.method("create"));
    let id = world.billing().remove(0);
    let hidden = Behavior {
        environment_lag: Delay::fixed(Duration::from_secs(1_000_000_000)),
        ..world.sim.behavior()
    };
    let shown = world.sim.behavior();
    world.sim.set_behavior(hidden).unwrap();
    for method in ["create", "destroy", "profile"] {
        let answer = world.host.method(method);
        let (kind, said) = failed(&answer);
        assert!(kind == "unavailable" && said.contains(&id), "{method}: {answer}");
    }
    assert_eq!(world.billing(), [id]);
    world.sim.set_behavior(shown).unwrap();
    is_ok(&world.host.method("destroy"));
    assert!(world.billing().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_stopped_is_said_to_be_and_a_create_starts_it() {
    let world = World::new().await;
    is_ok(&world.host.method("create"));
    let id = world.billing().remove(0);
    let pod = world.runpod.get(&id).await.unwrap();
    pod.stop().await.unwrap();
    pod.wait_until(runpod_lifecycle::Stopped, Duration::from_secs(60)).await.unwrap();
    let answer = world.host.exec("true");
    let (kind, said) = failed(&answer);
    assert!(kind == "unavailable" && said.contains("create the target"), "{answer}");
    is_ok(&world.host.method("create"));
    assert_eq!(ran(&world.host.exec("true")).0, 0);
    assert_eq!(world.billing(), [id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runpod_refuses_is_told_by_kind_with_what_to_do() {
    let world = World::with(|sim| sim.capacity_in(Scope::default(), 0)).await;
    let answer = world.host.method("create");
    let (kind, said) = failed(&answer);
    assert!(kind == "unavailable" && said.contains("RunPod has no machine for this"), "{answer}");
    for (fault, of_kind) in [
        (FaultKind::Status { status: 500, detail: None, applied: false }, "http"),
        (FaultKind::Status { status: 403, detail: None, applied: false }, "auth-failed"),
        (FaultKind::Html { status: 200, applied: false }, "http"),
    ] {
        world.sim.inject(Fault::new(fault).on("listPods")).unwrap();
        for method in ["create", "profile", "destroy"] {
            let answer = world.host.method(method);
            assert_eq!(failed(&answer).0, of_kind, "{method}: {answer}");
        }
        world.sim.clear_faults();
    }
    assert!(world.sim.ledger().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_says_so_and_that_the_pod_bills() {
    let mut world = World::new().await;
    world.infra(&json!({"identityFile": "other"}));
    let answer = world.host.method("create");
    let (kind, said) = failed(&answer);
    assert!(kind == "auth-failed" && said.contains("the pod is up and bills"), "{answer}");
    assert!(said.contains("https://console.runpod.io/user/settings"), "{answer}");
    assert_eq!(failed(&world.host.exec("true")).0, "auth-failed");
    world.infra(&json!({"identityFile": "missing"}));
    assert_eq!(failed(&world.host.exec("true")).0, "io");
    world.infra(&json!({}));
    is_ok(&world.host.method("create"));
    assert_eq!(world.billing().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_rented_that_nobody_could_log_in_to() {
    let mut world = World::new().await;
    world.infra(&json!({"identityFile": "missing"}));
    let answer = world.host.method("create");
    let (kind, said) = failed(&answer);
    assert!(kind == "io" && said.contains("identity file ./missing cannot be read"), "{answer}");
    world.infra(&json!({}));
    world.host.set("PATH", "/nowhere");
    let answer = world.host.method("create");
    let (kind, said) = failed(&answer);
    assert!(kind == "prerequisites" && said.contains("install OpenSSH's client"), "{answer}");
    assert!(world.sim.ledger().is_empty());
}

/// Waits for something that comes within a minute.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "not in a minute: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn create_was_sent(world: &World) {
    let is_create = |operation: Option<&str>| operation == Some("createPod");
    until("a create", || world.sim.requests().iter().any(|request| is_create(request.operation.as_deref())))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_was_killed_is_gone_on_with_by_the_next_one() {
    let world = World::new().await;
    let mut killed = world.host.start(Stdio::null());
    killed.write(CREATE);
    create_was_sent(&world).await;
    killed.process.kill().unwrap();
    killed.process.wait().unwrap();
    is_ok(&world.host.method("create"));
    assert_eq!(world.billing().len(), 1, "{:?}", world.sim.ledger());
    is_ok(&world.host.method("destroy"));
    assert!(world.billing().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_creates_at_once_one_pod_is_left_and_both_may_work_on_it() {
    let world = World::new().await;
    let mut both = [world.host.start(Stdio::null()), world.host.start(Stdio::null())];
    for one in &mut both {
        one.write(CREATE);
    }
    for one in both {
        is_ok(&one.answer());
    }
    assert_eq!(world.billing().len(), 1, "{:?}", world.sim.ledger());
    assert_eq!(ran(&world.host.exec("echo here")), (0, "here\n", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_request_is_answered_and_leaves_no_connection() {
    let mut world = World::new().await;
    let temporary = world.host.path("t");
    std::fs::create_dir(&temporary).unwrap();
    world.host.set("TMPDIR", temporary.to_str().unwrap());
    is_ok(&world.host.method("create"));
    let mut running = world.host.start(Stdio::piped());
    running.write(b"{\"method\":\"exec\",\"cmd\":\"touch begun; sleep 600\",\"env\":[]}\n");
    until("the command has begun", || ran(&world.host.exec("ls begun")).1 == "begun\n").await;
    assert_eq!(temporary.read_dir().unwrap().count(), 1, "the connection of the one that runs");
    let id = running.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let answer = running.answer();
    let (kind, said) = failed(&answer);
    assert!(kind == "unavailable" && said.contains("interrupted"), "{answer}");
    let connections = temporary.read_dir().unwrap().count();
    assert_eq!((connections, world.billing().len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_never_reads_standard_error_holds_nothing_up() {
    let world = World::new().await;
    let (_reader, mut writer) = std::io::pipe().unwrap();
    let full = writer.try_clone().unwrap();
    // Fills the pipe, and blocks for good with what does not fit.
    std::thread::spawn(move || while writer.write_all(&[b'x'; 4096]).is_ok() {});
    let mut running = world.host.start(Stdio::from(full));
    running.write(CREATE);
    let (plugin, (answered, answer)) = (running.process.id().to_string(), channel::<()>());
    std::thread::spawn(move || {
        if answer.recv_timeout(Duration::from_secs(120)) == Err(RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-KILL", &plugin]).status();
        }
    });
    is_ok(&running.answer());
    drop(answered);
}
