#![no_main]
//! A v2 list of pods.

#[allow(dead_code, reason = "each target uses one of the properties")]
#[path = "../../tests/tests/reliability/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|json: &[u8]| properties::pod_list_v2(json));
