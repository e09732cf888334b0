//! Loopback ports of pods and the services behind them.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::Handle,
    sync::watch,
    task::JoinSet,
};

use crate::world::{
    answer::Answers,
    behavior::CurrentBehavior,
    boot::Boot,
    clock::Clock,
    port::{Port, PortKind, SYMMETRIC},
    ssh::Container,
};

/// Banner of the stranger who got the port after the pod had lost it.
const STRANGER: &[u8] = b"SSH-2.0-OpenSSH_8.9p1 somebody-else\r\n";
const BACKLOG: u32 = 128;
/// The port and path at which JupyterLab tells its version.
const JUPYTER_API: (u32, &str) = (8888, "/api");

/// The reachable ends of one run: a loopback port per TCP or HTTP port, closed when dropped.
pub(crate) struct Endpoints {
    open: Vec<Endpoint>,
    owner: watch::Sender<Owner>,
    /// The container behind port 22.
    container: Arc<Container>,
    listeners: JoinSet<()>,
    /// The tasks that hand the ports over later.
    ending: JoinSet<()>,
}

/// The public address of one port of a pod.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint {
    pub(crate) port: Port,
    pub(crate) public: SocketAddr,
}

/// The owner of the services that answer on the ports of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Pod,
    Stranger,
    Nobody,
}

/// The fate of the ports of a run that ends.
#[derive(Clone, Copy)]
pub(crate) struct Handover<'a> {
    pub(crate) clock: &'a Arc<Clock>,
    pub(crate) runtime: &'a Handle,
    /// True if a stranger's services answer on them from then on.
    pub(crate) to_stranger: bool,
}

/// Loopback ports that are taken and do not listen yet.
pub(crate) struct Sockets(Vec<(Port, SocketAddr, Option<TcpSocket>)>);

impl Sockets {
    /// Takes a fresh loopback port for every TCP and HTTP port of a pod.
    pub(crate) fn take(ports: &[Port]) -> io::Result<Self> {
        let take = |port: &Port| {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            Ok((*port, socket.local_addr()?, Some(socket)))
        };
        public(ports).map(take).collect::<io::Result<_>>().map(Self)
    }

    /// No ports at all.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// The public addresses of ports, by their numbers inside.
    pub(crate) fn addresses(&self) -> Vec<(u32, SocketAddr)> {
        self.0.iter().map(|(port, address, _)| (port.number, *address)).collect()
    }

    /// Announces ports at addresses reserved for documentation, which reach nothing.
    pub(crate) fn announced(ports: &[Port], mut made_up: impl FnMut() -> u16) -> Self {
        let host = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10));
        Self(public(ports).map(|port| (*port, SocketAddr::new(host, made_up()), None)).collect())
    }
}

fn public(ports: &[Port]) -> impl Iterator<Item = &Port> {
    ports.iter().filter(|port| port.kind != PortKind::Udp)
}

/// The context of a pod's services.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) clock: Arc<Clock>,
    pub(crate) answers: Arc<Answers>,
    pub(crate) current: CurrentBehavior,
    pub(crate) pod: String,
    /// JupyterLab is up behind its port.
    pub(crate) jupyter: bool,
    pub(crate) container: Arc<Container>,
}

impl Endpoints {
    /// Starts listening on the ports at the instants of the boot.
    pub(crate) fn serve(
        runtime: &Handle,
        sockets: Sockets,
        services: &Services,
        boot: &Boot,
        sshd: bool,
    ) -> Self {
        let _context = runtime.enter();
        let owner = watch::Sender::new(Owner::Pod);
        let mut listeners = JoinSet::new();
        let mut open = Vec::new();
        for (port, public, socket) in sockets.0 {
            open.push(Endpoint { port, public });
            let Some(socket) = socket else { continue };
            let mut boot = *boot;
            if port == Port::SSH && !sshd {
                boot.listening = Duration::MAX;
            }
            listeners.spawn(listen(services.clone(), owner.subscribe(), socket, port, boot));
        }
        let container = services.container.clone();
        Self { open, owner, container, listeners, ending: JoinSet::new() }
    }

    /// Stops listening, and ends the container.
    pub(crate) fn close(&mut self) {
        self.container.end();
        self.listeners.abort_all();
        self.ending.abort_all();
    }

    /// Ends the container at an instant and takes the ports away from the pod: closes them, or lets a stranger's services
    /// answer there.
    pub(crate) fn end(&mut self, at: Duration, handover: Handover<'_>) {
        let owner = if handover.to_stranger { Owner::Stranger } else { Owner::Nobody };
        if at > handover.clock.now() {
            let (clock, sender) = (handover.clock.clone(), self.owner.clone());
            let container = self.container.clone();
            let end = async move {
                clock.sleep_until(at).await;
                sender.send_replace(owner);
                container.end();
            };
            self.ending.spawn_on(end, handover.runtime);
            return;
        }
        self.owner.send_replace(owner);
        self.container.end();
        if owner == Owner::Nobody {
            self.close();
        }
    }

    /// The last instant up to `at` at which the container exited by itself and was started again.
    pub(crate) fn restarted(&self, at: Duration) -> Option<Duration> {
        self.container.restarted(at)
    }

    pub(crate) fn of(&self, port: Port) -> Option<&Endpoint> {
        self.open.iter().find(|endpoint| endpoint.port == port)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        self.open.iter()
    }
}

/// Refuses connections until the service is up or a stranger has the port; serves until dropped.
async fn listen(
    services: Services,
    mut owner: watch::Receiver<Owner>,
    socket: TcpSocket,
    port: Port,
    boot: Boot,
) {
    tokio::select! {
        () = services.clock.sleep_until(boot.listening) => {}
        _ = owner.wait_for(|owner| *owner != Owner::Pod) => {}
    }
    if *owner.borrow() == Owner::Nobody {
        return;
    }
    let listener = match socket.listen(BACKLOG) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, port = port.number, "a pod's port cannot listen");
            return;
        }
    };
    let closed = owner.clone();
    tokio::select! {
        () = serve(services, owner, listener, port, boot) => {}
        () = nobody(closed) => {}
    }
}

/// Returns once a port has no owner.
async fn nobody(mut owner: watch::Receiver<Owner>) {
    if owner.wait_for(|owner| *owner == Owner::Nobody).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn serve(
    services: Services,
    owner: watch::Receiver<Owner>,
    listener: TcpListener,
    port: Port,
    boot: Boot,
) {
    match port.kind {
        PortKind::Http => serve_http(services, owner, listener, port, boot.listening).await,
        _ if port == Port::SSH => {
            accept(listener, |stream| greet(services.clone(), owner.clone(), stream, boot.ssh_banner)).await;
        }
        _ => accept(listener, drain).await,
    }
}

async fn serve_http(
    services: Services,
    owner: watch::Receiver<Owner>,
    listener: TcpListener,
    port: Port,
    since: Duration,
) {
    let number = port.number;
    let app = Router::new().fallback(async move |request: Request| {
        if *owner.borrow() != Owner::Pod {
            return "somebody else's service\n".into_response();
        }
        answer(&services, number, since, request.uri().path()).await
    });
    if let Err(error) = axum::serve(listener, app).await {
        tracing::warn!(%error, port = number, "a pod's HTTP service ended");
    }
}

/// Answers as the first rule has it, or with 200.
async fn answer(services: &Services, number: u32, since: Duration, path: &str) -> Response {
    let up = services.clock.now().saturating_sub(since);
    match services.answers.of(&services.pod, number, path, up).filter(|answer| !answer.is_edge()) {
        Some(answer) => {
            tokio::time::sleep(answer.delay).await;
            answer.response()
        }
        None if services.jupyter && (number, path) == JUPYTER_API => {
            Json(json!({ "version": "2.14.2" })).into_response()
        }
        None => format!("simulated service on port {number}\n").into_response(),
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

/// Greets as the port's owner does; a connection to the pod ends with its run.
async fn greet(
    services: Services,
    mut owner: watch::Receiver<Owner>,
    mut stream: TcpStream,
    delay: Duration,
) -> io::Result<()> {
    if *owner.borrow() != Owner::Pod {
        stream.write_all(STRANGER).await?;
        return drain(stream).await;
    }
    let serve = async {
        let Services { clock, current, container, .. } = services;
        clock.sleep_until(clock.now().saturating_add(delay)).await;
        let behavior = current.get();
        if let Some(refusal) = &behavior.ssh_refusal {
            return stream.write_all(format!("{refusal}\r\n").as_bytes()).await;
        }
        for line in &behavior.ssh_preamble {
            stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        }
        container.serve(stream).await
    };
    tokio::select! {
        done = serve => done,
        _ = owner.wait_for(|owner| *owner != Owner::Pod) => Ok(()),
    }
}

/// Reads until the other side closes, as a service that never answers.
async fn drain(mut stream: TcpStream) -> io::Result<()> {
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(|_| ())
}

/// The number each port is known by inside: that of the public one where the same is asked for.
pub(crate) fn inner(endpoint: &Endpoint) -> u32 {
    match endpoint.port.number {
        SYMMETRIC.. => u32::from(endpoint.public.port()),
        number => number,
    }
}
