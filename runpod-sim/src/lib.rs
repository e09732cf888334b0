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
//!
//! | to | take |
//! |---|---|
//! | set it up and start it | [`Sim::builder`], a [`SimBuilder`]: stock, prices, limits, network volumes, seed, pace |
//! | point a client at it | [`Sim::url`], [`Sim::api_key`], [`Sim::http_proxy`] |
//! | limit stock | [`Sim::set_capacity`] for a type, [`Sim::set_capacity_in`] for the machines of a [`Scope`] |
//! | choose how it behaves | [`Behavior`], [`BootProfile`], [`Delay`]; [`SimBuilder::observed`] is what RunPod was seen to do |
//! | break it | [`Sim::inject`] a [`Fault`] of a [`FaultKind`] |
//! | move time | [`Sim::advance`] |
//! | change it while it runs | [`Sim::reload`], and the setters of [`Sim`] |
//! | look at it | [`Sim::url`] in a browser, with the feature `page` |
//! | see the truth | [`Sim::ledger`]: a [`LedgerEntry`] for each pod and what it billed; [`Sim::requests`]; [`Sim::pods`] |
//!
//! | feature | default | does |
//! |---|---|---|
//! | `page` | on | the page at the root of [`Sim::url`], for people who look. Tests that embed the simulator build a little faster without it |
//! | `ssh` | off | pods that one can log in to: SSH servers with commands (`SimBuilder::exec`, `SimBuilder::on_exec`), sftp and faults. It needs Unix and Rust 1.89, where everything else is content with 1.88 |
//!
//! The guide, with the program `runpod-sim` and its HTTP control, is the package's README.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(feature = "ssh", not(unix)))]
compile_error!("the feature `ssh` of runpod-sim needs Unix: it runs shells and sends signals");

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
#[cfg(feature = "ssh")]
pub use world::ssh::{ExecAnswer, ExecLimits};
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
