#![no_main]
//! The body of a log: Server-Sent Events, or anything else.

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

libfuzzer_sys::fuzz_target!(|events: &[u8]| {
    let events = events.to_vec();
    lane::run(async {
        exchanges::log(events).await;
    });
});
