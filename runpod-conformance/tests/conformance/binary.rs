//! The program itself: its words, its exit status, and signals.
#![cfg(unix)]

use std::process::{Output, Stdio};

use runpod_sim::{Fault, FaultKind, Sim};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

use crate::house;

async fn sim(scale: f64) -> Sim {
    let sim = Sim::builder().observed().time_scale(scale).real_endpoints(false);
    sim.start().await.expect("it starts")
}

fn program(sim: &Sim, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runpod-conformance"));
    command.args(arguments).env("RUNPOD_API_URL", sim.url()).env("RUNPOD_API_KEY", sim.api_key());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Sends a signal to a run once an operation was asked for, and returns what came of it.
async fn signalled(sim: &Sim, signal: Signal, operation: &str) -> Output {
    let child = program(sim, &["--live", "--yes", "--max-usd", "0.25"]).spawn().expect("it starts");
    let asked = format!("{}/_sim/requests?wait_seconds=60&operation={operation}&status=201", sim.url());
    house::http().get(asked).send().await.expect("the simulator answers");
    let id = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).expect("it runs");
    kill_process(id, signal).expect("it can be signalled");
    child.wait_with_output().await.expect("it ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_pod_first() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let sim = sim(20.0).await;
        let output = signalled(&sim, signal, "createPod").await;
        let (words, pod) = (told(&output), sim.ledger().pop().expect("a pod was made"));
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(
            words.contains("interrupted") && words.contains(&format!("ended pod {}", pod.pod_id)),
            "{words}"
        );
        assert!(pod.terminated.is_some() && !words.contains(sim.api_key()), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_cannot_be_ended_is_named_and_the_status_says_so() {
    let sim = sim(300.0).await;
    sim.inject(Fault::new(FaultKind::status_before(500)).on("deletePod")).expect("it is a fault");
    let output = signalled(&sim, Signal::INT, "createPod").await;
    let (words, pod) = (told(&output), sim.ledger().pop().expect("a pod was made"));
    assert_eq!(output.status.code(), Some(3), "{words}");
    assert!(words.contains(&format!("MAY BILL: pod {}", pod.pod_id)), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_spent_unasked_and_a_refused_key_is_said_without_being_shown() {
    let sim = sim(20.0).await;
    let refused = |arguments: Vec<&'static str>, key: &'static str| {
        let mut command = program(&sim, &arguments);
        command.env("RUNPOD_API_KEY", key);
        async move { command.output().await.expect("it ends") }
    };
    for (arguments, key, words) in [
        (vec!["--live", "--max-usd", "0.25"], "rpa_SECRET", "say --yes"),
        (vec!["--live", "--yes", "--max-usd", "0.25"], "rpa_SECRET", "refuses the key"),
        (vec!["--live", "--yes", "--max-usd", "0.25"], " ", "RUNPOD_API_KEY"),
        (vec!["--live", "--yes"], "rpa_SECRET", "--max-usd"),
        (vec!["--live", "--yes", "--max-usd", "lots"], "rpa_SECRET", "amount in USD"),
        (vec!["--against", "http://127.0.0.1:9"], "rpa_SECRET", "does not answer"),
    ] {
        let output = refused(arguments.clone(), key).await;
        let said = told(&output) + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words) && !said.contains("rpa_SECRET"), "{arguments:?}: {said}");
    }
    assert!(sim.ledger().is_empty());
}
