//! Settings of a simulator and their builder.

#[cfg(feature = "ssh")]
use std::sync::Arc;
use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime},
};

#[cfg(feature = "ssh")]
use crate::world::ssh::{Commands, ExecAnswer, ExecLimits, Script};
use crate::{
    contract::Area,
    error::SimError,
    faults::Fault,
    world::{
        answer::HttpAnswer,
        behavior::Behavior,
        boot::BootProfile,
        capacity::Scope,
        catalog,
        clock::MAX_SCALE,
        delay::Delay,
        limits::RateWindow,
        registry::Registry,
        ssh::ShellSettings,
        store::Stored,
        volume::{Volume, VolumeKind},
    },
};

/// The simulator's API key unless another is set. It opens nothing but a simulator.
pub(crate) const API_KEY: &str = "rpa_SIMULATOR0000000000000000000000000000000";
const SSH_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9gRAZSSimulatedKeyNobodyHolds0000000 simulator";
/// Requests that are remembered, unless the setting says otherwise.
const REQUEST_LOG: usize = 100_000;
const MARKER: &str = "RUNPOD_LIFECYCLE_DEPLOYMENT";

/// A key that cannot print itself.
#[derive(Clone)]
pub(crate) struct ApiKey(pub(crate) String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<api key>")
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) api_key: ApiKey,
    pub(crate) seed: u64,
    pub(crate) time_scale: f64,
    /// `None` means the time of the start.
    pub(crate) epoch: Option<SystemTime>,
    pub(crate) boot: BootProfile,
    pub(crate) behavior: Behavior,
    pub(crate) terminated_linger: Duration,
    pub(crate) page_size: usize,
    pub(crate) real_endpoints: bool,
    pub(crate) marker_env: String,
    pub(crate) rate_windows: Vec<RateWindow>,
    pub(crate) capacity: Vec<(Scope, u32)>,
    pub(crate) capacity_plan: Vec<(Duration, Scope, u32)>,
    pub(crate) capacity_drift: Option<Duration>,
    pub(crate) ssh_keys: Vec<String>,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) registries: Vec<Registry>,
    pub(crate) balance_usd: Option<f64>,
    pub(crate) forbidden: Vec<String>,
    pub(crate) v1_retired: bool,
    pub(crate) denied: Vec<Area>,
    pub(crate) answers: Vec<HttpAnswer>,
    pub(crate) request_log: usize,
    pub(crate) verify: bool,
    pub(crate) faults: Vec<Fault>,
    pub(crate) shell: ShellSettings,
}

/// Sets up a simulator; [`start`](Self::start) runs it.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is started"]
pub struct SimBuilder {
    pub(crate) settings: Settings,
}

impl Default for SimBuilder {
    fn default() -> Self {
        Self {
            settings: Settings {
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                api_key: ApiKey(API_KEY.to_owned()),
                seed: 0,
                time_scale: 1.0,
                epoch: None,
                boot: BootProfile::default(),
                behavior: Behavior::default(),
                terminated_linger: Duration::from_secs(3),
                page_size: 1000,
                real_endpoints: true,
                marker_env: MARKER.to_owned(),
                rate_windows: RateWindow::defaults(),
                capacity: Vec::new(),
                capacity_plan: Vec::new(),
                capacity_drift: None,
                ssh_keys: vec![SSH_KEY.to_owned()],
                volumes: Vec::new(),
                registries: Vec::new(),
                balance_usd: None,
                forbidden: Vec::new(),
                v1_retired: false,
                denied: Vec::new(),
                answers: Vec::new(),
                request_log: REQUEST_LOG,
                verify: cfg!(debug_assertions),
                faults: Vec::new(),
                shell: ShellSettings::default(),
            },
        }
    }
}

impl SimBuilder {
    /// Sets the address to listen on. Default: `127.0.0.1` with a port of the system's choice.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.settings.listen = address;
        self
    }

    /// Sets the only key the simulator accepts. Default: a fixed one, see [`Sim::api_key`](crate::Sim::api_key).
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.settings.api_key = ApiKey(key.into());
        self
    }

    /// Sets the seed of every random choice. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Sets the simulated seconds per real second, 0 to 1,000,000. At 0 the clock moves only by
    /// [`Sim::advance`](crate::Sim::advance). Default: 1.
    pub fn time_scale(mut self, scale: f64) -> Self {
        self.settings.time_scale = scale;
        self
    }

    /// Sets the wall-clock time at the start, from which `createdAt` and the like are counted. Default: now.
    pub fn epoch(mut self, epoch: SystemTime) -> Self {
        self.settings.epoch = Some(epoch);
        self
    }

    /// Sets the durations of the steps of a boot. Default: [`BootProfile::default`].
    pub fn boot(mut self, profile: BootProfile) -> Self {
        self.settings.boot = profile;
        self
    }

    /// Sets the time after which lists show a new pod, in simulated time, the same for every pod.
    /// Default: 2 s. [`behavior`](Self::behavior) has all other lags.
    pub fn list_lag(mut self, lag: Duration) -> Self {
        self.settings.behavior.list_lag = Delay::fixed(lag);
        self
    }

    /// Sets the behaviors in which RunPod has been seen to vary. Default: [`Behavior::default`].
    pub fn behavior(mut self, behavior: Behavior) -> Self {
        self.settings.behavior = behavior;
        self
    }

    /// Sets everything that has been seen of the live service: [`Behavior::observed`] and
    /// [`BootProfile::observed`]. Later settings win.
    pub fn observed(self) -> Self {
        self.behavior(Behavior::observed()).boot(BootProfile::observed())
    }

    /// Takes a right away from the key: operations of the area answer 403. May be called more than once.
    pub fn deny(mut self, area: Area) -> Self {
        self.settings.denied.push(area);
        self
    }

    /// Adds an answer of pods' HTTP ports, instead of 200 and a line of text. May be called more than once; the first
    /// that matches is sent.
    pub fn http_answer(mut self, answer: HttpAnswer) -> Self {
        self.settings.answers.push(answer);
        self
    }

    /// Sets the number of newest requests that are remembered, at least 1. Default: 100,000.
    pub fn request_log(mut self, requests: usize) -> Self {
        self.settings.request_log = requests;
        self
    }

    /// Validates every answer against the contract and turns an invalid one into a 500. Default: only in debug
    /// builds.
    pub fn verify(mut self, verify: bool) -> Self {
        self.settings.verify = verify;
        self
    }

    /// Sets the simulated time for which a get shows a deleted pod as TERMINATED before it answers 404.
    /// Default: 3 s.
    pub fn terminated_linger(mut self, linger: Duration) -> Self {
        self.settings.terminated_linger = linger;
        self
    }

    /// Sets the pods per page when a list request names no `limit`, 1 to 1000. Default: 1000.
    pub fn page_size(mut self, pods: usize) -> Self {
        self.settings.page_size = pods;
        self
    }

    /// Sets if ports of pods listen on loopback. If not, they are announced at addresses
    /// that reach nothing. Default: true.
    pub fn real_endpoints(mut self, real: bool) -> Self {
        self.settings.real_endpoints = real;
        self
    }

    /// Sets the environment variable the ledger reports as marker. Default: `RUNPOD_LIFECYCLE_DEPLOYMENT`.
    pub fn marker_env(mut self, name: impl Into<String>) -> Self {
        self.settings.marker_env = name.into();
        self
    }

    /// Replaces the rate-limit windows. Without any there is no limit, and no rate-limit header.
    /// Default: 3,000 a minute, 60,000 an hour, 500,000 a day.
    pub fn rate_windows(mut self, windows: impl IntoIterator<Item = RateWindow>) -> Self {
        self.settings.rate_windows = windows.into_iter().collect();
        self
    }

    /// Limits the GPUs of a type (or vCPUs of a flavor) in use at a time; 0 is out of stock.
    /// Default: everything is in stock.
    pub fn capacity(self, type_id: impl Into<String>, units: u32) -> Self {
        self.capacity_in(Scope::of_type(type_id), units)
    }

    /// Like [`capacity`](Self::capacity), for a narrower or wider scope. The tightest limit decides.
    pub fn capacity_in(mut self, scope: Scope, units: u32) -> Self {
        self.settings.capacity.push((scope, units));
        self
    }

    /// Changes a limit once `after` has passed since the start, in simulated time.
    pub fn capacity_at(mut self, after: Duration, scope: Scope, units: u32) -> Self {
        self.settings.capacity_plan.push((after, scope, units));
        self
    }

    /// Changes the stock of every type in every place once in every `period` of simulated time, as the
    /// seed decides: one time in four to none, otherwise to 1 to 12. Other limits still hold. Default: no change.
    pub fn capacity_drift(mut self, period: Duration) -> Self {
        self.settings.capacity_drift = Some(period);
        self
    }

    /// Sets the account's balance in USD. Running pods use it up; creating or starting a pod without any answers 402.
    /// Default: unlimited.
    pub fn balance_usd(mut self, usd: f64) -> Self {
        self.settings.balance_usd = Some(usd);
        self
    }

    /// Makes creating a pod of this GPU type or CPU flavor answer 403. May be called more than once.
    pub fn forbid(mut self, type_id: impl Into<String>) -> Self {
        self.settings.forbidden.push(type_id.into());
        self
    }

    /// Sets if REST v1 answers 410 to everything. Default: false.
    pub fn retire_v1(mut self, retired: bool) -> Self {
        self.settings.v1_retired = retired;
        self
    }

    /// Injects a fault from the start. May be called more than once.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.settings.faults.push(fault);
        self
    }

    /// Replaces the account's SSH keys. Default: one key.
    pub fn ssh_keys(mut self, keys: impl IntoIterator<Item = String>) -> Self {
        self.settings.ssh_keys = keys.into_iter().collect();
        self
    }

    /// Gives the account a network volume of `size_gb` in a data center.
    pub fn network_volume(
        mut self,
        id: impl Into<String>,
        name: impl Into<String>,
        size_gb: u32,
        data_center: impl Into<String>,
    ) -> Self {
        self.settings.volumes.push(Volume {
            id: id.into(),
            name: name.into(),
            size: size_gb,
            data_center: data_center.into(),
            kind: VolumeKind::Standard,
        });
        self
    }

    /// Gives the account a credential for a container registry, to pull images with.
    pub fn registry(mut self, id: impl Into<String>, name: impl Into<String>) -> Self {
        self.settings.registries.push(Registry { id: id.into(), name: name.into() });
        self
    }
}

/// Commands over SSH.
#[cfg(feature = "ssh")]
impl SimBuilder {
    /// Sets if commands over SSH run, as child processes of this machine's user in a folder of their pod. Everybody who
    /// reaches the simulator can then run commands here. Default: false; they get a scripted answer.
    pub fn exec(mut self, runs: bool) -> Self {
        self.settings.shell.commands = if runs { Commands::Run } else { Commands::Refused };
        self
    }

    /// Answers commands over SSH by a script instead of running them; a shell is the empty command. The script must not
    /// block. Of this and [`exec`](Self::exec) the later call holds. Default: status 126 and a line on stderr.
    pub fn on_exec(mut self, script: impl Fn(&str) -> ExecAnswer + Send + Sync + 'static) -> Self {
        self.settings.shell.commands = Commands::Scripted(Script(Arc::new(script)));
        self
    }

    /// Sets the limits of commands that run. Default: [`ExecLimits::default`].
    pub fn exec_limits(mut self, limits: ExecLimits) -> Self {
        self.settings.shell.limits = limits;
        self
    }
}

impl Settings {
    pub(crate) fn check(&self) -> Result<(), SimError> {
        let refuse = |name, reason: &str| Err(SimError::Setting { name, reason: reason.to_owned() });
        if !(0.0..=MAX_SCALE).contains(&self.time_scale) {
            return refuse("time_scale", "it must be 0 to 1,000,000 simulated seconds per real second");
        }
        if !(1..=1000).contains(&self.page_size) {
            return refuse("page_size", "it must be 1 to 1000 pods");
        }
        if self.api_key.0.is_empty() || !self.api_key.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refuse("api_key", "it must be printable ASCII without spaces, and not empty");
        }
        if !self.boot.is_sound() {
            return refuse(
                "boot",
                "every sigma must be a finite number, 0 or more, and no span may end before it begins",
            );
        }
        if !self.rate_windows.iter().all(RateWindow::is_sound) {
            return refuse(
                "rate_windows",
                "each needs a plain name, a quota of 1 or more and a length of 1 s or more",
            );
        }
        if self.capacity_drift.is_some_and(|period| period.is_zero()) {
            return refuse("capacity_drift", "the period must be longer than 0");
        }
        if self.balance_usd.is_some_and(|usd| !usd.is_finite()) {
            return refuse("balance_usd", "it must be a finite number of USD");
        }
        if let Some(flaw) = self.behavior.flaw() {
            return refuse("behavior", &flaw);
        }
        if let Some(flaw) = self.answers.iter().find_map(HttpAnswer::flaw) {
            return refuse("http_answer", flaw);
        }
        if self.request_log == 0 {
            return refuse("request_log", "it must be at least 1");
        }
        if let Some(flaw) = self.shell.flaw() {
            return refuse("exec_limits", flaw);
        }
        self.check_catalog()
    }

    /// Refuses settings that name something the catalog does not have.
    fn check_catalog(&self) -> Result<(), SimError> {
        let refuse = |name, reason: &str| Err(SimError::Setting { name, reason: reason.to_owned() });
        let scopes = self.capacity.iter().map(|(scope, _)| scope);
        let scopes = scopes.chain(self.capacity_plan.iter().map(|(_, scope, _)| scope));
        if let Some(flaw) = scopes.filter_map(Scope::flaw).next() {
            return refuse("capacity", &flaw);
        }
        if let Some(flaw) = self.forbidden.iter().find_map(|id| catalog::unknown_type(id)) {
            return refuse("forbid", &flaw);
        }
        for (name, id) in [("network_volume", twice(&self.volumes)), ("registry", twice(&self.registries))] {
            if let Some(id) = id {
                return refuse(name, &format!("\"{id}\" is given twice"));
            }
        }
        if let Some(volume) = self.volumes.iter().find(|volume| !volume.is_sound()) {
            let reason = format!("\"{}\" needs 10 to 4096 GB and a data center the catalog knows", volume.id);
            return refuse("network_volume", &reason);
        }
        Ok(())
    }
}

/// The first id that two of them have.
fn twice<T: Stored>(all: &[T]) -> Option<&str> {
    let ids: Vec<&str> = all.iter().map(Stored::id).collect();
    ids.iter().enumerate().find_map(|(at, id)| ids[..at].contains(id).then_some(*id))
}
