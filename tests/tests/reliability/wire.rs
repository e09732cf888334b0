//! A server that says exactly these bytes, and hears what it is told.

use std::sync::{Arc, Mutex};

use runpod_lifecycle::{RunPod, RunPodBuilder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub(crate) const KEY: &str = "rpa_sentinel_key";

/// Answers each request as `answer` says, and closes the connection.
pub(crate) struct Server {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// A server whose answer follows from the request's head, the number of requests before it, or neither.
    pub(crate) async fn start(answer: impl Fn(&str, usize) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (requests, answer) = (Arc::clone(&heard), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&requests), Arc::clone(&answer)));
            }
        });
        Self { url, heard, task }
    }

    /// The heads of all requests, in their order.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("nobody panicked with it").clone()
    }

    pub(crate) fn builder(&self) -> RunPodBuilder {
        RunPod::builder(KEY).base_url(&self.url)
    }

    pub(crate) fn runpod(&self) -> RunPod {
        self.builder().build().expect("loopback is a fine base URL")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<A: Fn(&str, usize) -> Vec<u8>>(
    mut stream: TcpStream,
    heard: Arc<Mutex<Vec<String>>>,
    answer: Arc<A>,
) {
    let Some(head) = read_request(&mut stream).await else { return };
    let number = {
        let mut heard = heard.lock().expect("nobody panicked with it");
        heard.push(head.clone());
        heard.len() - 1
    };
    // Whoever has heard enough hangs up.
    let _ = stream.write_all(&answer(&head, number)).await;
    let _ = stream.shutdown().await;
}

/// Reads a whole request, and gives its head.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0usize) {
                return Some(head.to_owned());
            }
        }
    }
}

/// An answer with a body of JSON.
pub(crate) fn json(status: u16, body: impl AsRef<[u8]>) -> Vec<u8> {
    with_headers(status, "content-type: application/json\r\n", body)
}

/// An answer with headers of one's own, each with its line end.
pub(crate) fn with_headers(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut answer =
        format!("HTTP/1.1 {status} Words\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}
