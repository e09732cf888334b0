//! The server of connections.

use std::{io, time::Duration};

use axum::{Router, response::Response};
use hyper::{
    body::Incoming,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use super::wire::Cut;

/// Longest time a client may take to send its request's head, counted from the answer before it on the same connection. Not a
/// pause that clients make: one that asks each 30 s would find the connection closed as it sends.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// Serves connections until told to stop, then closes them all at once.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stop => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let service = cutting(router.clone());
                    connections.spawn(async move {
                        let mut http = hyper::server::conn::http1::Builder::new();
                        http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
                        // Answers bring the simulated date, or none.
                        http.auto_date_header(false);
                        if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
                            tracing::debug!(%error, "a connection ended early");
                        }
                    });
                }
                // Out of file descriptors, most likely: wait for a connection to end instead of spinning.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
}

/// Closes the connection instead of sending an answer that is marked so.
fn cutting(
    router: Router,
) -> impl Service<hyper::Request<Incoming>, Response = Response, Error = io::Error, Future: Send> {
    let inner = TowerToHyperService::new(router);
    service_fn(move |request| {
        let answer = inner.call(request);
        async move {
            match answer.await {
                Ok(response) if response.extensions().get::<Cut>().is_none() => Ok(response),
                Ok(_) => Err(io::ErrorKind::ConnectionAborted.into()),
                Err(never) => match never {},
            }
        }
    })
}
