//! The bindings over real HTTP, with raw bodies.
#![cfg(feature = "v2")]

mod building;
mod failures;
mod paths;
mod sending;
mod values;

use httpmock::MockServer;
use runpod_api::{ClientBuilder, v2::Client};

/// A key that must never be seen.
const KEY: &str = "rpa_SENTINELKEY0123456789";

/// A client of the mock server.
fn client(server: &MockServer) -> Client {
    ClientBuilder::new(KEY).base_url(server.base_url()).v2().expect("a client")
}
