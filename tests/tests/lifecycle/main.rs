//! The facade through its public API: raw answers over HTTP first, then the simulator.

mod deploy;
mod input;
mod mock;
mod secrets;
mod statuses;
