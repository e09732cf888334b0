//! The control interface at `/_sim`.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{any, delete, get, post, put},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{call::Call, proxy, v2};
use crate::{
    config::{AnswerTable, BehaviorTable, Profile},
    contract::{Api, Area, Problem},
    faults::FaultScript,
    http::files,
    world::{
        App,
        behavior::Behavior,
        boot::{Boot, Fate, Machine},
        capacity::Scope,
        catalog::{self, Cloud},
        endpoints::Sockets,
        journal::RequestRecord,
        launch,
        order::CreatePod,
        pod::{Action, Pod, PodStatus},
        port::{Port, PortKind},
    },
};

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
        .route("/_sim/health", get(health))
        .route("/_sim/reset", post(reset))
        .route("/_sim/pods", post(seed))
        .route("/_sim/pods/{pod}/{action}", post(act))
        .route("/_sim/capacity", put(capacity))
        .route("/_sim/account", put(account))
        .route("/_sim/behavior", get(behavior).put(behave))
        .route("/_sim/http-answers", post(add_answer).delete(clear_answers))
        .route("/_sim/faults", get(faults).post(inject).delete(clear))
        .route("/_sim/faults/{number}", delete(remove))
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
        "requests": account.journal.count(),
        "verify": app.settings.verify,
        "answersVerified": account.answers_verified,
        "contractViolations": account.contract_violations,
    }))
}

/// Answers as soon as the simulator is up.
async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn reset(State(app): State<Arc<App>>) -> Json<Value> {
    app.reset();
    Json(json!({}))
}

/// A request for pods that exist without a create.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seeding {
    /// As the body of a create.
    pod: Value,
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

/// Makes all of the pods, or none.
async fn seed(State(app): State<Arc<App>>, body: Result<Json<Seeding>, JsonRejection>) -> Answer {
    const MOST: usize = 10_000;
    let seeding = read(body)?;
    let count = seeding.count as usize;
    if count > MOST {
        return Err(refuse(format!("`count` must be at most {MOST}")));
    }
    let now = app.clock.now();
    let plan = launch::plan(&app, &app.account(), order(&app, &seeding.pod)?, now)?;
    // Thousands of ports take their time, during which others have the account.
    let mut sockets = match (seeding.status, app.settings.real_endpoints) {
        // They never had any.
        (SeedStatus::Exited, _) => (0..count).map(|_| Sockets::none()).collect(),
        (_, true) => take(&app, plan.ports(), count).await?,
        (_, false) => Vec::new(),
    };
    let mut account = app.account();
    account.capacity.reach(now);
    let before = account.pods().len();
    let mut ids = Vec::new();
    for _ in 0..count {
        let sockets = sockets.pop();
        match launch::make(&app, &mut account, &plan, now, |app, pod| seeding.begin(app, pod, now, sockets)) {
            Ok(id) => ids.push(id),
            Err(problem) => {
                account.truncate(before);
                return Err(problem.into());
            }
        }
    }
    drop(account);
    app.changed.send_replace(());
    Ok(Json(json!({ "ids": ids })))
}

/// The order in a seeding, by the rules of a create.
fn order(app: &App, pod: &Value) -> Result<CreatePod, Refusal> {
    let errors = app.v2.create_errors(pod).map_err(Problem::internal)?;
    if !errors.is_empty() {
        return Err(Problem::invalid(errors).into());
    }
    serde_json::from_value(pod.clone()).map_err(|_| refuse("`pod`: a number is out of range"))
}

impl Seeding {
    /// Begins the life of one of the pods.
    fn begin(
        &self,
        app: &App,
        pod: &mut Pod,
        now: Duration,
        sockets: Option<Sockets>,
    ) -> Result<(), Box<Problem>> {
        pod.facts.locked = self.locked;
        pod.cluster.clone_from(&self.cluster);
        let boot = match self.status {
            SeedStatus::Running => Boot::done(now),
            SeedStatus::Provisioning | SeedStatus::Exited => {
                app.settings.boot.plan(now, &mut pod.rng, Machine::Wanted, Fate::Sound)
            }
        };
        launch::open_endpoints(app, pod, boot, sockets)?;
        if self.status == SeedStatus::Exited {
            pod.exit(now, app.handover());
        }
        Ok(())
    }
}

/// Takes loopback ports for so many pods, if the process may have as many.
async fn take(app: &App, ports: &[Port], count: usize) -> Result<Vec<Sockets>, Refusal> {
    let wanted = count * ports.iter().filter(|port| port.kind != PortKind::Udp).count();
    if let Some(room) = files::room().filter(|room| wanted > *room) {
        return Err(refuse(format!(
            "{wanted} ports of pods are more than the {room} sockets this process may still open: raise its limit \
             (ulimit -n), seed fewer, or set `real_endpoints = false`"
        )));
    }
    let mut taken = Vec::with_capacity(count);
    for _ in 0..count {
        taken.push(launch::take(app, ports)?);
        tokio::task::yield_now().await;
    }
    Ok(taken)
}

/// Starts, stops, restarts or terminates a pod without a request to the API, as somebody does in RunPod's console.
async fn act(State(app): State<Arc<App>>, Path((pod, action)): Path<(String, String)>) -> Answer {
    let action = Action::parse(&action).ok_or_else(|| {
        refuse(format!("`{action}` is no action; known are start, stop, restart, terminate"))
    })?;
    let call = Call {
        now: app.clock.now(),
        parameters: vec![pod.clone()],
        query: Vec::new(),
        body: None,
        last_event_id: None,
        fault: None,
    };
    let mut account = app.account();
    match action {
        Action::Terminate => v2::pods::terminate(&app, &mut account, &call).map(|_| ())?,
        _ => v2::pods::take(&app, &mut account, &call, action)?,
    }
    let status = account.existing_pod(&pod).map_or(PodStatus::Terminated, |pod| pod.status(call.now));
    drop(account);
    app.changed.send_replace(());
    Ok(Json(json!({ "status": status })))
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
    if let Some(flaw) = scope.flaw() {
        return Err(refuse(flaw));
    }
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
struct AccountChange {
    /// Absent leaves it alone; null means unlimited.
    #[serde(default, deserialize_with = "given")]
    balance_usd: Option<Option<f64>>,
    /// Types the account may not use.
    forbidden: Option<Vec<String>>,
    retire_v1: Option<bool>,
    /// Areas the key has no right to.
    denied: Option<Vec<Area>>,
}

fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

async fn account(State(app): State<Arc<App>>, body: Result<Json<AccountChange>, JsonRejection>) -> Answer {
    let change = read(body)?;
    if let Some(flaw) = change.forbidden.iter().flatten().find_map(|id| catalog::unknown_type(id)) {
        return Err(refuse(flaw));
    }
    let now = app.clock.now();
    let mut account = app.account();
    if let Some(balance) = change.balance_usd {
        account.set_balance(balance, now);
    }
    if let Some(forbidden) = change.forbidden {
        account.forbidden = forbidden.into_iter().collect();
    }
    if let Some(retired) = change.retire_v1 {
        account.v1_retired = retired;
    }
    if let Some(denied) = change.denied {
        account.denied = denied.into_iter().collect();
    }
    let (forbidden, denied) = (&account.forbidden, &account.denied);
    Ok(Json(json!({ "balance_usd": account.balance(now), "forbidden": forbidden, "denied": denied })))
}

async fn behavior(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!(*app.behavior()))
}

/// A change of how it behaves: a profile, parts of it, or both.
#[derive(Deserialize)]
struct Change {
    profile: Option<Profile>,
    #[serde(flatten)]
    parts: Map<String, Value>,
}

async fn behave(State(app): State<Arc<App>>, body: Result<Json<Change>, JsonRejection>) -> Answer {
    let Change { profile, parts } = read(body)?;
    let parts: BehaviorTable =
        serde_json::from_value(parts.into()).map_err(|error| refuse(error.to_string()))?;
    let from = match profile {
        None => (*app.behavior()).clone(),
        Some(Profile::Gentle) => Behavior::default(),
        Some(Profile::Observed) => Behavior::observed(),
    };
    app.behave(parts.over(from).map_err(refuse)?);
    app.changed.send_replace(());
    Ok(behavior(State(app)).await)
}

async fn add_answer(State(app): State<Arc<App>>, body: Result<Json<AnswerTable>, JsonRejection>) -> Answer {
    app.answers.add(read(body)?.read().map_err(refuse)?);
    Ok(Json(json!({ "http_answers": app.answers.count() })))
}

async fn clear_answers(State(app): State<Arc<App>>) -> Json<Value> {
    app.answers.replace(Vec::new());
    Json(json!({ "http_answers": 0 }))
}

async fn faults(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "faults": app.faults.reports() }))
}

async fn inject(State(app): State<Arc<App>>, body: Result<Json<FaultScript>, JsonRejection>) -> Answer {
    let fault = read(body)?.read().map_err(refuse)?;
    app.inject(fault).map_err(refuse)?;
    Ok(Json(json!({ "faults": app.faults.reports() })))
}

async fn clear(State(app): State<Arc<App>>) -> Json<Value> {
    app.faults.clear();
    Json(json!({}))
}

async fn remove(State(app): State<Arc<App>>, number: Result<Path<u64>, PathRejection>) -> Answer {
    let removed = number.is_ok_and(|Path(number)| app.faults.remove(number));
    if !removed {
        let detail = "there is no fault of this number; GET /_sim/faults lists them";
        return Err(Refusal(Problem::new(StatusCode::NOT_FOUND, detail)));
    }
    Ok(faults(State(app)).await)
}

async fn time(State(app): State<Arc<App>>) -> Json<Value> {
    let now = app.clock.now();
    let wall = app.clock.written(now);
    Json(json!({ "seconds": now.as_secs_f64(), "scale": app.clock.scale(), "wall": wall }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pace {
    scale: f64,
}

async fn scale(State(app): State<Arc<App>>, body: Result<Json<Pace>, JsonRejection>) -> Answer {
    let Pace { scale } = read(body)?;
    if !(0.0..=crate::world::clock::MAX_SCALE).contains(&scale) {
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

/// The most requests one answer shows, and how many it shows unless asked for more or fewer.
const MOST_SHOWN: usize = 10_000;
const SHOWN: usize = 1000;

/// A filter of the remembered requests, which are shown oldest first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Only those with a higher number.
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
    operation: Option<String>,
    method: Option<String>,
    path: Option<String>,
    status: Option<u16>,
    pod: Option<String>,
    fault: Option<String>,
    /// The longest time to wait for them, in real seconds; without it the answer comes at once.
    wait_seconds: Option<f64>,
    /// The number of them to wait for.
    #[serde(default = "one")]
    at_least: u32,
}

impl Wanted {
    fn covers(&self, record: &RequestRecord) -> bool {
        self.operation.as_deref().is_none_or(|wanted| record.operation.as_deref() == Some(wanted))
            && self.method.as_deref().is_none_or(|wanted| record.method == wanted)
            && self.path.as_deref().is_none_or(|wanted| record.path == wanted)
            && self.status.is_none_or(|wanted| record.status == wanted)
            && self.pod.as_deref().is_none_or(|wanted| record.pod.as_deref() == Some(wanted))
            && self.fault.as_deref().is_none_or(|wanted| record.fault == Some(wanted))
    }

    /// Returns once as many requests as were asked for are remembered.
    async fn arrive(&self, app: &App) {
        let (mut answered, mut seen, mut missing) = (app.answered.subscribe(), self.after, self.at_least);
        loop {
            answered.mark_unchanged();
            {
                let account = app.account();
                let found = account.journal.since(seen).filter(|record| self.covers(record)).count();
                missing = missing.saturating_sub(u32::try_from(found).unwrap_or(u32::MAX));
                // A reset begins to count anew.
                seen = account.journal.count();
            }
            if missing == 0 || answered.changed().await.is_err() {
                return;
            }
        }
    }
}

/// The longest time that a request waits for others.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

async fn requests(State(app): State<Arc<App>>, wanted: Result<Query<Wanted>, QueryRejection>) -> Answer {
    let Query(wanted) = wanted.map_err(|rejection| refuse(rejection.body_text()))?;
    let limit = wanted.limit.unwrap_or(SHOWN);
    if !(1..=MOST_SHOWN).contains(&limit) {
        return Err(refuse(format!("`limit` must be 1 to {MOST_SHOWN}")));
    }
    if let Some(longest) = wanted.wait_seconds {
        let longest = seconds("wait_seconds", longest)?;
        if longest > LONGEST_WAIT || wanted.at_least as usize > limit {
            return Err(refuse("`wait_seconds` must be at most 600, and `at_least` at most `limit`"));
        }
        // Whatever there is by then is the answer.
        let _ = tokio::time::timeout(longest, wanted.arrive(&app)).await;
    }
    let account = app.account();
    let journal = &account.journal;
    let mut found: Vec<&RequestRecord> =
        journal.since(wanted.after).filter(|record| wanted.covers(record)).take(limit + 1).collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|record| record.number);
    Ok(Json(json!({
        "requests": found, "count": journal.count(), "forgotten": journal.forgotten(), "next": next,
    })))
}

async fn ledger(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "ledger": app.ledger() }))
}
