//! Measurements and endurance runs of the RunPod crates. One module per subcommand of the binary.

#[cfg(feature = "measure")]
pub mod account;
pub mod adversary;
#[cfg(feature = "measure")]
pub mod build;
#[cfg(feature = "measure")]
pub mod call;
pub mod clock;
#[cfg(feature = "measure")]
pub mod decode;
#[cfg(feature = "measure")]
pub mod fleet;
#[cfg(feature = "measure")]
pub mod growth;
#[cfg(feature = "measure")]
pub mod plot;
pub mod races;
#[cfg(feature = "measure")]
pub mod report;
pub mod soak;
#[cfg(feature = "measure")]
pub mod strict;
#[cfg(feature = "measure")]
pub mod wait;
