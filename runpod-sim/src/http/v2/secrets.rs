//! Secrets of the account.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    contract::Problem,
    http::{
        call::Call,
        reply::{Outcome, Reply},
    },
    world::{App, secret::Secret},
};

#[derive(Deserialize)]
struct NewSecret {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct NewValue {
    value: String,
}

/// Lists all at once, or the one of a name: this list has no pages.
pub(crate) fn list(app: &App, call: &Call) -> Outcome {
    let account = app.account();
    let is_wanted = |secret: &&Secret| call.query("name").is_none_or(|name| name == secret.name);
    let secrets = account.secrets.numbered().map(|(_, secret)| secret).rev().filter(is_wanted);
    let secrets: Vec<Value> = secrets.map(|secret| view(app, secret)).collect();
    Reply::ok(json!({ "secrets": secrets }))
}

pub(crate) fn get(app: &App, call: &Call) -> Outcome {
    let account = app.account();
    let secret = account.secrets.get(call.id()).ok_or_else(unknown)?;
    Reply::ok(view(app, secret))
}

pub(crate) fn create(app: &App, call: &Call) -> Outcome {
    let NewSecret { name, value } = call.body()?;
    let mut account = app.account();
    if account.secrets.numbered().any(|(_, secret)| secret.name == name) {
        let detail = format!("a secret with the name \"{name}\" already exists");
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    account.secret_values.set(&name, call.now, Some(value));
    let secret = Secret { id: account.fresh_id(), name, created: call.now, replaced: None };
    account.secrets.put(secret.clone());
    Ok(Reply::Json(StatusCode::CREATED, view(app, &secret)))
}

/// Replaces the value.
pub(crate) fn update(app: &App, call: &Call) -> Outcome {
    let NewValue { value } = call.body()?;
    let mut account = app.account();
    let secret = account.secrets.get_mut(call.id()).ok_or_else(unknown)?;
    secret.replaced = Some(call.now);
    let secret = secret.clone();
    account.secret_values.set(&secret.name, call.now, Some(value));
    Reply::ok(view(app, &secret))
}

pub(crate) fn delete(app: &App, call: &Call) -> Outcome {
    let mut account = app.account();
    let name = account.secrets.get(call.id()).ok_or_else(unknown)?.name.clone();
    account.secrets.remove(call.id());
    account.secret_values.set(&name, call.now, None);
    Ok(Reply::Empty(StatusCode::NO_CONTENT))
}

fn unknown() -> Box<Problem> {
    Problem::not_found("secret")
}

/// A secret without its value, which is never given out.
fn view(app: &App, secret: &Secret) -> Value {
    json!({
        "id": secret.id, "name": secret.name, "createdAt": app.clock.written(secret.created),
        "valueLastUpdatedAt": secret.replaced.map(|at| app.clock.written(at)),
    })
}
