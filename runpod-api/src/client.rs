//! Builders of clients.

use std::time::Duration;

use http::HeaderValue;
use url::{Host, Url};

use crate::{
    BuildError,
    network::{Network, shown},
    secret::Secret,
    transport::Settings,
};

/// Base URL of REST v2.
#[cfg(feature = "v2")]
const V2_URL: &str = "https://api.runpod.io";

/// Base URL of REST v1.
#[cfg(feature = "v1")]
const V1_URL: &str = "https://rest.runpod.io/v1";

/// Builds a client of either API version.
///
/// ```
/// # #[cfg(feature = "v2")] {
/// let client = runpod_api::ClientBuilder::new("my-key").base_url("http://127.0.0.1:8080").v2();
/// assert!(client.is_ok());
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    key: Secret,
    base_url: Option<String>,
    network: Network,
    timeout: Duration,
    user_agent: Option<String>,
}

impl ClientBuilder {
    /// Longest time to connect, unless [`connect_timeout`](Self::connect_timeout) says otherwise.
    pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

    /// Longest time for a call, unless [`timeout`](Self::timeout) says otherwise.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

    /// Returns a builder with an API key and the defaults.
    pub fn new(key: impl Into<Secret>) -> Self {
        Self {
            key: key.into(),
            base_url: None,
            network: Network::default(),
            timeout: Self::DEFAULT_TIMEOUT,
            user_agent: None,
        }
    }

    /// Sets the base URL. Default: RunPod's. `http` is allowed on this machine only.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the longest time to connect. Default: 10 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.network.connect_timeout = Some(limit);
        self
    }

    /// Sets the longest time for a call, from its start to the end of its answer. Default: 60 s.
    /// A stream must only begin in this time.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Adds the name of the program to the User-Agent, before this crate's own name.
    pub fn user_agent(mut self, program: impl Into<String>) -> Self {
        self.user_agent = Some(program.into());
        self
    }

    /// Trusts the certificates of a PEM text besides the usual ones, such as that of a proxy which re-signs connections.
    /// May be called several times. What `SSL_CERT_FILE` and the folders of `SSL_CERT_DIR` name is trusted besides, too,
    /// unless the base URL is `http`.
    ///
    /// A text that is none is an error of the build. Nothing turns verification off.
    pub fn add_root_certificate_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.network.certificates.push(pem.as_ref().to_vec());
        self
    }

    /// Sends everything through the HTTP proxy at a URL such as `http://user:password@proxy:3128`, but what `NO_PROXY`
    /// names, and a base URL with `http`. Default: what `HTTPS_PROXY` and `ALL_PROXY` name.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.network.proxy = Some(url.into());
        self
    }

    /// Takes a client of the caller's own, with everything of the network in it: TLS, proxy, connect timeout. It should
    /// follow no redirects: the bindings follow those that are harmless.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.network.own = Some(client);
        self
    }

    /// Builds a client of REST v2, by default at `https://api.runpod.io`.
    ///
    /// # Errors
    /// When the key, the base URL or the user agent cannot be used.
    #[cfg(feature = "v2")]
    pub fn v2(self) -> Result<crate::v2::Client, BuildError> {
        let (url, http, settings) = self.parts(V2_URL)?;
        if url.ends_with("/v2") {
            return Err(BuildError::BaseUrl { url, problem: "ends in /v2, which every call adds itself" });
        }
        Ok(crate::v2::Client::new_with_client(&url, http, settings))
    }

    /// Builds a client of REST v1, by default at `https://rest.runpod.io/v1`.
    ///
    /// # Errors
    /// When the key, the base URL or the user agent cannot be used.
    #[cfg(feature = "v1")]
    pub fn v1(self) -> Result<crate::v1::Client, BuildError> {
        let (url, http, settings) = self.parts(V1_URL)?;
        Ok(crate::v1::Client::new_with_client(&url, http, settings))
    }

    /// Builds an HTTP client that goes the same way as this builder's, without any key, to ask a pod if it answers. It
    /// follows no redirects, unless it is the caller's own.
    ///
    /// # Errors
    /// When TLS cannot be set up, or a certificate or the proxy cannot be used.
    pub fn plain_http(&self, timeout: Duration) -> Result<reqwest::Client, BuildError> {
        let stays_here = self.base_url.as_deref().is_some_and(|url| url.trim_start().starts_with("http:"));
        self.network.plain(timeout, stays_here)
    }

    #[cfg_attr(not(any(feature = "v1", feature = "v2")), expect(dead_code, reason = "no version is on"))]
    fn parts(self, default_url: &str) -> Result<(String, reqwest::Client, Settings), BuildError> {
        let authorization = authorization(&self.key)?;
        let url = checked_url(self.base_url.as_deref().unwrap_or(default_url))?;
        let agent = self.agent()?;
        let stays_here = url.starts_with("http:");
        let http = self.network.api(agent.clone(), Self::DEFAULT_CONNECT_TIMEOUT, stays_here)?;
        Ok((url, http, Settings { authorization, agent, key: self.key, timeout: self.timeout }))
    }

    fn agent(&self) -> Result<HeaderValue, BuildError> {
        let own = concat!("runpod-api/", env!("CARGO_PKG_VERSION"));
        let agent =
            self.user_agent.as_ref().map_or_else(|| own.to_owned(), |program| format!("{program} {own}"));
        HeaderValue::try_from(agent.trim()).map_err(|_| BuildError::UserAgent)
    }
}

fn authorization(key: &Secret) -> Result<HeaderValue, BuildError> {
    let key = key.expose();
    if key.trim().is_empty() {
        return Err(BuildError::EmptyKey);
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BuildError::MalformedKey);
    }
    let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| BuildError::MalformedKey)?;
    value.set_sensitive(true);
    Ok(value)
}

fn checked_url(text: &str) -> Result<String, BuildError> {
    let refused = |url: &str, problem| Err(BuildError::BaseUrl { url: url.to_owned(), problem });
    let url = match Url::parse(text.trim()) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) => return refused(&shown(text), "has no scheme"),
        Err(_) => return refused(&shown(text), "is not a URL"),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return refused(&shown(text), "has no http or https scheme");
    }
    let mut plain = url.clone();
    plain.set_query(None);
    plain.set_fragment(None);
    // Both exist for every http URL.
    let _ = (plain.set_username(""), plain.set_password(None));
    if !url.username().is_empty() || url.password().is_some() {
        return refused(plain.as_str(), "holds a user or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refused(plain.as_str(), "holds a query or fragment");
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(BuildError::Insecure { url: url.to_string() });
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
