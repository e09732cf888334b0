#![no_main]
//! The body of a log: Server-Sent Events, or anything else.

use futures_util::StreamExt;

#[allow(dead_code, reason = "each target uses one of the properties")]
#[path = "../../tests/tests/reliability/properties.rs"]
mod properties;
#[allow(dead_code, reason = "each target uses part of it")]
#[path = "../../tests/tests/reliability/wire.rs"]
mod wire;

libfuzzer_sys::fuzz_target!(|events: &[u8]| {
    let events = events.to_vec();
    let follow = async {
        let server = wire::Server::start(move |_, number| match number {
            0 => [b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".as_slice(), &events].concat(),
            _ => wire::json(404, r#"{"title":"Not Found","status":404,"detail":"no such pod"}"#),
        })
        .await;
        let lines: Vec<_> = server.runpod().logs("abc").follow().collect().await;
        let last = lines.last().expect("at least the error");
        properties::error(last.as_ref().expect_err("the second answer ends it"));
    };
    runpod_bench::clock::run_fast(1000, follow).expect("a runtime can be had");
});
