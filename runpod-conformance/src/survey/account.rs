//! Lists, keys and error shapes, without any pod.

use serde_json::json;

use crate::{
    options::{LIVE_URL, Stop},
    session::Session,
    wire::Ask,
};

/// The largest body that RunPod takes, in bytes.
const MOST: usize = 102_400;

pub(super) async fn ask(session: &Session) -> Result<(), Stop> {
    let first = session.ask(Ask::get("first-list", "/v2/pods?limit=1")).await?;
    let url = session.options.url.clone();
    let words = first.failure.clone().unwrap_or_else(|| first.words());
    match first.status {
        401 | 403 => return Err(Stop::Refused { url, words }),
        200 if first.json()["pods"].is_array() => {}
        status => return Err(Stop::NoApi { url, words: format!("{status} {words}").trim().to_owned() }),
    }
    session.ask(Ask::get("unknown-query", "/v2/pods?limit=1&conformance=1")).await?;
    session.ask(Ask::get("bad-cursor", "/v2/pods?cursor=conformance")).await?;
    session.ask(Ask::get("unknown-pod", "/v2/pods/conformancenone")).await?;
    session.ask(Ask::get("wrong-key", "/v2/pods").wrong_key()).await?;
    session.ask(Ask::get("generic-agent", "/v2/pods").agent("Python-urllib/3.12")).await?;
    // Under a wrong key, so that nothing can come of it.
    let large = json!({ "name": session.name, "args": "a".repeat(MOST) });
    session.ask(Ask::post("large-body", "/v2/pods", large).wrong_key()).await?;
    match session.options.url == LIVE_URL || session.options.url.starts_with("http://127.0.0.1") {
        true => drop(session.ask(Ask::get("v1", "/v1/pods")).await?),
        false => {
            session.evidence().skip("v1", "only the real service and simulators have it under a known name")
        }
    }
    Ok(())
}
