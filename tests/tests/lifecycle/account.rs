//! An account that a test changes as it likes: what exists, what lists show, how creates are answered.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard},
};

use httpmock::{HttpMockRequest, HttpMockResponse, MockServer};
use runpod_lifecycle::RunPod;
use serde_json::{Value, json};

use crate::mock::{GPU, fresh_pod, handle};

pub(crate) const STOCK: &str =
    "There are no longer any instances available with the requested specifications.";

#[derive(Default)]
pub(crate) struct State {
    /// The pods that are there for whoever asks by id.
    pub(crate) pods: Vec<Value>,
    /// The ids of those that no list shows.
    pub(crate) unlisted: HashSet<String>,
    /// The ids of those that only lists show.
    pub(crate) unknown_by_id: HashSet<String>,
    /// The number of lists that show pods; `None` for all.
    pub(crate) unlisted_after: Option<usize>,
    pub(crate) are_lists_broken: bool,
    /// The ids of those that refuse to be terminated.
    pub(crate) locked: HashSet<String>,
    /// Number of times that a list was asked for.
    pub(crate) lists: usize,
    /// The bodies of the creates.
    pub(crate) creates: Vec<Value>,
    /// The ids that were terminated.
    pub(crate) deleted: Vec<String>,
}

pub(crate) struct Account {
    pub(crate) server: MockServer,
    state: Arc<Mutex<State>>,
    heard: Arc<Mutex<String>>,
}

/// A pod like [`fresh_pod`], with these members set.
pub(crate) fn pod_with(members: Value) -> Value {
    let mut pod = fresh_pod();
    let Value::Object(members) = members else { panic!("{members} has no members") };
    for (name, value) in members {
        pod[name] = value;
    }
    pod
}

pub(crate) fn answer(status: u16, body: &Value) -> HttpMockResponse {
    HttpMockResponse::builder().status(status).body(body.to_string()).build()
}

pub(crate) fn refusal(status: u16, detail: &str) -> HttpMockResponse {
    answer(status, &json!({"title": "x", "status": status, "detail": detail}))
}

/// Accepts a create: a pod of this id, with the name and environment that were sent.
pub(crate) fn accept(state: &mut State, sent: &Value, id: &str) -> HttpMockResponse {
    let pod = pod_with(json!({"id": id, "name": sent["name"], "env": sent["env"]}));
    state.pods.push(pod.clone());
    answer(201, &pod)
}

impl Account {
    /// An account in which creates are answered so; the state holds the create's body already.
    pub(crate) async fn new(
        create: impl Fn(&mut State, &Value) -> HttpMockResponse + Send + Sync + 'static,
    ) -> Self {
        let (server, state) = (MockServer::start_async().await, Arc::<Mutex<State>>::default());
        server.mock(|when, then| {
            when.method("GET").path("/v2/catalog/gpus");
            then.status(200).json_body(json!({"gpus": [{"id": GPU}]}));
        });
        let shared = Arc::clone(&state);
        server.mock(|when, then| {
            when.method("GET").path("/v2/pods");
            then.respond_with(move |_| {
                let mut state = lock(&shared);
                state.lists += 1;
                if state.are_lists_broken {
                    return refusal(500, "no list today");
                }
                let is_empty = state.unlisted_after.is_some_and(|most| state.lists > most);
                let is_listed = |pod: &&Value| {
                    !is_empty && !pod["id"].as_str().is_some_and(|id| state.unlisted.contains(id))
                };
                answer(200, &json!({"pods": state.pods.iter().filter(is_listed).collect::<Vec<_>>()}))
            });
        });
        let shared = Arc::clone(&state);
        server.mock(|when, then| {
            when.method("POST").path("/v2/pods");
            then.respond_with(move |request: &HttpMockRequest| {
                let sent: Value = serde_json::from_slice(request.body_ref()).expect("it is JSON");
                let mut state = lock(&shared);
                state.creates.push(sent.clone());
                create(&mut state, &sent)
            });
        });
        let shared = Arc::clone(&state);
        server.mock(|when, then| {
            when.method("GET").path_prefix("/v2/pods/");
            then.respond_with(move |request: &HttpMockRequest| {
                let (state, id) = (lock(&shared), id_in(request));
                let is_known = |pod: &&Value| pod["id"] == id.as_str() && !state.unknown_by_id.contains(&id);
                let pod = state.pods.iter().find(is_known);
                pod.map_or_else(|| refusal(404, "pod not found"), |pod| answer(200, pod))
            });
        });
        let shared = Arc::clone(&state);
        server.mock(|when, then| {
            when.method("DELETE").path_prefix("/v2/pods/");
            then.respond_with(move |request: &HttpMockRequest| {
                let (mut state, id) = (lock(&shared), id_in(request));
                if state.locked.contains(&id) {
                    return refusal(400, "Pod is locked");
                }
                state.pods.retain(|pod| pod["id"] != id.as_str());
                state.deleted.push(id);
                HttpMockResponse::builder().status(204).build()
            });
        });
        Self { server, state, heard: Arc::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
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
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no test panics with it")
}

fn id_in(request: &HttpMockRequest) -> String {
    request.uri().path().trim_start_matches("/v2/pods/").to_owned()
}
