#![no_main]
//! The body of a refusal: problem+json, or anything else.

#[allow(dead_code, reason = "each target uses one of them")]
#[path = "../../tests/tests/reliability/exchanges.rs"]
mod exchanges;
mod lane;
#[allow(dead_code, reason = "each target uses one of the properties")]
#[path = "../../tests/tests/reliability/properties.rs"]
mod properties;
#[allow(dead_code, reason = "each target uses part of it")]
#[path = "../../tests/tests/reliability/wire.rs"]
mod wire;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let body = body.to_vec();
    lane::run(exchanges::refusal(body));
});
