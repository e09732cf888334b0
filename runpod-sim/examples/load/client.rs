//! A client that costs as little as it can.

use std::error::Error;

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use runpod_sim::Sim;
use tokio::net::TcpStream;

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// One connection to the simulator.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    key: String,
}

impl Client {
    pub(crate) async fn connect(sim: &Sim) -> Result<Self, Failure> {
        let stream = TcpStream::connect(sim.address()).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, key: format!("Bearer {}", sim.api_key()) })
    }

    pub(crate) async fn call(&mut self, method: &str, path: &str, body: String) -> Result<Bytes, Failure> {
        let answer = self.open(method, path, body).await?;
        Ok(answer.into_body().collect().await?.to_bytes())
    }

    /// Sends a request and returns as soon as its answer begins.
    pub(crate) async fn open(
        &mut self,
        method: &str,
        path: &str,
        body: String,
    ) -> Result<Response<Incoming>, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("user-agent", "load/1")
            .header("content-type", "application/json")
            .header("authorization", &self.key)
            .body(Full::from(body))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        if status.is_success() {
            Ok(answer)
        } else {
            Err(format!("{method} {path} answered {status}").into())
        }
    }
}
