//! An HTTP client.

/// A client's builder, with our user agent. TLS is rustls with ring, which has to be the process's choice before the first client is built.
pub(crate) fn client() -> reqwest::blocking::ClientBuilder {
    // Whoever was first has made the same choice.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::blocking::Client::builder().user_agent(concat!("runpod-rs-xtask/", env!("CARGO_PKG_VERSION")))
}
