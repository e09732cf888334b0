use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::page::Page;
use super::{App, Call, Outcome, Reply};
use crate::problem::Problem;
use crate::registry::Registry;

#[derive(Deserialize)]
struct NewRegistry {
    name: String,
}

pub(super) fn list(app: &App, call: &Call) -> Outcome {
    let page = Page::read(call, app.settings.page_size)?;
    let account = app.account();
    page.cut("registries", account.registries.numbered(), |registry| json!(registry))
}

pub(super) fn get(app: &App, call: &Call) -> Outcome {
    let account = app.account();
    let registry = account.registries.get(call.id());
    Reply::ok(json!(registry.ok_or_else(|| Problem::not_found("registry", call.id()))?))
}

pub(super) fn create(app: &App, call: &Call) -> Outcome {
    let NewRegistry { name } = call.body()?;
    let mut account = app.account();
    let registry = Registry { id: account.fresh_id(), name };
    account.registries.put(registry.clone());
    Ok(Reply::Json(StatusCode::CREATED, json!(registry)))
}

pub(super) fn delete(app: &App, call: &Call) -> Outcome {
    if app.account().registries.remove(call.id()) {
        Ok(Reply::Empty(StatusCode::NO_CONTENT))
    } else {
        Err(Problem::not_found("registry", call.id()))
    }
}
