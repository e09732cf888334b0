use std::time::{Duration, Instant};

use runpod_sim::{ExecAnswer, Fault, FaultKind, FaultReport, Sim};
use serde_json::{Value, json};

use crate::house::{House, done, fed, lives, until};

fn counts(reports: &[FaultReport]) -> Vec<(u64, u64)> {
    reports.iter().map(|report| (report.calls, report.fired)).collect()
}

#[tokio::test]
async fn a_login_may_be_refused_and_succeeds_the_next_time() {
    let house =
        House::of(Sim::builder().exec(true).fault(Fault::new(FaultKind::SshLoginRefused).times(1))).await;
    let pod = house.pod(json!({})).await;
    let told = house.run(&pod, "true").await;
    assert_eq!(told.status, Some(255));
    assert!(told.stderr.contains("Permission denied (publickey)"), "{told:?}");
    assert_eq!(house.say(&pod, "echo in").await, "in");
    assert_eq!(counts(&house.caller.sim.faults()), [(2, 1)], "greetings alone do not count");
}

#[tokio::test]
async fn a_handshake_may_hang() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    let fault = json!({ "fault": "ssh-hang", "seconds": 0.3, "on": ["ssh:connect"], "times": 1 });
    assert_eq!(house.caller.post("/_sim/faults", fault).await.status, 200);
    let mut ssh = house.ssh(&pod).await;
    let begun = Instant::now();
    assert_eq!(done(ssh.arg("true")).await.status, Some(255));
    assert!(begun.elapsed() >= Duration::from_millis(300), "it waits");
    assert_eq!(house.say(&pod, "echo in").await, "in");
}

#[tokio::test]
async fn a_connection_may_break_in_the_middle() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    let fault = Fault::new(FaultKind::SshDrop { after_bytes: 100_000 }).on("ssh").times(1);
    assert!(house.caller.sim.inject(fault).is_err(), "a call is named whole");
    let fault = Fault::new(FaultKind::SshDrop { after_bytes: 100_000 }).on("ssh:connect").times(2);
    house.caller.sim.inject(fault).unwrap();
    let output = fed(house.ssh(&pod).await.arg("head -c 1000000 /dev/zero"), b"").await;
    assert_eq!(output.status.code(), Some(255));
    let length = output.stdout.len();
    assert!((50_000..100_000).contains(&length), "{length} of the plain bytes");
    let output = fed(house.ssh(&pod).await.arg("cat > up"), &[0; 1_000_000]).await;
    assert_eq!(output.status.code(), Some(255));
    let length: u64 = house.say(&pod, "wc -c < up").await.trim().parse().unwrap();
    assert!(length < 100_000, "{length}");
    assert_eq!(counts(&house.caller.sim.faults()), [(3, 2)]);
}

#[tokio::test]
async fn a_container_may_exit_under_a_command() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    let pid = house
        .say(
            &pod,
            "echo kept > workspace/file; echo lost > file; setsid sleep 1000 > /dev/null 2>&1 & echo $!",
        )
        .await;
    let uptime = async || house.caller.pod(&pod).await["runtime"]["uptime"].as_u64().unwrap();
    let before = until(async || Some(uptime().await).filter(|uptime| *uptime > 200)).await;
    let exit = Fault::new(FaultKind::ContainerExit { after: Duration::from_secs(100) }).times(1);
    house.caller.sim.inject(exit).unwrap();
    let key = std::fs::read_to_string(house.path("known_hosts")).unwrap();
    let told = house.run(&pod, "echo begun; sleep 1000").await;
    assert_eq!((told.status, told.stdout.as_str()), (Some(255), "begun\n"));
    assert!(!lives(&pid), "detached processes die too");
    assert!(uptime().await < before, "it began anew");
    std::fs::remove_file(house.path("known_hosts")).unwrap();
    assert_eq!(house.say(&pod, "cat workspace/file; ls").await, "kept\nworkspace");
    assert_ne!(std::fs::read_to_string(house.path("known_hosts")).unwrap(), key);
    let shown = house.caller.pod(&pod).await;
    assert_eq!(shown["status"], "RUNNING");
    assert!(house.caller.sim.ledger()[0].is_billing());
}

#[tokio::test]
async fn sshd_is_away_while_a_container_starts_again() {
    let house = House::of(Sim::builder().on_exec(|_| ExecAnswer::new(0))).await;
    let pod = house.pod(json!({})).await;
    let mut ssh = house.ssh(&pod).await;
    house.caller.sim.set_time_scale(0.0).unwrap();
    house.caller.sim.inject(Fault::new(FaultKind::ContainerExit { after: Duration::ZERO }).times(1)).unwrap();
    ssh.arg("true");
    for (what, status) in [("the exit", 255), ("nobody is there", 255), ("it is up again", 0)] {
        if status == 0 {
            house.caller.advance(1);
        }
        // The answer of a script may be faster than the exit.
        let told = done(&mut ssh).await;
        assert!(told.status == Some(status) || what == "the exit", "{what}: {told:?}");
    }
}

#[tokio::test]
async fn a_disk_may_be_full() {
    let house = House::new().await;
    let pod = house.pod(json!({})).await;
    house.caller.sim.inject(Fault::new(FaultKind::DiskFull)).unwrap();
    let told = house.run(&pod, "echo out; echo more > file || echo refused").await;
    assert_eq!(told.stdout, "out\nrefused\n", "{told:?}");
    std::fs::write(house.path("up"), "bytes").unwrap();
    let told = done(house.copier("scp", &pod).await.arg(house.path("up")).arg("root@127.0.0.1:up")).await;
    assert_eq!(told.status, Some(1));
    assert!(told.stderr.contains("write remote") && told.stderr.contains("Failure"), "{told:?}");
    assert_eq!(counts(&house.caller.sim.faults()), [(2, 2)]);
    house.caller.sim.clear_faults();
    assert_eq!(house.say(&pod, "echo more > file && cat file").await, "more");
}

#[tokio::test]
async fn faults_of_calls_and_of_ssh_keep_apart() {
    let house = House::of(Sim::builder().exec(true).fault(Fault::new(FaultKind::SshLoginRefused))).await;
    house.caller.sim.inject(Fault::new(FaultKind::EdgeBlock).times(1)).unwrap();
    assert_eq!(house.caller.get("/v2/pods").await.status, 403);
    assert_eq!(counts(&house.caller.sim.faults()), [(0, 0), (1, 1)]);
    house.caller.sim.clear_faults();
    house.caller.sim.inject(Fault::new(FaultKind::EdgeBlock).on("deletePod")).unwrap();
    let pod = house.pod(json!({})).await;
    house.say(&pod, "true").await;
    let reports: Value = house.caller.get("/_sim/faults").await.json();
    assert_eq!(reports["faults"][0]["calls"], 0);
}
