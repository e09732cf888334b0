//! The handle everything starts from.

pub(crate) mod builder;
pub(crate) mod call;
pub(crate) mod clock;
pub(crate) mod lookups;
mod operation;
pub(crate) mod pace;
pub(crate) mod quota;
pub(crate) mod ratelimit;
pub(crate) mod retry;
mod send;
pub(crate) mod single_flight;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    ApiVersion, Event, RateWindow,
    backend::Backend,
    client::{clock::ServerClock, lookups::LookupCache, quota::Quota},
    knowledge::poller::Poller,
    observe::Observer,
    probe::Prober,
    version::Feature,
};

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
    /// Its polls are made to end what bills.
    is_ending: bool,
}

struct Inner {
    backend: Backend,
    quota: Quota,
    /// The longest one request may take.
    timeout: Duration,
    clock: ServerClock,
    prober: Prober,
    poller: Poller,
    lookups: LookupCache,
}

impl RunPod {
    /// The same handle, with every event of its deploys and waits sent to `observe` too, which must be quick. Whoever was told
    /// of them before still is.
    ///
    /// Connections and rate-limit budget stay shared with the handle it was made from.
    #[must_use]
    pub fn on_event(&self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observed_by(self.observer.and(observe))
    }

    /// The same handle, with every event sent to `observe` too: those of [`on_event`](Self::on_event), and each request, each
    /// operation, and each start, stop and terminate as it ends. It is told of what is dropped while that is dropped.
    ///
    /// ```no_run
    /// use runpod_lifecycle::Event;
    ///
    /// # async fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), runpod_lifecycle::Error> {
    /// let runpod = runpod.on_any_event(|event| {
    ///     if let Event::RequestEnded(request) = event {
    ///         println!("{} {:?} in {:?}", request.operation, request.status, request.elapsed);
    ///     }
    /// });
    /// runpod.list().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_any_event(&self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observed_by(self.observer.and_all(observe))
    }

    /// Returns what is left of the account's rate limit, a window each, by this handle's and its clones' own reckoning. Nothing is
    /// sent: it is empty until the first answer, and where RunPod names no limit.
    ///
    /// It knows nothing of what other programs send with the account until RunPod's next answer.
    ///
    /// ```no_run
    /// # async fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), runpod_lifecycle::Error> {
    /// runpod.list().await?;
    /// for window in runpod.rate_budget() {
    ///     println!("{window}"); // minute: 59 of 60 left, anew in 12 s
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn rate_budget(&self) -> Vec<RateWindow> {
        self.inner.quota.budget()
    }

    /// The same handle for finding what is to be stopped or terminated: no rate limit holds its polls back, as none holds
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

    /// Returns true if this handle's version of the API has a feature.
    pub(crate) fn supports(&self, feature: Feature) -> bool {
        self.version().has(feature)
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

    pub(crate) fn lookups(&self) -> &LookupCache {
        &self.inner.lookups
    }

    /// The longest one request may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.inner.timeout
    }

    /// The time by RunPod's clock; `None` if none of its answers had a date.
    pub(crate) fn time(&self) -> Option<SystemTime> {
        self.inner.clock.now()
    }

    /// The time by RunPod's clock, or else by this machine's.
    pub(crate) fn server_now(&self) -> SystemTime {
        self.time().unwrap_or_else(|| self.inner.clock.local())
    }

    /// The same handle with another observer.
    pub(crate) fn observed_by(&self, observer: Observer) -> Self {
        Self { inner: Arc::clone(&self.inner), observer, is_ending: self.is_ending }
    }

    /// The same handle for waits, whose polls any rate limit holds back.
    pub(crate) fn for_waiting(&self) -> Self {
        Self { is_ending: false, ..self.clone() }
    }

    pub(crate) fn notify(&self, event: &Event) {
        self.observer.notify(event);
    }
}

impl fmt::Debug for RunPod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunPod").field("backend", &self.inner.backend).finish_non_exhaustive()
    }
}
