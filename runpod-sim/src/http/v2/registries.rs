//! Credentials for container registries.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::{
    contract::Problem,
    http::{
        call::Call,
        reply::{Outcome, Reply},
    },
    world::{App, pod::Pod, registry::Registry},
};

#[derive(Deserialize)]
struct NewRegistry {
    name: String,
}

/// Lists all at once: this list has no pages.
pub(crate) fn list(app: &App) -> Outcome {
    let account = app.account();
    let registries: Vec<&Registry> =
        account.registries.numbered().map(|(_, registry)| registry).rev().collect();
    Reply::ok(json!({ "registries": registries }))
}

pub(crate) fn get(app: &App, call: &Call) -> Outcome {
    let account = app.account();
    let registry = account.registries.get(call.id());
    Reply::ok(json!(registry.ok_or_else(|| Problem::not_found("registry"))?))
}

pub(crate) fn create(app: &App, call: &Call) -> Outcome {
    let NewRegistry { name } = call.body()?;
    let mut account = app.account();
    let registry = Registry { id: account.fresh_id(), name };
    account.registries.put(registry.clone());
    Ok(Reply::Json(StatusCode::CREATED, json!(registry)))
}

/// Deletes a login that no pod pulls with. Templates that name it lose it.
pub(crate) fn delete(app: &App, call: &Call) -> Outcome {
    let mut account = app.account();
    let pulls = |pod: &&Pod| pod.terminated.is_none() && pod.facts.registry.as_deref() == Some(call.id());
    if let Some(pod) = account.pods().iter().find(pulls) {
        return Err(Problem::bad_request(format!("the registry is in use by pod {}", pod.id)));
    }
    account.templates.each(|template| {
        template.body.registry.take_if(|id| id == call.id());
    });
    if account.registries.remove(call.id()) {
        Ok(Reply::Empty(StatusCode::NO_CONTENT))
    } else {
        Err(Problem::not_found("registry"))
    }
}
