//! A pod, its facts and its runs.

use std::{net::Ipv4Addr, time::Duration};

use rand::{Rng, rngs::StdRng};
use serde::Serialize;

use crate::world::{
    billed::BilledSpan,
    boot::{Boot, Fate},
    capacity::Place,
    endpoints::{Endpoints, Handover},
    order::{Env, Mounts},
    port::Port,
    rules::Compute,
    ssh::PodDisk,
};

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

/// An action on a pod.
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

    /// Returns true if a pod in this status takes the action.
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

/// One pod: its order, and everything its state follows from.
pub(crate) struct Pod {
    pub(crate) id: String,
    pub(crate) number: u64,
    /// Seed of the lags and draws of each of its observations.
    pub(crate) grain: u64,
    pub(crate) facts: Facts,
    /// Its facts before each change, with the instant at which they ended.
    former: Vec<(Duration, Facts)>,
    pub(crate) template: Option<String>,
    pub(crate) compute: Compute,
    /// True if its machine had no GPU left when it was started.
    pub(crate) without_gpus: bool,
    /// The cluster it belongs to; `None` for a pod of its own.
    pub(crate) cluster: Option<String>,
    pub(crate) interruptible: bool,
    /// True for the second pod of a create that made two.
    pub(crate) twin: bool,
    /// True if the container starts an SSH server.
    pub(crate) sshd: bool,
    /// The account's keys at the create, if it asked for SSH.
    pub(crate) keys: Vec<String>,
    /// The folders that stand for its disks.
    pub(crate) disk: PodDisk,
    /// True if the container starts JupyterLab.
    pub(crate) jupyter: bool,
    /// The use of its CPU and GPUs in percent; `None` for next to nothing.
    pub(crate) load: Option<u32>,
    pub(crate) place: Place,
    pub(crate) host: Host,
    pub(crate) created: Duration,
    pub(crate) terminated: Option<Duration>,
    pub(crate) billed: Vec<BilledSpan>,
    /// Every run of its container there was, oldest first; the last one may still last, or be yet to begin.
    pub(crate) runs: Vec<Run>,
    /// Everything random about its life is drawn from here.
    pub(crate) rng: StdRng,
}

/// The facts of a pod that a caller can change.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) args: String,
    pub(crate) entrypoint: Option<Vec<String>>,
    pub(crate) cmd: Option<Vec<String>>,
    pub(crate) disk: u64,
    pub(crate) env: Env,
    pub(crate) ports: Vec<Port>,
    pub(crate) registry: Option<String>,
    pub(crate) mounts: Mounts,
    pub(crate) global_networking: bool,
    pub(crate) locked: bool,
}

/// One boot of a pod's container and what came of it.
pub(crate) struct Run {
    pub(crate) boot: Boot,
    /// The instant it ended; `None` while it lasts.
    pub(crate) ended: Option<Duration>,
    pub(crate) endpoints: Endpoints,
}

impl Run {
    /// True if it is over by an instant.
    pub(crate) fn is_over(&self, at: Duration) -> bool {
        self.ended.is_some_and(|ended| ended <= at)
    }

    /// Time since the container last started, by a boot or by itself.
    pub(crate) fn uptime(&self, at: Duration) -> Duration {
        let restarted = self.endpoints.restarted(at);
        restarted.map_or_else(|| self.boot.uptime(at), |restarted| at.saturating_sub(restarted))
    }

    /// True if its public ports were ever assigned.
    pub(crate) fn had_ports(&self) -> bool {
        self.ended.is_none_or(|ended| self.boot.ports < ended) && self.boot.ports < Duration::MAX
    }
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

impl Pod {
    /// Cost of its compute so far, in USD.
    pub(crate) fn cost_usd(&self, now: Duration) -> f64 {
        self.billed.iter().map(|span| span.cost_usd(now)).sum()
    }

    /// A pod that has not begun to boot.
    pub(crate) fn new(identity: Identity, facts: Facts, compute: Compute, place: Place, host: Host) -> Self {
        let Identity { id, number, grain, created, disk, rng } = identity;
        Self {
            id,
            number,
            grain,
            facts,
            former: Vec::new(),
            template: None,
            compute,
            without_gpus: false,
            cluster: None,
            interruptible: false,
            twin: false,
            sshd: false,
            keys: Vec::new(),
            disk,
            jupyter: false,
            load: None,
            place,
            host,
            created,
            terminated: None,
            billed: Vec::new(),
            runs: Vec::new(),
            rng,
        }
    }

    /// Its facts at an instant.
    pub(crate) fn facts_at(&self, at: Duration) -> &Facts {
        self.former.iter().find(|(until, _)| at < *until).map_or(&self.facts, |(_, facts)| facts)
    }

    /// Changes what it is from now on.
    pub(crate) fn change(&mut self, now: Duration, change: impl FnOnce(&mut Facts)) {
        self.former.push((now, self.facts.clone()));
        change(&mut self.facts);
    }

    pub(crate) fn is_gone(&self, at: Duration) -> bool {
        self.terminated.is_some_and(|gone| gone <= at)
    }

    /// The position of the run that an instant belongs to, over or not.
    pub(crate) fn run_at(&self, at: Duration) -> Option<usize> {
        self.runs.iter().rposition(|run| run.boot.asked <= at)
    }

    /// The run that lasts at an instant.
    pub(crate) fn up(&self, at: Duration) -> Option<&Run> {
        let run = &self.runs[self.run_at(at)?];
        (!run.is_over(at) && !self.is_gone(at)).then_some(run)
    }

    pub(crate) fn status(&self, now: Duration) -> PodStatus {
        if self.is_gone(now) {
            return PodStatus::Terminated;
        }
        match self.up(now).map(|run| run.boot) {
            None => PodStatus::Exited,
            Some(boot) if now < boot.assigned => PodStatus::Provisioning,
            Some(boot) if now < boot.running => PodStatus::Starting,
            Some(boot) if boot.fate == Fate::Fails => PodStatus::Error,
            Some(_) => PodStatus::Running,
        }
    }

    /// True if it has a machine, which a stopped pod keeps.
    pub(crate) fn is_assigned(&self, at: Duration) -> bool {
        self.runs.first().is_some_and(|run| run.boot.assigned <= at || run.is_over(at))
    }

    /// Returns true if it occupies its machine's compute.
    pub(crate) fn holds_compute(&self) -> bool {
        self.terminated.is_none() && self.runs.last().is_some_and(|run| run.ended.is_none())
    }

    /// Its cost while it is up, in USD per hour.
    pub(crate) fn rate(&self) -> f64 {
        self.compute().usd_per_hour(self.place.cloud)
    }

    pub(crate) fn usd_per_hour(&self) -> f64 {
        if self.holds_compute() { self.rate() } else { 0.0 }
    }

    /// Its compute now, which may be less than was requested.
    pub(crate) fn compute(&self) -> Compute {
        match self.compute {
            Compute::Gpu { kind, .. } if self.without_gpus => Compute::Gpu { kind, count: 0 },
            compute => compute,
        }
    }

    /// Begins a boot and its bill, which runs from the moment a machine is assigned.
    pub(crate) fn boot(&mut self, boot: Boot, endpoints: Endpoints, handover: Handover<'_>) {
        self.end_run(boot.asked, handover);
        self.billed.push(BilledSpan { from: boot.assigned, to: None, usd_per_hour: self.rate() });
        self.runs.push(Run { boot, ended: None, endpoints });
    }

    pub(crate) fn exit(&mut self, now: Duration, handover: Handover<'_>) {
        self.forget_later(now);
        self.end_run(now, handover);
    }

    pub(crate) fn terminate(&mut self, now: Duration, handover: Handover<'_>) {
        self.forget_later(now);
        self.end_run(now, handover);
        self.close_endpoints();
        self.disk.remove();
        self.terminated = Some(now);
    }

    /// Closes its ports without changing anything else.
    pub(crate) fn close_endpoints(&mut self) {
        self.runs.iter_mut().for_each(|run| run.endpoints.close());
    }

    /// Gives up a run that is to begin later, and with it the end that was set for the one before.
    fn forget_later(&mut self, now: Duration) {
        while self.runs.len() > 1 && self.runs.last().is_some_and(|run| run.boot.asked > now) {
            self.runs.pop();
            self.billed.pop();
            if let Some(run) = self.runs.last_mut() {
                run.ended = None;
            }
            if let Some(span) = self.billed.last_mut() {
                span.to = None;
            }
        }
    }

    fn end_run(&mut self, at: Duration, handover: Handover<'_>) {
        if let Some(span) = self.billed.last_mut().filter(|span| span.to.is_none()) {
            // One that never got a machine has billed nothing.
            span.from = span.from.min(at);
            span.to = Some(at);
        }
        let Some((last, earlier)) = self.runs.split_last_mut() else { return };
        earlier.iter_mut().for_each(|run| run.endpoints.close());
        if last.ended.is_none() {
            last.ended = Some(at);
            last.endpoints.end(at, handover);
        }
    }

    /// The instant its container last started.
    pub(crate) fn started(&self, at: Duration) -> Option<Duration> {
        let run = &self.runs[self.run_at(at)?];
        let by = run.ended.unwrap_or(at).min(at);
        (!self.is_gone(at) && run.boot.running <= by).then_some(run.boot.running)
    }

    /// The run that lasts, once its public ports are assigned.
    pub(crate) fn reachable(&self, at: Duration) -> Option<&Run> {
        self.up(at).filter(|run| run.boot.ports <= at)
    }
}

/// The parts of a pod that never change.
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) number: u64,
    pub(crate) grain: u64,
    pub(crate) created: Duration,
    pub(crate) disk: PodDisk,
    pub(crate) rng: StdRng,
}
