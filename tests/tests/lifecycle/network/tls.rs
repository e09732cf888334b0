//! Servers between a handle and a RunPod that answers in clear: one that ends TLS with a certificate of a private CA, and
//! a proxy that tunnels or refuses.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// A certificate authority that nobody trusts by default.
pub(crate) struct PrivateCa(CertifiedIssuer<'static, KeyPair>);

impl PrivateCa {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// The certificate, as it is given to those who are to trust it.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A client that trusts it and nobody else.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("a fine certificate");
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    fn server(&self, name: &str) -> ServerConfig {
        let params = CertificateParams::new([name.to_owned()]).expect("a fine name");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("it signs");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a fine certificate")
    }
}

/// A server that speaks TLS, before one that speaks in clear.
pub(crate) struct TlsFront {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl TlsFront {
    /// Begins one whose certificate is signed by `ca` for `name`.
    pub(crate) async fn start(ca: &PrivateCa, name: &str, behind: SocketAddr) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(ca.server(name)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
        let front = Self {
            address: listener.local_addr().expect("it has one"),
            connections: Arc::new(AtomicUsize::new(0)),
        };
        let connections = Arc::clone(&front.connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut behind = TcpStream::connect(behind).await.expect("it is there");
                    let _ = copy_bidirectional(&mut stream, &mut behind).await;
                });
            }
        });
        front
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Connections that were taken so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A proxy that tunnels what it is asked to, or refuses all of it with a status line.
pub(crate) struct Proxy {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) async fn start(refusal: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is free");
        let proxy = Self { address: listener.local_addr().expect("it has one"), heard: Arc::default() };
        let heard = Arc::clone(&proxy.heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(tunnel(stream, refusal, Arc::clone(&heard)));
            }
        });
        proxy
    }

    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Every line of every request to it.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn tunnel(stream: TcpStream, refusal: Option<&str>, heard: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let mut target = None;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.is_err() || line.trim().is_empty() {
            break;
        }
        target = target.or_else(|| line.split(' ').nth(1).map(str::to_owned));
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(line.trim().to_owned());
    }
    let (Some(target), None) = (target, refusal) else {
        let status = refusal.unwrap_or("400 Bad Request");
        let _ = stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
        return;
    };
    let mut behind = TcpStream::connect(target.replace("localhost", "127.0.0.1")).await.expect("it is there");
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
    let _ = copy_bidirectional(&mut stream, &mut behind).await;
}
