//! The running simulator, and its start.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use serde_json::Value;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{
    contract::{Area, Contract},
    error::SimError,
    faults::{Fault, FaultReport},
    http::{router, serve},
    world::{
        App,
        answer::HttpAnswer,
        behavior::Behavior,
        capacity::Scope,
        catalog,
        clock::Clock,
        journal::RequestRecord,
        launch,
        ledger::LedgerEntry,
        limits::{Limits, RateWindow},
        observation::Observation,
        pod::PodStatus,
        settings::{API_KEY, Settings, SimBuilder},
        snapshot::PodSnapshot,
    },
};

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

impl SimBuilder {
    /// Starts the simulator on the current tokio runtime.
    ///
    /// # Errors
    /// When a setting is out of range or the address cannot be bound.
    pub async fn start(self) -> Result<Sim, SimError> {
        self.settings.check()?;
        Sim::run(self.settings).await
    }
}

impl Sim {
    /// Returns a builder with the defaults.
    pub fn builder() -> SimBuilder {
        SimBuilder::default()
    }

    async fn run(settings: Settings) -> Result<Self, SimError> {
        let contract = |error: &str| SimError::Contract(error.to_owned());
        let (v1, v2) = (Contract::v1().map_err(contract)?, Contract::v2().map_err(contract)?);
        check_faults(&settings, v1, v2)?;
        let listen = |source| SimError::Listen { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let epoch = Timestamp::try_from(settings.epoch.unwrap_or_else(SystemTime::now))
            .map_err(|error| SimError::Setting { name: "epoch", reason: error.to_string() })?;
        let clock = Arc::new(Clock::new(epoch, settings.time_scale));
        let app = Arc::new(App::new(settings, v1, v2, clock, address).map_err(SimError::Folder)?);
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

    /// The key it accepts, if it is the default one, which opens nothing but simulators.
    #[must_use]
    pub fn usual_api_key(&self) -> Option<&str> {
        Some(self.api_key()).filter(|key| *key == API_KEY)
    }

    /// Simulated time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.app.clock.now()
    }

    /// Moves simulated time forward.
    pub fn advance(&self, by: Duration) {
        self.app.clock.advance(by);
    }

    /// Sets the pace: simulated seconds per real second.
    ///
    /// # Errors
    /// When the pace is not 0 to 1,000,000.
    pub fn set_time_scale(&self, scale: f64) -> Result<(), SimError> {
        if !(0.0..=crate::world::clock::MAX_SCALE).contains(&scale) {
            let reason = "it must be 0 to 1,000,000 simulated seconds per real second".to_owned();
            return Err(SimError::Setting { name: "time_scale", reason });
        }
        self.app.clock.set_scale(scale);
        Ok(())
    }

    /// Returns the present behavior.
    #[must_use]
    pub fn behavior(&self) -> Behavior {
        (*self.app.behavior()).clone()
    }

    /// Changes the behavior from now on.
    ///
    /// # Errors
    /// When a value is out of range.
    pub fn set_behavior(&self, behavior: Behavior) -> Result<(), SimError> {
        if let Some(reason) = behavior.flaw() {
            return Err(SimError::Setting { name: "behavior", reason });
        }
        self.app.behave(behavior);
        self.app.changed.send_replace(());
        Ok(())
    }

    /// Adds an answer of pods' HTTP ports after the existing ones. The first that matches is sent.
    ///
    /// # Errors
    /// When a value is out of range.
    pub fn add_http_answer(&self, answer: HttpAnswer) -> Result<(), SimError> {
        if let Some(flaw) = answer.flaw() {
            return Err(SimError::Setting { name: "http_answer", reason: flaw.to_owned() });
        }
        self.app.answers.add(answer);
        Ok(())
    }

    /// Removes all answers of HTTP ports.
    pub fn clear_http_answers(&self) {
        self.app.answers.replace(Vec::new());
    }

    /// Denies the key an area, or allows it again.
    pub fn set_denied(&self, area: Area, denied: bool) {
        let mut account = self.app.account();
        if denied {
            account.denied.insert(area);
        } else {
            account.denied.remove(&area);
        }
    }

    /// Limits the GPUs of a type (or vCPUs of a flavor) in use at a time, those in use now included.
    /// Pods keep what they hold already.
    ///
    /// # Errors
    /// When the catalog does not have the type.
    pub fn set_capacity(&self, type_id: impl Into<String>, units: u32) -> Result<(), SimError> {
        self.set_capacity_in(Scope::of_type(type_id), units)
    }

    /// Like [`set_capacity`](Self::set_capacity), for a narrower or wider scope. The tightest limit decides.
    ///
    /// # Errors
    /// When the catalog does not have the type or the data center.
    pub fn set_capacity_in(&self, scope: Scope, units: u32) -> Result<(), SimError> {
        if let Some(reason) = scope.flaw() {
            return Err(SimError::Setting { name: "capacity", reason });
        }
        self.app.account().capacity.set(scope, units);
        Ok(())
    }

    /// Injects a fault after the existing ones.
    ///
    /// If several are due for one call, the one injected first happens, and the others do not count the call.
    ///
    /// # Errors
    /// When it names an operation that does not exist, or one of its values is out of range.
    pub fn inject(&self, fault: Fault) -> Result<(), SimError> {
        self.app.inject(fault).map_err(SimError::Fault)
    }

    /// Removes the fault of this [number](FaultReport::number). `false` when there is none.
    pub fn remove_fault(&self, number: u64) -> bool {
        self.app.faults.remove(number)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.app.faults.clear();
    }

    /// Counts of every injected fault, in the order of injection.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultReport> {
        self.app.faults.reports()
    }

    /// Sets the account's balance in USD; `None` means unlimited.
    pub fn set_balance(&self, usd: Option<f64>) {
        let now = self.now();
        self.app.account().set_balance(usd, now);
    }

    /// Replaces the rate-limit windows; the new ones are empty.
    ///
    /// # Errors
    /// When a window has no quota, is shorter than 1 s, or its name cannot be sent in a header.
    pub fn set_rate_windows(&self, windows: impl IntoIterator<Item = RateWindow>) -> Result<(), SimError> {
        let windows: Vec<RateWindow> = windows.into_iter().collect();
        if !windows.iter().all(RateWindow::is_sound) {
            let reason = "a window needs a quota, a length of at least 1 s and a plain name".to_owned();
            return Err(SimError::Setting { name: "rate_windows", reason });
        }
        self.app.account().limits = Limits::new(windows);
        Ok(())
    }

    /// Allows or forbids the account a GPU type or CPU flavor.
    ///
    /// # Errors
    /// When the catalog does not have the type.
    pub fn set_forbidden(&self, type_id: impl Into<String>, forbidden: bool) -> Result<(), SimError> {
        let (mut account, type_id) = (self.app.account(), type_id.into());
        if let Some(reason) = catalog::unknown_type(&type_id) {
            return Err(SimError::Setting { name: "forbid", reason });
        }
        if forbidden {
            account.forbidden.insert(type_id);
        } else {
            account.forbidden.remove(&type_id);
        }
        Ok(())
    }

    /// Makes REST v1 answer 410 to everything, or serve again.
    pub fn set_v1_retired(&self, retired: bool) {
        self.app.account().v1_retired = retired;
    }

    /// Changes a running simulator to what a builder says: whatever differs from what it was told before by its start or the last
    /// reload, of behavior, faults (which are counted anew), HTTP answers, stock, rate windows, balance, rights and pace. Everything
    /// else stays as it is, pods and what was changed by other calls too. A later [`reset`](Self::reset) begins with all of it.
    ///
    /// Returns the names of the settings that differ and that only another start can change.
    ///
    /// # Errors
    /// When a setting is out of range; then nothing changes.
    pub fn reload(&self, builder: SimBuilder) -> Result<Vec<&'static str>, SimError> {
        builder.settings.check()?;
        check_faults(&builder.settings, self.app.v1, self.app.v2)?;
        Ok(self.app.reload(builder.settings))
    }

    /// Starts over at instant zero: without pods, log and ledger, with the account and the faults of the settings.
    pub fn reset(&self) {
        self.app.reset();
    }

    /// Locks or unlocks a pod. A locked pod refuses stop, restart and delete. `false` when there is no such pod.
    pub fn set_locked(&self, pod_id: &str, locked: bool) -> bool {
        let mut account = self.app.account();
        account.existing_pod(pod_id).map(|pod| pod.facts.locked = locked).is_some()
    }

    /// Sets the use of a pod's CPU and GPUs, 0 to 100 percent. Default: 0 of its GPUs, 1 of its CPU. `false` when there is no
    /// such pod.
    pub fn set_load(&self, pod_id: &str, percent: u8) -> bool {
        let mut account = self.app.account();
        account.existing_pod(pod_id).map(|pod| pod.load = Some(percent.min(100).into())).is_some()
    }

    /// The ledger: an entry for every pod there ever was, oldest first.
    #[must_use]
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.app.ledger()
    }

    /// The newest requests, in the order of their answers: the last 100,000, unless the setting
    /// [`request_log`](SimBuilder::request_log) says otherwise.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.app.account().journal.records().cloned().collect()
    }

    /// Counts all requests so far, those that are no longer remembered included.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.app.account().journal.count()
    }

    /// The pods that exist now, oldest first.
    #[must_use]
    pub fn pods(&self) -> Vec<PodSnapshot> {
        let now = self.now();
        let account = self.app.account();
        let existing = account.pods().iter().filter(|pod| pod.status(now) != PodStatus::Terminated);
        existing.map(|pod| PodSnapshot::of(pod, now)).collect()
    }

    /// Shows a pod as it is now, as a get without any lag would; `None` when it is gone.
    /// It holds the environment in clear, as RunPod's answer does.
    #[must_use]
    pub fn pod_json(&self, pod_id: &str) -> Option<Value> {
        let now = self.now();
        let account = self.app.account();
        let pod = account.pod(pod_id, now, self.app.settings.terminated_linger)?;
        Some(pod.view(&Observation::exact(&self.app.behavior(), now), &self.app.clock))
    }

    /// The environment of a pod's container with its references to the account's secrets filled in, as process 1 got them when
    /// it started; `None` while no container runs. No answer over HTTP shows it.
    #[must_use]
    pub fn container_env(&self, pod_id: &str) -> Option<BTreeMap<String, String>> {
        let now = self.now();
        let account = self.app.account();
        account.secret_values.environment(account.pod(pod_id, now, Duration::ZERO)?, now)
    }

    /// The loopback URL of a pod's HTTP port, which stands in for RunPod's HTTPS proxy; `None` until the
    /// port is assigned.
    #[must_use]
    pub fn http_url(&self, pod_id: &str, port: u16) -> Option<String> {
        let now = self.now();
        let account = self.app.account();
        launch::http_end(&account, pod_id, port, now).map(|end| format!("http://{end}"))
    }

    /// A template for the URLs of pods' HTTP ports, with `{pod}` and `{port}` to be filled in. It leads through the
    /// simulator, which stands in for RunPod's HTTPS proxy: 404 while there is no such port, 502 until something
    /// listens on it.
    #[must_use]
    pub fn http_proxy(&self) -> String {
        format!("{}/_sim/proxy/{{pod}}/{{port}}/", self.url())
    }

    /// The base URL of REST v1.
    #[must_use]
    pub fn v1_url(&self) -> String {
        format!("{}/v1", self.url())
    }

    /// Answers checked against the contract so far; see [`verify`](SimBuilder::verify).
    #[must_use]
    pub fn answers_verified(&self) -> u64 {
        self.app.account().answers_verified
    }

    /// The simulator's own answers that broke the contract. Empty, unless the simulator has a bug.
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
        self.app.close();
    }
}

/// Refuses faults that cannot be injected.
fn check_faults(settings: &Settings, v1: &Contract, v2: &Contract) -> Result<(), SimError> {
    let known = |operation: &str| v1.has(operation) || v2.has(operation);
    let flaw = settings.faults.iter().find_map(|fault| fault.flaw(known));
    flaw.map_or(Ok(()), |reason| Err(SimError::Fault(reason)))
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.server.abort();
        self.app.close();
    }
}
