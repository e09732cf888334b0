//! The router of all requests.

use std::sync::Arc;

use axum::{Router, middleware::from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;

use super::{control, dispatch, guard};
use crate::{
    contract::{Api, Problem},
    world::App,
};

pub(crate) fn router(app: Arc<App>) -> Router {
    let control = control::routes();
    #[cfg(feature = "page")]
    let control = control.merge(super::page::routes());
    let control = control.layer(from_fn_with_state(app.clone(), guard::check));
    surviving(control.fallback(dispatch::handle).with_state(app))
}

/// Turns a panic while answering into a 500, so that the server lives.
fn surviving(router: Router) -> Router {
    router.layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
        Problem::internal("the simulator failed on this request; its log says why").into_response(Api::V2)
    }))
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::http::serve;

    async fn answer(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn a_panic_is_a_500_and_the_server_lives() {
        let fragile = Router::new().fallback(async |request: Request| {
            assert_eq!(request.uri().path(), "/sound", "told to fail");
            "sound"
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let server = tokio::spawn(serve(listener, surviving(fragile), stopped));
        let failed = answer(address, "/").await;
        assert!(
            failed.starts_with("HTTP/1.1 500 ") && failed.contains("application/problem+json"),
            "{failed}"
        );
        assert!(answer(address, "/sound").await.ends_with("sound"));
        drop(stop);
        server.await.unwrap();
    }
}
