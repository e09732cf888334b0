//! Asking the pod itself whether it answers.

use std::time::Duration;

use runpod_api::reqwest;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use crate::{ConfigError, Probe, pod::connection::http_url};

/// The longest a probe may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// What an SSH server says first (RFC 4253).
const SSH_BANNER: &[u8] = b"SSH-";

/// Probes pods. Never sends the API key.
#[derive(Debug)]
pub(crate) struct Prober {
    http: reqwest::Client,
    http_proxy: Option<String>,
}

impl Prober {
    pub(crate) fn new(http_proxy: Option<String>) -> Result<Self, ConfigError> {
        Ok(Self { http: runpod_api::plain_http(PATIENCE)?, http_proxy })
    }

    /// The proxy in place of RunPod's own, with `{pod}` and `{port}` in it.
    pub(crate) fn http_proxy(&self) -> Option<&str> {
        self.http_proxy.as_deref()
    }

    /// Whether something answers; the error says in a few words what was missing.
    pub(crate) async fn probe(&self, probe: &Probe) -> Result<(), String> {
        let answer = async {
            match probe {
                Probe::Tcp { host, port } => connect(host, *port).await.map(drop),
                Probe::Ssh { host, port } => ssh(host, *port).await,
                Probe::Http { pod_id, port } => self.http(pod_id, *port).await,
            }
        };
        timeout(PATIENCE, answer)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
    }

    async fn http(&self, pod_id: &str, port: u16) -> Result<(), String> {
        let url = http_url(self.http_proxy(), pod_id, port);
        let response =
            self.http.get(&url).send().await.map_err(|_| format!("nothing answers on port {port}"))?;
        match response.status().as_u16() {
            // RunPod's proxy says these itself while nothing listens.
            status @ (404 | 502 | 503 | 504 | 524) => {
                Err(format!("RunPod's proxy answers {status} for port {port}"))
            }
            _ => Ok(()),
        }
    }
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    TcpStream::connect((host, port)).await.map_err(|_| format!("{host}:{port} accepts no connection yet"))
}

async fn ssh(host: &str, port: u16) -> Result<(), String> {
    let mut stream = connect(host, port).await?;
    let mut greeting = [0; SSH_BANNER.len()];
    match stream.read_exact(&mut greeting).await {
        Ok(_) if greeting == SSH_BANNER => Ok(()),
        Ok(_) => Err(format!("{host}:{port} answers, but not as SSH")),
        Err(_) => Err(format!("{host}:{port} accepts connections, but sshd does not answer yet")),
    }
}
