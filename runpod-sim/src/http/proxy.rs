//! The stand-in for RunPod's proxy of HTTP ports.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderValue, StatusCode, header, uri::PathAndQuery},
    response::{IntoResponse, Response},
};
use hyper_util::rt::TokioIo;
use rand::{SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio::net::TcpStream;

use crate::world::{App, answer::HttpAnswer, launch};

/// Longest time the proxy waits for an answer, in real time.
const LONGEST: Duration = Duration::from_secs(100);
const PAGE: &str = "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Error</h1>\
    <p>The web server is not answering.</p></body></html>\n";

/// Stands in for RunPod's HTTP proxy: passes a request on to a pod's port.
///
/// 404 when the pod has no such port or does not have it yet, a status of the edge's own, 502 unless the settings say
/// otherwise, while nothing listens on it, and 524 after 100 s without an answer.
pub(super) async fn forward(
    State(app): State<Arc<App>>,
    Path(parameters): Path<Vec<(String, String)>>,
    request: Request,
) -> Response {
    let value =
        |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let port: Option<u16> = value("port").and_then(|port| port.parse().ok());
    let (Some(pod), Some(port)) = (value("pod"), port) else { return StatusCode::NOT_FOUND.into_response() };
    let now = app.clock.now();
    let end = reach(&app, pod, port, now);
    let Some((end, listening)) = end else { return StatusCode::NOT_FOUND.into_response() };
    let path = format!("/{}", value("rest").unwrap_or_default());
    let up = now.checked_sub(listening);
    let edge = up.and_then(|up| app.answers.of(pod, u32::from(port), &path, up));
    if let Some(answer) = edge.filter(HttpAnswer::is_edge) {
        tokio::time::sleep(answer.delay).await;
        return page(answer.status);
    }
    match tokio::time::timeout(LONGEST, send(end, path, request)).await {
        Ok(Some(response)) => response,
        Ok(None) => page(edge_status(&app, now)),
        Err(_) => page(524),
    }
}

/// The address that listens for a port of a pod, with the instant from which it listens, which may be in the future.
fn reach(app: &App, pod: &str, port: u16, now: Duration) -> Option<(SocketAddr, Duration)> {
    let account = app.account();
    let end = launch::http_end(&account, pod, port, now)?;
    let run = account.pod(pod, now, Duration::ZERO)?.reachable(now)?;
    Some((end, run.boot.listening))
}

/// Draws the edge's status of this second while nothing listens.
fn edge_status(app: &App, now: Duration) -> u16 {
    let grain = app.settings.seed ^ now.as_secs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let behavior = app.behavior();
    behavior.edge_statuses.choose(&mut StdRng::seed_from_u64(grain)).copied().unwrap_or(502)
}

fn page(status: u16) -> Response {
    let mut response = Response::new(Body::from(PAGE));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
    headers.insert(header::SERVER, HeaderValue::from_static("cloudflare"));
    response
}

async fn send(end: SocketAddr, path: String, mut request: Request) -> Option<Response> {
    let stream = TcpStream::connect(end).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a proxied connection ended early");
        }
    });
    let path = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    *request.uri_mut() = PathAndQuery::try_from(path).ok()?.into();
    request.headers_mut().insert(header::HOST, HeaderValue::try_from(end.to_string()).ok()?);
    let response = sender.send_request(request).await.ok()?;
    Some(response.map(Body::new))
}
