//! A port a pod offers to the outside.

use std::{fmt, str::FromStr};

use crate::word::words;

/// The protocol by which a port is reached from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protocol {
    /// Through RunPod's HTTPS proxy: public, 100 s per request, 404 or 502 until the application listens.
    Http,
    /// Through a public address and an external port that changes on every start.
    Tcp,
}

words!(Protocol, "protocol", Http => "http", Tcp => "tcp");

/// The port of the container that JupyterLab listens on in RunPod's images.
pub(crate) const JUPYTER: u16 = 8888;
/// The smallest number that asks for a symmetric port.
const SYMMETRIC: u32 = 70_000;

/// A port of the container, written `NNNN/http` or `NNNN/tcp`.
///
/// A tcp port of 70000 or more is symmetric: RunPod picks one number for inside and outside, and the container
/// reads it from `RUNPOD_TCP_PORT_70000`.
///
/// ```
/// use runpod_lifecycle::{Port, Protocol};
///
/// let port: Port = "8888/http".parse()?;
/// assert_eq!((port.number(), port.protocol()), (8888, Protocol::Http));
/// assert!("70000/tcp".parse::<Port>()?.is_symmetric());
/// assert!("22".parse::<Port>().is_err());
/// # Ok::<(), runpod_lifecycle::InvalidPort>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port {
    number: u32,
    protocol: Protocol,
}

impl Port {
    /// The port SSH is reached on: `22/tcp`.
    pub const SSH: Self = Self { number: 22, protocol: Protocol::Tcp };

    pub(crate) fn http(number: u16) -> Self {
        Self { number: number.into(), protocol: Protocol::Http }
    }

    /// The port number inside the container, 1 to 65535; of a symmetric port the number it was asked for by,
    /// 70000 or more.
    #[must_use]
    pub fn number(self) -> u32 {
        self.number
    }

    /// Returns true for a tcp port of 70000 or more, which gets one number inside and outside.
    #[must_use]
    pub fn is_symmetric(self) -> bool {
        self.number >= SYMMETRIC
    }

    /// Returns the protocol by which the port is reached.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        self.protocol
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.protocol.as_str())
    }
}

/// The ports of an answer, and the entries that name none as this version knows them.
pub(crate) fn read(texts: impl Iterator<Item = String>) -> (Vec<Port>, Vec<String>) {
    let (mut ports, mut unreadable) = (Vec::new(), Vec::new());
    for text in texts {
        match text.trim().to_ascii_lowercase().parse() {
            Ok(port) => ports.push(port),
            Err(InvalidPort(())) => unreadable.push(text),
        }
    }
    (ports, unreadable)
}

/// A text that names no port. Its Display says what a port looks like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a port is written NUMBER/http or NUMBER/tcp with a number from 1 to 65535, for example 22/tcp; a tcp port of 70000 or more gets the same number inside and outside"
)]
pub struct InvalidPort(());

impl FromStr for Port {
    type Err = InvalidPort;

    fn from_str(text: &str) -> Result<Self, InvalidPort> {
        let (number, protocol) = text.split_once('/').ok_or(InvalidPort(()))?;
        let protocol = match protocol {
            "http" => Protocol::Http,
            "tcp" => Protocol::Tcp,
            _ => return Err(InvalidPort(())),
        };
        let all_digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        match (number.parse(), protocol) {
            (Ok(number @ 1..=65_535), _) | (Ok(number @ SYMMETRIC..), Protocol::Tcp) if all_digits => {
                Ok(Self { number, protocol })
            }
            _ => Err(InvalidPort(())),
        }
    }
}
