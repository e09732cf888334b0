//! A search for what a server breaks that does anything the real one may do.
//! `cargo run --release -p runpod-bench -- adversary` is the long one.

use std::thread::available_parallelism;

use rand::{Rng, SeedableRng, rngs::StdRng};
use runpod_bench::adversary::{Arguments, Tape, replay, run, scenarios};

/// Names the variable that fixes the seed of the random tapes; else one is drawn.
const SEED: &str = "ADVERSARY_SEED";

fn seed() -> u64 {
    let fixed = std::env::var(SEED).ok().map(|seed| seed.parse().expect("it is a number"));
    let seed = fixed.unwrap_or_else(rand::random);
    println!("{SEED}={seed}");
    seed
}

fn search(tapes: u64, depth: usize) -> Arguments {
    let seed = seed();
    let threads = available_parallelism().map_or(1, usize::from);
    Arguments { tapes, seed, depth, scenario: None, tape: None, first: false, threads }
}

#[test]
fn five_thousand_tapes_break_no_promise() {
    let report = run(&search(5_000, 0)).expect("loopback is free");
    println!("{report}");
    assert!(report.is_clean(), "{report}again with: {SEED}={}", report.seed);
}

/// Findings of the search, each as the shortest tape that showed it.
const FOUND: [(&str, &str, &str); 13] = [
    (
        "a second pod whose environment was masked was named by nobody once the first had given way",
        "race",
        "0,0,0,0,0,0,0,0,0,13,0,0,0,0,0,0,0,0,0,12,0,0,12",
    ),
    (
        "a volume that was deleted here was taken for what a later create had made",
        "volume",
        "0,0,0,2,0,0,0,0,0,0,5,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,2,0,0,0,1",
    ),
    (
        "a list that lacked two volumes which another had just shown let a third be made",
        "stored",
        "0,0,0,2,0,0,0,0,0,0,0,12,0,0,1",
    ),
    (
        "a pod was said to be stopped that another caller had started while the wait read its log",
        "mixed-starts",
        "0,2,0,0,0,0,0,0,0,0,0,0,0,2,0,0,2,0,0,3,0,0,0,0,0,1,0,1,2,0,0,0,0,0,2",
    ),
    (
        "a copy under another name was ended as a second pod where a list left its name out",
        "restart",
        "0,1,0,0,0,0,0,0,0,0,13",
    ),
    (
        "a stop that was done by an attempt without an answer ended as an error that says it was not",
        "start",
        "0,0,0,0,2,0,0,0,0,0,0,0,0,0,0,0,0,2,0,13",
    ),
    ("a pod that a late search saw to be gone was returned as ready", "start", "17,2"),
    (
        "a list that was long in coming lacked a pod whose create was forgotten by then, and a second was made",
        "handle",
        "0,0,0,2,0,0,10,1,0,4,15,3,0,0,0,0,0,0,0,0,3",
    ),
    (
        "a start was said to be accepted because an answer from before a stop, whose future was dropped, agreed with it",
        "start",
        "0,0,0,2,0,0,0,0,2,0,0,0,0,0,0,2,0,0,0,0,12,1",
    ),
    (
        "a pod was returned although the search had sent its terminate, for an earlier one, and was out of time",
        "races",
        "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,4,0,0,0,1",
    ),
    (
        "a pod that a deploy had just adopted was not found, since the next list was older than the one before",
        "death",
        "0,0,0,0,11,0,11,2,0,0,0,0,0,0,0,0,0,0,0,0,0,1",
    ),
    (
        "a 404 about a new pod was believed since the list that had just shown it was long in coming",
        "races",
        "0,0,1,2,0,1,0,0,0,0,15,0,0,0,0,1,0,0,0,0,0,0,1",
    ),
    (
        "a wait returned a pod as running that was stopped through the same handle while a list was awaited",
        "mixed-starts",
        "2,1,0,2,0,1,0,1,0,0,2,0,0,3,0,0,2,0,0,0,0,0,2,0,0,0,0,0,2,0,0,16,0,0,4,2,0,0,2,3,0,0,0,0,0,0,0,0,0,2,0,3,0,0,0,0,15,0,0,0,0,0,0,0,0,1,2,0,0,0,0,0,0,0,0,1",
    ),
];

#[test]
fn what_the_search_has_found_stays_mended() {
    for (what, scenario, tape) in FOUND {
        let tape: Tape = tape.parse().expect("it is a tape");
        let (broken, story) = replay(scenario, &tape).expect("loopback is free");
        assert!(broken.is_empty(), "{what}: {broken:?}\n{}", story.join("\n"));
    }
}

/// Scenarios of one actor: what several send at one moment comes through sockets, whose order a busy kernel may change.
const ONE_ACTOR: [&str; 14] = [
    "deploy",
    "ready",
    "http",
    "stop",
    "start",
    "restart",
    "terminate",
    "replace",
    "adopt",
    "reap",
    "namesake",
    "sleep",
    "volume",
    "secret",
];

/// A story without its times: when a connection that was cut is heard of is up to the kernel.
fn untimed(story: &[String]) -> Vec<String> {
    story
        .iter()
        .map(|line| line.split_once("s ").map_or(line.as_str(), |(_, event)| event).to_owned())
        .collect()
}

#[test]
fn a_tape_is_replayed_exactly() {
    let mut rng = StdRng::seed_from_u64(seed());
    assert!(ONE_ACTOR.iter().all(|own| scenarios().contains(own)), "a scenario has another name");
    for scenario in ONE_ACTOR {
        for unfriendly in [0.05, 0.1, 0.3] {
            let mut choice = |_| if rng.random_bool(unfriendly) { rng.random() } else { 0 };
            let choices: Vec<String> = (0..120).map(|at| u8::to_string(&choice(at))).collect();
            let tape: Tape = choices.join(",").parse().expect("it is a tape");
            let story = || untimed(&replay(scenario, &tape).expect("loopback is free").1);
            assert_eq!(story(), story(), "{scenario} {tape}");
        }
    }
}
