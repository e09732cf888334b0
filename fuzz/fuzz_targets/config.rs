#![no_main]
//! A `sindri.yaml`.

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

libfuzzer_sys::fuzz_target!(|yaml: &str| {
    let yaml = yaml.to_owned();
    lane::run(async move {
        exchanges::config(&yaml).await;
    });
});
