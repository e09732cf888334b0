//! Asking an application through RunPod's HTTPS proxy.

use std::time::Duration;

use runpod_api::{Failure, FailureKind, reqwest::Response};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    HttpAnswer, HttpReady,
    pod::connection::http_url,
    probe::{Prober, turns::Lack},
};

/// Bytes of a body that are read.
const FIRST_BYTES: usize = 4096;
/// The longest a body is waited for that stalls: it may be a stream without an end.
const STALL: Duration = Duration::from_secs(1);

impl Prober {
    pub(crate) async fn http(&self, pod_id: &str, request: &HttpReady) -> Result<(), Lack> {
        let (port, limit) = (request.number(), request.limit());
        let url = http_url(self.http_proxy(), pod_id, port);
        let url = format!("{}{}", url.trim_end_matches('/'), request.suffix());
        let answer = async {
            // The client's own limit would be mistaken for a connection that fails.
            let response = self.http.get(&url).timeout(limit + STALL).send().await?;
            Ok::<_, Failure>(read(response).await)
        };
        let reason = match timeout(limit, answer).await {
            Ok(Ok(answer)) => match request.judge(&answer) {
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            },
            Ok(Err(failure)) => unanswered(port, &failure),
            Err(_) => format!("port {port} does not answer within {} s", limit.as_secs_f64()),
        };
        // The server that answers here is a proxy or an application: neither minds being asked every second.
        Err(Lack { reason, was_reached: false })
    }
}

/// Why nothing answers: the network of the user may be the reason, not the pod.
fn unanswered(port: u16, failure: &Failure) -> String {
    match failure.kind() {
        FailureKind::Untrusted | FailureKind::ProxyRefused { .. } => {
            format!("port {port} cannot be asked: {}", failure.outcome())
        }
        _ => format!("nothing answers on port {port}"),
    }
}

/// The answer with the first bytes of its body, or what comes of them in a moment.
async fn read(mut response: Response) -> HttpAnswer {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let until = Instant::now() + STALL;
    let mut body = Vec::new();
    while body.len() < FIRST_BYTES
        && let Ok(Ok(Some(chunk))) = timeout_at(until, response.chunk()).await
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(FIRST_BYTES);
    HttpAnswer::new(status, headers, body)
}
