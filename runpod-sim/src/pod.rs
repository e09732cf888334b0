use std::net::Ipv4Addr;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use serde::Serialize;

use crate::boot::{Boot, Fate};
use crate::capacity::Place;
use crate::endpoints::Endpoints;
use crate::ledger::BilledSpan;
use crate::order::{Env, Mounts, Port};
use crate::rules::Compute;

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

    /// When its container started, last of all.
    pub(crate) fn started(&self, now: Duration) -> Option<Duration> {
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
}
