use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header, uri::PathAndQuery};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::App;
use crate::launch;

/// Stands in for RunPod's HTTP proxy: passes a request on to a pod's port.
///
/// 404 when the pod has no such port or does not have it yet, 502 while nothing listens on it.
pub(super) async fn forward(
    State(app): State<Arc<App>>,
    Path(parameters): Path<Vec<(String, String)>>,
    request: Request,
) -> Response {
    let value =
        |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let port = value("port").and_then(|port| port.parse().ok());
    let (Some(pod), Some(port)) = (value("pod"), port) else { return StatusCode::NOT_FOUND.into_response() };
    let now = app.clock.now();
    let end = launch::http_end(&app.account(), pod, port, now);
    let Some(end) = end else { return StatusCode::NOT_FOUND.into_response() };
    let path = format!("/{}", value("rest").unwrap_or_default());
    match send(end, path, request).await {
        Some(response) => response,
        None => StatusCode::BAD_GATEWAY.into_response(),
    }
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
