#![no_main]
//! The values of `Retry-After`, `RateLimit`, `RateLimit-Policy` and `Date`, one a line.

#[allow(dead_code, reason = "each target uses one of the properties")]
#[path = "../../tests/tests/reliability/properties.rs"]
mod properties;
#[allow(dead_code, reason = "each target uses part of it")]
#[path = "../../tests/tests/reliability/wire.rs"]
mod wire;

libfuzzer_sys::fuzz_target!(|values: &str| {
    let names = ["retry-after", "ratelimit", "ratelimit-policy", "date"];
    let headers: String =
        names.iter().zip(values.split('\n')).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let calls = async {
        let server = wire::Server::start(move |_, _| wire::with_headers(429, &headers, "{}")).await;
        let runpod = server.runpod();
        properties::error(&runpod.restart("abc").await.expect_err("a refusal"));
        properties::error(&runpod.restart("abc").await.expect_err("another, or held back"));
    };
    runpod_bench::clock::run_fast(1000, calls).expect("a runtime can be had");
});
