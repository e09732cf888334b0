//! The account's SSH keys.

use serde::Deserialize;
use serde_json::json;

use crate::{
    http::{
        call::Call,
        reply::{Outcome, Reply},
    },
    world::App,
};

#[derive(Deserialize)]
struct Keys {
    keys: Vec<String>,
}

/// Returns the keys. While a get is behind, those before the last change.
pub(crate) fn get(app: &App, call: &Call) -> Outcome {
    let account = app.account();
    let lag = app.behavior().ssh_key_lag;
    let former = account.former_keys.as_ref().filter(|(until, _)| call.now < until.saturating_add(lag));
    let keys = former.map_or(&account.ssh_keys, |(_, keys)| keys);
    Reply::ok(json!({ "keys": keys }))
}

/// Replaces all keys.
pub(crate) fn put(app: &App, call: &Call) -> Outcome {
    let Keys { keys } = call.body()?;
    let mut account = app.account();
    let former = std::mem::replace(&mut account.ssh_keys, keys.clone());
    account.former_keys = Some((call.now, former));
    Reply::ok(json!({ "keys": keys }))
}
