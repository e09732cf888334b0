//! Every example does what it says, against its own simulator.

use std::{path::PathBuf, process::Command};

/// Output of an example; it must exit with 0.
fn run(name: &str) -> String {
    // Examples are built into the folder beside the one that holds the tests.
    let test = std::env::current_exe().expect("a test has a path");
    let target: PathBuf = test.ancestors().nth(2).expect("tests are in <profile>/deps").into();
    let example = target.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    let output = Command::new(&example)
        .env_remove("RUNPOD_API_KEY")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn deploy_ends_with_the_ready_line() {
    let text = run("deploy");
    let last = text.lines().last().expect("it prints");
    let rest = last.strip_prefix("ready pod=").expect(last);
    let (id, rest) = rest.split_once(" ssh=\"ssh ").expect(last);
    assert!(id.len() == 14 && rest.contains("root@127.0.0.1\" cost_usd_per_hour=0."), "{last}");
    assert!(text.contains("refused: "), "the first GPU is out of stock: {text}");
    assert!(text.contains("is terminated and gone"), "{text}");
}

#[test]
fn deploy_live_without_a_key_says_what_to_do() {
    let target = std::env::current_exe().expect("a test has a path");
    let example = target.ancestors().nth(2).expect("tests are in <profile>/deps").join("examples/deploy");
    let output = Command::new(example).arg("--live").env_remove("RUNPOD_API_KEY").output().expect("it runs");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("RUNPOD_API_KEY"), "{output:?}");
}

#[test]
fn progress_shows_a_wait() {
    assert!(run("progress").contains("was ready and is terminated"));
}

#[test]
fn plan_prices_candidates_in_order() {
    let text = run("plan");
    assert!(text.contains("create a pod") && text.contains("per month, storage included"), "{text}");
}

#[test]
fn logs_shows_the_image_pull_and_the_container() {
    let text = run("logs");
    assert!(text.contains(" system ") && text.contains(" container "), "{text}");
}

#[test]
fn reap_ends_only_what_is_overdue() {
    let text = run("reap");
    assert_eq!(text.matches("would terminate").count(), 1, "{text}");
    assert!(text.contains("2 pods are left"), "{text}");
}

#[test]
fn fleet_gets_every_pod_ready_and_leaves_none() {
    let text = run("fleet");
    assert!(text.contains("50 of 50 pods are ready") && text.contains("0 pods still bill"), "{text}");
}

#[test]
fn need_takes_the_cheapest_type_that_fits_beside_its_volume_and_says_why_others_do_not() {
    let text = run("need");
    assert!(text.contains("  not ") && text.contains("GB of VRAM") && text.contains("per hour"), "{text}");
    assert!(
        text.contains("where the stock is") && text.contains("the price leaves out network volume"),
        "{text}"
    );
    assert!(text.ends_with("0 volumes are left\n0 pods still bill\n"), "{text}");
}

#[test]
fn scope_ends_its_pod_on_every_way_out() {
    let text = run("scope");
    for way in [
        "a value of 14 for $",
        "failed: out of memory; it was terminated",
        "a panic goes on: true",
        "was interrupted; it was terminated",
    ] {
        assert!(text.contains(way), "{way}\n{text}");
    }
    assert!(text.ends_with("0 pods still bill\n"), "{text}");
}

#[test]
fn notebook_is_created_then_adopted_and_stopped_when_idle() {
    let text = run("notebook");
    assert!(text.contains("Monday: created, http") && text.contains("Tuesday: adopted, http"), "{text}");
    assert_eq!(text.matches(": idle, $").count(), 2, "{text}");
    assert!(text.ends_with("0 pods still bill\n"), "{text}");
}

#[test]
fn custom_condition_waits_for_what_only_it_knows() {
    assert!(run("custom_condition").contains("has been up for"));
}

/// Interrupts `deploy --live`, which runs against a simulator of this test's own, as soon as it prints
/// `moment`. Returns what it printed and how many pods were made.
#[cfg(unix)]
fn interrupt_deploy_at(moment: &str) -> (String, usize) {
    use std::{
        io::{BufRead, BufReader},
        process::Stdio,
    };

    use runpod_sim::{BootProfile, Fault, FaultKind, PodStatus, Sim};

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let lasting = std::time::Duration::from_millis(300);
    let boot = BootProfile::fixed(std::time::Duration::from_secs(60));
    let sim = Sim::builder().time_scale(20.0).boot(boot).list_lag(std::time::Duration::ZERO);
    let sim = runtime.block_on(sim.start()).expect("loopback is free");
    sim.inject(Fault::new(FaultKind::SlowBody { lasting }).on("createPod")).expect("a sound fault");
    let target = std::env::current_exe().expect("a test has a path");
    let example = target.ancestors().nth(2).expect("tests are in <profile>/deps").join("examples/deploy");
    let mut child = Command::new(example)
        .arg("--live")
        .env("RUNPOD_API_KEY", sim.api_key())
        .env("RUNPOD_API_URL", sim.url())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut text = String::new();
    let mut is_due = true;
    for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
        let line = line.expect("it is text");
        if is_due && line.contains(moment) {
            is_due = false;
            let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
            assert!(sent.expect("kill is there").success());
        }
        text += &format!("{line}\n");
    }
    assert!(!is_due, "{moment:?} never came: {text}");
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "it ends by itself: {text}");
    let (ledger, pods) = (sim.ledger(), sim.pods());
    assert!(ledger.iter().all(|entry| !entry.is_billing()), "{moment:?} left a pod that bills: {text}");
    assert!(pods.iter().all(|pod| pod.status == PodStatus::Terminated), "{moment:?} left a pod: {text}");
    (text, ledger.len())
}

#[cfg(unix)]
#[test]
fn deploy_leaves_no_pod_when_it_is_interrupted() {
    let interrupt = |moment| {
        let (text, made) = interrupt_deploy_at(moment);
        assert_eq!(made, 1, "{moment:?}: {text}");
        assert!(text.contains("is terminated and gone"), "{moment:?}: {text}");
    };
    std::thread::scope(|scope| {
        for moment in ["asking for", "created pod", "PROVISIONING", "STARTING"] {
            scope.spawn(move || interrupt(moment));
        }
    });
}
