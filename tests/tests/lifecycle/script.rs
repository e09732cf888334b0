//! An account whose answers a test sets one by one: what lists say, what looks by id say, how changes are
//! answered. What is not set yet is refused.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use httpmock::{HttpMockRequest, HttpMockResponse, MockServer};
use runpod_lifecycle::{PodHandle, RunPod};
use serde_json::{Value, json};

use crate::mock::{GPU, fresh_pod, handle, spec};

/// The id of the pod that a create makes.
pub(crate) const ID: &str = "k3x9q2m7v1b8z5";

/// Subject of a request, beside the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum To {
    List,
    Create,
    Get,
    Act,
    Delete,
}

use To::{Act, Create, Delete, Get, List};

pub(crate) struct Script {
    pub(crate) server: MockServer,
    inner: Arc<Mutex<Inner>>,
    heard: Arc<Mutex<String>>,
}

#[derive(Default)]
struct Inner {
    answers: HashMap<To, (u16, Value)>,
    asked: HashMap<To, usize>,
    /// The pages of the list after the first, by cursor.
    pages: HashMap<String, (u16, Value)>,
    /// The environment that the last create sent.
    env: Value,
}

/// A pod like [`fresh_pod`], with these members set.
pub(crate) fn pod(members: Value) -> Value {
    let (mut pod, Value::Object(members)) = (fresh_pod(), members) else { panic!("no members") };
    for (name, value) in members {
        pod[name] = value;
    }
    pod
}

/// A running pod whose direct SSH endpoint is this port of this machine.
pub(crate) fn reachable(port: u16, started_at: &str, uptime: u64) -> Value {
    let direct = json!({"host": "127.0.0.1", "port": port, "username": "root"});
    pod(json!({
        "status": "RUNNING", "startedAt": started_at, "ssh": {"proxy": null, "direct": direct},
        "runtime": {"uptime": uptime, "ports": []}
    }))
}

pub(crate) fn not_found() -> (u16, Value) {
    (404, json!({"title": "Not Found", "status": 404, "detail": "pod not found"}))
}

pub(crate) fn refusal(status: u16, detail: &str) -> (u16, Value) {
    (status, json!({"title": "x", "status": status, "detail": detail}))
}

pub(crate) fn listed(pods: impl IntoIterator<Item = Value>) -> (u16, Value) {
    (200, json!({"pods": pods.into_iter().collect::<Vec<_>>()}))
}

impl Script {
    /// An account that accepts creates of a running pod and shows it everywhere.
    pub(crate) async fn new() -> Self {
        let (server, inner) = (MockServer::start_async().await, Arc::<Mutex<Inner>>::default());
        server.mock(|when, then| {
            when.method("GET").path("/v2/catalog/gpus");
            then.status(200).json_body(json!({"gpus": [{"id": GPU}]}));
        });
        let script = Self { server, inner, heard: Arc::default() };
        script.answer("GET", "/v2/pods", false, List);
        script.answer("POST", "/v2/pods", false, Create);
        script.answer("GET", "/v2/pods/", true, Get);
        script.answer("POST", "/v2/pods/", true, Act);
        script.answer("DELETE", "/v2/pods/", true, Delete);
        script.set(List, listed([]));
        script.set(Create, (201, fresh_pod()));
        script
    }

    fn answer(&self, method: &str, path: &str, is_prefix: bool, to: To) {
        let inner = Arc::clone(&self.inner);
        self.server.mock(|when, then| {
            let when = when.method(method);
            if is_prefix {
                when.path_prefix(path)
            } else {
                when.path(path)
            };
            then.respond_with(move |request: &HttpMockRequest| lock(&inner).respond(to, request));
        });
    }

    /// From now on, answers so.
    pub(crate) fn set(&self, to: To, answer: (u16, Value)) {
        lock(&self.inner).answers.insert(to, answer);
    }

    /// From now on, answers so to a list from this cursor on.
    pub(crate) fn set_page(&self, cursor: &str, answer: (u16, Value)) {
        lock(&self.inner).pages.insert(format!("cursor={cursor}"), answer);
    }

    /// From now on, shows the pod so in lists and by its id.
    pub(crate) fn show(&self, pod: Value) {
        self.set(List, listed([pod.clone()]));
        self.set(Get, (200, pod));
    }

    /// Number of times that it was asked.
    pub(crate) fn asked(&self, to: To) -> usize {
        lock(&self.inner).asked.get(&to).copied().unwrap_or_default()
    }

    /// A handle whose events are heard.
    pub(crate) fn runpod(&self) -> RunPod {
        let sink = Arc::clone(&self.heard);
        handle(&self.server).on_event(move |event| {
            *sink.lock().expect("no test panics with it") += &format!("{event}\n");
        })
    }

    /// Every event so far, one a line.
    pub(crate) fn heard(&self) -> String {
        self.heard.lock().expect("no test panics with it").clone()
    }

    /// A pod that was just created, shown nowhere else yet.
    pub(crate) async fn deployed(&self) -> PodHandle {
        self.runpod().deploy(&spec()).await.expect("it is accepted")
    }
}

impl Inner {
    fn respond(&mut self, to: To, request: &HttpMockRequest) -> HttpMockResponse {
        *self.asked.entry(to).or_default() += 1;
        if to == Create {
            let sent: Value = serde_json::from_slice(request.body_ref()).unwrap_or_default();
            self.env = sent["env"].clone();
        }
        let unsaid = || refusal(500, "nothing is said of that yet");
        let uri = request.uri();
        let mut fields = uri.query().unwrap_or_default().split('&');
        let (status, mut body) = match fields.find(|field| field.starts_with("cursor=")) {
            Some(cursor) => self.pages.get(cursor).cloned().unwrap_or_else(unsaid),
            None if uri.path().ends_with("/logs") => not_found(),
            None => self.answers.get(&to).cloned().unwrap_or_else(unsaid),
        };
        let env = self.env.clone();
        let pods = body.get_mut("pods").and_then(Value::as_array_mut);
        for pod in pods.into_iter().flatten().filter(|pod| pod["id"] == ID) {
            pod["env"] = env.clone();
        }
        if body["id"] == ID {
            body["env"] = env;
        }
        HttpMockResponse::builder().status(status).body(body.to_string()).build()
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().expect("no test panics with it")
}
