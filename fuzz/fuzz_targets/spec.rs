#![no_main]
//! A text that is to be part of a spec: a name, an image, a GPU, a port, a path.

#[allow(dead_code, reason = "each target uses one of the properties")]
#[path = "../../tests/tests/reliability/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|text: &str| properties::spec(text));
