//! Templates, public ones and the account's own.

use axum::http::StatusCode;
use serde_json::json;

use super::page::Page;
use crate::{
    contract::Problem,
    http::{
        call::Call,
        reply::{Outcome, Reply},
    },
    world::{
        App,
        account::Account,
        rules,
        template::{self, Template, TemplateBody},
    },
};

pub(crate) fn list(app: &App, call: &Call) -> Outcome {
    let page = Page::read(app, call, "templates")?;
    let account = app.account();
    page.cut(account.templates.numbered().rev(), |template| Some(json!(template)))
}

/// Lists the public templates, which all count as official, all at once.
pub(crate) fn catalog(call: &Call) -> Outcome {
    let official = call.query("source").is_none_or(|source| source == "official");
    let templates = if official { template::public() } else { Vec::new() };
    Reply::ok(json!({ "templates": templates }))
}

pub(crate) fn get(app: &App, call: &Call) -> Outcome {
    let account = app.account();
    let public = || template::public().into_iter().find(|template| template.id == call.id());
    let template = account.templates.get(call.id()).cloned().or_else(public);
    Reply::ok(json!(template.ok_or_else(|| Problem::not_found("template"))?))
}

pub(crate) fn create(app: &App, call: &Call) -> Outcome {
    let body: TemplateBody = call.body()?;
    let mut account = app.account();
    check(&account, &body)?;
    let template = Template { id: account.fresh_id()[..10].to_owned(), body };
    account.templates.put(template.clone());
    Ok(Reply::Json(StatusCode::CREATED, json!(template)))
}

fn check(account: &Account, body: &TemplateBody) -> Result<(), Box<Problem>> {
    rules::ports(&body.ports)?;
    match body.registry.as_deref().filter(|id| account.registries.get(id).is_none()) {
        Some(id) => Err(Problem::bad_request(format!("registry \"{id}\" not found"))),
        None => Ok(()),
    }
}

pub(crate) fn update(app: &App, call: &Call) -> Outcome {
    let mut account = app.account();
    let unknown = || Problem::not_found("template");
    let mut whole = json!(account.templates.get(call.id()).ok_or_else(unknown)?.body);
    let change = call.body.as_ref().and_then(|body| body.as_object()).into_iter().flatten();
    change.for_each(|(key, value)| whole[key] = value.clone());
    let body: TemplateBody = serde_json::from_value(whole)
        .map_err(|_| Problem::invalid(vec!["$: a value is out of range".into()]))?;
    check(&account, &body)?;
    let template = account.templates.get_mut(call.id()).ok_or_else(unknown)?;
    template.body = body;
    Reply::ok(json!(template))
}

pub(crate) fn delete(app: &App, call: &Call) -> Outcome {
    if app.account().templates.remove(call.id()) {
        Ok(Reply::Empty(StatusCode::NO_CONTENT))
    } else {
        Err(Problem::not_found("template"))
    }
}
