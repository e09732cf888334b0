use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::boot::Boot;
use crate::clock::Clock;
use crate::order::{Port, PortKind};

const SSH_BANNER: &[u8] = b"SSH-2.0-OpenSSH_9.6p1 runpod-sim\r\n";
const BACKLOG: u32 = 128;

/// The reachable ends of one boot: a loopback port per TCP or HTTP port, closed when dropped.
pub(crate) struct Endpoints {
    open: Vec<Endpoint>,
    listeners: JoinSet<()>,
}

/// Where one port of a pod can be reached from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint {
    pub(crate) port: Port,
    pub(crate) public: SocketAddr,
}

/// What is needed to open the ends of a pod.
pub(crate) struct Opener<'a> {
    pub(crate) clock: &'a Arc<Clock>,
    pub(crate) runtime: &'a Handle,
    /// Without real ends, ports are announced at addresses reserved for documentation.
    pub(crate) real: bool,
}

impl Endpoints {
    /// Takes a fresh public port for every port of the pod; they start to listen as the boot says.
    pub(crate) fn open(
        opener: &Opener<'_>,
        ports: &[Port],
        boot: &Boot,
        sshd: bool,
        made_up: impl FnMut() -> u16,
    ) -> io::Result<Self> {
        if !opener.real {
            return Ok(Self::announced(ports, made_up));
        }
        let _context = opener.runtime.enter();
        let mut listeners = JoinSet::new();
        let mut open = Vec::new();
        for port in ports.iter().filter(|port| port.kind != PortKind::Udp) {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            open.push(Endpoint { port: *port, public: socket.local_addr()? });
            if *port != Port::SSH || sshd {
                listeners.spawn(listen(opener.clock.clone(), socket, *port, *boot));
            } else {
                listeners.spawn(keep(socket));
            }
        }
        Ok(Self { open, listeners })
    }

    fn announced(ports: &[Port], mut made_up: impl FnMut() -> u16) -> Self {
        let host = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10));
        let endpoint = |port: &Port| Endpoint { port: *port, public: SocketAddr::new(host, made_up()) };
        let open = ports.iter().filter(|port| port.kind != PortKind::Udp).map(endpoint).collect();
        Self { open, listeners: JoinSet::new() }
    }

    /// Stops listening.
    pub(crate) fn close(&mut self) {
        self.listeners.abort_all();
    }

    pub(crate) fn of(&self, port: Port) -> Option<&Endpoint> {
        self.open.iter().find(|endpoint| endpoint.port == port)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        self.open.iter()
    }
}

/// Holds a port that nothing listens on: connections to it are refused.
async fn keep(socket: TcpSocket) {
    std::future::pending::<()>().await;
    drop(socket);
}

/// Refuses connections until the service is up, then serves until dropped.
async fn listen(clock: Arc<Clock>, socket: TcpSocket, port: Port, boot: Boot) {
    clock.sleep_until(boot.listening).await;
    let listener = match socket.listen(BACKLOG) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, port = port.number, "a pod's port cannot listen");
            return;
        }
    };
    match port.kind {
        PortKind::Http => serve_http(listener, port.number).await,
        _ if port == Port::SSH => {
            accept(listener, |stream| greet(clock.clone(), stream, boot.ssh_banner)).await
        }
        _ => accept(listener, drain).await,
    }
}

async fn serve_http(listener: TcpListener, number: u16) {
    let app = Router::new().fallback(async move || format!("simulated service on port {number}\n"));
    if let Err(error) = axum::serve(listener, app).await {
        tracing::warn!(%error, port = number, "a pod's HTTP service ended");
    }
}

async fn accept<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { open.spawn(serve(stream)); }
                Err(error) => {
                    tracing::warn!(%error, "a pod's port cannot accept");
                    return;
                }
            },
            Some(_) = open.join_next() => {}
        }
    }
}

async fn greet(clock: Arc<Clock>, mut stream: TcpStream, delay: Duration) -> io::Result<()> {
    clock.sleep_until(clock.now().saturating_add(delay)).await;
    stream.write_all(SSH_BANNER).await?;
    drain(stream).await
}

/// Reads until the other side closes, as a service that never answers.
async fn drain(mut stream: TcpStream) -> io::Result<()> {
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(|_| ())
}
