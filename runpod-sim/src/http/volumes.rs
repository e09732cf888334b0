use serde_json::json;

use super::{App, Call, Outcome, Reply};
use crate::problem::Problem;

pub(super) fn list(app: &App) -> Outcome {
    let account = app.account();
    Reply::ok(json!({ "networkVolumes": account.volumes.values().collect::<Vec<_>>() }))
}

pub(super) fn get(app: &App, call: &Call) -> Outcome {
    let account = app.account();
    let volume =
        account.volumes.get(call.id()).ok_or_else(|| Problem::not_found("network volume", call.id()))?;
    Reply::ok(json!(volume))
}
