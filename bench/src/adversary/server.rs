//! The sockets: plain HTTP/1.1 kept alive, and an sshd.

use std::{
    io,
    net::{self, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

use super::{answers, stillness::Activity, world::World};

pub(super) const GPU: &str = "NVIDIA GeForce RTX 4090";
/// Greeting of the other process at an address of before.
const GREETING: &[u8] = b"SSH-2.0-OpenSSH_9.6\r\n";

/// The least time that an answer takes.
const LATENCY: Duration = Duration::from_millis(1);

/// The two listening sockets of a thread, which all its runs use.
#[derive(Debug)]
pub(super) struct Sockets {
    api: net::TcpListener,
    ssh: net::TcpListener,
}

impl Sockets {
    pub(super) fn open() -> io::Result<Self> {
        let api = net::TcpListener::bind("127.0.0.1:0")?;
        // Every address of loopback is somebody's sshd.
        let ssh = net::TcpListener::bind("0.0.0.0:0")?;
        api.set_nonblocking(true)?;
        ssh.set_nonblocking(true)?;
        Ok(Self { api, ssh })
    }

    pub(super) fn api_address(&self) -> io::Result<SocketAddr> {
        self.api.local_addr()
    }

    pub(super) fn ssh_port(&self) -> io::Result<u16> {
        self.ssh.local_addr().map(|address| address.port())
    }

    /// Serves a world until it is dropped.
    pub(super) fn serve(&self, world: &SharedWorld, activity: &Activity) -> io::Result<JoinSet<()>> {
        let api = TcpListener::from_std(self.api.try_clone()?)?;
        let ssh = TcpListener::from_std(self.ssh.try_clone()?)?;
        let mut listening = JoinSet::new();
        let (own, noting) = (Arc::clone(world), activity.clone());
        listening.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = api.accept().await {
                noting.note();
                connections.spawn(converse(stream, Arc::clone(&own), noting.clone()));
            }
        });
        let (own, noting) = (Arc::clone(world), activity.clone());
        listening.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = ssh.accept().await {
                noting.note();
                connections.spawn(greet(stream, Arc::clone(&own), noting.clone()));
            }
        });
        Ok(listening)
    }
}

pub(super) type SharedWorld = Arc<Mutex<World>>;

pub(super) fn lock(world: &SharedWorld) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request as it was heard.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    /// The key it came with.
    pub(super) key: String,
    pub(super) body: Value,
}

/// Fate of an answer on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    /// The connection ends in the middle of the body.
    Cut,
    /// The connection ends without a word.
    Lost,
    /// Nothing comes until the other side hangs up.
    Never,
}

/// An answer, and how it is given.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: String,
    pub(super) body: String,
    pub(super) delivery: Delivery,
    pub(super) after: Duration,
    /// The request that it answers.
    pub(super) number: u64,
}

async fn converse(mut stream: TcpStream, world: SharedWorld, activity: Activity) {
    // Whoever closes first would else keep the port for a minute.
    let _ = stream.set_zero_linger();
    let _ = stream.set_nodelay(true);
    let mut read = Vec::new();
    while let Some(request) = Box::pin(hear(&mut stream, &mut read)).await {
        activity.note();
        let reply = answers::answer(&mut lock(&world), &request);
        // No answer comes in no time, so that nothing is asked at the very moment of a change before it.
        sleep(reply.after.max(LATENCY)).await;
        if reply.delivery == Delivery::Never {
            let _ = stream.read(&mut [0; 64]).await;
            return;
        }
        if reply.delivery == Delivery::Lost {
            return;
        }
        let Reply { status, headers, body, delivery, number, .. } = reply;
        let date = dated(&lock(&world), number);
        let length = body.len();
        let mut text = format!(
            "HTTP/1.1 {status} Words\r\n{date}x-request-id: r{number}\r\n{headers}content-length: {length}\r\n\r\n"
        );
        let half = if delivery == Delivery::Cut { length / 2 } else { length };
        text.push_str(&body[..half]);
        activity.note();
        if stream.write_all(text.as_bytes()).await.is_err() || delivery == Delivery::Cut {
            // Nothing that was written may be lost with the connection.
            let _ = stream.shutdown().await;
            return;
        }
        lock(&world).delivered(number);
    }
}

/// The header that says when an answer was given, if it has one.
fn dated(world: &World, number: u64) -> String {
    match world.is_dated(number) {
        true => format!("date: {}\r\n", httpdate::fmt_http_date(world.now_by_clock())),
        false => String::new(),
    }
}

async fn hear(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<Request> {
    let mut buffer = [0; 4096];
    loop {
        if let Some((request, length)) = parse(read) {
            read.drain(..length);
            return Some(request);
        }
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&buffer[..count]);
    }
}

fn parse(read: &[u8]) -> Option<(Request, usize)> {
    let end = read.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&read[..end]).ok()?;
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        let mut values =
            lines.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        values.next()
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0usize);
    let body = read.get(end + 4..end + 4 + length)?;
    let mut words = head.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let key = header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let request = Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        key: key.to_owned(),
        body: serde_json::from_slice(body).unwrap_or_default(),
    };
    Some((request, end + 4 + length))
}

/// Answers at an address, or takes the connection and says nothing. Whoever asked hangs up.
async fn greet(mut stream: TcpStream, world: SharedWorld, activity: Activity) {
    let _ = stream.set_zero_linger();
    let Ok(address) = stream.local_addr() else { return };
    let greets = lock(&world).greets(&address.ip().to_string());
    if greets {
        activity.note();
        let _ = stream.write_all(GREETING).await;
    }
    while stream.read(&mut [0; 256]).await.is_ok_and(|count| count > 0) {}
}
