//! Behavior of RunPod that has been seen to differ: lags, and forms of answers.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::world::{
    delay::Delay,
    seconds::{maybe_seconds, seconds},
};

/// The behavior of RunPod where it has been seen to do more than one thing: lags behind the truth, and what is left out
/// of answers or added to them.
///
/// Every lag is independent of the others, in simulated time, and drawn from the seed, for each pod by itself. Lags do
/// not add up: what is shown is as old as the longest of those that apply.
/// [`Behavior::default`] is RunPod on a good day, the profile `gentle`, with which a [`Sim`](crate::Sim) in a program begins; [`Behavior::observed`] is what
/// has been seen of the live service, with which the binary begins.
///
/// ```
/// use std::time::Duration;
/// use runpod_sim::{Behavior, Delay, Sim};
///
/// let behavior = Behavior {
///     get_lag: Delay::fixed(Duration::from_secs(10)),
///     restart_delay: Delay::between(Duration::ZERO, Duration::from_secs(4)),
///     ..Behavior::default()
/// };
/// let sim = Sim::builder().behavior(behavior);
/// # let _ = sim;
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Behavior {
    /// Time from a create until lists show the pod. Default: 2 s.
    pub list_lag: Delay,
    /// The longest that a list is behind: it shows each pod as it was at some instant up to so long ago, drawn for each
    /// pod and each second by itself, so that pods that are gone are listed and new ones are not. Default: none.
    #[serde(rename = "list_age_seconds", serialize_with = "seconds")]
    pub list_age: Duration,
    /// Time from a create until a get knows the pod; it answers 404 until then. Default: none.
    pub get_lag: Delay,
    /// Lag of the status and `startedAt` in gets and lists. Default: none.
    pub status_lag: Delay,
    /// Lag of `runtime` and `ssh.direct` in gets and lists. Default: none.
    pub endpoint_lag: Delay,
    /// Lag of the environment in gets and lists, which is empty before. Default: none.
    pub environment_lag: Delay,
    /// Form of environments in lists. Default: in clear.
    pub list_environment: EnvironmentMask,
    /// Period in which `runtime.uptime` changes once. Default: none, it is always right.
    #[serde(rename = "uptime_period_seconds", serialize_with = "seconds")]
    pub uptime_period: Duration,
    /// Time after a start or restart in which answers show the public ports of the run before, where a stranger's
    /// services answer by then. Default: none.
    #[serde(rename = "stale_endpoints_seconds", serialize_with = "seconds")]
    pub stale_endpoints: Duration,
    /// True if a stopped pod still shows its last public ports, where a stranger's services answer. Default: false.
    pub exited_endpoints: bool,
    /// True if a stopped pod still shows what it cost while it was up. Default: false, it shows 0.
    pub exited_cost: bool,
    /// Time from the answer to a restart until it happens. Default: none.
    pub restart_delay: Delay,
    /// Time from a create that made two pods until lists show the second one; `None` means like any other pod.
    /// Default: `None`.
    pub twin_lag: Option<Delay>,
    /// True if pages of pods may hold fewer than were asked for, or none, and still have a next one. Default: false.
    pub short_pages: bool,
    /// True if the 201 of a create shows `runtime: {}` instead of null. Default: false.
    pub created_runtime: bool,
    /// Form of `PUBLIC_KEY` in the environment of pods with `startSsh`. Default: hidden.
    pub public_key: PublicKey,
    /// Number that `runtime.ports` shows inside for a TCP port of 70000 or more. Default: the public one.
    pub symmetric_ports: SymmetricPorts,
    /// True if `entrypoint` and `cmd` are known; an older v2 refuses them with 422. Default: true.
    pub entrypoint_and_cmd: bool,
    /// True if a CPU pod's disk is capped: 10 GB a vCPU, 15 for cpu5 flavors. Default: false.
    pub disk_caps: bool,
    /// True if community pods with `dataCenterIds` are refused as out of stock. Default: false.
    pub refuse_pinned_community: bool,
    /// True if a log answers nothing, headers included, until there is a line. Default: true.
    pub quiet_logs: bool,
    /// Longest life of a log stream, in real time, after which the edge cuts it; `None` means for ever. Default: 100 s.
    #[serde(rename = "log_limit_seconds", serialize_with = "maybe_seconds")]
    pub log_limit: Option<Duration>,
    /// Form of the ids of log lines. Default: a time.
    pub log_ids: LogIds,
    /// True if logs hold frames with an id and no data, and frames that are no JSON. Default: false.
    pub odd_log_frames: bool,
    /// Age up to which a log cursor is known; resuming from an older one answers 400. `None` means for ever. Default:
    /// `None`.
    #[serde(rename = "log_memory_seconds", serialize_with = "maybe_seconds")]
    pub log_memory: Option<Duration>,
    /// Lines that sshd sends before it says who it is, as RFC 4253 allows. Default: none.
    pub ssh_preamble: Vec<String>,
    /// Words of sshd instead of its version, such as `Not allowed at this time`; `None` means none. Default: `None`.
    pub ssh_refusal: Option<String>,
    /// Time in which a get of the account's SSH keys still shows those before the last change. Default: none.
    #[serde(rename = "ssh_key_lag_seconds", serialize_with = "seconds")]
    pub ssh_key_lag: Duration,
    /// Form of `RateLimit`. Default: one line.
    pub rate_limit_form: RateLimitForm,
    /// Statuses of the proxy while nothing listens on a port of a pod, one drawn for each second. Default: 502.
    pub edge_statuses: Vec<u16>,
    /// True if answers have a `Date`, which is the simulated time. Default: true.
    pub date: bool,
}

/// The form of an environment in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EnvironmentMask {
    /// As it is.
    #[default]
    Clear,
    /// With its names, and stars for its values.
    Stars,
    /// As if there were none.
    Empty,
    /// Not at all.
    Absent,
}

/// The form of `PUBLIC_KEY` in the environment of pods that start sshd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PublicKey {
    /// It is not shown; without a key no sshd is started.
    #[default]
    Hidden,
    /// It is written at the create, and never again; without a key no sshd is started.
    Written,
    /// Like `Written`, but without a key it is the text `null`, and sshd is up and refuses every login.
    Null,
}

/// The number shown inside for a TCP port that asks for one number inside and outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SymmetricPorts {
    /// By its public number on both sides.
    #[default]
    Real,
    /// By the number it was asked for, such as 70000, inside.
    Asked,
}

/// The form of the ids of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogIds {
    /// The line's time.
    #[default]
    Time,
    /// The line's time and a number of twelve digits, as in `2026-08-20T06:16:19.430Z/000000000001`.
    Numbered,
}

/// The form of `RateLimit`, which is a list of structured fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RateLimitForm {
    /// `"minute";r=59;t=12, "hour";r=7199;t=3500`.
    #[default]
    Plain,
    /// A header line for each window.
    Split,
    /// `"minute";t=12.5;r=59, "hour";r=7199`: the parameters in another order, fractions of seconds, no time for the
    /// last window.
    Odd,
}

/// The present behavior, shared by all parts of the simulator.
#[derive(Clone)]
pub(crate) struct CurrentBehavior(Arc<RwLock<Arc<Behavior>>>);

impl CurrentBehavior {
    pub(crate) fn new(behavior: Behavior) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(behavior))))
    }

    pub(crate) fn get(&self) -> Arc<Behavior> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, behavior: Behavior) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(behavior);
    }
}

impl Default for Behavior {
    fn default() -> Self {
        Self {
            list_lag: Delay::fixed(Duration::from_secs(2)),
            list_age: Duration::ZERO,
            get_lag: Delay::NONE,
            status_lag: Delay::NONE,
            endpoint_lag: Delay::NONE,
            environment_lag: Delay::NONE,
            list_environment: EnvironmentMask::Clear,
            uptime_period: Duration::ZERO,
            stale_endpoints: Duration::ZERO,
            exited_endpoints: false,
            exited_cost: false,
            restart_delay: Delay::NONE,
            twin_lag: None,
            short_pages: false,
            created_runtime: false,
            public_key: PublicKey::Hidden,
            symmetric_ports: SymmetricPorts::Real,
            entrypoint_and_cmd: true,
            disk_caps: false,
            refuse_pinned_community: false,
            quiet_logs: true,
            log_limit: Some(Duration::from_secs(100)),
            log_ids: LogIds::Time,
            odd_log_frames: false,
            log_memory: None,
            ssh_preamble: Vec::new(),
            ssh_refusal: None,
            ssh_key_lag: Duration::ZERO,
            rate_limit_form: RateLimitForm::Plain,
            edge_statuses: vec![502],
            date: true,
        }
    }
}

impl Behavior {
    /// Everything that has been seen of the live service at once.
    #[must_use]
    pub fn observed() -> Self {
        let up_to = |seconds| Delay::between(Duration::ZERO, Duration::from_secs(seconds));
        Self {
            list_lag: Delay::NONE,
            list_age: Duration::from_secs(15),
            get_lag: up_to(10),
            status_lag: up_to(5),
            endpoint_lag: up_to(5),
            environment_lag: up_to(15),
            uptime_period: Duration::from_secs(15),
            stale_endpoints: Duration::from_secs(15),
            exited_endpoints: true,
            exited_cost: true,
            restart_delay: up_to(4),
            short_pages: true,
            created_runtime: true,
            public_key: PublicKey::Null,
            disk_caps: true,
            refuse_pinned_community: true,
            log_ids: LogIds::Numbered,
            odd_log_frames: true,
            log_memory: Some(Duration::from_secs(3600)),
            edge_statuses: vec![502, 520, 521, 522, 523, 524, 525, 526, 530],
            ..Self::default()
        }
    }

    /// Says why it cannot be used; `None` when it can.
    pub(crate) fn flaw(&self) -> Option<String> {
        let delays = [
            ("list_lag", self.list_lag),
            ("get_lag", self.get_lag),
            ("status_lag", self.status_lag),
            ("endpoint_lag", self.endpoint_lag),
            ("environment_lag", self.environment_lag),
            ("restart_delay", self.restart_delay),
            ("twin_lag", self.twin_lag.unwrap_or(Delay::NONE)),
        ];
        if let Some((name, _)) = delays.iter().find(|(_, delay)| !delay.is_sound()) {
            return Some(format!("`{name}` needs a sigma of 0 or more, or a span that ends after it begins"));
        }
        if self.edge_statuses.is_empty()
            || self.edge_statuses.iter().any(|status| !(400..=599).contains(status))
        {
            return Some("`edge_statuses` must be at least one status, each 400 to 599".to_owned());
        }
        self.log_limit
            .is_some_and(|limit| limit.is_zero())
            .then(|| "`log_limit_seconds` must be more than 0".to_owned())
    }
}
