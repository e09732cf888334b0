//! Serves pods over HTTP: specs and pods as JSON, RunPod's failures as the service's own, a span for each call.

use std::{env, error::Error};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use runpod_lifecycle::{DeployError, PodHandle, PodSpec, RunPod};
use serde_json::{Value, json};
use tracing::{Instrument, info_span};
use tracing_subscriber::fmt::format::FmtSpan;

/// A failure as its own caller is told of it.
struct Failed(u16, String);

impl From<runpod_lifecycle::Error> for Failed {
    fn from(error: runpod_lifecycle::Error) -> Self {
        Self(error.http_status(), error.to_string())
    }
}

impl From<DeployError> for Failed {
    fn from(error: DeployError) -> Self {
        Self(error.http_status(), error.to_string())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(json!({ "error": self.1 }))).into_response()
    }
}

async fn deploy(State(runpod): State<RunPod>, Json(spec): Json<PodSpec>) -> Result<Response, Failed> {
    let span = info_span!("deploy", name = spec.name());
    // A task of its own: a caller that hangs up would cancel this one, and leave a create in doubt.
    let deploy = tokio::spawn(async move { runpod.deploy(&spec).await }.instrument(span));
    let pod = deploy.await.map_err(|error| Failed(500, error.to_string()))??;
    Ok((StatusCode::CREATED, Json(pod)).into_response())
}

async fn show(State(runpod): State<RunPod>, Path(id): Path<String>) -> Result<Json<PodHandle>, Failed> {
    let span = info_span!("show", id);
    Ok(Json(runpod.get(&id).instrument(span).await?))
}

async fn terminate(State(runpod): State<RunPod>, Path(id): Path<String>) -> Result<Json<Value>, Failed> {
    let span = info_span!("terminate", id);
    let end = tokio::spawn(async move { runpod.terminate(&id).await }.instrument(span));
    let accepted = end.await.map_err(|error| Failed(500, error.to_string()))??;
    let warnings: Vec<String> = accepted.warnings.iter().map(ToString::to_string).collect();
    Ok(Json(json!({ "terminated": true, "warnings": warnings })))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_span_events(FmtSpan::CLOSE).with_writer(std::io::stderr).init();
    let pods = Router::new().route("/pods", post(deploy)).route("/pods/{id}", get(show).delete(terminate));
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, pods.with_state(RunPod::from_env()?)).await?;
    Ok(())
}
