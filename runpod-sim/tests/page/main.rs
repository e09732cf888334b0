//! The page at the root, over HTTP and in a real browser.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod browser;
#[path = "../sim/client.rs"]
#[allow(dead_code, reason = "the other tests of the simulator use the rest")]
mod client;
mod http;
mod story;
