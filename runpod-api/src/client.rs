//! Builders of clients.

use std::time::Duration;

use http::HeaderValue;
use url::{Host, Url};

use crate::{secret::Secret, transport::Settings};

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
    connect_timeout: Duration,
    timeout: Duration,
    user_agent: Option<String>,
}

/// The reason for which no client can be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The API key is empty.
    #[error("the RunPod API key is empty: give one from the RunPod console, for example in RUNPOD_API_KEY")]
    EmptyKey,
    /// The API key holds a line break or another character that cannot be sent.
    #[error(
        "the RunPod API key holds a line break, a space or another character that no key has: \
         check how it was copied or read, for example in RUNPOD_API_KEY"
    )]
    MalformedKey,
    /// The base URL is not one.
    #[error("the base URL {url:?} {problem}: give one such as https://api.runpod.io")]
    BaseUrl {
        /// The URL, without user, password and query.
        url: String,
        /// The reason for which it is not one.
        problem: &'static str,
    },
    /// The base URL would send the key in clear over the network.
    #[error("the base URL {url:?} would send the API key in clear: use https (http only for this machine)")]
    Insecure {
        /// The URL.
        url: String,
    },
    /// The user agent holds characters that cannot be sent.
    #[error("the user agent holds characters that cannot be sent: give visible ASCII text")]
    UserAgent,
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: check the crate's TLS features (rustls or native-tls)")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
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
            connect_timeout: Self::DEFAULT_CONNECT_TIMEOUT,
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
        self.connect_timeout = limit;
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

    #[cfg_attr(not(any(feature = "v1", feature = "v2")), expect(dead_code, reason = "no version is on"))]
    fn parts(self, default_url: &str) -> Result<(String, reqwest::Client, Settings), BuildError> {
        let authorization = authorization(&self.key)?;
        let url = checked_url(self.base_url.as_deref().unwrap_or(default_url))?;
        let http = self.http(url.starts_with("http:"))?;
        Ok((url, http, Settings { authorization, key: self.key, timeout: self.timeout }))
    }

    fn http(&self, stays_here: bool) -> Result<reqwest::Client, BuildError> {
        let own = concat!("runpod-api/", env!("CARGO_PKG_VERSION"));
        let agent =
            self.user_agent.as_ref().map_or_else(|| own.to_owned(), |program| format!("{program} {own}"));
        let agent = HeaderValue::try_from(agent.trim()).map_err(|_| BuildError::UserAgent)?;
        // Redirects are followed by the transport, which knows the request.
        let mut builder = reqwest::Client::builder()
            .user_agent(agent)
            .connect_timeout(self.connect_timeout)
            .redirect(reqwest::redirect::Policy::none());
        if stays_here {
            // A proxy from the environment would carry the key off this machine in clear.
            builder = builder.no_proxy();
        }
        secured(builder)?.build().map_err(|error| BuildError::Http(error.into()))
    }
}

/// Builds an HTTP client with this crate's TLS and without any key, to ask a pod if it answers.
/// It follows no redirects.
///
/// # Errors
/// When TLS cannot be set up.
pub fn plain_http(timeout: Duration) -> Result<reqwest::Client, BuildError> {
    let builder = reqwest::Client::builder().timeout(timeout).redirect(reqwest::redirect::Policy::none());
    secured(builder)?.build().map_err(|error| BuildError::Http(error.into()))
}

/// TLS by rustls, without touching the process's default provider.
#[cfg(feature = "rustls")]
fn secured(builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, BuildError> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| BuildError::Http(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(builder.tls_backend_preconfigured(config))
}

#[cfg(not(feature = "rustls"))]
fn secured(builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, BuildError> {
    Ok(builder)
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

/// As much of a text as cannot hold a password.
fn shown(text: &str) -> String {
    let text = text.rsplit('@').next().unwrap_or_default();
    text.split(['?', '#']).next().unwrap_or_default().chars().take(100).collect()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
