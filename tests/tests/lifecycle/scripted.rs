//! A RunPod written by a test: it hears whole requests and says exactly what it is told to, headers included.

use std::sync::{Arc, Mutex};

use runpod_lifecycle::{RunPod, RunPodBuilder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::mock::{GPU, KEY, fresh_pod};

/// The question.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) body: Value,
}

impl Request {
    pub(crate) fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path.split('?').next() == Some(path)
    }
}

/// The answer.
pub(crate) struct Answer {
    status: u16,
    headers: String,
    body: Value,
}

pub(crate) fn answer(status: u16, body: Value) -> Answer {
    let kind = if status < 400 { "application/json" } else { "application/problem+json" };
    Answer { status, headers: format!("content-type: {kind}\r\n"), body }
}

/// A refusal in RunPod's words.
pub(crate) fn refusal(status: u16, detail: &str) -> Answer {
    answer(status, json!({"title": "Refused", "status": status, "detail": detail}))
}

impl Answer {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }
}

pub(crate) struct Scripted {
    url: String,
    heard: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Scripted {
    /// A server whose answer follows from the request and the number of requests before it.
    pub(crate) async fn start(say: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (requests, say) = (Arc::clone(&heard), Arc::new(say));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&requests), Arc::clone(&say)));
            }
        });
        Self { url, heard, task }
    }

    pub(crate) fn builder(&self) -> RunPodBuilder {
        RunPod::builder(KEY).base_url(&self.url)
    }

    pub(crate) fn runpod(&self) -> RunPod {
        self.builder().build().expect("loopback is a fine base URL")
    }

    pub(crate) fn heard(&self) -> Vec<Request> {
        self.heard.lock().expect("nobody panicked with it").clone()
    }

    /// The bodies of all creates, without the deployment's own variables.
    pub(crate) fn creates(&self) -> Vec<Value> {
        let creates = self.heard().into_iter().filter(|request| request.is("POST", "/v2/pods"));
        creates.map(|request| request.body).collect()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<S: Fn(&Request, usize) -> Answer>(
    mut stream: TcpStream,
    heard: Arc<Mutex<Vec<Request>>>,
    say: Arc<S>,
) {
    let Some(request) = read(&mut stream).await else { return };
    let earlier = {
        let mut heard = heard.lock().expect("nobody panicked with it");
        heard.push(request.clone());
        heard.len() - 1
    };
    let Answer { status, headers, body } = say(&request, earlier);
    let body = if status == 204 { String::new() } else { body.to_string() };
    let head = format!(
        "HTTP/1.1 {status} Words\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    // Whoever has heard enough hangs up.
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut read = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0usize) {
            let mut words = head.split(' ').map(str::to_owned);
            let (method, path) = (words.next()?, words.next()?);
            return Some(Request { method, path, body: serde_json::from_str(body).unwrap_or_default() });
        }
    }
}

/// Answers of an account without pods, whose catalog has a few types, flavors and data centers, and a
/// network volume `vol1` in EU-RO-1.
pub(crate) fn account(request: &Request) -> Answer {
    let path = request.path.split('?').next().unwrap_or_default();
    match (request.method.as_str(), path) {
        ("GET", "/v2/catalog/gpus") => answer(200, json!({"gpus": gpus()})),
        ("GET", "/v2/catalog/cpus") => answer(
            200,
            json!({"cpus": [
                {"id": "cpu5c", "vcpu": {"min": 2, "max": 16}, "price": {"securePerVcpu": 0.05}, "availability": "HIGH"},
                {"id": "cpu3c", "vcpu": {"min": 2, "max": 32}, "price": {"securePerVcpu": 0.03}, "availability": "HIGH"},
            ]}),
        ),
        ("GET", "/v2/catalog/datacenters") => answer(
            200,
            json!({"dataCenters": [
                {"id": "EU-RO-1", "name": "EU-RO-1"}, {"id": "EU-CZ-1", "name": "EU-CZ-1"}, {"id": "US-CA-2", "name": "US-CA-2"},
            ]}),
        ),
        ("GET", "/v2/network-volumes/vol1") => {
            answer(200, json!({"id": "vol1", "name": "data", "size": 20, "dataCenter": "EU-RO-1"}))
        }
        ("GET", "/v2/account/ssh-keys") => answer(200, json!({"keys": ["ssh-ed25519 AAAAC3Nz someone"]})),
        ("GET", "/v2/pods") => answer(200, json!({"pods": []})),
        ("POST", "/v2/pods") => {
            let mut pod = fresh_pod();
            (pod["name"], pod["env"]) = (request.body["name"].clone(), request.body["env"].clone());
            answer(201, pod)
        }
        ("DELETE", _) => answer(204, Value::Null),
        _ => refusal(404, "not found"),
    }
}

/// The GPU types of [`account`], with what they cost and how many a pod can have.
pub(crate) fn gpus() -> Value {
    let gpu = |id: &str, pool: &str, secure: u32, community: u32| {
        json!({
            "id": id, "pool": pool, "memory": 24, "secure": true, "community": true,
            "price": {"secure": 0.7, "community": 0.3}, "maxCount": {"secure": secure, "community": community},
            "availability": "HIGH", "dataCenters": [{"id": "EU-RO-1", "availability": "LOW"}],
        })
    };
    json!([
        gpu(GPU, "ADA_24", 8, 4),
        gpu("NVIDIA  RTX A4500", "AMPERE_16", 10, 6),
        gpu("NVIDIA A40", "AMPERE_48", 10, 10),
        gpu("NVIDIA GeForce RTX 3090", "AMPERE_24", 4, 2),
        gpu("NVIDIA H100 80GB HBM3", "ADA_80_PRO", 8, 1),
        {"id": "unknown", "name": "unknown"},
    ])
}
