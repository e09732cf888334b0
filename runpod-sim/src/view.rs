use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::boot::{Boot, Fate};
use crate::catalog::Cloud;
use crate::clock::Clock;
use crate::endpoints::Endpoints;
use crate::order::{Env, Mounts, Port, PortKind};
use crate::pod::{Phase, Pod, PodStatus};
use crate::rules::Compute;

/// The port RunPod's own agent uses in every pod.
const AGENT_PORT: u16 = 19123;

/// A pod as the v2 API shows it. It is written straight from the pod, which keeps long lists cheap.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PodView<'a> {
    id: &'a str,
    name: &'a str,
    status: PodStatus,
    actions: &'static [&'static str],
    image: &'a str,
    args: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entrypoint: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmd: Option<&'a [String]>,
    disk: u64,
    mounts: &'a Mounts,
    ports: &'a [Port],
    env: &'a Env,
    registry: Option<&'a str>,
    cloud: Cloud,
    data_center_id: Option<&'a str>,
    cuda_version: Option<&'a str>,
    ssh: SshView<'a>,
    template: Option<&'a str>,
    cost: f64,
    locked: bool,
    global_networking: NetworkingView<'a>,
    runtime: Option<RuntimeView>,
    created_at: Shown<jiff::Timestamp>,
    started_at: Option<Shown<jiff::Timestamp>>,
    #[serde(flatten)]
    compute: ComputeView,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<ClusterView<'a>>,
}

/// Is written the way it is displayed.
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum ComputeView {
    Gpu(GpuView),
    Cpu(CpuView),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GpuView {
    id: &'static str,
    count: u32,
    vcpu_count: f64,
    memory: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CpuView {
    id: &'static str,
    vcpu_count: u32,
    memory: u32,
}

#[derive(Serialize)]
struct ClusterView<'a> {
    id: &'a str,
    rank: u32,
}

#[derive(Serialize)]
struct SshView<'a> {
    proxy: Option<SshEnd<Shown<SshUser<'a>>>>,
    direct: Option<SshEnd<&'static str>>,
}

#[derive(Serialize)]
struct SshEnd<U> {
    host: Shown<Host>,
    port: u16,
    username: U,
    command: String,
}

/// Where SSH goes.
enum Host {
    Proxy,
    Direct(IpAddr),
}

impl Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Proxy => f.write_str("ssh.runpod.io"),
            Self::Direct(ip) => ip.fmt(f),
        }
    }
}

/// The user name the SSH proxy knows a pod by.
struct SshUser<'a> {
    pod: &'a str,
    token: u32,
}

impl Display for SshUser<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{:08x}", self.pod, self.token)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NetworkingView<'a> {
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<Ipv4Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    internal_dns: Option<Shown<InternalName<'a>>>,
}

/// A pod's name in the global network.
struct InternalName<'a>(&'a str);

impl Display for InternalName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.runpod.internal", self.0)
    }
}

#[derive(Serialize)]
struct RuntimeView {
    uptime: u64,
    gpus: Vec<GpuLoad>,
    cpu: Load,
    memory: Load,
    ports: Vec<PortView>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct GpuLoad {
    util: u32,
    memory_util: u32,
}

#[derive(Serialize)]
struct Load {
    util: u32,
}

#[derive(Serialize)]
struct PortView {
    private: u16,
    public: Option<u16>,
    #[serde(rename = "type")]
    kind: &'static str,
    ip: Option<IpAddr>,
}

impl Serialize for Port {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}/{}", self.number, self.kind.name()))
    }
}

impl Pod {
    /// The pod as the v2 API shows it.
    pub(crate) fn view(&self, now: Duration, clock: &Clock) -> Value {
        serde_json::to_value(self.show(now, clock)).unwrap_or_default()
    }

    /// The pod as the v2 API shows it, ready to be written.
    pub(crate) fn show<'a>(&'a self, now: Duration, clock: &Clock) -> PodView<'a> {
        let status = self.status(now);
        let assigned = match &self.phase {
            Phase::Up { boot, .. } => now >= boot.assigned,
            Phase::Exited { .. } | Phase::Terminated { .. } => true,
        };
        PodView {
            id: &self.id,
            name: &self.name,
            status,
            actions: actions(status),
            image: &self.image,
            args: &self.args,
            entrypoint: self.entrypoint.as_deref(),
            cmd: self.cmd.as_deref(),
            disk: self.disk,
            mounts: &self.mounts,
            ports: &self.ports,
            env: &self.env,
            registry: self.registry.as_deref(),
            cloud: self.place.cloud,
            data_center_id: assigned.then_some(&self.place.data_center),
            cuda_version: self.host.cuda.filter(|_| assigned),
            ssh: SshView { proxy: assigned.then(|| self.ssh_proxy()), direct: self.ssh_direct(now) },
            template: None,
            cost: self.usd_per_hour(),
            locked: self.locked,
            global_networking: self.networking(),
            runtime: self.runtime(now),
            created_at: Shown(clock.to_the_millisecond(self.created)),
            started_at: self.started(now).map(|at| Shown(clock.to_the_millisecond(at))),
            compute: self.compute_view(),
            cluster: self.cluster.as_deref().map(|id| ClusterView { id, rank: 0 }),
        }
    }

    fn compute_view(&self) -> ComputeView {
        match self.compute() {
            Compute::Gpu { kind, count } => ComputeView::Gpu(GpuView {
                id: kind.id,
                count,
                vcpu_count: f64::from(kind.vcpus * count),
                memory: f64::from(kind.ram_gb * count),
            }),
            Compute::Cpu { flavor, vcpus } => ComputeView::Cpu(CpuView {
                id: flavor.id,
                vcpu_count: vcpus,
                memory: vcpus * flavor.ram_gb_per_vcpu,
            }),
        }
    }

    fn ssh_proxy(&self) -> SshEnd<Shown<SshUser<'_>>> {
        let user = SshUser { pod: &self.id, token: self.host.ssh_token };
        let command = format!("ssh {user}@{}", Host::Proxy);
        SshEnd { host: Shown(Host::Proxy), port: 22, username: Shown(user), command }
    }

    fn ssh_direct(&self, now: Duration) -> Option<SshEnd<&'static str>> {
        let public = self.reachable(now)?.1.of(Port::SSH)?.public;
        let (host, port) = (public.ip(), public.port());
        let command = format!("ssh root@{host} -p {port}");
        Some(SshEnd { host: Shown(Host::Direct(host)), port, username: "root", command })
    }

    fn networking(&self) -> NetworkingView<'_> {
        let [_, _, third, fourth] = self.host.internal_ip.octets();
        let enabled = self.global_networking;
        NetworkingView {
            enabled,
            ip: enabled.then(|| Ipv4Addr::new(10, 1, third, fourth)),
            internal_dns: enabled.then(|| Shown(InternalName(&self.id))),
        }
    }

    fn runtime(&self, now: Duration) -> Option<RuntimeView> {
        let Phase::Up { boot, endpoints } = &self.phase else { return None };
        if now < boot.runtime {
            return None;
        }
        let gpus = match self.compute() {
            Compute::Gpu { count, .. } => count as usize,
            Compute::Cpu { .. } => 0,
        };
        Some(RuntimeView {
            uptime: uptime(boot, now).as_secs(),
            gpus: vec![GpuLoad { util: 0, memory_util: 0 }; gpus],
            cpu: Load { util: 1 },
            memory: Load { util: 2 },
            ports: self.runtime_ports(endpoints, now >= boot.ports),
        })
    }

    /// A TCP port is listed twice, under the machine's internal address too; HTTP ports only there.
    fn runtime_ports(&self, endpoints: &Endpoints, assigned: bool) -> Vec<PortView> {
        let entry = |private: u16, kind: PortKind, public: Option<u16>, ip: Option<IpAddr>| PortView {
            private,
            public,
            kind: kind.name(),
            ip,
        };
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
fn actions(status: PodStatus) -> &'static [&'static str] {
    match status {
        PodStatus::Provisioning => &["start", "stop", "terminate"],
        PodStatus::Starting => &["stop", "terminate"],
        PodStatus::Running => &["stop", "restart", "terminate"],
        PodStatus::Exited | PodStatus::Error => &["start", "terminate"],
        PodStatus::Terminated => &[],
    }
}
