//! A RunPod to run on a laptop: it keeps state, validates every request against RunPod's contract, moves pods through
//! their lives on a clock that can be scaled, and opens real loopback ports for them.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), runpod_sim::SimError> {
//! use runpod_sim::Sim;
//!
//! let sim = Sim::builder().seed(7).time_scale(60.0).capacity("NVIDIA GeForce RTX 4090", 0).start().await?;
//! println!("point a client at {} with the key {}", sim.url(), sim.api_key());
//! assert!(sim.ledger().is_empty());
//! sim.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod config;
mod contract;
mod error;
mod faults;
mod http;
mod sim;
mod world;

pub use contract::Area;
pub use error::SimError;
pub use faults::{BootStage, Cause, Fault, FaultKind, FaultReport};
pub use sim::Sim;
pub use world::{
    answer::HttpAnswer,
    behavior::{Behavior, EnvironmentMask, LogIds, PublicKey, RateLimitForm, SymmetricPorts},
    billed::BilledSpan,
    boot::BootProfile,
    capacity::Scope,
    catalog::Cloud,
    delay::Delay,
    journal::RequestRecord,
    ledger::LedgerEntry,
    limits::RateWindow,
    pod::PodStatus,
    settings::SimBuilder,
    snapshot::PodSnapshot,
};

/// The guide, whose Rust is compiled and run with the documentation's examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Guide;
