//! Sindri v3 as far as its CLI and a provider touch each other: a stand-in with its signatures, its typed parse and the order
//! of its calls. Its crates are not published; nothing here is its code.

pub(crate) mod cli;
pub(crate) mod config;
pub(crate) mod secrets;
pub(crate) mod traits;
pub(crate) mod types;
pub(crate) mod utils;
