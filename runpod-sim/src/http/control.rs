use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, proxy};
use crate::boot::Boot;
use crate::capacity::Scope;
use crate::catalog::Cloud;
use crate::contract::Api;
use crate::faults::FaultScript;
use crate::launch;
use crate::order::CreatePod;
use crate::problem::Problem;

type Answer = Result<Json<Value>, Refusal>;

/// A refusal of the control interface.
struct Refusal(Box<Problem>);

impl From<Box<Problem>> for Refusal {
    fn from(problem: Box<Problem>) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.0.into_response(Api::V2)
    }
}

fn refuse(detail: impl Into<String>) -> Refusal {
    Refusal(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
}

/// The simulator's own interface, beside RunPod's. It asks for no key.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/_sim", get(state))
        .route("/_sim/", get(state))
        .route("/_sim/reset", post(reset))
        .route("/_sim/pods", post(seed))
        .route("/_sim/capacity", put(capacity))
        .route("/_sim/account", put(account))
        .route("/_sim/faults", get(faults).post(inject).delete(clear))
        .route("/_sim/time", get(time).put(scale))
        .route("/_sim/advance", post(advance))
        .route("/_sim/requests", get(requests))
        .route("/_sim/ledger", get(ledger))
        .route("/_sim/proxy/{pod}/{port}", any(proxy::forward))
        .route("/_sim/proxy/{pod}/{port}/", any(proxy::forward))
        .route("/_sim/proxy/{pod}/{port}/{*rest}", any(proxy::forward))
}

fn read<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Refusal> {
    body.map(|Json(body)| body).map_err(|rejection| refuse(rejection.body_text()))
}

async fn state(State(app): State<Arc<App>>) -> Json<Value> {
    let account = app.account();
    Json(json!({
        "seed": app.settings.seed,
        "pods": account.pods().len(),
        "requests": account.journal.len(),
        "answersVerified": account.answers_verified,
        "contractViolations": account.contract_violations,
    }))
}

async fn reset(State(app): State<Arc<App>>) -> Json<Value> {
    app.reset();
    Json(json!({}))
}

/// Pods that are there without anybody having created them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seeding {
    /// As the body of a create.
    pod: CreatePod,
    #[serde(default)]
    status: SeedStatus,
    #[serde(default = "one")]
    count: u32,
    #[serde(default)]
    locked: bool,
    /// The cluster they are members of.
    cluster: Option<String>,
}

fn one() -> u32 {
    1
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum SeedStatus {
    Provisioning,
    #[default]
    Running,
    Exited,
}

async fn seed(State(app): State<Arc<App>>, body: Result<Json<Seeding>, JsonRejection>) -> Answer {
    const MOST: u32 = 10_000;
    let seeding = read(body)?;
    if seeding.count > MOST {
        return Err(refuse(format!("`count` must be at most {MOST}")));
    }
    let now = app.clock.now();
    let mut account = app.account();
    let mut ids = Vec::new();
    for _ in 0..seeding.count {
        let id = launch::create(&app, &mut account, seeding.pod.clone(), now, None)?;
        if let Some(pod) = account.existing_pod(&id) {
            pod.locked = seeding.locked;
            pod.cluster.clone_from(&seeding.cluster);
            match seeding.status {
                SeedStatus::Provisioning => {}
                SeedStatus::Running => launch::plug(&app, pod, Boot::done(now))?,
                SeedStatus::Exited => pod.exit(now),
            }
        }
        ids.push(id);
    }
    Ok(Json(json!({ "ids": ids })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stock {
    #[serde(rename = "type")]
    type_id: Option<String>,
    data_center: Option<String>,
    cloud: Option<Cloud>,
    units: u32,
    after_seconds: Option<f64>,
}

async fn capacity(State(app): State<Arc<App>>, body: Result<Json<Stock>, JsonRejection>) -> Answer {
    let Stock { type_id, data_center, cloud, units, after_seconds } = read(body)?;
    let scope = Scope { type_id, data_center, cloud };
    let mut account = app.account();
    match after_seconds {
        None => account.capacity.set(scope, units),
        Some(after) => {
            let at = app.clock.now().saturating_add(seconds("after_seconds", after)?);
            account.capacity.plan(at, scope, units);
        }
    }
    Ok(Json(json!({})))
}

fn seconds(name: &str, value: f64) -> Result<Duration, Refusal> {
    Duration::try_from_secs_f64(value).map_err(|_| refuse(format!("`{name}` must be a number, 0 or more")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Standing {
    /// Absent leaves it alone; null means without end.
    #[serde(default, deserialize_with = "given")]
    balance_usd: Option<Option<f64>>,
    /// Types the account may not use.
    forbidden: Option<Vec<String>>,
    retire_v1: Option<bool>,
}

fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

async fn account(State(app): State<Arc<App>>, body: Result<Json<Standing>, JsonRejection>) -> Answer {
    let standing = read(body)?;
    let now = app.clock.now();
    let mut account = app.account();
    if let Some(balance) = standing.balance_usd {
        account.set_balance(balance, now);
    }
    if let Some(forbidden) = standing.forbidden {
        account.forbidden = forbidden.into_iter().collect();
    }
    if let Some(retired) = standing.retire_v1 {
        account.v1_retired = retired;
    }
    Ok(Json(json!({ "balance_usd": account.balance(now), "forbidden": account.forbidden })))
}

async fn faults(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "faults": app.account().faults.reports() }))
}

async fn inject(State(app): State<Arc<App>>, body: Result<Json<FaultScript>, JsonRejection>) -> Answer {
    let fault = read(body)?.read().map_err(refuse)?;
    app.inject(fault).map_err(refuse)?;
    Ok(Json(json!({ "faults": app.account().faults.reports() })))
}

async fn clear(State(app): State<Arc<App>>) -> Json<Value> {
    app.account().faults.clear();
    Json(json!({}))
}

async fn time(State(app): State<Arc<App>>) -> Json<Value> {
    let now = app.clock.now();
    let wall = app.clock.to_the_millisecond(now).to_string();
    Json(json!({ "seconds": now.as_secs_f64(), "scale": app.clock.scale(), "wall": wall }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pace {
    scale: f64,
}

async fn scale(State(app): State<Arc<App>>, body: Result<Json<Pace>, JsonRejection>) -> Answer {
    let Pace { scale } = read(body)?;
    if !(0.0..=crate::clock::MAX_SCALE).contains(&scale) {
        return Err(refuse("`scale` must be 0 to 1,000,000 simulated seconds per real second"));
    }
    app.clock.set_scale(scale);
    Ok(time(State(app)).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jump {
    seconds: f64,
}

async fn advance(State(app): State<Arc<App>>, body: Result<Json<Jump>, JsonRejection>) -> Answer {
    let jump = read(body)?;
    app.clock.advance(seconds("seconds", jump.seconds)?);
    Ok(time(State(app)).await)
}

async fn requests(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "requests": app.account().journal }))
}

async fn ledger(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "ledger": app.ledger() }))
}
