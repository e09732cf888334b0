//! The page at the root: the account at a glance, followed live.
//!
//! The server writes every section as HTML, once with the page and again as an event whenever it has changed. The script sends calls
//! of the control interface and puts new HTML in its place; it knows nothing of pods.

mod account;
mod card;
mod faults;
mod figures;
mod ledger;
mod life;
mod live;
mod pod;
mod pods;
mod requests;
mod sections;
mod stock;
mod view;
mod watch;

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use self::{
    sections::{Sections, render},
    view::View,
    watch::Watch,
};
use crate::{
    contract::{Api, Problem},
    faults::{self as kinds, SSH_CALLS},
    world::App,
};

const STYLE: &str = include_str!("../../../templates/style.css");
const SCRIPT: &str = include_str!("../../../templates/script.js");

/// Nothing comes from elsewhere, nothing is sent elsewhere, and nobody frames it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page and what it consists of.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(page))
        .route("/_sim/page/events", get(live::follow))
        .route("/_sim/page/style.css", get(async || file("text/css; charset=utf-8", STYLE)))
        .route("/_sim/page/script.js", get(async || file("text/javascript; charset=utf-8", SCRIPT)))
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    view: View,
    sections: Sections,
    /// Simulated seconds per real second, and the words for it.
    paces: &'static [(u32, &'static str)],
    jumps: &'static [(u32, &'static str)],
    /// The names of faults, and what each takes.
    kinds: Vec<(&'static str, String)>,
    operations: Vec<String>,
    types: Vec<&'static str>,
}

async fn page(State(app): State<Arc<App>>, view: Result<Query<View>, QueryRejection>) -> Response {
    let view = match read(view) {
        Ok(view) => view,
        Err(problem) => return problem.into_response(Api::V2),
    };
    let mut watch = Watch::new(app.clone(), view);
    let page = Page {
        sections: watch.look(),
        view: watch.view().clone(),
        paces: &[(0, "stand still"), (1, "1 ×"), (10, "10 ×"), (60, "60 ×"), (600, "600 ×")],
        jumps: &[(10, "10 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h")],
        kinds: kinds::names().iter().map(|name| (*name, kinds::takes(name).join(" "))).collect(),
        operations: operations(&app),
        types: stock::types(),
    };
    file("text/html; charset=utf-8", render(&page))
}

/// The view that an address asks for, or the words why it is none.
fn read(view: Result<Query<View>, QueryRejection>) -> Result<View, Box<Problem>> {
    view.map(|Query(view)| view).map_err(|rejection| {
        let detail = format!("{}: open / without it", rejection.body_text());
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    })
}

/// The calls that a fault can be for, those about pods.
fn operations(app: &App) -> Vec<String> {
    let known = app.v2.ids().chain(app.v1.ids()).filter(|id| id.to_lowercase().contains("pod"));
    let actions = ["start", "stop", "restart", "terminate"].map(|action| format!("podAction:{action}"));
    let over_ssh = SSH_CALLS.iter().filter(|_| cfg!(feature = "ssh"));
    known.map(str::to_owned).chain(actions).chain(over_ssh.map(|call| (*call).to_owned())).collect()
}

fn file(kind: &'static str, text: impl Into<String>) -> Response {
    let headers: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, text.into()).into_response()
}
