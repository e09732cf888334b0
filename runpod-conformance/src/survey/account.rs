//! Lists, keys and error shapes, without any pod.

use serde_json::json;

use crate::{
    run::{LIVE_URL, Run, Stop},
    wire::Ask,
};

/// The largest body that RunPod takes, in bytes.
const MOST: usize = 102_400;

pub(super) async fn ask(run: &Run) -> Result<(), Stop> {
    let first = run.ask(Ask::get("first-list", "/v2/pods?limit=1")).await?;
    let url = run.options.url.clone();
    let words = first.failure.clone().unwrap_or_else(|| first.words());
    match first.status {
        401 | 403 => return Err(Stop::Refused { url, words }),
        200 if first.json()["pods"].is_array() => {}
        status => return Err(Stop::NoApi { url, words: format!("{status} {words}").trim().to_owned() }),
    }
    run.ask(Ask::get("unknown-query", "/v2/pods?limit=1&conformance=1")).await?;
    run.ask(Ask::get("bad-cursor", "/v2/pods?cursor=conformance")).await?;
    run.ask(Ask::get("unknown-pod", "/v2/pods/conformancenone")).await?;
    run.ask(Ask::get("wrong-key", "/v2/pods").wrong_key()).await?;
    run.ask(Ask::get("generic-agent", "/v2/pods").agent("Python-urllib/3.12")).await?;
    // Under a wrong key, so that nothing can come of it.
    let large = json!({ "name": run.name, "args": "a".repeat(MOST) });
    run.ask(Ask::post("large-body", "/v2/pods", large).wrong_key()).await?;
    match run.options.url == LIVE_URL || run.options.url.starts_with("http://127.0.0.1") {
        true => drop(run.ask(Ask::get("v1", "/v1/pods")).await?),
        false => run.evidence().skip("v1", "only the real service and simulators have it under a known name"),
    }
    Ok(())
}
