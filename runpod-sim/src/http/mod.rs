mod billing;
mod control;
mod cpus;
mod data_centers;
mod dispatch;
mod gpus;
mod guard;
mod keys;
mod logs;
mod page;
mod pods;
mod proxy;
mod registries;
mod server;
mod templates;
mod v1;
mod volumes;
mod wire;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;

pub(crate) use server::serve;

use crate::account::Account;
use crate::answer::Answers;
use crate::behavior::{Behavior, Current};
use crate::clock::Clock;
use crate::contract::{Api, Contract};
use crate::faults::{Fault, FaultKind};
use crate::ledger::LedgerEntry;
use crate::pod::Pod;
use crate::problem::Problem;
use crate::settings::Settings;

/// What all requests share.
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) v1: &'static Contract,
    pub(crate) v2: &'static Contract,
    pub(crate) clock: Arc<Clock>,
    pub(crate) runtime: Handle,
    /// The answers of HTTP ports of pods.
    pub(crate) answers: Arc<Answers>,
    /// The address it listens on.
    pub(crate) address: SocketAddr,
    /// Rings whenever a pod may have changed.
    pub(crate) changed: watch::Sender<()>,
    pub(crate) current: Current,
    account: Mutex<Account>,
}

impl App {
    pub(crate) fn new(
        settings: Settings,
        v1: &'static Contract,
        v2: &'static Contract,
        clock: Arc<Clock>,
        address: SocketAddr,
    ) -> Self {
        Self {
            v1,
            v2,
            clock,
            runtime: Handle::current(),
            answers: Arc::new(Answers::new(settings.answers.clone())),
            address,
            changed: watch::Sender::new(()),
            current: Current::new(settings.behavior.clone()),
            account: Mutex::new(Account::new(&settings)),
            settings,
        }
    }

    /// The present behavior.
    pub(crate) fn behavior(&self) -> Arc<Behavior> {
        self.current.get()
    }

    /// Changes the behavior from now on.
    pub(crate) fn behave(&self, behavior: Behavior) {
        self.current.set(behavior);
    }

    /// A panic in one request must not take the account away from the others.
    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins anew: the account as it was set up, at instant zero.
    pub(crate) fn reset(&self) {
        let mut account = self.account();
        account.close();
        *account = Account::new(&self.settings);
        self.behave(self.settings.behavior.clone());
        self.answers.replace(self.settings.answers.clone());
        self.clock.reset();
        drop(account);
        self.changed.send_replace(());
    }

    /// Injects a fault, or says what is wrong with it.
    pub(crate) fn inject(&self, fault: Fault) -> Result<(), String> {
        match fault.flaw(|operation| self.v1.has(operation) || self.v2.has(operation)) {
            Some(flaw) => Err(flaw),
            None => {
                self.account().faults.inject(fault);
                Ok(())
            }
        }
    }

    /// The truth about every pod there ever was, oldest first.
    pub(crate) fn ledger(&self) -> Vec<LedgerEntry> {
        let now = self.clock.now();
        let entry = |pod: &Pod| LedgerEntry::of(pod, now, &self.settings.marker_env);
        self.account().pods().iter().map(entry).collect()
    }
}

/// A request that has reached its operation and satisfies the contract.
pub(crate) struct Call {
    now: Duration,
    parameters: Vec<String>,
    query: Vec<(String, String)>,
    body: Option<Value>,
    last_event_id: Option<String>,
    /// What happens to it.
    fault: Option<FaultKind>,
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

    /// The items of a query parameter that may be repeated, comma-joined or both.
    fn all(&self, name: &str) -> Vec<&str> {
        let values = self.query.iter().filter(|(known, _)| known == name);
        values.flat_map(|(_, value)| value.split(',')).collect()
    }

    fn body<T: DeserializeOwned>(&self) -> Result<T, Box<Problem>> {
        let body = self.body.clone().unwrap_or_default();
        serde_json::from_value(body).map_err(|_| Problem::invalid(vec!["$: a number is out of range".into()]))
    }
}

/// A success of ours.
pub(crate) enum Reply {
    Json(StatusCode, Value),
    /// JSON that is written already.
    Written(String),
    Empty(StatusCode),
    /// Server-Sent Events.
    Events {
        events: Body,
        /// True if not even the headers are sent before the first event.
        quiet: bool,
    },
}

type Outcome = Result<Reply, Box<Problem>>;

impl Reply {
    fn ok(body: Value) -> Outcome {
        Ok(Self::Json(StatusCode::OK, body))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Json(status, _) | Self::Empty(status) => *status,
            Self::Written(_) | Self::Events { .. } => StatusCode::OK,
        }
    }

    fn body(&self) -> Option<Cow<'_, Value>> {
        match self {
            Self::Json(_, body) => Some(Cow::Borrowed(body)),
            Self::Written(text) => Some(Cow::Owned(serde_json::from_str(text).unwrap_or_default())),
            Self::Empty(_) | Self::Events { .. } => None,
        }
    }

    fn into_response(self) -> Response {
        let (status, kind, body) = match self {
            Self::Json(status, body) => (status, "application/json", Body::from(body.to_string())),
            Self::Written(text) => (StatusCode::OK, "application/json", Body::from(text)),
            Self::Events { events, quiet: true } => return quiet(events),
            Self::Events { events, .. } => (StatusCode::OK, EVENTS, events),
            Self::Empty(status) => (status, "", Body::empty()),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        if !kind.is_empty() {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        response
    }
}

const EVENTS: &str = "text/event-stream";

/// Marks an answer whose headers wait for the first piece of its body.
#[derive(Debug, Clone, Copy)]
struct Quiet;

fn quiet(events: Body) -> Response {
    let mut response = Response::new(events);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(EVENTS));
    response.extensions_mut().insert(Quiet);
    response
}

pub(crate) fn router(app: Arc<App>) -> Router {
    let control = control::routes().layer(from_fn_with_state(app.clone(), guard::check));
    surviving(control.fallback(dispatch::handle).with_state(app))
}

/// A panic while answering becomes a 500, and the server lives.
fn surviving(router: Router) -> Router {
    router.layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
        Problem::internal("the simulator failed on this request; its log says why").into_response(Api::V2)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Request;
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
