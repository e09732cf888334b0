//! A vault that has one secret, whatever it is asked for.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use serde_json::json;

use crate::openapi::Failure;

/// A server on loopback in the manner of HashiCorp's key-value store, version 2. It ends with the process.
pub(super) struct Vault {
    pub(super) url: String,
}

impl Vault {
    pub(super) fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever hangs up in the middle asks again.
                let _ = answer(&stream);
            }
        });
        Ok(Self { url })
    }
}

fn answer(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let metadata = json!({ "created_time": "", "deletion_time": "", "destroyed": false, "version": 1 });
    let body = json!({
        "request_id": "", "lease_id": "", "renewable": false, "lease_duration": 0,
        "data": { "data": { "token": "vault" }, "metadata": metadata },
    })
    .to_string();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
