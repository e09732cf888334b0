//! Asking the pod itself whether it answers.

pub(crate) mod http;
pub(crate) mod ssh;
pub(crate) mod turns;

use std::time::Duration;

use runpod_api::reqwest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    Probe,
    condition::http::PATIENCE,
    probe::turns::{Lack, Turn, Turns},
};

/// The longest a TCP endpoint may take to show that it speaks SSH.
const GREETING: Duration = Duration::from_millis(500);

/// Probes pods, each endpoint once at a time for everybody who waits. Never sends the API key.
#[derive(Debug)]
pub(crate) struct Prober {
    http: reqwest::Client,
    http_proxy: Option<String>,
    /// TCP and SSH endpoints are asked. If not, they count as answering.
    asks_tcp: bool,
    turns: Turns,
}

impl Prober {
    pub(crate) fn new(http: reqwest::Client, http_proxy: Option<String>, asks_tcp: bool) -> Self {
        Self { http, http_proxy, asks_tcp, turns: Turns::default() }
    }

    /// The proxy in place of RunPod's own, with `{pod}` and `{port}` in it.
    pub(crate) fn http_proxy(&self) -> Option<&str> {
        self.http_proxy.as_deref()
    }

    /// Forgets what endpoints said: a pod was changed, and what answers there may be another by now.
    pub(crate) fn forget(&self) {
        self.turns.forget();
    }

    /// Asks the endpoint, or repeats what it said if it was asked a moment ago; the error says in a few words
    /// what was missing.
    pub(crate) async fn probe(&self, probe: &Probe) -> Result<(), String> {
        if !self.asks_tcp && matches!(probe, Probe::Tcp { .. } | Probe::Ssh { .. }) {
            return Ok(());
        }
        let turn = match self.turns.take(probe) {
            Turn::Known(outcome) => return outcome.map_err(|lack| lack.reason),
            Turn::Mine(turn) => turn,
        };
        let outcome = match probe {
            Probe::Tcp { host, port } => match tcp(host, *port).await {
                Ok(stream) => {
                    introduce(stream).await;
                    Ok(())
                }
                Err(lack) => Err(lack),
            },
            Probe::Ssh { host, port } => ssh(host, *port).await,
            Probe::Http { pod_id, request } => self.http(pod_id, request).await,
            // Who was asked may take being asked often amiss.
            Probe::Own(own) => own.ask().await.map_err(|reason| Lack { reason, was_reached: true }),
        };
        turn.over(&outcome);
        outcome.map_err(|lack| lack.reason)
    }
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, Lack> {
    match timeout(PATIENCE, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(_)) => Err(Lack::unreached(format!("{host}:{port} accepts no connection yet"))),
        Err(_) => Err(Lack::unreached(format!("{host}:{port}: no answer within {} s", PATIENCE.as_secs()))),
    }
}

/// Says who is there to a server that speaks SSH, which takes a connection without a word amiss.
async fn introduce(mut stream: TcpStream) {
    let mut greeting = [0; 256];
    let heard = timeout(GREETING, stream.read(&mut greeting)).await;
    if heard.is_ok_and(|heard| heard.is_ok()) && greeting.starts_with(b"SSH-") {
        // A server that is gone again was there all the same.
        let _ = stream.write_all(ssh::IDENTIFICATION).await;
    }
}

async fn ssh(host: &str, port: u16) -> Result<(), Lack> {
    let mut stream = tcp(host, port).await?;
    // Both sides say who they are; a server that is gone again is noticed when it is read from.
    let _ = stream.write_all(ssh::IDENTIFICATION).await;
    let mut heard = ssh::Heard::default();
    let reason = match timeout(PATIENCE, heard.listen(stream)).await {
        Ok(true) => return Ok(()),
        Ok(false) | Err(_) => format!("{host}:{port} {}", heard.what_it_does()),
    };
    Err(Lack { reason, was_reached: true })
}
