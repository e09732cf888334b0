//! A plain HTTP client for the tests, and the simulator they share.

use std::{
    io::Write,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use reqwest::{Client, ClientBuilder, Method, RequestBuilder, header::HeaderMap};
use runpod_sim::{BootProfile, Sim, SimBuilder};
use serde_json::{Value, json};

pub(crate) const RTX_4090: &str = "NVIDIA GeForce RTX 4090";

/// A simulator whose clock stands still and whose boot steps take 10 s each.
pub(crate) fn frozen() -> SimBuilder {
    Sim::builder().time_scale(0.0).boot(BootProfile::fixed(Duration::from_secs(10))).list_lag(Duration::ZERO)
}

pub(crate) struct Caller {
    pub(crate) sim: Sim,
    client: Client,
    tally: Tally,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn refused(&self, status: u16, words: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json()["status"], status);
        assert!(self.text.contains(words), "{} lacks {words:?}", self.text);
    }
}

static LIVE: AtomicU64 = AtomicU64::new(0);
static VERIFIED: AtomicU64 = AtomicU64::new(0);

/// Answers one simulator has validated.
struct Tally(AtomicU64);

impl Tally {
    fn begin() -> Self {
        LIVE.fetch_add(1, Ordering::SeqCst);
        Self(AtomicU64::new(0))
    }
}

impl Drop for Tally {
    /// Says, past the test harness's capture, how many answers the run has validated.
    fn drop(&mut self) {
        let own = self.0.load(Ordering::SeqCst);
        let so_far = VERIFIED.fetch_add(own, Ordering::SeqCst) + own;
        if LIVE.fetch_sub(1, Ordering::SeqCst) == 1 {
            let line = format!("answers validated against the contract: {so_far}\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
        }
    }
}

impl Caller {
    pub(crate) async fn of(builder: SimBuilder) -> Self {
        let client = client().user_agent("sim-tests/1").build().unwrap();
        Self { sim: builder.start().await.unwrap(), client, tally: Tally::begin() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.sim.url())).bearer_auth(self.sim.api_key())
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        self.tally.0.store(self.sim.answers_verified(), Ordering::SeqCst);
        assert_eq!(self.sim.contract_violations(), Vec::<String>::new());
        Answer { status, headers, text }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn act(&self, id: &str, action: &str) -> Answer {
        self.post(&format!("/v2/pods/{id}/action"), json!({ "action": action })).await
    }

    pub(crate) async fn pod(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v2/pods/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// Creates a pod that must be accepted.
    pub(crate) async fn create(&self, body: Value) -> Value {
        let answer = self.post("/v2/pods", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.sim.advance(Duration::from_secs(seconds));
    }
}

/// A plain client. Other members of the workspace may have switched TLS on, which then wants a provider.
pub(crate) fn client() -> ClientBuilder {
    // An error says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy()
}

/// A create body that breaks no rule, changed by `change`.
pub(crate) fn order(change: Value) -> Value {
    let mut body = json!({
        "name": "one", "image": "ubuntu:24.04", "disk": 20, "startSsh": true, "ports": ["22/tcp", "8888/http"],
        "gpu": { "id": RTX_4090, "count": 1 }, "env": { "MODE": "sentinel-value" },
    });
    for (key, value) in change.as_object().unwrap() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(key);
        } else {
            body[key] = value.clone();
        }
    }
    body
}

pub(crate) fn id(pod: &Value) -> String {
    pod["id"].as_str().unwrap().to_owned()
}
