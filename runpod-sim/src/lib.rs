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

mod account;
mod answer;
mod area;
mod behavior;
mod boot;
mod capacity;
mod catalog;
mod clock;
mod config;
mod contract;
mod endpoints;
mod error;
mod faults;
mod files;
mod http;
mod journal;
mod launch;
mod ledger;
mod limits;
mod log;
mod look;
mod order;
mod pod;
mod problem;
mod registry;
mod rules;
mod schema;
mod settings;
mod shelf;
mod sim;
mod table;
mod template;
mod view;
mod volume;

pub use answer::HttpAnswer;
pub use area::Area;
pub use behavior::{Behavior, EnvironmentMask, LogIds, PublicKey, RateLimitForm, SymmetricPorts};
pub use boot::{BootProfile, Delay};
pub use capacity::Scope;
pub use catalog::Cloud;
pub use error::SimError;
pub use faults::{BootStage, Cause, Fault, FaultKind, FaultReport};
pub use journal::RequestRecord;
pub use ledger::{BilledSpan, LedgerEntry};
pub use limits::RateWindow;
pub use pod::PodStatus;
pub use settings::SimBuilder;
pub use sim::{PodSnapshot, Sim};

/// The guide, whose Rust is compiled and run with the documentation's examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Guide;
