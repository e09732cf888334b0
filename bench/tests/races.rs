//! Real processes that deploy one name at a time: one pod is left, and everybody is told the truth.

use std::path::Path;

use runpod_bench::races::{Arguments, run};

#[test]
fn however_many_processes_deploy_one_name_one_pod_is_left() {
    let arguments = Arguments { runs: 10, seed: 5, side_by_side: 2 };
    let report =
        run(&arguments, Path::new(env!("CARGO_BIN_EXE_runpod-bench"))).expect("processes can be started");
    println!("{report}");
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.rows.iter().map(|row| row.one_left).sum::<u64>(), 20, "{report}");
    assert!(report.rows.iter().any(|row| row.close > 0), "some have to be close: {report}");
}
