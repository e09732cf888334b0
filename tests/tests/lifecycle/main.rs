//! The facade through its public API: raw answers over HTTP first, then the simulator.

mod actions;
mod attack;
mod candidates;
mod connection;
mod deploy;
mod doubt;
mod environment;
mod errors;
mod frugal;
mod input;
mod lag;
mod lifetime;
mod logs;
mod mock;
mod plan;
mod ready;
mod reconcile;
mod secrets;
mod spec;
mod ssh_keys;
mod states;
mod statuses;
mod terminate;
mod v1;
mod waiting;
mod world;
