use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::account::Account;
use crate::capacity::Scope;
use crate::clock::Clock;
use crate::contract::Contract;
use crate::error::SimError;
use crate::http::{App, router, serve};
use crate::journal::RequestRecord;
use crate::ledger::LedgerEntry;
use crate::limits::Limits;
use crate::order::{Port, PortKind};
use crate::pod::{Pod, PodStatus};
use crate::settings::{Settings, SimBuilder};

/// A running simulator. Dropping it stops it and closes every port it opened.
pub struct Sim {
    app: Arc<App>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Sim {
    /// Begins to set up a simulator.
    pub fn builder() -> SimBuilder {
        SimBuilder::default()
    }

    pub(crate) async fn run(settings: Settings) -> Result<Self, SimError> {
        let contract = Contract::v2().map_err(|error| SimError::Contract(error.to_owned()))?;
        let listen = |source| SimError::Listen { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let mut account = Account::new(settings.seed, Limits::new(settings.rate_windows.clone()));
        account.ssh_keys.clone_from(&settings.ssh_keys);
        account.volumes = settings.volumes.iter().map(|volume| (volume.id.clone(), volume.clone())).collect();
        for (scope, units) in &settings.capacity {
            account.capacity.set(scope.clone(), *units);
        }
        let epoch = Timestamp::try_from(settings.epoch)
            .map_err(|error| SimError::Setting { name: "epoch", reason: error.to_string() })?;
        let clock = Arc::new(Clock::new(epoch, settings.time_scale));
        let app = Arc::new(App::new(settings, contract, clock, account));
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve(listener, router(app.clone()), stopped));
        Ok(Self { app, address, stop: Some(stop), server })
    }

    /// The base URL, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The key it accepts.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.app.settings.api_key.0
    }

    /// Simulated time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.app.clock.now()
    }

    /// Moves simulated time forward at once.
    pub fn advance(&self, by: Duration) {
        self.app.clock.advance(by);
    }

    /// Changes the pace: simulated seconds per real second.
    ///
    /// # Errors
    /// When the pace is not 0 to 1,000,000.
    pub fn set_time_scale(&self, scale: f64) -> Result<(), SimError> {
        if !(0.0..=crate::clock::MAX_SCALE).contains(&scale) {
            let reason = "it must be 0 to 1,000,000 simulated seconds per real second".to_owned();
            return Err(SimError::Setting { name: "time_scale", reason });
        }
        self.app.clock.set_scale(scale);
        Ok(())
    }

    /// Limits how many GPUs of a type (or vCPUs of a flavor) are handed out at a time, those in use included.
    /// Pods that hold more already keep them.
    pub fn set_capacity(&self, type_id: impl Into<String>, units: u32) {
        self.set_capacity_in(Scope::of_type(type_id), units);
    }

    /// Like [`set_capacity`](Self::set_capacity), for a narrower or wider scope. The tightest limit decides.
    pub fn set_capacity_in(&self, scope: Scope, units: u32) {
        self.app.account().capacity.set(scope, units);
    }

    /// Locks or unlocks a pod. A locked pod refuses stop, restart and delete. `false` when there is no such pod.
    pub fn set_locked(&self, pod_id: &str, locked: bool) -> bool {
        let mut account = self.app.account();
        account.existing_pod(pod_id).map(|pod| pod.locked = locked).is_some()
    }

    /// The truth about every pod there ever was, oldest first.
    #[must_use]
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        let now = self.now();
        let entry = |pod: &Pod| LedgerEntry::of(pod, now, &self.app.settings.marker_env);
        self.app.account().pods().iter().map(entry).collect()
    }

    /// Every request answered so far, in the order of their answers.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.app.account().journal.clone()
    }

    /// The pods that exist now, oldest first.
    #[must_use]
    pub fn pods(&self) -> Vec<PodSnapshot> {
        let now = self.now();
        let account = self.app.account();
        let existing = account.pods().iter().filter(|pod| pod.status(now) != PodStatus::Terminated);
        existing.map(|pod| PodSnapshot::of(pod, now)).collect()
    }

    /// What a get would show of a pod now, without a request; `None` when it would answer 404.
    /// It holds the environment in clear, as RunPod's answer does.
    #[must_use]
    pub fn pod_json(&self, pod_id: &str) -> Option<Value> {
        let now = self.now();
        let account = self.app.account();
        let pod = account.pod(pod_id, now, self.app.settings.terminated_linger)?;
        Some(pod.view(now, &self.app.clock))
    }

    /// Where a pod's HTTP port can be reached on loopback, standing in for RunPod's HTTPS proxy; `None` until the
    /// port is assigned.
    #[must_use]
    pub fn http_url(&self, pod_id: &str, port: u16) -> Option<String> {
        let now = self.now();
        let account = self.app.account();
        let (_, endpoints) = account.pod(pod_id, now, Duration::ZERO)?.reachable(now)?;
        let endpoint = endpoints.of(Port { number: port, kind: PortKind::Http })?;
        Some(format!("http://{}", endpoint.public))
    }

    /// Answers checked against the contract so far. Only debug builds check.
    #[must_use]
    pub fn answers_verified(&self) -> u64 {
        self.app.account().answers_verified
    }

    /// Answers of the simulator's own that broke the contract: always empty, unless the simulator has a fault.
    #[must_use]
    pub fn contract_violations(&self) -> Vec<String> {
        self.app.account().contract_violations.clone()
    }

    /// Stops the simulator and returns once every connection and port is closed.
    pub async fn shutdown(mut self) {
        self.stop.take();
        if let Err(error) = (&mut self.server).await {
            tracing::error!(%error, "the simulator's server failed");
        }
        self.app.account().close();
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.server.abort();
        self.app.account().close();
    }
}

/// A pod as the simulator sees it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PodSnapshot {
    /// The pod's id.
    pub id: String,
    /// The pod's name.
    pub name: String,
    /// Its status now.
    pub status: PodStatus,
    /// GPU type or CPU flavor id.
    pub type_id: String,
    /// GPUs or vCPUs.
    pub count: u32,
    /// Where its machine stands.
    pub data_center: String,
    /// Where port 22 is published; `None` until it is, or without `22/tcp`.
    pub ssh: Option<SocketAddr>,
    /// What it costs now, in USD per hour.
    pub usd_per_hour: f64,
}

impl PodSnapshot {
    fn of(pod: &Pod, now: Duration) -> Self {
        Self {
            id: pod.id.clone(),
            name: pod.name.clone(),
            status: pod.status(now),
            type_id: pod.compute.type_id().to_owned(),
            count: pod.compute.units(),
            data_center: pod.place.data_center.clone(),
            ssh: pod.reachable(now).and_then(|(_, ends)| ends.of(Port::SSH)).map(|end| end.public),
            usd_per_hour: pod.usd_per_hour(),
        }
    }
}
