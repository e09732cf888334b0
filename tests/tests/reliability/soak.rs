//! A short soak: random deployments under random faults. `cargo run --release -p runpod-bench -- soak` is the long one.

use runpod_bench::soak::{Arguments, run};

#[test]
fn two_hundred_random_runs_keep_every_promise() {
    let arguments = Arguments { runs: 200, seed: 7, only: None, threads: 2, side_by_side: 100 };
    let report = run(&arguments).expect("loopback is free");
    println!("{report}");
    assert!(report.is_clean(), "{report}");
    let tally = &report.tally;
    assert_eq!(tally.runs, 200);
    assert!(tally.faults > 200 && tally.pods > 200 && tally.cancelled > 20, "it has to be rough: {report}");
}
