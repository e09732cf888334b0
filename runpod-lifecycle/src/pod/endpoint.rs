//! The addresses at which RunPod shows a pod.

use std::net::Ipv4Addr;

/// An SSH endpoint as RunPod reports it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SshEndpoint {
    /// Host name or address.
    pub host: String,
    /// Port, 1 to 65535.
    pub port: u16,
    /// The user to log in as: `root` on the direct endpoint, `<podId>-<hex>` on the proxy.
    pub username: String,
}

impl SshEndpoint {
    /// An endpoint made of parts that cannot be mistaken for an option or a second word of a
    /// command line; `None` for anything else a hostile or broken answer may hold.
    pub(crate) fn new(host: String, port: i64, username: String) -> Option<Self> {
        let port = u16::try_from(port).ok().filter(|port| *port != 0)?;
        let plain = |text: &str, extra: &[u8]| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
        };
        (plain(&host, b".-:") && plain(&username, b"._-")).then_some(Self { host, port, username })
    }
}

/// A TCP port of the container and where it is reached from outside.
///
/// The external port changes on every start: never keep one across a stop.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TcpEndpoint {
    /// The port inside the container; of a symmetric port its real number, equal to `public_port`.
    pub private_port: u16,
    /// Public IPv4 address.
    pub ip: Ipv4Addr,
    /// The port on that address.
    pub public_port: u16,
    /// The number a symmetric port was asked for by, 70000 or more. `None` for an ordinary port, and where
    /// RunPod shows only the real number.
    pub asked_as: Option<u32>,
}

impl TcpEndpoint {
    /// An endpoint as RunPod reports it; `None` unless it can be reached from outside.
    pub(crate) fn new(private: i64, ip: &str, public: i64) -> Option<Self> {
        let ip = ip.parse().ok().filter(|ip| !is_internal(*ip))?;
        let public_port = u16::try_from(public).ok().filter(|port| *port != 0)?;
        let private = u32::try_from(private).ok().filter(|port| *port != 0)?;
        match u16::try_from(private) {
            Ok(private_port) => Some(Self { private_port, ip, public_port, asked_as: None }),
            Err(_) => Some(Self { private_port: public_port, ip, public_port, asked_as: Some(private) }),
        }
    }

    pub(crate) fn asked_as_number(&self) -> u32 {
        self.asked_as.unwrap_or(self.private_port.into())
    }
}

/// Returns true for an address in RunPod's internal 100.64.0.0/10, which nobody outside reaches.
fn is_internal(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    a == 100 && (64..128).contains(&b)
}
