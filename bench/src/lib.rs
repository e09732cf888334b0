//! Measurements and endurance runs of the RunPod crates. One module per subcommand of the binary.

pub mod clock;
