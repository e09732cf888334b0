//! Runs with a money limit against a simulator that charges, under random faults and interrupts: never above the limit,
//! one pod at a time, nothing left. `RUNPOD_CONFORMANCE_RUNS=100` asks for more of them.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use runpod_conformance::{Options, Outcome, Stop, run};
use runpod_sim::{Area, BootStage, Fault, FaultKind, LedgerEntry, Sim};

use crate::house;

/// Simulated seconds per real second.
const SCALE: f64 = 100.0;
/// Seconds of the edge per real second: a log is cut after 0.3 s.
const EDGE: f64 = 333.0;
const CONFIG: &str = "[behavior]\nlog_limit_seconds = 0.3\n";
const RUNS: u64 = 20;
const SIDE_BY_SIDE: usize = 4;
const LIMITS_USD: [f64; 4] = [0.25, 0.012, 0.008, 0.005];

async fn charging(seed: u64) -> Sim {
    let sim = Sim::builder().observed().seed(seed).time_scale(SCALE).real_endpoints(false).verify(false);
    sim.config(CONFIG).expect("it is a configuration").start().await.expect("it starts")
}

fn options(sim: &Sim, limit_usd: f64) -> Options {
    let mut options = Options::new(sim.url(), sim.api_key());
    (options.limit_usd, options.edge, options.gpu) = (Some(limit_usd), EDGE, true);
    options
}

/// Returns once the simulator has answered so many requests.
async fn after(sim: &Sim, requests: u64) {
    let url = format!("{}/_sim/requests?wait_seconds=600&limit=10000&at_least={requests}", sim.url());
    house::http().get(url).send().await.expect("the simulator answers");
}

/// A fault that passes.
fn fault(random: &mut fastrand::Rng) -> Fault {
    let applied = random.bool();
    let lasting = Duration::from_millis(400);
    let (kind, on): (FaultKind, &[&str]) = match random.u8(..12) {
        0 => (FaultKind::DropBeforeRead, &["createPod", "deletePod", "getPod", "listPods"]),
        1 => (FaultKind::DropAfterApply, &["createPod", "deletePod", "createTemplate", "podAction:stop"]),
        2 => (FaultKind::DropMidAnswer, &["createPod", "listPods", "createTemplate"]),
        3 => (
            FaultKind::Status { status: 503, detail: None, applied },
            &["createPod", "deletePod", "listPods"],
        ),
        4 => {
            (FaultKind::Html { status: 502, applied }, &["createPod", "deletePod", "getPod", "listTemplates"])
        }
        5 => (FaultKind::Hang { lasting, applied }, &["createPod", "deletePod", "getPod", "createTemplate"]),
        6 => (FaultKind::TruncatedJson, &["createPod", "listPods", "getPod"]),
        7 => (FaultKind::Ignored, &["deletePod", "podAction:start"]),
        8 => (FaultKind::DuplicateCreate, &["createPod"]),
        9 => (FaultKind::Stuck { stage: BootStage::Ports }, &["createPod"]),
        10 => (FaultKind::DropEnvironment, &["createPod"]),
        _ => (
            FaultKind::RateLimited { retry_after: Some(Duration::from_secs(1)), exhausted_for: None },
            &["createPod", "deletePod", "listPods", "getPod"],
        ),
    };
    let on = on[random.usize(..on.len())];
    let fault = Fault::new(kind).on(on).times(random.u64(1..4));
    // The create that is meant to make a pod is the 12th, after those that are refused.
    match on {
        "createPod" if random.bool() => fault.nth(random.u64(10..13)),
        _ => fault.probability(random.f64()),
    }
}

/// The flaws of one random run.
async fn chaos(seed: u64) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let sim = charging(seed).await;
    for _ in 0..random.u8(..6) {
        sim.inject(fault(&mut random)).expect("it is a fault");
    }
    let limit = LIMITS_USD[random.usize(..LIMITS_USD.len())];
    let interrupt = random.bool().then(|| random.u64(1..220));
    let told = async {
        match interrupt {
            Some(requests) => after(&sim, requests).await,
            None => std::future::pending().await,
        }
    };
    let outcome = run(options(&sim, limit), told).await.expect("TLS can be set up");
    let flaws = flaws(&sim, &outcome, limit);
    let faults: Vec<_> = sim.faults().into_iter().filter(|fault| fault.fired > 0).collect();
    let story =
        format!("seed {seed}, limit {limit}, interrupt {interrupt:?}, {:?}, {faults:?}", outcome.stopped);
    flaws.into_iter().map(|flaw| format!("{flaw}: {story}")).collect()
}

fn flaws(sim: &Sim, outcome: &Outcome, limit: f64) -> Vec<String> {
    let ledger = sim.ledger();
    let cost: f64 = ledger.iter().map(|pod| pod.cost_usd).sum();
    let twins =
        sim.faults().iter().any(|fault| fault.fault == FaultKind::DuplicateCreate.name() && fault.fired > 0);
    let mut flaws = Vec::new();
    if cost > limit {
        flaws.push(format!("it cost {cost}, reckoned {}", outcome.spent_usd));
    }
    if ledger.iter().any(|pod| pod.terminated.is_none()) || !outcome.left.is_empty() {
        flaws.push(format!("something is left: {:?}, {ledger:?}", outcome.left));
    }
    if most_at_once(&ledger) > if twins { 2 } else { 1 } {
        flaws.push(format!("{} pods at once", most_at_once(&ledger)));
    }
    if matches!(outcome.stopped, Some(Stop::Broken | Stop::NotEnded)) {
        flaws.push("it broke".to_owned());
    }
    flaws
}

/// The most pods that were there at one time.
fn most_at_once(ledger: &[LedgerEntry]) -> usize {
    let there = |at: Duration| {
        let lives =
            ledger.iter().filter(|pod| pod.created <= at && pod.terminated.is_none_or(|end| at < end));
        lives.count()
    };
    ledger.iter().map(|pod| there(pod.created)).max().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_and_no_limit_is_passed_whatever_happens() {
    let runs =
        std::env::var("RUNPOD_CONFORMANCE_RUNS").ok().map_or(RUNS, |runs| runs.parse().expect("a number"));
    let first =
        std::env::var("RUNPOD_CONFORMANCE_SEED").ok().map_or(1, |seed| seed.parse().expect("a number"));
    let seeds = stream::iter(first..first + runs).map(chaos).buffer_unordered(SIDE_BY_SIDE);
    let flaws: Vec<String> = seeds.concat().await;
    assert!(flaws.is_empty(), "{} flaws in {runs} runs:\n{}", flaws.len(), flaws.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_ends_a_run_before_it_is_passed() {
    let sim = charging(1).await;
    let outcome = run(options(&sim, 0.006), std::future::pending()).await.expect("TLS can be set up");
    assert_eq!(outcome.stopped, Some(Stop::Limit));
    assert_eq!(flaws(&sim, &outcome, 0.006), Vec::<String>::new());
    assert_eq!(sim.ledger().len(), 1, "there was money for the pod's first minutes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_of_nothing_makes_no_pod_and_asks_the_rest() {
    let sim = charging(1).await;
    let outcome = run(options(&sim, 0.0), std::future::pending()).await.expect("TLS can be set up");
    assert_eq!((outcome.stopped.clone(), outcome.spent_usd), (None, 0.0));
    assert!(
        sim.ledger().is_empty()
            && sim.requests().iter().all(|request| request.operation.as_deref() != Some("createPod"))
    );
    let report = runpod_conformance::Report::of(&outcome);
    let seen = |id: &str| {
        report.rows.iter().find(|row| row.id == id).map(|row| (row.verdict.to_string(), row.seen.clone()))
    };
    assert_eq!(seen("error-shape").expect("it is there").0, "as believed");
    let unseen = ("not seen".to_owned(), "the money limit allows no pod".to_owned());
    assert_eq!(seen("running-before-ready"), Some(unseen));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_rights_is_told_so_and_nothing_is_made() {
    let sim = charging(1).await;
    for (key, words) in [("rpa_ANOTHER", "invalid bearer token"), (sim.api_key(), "no permission for pods")] {
        sim.set_denied(Area::Pods, true);
        let mut options = options(&sim, 0.25);
        options.key = key.to_owned().into();
        let outcome = run(options, std::future::pending()).await.expect("TLS can be set up");
        let stop = outcome.stopped.expect("it cannot be done").to_string();
        assert!(stop.contains("refuses the key") && stop.contains(words), "{stop}");
    }
    assert!(sim.ledger().is_empty());
}
