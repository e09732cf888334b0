//! How to reach a pod.

use std::{ffi::OsString, fmt, net::Ipv4Addr};

use crate::{Pod, Port, Protocol};

/// Where RunPod's HTTPS proxy answers for a pod's `http` ports.
const HTTP_PROXY: &str = "https://{pod}-{port}.proxy.runpod.net";

/// The URL of a port through a proxy; RunPod's own if there is no other.
pub(crate) fn http_url(proxy: Option<&str>, pod_id: &str, port: u16) -> String {
    proxy.unwrap_or(HTTP_PROXY).replace("{pod}", pod_id).replace("{port}", &port.to_string())
}

/// An SSH endpoint as RunPod reports it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SshEndpoint {
    /// Host name or address.
    pub host: String,
    /// Port, 1 to 65535.
    pub port: u16,
    /// The user to log in as: `root` on the direct endpoint, `<podId>-<hex>` on the proxy.
    pub username: String,
}

impl SshEndpoint {
    /// An endpoint made of parts that cannot be mistaken for an option or a second word of a
    /// command line; `None` for anything else a hostile or broken answer may hold.
    pub(crate) fn new(host: String, port: i64, username: String) -> Option<Self> {
        let port = u16::try_from(port).ok().filter(|port| *port != 0)?;
        let plain = |text: &str, extra: &[u8]| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
        };
        (plain(&host, b".-:") && plain(&username, b"._-")).then_some(Self { host, port, username })
    }
}

/// A TCP port of the container and where it is reached from outside.
///
/// The external port changes on every start: never keep one across a stop.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TcpEndpoint {
    /// The port inside the container.
    pub private_port: u16,
    /// Public IPv4 address.
    pub ip: Ipv4Addr,
    /// The port on that address.
    pub public_port: u16,
}

/// A command that opens a shell in the pod.
///
/// It is made of characters that mean nothing to a shell: an endpoint with any other is none, so
/// nothing a server sends can become an option or a second command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshCommand {
    arguments: Vec<String>,
    interactive_only: bool,
}

impl SshCommand {
    fn new(pod_id: &str, endpoint: &SshEndpoint, interactive_only: bool) -> Self {
        let mut arguments = vec!["-o".to_owned(), "StrictHostKeyChecking=accept-new".to_owned()];
        if pod_id.bytes().all(|b| b.is_ascii_alphanumeric()) && !interactive_only {
            arguments.push("-o".to_owned());
            arguments.push(format!("UserKnownHostsFile=~/.ssh/known_hosts_runpod_{pod_id}"));
        }
        arguments.extend(["-p".to_owned(), endpoint.port.to_string()]);
        arguments.push(format!("{}@{}", endpoint.username, endpoint.host));
        Self { arguments, interactive_only }
    }

    /// The arguments for `ssh`, without the program name.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        self.arguments.iter().map(OsString::from).collect()
    }

    /// Whether only an interactive shell works: RunPod's SSH proxy carries no scp, sftp or forwarding.
    #[must_use]
    pub fn is_interactive_only(&self) -> bool {
        self.interactive_only
    }
}

impl fmt::Display for SshCommand {
    /// The command line as one would type it into a POSIX shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ssh")?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

/// Every way to reach a pod, as of one look at it.
///
/// External ports change on every start: after a start, take the connection of a fresh look.
#[derive(Clone, Debug)]
pub struct Connection<'a> {
    pod: &'a Pod,
    http_proxy: Option<&'a str>,
}

impl<'a> Connection<'a> {
    pub(crate) fn new(pod: &'a Pod) -> Self {
        Self { pod, http_proxy: None }
    }

    /// The same, with HTTP URLs of a proxy other than RunPod's own.
    pub(crate) fn through(self, http_proxy: Option<&'a str>) -> Self {
        Self { http_proxy, ..self }
    }

    /// The direct SSH endpoint: everything SSH can do. `None` until the pod has one; it needs `22/tcp`.
    #[must_use]
    pub fn direct_ssh(&self) -> Option<SshEndpoint> {
        self.pod.ssh_direct.clone().or_else(|| {
            let endpoint = self.tcp(Port::SSH.number())?;
            SshEndpoint::new(endpoint.ip.to_string(), endpoint.public_port.into(), "root".to_owned())
        })
    }

    /// RunPod's SSH proxy: interactive shell only. `None` until a machine is assigned.
    #[must_use]
    pub fn proxy_ssh(&self) -> Option<SshEndpoint> {
        self.pod.ssh_proxy.clone()
    }

    /// The command that opens a shell: through the direct endpoint if there is one, else through the proxy.
    #[must_use]
    pub fn ssh_command(&self) -> Option<SshCommand> {
        let direct = self.direct_ssh().map(|endpoint| SshCommand::new(&self.pod.id, &endpoint, false));
        direct.or_else(|| Some(SshCommand::new(&self.pod.id, &self.proxy_ssh()?, true)))
    }

    /// The public URL of a port that was opened as `NNNN/http`; `None` for any other port. It leads through RunPod's
    /// HTTPS proxy, or through the one that the handle was given ([`http_proxy`](crate::RunPodBuilder::http_proxy)).
    ///
    /// The proxy answers 404 or 502 until the application listens, and cuts requests after 100 s.
    #[must_use]
    pub fn http_url(&self, port: u16) -> Option<String> {
        let opened = |p: &Port| p.number() == port && p.protocol() == Protocol::Http;
        let plain_id = self.pod.id.bytes().all(|b| b.is_ascii_alphanumeric());
        (plain_id && self.pod.ports.iter().any(opened)).then(|| http_url(self.http_proxy, &self.pod.id, port))
    }

    /// The public URL of every `http` port, in the order the ports were asked for.
    #[must_use]
    pub fn http_urls(&self) -> Vec<String> {
        self.pod.ports.iter().filter_map(|port| self.http_url(port.number())).collect()
    }

    /// Where a `tcp` port is reached from outside; `None` while it is not.
    #[must_use]
    pub fn tcp(&self, private_port: u16) -> Option<TcpEndpoint> {
        self.tcp_endpoints().iter().find(|endpoint| endpoint.private_port == private_port).cloned()
    }

    /// Every TCP port that is reachable from outside now.
    #[must_use]
    pub fn tcp_endpoints(&self) -> &'a [TcpEndpoint] {
        &self.pod.tcp_endpoints
    }
}

/// Whether an address is RunPod's internal 100.64.0.0/10, which nobody outside reaches.
pub(crate) fn is_internal(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    a == 100 && (64..128).contains(&b)
}
