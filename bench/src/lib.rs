//! Measurements and endurance runs of the RunPod crates. One module per subcommand of the binary.

pub mod account;
pub mod build;
pub mod call;
pub mod clock;
pub mod decode;
pub mod fleet;
pub mod growth;
pub mod plot;
pub mod report;
pub mod soak;
pub mod strict;
pub mod wait;
