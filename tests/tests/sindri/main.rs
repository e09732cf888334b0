//! Sindri's provider through its public API: against scripted answers, and against the simulator.

// What is pasted into Sindri names Sindri's crates; here they are modules of this one.
extern crate self as sindri_core;
extern crate self as sindri_secrets;

// It is formatted as Sindri formats: the style of edition 2021.
#[expect(unreachable_pub, reason = "Sindri exports it")]
#[rustfmt::skip]
mod adapter;
mod bodies;
mod connect;
mod contract;
mod deploy;
mod embedding;
mod errors;
mod keys;
mod lifecycle;
mod mock;
mod schema;
mod stand_in;
mod states;
mod table;

pub(crate) use stand_in::{
    config,
    secrets::{ResolutionContext, ResolvedSecret, SecretResolver},
    traits, types, utils,
};
