//! The truth about an account: who made which pod, what it is and was doing, and how old an answer may show it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use serde_json::{Map, Value, json};
use tokio::time::Instant;

/// Lag of an answer behind the truth, at most. RunPod was seen to lag 15 s; the edge itself is nobody's.
pub(super) const LAG: Duration = Duration::from_millis(14_990);
/// RunPod's clock at the beginning of a run, in seconds since 1970: far from this machine's.
const EPOCH: u64 = 1_790_000_000;
/// The variable by which a pod's create is told: `actor.operation`.
pub(super) const TAG: &str = "ADVERSARY_OPERATION";
const MARKER: &str = "RUNPOD_LIFECYCLE_DEPLOYMENT";
const EXPIRES_AT: &str = "RUNPOD_LIFECYCLE_EXPIRES_AT";

/// Activity of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Provisioning,
    /// Up, for the so-many-th time; it can be reached once its endpoint is there.
    Running {
        run: u8,
        is_reachable: bool,
    },
    Exited,
    Error,
    Terminated,
}

impl Phase {
    fn word(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Running { .. } => "RUNNING",
            Self::Exited => "EXITED",
            Self::Error => "ERROR",
            Self::Terminated => "TERMINATED",
        }
    }

    pub(super) fn is_running(self) -> bool {
        matches!(self, Self::Running { .. })
    }
}

/// Steps in which a pod comes up.
#[derive(Clone, Copy, Debug)]
pub(super) enum Boot {
    Quick,
    Slow,
    Never,
    Fails,
}

/// Age of each part of an answer about a pod.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ages {
    pub(super) presence: Duration,
    pub(super) status: Duration,
    pub(super) endpoint: Duration,
    pub(super) uptime: Duration,
}

/// A pod as it is.
#[derive(Clone, Debug)]
pub(super) struct TruePod {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) env: Map<String, Value>,
    /// The process whose request made it; `None` for somebody else's.
    pub(super) creator: Option<usize>,
    /// Nobody can stop, restart or terminate it.
    pub(super) is_locked: bool,
    volume_gb: Option<i64>,
    ports: Value,
    index: u8,
    runs: u8,
    /// Its activities and their beginnings, in order; later ones are still to come.
    phases: Vec<(Instant, Phase)>,
}

impl TruePod {
    pub(super) fn created_at(&self) -> Instant {
        self.phases[0].0
    }

    /// Its activity at a time; `None` before it was made.
    pub(super) fn phase_at(&self, time: Instant) -> Option<Phase> {
        self.phases.iter().rev().find(|(at, _)| *at <= time).map(|(_, phase)| *phase)
    }

    /// Returns true if it was in such a phase at any time of a span.
    pub(super) fn was(&self, is_it: impl Fn(Phase) -> bool, from: Instant, to: Instant) -> bool {
        self.phase_at(from).is_some_and(&is_it)
            || self.phases.iter().any(|(at, phase)| (from..=to).contains(at) && is_it(*phase))
    }

    pub(super) fn is_terminated_at(&self, time: Instant) -> bool {
        self.phase_at(time) == Some(Phase::Terminated)
    }

    pub(super) fn terminated_at(&self) -> Option<Instant> {
        self.phases.iter().find(|(_, phase)| *phase == Phase::Terminated).map(|(at, _)| *at)
    }

    pub(super) fn marker(&self) -> Option<&str> {
        self.env.get(MARKER)?.as_str()
    }

    pub(super) fn tag(&self) -> Option<&str> {
        self.env.get(TAG)?.as_str()
    }

    /// When its lifetime is over, by RunPod's clock.
    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        humantime::parse_rfc3339(self.env.get(EXPIRES_AT)?.as_str()?).ok()
    }

    /// When the run began that it was in at a time, or was in last.
    fn run_began(&self, time: Instant) -> Option<(u8, Instant)> {
        let mut began: Option<(u8, Instant)> = None;
        for (at, phase) in self.phases.iter().filter(|(at, _)| *at <= time) {
            if let Phase::Running { run, .. } = phase
                && began.is_none_or(|(known, _)| known != *run)
            {
                began = Some((*run, *at));
            }
        }
        began
    }

    /// When a run began; `None` if there was none of that number.
    pub(super) fn began_run(&self, run: u8) -> Option<Instant> {
        let in_run = |phase: &Phase| matches!(phase, Phase::Running { run: own, .. } if *own == run);
        self.phases.iter().find(|(_, phase)| in_run(phase)).map(|(at, _)| *at)
    }

    /// When a run was over; `None` if it goes on, as far as is known by now.
    pub(super) fn run_ended(&self, run: u8) -> Option<Instant> {
        let in_run = |phase: &Phase| matches!(phase, Phase::Running { run: own, .. } if *own == run);
        let first = self.phases.iter().position(|(_, phase)| in_run(phase))?;
        self.phases[first..].iter().find(|(_, phase)| !in_run(phase)).map(|(at, _)| *at)
    }

    fn change(&mut self, at: Instant, phases: &[(u64, Phase)]) {
        self.phases.retain(|(known, _)| *known <= at);
        self.phases.extend(phases.iter().map(|(after, phase)| (at + Duration::from_secs(*after), *phase)));
    }

    fn begin_run(&mut self, at: Instant, boot: &[u64; 2], first: Option<Phase>) {
        self.runs += 1;
        let run = self.runs;
        let up = |is_reachable| Phase::Running { run, is_reachable };
        let mut phases: Vec<(u64, Phase)> = first.map(|phase| (0, phase)).into_iter().collect();
        phases.extend([(boot[0], up(false)), (boot[1], up(true))]);
        self.change(at, &phases);
    }

    pub(super) fn stop(&mut self, at: Instant) {
        if !matches!(self.phase_at(at), Some(Phase::Exited | Phase::Terminated)) {
            self.change(at, &[(0, Phase::Exited)]);
        }
    }

    pub(super) fn start(&mut self, at: Instant) {
        if self.phase_at(at) == Some(Phase::Exited) {
            self.begin_run(at, &[1, 3], Some(Phase::Provisioning));
        }
    }

    pub(super) fn restart(&mut self, at: Instant) {
        if self.phase_at(at).is_some_and(Phase::is_running) {
            self.begin_run(at, &[0, 2], None);
        }
    }

    pub(super) fn terminate(&mut self, at: Instant) {
        if self.phase_at(at) != Some(Phase::Terminated) {
            self.change(at, &[(0, Phase::Terminated)]);
        }
    }
}

/// Time that has passed for everybody but the machine that slept, in seconds.
pub(super) type Slept = Arc<AtomicU64>;

/// Everything that is true.
#[derive(Debug)]
pub(super) struct Truth {
    began: Instant,
    slept: Slept,
    ssh_port: u16,
    pub(super) pods: Vec<TruePod>,
}

impl Truth {
    pub(super) fn new(ssh_port: u16) -> Self {
        Self { began: Instant::now(), slept: Slept::default(), ssh_port, pods: Vec::new() }
    }

    /// The present, which goes on while the actors' machine sleeps.
    pub(super) fn now(&self) -> Instant {
        Instant::now() + Duration::from_secs(self.slept.load(Ordering::Relaxed))
    }

    pub(super) fn slept(&self) -> &Slept {
        &self.slept
    }

    /// A moment by RunPod's clock.
    pub(super) fn clock(&self, time: Instant) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(EPOCH) + (time - self.began)
    }

    /// A moment as the time since the run began.
    pub(super) fn since_began(&self, time: Instant) -> Duration {
        time - self.began
    }

    pub(super) fn pod(&self, id: &str) -> Option<&TruePod> {
        self.pods.iter().find(|pod| pod.id == id)
    }

    pub(super) fn pod_mut(&mut self, id: &str) -> Option<&mut TruePod> {
        self.pods.iter_mut().find(|pod| pod.id == id)
    }

    /// Makes a pod as a create asks for it. Returns its id.
    pub(super) fn create(&mut self, creator: Option<usize>, body: &Value, boot: Boot) -> String {
        let now = self.now();
        let index = u8::try_from(self.pods.len()).unwrap_or(u8::MAX);
        let id = format!("pod0000000{:04}", index + 1);
        let mut pod = TruePod {
            id: id.clone(),
            name: body["name"].as_str().unwrap_or_default().to_owned(),
            env: body["env"].as_object().cloned().unwrap_or_default(),
            creator,
            is_locked: false,
            volume_gb: body["mounts"]["persistent"]["size"].as_i64(),
            ports: body.get("ports").cloned().unwrap_or_else(|| json!([])),
            index,
            runs: 0,
            phases: vec![(now, Phase::Provisioning)],
        };
        match boot {
            Boot::Quick => pod.begin_run(now, &[2, 4], Some(Phase::Provisioning)),
            Boot::Slow => pod.begin_run(now, &[20, 40], Some(Phase::Provisioning)),
            Boot::Never => {}
            Boot::Fails => pod.change(now, &[(0, Phase::Provisioning), (6, Phase::Error)]),
        }
        // `change` keeps what was there at the time.
        pod.phases.dedup_by_key(|(_, phase)| *phase);
        self.pods.push(pod);
        id
    }

    /// The address of a pod in one of its runs, which tells both.
    fn address(pod: &TruePod, run: u8) -> String {
        format!("127.{}.{}.1", 10 + run, pod.index + 1)
    }

    /// The pod and run that an address belongs to, if there ever was one.
    pub(super) fn at_address(&self, host: &str) -> Option<(&TruePod, u8)> {
        let octets: Vec<u8> = host.split('.').filter_map(|octet| octet.parse().ok()).collect();
        let [127, run, index, 1] = octets[..] else { return None };
        let pod = self.pods.get(usize::from(index.checked_sub(1)?))?;
        Some((pod, run.checked_sub(10)?))
    }

    /// Returns true if the so-many-th run of the pod is what answers at its address now.
    pub(super) fn answers(&self, host: &str) -> bool {
        let phase = self.at_address(host).and_then(|(pod, run)| Some((pod.phase_at(self.now())?, run)));
        matches!(phase, Some((Phase::Running { run, is_reachable: true }, own)) if run == own)
    }

    /// A pod as an answer shows it that is so old; `None` if it lacks it.
    pub(super) fn view(&self, pod: &TruePod, ages: Ages) -> Option<Value> {
        let now = self.now();
        let back = |age: Duration| now.checked_sub(age).unwrap_or(self.began).max(pod.created_at());
        if now.checked_sub(ages.presence).is_some_and(|at| at < pod.created_at()) {
            return None;
        }
        let presence = pod.phase_at(back(ages.presence))?;
        let status = if presence == Phase::Terminated { presence } else { pod.phase_at(back(ages.status))? };
        // How old an answer is decides whether the pod is gone: an older part of it does not bring it back.
        let status = if status == Phase::Terminated { presence } else { status };
        let run = pod.run_began(back(ages.status));
        let (ssh, ports) = match pod.phase_at(back(ages.endpoint)) {
            Some(Phase::Running { run, is_reachable: true }) => {
                let (host, port) = (Self::address(pod, run), self.ssh_port);
                let ports = json!([
                    {"private": 19123, "public": 60000, "type": "http", "ip": "100.65.0.1"},
                    {"private": 22, "public": port, "type": "tcp", "ip": host},
                ]);
                (json!({"host": host, "port": port, "username": "root"}), ports)
            }
            _ => (Value::Null, json!([])),
        };
        let at = back(ages.uptime);
        let uptime = match (pod.phase_at(at), pod.run_began(at)) {
            (Some(Phase::Running { .. }), Some((_, began))) => Some((at - began).as_secs()),
            _ => None,
        };
        let is_idle = uptime.is_none() && ssh.is_null();
        let runtime = if is_idle { Value::Null } else { json!({"uptime": uptime, "ports": ports}) };
        Some(json!({
            "id": pod.id, "name": pod.name, "status": status.word(), "image": "image", "disk": 10,
            "mounts": pod.volume_gb.map_or(json!({}), |size| json!({"persistent": {"size": size, "path": "/workspace"}})),
            "ports": pod.ports, "env": pod.env, "gpu": {"id": super::server::GPU, "count": 1}, "cloud": "SECURE",
            "ssh": {"proxy": null, "direct": ssh}, "cost": 0.5, "locked": pod.is_locked, "runtime": runtime,
            "createdAt": self.written(pod.created_at()),
            "startedAt": run.map(|(_, began)| self.written(began)),
        }))
    }

    fn written(&self, time: Instant) -> String {
        humantime::format_rfc3339_millis(self.clock(time)).to_string()
    }
}
