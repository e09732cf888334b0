//! The reasons for which no client can be built.

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
    /// Something that was to be trusted is no certificate.
    #[error("{origin} {problem}: give the PEM text of a root certificate")]
    Certificate {
        /// `add_root_certificate_pem`, or the variable of the environment and its file.
        origin: String,
        /// The reason for which it cannot be used.
        problem: String,
    },
    /// The proxy is not one.
    #[error("the proxy {url:?} is no URL of an HTTP proxy: give one such as http://proxy.example.com:3128")]
    Proxy {
        /// The URL, without user, password and query.
        url: String,
    },
    /// The caller's own HTTP client and a setting that only another one could have.
    #[error(
        "{setting} has no effect on an HTTP client that is there already: set it in the client given to http_client, or give none"
    )]
    OwnClient {
        /// The setting.
        setting: &'static str,
    },
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: check the crate's TLS features (rustls or native-tls)")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
}
