//! The conditions that a wait can have: pure functions of one poll of a pod.

pub(crate) mod http;
pub(crate) mod idle;
mod jupyter;
pub(crate) mod own;

use std::{fmt, time::Duration};

use crate::{
    HttpReady, OwnProbe, Pod, PodSpec, PodState, Port, Protocol,
    pod::{ShownRun, port::JUPYTER, state::word},
};

/// Why a pod has no direct SSH endpoint, and never will.
const NO_SSH: &str = "22/tcp is not among the pod's ports; deploy it with .port(\"22/tcp\")";

/// The meaning of one poll of a pod for a wait.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Not yet, and why, in a few words: `no direct SSH endpoint yet`.
    Pending(String),
    /// The condition holds, as far as RunPod's answer can tell.
    Done,
    /// It will never hold, and why.
    Failed(String),
}

impl Verdict {
    fn pending(reason: impl Into<String>) -> Self {
        Self::Pending(reason.into())
    }

    fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }
}

/// Something on the pod that must answer before a wait is over.
///
/// All waits of a handle and its clones share it: one of them asks at a time, and the others hear what it heard. The
/// pause to the next time doubles from 1 s: to 8 s after connections that an SSH or TCP endpoint takes, because sshd
/// shuts out clients that come too often, and to 3 s otherwise. A change through the handle makes all be asked anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Probe {
    /// A TCP connection is accepted. To a server that greets as SSH does, this side says who it is.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// A TCP connection is accepted and the other side names an SSH version, be it after other lines (RFC 4253).
    Ssh {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// An application answers through RunPod's HTTPS proxy.
    Http {
        /// The pod's id.
        pod_id: String,
        /// The request, and the answers that count.
        request: HttpReady,
    },
    /// A question of the caller's own, such as a login.
    Own(OwnProbe),
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } | Self::Ssh { host, port } => write!(f, "{host}:{port}"),
            Self::Http { request, .. } => write!(f, "port {}{}", request.number(), request.suffix()),
            Self::Own(own) => f.write_str(own.name()),
        }
    }
}

/// A condition that a wait waits for.
///
/// Any `Fn(Option<&Pod>) -> Verdict` is a condition; `None` means the pod does not exist.
///
/// ```
/// use runpod_lifecycle::{Condition, Pod, Verdict};
///
/// fn in_california(pod: Option<&Pod>) -> Verdict {
///     match pod.map(|pod| pod.data_center.as_deref()) {
///         None => Verdict::Failed("the pod is gone".into()),
///         Some(Some(id)) if id.starts_with("US-CA") => Verdict::Done,
///         Some(Some(id)) => Verdict::Failed(format!("it runs in {id}")),
///         Some(None) => Verdict::Pending("no machine yet".into()),
///     }
/// }
/// assert_eq!(in_california.verdict(None), Verdict::Failed("the pod is gone".into()));
/// ```
pub trait Condition: Send + Sync {
    /// Judges one poll. Must be quick and free of side effects.
    fn verdict(&self, pod: Option<&Pod>) -> Verdict;

    /// Names the endpoints that must answer besides, once the verdict is [`Verdict::Done`]. Default: none.
    fn probes(&self, pod: &Pod) -> Vec<Probe> {
        let _ = pod;
        Vec::new()
    }

    /// The time for which every poll must find it so before the wait is over. Default: none, one poll will do.
    ///
    /// The wait polls every 30 s at the latest meanwhile, and counts anew after 90 s without an answer.
    fn lasting(&self) -> Duration {
        Duration::ZERO
    }

    /// Says why no new pod of a spec will ever meet it, as far as the spec tells. Default: nothing.
    ///
    /// A deploy that is to wait for it is refused then, before anything is paid for.
    fn never_by(&self, spec: &PodSpec) -> Option<String> {
        let _ = spec;
        None
    }

    /// The condition in a word or two, for events and errors. Default: `your condition`.
    fn name(&self) -> String {
        "your condition".to_owned()
    }
}

impl<F> Condition for F
where
    F: Fn(Option<&Pod>) -> Verdict + Send + Sync,
{
    fn verdict(&self, pod: Option<&Pod>) -> Verdict {
        self(pod)
    }
}

/// RunPod says `RUNNING`. The container was started; nothing in it need answer yet.
///
/// After a start or restart through this [`RunPod`](crate::RunPod) the run from before does not count, nor does an
/// answer that may be from before: until RunPod shows another run, or has had 15 s to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running;

impl Condition for Running {
    fn verdict(&self, pod: Option<&Pod>) -> Verdict {
        let pod = match alive(pod) {
            Ok(pod) => pod,
            Err(verdict) => return verdict,
        };
        match (&pod.state, &pod.withheld) {
            (Some(PodState::Running), Some(withheld)) if withheld.shows == ShownRun::Old => {
                Verdict::pending(&withheld.reason)
            }
            (Some(PodState::Running), _) => Verdict::Done,
            (state, _) => Verdict::pending(format!("RunPod says {}", word(state.as_ref()))),
        }
    }

    fn name(&self) -> String {
        "running".to_owned()
    }
}

/// The pod can be used: what was asked for is reachable and answers a probe.
///
/// `RUNNING` alone is not enough: RunPod says it while a pod has neither address nor ports (observed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ready {
    /// Every `tcp` port that was asked for has a public endpoint that accepts a connection.
    Ports,
    /// The direct SSH endpoint greets with an SSH banner. Needs `22/tcp` among the ports.
    Ssh,
    /// The application behind this `http` port answers through RunPod's proxy with a status from 200 to 499.
    /// [`HttpReady`] says more: a path, statuses, a timeout, what an answer must hold.
    Http(u16),
    /// JupyterLab tells its version behind `8888/http`. See [`PodSpec::jupyter_with`](crate::PodSpec::jupyter_with).
    Jupyter,
}

impl Condition for Ready {
    fn verdict(&self, pod: Option<&Pod>) -> Verdict {
        let pod = match alive(pod) {
            Ok(pod) => pod,
            Err(verdict) => return verdict,
        };
        match self {
            Self::Ports => ports_ready(pod),
            Self::Ssh => ssh_ready(pod),
            Self::Http(port) => http_ready(pod, *port),
            Self::Jupyter => http_ready(pod, JUPYTER),
        }
    }

    fn probes(&self, pod: &Pod) -> Vec<Probe> {
        let connection = pod.connection();
        match self {
            Self::Ports => connection
                .tcp_endpoints()
                .iter()
                .map(|endpoint| Probe::Tcp { host: endpoint.ip.to_string(), port: endpoint.public_port })
                .collect(),
            Self::Ssh => connection
                .direct_ssh()
                .map(|endpoint| Probe::Ssh { host: endpoint.host, port: endpoint.port })
                .into_iter()
                .collect(),
            Self::Http(port) => HttpReady::port(*port).probes(pod),
            Self::Jupyter => jupyter::READY.probes(pod),
        }
    }

    fn never_by(&self, spec: &PodSpec) -> Option<String> {
        match self {
            Self::Ports => None,
            Self::Ssh => (!spec.may_open(Port::SSH)).then(|| NO_SSH.to_owned()),
            Self::Http(port) => no_http(spec, *port),
            Self::Jupyter => no_http(spec, JUPYTER),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Ports => "ready (ports)".to_owned(),
            Self::Ssh => "ready (ssh)".to_owned(),
            Self::Http(port) => format!("ready (http {port})"),
            Self::Jupyter => "ready (jupyter)".to_owned(),
        }
    }
}

impl Condition for HttpReady {
    fn verdict(&self, pod: Option<&Pod>) -> Verdict {
        match alive(pod) {
            Ok(pod) => http_ready(pod, self.number()),
            Err(verdict) => verdict,
        }
    }

    fn probes(&self, pod: &Pod) -> Vec<Probe> {
        vec![Probe::Http { pod_id: pod.id.clone(), request: self.clone() }]
    }

    fn never_by(&self, spec: &PodSpec) -> Option<String> {
        no_http(spec, self.number())
    }

    fn name(&self) -> String {
        format!("ready (http {}{})", self.number(), self.suffix())
    }
}

/// The pod is stopped: the GPU is given back, a pod volume is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl Condition for Stopped {
    fn verdict(&self, pod: Option<&Pod>) -> Verdict {
        match pod.map(|pod| pod.state.as_ref()) {
            None => Verdict::failed("the pod no longer exists"),
            Some(Some(state)) if state.is_stopped() => Verdict::Done,
            Some(Some(PodState::Terminated)) => Verdict::failed("the pod was terminated"),
            Some(state) => Verdict::pending(format!("RunPod says {}", word(state))),
        }
    }

    fn name(&self) -> String {
        "stopped".to_owned()
    }
}

/// The pod is gone: RunPod knows no such pod, or says `TERMINATED`. It bills nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl Condition for Gone {
    fn verdict(&self, pod: Option<&Pod>) -> Verdict {
        match pod {
            None => Verdict::Done,
            Some(pod) if pod.is_gone() => Verdict::Done,
            Some(pod) => Verdict::pending(format!("RunPod says {}", word(pod.state.as_ref()))),
        }
    }

    fn name(&self) -> String {
        "gone".to_owned()
    }
}

/// The pod, if it can still come up by itself.
fn alive(pod: Option<&Pod>) -> Result<&Pod, Verdict> {
    let pod = pod.ok_or_else(|| Verdict::failed("the pod no longer exists"))?;
    match &pod.state {
        Some(PodState::Error) => Err(Verdict::failed("RunPod gave the pod up (ERROR)")),
        Some(PodState::Terminated) => Err(Verdict::failed("the pod was terminated")),
        Some(state) if state.is_stopped() => Err(Verdict::failed("the pod is stopped; start it first")),
        Some(PodState::Running) if pod.gpu.as_ref().is_some_and(|gpu| gpu.count == 0) => {
            Err(Verdict::failed(
                "it came back without a GPU: its host has none free; wait, or deploy it elsewhere",
            ))
        }
        _ => Ok(pod),
    }
}

fn ports_ready(pod: &Pod) -> Verdict {
    if let Some(verdict) = not_up(pod) {
        return verdict;
    }
    let connection = pod.connection();
    let (symmetric, plain): (Vec<&Port>, Vec<&Port>) = pod
        .ports
        .iter()
        .filter(|port| port.protocol() == Protocol::Tcp)
        .partition(|port| port.is_symmetric());
    let mut missing: Vec<String> = plain
        .into_iter()
        .filter(|port| connection.tcp(port.number()).is_none())
        .map(ToString::to_string)
        .collect();
    // Which of them is which only the pod knows, where RunPod shows real numbers.
    if connection.symmetric_endpoints().len() < symmetric.len() {
        missing.extend(symmetric.into_iter().map(ToString::to_string));
    }
    if missing.is_empty() {
        Verdict::Done
    } else {
        let missing = || format!("no public endpoint yet for {}", missing.join(", "));
        Verdict::pending(pod.withheld.as_ref().map_or_else(missing, |withheld| withheld.reason.clone()))
    }
}

fn ssh_ready(pod: &Pod) -> Verdict {
    if let Some(withheld) = &pod.withheld {
        return Verdict::pending(&withheld.reason);
    }
    if pod.connection().direct_ssh().is_some() {
        Verdict::Done
    } else if pod.ports.contains(&Port::SSH) || !pod.knows_ports {
        Verdict::pending("no direct SSH endpoint yet")
    } else {
        Verdict::failed(NO_SSH)
    }
}

/// Why no pod of a spec will answer at an http port; `None` if one may.
fn no_http(spec: &PodSpec, port: u16) -> Option<String> {
    (!spec.may_open(Port::http(port))).then(|| lacks_http(port))
}

fn lacks_http(port: u16) -> String {
    format!("{port}/http is not among the pod's ports; deploy it with .port(\"{port}/http\")")
}

fn http_ready(pod: &Pod, port: u16) -> Verdict {
    if pod.knows_ports && !pod.has_http(port) {
        return Verdict::failed(lacks_http(port));
    }
    not_up(pod).unwrap_or(Verdict::Done)
}

/// Why nothing of the pod can be reached yet: it does not run, or RunPod does not say with which ports.
fn not_up(pod: &Pod) -> Option<Verdict> {
    // What is reached by the pod's id is the present run's own.
    if let Some(withheld) = pod.withheld.as_ref().filter(|withheld| withheld.shows != ShownRun::New) {
        return Some(Verdict::pending(&withheld.reason));
    }
    match &pod.state {
        Some(PodState::Running) if pod.knows_ports => None,
        Some(PodState::Running) => Some(Verdict::pending("RunPod does not say which ports it has")),
        state => Some(Verdict::pending(format!("RunPod says {}", word(state.as_ref())))),
    }
}
