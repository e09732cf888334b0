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
    ApiVersion, Event, RunPod,
    backend::{Backend, v2::V2},
    client::{Inner, clock::ServerClock, lookups::LookupCache, quota::Quota},
    condition::http::PATIENCE,
    knowledge::poller::Poller,
    observe::Observer,
    probe::Prober,
};

/// The environment variable that holds the API key.
const KEY_VARIABLE: &str = "RUNPOD_API_KEY";
/// The environment variable that overrides the base URL.
const URL_VARIABLE: &str = "RUNPOD_API_URL";
/// The environment variable that names the API version.
const VERSION_VARIABLE: &str = "RUNPOD_API_VERSION";
/// The name of this crate, as a User-Agent has it.
const OWN_NAME: &str = concat!("runpod-lifecycle/", env!("CARGO_PKG_VERSION"));

impl RunPod {
    /// A handle made from the environment: `RUNPOD_API_KEY`, and optionally `RUNPOD_API_URL`
    /// (default `https://api.runpod.io`) and `RUNPOD_API_VERSION` (`v2`, the default, or `v1` with that feature).
    ///
    /// Requests and HTTP probes go through the proxy that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` (or their lower-case
    /// forms) name, as every handle's do ([`proxy`](RunPodBuilder::proxy) says more). Certificates that `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` name are trusted besides the usual ones
    /// ([`add_root_certificate_pem`](RunPodBuilder::add_root_certificate_pem)).
    ///
    /// # Errors
    /// [`ConfigError`] if the key is missing or unusable, or the URL or version is. Nothing is sent.
    pub fn from_env() -> Result<Self, ConfigError> {
        let key = variable(KEY_VARIABLE)?.ok_or(ConfigError::MissingKey)?;
        let version = variable(VERSION_VARIABLE)?.filter(|version| !version.is_empty());
        let unknown = |version: &String| ConfigError::UnknownVersion { version: version.clone() };
        let version = match &version {
            Some(text) => text.parse().map_err(|_| unknown(text))?,
            None => ApiVersion::default(),
        };
        let url = variable(URL_VARIABLE)?.filter(|url| !url.is_empty());
        let builder = Self::builder(key).api_version(version);
        url.into_iter().fold(builder, RunPodBuilder::base_url).build()
    }

    /// Begins a handle with an API key; everything else has a default.
    pub fn builder(key: impl Into<Secret>) -> RunPodBuilder {
        RunPodBuilder {
            client: ClientBuilder::new(key).user_agent(OWN_NAME),
            version: ApiVersion::default(),
            http_proxy: None,
            asks_tcp: true,
            timeout: ClientBuilder::DEFAULT_TIMEOUT,
            clock: ServerClock::default(),
            observer: Observer::default(),
        }
    }
}

/// Makes a [`RunPod`]; see [`RunPod::builder`].
#[must_use]
pub struct RunPodBuilder {
    client: ClientBuilder,
    version: ApiVersion,
    http_proxy: Option<String>,
    asks_tcp: bool,
    timeout: Duration,
    clock: ServerClock,
    observer: Observer,
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

    /// Trusts the certificates of a PEM text besides the usual ones, for the API and for HTTP probes: that of a proxy
    /// which re-signs connections, or of a private mirror. May be called several times.
    ///
    /// The usual ones are Mozilla's, or the operating system's with the feature `platform-verifier` or `native-tls`. The
    /// file that `SSL_CERT_FILE` names and the folders of `SSL_CERT_DIR` are trusted besides them, in each handle, and
    /// replace none. Nothing turns verification off. A certificate that is not trusted is
    /// [`ErrorKind::Untrusted`](crate::ErrorKind), at once.
    ///
    /// ```no_run
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let runpod = runpod_lifecycle::RunPod::builder("my-key")
    ///     .add_root_certificate_pem(std::fs::read("/etc/company/root.pem")?)
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_root_certificate_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.client = self.client.add_root_certificate_pem(pem);
        self
    }

    /// Sends requests and HTTP probes through the HTTP proxy at a URL such as `http://user:password@proxy:3128`, but to
    /// what `NO_PROXY` names. Default: what `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` (or their lower-case forms) name.
    ///
    /// The proxy sees no key, since TLS ends at RunPod. A base URL with `http`, which is on this machine, is never asked
    /// through one. SSH and TCP probes connect directly: see [`without_probe`](Self::without_probe). A proxy that
    /// refuses is [`ErrorKind::ProxyRefused`](crate::ErrorKind).
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.client = self.client.proxy(url);
        self
    }

    /// Names the program in the User-Agent, before this crate's own name: `my-app/1.0`.
    pub fn user_agent(mut self, program: impl AsRef<str>) -> Self {
        self.client = self.client.user_agent(format!("{} {OWN_NAME}", program.as_ref().trim()));
        self
    }

    /// Takes an HTTP client of your own, for requests and HTTP probes, with everything of the network in it: proxy,
    /// certificates, connect timeout. Give it a
    /// [policy](runpod_api::reqwest::redirect::Policy) that follows no redirects, or probes judge the page behind them.
    ///
    /// It is a client of [`runpod_api::reqwest`], which is reqwest 0.13. The user agent is this handle's, and the key goes where the base URL says, whatever the client has set.
    pub fn http_client(mut self, client: runpod_api::reqwest::Client) -> Self {
        self.client = self.client.http_client(client);
        self
    }

    /// Takes RunPod's word for TCP and SSH endpoints of pods instead of asking them, for networks where connections to
    /// pods are closed: [`Ready::Ssh`](crate::Ready) and [`Ready::Ports`](crate::Ready) are then over as soon as RunPod
    /// names the address, which can be well before anything answers there. HTTP probes stay.
    pub fn without_probe(mut self) -> Self {
        self.asks_tcp = false;
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

    /// Sends every event of deploys and waits to `observe` too, as [`RunPod::on_event`]. May be called several times.
    pub fn on_event(mut self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = self.observer.and(observe);
        self
    }

    /// Sends every event to `observe` too, as [`RunPod::on_any_event`]. May be called several times.
    pub fn on_any_event(mut self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = self.observer.and_all(observe);
        self
    }

    /// The handle.
    ///
    /// # Errors
    /// [`ConfigError`] if the key, the base URL, the proxy or a certificate is unusable. Nothing is sent.
    pub fn build(self) -> Result<RunPod, ConfigError> {
        let http = self.client.plain_http(PATIENCE)?;
        let prober = Prober::new(http, self.http_proxy, self.asks_tcp);
        let backend = match self.version {
            ApiVersion::V2 => Backend::V2(V2::new(self.client.v2()?)),
            #[cfg(feature = "v1")]
            ApiVersion::V1 => Backend::V1(V1::new(self.client.v1()?)),
        };
        let (quota, timeout, clock) = (Quota::default(), self.timeout, self.clock);
        let (poller, lookups) = (Poller::default(), LookupCache::default());
        let inner = Inner { backend, quota, timeout, clock, prober, poller, lookups };
        Ok(RunPod { inner: Arc::new(inner), observer: self.observer, is_ending: false })
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
    /// The key, the base URL, the proxy, a certificate or the TLS set-up is unusable.
    #[error(transparent)]
    Client(#[from] BuildError),
}
