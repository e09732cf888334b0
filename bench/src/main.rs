//! Measurements and endurance runs of the RunPod crates.

fn main() {}
