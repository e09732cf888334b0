use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use serde::Serialize;
use serde_json::{Value, json};

use crate::boot::{Boot, Fate};
use crate::capacity::Place;
use crate::clock::Clock;
use crate::endpoints::Endpoints;
use crate::ledger::BilledSpan;
use crate::order::{Env, Mounts, Port, PortKind};
use crate::rules::Compute;

/// The port RunPod's own agent uses in every pod.
const AGENT_PORT: u16 = 19123;

/// A pod's status, as the API reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum PodStatus {
    /// Waiting for a machine.
    Provisioning,
    /// Pulling the image and starting the container.
    Starting,
    /// The container runs; it may not be reachable yet.
    Running,
    /// Stopped: no compute, but its disk is kept.
    Exited,
    /// The container cannot run.
    Error,
    /// Deleted.
    Terminated,
}

impl PodStatus {
    /// The name as the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Exited => "EXITED",
            Self::Error => "ERROR",
            Self::Terminated => "TERMINATED",
        }
    }
}

impl std::fmt::Display for PodStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What an action endpoint can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Start,
    Stop,
    Restart,
    Terminate,
}

impl Action {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let all = [Self::Start, Self::Stop, Self::Restart, Self::Terminate];
        all.into_iter().find(|action| action.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Terminate => "terminate",
        }
    }

    /// Whether a pod in this status really takes the action.
    pub(crate) fn suits(self, status: PodStatus) -> bool {
        use PodStatus as S;
        match self {
            Self::Start => matches!(status, S::Exited | S::Error),
            Self::Stop => matches!(status, S::Provisioning | S::Starting | S::Running),
            Self::Restart => status == S::Running,
            Self::Terminate => status != S::Terminated,
        }
    }
}

/// One pod: what it was asked to be, and everything its state follows from.
pub(crate) struct Pod {
    pub(crate) id: String,
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) args: String,
    pub(crate) entrypoint: Option<Vec<String>>,
    pub(crate) cmd: Option<Vec<String>>,
    pub(crate) disk: u64,
    pub(crate) env: Env,
    pub(crate) ports: Vec<Port>,
    pub(crate) registry: Option<String>,
    pub(crate) compute: Compute,
    pub(crate) mounts: Mounts,
    pub(crate) global_networking: bool,
    pub(crate) locked: bool,
    /// Whether its machine had no GPU left for it when it was started.
    pub(crate) without_gpus: bool,
    /// The cluster it belongs to; `None` for a pod of its own.
    pub(crate) cluster: Option<String>,
    pub(crate) interruptible: bool,
    /// Whether the container starts an SSH server.
    pub(crate) sshd: bool,
    pub(crate) place: Place,
    pub(crate) host: Host,
    pub(crate) created: Duration,
    pub(crate) phase: Phase,
    pub(crate) billed: Vec<BilledSpan>,
    /// Every boot there was, and when it ended; the last one may still last.
    pub(crate) boots: Vec<(Boot, Option<Duration>)>,
    /// Everything random about this pod is drawn from here.
    pub(crate) rng: StdRng,
}

/// Facts about the machine a pod is pinned to.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    pub(crate) cuda: Option<&'static str>,
    pub(crate) ssh_token: u32,
    pub(crate) internal_ip: Ipv4Addr,
    pub(crate) agent_port: u16,
}

impl Host {
    pub(crate) fn draw(cuda: Option<&'static str>, rng: &mut impl Rng) -> Self {
        Self {
            cuda,
            ssh_token: rng.random(),
            internal_ip: Ipv4Addr::new(100, 65, rng.random_range(0..=255), rng.random_range(1..=254)),
            agent_port: rng.random_range(60_000..=64_999),
        }
    }
}

/// Where a pod is in its life. Statuses in between follow from the clock.
pub(crate) enum Phase {
    Up { boot: Boot, endpoints: Endpoints },
    Exited { started: Option<Duration> },
    Terminated { at: Duration },
}

impl Pod {
    pub(crate) fn status(&self, now: Duration) -> PodStatus {
        match &self.phase {
            Phase::Up { boot, .. } if now < boot.assigned => PodStatus::Provisioning,
            Phase::Up { boot, .. } if now < boot.running => PodStatus::Starting,
            Phase::Up { boot, .. } if boot.fate == Fate::Fails => PodStatus::Error,
            Phase::Up { .. } => PodStatus::Running,
            Phase::Exited { .. } => PodStatus::Exited,
            Phase::Terminated { .. } => PodStatus::Terminated,
        }
    }

    /// Whether it occupies its machine's compute.
    pub(crate) fn holds_compute(&self) -> bool {
        matches!(self.phase, Phase::Up { .. })
    }

    pub(crate) fn usd_per_hour(&self) -> f64 {
        if self.holds_compute() { self.compute().usd_per_hour(self.place.cloud) } else { 0.0 }
    }

    /// What it computes with now, which may be less than what was asked for.
    pub(crate) fn compute(&self) -> Compute {
        match self.compute {
            Compute::Gpu { kind, .. } if self.without_gpus => Compute::Gpu { kind, count: 0 },
            compute => compute,
        }
    }

    /// Begins a boot and its bill, which runs from the moment a machine is assigned.
    pub(crate) fn boot(&mut self, boot: Boot, endpoints: Endpoints) {
        self.end_boot(boot.asked);
        self.billed.push(BilledSpan {
            from: boot.assigned,
            to: None,
            usd_per_hour: self.compute().usd_per_hour(self.place.cloud),
        });
        self.boots.push((boot, None));
        self.phase = Phase::Up { boot, endpoints };
    }

    pub(crate) fn exit(&mut self, now: Duration) {
        self.end_boot(now);
        self.phase = Phase::Exited { started: self.started(now) };
    }

    pub(crate) fn terminate(&mut self, now: Duration) {
        self.end_boot(now);
        self.phase = Phase::Terminated { at: now };
    }

    /// Closes its ports without changing anything else.
    pub(crate) fn unplug(&mut self) {
        if let Phase::Up { endpoints, .. } = &mut self.phase {
            endpoints.close();
        }
    }

    fn end_boot(&mut self, now: Duration) {
        if let Some(span) = self.billed.last_mut().filter(|span| span.to.is_none()) {
            // One that never got a machine has billed nothing.
            span.from = span.from.min(now);
            span.to = Some(now);
        }
        if let Some((_, ended)) = self.boots.last_mut().filter(|(_, ended)| ended.is_none()) {
            *ended = Some(now);
        }
    }

    fn started(&self, now: Duration) -> Option<Duration> {
        match &self.phase {
            Phase::Up { boot, .. } => (now >= boot.running).then_some(boot.running),
            Phase::Exited { started } => *started,
            Phase::Terminated { .. } => None,
        }
    }

    /// The boot and its ends once public ports are assigned.
    pub(crate) fn reachable(&self, now: Duration) -> Option<(&Boot, &Endpoints)> {
        match &self.phase {
            Phase::Up { boot, endpoints } if now >= boot.ports => Some((boot, endpoints)),
            _ => None,
        }
    }

    /// The pod as the v2 API shows it.
    pub(crate) fn view(&self, now: Duration, clock: &Clock) -> Value {
        let status = self.status(now);
        let assigned = match &self.phase {
            Phase::Up { boot, .. } => now >= boot.assigned,
            Phase::Exited { .. } | Phase::Terminated { .. } => true,
        };
        let mut view = json!({
            "id": self.id,
            "name": self.name,
            "status": status,
            "actions": actions(status),
            "image": self.image,
            "args": self.args,
            "disk": self.disk,
            "mounts": self.mounts,
            "ports": self.ports.iter().map(|port| format!("{}/{}", port.number, port.kind.name())).collect::<Vec<_>>(),
            "env": self.env,
            "registry": self.registry,
            "cloud": self.place.cloud,
            "dataCenterId": assigned.then_some(&self.place.data_center),
            "cudaVersion": self.host.cuda.filter(|_| assigned),
            "ssh": { "proxy": assigned.then(|| self.ssh_proxy()), "direct": self.ssh_direct(now) },
            "template": null,
            "cost": self.usd_per_hour(),
            "locked": self.locked,
            "globalNetworking": self.networking(),
            "runtime": self.runtime(now),
            "createdAt": clock.timestamp(self.created),
            "startedAt": self.started(now).map(|at| clock.timestamp(at)),
        });
        match self.compute() {
            Compute::Gpu { kind, count } => {
                view["gpu"] = json!({
                    "id": kind.id,
                    "count": count,
                    "vcpuCount": f64::from(kind.vcpus * count),
                    "memory": f64::from(kind.ram_gb * count),
                });
            }
            Compute::Cpu { flavor, vcpus } => {
                view["cpu"] =
                    json!({ "id": flavor.id, "vcpuCount": vcpus, "memory": vcpus * flavor.ram_gb_per_vcpu });
            }
        }
        if let Some(cluster) = &self.cluster {
            view["cluster"] = json!({ "id": cluster, "rank": 0 });
        }
        for (name, value) in [("entrypoint", &self.entrypoint), ("cmd", &self.cmd)] {
            if let Some(words) = value {
                view[name] = json!(words);
            }
        }
        view
    }

    fn ssh_proxy(&self) -> Value {
        let user = format!("{}-{:08x}", self.id, self.host.ssh_token);
        let command = format!("ssh {user}@ssh.runpod.io");
        json!({ "host": "ssh.runpod.io", "port": 22, "username": user, "command": command })
    }

    fn ssh_direct(&self, now: Duration) -> Option<Value> {
        let public = self.reachable(now)?.1.of(Port::SSH)?.public;
        let (host, port) = (public.ip(), public.port());
        let command = format!("ssh root@{host} -p {port}");
        Some(json!({ "host": host, "port": port, "username": "root", "command": command }))
    }

    fn networking(&self) -> Value {
        if !self.global_networking {
            return json!({ "enabled": false });
        }
        let [_, _, third, fourth] = self.host.internal_ip.octets();
        let ip = Ipv4Addr::new(10, 1, third, fourth);
        json!({ "enabled": true, "ip": ip, "internalDns": format!("{}.runpod.internal", self.id) })
    }

    fn runtime(&self, now: Duration) -> Option<Value> {
        let Phase::Up { boot, endpoints } = &self.phase else { return None };
        if now < boot.runtime {
            return None;
        }
        let gpus = match self.compute() {
            Compute::Gpu { count, .. } => count as usize,
            Compute::Cpu { .. } => 0,
        };
        Some(json!({
            "uptime": uptime(boot, now).as_secs(),
            "gpus": vec![json!({ "util": 0, "memoryUtil": 0 }); gpus],
            "cpu": { "util": 1 },
            "memory": { "util": 2 },
            "ports": self.runtime_ports(endpoints, now >= boot.ports),
        }))
    }

    /// A TCP port is listed twice, under the machine's internal address too; HTTP ports only there.
    fn runtime_ports(&self, endpoints: &Endpoints, assigned: bool) -> Vec<Value> {
        let entry = |private: u16, kind: PortKind, public: Option<u16>, ip: Option<IpAddr>| json!({ "private": private, "public": public, "type": kind.name(), "ip": ip });
        let internal = IpAddr::V4(self.host.internal_ip);
        let mut ports = vec![entry(AGENT_PORT, PortKind::Http, Some(self.host.agent_port), Some(internal))];
        for endpoint in endpoints.iter() {
            let (port, public) = (endpoint.port, endpoint.public);
            ports.push(match (port.kind, assigned) {
                (PortKind::Http, _) => entry(port.number, port.kind, Some(public.port()), Some(internal)),
                (_, false) => entry(port.number, port.kind, None, None),
                (_, true) => entry(port.number, port.kind, Some(public.port()), Some(public.ip())),
            });
            if port.kind == PortKind::Tcp && assigned {
                ports.push(entry(port.number, port.kind, Some(self.host.agent_port + 1), Some(internal)));
            }
        }
        ports
    }
}

/// Time since the container last started.
fn uptime(boot: &Boot, now: Duration) -> Duration {
    let running = now.saturating_sub(boot.running);
    match boot.fate {
        Fate::ExitLoop { every } => {
            Duration::from_secs(running.as_secs().checked_rem(every.as_secs()).unwrap_or_default())
        }
        _ => running,
    }
}

/// The actions RunPod advertises, which is not quite what it takes.
fn actions(status: PodStatus) -> Vec<&'static str> {
    match status {
        PodStatus::Provisioning => vec!["start", "stop", "terminate"],
        PodStatus::Starting => vec!["stop", "terminate"],
        PodStatus::Running => vec!["stop", "restart", "terminate"],
        PodStatus::Exited | PodStatus::Error => vec!["start", "terminate"],
        PodStatus::Terminated => vec![],
    }
}
