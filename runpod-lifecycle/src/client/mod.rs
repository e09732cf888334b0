//! The handle everything starts from.

pub(crate) mod clock;
pub(crate) mod quota;
pub(crate) mod ratelimit;
pub(crate) mod retry;
pub(crate) mod shared;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use runpod_api::{BuildError, ClientBuilder, Failure, Secret};
use tokio::time::{Instant, sleep};

use crate::{
    ApiVersion, Error, ErrorKind, Event, GpuType,
    backend::{Answer, Backend, SshKeys, v2::V2},
    client::clock::ServerClock,
    client::quota::{Permit, Priority, Quota},
    client::shared::Shared,
    event::Observer,
    pods::list::Listing,
    pods::names::Names,
    pods::record::PodRecords,
    probe::Prober,
    ssh_keys::WrittenKeys,
    version::Feature,
    wait::watcher::Poller,
};

/// The environment variable that holds the API key.
const KEY_VARIABLE: &str = "RUNPOD_API_KEY";
/// The environment variable that overrides the base URL.
const URL_VARIABLE: &str = "RUNPOD_API_URL";
/// The environment variable that names the API version.
const VERSION_VARIABLE: &str = "RUNPOD_API_VERSION";
/// The longest a call is held back for an exhausted rate limit before it fails instead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A handle on a RunPod account. Cheap to clone; clones share connections and rate-limit budget.
///
/// It has no runtime and no background task of its own: everything happens inside the futures it
/// returns, which are `Send` and need a tokio runtime with time and I/O enabled.
///
/// ```no_run
/// use std::time::Duration;
/// use runpod_lifecycle::{PodSpec, Ready, RunPod};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let runpod = RunPod::from_env()?;
/// let spec = PodSpec::gpu("my-env", "runpod/pytorch:latest", ["NVIDIA GeForce RTX 4090"]).port("22/tcp");
/// let pod = runpod.deploy(&spec).await?;
/// let pod = pod.wait_until(Ready::Ssh, Duration::from_secs(600)).await?;
/// if let Some(command) = pod.connection().ssh_command() {
///     println!("{command}");
/// }
/// pod.terminate().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RunPod {
    inner: Arc<Inner>,
    observer: Observer,
    /// Whether its looks are made to end what bills.
    is_ending: bool,
}

struct Inner {
    backend: Backend,
    quota: Quota,
    clock: ServerClock,
    prober: Prober,
    poller: Poller,
    lookups: Lookups,
}

/// How old an answer may be that somebody else asked for.
const SHARED_FOR: Duration = Duration::from_millis(2500);

/// What deploys look up before they create, shared by those that begin together.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    /// When a mutation last began or ended: what was looked up before it says little after it.
    mutated_at: Mutex<Option<Instant>>,
    pub(crate) pods: Shared<(), Arc<Listing>>,
    pub(crate) names: Names,
    /// What this handle created or changed, since answers may be from before.
    pub(crate) records: PodRecords,
    pub(crate) ssh_keys: Shared<(), SshKeys>,
    /// The set of SSH keys last written through this handle.
    pub(crate) written_ssh_keys: tokio::sync::Mutex<Option<WrittenKeys>>,
    pub(crate) data_centers: Shared<(), Vec<String>>,
    /// The secure cloud's and the community cloud's, for so many GPUs a pod.
    pub(crate) gpu_types: [Shared<u32, Vec<GpuType>>; 2],
}

impl Lookups {
    /// How old an answer about anything but pods may be.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        Instant::now().checked_sub(SHARED_FOR)
    }

    /// How old an answer about pods may be.
    pub(crate) fn oldest_of_pods(&self) -> Option<Instant> {
        self.oldest().max(self.last_mutation())
    }

    /// When something was last changed through this handle.
    pub(crate) fn last_mutation(&self) -> Option<Instant> {
        *self.mutated_at()
    }

    fn mutated_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.mutated_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunPod {
    /// A handle made from the environment: `RUNPOD_API_KEY`, and optionally `RUNPOD_API_URL`
    /// (default `https://api.runpod.io`) and `RUNPOD_API_VERSION` (`v2`, the default, or `v1` with that feature).
    ///
    /// Requests and HTTP probes go through the proxy that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` (or their lower-case
    /// forms) name, as every handle's do; the proxy sees no key, since TLS ends at RunPod. An API on this machine is
    /// never asked through one. SSH and TCP probes connect directly.
    ///
    /// # Errors
    /// [`ConfigError`] if the key is missing or unusable, or the URL or version is. Nothing is sent.
    pub fn from_env() -> Result<Self, ConfigError> {
        let key = variable(KEY_VARIABLE)?.ok_or(ConfigError::MissingKey)?;
        let version = variable(VERSION_VARIABLE)?.filter(|version| !version.is_empty());
        let version = version.as_deref().map(version_of).transpose()?.unwrap_or_default();
        let url = variable(URL_VARIABLE)?.filter(|url| !url.is_empty());
        let builder = Self::builder(key).api_version(version);
        url.into_iter().fold(builder, RunPodBuilder::base_url).build()
    }

    /// Begins a handle with an API key; everything else has a default.
    pub fn builder(key: impl Into<Secret>) -> RunPodBuilder {
        RunPodBuilder {
            client: ClientBuilder::new(key)
                .user_agent(concat!("runpod-lifecycle/", env!("CARGO_PKG_VERSION"))),
            version: ApiVersion::default(),
            http_proxy: None,
        }
    }

    /// The same handle, with every event of its deploys and waits sent to `observe`, which must be quick.
    ///
    /// Connections and rate-limit budget stay shared with the handle it was made from.
    #[must_use]
    pub fn on_event(&self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observed_by(Observer::new(observe))
    }

    /// The same handle for finding what is to be stopped or terminated: no rate limit holds its looks back, as none holds
    /// back the stop or the terminate itself. Its waits look like those of any other handle.
    ///
    /// ```no_run
    /// # async fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), runpod_lifecycle::Error> {
    /// runpod.for_ending().pod("my-env").await?.stop().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn for_ending(&self) -> Self {
        Self { is_ending: true, ..self.clone() }
    }

    /// The generated client underneath, for whatever this facade does not cover; `None` on REST v1.
    ///
    /// It shares this handle's connections, but not its retries and rate-limit budget.
    #[must_use]
    pub fn api(&self) -> Option<&runpod_api::v2::Client> {
        match &self.inner.backend {
            Backend::V2(v2) => Some(v2.client()),
            #[cfg(feature = "v1")]
            Backend::V1(_) => None,
        }
    }

    /// The generated client of REST v1 underneath; `None` on REST v2.
    #[cfg(feature = "v1")]
    #[must_use]
    pub fn api_v1(&self) -> Option<&runpod_api::v1::Client> {
        match &self.inner.backend {
            Backend::V2(_) => None,
            Backend::V1(v1) => Some(v1.client()),
        }
    }

    /// The version of the API this handle speaks.
    #[must_use]
    pub fn version(&self) -> ApiVersion {
        self.inner.backend.version()
    }

    /// Whether this handle's version of the API has a feature.
    pub(crate) fn supports(&self, feature: Feature) -> bool {
        self.version().has(feature)
    }

    /// Ends a call that this handle's version of the API cannot do, before anything is sent.
    pub(crate) fn require(&self, feature: Feature, call: Call<'_>) -> Result<(), Error> {
        if self.supports(feature) {
            return Ok(());
        }
        let message = format!("REST v1 has no {feature}; REST v2 has (ApiVersion::V2)");
        Err(Error::of_answer(ErrorKind::Unsupported, call.operation, call.target, message))
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.inner.backend
    }

    pub(crate) fn observer(&self) -> &Observer {
        &self.observer
    }

    pub(crate) fn prober(&self) -> &Prober {
        &self.inner.prober
    }

    pub(crate) fn poller(&self) -> &Poller {
        &self.inner.poller
    }

    pub(crate) fn lookups(&self) -> &Lookups {
        &self.inner.lookups
    }

    /// The time by RunPod's clock; `None` if none of its answers had a date.
    pub(crate) fn time(&self) -> Option<SystemTime> {
        self.inner.clock.now()
    }

    /// The same handle with another observer.
    pub(crate) fn observed_by(&self, observer: Observer) -> Self {
        Self { inner: Arc::clone(&self.inner), observer, is_ending: self.is_ending }
    }

    /// The same handle for waits, whose looks any rate limit holds back.
    pub(crate) fn for_waiting(&self) -> Self {
        Self { is_ending: false, ..self.clone() }
    }

    /// The weight of a call against the rate limit.
    fn priority(&self, call: Call<'_>) -> Priority {
        if self.is_ending { Priority::Ending } else { call.priority }
    }

    pub(crate) fn notify(&self, event: &Event) {
        self.observer.notify(event);
    }

    /// Sends one request, once the rate limit allows it, and once only.
    ///
    /// The request is boxed by the caller: its future is large, and nobody's stack or state should be.
    pub(crate) async fn once<T>(
        &self,
        call: Call<'_>,
        send: Pin<Box<impl Future<Output = Result<Answer<T>, Failure>> + Send>>,
    ) -> Result<T, Error> {
        let permit = self.admit(call).await?;
        let mutating = |at| {
            if call.is_change {
                *self.inner.lookups.mutated_at() = Some(at);
            }
        };
        mutating(Instant::now());
        let answer = send.await;
        mutating(Instant::now());
        match answer {
            Ok(answer) => {
                // A failure may be another server's, with another clock.
                self.inner.clock.observe(&answer.headers);
                permit.answered(&answer.headers);
                Ok(answer.value)
            }
            Err(failure) => {
                permit.answered(failure.headers());
                if failure.status() == Some(429) {
                    self.inner.quota.hold(failure.retry_after());
                }
                Err(Error::of_call(self.version(), call.operation, call.target, failure))
            }
        }
    }

    /// Sends a request whose repetition does no harm, again after failures that may pass.
    pub(crate) async fn repeatedly<T, F>(
        &self,
        call: Call<'_>,
        send: impl Fn() -> F + Send,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<Answer<T>, Failure>> + Send,
    {
        self.send(call, Tries::Several, send).await
    }

    /// Sends a request once, or again after failures that may pass.
    pub(crate) async fn send<T, F>(
        &self,
        call: Call<'_>,
        tries: Tries,
        send: impl Fn() -> F + Send,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<Answer<T>, Failure>> + Send,
    {
        let mut pauses = retry::pauses(match tries {
            Tries::One => 1,
            Tries::Several | Tries::Urgent => retry::ATTEMPTS,
        });
        let call = match tries {
            Tries::Urgent => Call { priority: Priority::Ending, ..call },
            Tries::One | Tries::Several => call,
        };
        loop {
            let error = match self.once(call, Box::pin(send())).await {
                Ok(value) => return Ok(value),
                Err(error) if !error.is_retryable() => return Err(error),
                Err(error) => error,
            };
            let Some(pause) = pauses.next() else { return Err(error) };
            if !self.rest_after(&error, call, pause).await {
                return Err(error);
            }
        }
    }

    /// Rests for at least `pause` before a call that failed is sent again. Returns false at once if RunPod
    /// wants to be left alone for longer than anybody waits.
    pub(crate) async fn rest_after(&self, error: &Error, call: Call<'_>, pause: Duration) -> bool {
        let asked = error.retry_after().unwrap_or_default();
        let asked = match self.priority(call) {
            // A pod that bills is worth another 429.
            Priority::Ending if asked > PATIENCE => Duration::ZERO,
            Priority::Ending => asked,
            _ => asked.max(self.inner.quota.exhausted_for()),
        };
        if asked > PATIENCE {
            return false;
        }
        let pause = pause.max(asked);
        if error.kind() == ErrorKind::RateLimited {
            self.tell_pause(call.operation, pause, "RunPod answered 429");
        } else if !asked.is_zero() {
            self.tell_pause(call.operation, pause, "RunPod asked for it");
        }
        sleep(pause).await;
        true
    }

    fn tell_pause(&self, operation: &str, pause: Duration, reason: impl Into<String>) {
        self.notify(&Event::Paused { operation: operation.to_owned(), pause, reason: reason.into() });
    }

    async fn admit(&self, call: Call<'_>) -> Result<Permit<'_>, Error> {
        loop {
            let hold = match self.inner.quota.admit(self.priority(call)).await {
                Ok(permit) => return Ok(permit),
                Err(hold) => hold,
            };
            if hold.span > PATIENCE {
                let seconds = hold.span.as_secs();
                let message = format!("not sent for another {seconds} s, since {}", hold.reason);
                return Err(Error::of_answer(ErrorKind::RateLimited, call.operation, call.target, message));
            }
            self.tell_pause(call.operation, hold.span, hold.reason);
            sleep(hold.span).await;
        }
    }
}

impl fmt::Debug for RunPod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunPod").field("backend", &self.inner.backend).finish_non_exhaustive()
    }
}

/// A variable of the environment, if it is set.
fn variable(name: &'static str) -> Result<Option<String>, ConfigError> {
    let not_unicode = |_| ConfigError::NotUnicode { variable: name };
    std::env::var_os(name).map(|value| value.into_string().map_err(not_unicode)).transpose()
}

fn version_of(text: &str) -> Result<ApiVersion, ConfigError> {
    match text.to_ascii_lowercase().as_str() {
        "v2" => Ok(ApiVersion::V2),
        #[cfg(feature = "v1")]
        "v1" => Ok(ApiVersion::V1),
        _ => Err(ConfigError::UnknownVersion { version: text.to_owned() }),
    }
}

/// How often a request may be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tries {
    One,
    Several,
    /// Several, and no limit holds it back: a pod that bills is ended by what it brings.
    Urgent,
}

/// What a request is for: named in errors, weighed against the rate limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    operation: &'static str,
    target: Option<&'a str>,
    priority: Priority,
    /// Whether it changes something, so that what was looked up before says little after it.
    is_change: bool,
}

impl<'a> Call<'a> {
    /// A request that changes something.
    pub(crate) fn mutation(operation: &'static str, target: impl Into<Option<&'a str>>) -> Self {
        Self { operation, target: target.into(), priority: Priority::Mutation, is_change: true }
    }

    /// A request that ends or shortens what is billed: no limit holds it back.
    pub(crate) fn ending(operation: &'static str, target: impl Into<Option<&'a str>>) -> Self {
        Self { operation, target: target.into(), priority: Priority::Ending, is_change: true }
    }

    /// A request that only looks.
    pub(crate) fn look(operation: &'static str, target: Option<&'a str>) -> Self {
        Self { operation, target, priority: Priority::Poll, is_change: false }
    }
}

/// Makes a [`RunPod`]; see [`RunPod::builder`].
#[must_use]
pub struct RunPodBuilder {
    client: ClientBuilder,
    version: ApiVersion,
    http_proxy: Option<String>,
}

impl RunPodBuilder {
    /// Which version of the API to speak. Default [`ApiVersion::V2`].
    pub fn api_version(mut self, version: ApiVersion) -> Self {
        self.version = version;
        self
    }

    /// Where the API is. Default `https://api.runpod.io`. `http://` is taken for loopback only.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.client = self.client.base_url(url);
        self
    }

    /// The longest a connection may take to come about. Default 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.client = self.client.connect_timeout(timeout);
        self
    }

    /// The longest one request may take, answer included. Default 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.client = self.client.timeout(timeout);
        self
    }

    /// Where a pod's HTTP ports are reached and probed, with `{pod}` and `{port}` filled in.
    /// Default `https://{pod}-{port}.proxy.runpod.net`. A simulator has its own.
    pub fn http_proxy(mut self, template: impl Into<String>) -> Self {
        self.http_proxy = Some(template.into());
        self
    }

    /// The handle.
    ///
    /// # Errors
    /// [`ConfigError`] if the key or the base URL is unusable. Nothing is sent.
    pub fn build(self) -> Result<RunPod, ConfigError> {
        let backend = match self.version {
            ApiVersion::V2 => Backend::V2(V2::new(self.client.v2()?)),
            #[cfg(feature = "v1")]
            ApiVersion::V1 => Backend::V1(crate::backend::v1::V1::new(self.client.v1()?)),
        };
        let prober = Prober::new(self.http_proxy)?;
        let (quota, clock) = (Quota::default(), ServerClock::default());
        let (poller, lookups) = (Poller::new(), Lookups::default());
        let inner = Inner { backend, quota, clock, prober, poller, lookups };
        Ok(RunPod { inner: Arc::new(inner), observer: Observer::default(), is_ending: false })
    }
}

impl fmt::Debug for RunPodBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunPodBuilder").field("client", &self.client).finish_non_exhaustive()
    }
}

/// A handle that cannot be made. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// `RUNPOD_API_KEY` is not set.
    #[error("RUNPOD_API_KEY is not set; make a key at https://console.runpod.io/user/settings and export it")]
    MissingKey,
    /// A variable of the environment is set to something that is not text.
    #[error("{variable} is set and is not Unicode; set it to plain text, or unset it")]
    NotUnicode {
        /// Its name.
        variable: &'static str,
    },
    /// `RUNPOD_API_VERSION` names a version this build does not speak.
    #[error("RUNPOD_API_VERSION is {version:?}; it may be v2, or v1 with the cargo feature v1")]
    UnknownVersion {
        /// What it says.
        version: String,
    },
    /// The key, the base URL or the TLS set-up is unusable.
    #[error(transparent)]
    Client(#[from] BuildError),
}
