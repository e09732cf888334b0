//! Ports a pod asks for.

/// The largest number a port is asked for by.
const MOST: u32 = 99_999;
/// The first number a port that wants the same number inside and outside is asked for by.
pub(crate) const SYMMETRIC: u32 = 70_000;

/// A port a pod asks for, such as `22/tcp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Port {
    /// 1 to 65535; from 70000 on, a TCP port asks for one number inside and outside.
    pub(crate) number: u32,
    pub(crate) kind: PortKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortKind {
    Http,
    Tcp,
    Udp,
}

impl PortKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl Port {
    pub(crate) const SSH: Self = Self { number: 22, kind: PortKind::Tcp };

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (number, kind) = text.split_once('/')?;
        let kind =
            [PortKind::Http, PortKind::Tcp, PortKind::Udp].into_iter().find(|known| known.name() == kind)?;
        let plain = number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|_| plain)?;
        let legal = match number {
            1..=65_535 => true,
            SYMMETRIC..=MOST => kind == PortKind::Tcp,
            _ => false,
        };
        legal.then_some(Self { number, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_parse_only_in_their_one_form() {
        assert_eq!(Port::parse("22/tcp"), Some(Port::SSH));
        assert_eq!(Port::parse("8888/http").map(|port| port.kind), Some(PortKind::Http));
        assert_eq!(Port::parse("70000/tcp").map(|port| port.number), Some(70_000));
        for odd in [
            "",
            "22",
            "22/",
            "/tcp",
            "0/tcp",
            "65536/tcp",
            "69999/tcp",
            "70000/http",
            "100000/tcp",
            "22/TCP",
            "22/tcp/udp",
            "x/tcp",
            "-1/tcp",
            "+1/tcp",
        ] {
            assert_eq!(Port::parse(odd), None, "{odd}");
        }
    }
}
