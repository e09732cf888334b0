//! The readiness of JupyterLab.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{HttpAnswer, HttpReady, pod::port::JUPYTER};

/// JupyterLab tells its version at `/api`, to everybody (Jupyter Server's REST API). One value for all, since waits share
/// a probe only if it is the same.
pub(super) static READY: LazyLock<HttpReady> =
    LazyLock::new(|| HttpReady::port(JUPYTER).path("/api").accept(200..=200).answer(tells_version));

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "version")]
    _version: String,
}

fn tells_version(answer: &HttpAnswer) -> bool {
    serde_json::from_slice::<Version>(answer.body()).is_ok()
}
