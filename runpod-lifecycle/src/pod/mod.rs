//! A pod as RunPod described it.

pub(crate) mod cloud;
pub(crate) mod connection;
pub(crate) mod endpoint;
pub(crate) mod labels;
pub(crate) mod lifetime;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod port;
#[cfg(feature = "serde")]
mod serial;
pub(crate) mod state;
pub(crate) mod time;

use std::{collections::BTreeMap, time::SystemTime};

use runpod_api::Secret;
use tokio::time::Instant;

use crate::{Cloud, Load, PodState, Port, Protocol, SshEndpoint, TcpEndpoint, pod::time::server_time};

/// The environment variable that carries a deployment's unique marker.
pub(crate) const MARKER: &str = "RUNPOD_LIFECYCLE_DEPLOYMENT";
/// The beginning of the names of the environment variables that this crate writes, and nobody else.
pub(crate) const RESERVED: &str = "RUNPOD_LIFECYCLE_";
/// The environment variable with the keys that may log in, written at create only.
pub(crate) const PUBLIC_KEY: &str = "PUBLIC_KEY";

/// Returns true for a value of [`PUBLIC_KEY`] that lets nobody in: RunPod was seen to write `null`.
pub(crate) fn is_no_key(value: &str) -> bool {
    matches!(value.trim(), "" | "null")
}

/// One poll of a pod: what RunPod said, not necessarily what is true a second later.
///
/// Only the id is certain. Everything else is `None` or empty where RunPod left it out, sent `null`
/// or sent something unreadable.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Pod {
    /// RunPod's id, 14 lower-case letters and digits as observed.
    pub id: String,
    /// The name it was given. Not unique.
    pub name: Option<String>,
    /// The state that RunPod names. `None` if it names none.
    pub state: Option<PodState>,
    /// Container image.
    pub image: Option<String>,
    /// Id of the login that pulls the image; `None` if RunPod shows none.
    pub registry: Option<String>,
    /// GPU type id and how many; `None` for a CPU pod.
    pub gpu: Option<Gpu>,
    /// CPU flavor and vCPUs; `None` for a GPU pod.
    pub cpu: Option<Cpu>,
    /// The cloud it runs in.
    pub cloud: Option<Cloud>,
    /// The data center it runs in, for example `US-CA-2`. `None` until a machine is assigned.
    pub data_center: Option<String>,
    /// Price while running in USD per hour; `None` if RunPod names none, as for a pod that is stopped. A pod volume goes on
    /// billing then: see [`hourly_cost`](Self::hourly_cost).
    pub cost_usd_per_hour: Option<f64>,
    /// Container disk in GB.
    pub container_disk_gb: Option<i64>,
    /// Pod volume in GB; `None` if it has none, or if RunPod did not say: see [`knows_volume`](Self::knows_volume).
    pub volume_gb: Option<i64>,
    /// Id of its network volume, the first if RunPod shows several; `None` if it has none.
    pub network_volume: Option<String>,
    /// The ports that were asked for. Entries that this version cannot read are in
    /// [`unreadable_ports`](Self::unreadable_ports). Empty also where RunPod did not say: see
    /// [`knows_ports`](Self::knows_ports).
    pub ports: Vec<Port>,
    /// Environment variables, as RunPod echoes them.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::secrets"))]
    pub env: BTreeMap<String, Secret>,
    /// A locked pod refuses stop, restart and terminate.
    pub is_locked: bool,
    /// RunPod reports something from inside: it does some time after `RUNNING`.
    pub has_runtime: bool,
    /// The time the container has been running at this poll. It starts anew when the container
    /// exits and RunPod restarts it.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "uptime_seconds", serialize_with = "crate::serial::maybe_seconds")
    )]
    pub uptime: Option<std::time::Duration>,
    /// Load; `None` while nothing comes from inside, and on REST v1.
    pub load: Option<Load>,
    /// RAM of the whole pod in GB; `None` if RunPod does not say.
    pub memory_gb: Option<f64>,
    /// When it was created, RFC 3339 as RunPod wrote it.
    pub created_at: Option<String>,
    /// When it was last started, RFC 3339 as RunPod wrote it.
    pub started_at: Option<String>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) knows_ports: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) knows_volume: bool,
    /// RunPod sells one a pod, and shows a list.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) other_network_volumes: Vec<String>,
    /// RunPod said which network volumes it mounts, if any.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) knows_network_volume: bool,
    pub(crate) unreadable_ports: Vec<String>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) ssh_direct: Option<SshEndpoint>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) ssh_proxy: Option<SshEndpoint>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) tcp_endpoints: Vec<TcpEndpoint>,
    /// The question whose answer this is and when it was asked; `None` for the answer to a create or action.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) observed: Option<(Asked, Instant)>,
    /// When the answer came, by RunPod's clock.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) seen_at: Option<SystemTime>,
    /// Why its endpoints are left out although RunPod may show some; `None` if they are not.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) withheld: Option<Withheld>,
}

/// Why the endpoints of a pod are left out of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Withheld {
    pub(crate) reason: String,
    pub(crate) shows: ShownRun,
}

/// The run of the container that an answer shows whose endpoints are withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShownRun {
    /// One that is over.
    Old,
    /// The answer does not tell.
    Untold,
    /// The present one, beside an address that may be from before it.
    New,
}

/// The question that an answer about a pod belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    List,
    ById,
}

/// The GPUs of a pod: one type, so many.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Gpu {
    /// GPU type id, for example `NVIDIA GeForce RTX 4090`.
    pub id: String,
    /// The number of GPUs. 0 is possible after a start on a host that has given them away.
    pub count: i64,
}

/// The vCPUs of a CPU pod: one flavor, so many.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Cpu {
    /// CPU flavor id, for example `cpu3c`.
    pub flavor: String,
    /// The number of vCPUs.
    pub vcpus: i64,
}

impl Pod {
    /// Returns true if it is gone for good: terminated, billing nothing.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.state.as_ref().is_some_and(PodState::is_gone)
    }

    /// Returns true if it is stopped: its GPUs are given back, a pod volume is kept.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.state.as_ref().is_some_and(PodState::is_stopped)
    }

    /// When the list that shows it was asked for; `None` if another answer does.
    pub(crate) fn listed_at(&self) -> Option<Instant> {
        self.observed.filter(|(asked, _)| *asked == Asked::List).map(|(_, at)| at)
    }

    /// Direct SSH as RunPod shows it, whatever its state.
    pub(crate) fn addresses(&self) -> Vec<(String, u16)> {
        let direct = self.ssh_direct.iter().map(|ssh| (ssh.host.clone(), ssh.port));
        let tcp = self.tcp_endpoints.iter().map(|end| (end.ip.to_string(), end.public_port));
        direct.chain(tcp).collect()
    }

    /// Leaves out what belongs to a run of the container that is over.
    pub(crate) fn withhold_run(&mut self, withheld: Withheld) {
        (self.ssh_direct, self.has_runtime, self.uptime, self.load) = (None, false, None, None);
        self.tcp_endpoints.clear();
        self.withheld = Some(withheld);
    }

    /// The run that RunPod shows beside endpoints that are withheld; `None` if they are not.
    pub(crate) fn withheld_run(&self) -> Option<ShownRun> {
        self.withheld.as_ref().map(|withheld| withheld.shows)
    }

    /// Returns true if RunPod said which ports were asked for: one answer may leave them out.
    #[must_use]
    pub fn knows_ports(&self) -> bool {
        self.knows_ports
    }

    /// Returns true if RunPod said whether it has a pod volume, and of what size: one answer may leave that out.
    #[must_use]
    pub fn knows_volume(&self) -> bool {
        self.knows_volume
    }

    /// Returns true if it mounts a network volume; `None` if RunPod did not say.
    pub(crate) fn mounts(&self, volume_id: &str) -> Option<bool> {
        match self.network_volume.iter().chain(&self.other_network_volumes).any(|own| own == volume_id) {
            true => Some(true),
            false => self.knows_network_volume.then_some(false),
        }
    }

    /// The entries of its ports that this version cannot read, as RunPod wrote them, such as `22/udp`. A wait goes on
    /// without them, and warns.
    #[must_use]
    pub fn unreadable_ports(&self) -> &[String] {
        &self.unreadable_ports
    }

    /// Returns true if a port was opened as `NNNN/http`.
    pub(crate) fn has_http(&self, port: u16) -> bool {
        let is_it = |p: &Port| p.number() == u32::from(port) && p.protocol() == Protocol::Http;
        self.ports.iter().any(is_it)
    }

    /// Returns true if RunPod says that it runs: addresses that it shows of any other pod are from before (observed of
    /// stopped ones), and may lead to another pod by now.
    pub(crate) fn is_running(&self) -> bool {
        self.state == Some(PodState::Running)
    }

    /// Returns true if RunPod says that it runs or is on its way up.
    pub(crate) fn is_up(&self) -> bool {
        self.state.as_ref().is_some_and(PodState::is_up)
    }

    /// The marker of the deployment that created it; `None` for a pod this crate did not create, and where
    /// RunPod shows the variable without its value.
    pub(crate) fn marker(&self) -> Option<&str> {
        self.env.get(MARKER).map(Secret::expose).filter(|value| is_marker(value))
    }

    /// Returns true if this crate created it, with any key of the account.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.env.contains_key(MARKER)
    }

    /// Returns [`created_at`](Self::created_at) as a time; `None` if RunPod did not say, or nothing that is one.
    #[must_use]
    pub fn creation_time(&self) -> Option<SystemTime> {
        self.created()
    }

    /// Returns [`started_at`](Self::started_at) as a time; `None` if RunPod did not say, or nothing that is one.
    #[must_use]
    pub fn start_time(&self) -> Option<SystemTime> {
        self.started()
    }

    /// When it was created, if RunPod's word for it is a time.
    pub(crate) fn created(&self) -> Option<SystemTime> {
        server_time(self.created_at.as_deref()?)
    }

    /// When the present run of its container began: what tells host keys and endpoints of one run from those of the
    /// next. RunPod refreshes uptimes every 15 s, so two polls of one run may differ by so much. `None` if RunPod shows
    /// neither a start nor an uptime.
    #[must_use]
    pub fn run_began(&self) -> Option<SystemTime> {
        let by_uptime =
            self.seen_at.zip(self.uptime).and_then(|(seen_at, uptime)| seen_at.checked_sub(uptime));
        self.started().max(by_uptime)
    }

    /// When it was last started, if RunPod's word for it is a time.
    pub(crate) fn started(&self) -> Option<SystemTime> {
        server_time(self.started_at.as_deref()?)
    }
}

/// Returns true if a value is one that deploys write: 32 hexadecimal digits. Anything else is a mask.
fn is_marker(value: &str) -> bool {
    value.len() == 32 && value.bytes().all(|b| b.is_ascii_hexdigit())
}

impl Pod {
    /// A pod of which nothing is known but its id, for tests of conditions and of programs that handle pods. Its fields
    /// are public.
    ///
    /// ```
    /// use runpod_lifecycle::{Condition, Pod, PodState, Running, Verdict};
    ///
    /// let mut pod = Pod::new("k3x9q2m7v1b8z5");
    /// pod.state = Some(PodState::Running);
    /// assert_eq!(Running.verdict(Some(&pod)), Verdict::Done);
    /// ```
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: None,
            state: None,
            image: None,
            registry: None,
            gpu: None,
            cpu: None,
            cloud: None,
            data_center: None,
            cost_usd_per_hour: None,
            container_disk_gb: None,
            volume_gb: None,
            network_volume: None,
            other_network_volumes: Vec::new(),
            ports: Vec::new(),
            env: BTreeMap::new(),
            is_locked: false,
            has_runtime: false,
            uptime: None,
            load: None,
            memory_gb: None,
            created_at: None,
            started_at: None,
            knows_ports: true,
            knows_volume: true,
            knows_network_volume: true,
            unreadable_ports: Vec::new(),
            ssh_direct: None,
            ssh_proxy: None,
            tcp_endpoints: Vec::new(),
            observed: None,
            seen_at: None,
            withheld: None,
        }
    }

    /// A pod with `22/tcp` in a state, with or without its direct SSH endpoint.
    #[cfg(test)]
    pub(crate) fn scripted(id: &str, state: &str, with_ssh: bool) -> Self {
        let ssh = SshEndpoint::new("203.0.113.7".into(), 10022, "root".into());
        Self {
            name: Some("scripted".to_owned()),
            state: Some(PodState::from_word(state)),
            ports: vec![Port::SSH],
            has_runtime: with_ssh,
            ssh_direct: ssh.filter(|_| with_ssh),
            ..Self::new(id)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_run_began_at_the_last_start_or_later_if_the_container_was_restarted_since() {
        let at = |text: &str| server_time(&format!("2026-08-20T{text}Z"));
        for (started_at, uptime, began) in [
            (None, None, None),
            (Some("06:00:00"), None, at("06:00:00")),
            (Some("06:00:00"), Some(3600), at("06:00:00")),
            (Some("06:00:00"), Some(3612), at("06:00:00")),
            (Some("06:00:00"), Some(60), at("06:59:00")),
            (None, Some(60), at("06:59:00")),
        ] {
            let mut pod = Pod::scripted("pod123", "RUNNING", true);
            pod.started_at = started_at.map(|text| format!("2026-08-20T{text}Z"));
            (pod.uptime, pod.seen_at) = (uptime.map(Duration::from_secs), at("07:00:00"));
            assert_eq!(pod.run_began(), began, "{started_at:?} {uptime:?}");
        }
    }
}
