#![no_main]
//! The values of `Retry-After`, `RateLimit`, `RateLimit-Policy` and `Date`, one a line.

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

libfuzzer_sys::fuzz_target!(|values: &str| {
    let values = values.to_owned();
    lane::run(async move { exchanges::limits(&values).await });
});
