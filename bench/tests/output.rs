//! Output of a measurement, as a program that reads it sees it. Nothing is timed here: that every
//! measurement still runs is the other half.

use std::process::Command;

use serde_json::Value;

#[test]
fn every_measurement_runs_and_json_is_all_that_is_printed() {
    let output = Command::new(env!("CARGO_BIN_EXE_runpod-bench"))
        .args(["all", "--smoke", "--json"])
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let reports: Value = serde_json::from_slice(&output.stdout).expect("nothing but JSON");
    let names: Vec<&str> =
        reports.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["decode", "call", "growth", "wait", "fleet"]);
}
