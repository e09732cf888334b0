//! The error of a simulator that cannot start or be set up.

use std::{io, net::SocketAddr};

/// The reason for which a simulator did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// A setting has a value the simulator cannot work with.
    #[error("simulator setting `{name}` is unusable: {reason}")]
    Setting {
        /// The builder method that set it.
        name: &'static str,
        /// Its flaw, and a value that would be right.
        reason: String,
    },
    /// A fault that cannot be injected.
    #[error("the fault cannot be injected: {0}")]
    Fault(String),
    /// A configuration file that cannot be used.
    #[error("the configuration cannot be used: {0}")]
    Config(String),
    /// The listen address could not be bound.
    #[error("the simulator cannot listen on {address}; is the port in use?")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The folder of the pods' disks could not be made.
    #[error("the simulator cannot make a folder for its pods' disks; is the temporary folder writable?")]
    Folder(#[source] io::Error),
    /// The embedded contract document cannot be read.
    #[error("the embedded contract cannot be used: {0}")]
    Contract(String),
}
