//! The way to a server: the certificates that are trusted, the proxy, the HTTP client itself.

use std::{fmt, time::Duration};

use http::HeaderValue;
use reqwest::NoProxy;
use url::Url;

use crate::{BuildError, roots};

/// The settings of the HTTP clients that reach RunPod and its pods.
#[derive(Clone, Default)]
pub(crate) struct Network {
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) proxy: Option<String>,
    /// PEM texts, as they were given.
    pub(crate) certificates: Vec<Vec<u8>>,
    /// The caller's own client, which has all of the above in it.
    pub(crate) own: Option<reqwest::Client>,
}

impl Network {
    /// A client of an API, or the caller's own.
    pub(crate) fn api(
        &self,
        agent: HeaderValue,
        longest_connect: Duration,
        stays_here: bool,
    ) -> Result<reqwest::Client, BuildError> {
        if let Some(own) = self.own()? {
            return Ok(own);
        }
        let builder = reqwest::Client::builder()
            .user_agent(agent)
            .connect_timeout(self.connect_timeout.unwrap_or(longest_connect));
        // A proxy would carry the key off this machine in clear.
        let builder = if stays_here { builder.no_proxy() } else { self.proxied(builder)? };
        self.build(builder, !stays_here)
    }

    /// A client without any key, to ask pods if they answer, or the caller's own.
    pub(crate) fn plain(&self, timeout: Duration, stays_here: bool) -> Result<reqwest::Client, BuildError> {
        match self.own()? {
            Some(own) => Ok(own),
            None => self.build(self.proxied(reqwest::Client::builder().timeout(timeout))?, !stays_here),
        }
    }

    /// The caller's own client, which leaves nothing else to be set.
    fn own(&self) -> Result<Option<reqwest::Client>, BuildError> {
        let settings = [
            ("connect_timeout", self.connect_timeout.is_some()),
            ("proxy", self.proxy.is_some()),
            ("add_root_certificate_pem", !self.certificates.is_empty()),
        ];
        match settings.iter().find(|(_, is_set)| *is_set && self.own.is_some()) {
            Some((setting, _)) => Err(BuildError::OwnClient { setting }),
            None => Ok(self.own.clone()),
        }
    }

    /// Builds a client that trusts what the environment names only where it may matter: a server on this machine that is
    /// reached by `http` must not fail for a file of certificates.
    fn build(
        &self,
        builder: reqwest::ClientBuilder,
        reads_environment: bool,
    ) -> Result<reqwest::Client, BuildError> {
        // Redirects are followed by the transport, which knows the request.
        let builder = builder.redirect(reqwest::redirect::Policy::none());
        let builder = roots::secured(builder, &self.certificates, reads_environment)?;
        builder.build().map_err(|error| BuildError::Http(error.into()))
    }

    /// Sends everything through the proxy, if one is set, but what `NO_PROXY` names.
    fn proxied(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, BuildError> {
        let Some(text) = self.proxy.as_deref() else { return Ok(builder) };
        let url = Url::parse(text.trim()).ok().filter(|url| url.has_host());
        let is_http = |url: &Url| matches!(url.scheme(), "http" | "https");
        // The text of reqwest's own error may hold the password.
        let proxy = url.filter(is_http).and_then(|url| reqwest::Proxy::all(url).ok());
        let proxy = proxy.ok_or_else(|| BuildError::Proxy { url: shown(text) })?;
        Ok(builder.proxy(proxy.no_proxy(NoProxy::from_env())))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("connect_timeout", &self.connect_timeout)
            .field("proxy", &self.proxy.as_deref().map(shown))
            .field("certificates", &self.certificates.len())
            .field("own", &self.own.is_some())
            .finish()
    }
}

/// As much of a URL as cannot hold a password.
pub(crate) fn shown(text: &str) -> String {
    let text = text.rsplit('@').next().unwrap_or_default();
    text.split(['?', '#']).next().unwrap_or_default().chars().take(100).collect()
}
