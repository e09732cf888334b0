mod cpus;
mod data_centers;
mod gpus;
mod keys;
mod pods;
mod server;
mod volumes;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::Handle;
use tower_http::catch_panic::CatchPanicLayer;

pub(crate) use server::serve;

use crate::account::Account;
use crate::clock::Clock;
use crate::contract::{Contract, Operation, Route};
use crate::journal::RequestRecord;
use crate::problem::Problem;
use crate::settings::Settings;

/// The largest request body RunPod reads, in bytes.
const MAX_BODY: usize = 102_400;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What all requests share.
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) contract: &'static Contract,
    pub(crate) clock: Arc<Clock>,
    pub(crate) runtime: Handle,
    account: Mutex<Account>,
}

impl App {
    pub(crate) fn new(
        settings: Settings,
        contract: &'static Contract,
        clock: Arc<Clock>,
        account: Account,
    ) -> Self {
        Self { settings, contract, clock, runtime: Handle::current(), account: Mutex::new(account) }
    }

    /// A panic in one request must not take the account away from the others.
    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that has reached its operation and satisfies the contract.
pub(crate) struct Call {
    now: Duration,
    parameters: Vec<String>,
    query: Vec<(String, String)>,
    body: Option<Value>,
}

impl Call {
    fn id(&self) -> &str {
        self.parameters.first().map_or("", String::as_str)
    }

    /// The last value given for a query parameter.
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The items of a comma-joined query parameter.
    fn query_list(&self, name: &str) -> Vec<&str> {
        self.query(name).map(|text| text.split(',').collect()).unwrap_or_default()
    }

    fn body<T: DeserializeOwned>(&self) -> Result<T, Box<Problem>> {
        let body = self.body.clone().unwrap_or_default();
        serde_json::from_value(body)
            .map_err(|_| Problem::invalid(vec!["body: a number is out of range".into()]))
    }
}

/// A success of ours.
pub(crate) enum Reply {
    Json(StatusCode, Value),
    Empty(StatusCode),
}

type Outcome = Result<Reply, Box<Problem>>;

impl Reply {
    fn ok(body: Value) -> Outcome {
        Ok(Self::Json(StatusCode::OK, body))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Json(status, _) | Self::Empty(status) => *status,
        }
    }

    fn body(&self) -> Option<&Value> {
        match self {
            Self::Json(_, body) => Some(body),
            Self::Empty(_) => None,
        }
    }

    fn into_response(self) -> Response {
        let mut response =
            Response::new(self.body().map_or_else(Body::empty, |body| body.to_string().into()));
        *response.status_mut() = self.status();
        if self.body().is_some() {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        response
    }
}

pub(crate) fn router(app: Arc<App>) -> Router {
    surviving(Router::new().fallback(handle).with_state(app))
}

/// A panic while answering becomes a 500, and the server lives.
fn surviving(router: Router) -> Router {
    router.layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
        Problem::internal("the simulator failed on this request; its log says why").into_response()
    }))
}

/// Answers one request and writes it down.
async fn handle(State(app): State<Arc<App>>, request: Request) -> Response {
    let now = app.clock.now();
    let request_id = app.account().request_id();
    let (parts, body) = request.into_parts();
    let mut record = RequestRecord {
        at: now,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        operation: None,
        status: 0,
        request_id,
    };
    let mut response = match edge(&parts.headers) {
        Some(refusal) => refusal,
        None => authenticated(&app, now, &parts, body, &mut record).await,
    };
    if let Ok(id) = HeaderValue::try_from(&record.request_id) {
        response.headers_mut().insert(REQUEST_ID.clone(), id);
    }
    record.status = response.status().as_u16();
    tracing::debug!(method = record.method, path = record.path, status = record.status, "answered");
    app.account().journal.push(record);
    response
}

/// What Cloudflare refuses before RunPod sees it: requests that do not say who they are.
fn edge(headers: &HeaderMap) -> Option<Response> {
    const GENERIC: [&str; 4] = ["python-urllib", "go-http-client", "java/", "libwww-perl"];
    let agent =
        headers.get(header::USER_AGENT).map(|agent| agent.to_str().unwrap_or("").trim().to_lowercase());
    let named =
        agent.is_some_and(|agent| !agent.is_empty() && !GENERIC.iter().any(|name| agent.starts_with(name)));
    if named {
        return None;
    }
    let mut response = Response::new(Body::from("error code: 1010"));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    Some(response)
}

async fn authenticated(
    app: &App,
    now: Duration,
    parts: &axum::http::request::Parts,
    body: Body,
    record: &mut RequestRecord,
) -> Response {
    if let Err(problem) = authenticate(app, &parts.headers) {
        return problem.into_response();
    }
    let standing = app.account().limits.spend(now, &app.clock);
    let outcome = match standing.retry_after {
        Some(seconds) => Err(too_many(seconds)),
        None => match read(body).await {
            Ok(body) => route(app, now, parts, &body, record),
            Err(problem) => Err(problem),
        },
    };
    let mut response = match outcome {
        Ok(reply) => reply.into_response(),
        Err(problem) => problem.into_response(),
    };
    let limit = standing.limit.map(|value| (RATE_LIMIT.clone(), value));
    let policy = standing.policy.map(|value| (RATE_LIMIT_POLICY.clone(), value));
    response.headers_mut().extend(limit.into_iter().chain(policy));
    response
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

fn too_many(seconds: u64) -> Box<Problem> {
    let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate limit exceeded");
    problem.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    problem
}

async fn read(body: Body) -> Result<Vec<u8>, Box<Problem>> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(read) => Ok(read.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => {
            let detail = format!("the request body exceeds {MAX_BODY} bytes");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
        }
        Err(_) => Err(Problem::bad_request("the request body could not be read")),
    }
}

/// Finds the operation, applies the contract on the way in and on the way out.
fn route(
    app: &App,
    now: Duration,
    parts: &axum::http::request::Parts,
    body: &[u8],
    record: &mut RequestRecord,
) -> Outcome {
    let (operation, parameters) = match app.contract.route(&parts.method, parts.uri.path()) {
        Route::Operation(operation, parameters) => (operation, parameters),
        Route::OtherMethods(allowed) => return Err(method_not_allowed(&allowed)),
        Route::Unknown => return Err(Problem::new(StatusCode::NOT_FOUND, "no such path")),
    };
    record.operation = Some(operation.id.clone());
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let query: Vec<(String, String)> = form_urlencoded::parse(query).into_owned().collect();
    let outcome = read_call(app, operation, now, parameters, query, body)
        .and_then(|call| perform(app, operation, &call));
    if cfg!(debug_assertions) { verified(app, operation, outcome) } else { outcome }
}

fn read_call(
    app: &App,
    operation: &Operation,
    now: Duration,
    parameters: Vec<String>,
    query: Vec<(String, String)>,
    body: &[u8],
) -> Result<Call, Box<Problem>> {
    let mut errors = app.contract.query_errors(operation, &query).map_err(Problem::internal)?;
    let body = if operation.reads_body() && !body.is_empty() {
        let malformed = |_| Problem::bad_request("the request body is not valid JSON");
        Some(serde_json::from_slice::<Value>(body).map_err(malformed)?)
    } else {
        None
    };
    errors.extend(app.contract.body_errors(operation, body.as_ref()).map_err(Problem::internal)?);
    if errors.is_empty() { Ok(Call { now, parameters, query, body }) } else { Err(Problem::invalid(errors)) }
}

fn perform(app: &App, operation: &Operation, call: &Call) -> Outcome {
    match operation.id.as_str() {
        "listPods" => pods::list(app, call),
        "createPod" => pods::create(app, call),
        "getPod" => pods::get(app, call),
        "deletePod" => pods::delete(app, call),
        "podAction" => pods::act(app, call),
        "listGpuTypes" => gpus::list(app, call),
        "getGpuType" => gpus::get(app, call),
        "listCpuTypes" => cpus::list(app, call),
        "getCpuType" => cpus::get(app, call),
        "listDataCenters" => data_centers::list(app, call),
        "getDataCenter" => data_centers::get(app, call),
        "getSshKeys" => keys::get(app),
        "updateSshKeys" => keys::put(app, call),
        "listNetworkVolumes" => volumes::list(app),
        "getNetworkVolume" => volumes::get(app, call),
        other => Err(Problem::new(
            StatusCode::NOT_IMPLEMENTED,
            format!("the simulator does not implement {other}"),
        )),
    }
}

/// Turns an answer that breaks the contract into a failure nobody can overlook.
fn verified(app: &App, operation: &Operation, outcome: Outcome) -> Outcome {
    let checked = match &outcome {
        Ok(reply) => app.contract.response_errors(operation, reply.status().as_u16(), reply.body()),
        Err(problem) => {
            app.contract.response_errors(operation, problem.status.as_u16(), Some(&problem.body()))
        }
    };
    let violations = checked.unwrap_or_else(|error| vec![error]);
    let mut account = app.account();
    account.answers_verified += 1;
    if violations.is_empty() {
        return outcome;
    }
    let detail =
        format!("the simulator's answer to {} breaks the contract: {}", operation.id, violations.join("; "));
    tracing::error!("{detail}");
    account.contract_violations.push(detail.clone());
    Err(Problem::internal(detail))
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    async fn answer(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn a_panic_is_a_500_and_the_server_lives() {
        let fragile = Router::new().fallback(async |request: Request| {
            assert_eq!(request.uri().path(), "/sound", "told to fail");
            "sound"
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let server = tokio::spawn(serve(listener, surviving(fragile), stopped));
        let failed = answer(address, "/").await;
        assert!(
            failed.starts_with("HTTP/1.1 500 ") && failed.contains("application/problem+json"),
            "{failed}"
        );
        assert!(answer(address, "/sound").await.ends_with("sound"));
        drop(stop);
        server.await.unwrap();
    }
}
