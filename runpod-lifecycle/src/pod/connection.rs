//! The ways to reach a pod.

use std::{ffi::OsString, fmt};

use crate::{Pod, Port, SshEndpoint, TcpEndpoint, pod::port::JUPYTER};

/// The address of RunPod's HTTPS proxy for a pod's `http` ports.
const HTTP_PROXY: &str = "https://{pod}-{port}.proxy.runpod.net";

/// The URL of a port through a proxy; RunPod's own if there is no other.
pub(crate) fn http_url(proxy: Option<&str>, pod_id: &str, port: u16) -> String {
    proxy.unwrap_or(HTTP_PROXY).replace("{pod}", pod_id).replace("{port}", &port.to_string())
}

/// A command that opens a shell in the pod.
///
/// It is made of characters that mean nothing to a shell: an endpoint with any other is none, so
/// nothing a server sends can become an option or a second command.
///
/// Host keys are checked, in a file per start of the pod (`~/.ssh/known_hosts_runpod_<pod id>_<start>`): every
/// start makes new ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshCommand {
    arguments: Vec<String>,
    interactive_only: bool,
}

impl SshCommand {
    fn new(pod: &Pod, endpoint: &SshEndpoint, interactive_only: bool) -> Self {
        let mut arguments = vec!["-o".to_owned(), "StrictHostKeyChecking=accept-new".to_owned()];
        if let Some(file) = known_hosts_file(pod).filter(|_| !interactive_only) {
            arguments.push("-o".to_owned());
            arguments.push(format!("UserKnownHostsFile={file}"));
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

    /// Returns true if only an interactive shell works: RunPod's SSH proxy carries no scp, sftp or forwarding.
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

/// The file for the host keys of one start of a pod; `None` for an id that could be more than a name.
fn known_hosts_file(pod: &Pod) -> Option<String> {
    let start = pod.started_at.as_deref().unwrap_or_default();
    let start: String = start.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    let end = if start.is_empty() { String::new() } else { format!("_{start}") };
    is_plain(&pod.id).then(|| format!("~/.ssh/known_hosts_runpod_{}{end}", pod.id))
}

fn is_plain(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Every way to reach a pod, by one poll of it.
///
/// Only a pod that RunPod says is `RUNNING` has addresses: what it still shows of a stopped one belongs to others by
/// now, and a state that this version does not know may be such a one.
/// External ports change on every start: after a start, take the connection of a fresh poll.
#[derive(Clone, Debug)]
pub struct Connection<'a> {
    pod: &'a Pod,
    user: Option<String>,
    http_proxy: Option<&'a str>,
}

impl Pod {
    /// Returns the ways to reach it that this poll shows.
    #[must_use]
    #[doc(alias("ssh", "address", "url", "ip"))]
    pub fn connection(&self) -> Connection<'_> {
        Connection::new(self)
    }
}

impl<'a> Connection<'a> {
    fn new(pod: &'a Pod) -> Self {
        Self { pod, user: None, http_proxy: None }
    }

    /// The same, with HTTP URLs of a proxy other than RunPod's own.
    pub(crate) fn through(self, http_proxy: Option<&'a str>) -> Self {
        Self { http_proxy, ..self }
    }

    /// The user to log in as over direct SSH. Default: the one RunPod names, which is `root`.
    ///
    /// A name that ssh could take for an option or a shell for more than a word leaves no direct endpoint.
    #[must_use]
    pub fn ssh_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// The direct SSH endpoint: everything SSH can do. `None` until the pod runs and has one; it needs `22/tcp`.
    #[must_use]
    pub fn direct_ssh(&self) -> Option<SshEndpoint> {
        let said = self.pod.ssh_direct.clone().filter(|_| self.pod.is_running());
        let SshEndpoint { host, port, username } = said.or_else(|| {
            let endpoint = self.tcp(Port::SSH.number())?;
            SshEndpoint::new(endpoint.ip.to_string(), endpoint.public_port.into(), "root".to_owned())
        })?;
        SshEndpoint::new(host, port.into(), self.user.clone().unwrap_or(username))
    }

    /// RunPod's SSH proxy: interactive shell only. `None` until the pod runs and a machine is assigned.
    #[must_use]
    pub fn proxy_ssh(&self) -> Option<SshEndpoint> {
        self.pod.ssh_proxy.clone().filter(|_| self.pod.is_running())
    }

    /// The file for the host keys of this start of the pod, as [`SshCommand`] names it; ssh knows what `~` is. `None` for an id with other
    /// characters than letters and digits.
    #[must_use]
    pub fn known_hosts_file(&self) -> Option<String> {
        known_hosts_file(self.pod)
    }

    /// The command that opens a shell: through the direct endpoint if there is one, else through the proxy.
    #[must_use]
    pub fn ssh_command(&self) -> Option<SshCommand> {
        let direct = self.direct_ssh().map(|endpoint| SshCommand::new(self.pod, &endpoint, false));
        direct.or_else(|| Some(SshCommand::new(self.pod, &self.proxy_ssh()?, true)))
    }

    /// The public URL of a port that was opened as `NNNN/http`; `None` for any other port, and unless RunPod says that
    /// the pod runs or is on its way up. The URL goes by the pod's id, and is nobody else's ever. It leads through RunPod's HTTPS proxy, or through the one that the handle was given
    /// ([`http_proxy`](crate::RunPodBuilder::http_proxy)).
    ///
    /// The proxy answers 404 or 502 until the application listens, and cuts requests after 100 s.
    #[must_use]
    pub fn http_url(&self, port: u16) -> Option<String> {
        (is_plain(&self.pod.id) && self.pod.has_http(port) && self.pod.is_up())
            .then(|| http_url(self.http_proxy, &self.pod.id, port))
    }

    /// The public URL of every `http` port, in the order the ports were asked for.
    #[must_use]
    pub fn http_urls(&self) -> Vec<String> {
        let numbers = self.pod.ports.iter().filter_map(|port| u16::try_from(port.number()).ok());
        numbers.filter_map(|port| self.http_url(port)).collect()
    }

    /// The public URL of every `http` port by its number.
    #[cfg(feature = "serde")]
    pub(crate) fn http_by_port(&self) -> std::collections::BTreeMap<u16, String> {
        let numbers = self.pod.ports.iter().filter_map(|port| u16::try_from(port.number()).ok());
        numbers.filter_map(|port| Some((port, self.http_url(port)?))).collect()
    }

    /// The public URL of JupyterLab; `None` where [`http_url`](Self::http_url) of port 8888 is.
    ///
    /// It asks for the password that the pod was deployed with ([`jupyter_with`](crate::PodSpec::jupyter_with)), and
    /// answers once [`Ready::Jupyter`](crate::Ready::Jupyter) does.
    #[must_use]
    pub fn jupyter_url(&self) -> Option<String> {
        self.http_url(JUPYTER).map(|url| format!("{}/lab", url.trim_end_matches('/')))
    }

    /// Returns where a `tcp` port is reached from outside; `None` while it is not.
    ///
    /// A symmetric port goes by the number it was asked for by. Where RunPod shows real numbers only, and several
    /// were asked for, which is which is known inside the pod alone: that is `None`, and
    /// [`tcp_endpoints`](Self::tcp_endpoints) has them all.
    #[must_use]
    pub fn tcp(&self, private_port: u32) -> Option<TcpEndpoint> {
        let endpoints = self.tcp_endpoints().iter();
        let is_it = |endpoint: &&TcpEndpoint| endpoint.asked_as_number() == private_port;
        let exact = endpoints.clone().find(is_it);
        exact.or_else(|| self.symmetric(private_port)).cloned()
    }

    /// The one endpoint that can be a symmetric port.
    fn symmetric(&self, number: u32) -> Option<&'a TcpEndpoint> {
        let asked: Vec<&Port> = self.pod.ports.iter().filter(|port| port.is_symmetric()).collect();
        match (&asked[..], &self.symmetric_endpoints()[..]) {
            ([only], [endpoint]) if only.number() == number => Some(endpoint),
            _ => None,
        }
    }

    /// The endpoints of symmetric ports, whichever number RunPod shows them by.
    pub(crate) fn symmetric_endpoints(&self) -> Vec<&'a TcpEndpoint> {
        let asked = |number: u32| self.pod.ports.iter().any(|port| port.number() == number);
        let is_symmetric = |endpoint: &&TcpEndpoint| {
            endpoint.asked_as.is_some()
                || endpoint.private_port == endpoint.public_port && !asked(endpoint.private_port.into())
        };
        self.tcp_endpoints().iter().filter(is_symmetric).collect()
    }

    /// Every TCP port that is reachable from outside now: none while the pod does not run.
    #[must_use]
    pub fn tcp_endpoints(&self) -> &'a [TcpEndpoint] {
        if self.pod.is_running() { &self.pod.tcp_endpoints } else { &[] }
    }
}
