//! The environment that is deployed: its pod, its state, its addresses, and the waits for it.

pub(crate) mod connection;
pub(crate) mod present;
pub(crate) mod status;
mod usable;
pub(crate) mod wait;
