//! Making a handle.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use runpod_api::{BuildError, ClientBuilder, Secret};

#[cfg(feature = "v1")]
use crate::backend::v1::V1;
use crate::{
    ApiVersion, RunPod,
    backend::{Backend, v2::V2},
    client::{Inner, clock::ServerClock, lookups::LookupCache, quota::Quota},
    event::Observer,
    knowledge::poller::Poller,
    probe::Prober,
};

/// The environment variable that holds the API key.
const KEY_VARIABLE: &str = "RUNPOD_API_KEY";
/// The environment variable that overrides the base URL.
const URL_VARIABLE: &str = "RUNPOD_API_URL";
/// The environment variable that names the API version.
const VERSION_VARIABLE: &str = "RUNPOD_API_VERSION";

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
            timeout: ClientBuilder::DEFAULT_TIMEOUT,
            clock: ServerClock::default(),
        }
    }
}

/// Makes a [`RunPod`]; see [`RunPod::builder`].
#[must_use]
pub struct RunPodBuilder {
    client: ClientBuilder,
    version: ApiVersion,
    http_proxy: Option<String>,
    timeout: Duration,
    clock: ServerClock,
}

impl RunPodBuilder {
    /// Version of the API to speak. Default [`ApiVersion::V2`].
    pub fn api_version(mut self, version: ApiVersion) -> Self {
        self.version = version;
        self
    }

    /// The API's base URL. Default `https://api.runpod.io`. `http://` is taken for loopback only.
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
        self.timeout = timeout;
        self
    }

    /// The URL at which a pod's HTTP ports are reached and probed, with `{pod}` and `{port}` filled in.
    /// Default `https://{pod}-{port}.proxy.runpod.net`. A simulator has its own.
    pub fn http_proxy(mut self, template: impl Into<String>) -> Self {
        self.http_proxy = Some(template.into());
        self
    }

    /// This machine's clock, for tests on paused time. Default [`SystemTime::now`]. It bridges the time between two
    /// answers, and counts lifetimes where RunPod's answers carry no `Date`.
    pub fn local_clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = ServerClock::new(Box::new(now));
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
            ApiVersion::V1 => Backend::V1(V1::new(self.client.v1()?)),
        };
        let prober = Prober::new(self.http_proxy)?;
        let (quota, timeout, clock) = (Quota::default(), self.timeout, self.clock);
        let (poller, lookups) = (Poller::default(), LookupCache::default());
        let inner = Inner { backend, quota, timeout, clock, prober, poller, lookups };
        Ok(RunPod { inner: Arc::new(inner), observer: Observer::default(), is_ending: false })
    }
}

impl fmt::Debug for RunPodBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunPodBuilder").field("client", &self.client).finish_non_exhaustive()
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
        /// Its value.
        version: String,
    },
    /// The key, the base URL or the TLS set-up is unusable.
    #[error(transparent)]
    Client(#[from] BuildError),
}
