#![no_main]
//! The body of a refusal: problem+json, or anything else.

#[allow(dead_code, reason = "each target uses one of the properties")]
#[path = "../../tests/tests/reliability/properties.rs"]
mod properties;
#[allow(dead_code, reason = "each target uses part of it")]
#[path = "../../tests/tests/reliability/wire.rs"]
mod wire;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let body = body.to_vec();
    let call = async {
        let server = wire::Server::start(move |_, _| wire::json(400, &body)).await;
        properties::error(&server.runpod().restart("abc").await.expect_err("a refusal"));
    };
    runpod_bench::clock::run_fast(1000, call).expect("a runtime can be had");
});
