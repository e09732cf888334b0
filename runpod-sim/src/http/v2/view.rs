//! A pod as v2 shows it.

use std::{
    borrow::Cow,
    fmt::Display,
    net::{IpAddr, Ipv4Addr},
};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::world::{
    behavior::{EnvironmentMask, SymmetricPorts},
    catalog::Cloud,
    clock::Clock,
    endpoints::inner,
    observation::Observation,
    order::{Env, Mounts},
    pod::{Pod, PodStatus, Run},
    port::{Port, PortKind, SYMMETRIC},
    rules::Compute,
};

/// The port RunPod's own agent uses in every pod.
const AGENT_PORT: u32 = 19123;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<Cow<'a, Env>>,
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
    created_at: String,
    started_at: Option<String>,
    #[serde(flatten)]
    compute: ComputeView,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<ClusterView<'a>>,
}

/// A value that is written the way it is displayed.
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

/// An SSH destination.
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
    private: u32,
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
    pub(crate) fn view(&self, observation: &Observation<'_>, clock: &Clock) -> Value {
        serde_json::to_value(self.show(observation, clock)).unwrap_or_default()
    }

    /// The pod as the v2 API shows it, ready to be written.
    pub(crate) fn show<'a>(&'a self, observation: &Observation<'_>, clock: &Clock) -> PodView<'a> {
        let status = self.status(observation.status);
        let assigned = self.is_assigned(observation.status);
        let facts = self.facts_at(observation.facts);
        PodView {
            id: &self.id,
            name: &facts.name,
            status,
            actions: actions(status),
            image: &facts.image,
            args: &facts.args,
            entrypoint: facts.entrypoint.as_deref(),
            cmd: facts.cmd.as_deref(),
            disk: facts.disk,
            mounts: &facts.mounts,
            ports: &facts.ports,
            env: self.environment(observation),
            registry: facts.registry.as_deref(),
            cloud: self.place.cloud,
            data_center_id: assigned.then_some(&self.place.data_center),
            cuda_version: self.host.cuda.filter(|_| assigned),
            ssh: SshView { proxy: assigned.then(|| self.ssh_proxy()), direct: self.ssh_direct(observation) },
            template: None,
            cost: self.cost(status, observation),
            locked: facts.locked,
            global_networking: self.networking(facts.global_networking),
            runtime: self.runtime(observation),
            created_at: clock.written(self.created),
            started_at: self.started(observation.status).map(|at| clock.written(at)),
            compute: self.compute_view(),
            cluster: self.cluster.as_deref().map(|id| ClusterView { id, rank: 0 }),
        }
    }

    pub(crate) fn cost(&self, status: PodStatus, observation: &Observation<'_>) -> f64 {
        match status {
            PodStatus::Terminated => 0.0,
            PodStatus::Exited if !observation.behavior.exited_cost => 0.0,
            _ => self.rate(),
        }
    }

    pub(crate) fn environment(&self, observation: &Observation<'_>) -> Option<Cow<'_, Env>> {
        let known = observation.environment.map(|at| &self.facts_at(at).env);
        match (observation.mask, known) {
            (EnvironmentMask::Absent, _) => None,
            (EnvironmentMask::Empty, _) | (_, None) => Some(Cow::Owned(Env::default())),
            (EnvironmentMask::Stars, Some(env)) => Some(Cow::Owned(env.starred())),
            (EnvironmentMask::Clear, Some(env)) => Some(Cow::Borrowed(env)),
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

    fn ssh_direct(&self, observation: &Observation<'_>) -> Option<SshEnd<&'static str>> {
        let public = observation.run_with_ports(self)?.endpoints.of(Port::SSH)?.public;
        let (host, port) = (public.ip(), public.port());
        let command = format!("ssh root@{host} -p {port}");
        Some(SshEnd { host: Shown(Host::Direct(host)), port, username: "root", command })
    }

    fn networking(&self, enabled: bool) -> NetworkingView<'_> {
        let [_, _, third, fourth] = self.host.internal_ip.octets();
        NetworkingView {
            enabled,
            ip: enabled.then(|| Ipv4Addr::new(10, 1, third, fourth)),
            internal_dns: enabled.then(|| Shown(InternalName(&self.id))),
        }
    }

    fn runtime(&self, observation: &Observation<'_>) -> Option<RuntimeView> {
        let (run, uptime) = observation.runtime(self)?;
        let gpus = match self.compute() {
            Compute::Gpu { count, .. } => count as usize,
            Compute::Cpu { .. } => 0,
        };
        let assigned = observation.run_with_ports(self).is_some();
        Some(RuntimeView {
            uptime: uptime.as_secs(),
            gpus: vec![GpuLoad { util: self.load.unwrap_or(0), memory_util: 0 }; gpus],
            cpu: Load { util: self.load.unwrap_or(1) },
            memory: Load { util: 2 },
            ports: self.runtime_ports(run, assigned, observation.behavior.symmetric_ports),
        })
    }

    /// A TCP port is listed twice, under the machine's internal address too; HTTP ports only there.
    fn runtime_ports(&self, run: &Run, assigned: bool, symmetric: SymmetricPorts) -> Vec<PortView> {
        let entry = |private: u32, kind: PortKind, public: Option<u16>, ip: Option<IpAddr>| PortView {
            private,
            public,
            kind: kind.name(),
            ip,
        };
        let internal = IpAddr::V4(self.host.internal_ip);
        let mut ports = vec![entry(AGENT_PORT, PortKind::Http, Some(self.host.agent_port), Some(internal))];
        for (endpoint, own) in run.endpoints.iter().zip(self.host.agent_port + 1..) {
            let (port, public) = (endpoint.port, endpoint.public);
            let private = match symmetric {
                SymmetricPorts::Real if assigned => inner(endpoint),
                _ => port.number,
            };
            // One that is not known by its number yet cannot be shown.
            if !assigned && port.number >= SYMMETRIC && symmetric == SymmetricPorts::Real {
                continue;
            }
            ports.push(match (port.kind, assigned) {
                (PortKind::Http, _) => entry(private, port.kind, Some(public.port()), Some(internal)),
                (_, false) => entry(private, port.kind, None, None),
                (_, true) => entry(private, port.kind, Some(public.port()), Some(public.ip())),
            });
            if port.kind == PortKind::Tcp && assigned {
                ports.push(entry(private, port.kind, Some(own), Some(internal)));
            }
        }
        ports
    }
}

/// The actions RunPod advertises, which differ from those it takes.
fn actions(status: PodStatus) -> &'static [&'static str] {
    match status {
        PodStatus::Provisioning => &["start", "stop", "terminate"],
        PodStatus::Starting => &["stop", "terminate"],
        PodStatus::Running => &["stop", "restart", "terminate"],
        PodStatus::Exited | PodStatus::Error => &["start", "terminate"],
        PodStatus::Terminated => &[],
    }
}
