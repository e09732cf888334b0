//! The way of one request: from its body and key to its operation, and back with headers and faults.

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Value, json};

use super::{
    call::Call,
    reply::{Outcome, Reply},
    v1, v2,
    wire::{self, Delivery},
};
use crate::{
    contract::{Api, Area, Contract, NO_DISK, Operation, Problem, Route},
    faults::FaultKind,
    world::{
        App,
        behavior::RateLimitForm,
        journal::RequestRecord,
        limits::RateLimitStatus,
        rules::{self, MAX_BODY},
    },
};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A request on its way to its operation.
struct RequestContext<'a> {
    app: &'a Arc<App>,
    now: Duration,
    contract: &'static Contract,
    parts: &'a Parts,
    path: &'a str,
}

/// Answers one request and records it.
pub(super) async fn handle(State(app): State<Arc<App>>, request: Request) -> Response {
    let now = app.clock.now();
    let request_id = {
        let mut account = app.account();
        account.capacity.reach(now);
        account.request_id()
    };
    let (parts, body) = request.into_parts();
    let mut record = begin_record(&parts, now, request_id);
    let (contract, path) = match parts.uri.path().strip_prefix("/v1/") {
        Some(_) => (app.v1, &parts.uri.path()["/v1".len()..]),
        None => (app.v2, parts.uri.path()),
    };
    let context = RequestContext { app: &app, now, contract, parts: &parts, path };
    let mut delivery = match is_named(&parts.headers) {
        true => context.read(body, &mut record).await,
        false => Delivery::now(wire::edge_block()),
    };
    stamp(&app, now, &record.request_id, &mut delivery.response);
    record.status = if delivery.is_cut() { 0 } else { delivery.response.status().as_u16() };
    tracing::info!(
        method = record.method,
        path = record.path,
        operation = record.operation,
        status = record.status,
        fault = record.fault,
        "answered"
    );
    app.account().journal.note(record);
    app.answered.send_replace(());
    if parts.method != Method::GET {
        app.changed.send_replace(());
    }
    if !delivery.delay.is_zero() {
        tokio::time::sleep(delivery.delay).await;
    }
    wire::when_due(delivery.response).await
}

/// Begins the record of a request that has no answer yet.
fn begin_record(parts: &Parts, at: Duration, request_id: String) -> RequestRecord {
    RequestRecord {
        number: 0,
        at,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        operation: None,
        action: None,
        pod: None,
        status: 0,
        fault: None,
        request_id,
    }
}

/// Adds the headers that every answer has: the simulated date, unless it is switched off, and the request's id.
fn stamp(app: &App, now: Duration, request_id: &str, response: &mut Response) {
    if app.behavior().date
        && let Ok(date) = HeaderValue::try_from(app.clock.date(now))
    {
        response.headers_mut().insert(header::DATE, date);
    }
    if let Ok(id) = HeaderValue::try_from(request_id) {
        response.headers_mut().insert(REQUEST_ID.clone(), id);
    }
}

/// Returns true if a request names its client. Cloudflare refuses others before RunPod sees them.
fn is_named(headers: &HeaderMap) -> bool {
    const GENERIC: [&str; 4] = ["python-urllib", "go-http-client", "java/", "libwww-perl"];
    let agent =
        headers.get(header::USER_AGENT).map(|agent| agent.to_str().unwrap_or("").trim().to_lowercase());
    agent.is_some_and(|agent| !agent.is_empty() && !GENERIC.iter().any(|name| agent.starts_with(name)))
}

impl RequestContext<'_> {
    /// Reads the body. One that is too large is refused before the key is checked.
    async fn read(&self, body: Body, record: &mut RequestRecord) -> Delivery {
        match read(body).await {
            Ok(body) => self.authenticated(&body, record),
            Err(problem) => Delivery::now(problem.into_response(self.contract.api)),
        }
    }

    fn authenticated(&self, body: &[u8], record: &mut RequestRecord) -> Delivery {
        let api = self.contract.api;
        if let Err(problem) = authenticate(self.app, &self.parts.headers) {
            return Delivery::now(problem.into_response(api));
        }
        let status = self.app.account().limits.spend(self.now, &self.app.clock);
        let mut delivery = match status.retry_after {
            Some(seconds) => Delivery::now(too_many(seconds).into_response(api)),
            None => self.deliver(body, record),
        };
        announce(&status, self.app.behavior().rate_limit_form, &mut delivery.response);
        delivery
    }

    /// Finds the operation, lets its fault happen, and answers.
    fn deliver(&self, body: &[u8], record: &mut RequestRecord) -> Delivery {
        let api = self.contract.api;
        let (operation, parameters) = match self.contract.route(&self.parts.method, self.path) {
            Route::Operation(operation, parameters) => (operation, parameters),
            Route::OtherMethods(allowed) => {
                return Delivery::now(method_not_allowed(&allowed).into_response(api));
            }
            Route::Unknown => {
                return Delivery::now(Problem::not_found("route").into_response(api));
            }
        };
        record.operation = Some(operation.id.clone());
        record.action = action(operation, body);
        record.pod = parameters.first().filter(|_| operation.is_about_a_pod()).cloned();
        let fault = self.app.faults.draw(&label(operation, record.action.as_deref()));
        let retired = self.app.account().v1_retired;
        record.fault = fault.as_ref().map(FaultKind::name);
        if api == Api::V1 && retired && fault.is_none() {
            return Delivery::now(gone().into_response(api));
        }
        let Some(fault) = fault else {
            let outcome = self.outcome(operation, parameters, body, None);
            note_created(operation, &outcome, record);
            return Delivery::now(respond(outcome, api));
        };
        if !fault.applies() {
            return wire::deliver(&fault, Response::new(Body::empty()), None, api);
        }
        let mut outcome = self.outcome(operation, parameters, body, Some(fault.clone()));
        note_created(operation, &outcome, record);
        if let Ok(reply) = &mut outcome {
            wire::distort(&fault, reply);
        }
        let whole = whole_body(&outcome, api);
        wire::deliver(&fault, respond(outcome, api), whole, api)
    }

    /// Applies the contract on the way in and on the way out.
    fn outcome(
        &self,
        operation: &Operation,
        parameters: Vec<String>,
        body: &[u8],
        fault: Option<FaultKind>,
    ) -> Outcome {
        let outcome = permit(self.app, operation)
            .and_then(|()| self.call(operation, parameters, body, fault))
            .and_then(|call| self.perform(operation, &call));
        if self.app.settings.verify { self.verified(operation, outcome) } else { outcome }
    }

    fn call(
        &self,
        operation: &Operation,
        parameters: Vec<String>,
        body: &[u8],
        fault: Option<FaultKind>,
    ) -> Result<Call, Box<Problem>> {
        let query = self.parts.uri.query().unwrap_or_default().as_bytes();
        let query: Vec<(String, String)> = form_urlencoded::parse(query).into_owned().collect();
        let mut errors = self.contract.query_errors(operation, &query).map_err(Problem::internal)?;
        let body = if operation.reads_body() && !body.is_empty() {
            let malformed = |_| Problem::bad_request("the request body is not valid JSON");
            Some(serde_json::from_slice::<Value>(body).map_err(malformed)?)
        } else {
            None
        };
        errors.extend(self.contract.body_errors(operation, body.as_ref()).map_err(Problem::internal)?);
        // The contract asks for it so that no client forgets it.
        errors.retain(|error| operation.id != "createPod" || error != NO_DISK);
        if !errors.is_empty() {
            let mut problem = Problem::invalid(errors);
            if self.contract.api == Api::V1 {
                problem.status = StatusCode::BAD_REQUEST;
            }
            return Err(problem);
        }
        let last_event_id = self.parts.headers.get("last-event-id").map(|id| id.to_str().unwrap_or("?"));
        let last_event_id = last_event_id.map(str::to_owned);
        Ok(Call { now: self.now, parameters, query, body, last_event_id, fault })
    }

    fn perform(&self, operation: &Operation, call: &Call) -> Outcome {
        let done = match self.contract.api {
            Api::V1 => v1::perform(self.app, operation, call),
            Api::V2 => v2::perform(self.app, operation, call),
        };
        done.unwrap_or_else(|| {
            let detail = format!("the simulator does not implement {}", operation.id);
            Err(Problem::new(StatusCode::NOT_IMPLEMENTED, detail))
        })
    }

    /// Turns an answer that breaks the contract into a 500.
    fn verified(&self, operation: &Operation, outcome: Outcome) -> Outcome {
        let api = self.contract.api;
        let checked = match &outcome {
            Ok(reply) => {
                let body = reply.body().map(|body| as_documented(operation, body));
                self.contract.response_errors(operation, reply.status().as_u16(), body.as_deref())
            }
            Err(problem) => {
                self.contract.response_errors(operation, problem.status.as_u16(), Some(&problem.body(api)))
            }
        };
        let violations = checked.unwrap_or_else(|error| vec![error]);
        let mut account = self.app.account();
        account.answers_verified += 1;
        if violations.is_empty() {
            return outcome;
        }
        let detail = format!(
            "the simulator's answer to {} breaks the contract: {}",
            operation.id,
            violations.join("; ")
        );
        tracing::error!("{detail}");
        account.contract_violations.push(detail.clone());
        Err(Problem::internal(detail))
    }
}

/// Refuses what the key has no right to.
fn permit(app: &App, operation: &Operation) -> Result<(), Box<Problem>> {
    let area = Area::of(&operation.id).filter(|area| app.account().denied.contains(area));
    let refusal = |area: Area| {
        let detail = format!("this API key has no permission for {}", area.words());
        Err(Problem::new(StatusCode::FORBIDDEN, detail))
    };
    area.map_or(Ok(()), refusal)
}

/// Notes the pod that a create has made.
fn note_created(operation: &Operation, outcome: &Outcome, record: &mut RequestRecord) {
    if operation.id.eq_ignore_ascii_case("createPod")
        && let Ok(Reply::Json(_, pod)) = outcome
    {
        record.pod = pod["id"].as_str().map(str::to_owned);
    }
}

/// The name of a call in faults: the operation, with the action of a `podAction`.
fn label(operation: &Operation, action: Option<&str>) -> String {
    match operation.id.as_str() {
        "podAction" => format!("podAction:{}", action.unwrap_or_default()),
        id => id.to_owned(),
    }
}

/// The action that a call of `podAction` asks for.
fn action(operation: &Operation, body: &[u8]) -> Option<String> {
    if operation.id != "podAction" {
        return None;
    }
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body["action"].as_str()?.to_owned())
}

fn respond(outcome: Outcome, api: Api) -> Response {
    match outcome {
        Ok(reply) => reply.into_response(),
        Err(problem) => problem.into_response(api),
    }
}

/// The answer as RunPod's document has it, where the real one leaves something out or writes it differently.
fn as_documented<'a>(operation: &Operation, body: Cow<'a, Value>) -> Cow<'a, Value> {
    let of_pods = ["Pod", "Pods", "podAction"].iter().any(|name| operation.id.ends_with(name));
    let of_templates = operation.id.contains("Template");
    if !of_pods && !of_templates {
        return body;
    }
    let mut body = body.into_owned();
    let items: Vec<&mut Value> = match body.as_object_mut() {
        Some(map) if !map.contains_key("id") => {
            map.values_mut().filter_map(Value::as_array_mut).flatten().collect()
        }
        Some(_) => vec![&mut body],
        None => Vec::new(),
    };
    for item in items {
        let Some(item) = item.as_object_mut() else { continue };
        if of_templates {
            item.entry("mounts").or_insert_with(|| json!({}));
        } else {
            item.entry("env").or_insert_with(|| json!({}));
            if item.get("runtime") == Some(&json!({})) {
                item.insert("runtime".to_owned(), Value::Null);
            }
        }
    }
    Cow::Owned(body)
}

/// The bytes of an answer; `None` for a stream.
fn whole_body(outcome: &Outcome, api: Api) -> Option<Vec<u8>> {
    match outcome {
        Ok(Reply::Json(_, body)) => Some(body.to_string().into_bytes()),
        Ok(Reply::Written(text)) => Some(text.clone().into_bytes()),
        Ok(Reply::Empty(_)) => Some(Vec::new()),
        Ok(Reply::Events { .. }) => None,
        Err(problem) => Some(problem.body(api).to_string().into_bytes()),
    }
}

fn authenticate(app: &App, headers: &HeaderMap) -> Result<(), Box<Problem>> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match given.and_then(|text| text.strip_prefix("Bearer ")) {
        None => Err(Problem::new(StatusCode::UNAUTHORIZED, "missing bearer token")),
        Some(key) if key.trim() != app.settings.api_key.0 => {
            Err(Problem::new(StatusCode::UNAUTHORIZED, "invalid bearer token"))
        }
        Some(_) => Ok(()),
    }
}

/// Adds the headers of the rate-limit windows, unless a fault has its own.
fn announce(status: &RateLimitStatus, form: RateLimitForm, response: &mut Response) {
    let headers = response.headers_mut();
    if headers.contains_key(&RATE_LIMIT) {
        return;
    }
    for (name, lines) in [(&RATE_LIMIT, status.limit(form)), (&RATE_LIMIT_POLICY, status.policy(form))] {
        for line in lines.into_iter().filter_map(|line| HeaderValue::try_from(line).ok()) {
            headers.append(name, line);
        }
    }
}

fn too_many(seconds: u64) -> Box<Problem> {
    let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate limit exceeded");
    problem.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    problem
}

fn gone() -> Box<Problem> {
    Problem::new(StatusCode::GONE, "REST v1 was retired; use v2.")
}

async fn read(body: Body) -> Result<Vec<u8>, Box<Problem>> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(read) => Ok(read.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(rules::too_large()),
        Err(_) => Err(Problem::bad_request("the request body could not be read")),
    }
}

fn method_not_allowed(allowed: &[&Method]) -> Box<Problem> {
    let names: Vec<&str> = allowed.iter().map(|method| method.as_str()).collect();
    let names = names.join(", ");
    let mut problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("this path takes {names}"));
    if let Ok(value) = HeaderValue::try_from(names) {
        problem.headers.insert(header::ALLOW, value);
    }
    problem
}
