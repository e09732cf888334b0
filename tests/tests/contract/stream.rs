//! A stream goes on for longer than a call may take.

use std::time::Duration;

use futures_util::StreamExt as _;
use runpod_api::{ClientBuilder, FailureKind};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

/// Longest time for a call here.
const LIMIT: Duration = Duration::from_millis(200);

/// The request's first line.
async fn asked(socket: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(socket.read_u8().await.expect("a request"));
    }
    String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned()
}

async fn chunk(socket: &mut TcpStream, text: &str) {
    let chunk = format!("{:x}\r\n{text}\r\n", text.len());
    socket.write_all(chunk.as_bytes()).await.expect("sent");
}

/// Begins the logs of `p1` and ends them when told; never answers anything else.
async fn serve(listener: TcpListener, end: oneshot::Receiver<()>) {
    let (mut logs, _) = listener.accept().await.expect("a connection");
    assert_eq!(asked(&mut logs).await, "GET /v2/pods/p1/logs HTTP/1.1");
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    logs.write_all(head.as_bytes()).await.expect("sent");
    chunk(&mut logs, "id: 1\n\n").await;
    let mut silent = Vec::new();
    let accept = async {
        loop {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            asked(&mut socket).await;
            silent.push(socket);
        }
    };
    tokio::select! {
        () = accept => {}
        ended = end => ended.expect("told to end"),
    }
    chunk(&mut logs, "id: 2\n\n").await;
    chunk(&mut logs, "").await;
}

#[tokio::test]
async fn a_stream_must_begin_in_time_and_then_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (end, ended) = oneshot::channel();
    let server = tokio::spawn(serve(listener, ended));
    let client = ClientBuilder::new("key")
        .base_url(format!("http://{address}"))
        .timeout(LIMIT)
        .v2()
        .expect("a client");

    let logs = client.get_pod_logs("p1").await.expect("a stream");
    let mut logs = logs.into_inner();
    assert_eq!(logs.next().await.expect("a part").expect("bytes"), "id: 1\n\n");

    // When a call made now has run out of time, the stream is older than any call may be.
    let late = client.get_pod("p1").await.expect_err("no answer");
    assert!(late.is_timeout() && *late.kind() == FailureKind::Interrupted, "{late}");
    let late = client.get_pod_logs("p2").await.map(drop).expect_err("no answer");
    assert!(late.is_timeout() && *late.kind() == FailureKind::Interrupted, "{late}");

    end.send(()).expect("the server is there");
    assert_eq!(logs.next().await.expect("a part").expect("bytes"), "id: 2\n\n");
    assert!(logs.next().await.is_none());
    server.await.expect("served");
}
