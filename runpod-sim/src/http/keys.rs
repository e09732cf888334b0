use serde::Deserialize;
use serde_json::json;

use super::{App, Call, Outcome, Reply};

#[derive(Deserialize)]
struct Keys {
    keys: Vec<String>,
}

pub(super) fn get(app: &App) -> Outcome {
    Reply::ok(json!({ "keys": app.account().ssh_keys }))
}

/// Replaces the whole set.
pub(super) fn put(app: &App, call: &Call) -> Outcome {
    let Keys { keys } = call.body()?;
    app.account().ssh_keys.clone_from(&keys);
    Reply::ok(json!({ "keys": keys }))
}
