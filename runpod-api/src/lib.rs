#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(any(feature = "v1", feature = "v2")), allow(dead_code, unused_imports))]

// The contract names the types of this crate by their public path.
extern crate self as runpod_api;

mod bounded;
mod build_error;
mod client;
mod decode;
mod escapes;
mod failure;
mod fault;
mod joined;
mod lenient_list;
mod lenient_map;
mod list;
mod network;
mod nullable;
mod number;
mod open;
mod printable;
mod redaction;
mod roots;
mod secret;
mod timestamp;
#[expect(unreachable_pub, reason = "the generated modules re-export what is public in it")]
mod transport;

pub use bounded::{Int, Num, ValueError};
pub use build_error::BuildError;
pub use client::ClientBuilder;
pub use decode::MalformedItem;
#[doc(hidden)]
pub use decode::read_answer;
pub use failure::{Failure, FailureKind};
pub use http;
pub use joined::Joined;
pub use lenient_list::LenientList;
pub use lenient_map::LenientMap;
pub use list::{Len, Limits, List};
pub use nullable::Nullable;
pub use number::{Integer, Number};
pub use open::Open;
pub use printable::{printable, printable_json};
pub use reqwest;
pub use secret::Secret;
pub use timestamp::Timestamp;
pub use transport::{ByteStream, ClientInfo, ResponseValue};

macro_rules! version {
    ($version:ident, $feature:literal, $file:literal, $mock:literal, $doc:literal) => {
        #[cfg(feature = $feature)]
        #[doc = $doc]
        pub mod $version {
            // The generator's code is not ours to lint; its documentation comes from the contract.
            #[allow(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::large_futures)]
            #[allow(missing_docs, unreachable_pub, unused_imports, dead_code)]
            mod generated {
                include!(concat!(env!("OUT_DIR"), $file));
            }

            pub use generated::{Client, types};

            #[cfg(feature = "mock")]
            #[allow(clippy::all, clippy::unwrap_used, missing_docs, missing_debug_implementations)]
            mod generated_mock {
                include!(concat!(env!("OUT_DIR"), $mock));
            }

            /// Typed mocks of every operation, on top of `httpmock`.
            #[cfg(feature = "mock")]
            pub mod mock {
                pub use httpmock;

                pub use super::generated_mock::{MockServerExt, operations};
            }
        }
    };
}

version!(v2, "v2", "/v2.rs", "/v2_mock.rs", "RunPod's REST API v2, at `https://api.runpod.io`.");
version!(v1, "v1", "/v1.rs", "/v1_mock.rs", "RunPod's REST API v1, retired on 2026-11-15.");
