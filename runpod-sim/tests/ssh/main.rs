//! The SSH servers of pods, as OpenSSH's own client sees them.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod binary;
#[path = "../sim/client.rs"]
#[allow(dead_code, reason = "the other tests of the simulator use the rest")]
mod client;
mod copies;
mod exec;
mod faults;
mod house;
mod login;
