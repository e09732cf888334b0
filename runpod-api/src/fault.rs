//! The causes of a connection that did not come about which are told from the rest: what helps is another thing.

use std::{error::Error, io};

/// A cause, with what was found in a few words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server's certificate is not trusted.
    Untrusted(&'static str),
    /// The proxy was reached and does not go on to the server.
    ProxyRefused { wants_login: bool, why: &'static str },
    /// The proxy was not reached.
    ProxyUnreached,
}

/// Finds the cause in what lies below an error; `None` if it is none of these.
pub(crate) fn fault(error: &(dyn Error + 'static)) -> Option<Fault> {
    let all = || causes(error);
    if let Some(of_tls) = all().find_map(of_rustls) {
        return of_tls;
    }
    all().map(ToString::to_string).find_map(|text| of_tunnel(&text).or_else(|| of_platform(&text)))
}

/// An error and everything below it.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| below(*error))
}

fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        // Its own source is the one below what it wraps.
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}

/// The meaning of an error of rustls: `Some(None)` if it is no fault of a certificate, `None` if it is not of rustls.
#[cfg(feature = "rustls")]
fn of_rustls(error: &(dyn Error + 'static)) -> Option<Option<Fault>> {
    use rustls::{
        CertificateError::{
            Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
            NotValidYetContext, Revoked, UnknownIssuer,
        },
        Error::InvalidCertificate,
    };
    let InvalidCertificate(problem) = error.downcast_ref::<rustls::Error>()? else { return Some(None) };
    Some(Some(Fault::Untrusted(match problem {
        UnknownIssuer => "its issuer is not among the trusted ones",
        Expired | ExpiredContext { .. } => "it has expired",
        NotValidYet | NotValidYetContext { .. } => "it is not valid yet",
        NotValidForName | NotValidForNameContext { .. } => "it is made for another name",
        Revoked => "it was revoked",
        _ => "it is not valid",
    })))
}

#[cfg(not(feature = "rustls"))]
fn of_rustls(_: &(dyn Error + 'static)) -> Option<Option<Fault>> {
    None
}

/// The HTTP client's words about a proxy; it has no type for it.
fn of_tunnel(text: &str) -> Option<Fault> {
    let refused = |wants_login, why| Fault::ProxyRefused { wants_login, why };
    Some(match text.strip_prefix("tunnel error: ")? {
        "proxy authorization required" => refused(true, "it asks for a login (407)"),
        "failed to create underlying connection" => Fault::ProxyUnreached,
        "unsuccessful" => refused(false, "it refused"),
        _ => refused(false, "its answer cannot be used"),
    })
}

/// The words of the operating systems' own TLS about a certificate.
fn of_platform(text: &str) -> Option<Fault> {
    let text = text.to_lowercase();
    let is_refused =
        ["certificate verify failed", "not trusted", "untrusted"].iter().any(|it| text.contains(it));
    is_refused.then_some(Fault::Untrusted("the operating system refuses it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_does_is_told_from_what_a_network_does() {
        let refused = |wants_login, why| Some(Fault::ProxyRefused { wants_login, why });
        for (text, expected) in [
            ("tunnel error: proxy authorization required", refused(true, "it asks for a login (407)")),
            ("tunnel error: unsuccessful", refused(false, "it refused")),
            ("tunnel error: unexpected end of file", refused(false, "its answer cannot be used")),
            ("tunnel error: failed to create underlying connection", Some(Fault::ProxyUnreached)),
            (
                "error:0A000086:SSL routines::certificate verify failed",
                Some(Fault::Untrusted("the operating system refuses it")),
            ),
            ("The certificate was not trusted.", Some(Fault::Untrusted("the operating system refuses it"))),
            ("tcp connect error", None),
            ("connection refused", None),
        ] {
            assert_eq!(fault(&io::Error::other(text)), expected, "{text}");
        }
    }

    #[cfg(feature = "rustls")]
    #[test]
    fn a_certificate_is_refused_for_one_reason_and_other_ends_of_tls_are_not_about_it() {
        use rustls::{AlertDescription, CertificateError, Error};
        for (error, expected) in [
            (
                Error::InvalidCertificate(CertificateError::UnknownIssuer),
                Some("its issuer is not among the trusted ones"),
            ),
            (Error::InvalidCertificate(CertificateError::Expired), Some("it has expired")),
            (
                Error::InvalidCertificate(CertificateError::NotValidForName),
                Some("it is made for another name"),
            ),
            (Error::InvalidCertificate(CertificateError::BadEncoding), Some("it is not valid")),
            (Error::AlertReceived(AlertDescription::CertificateRequired), None),
        ] {
            let error = io::Error::other(io::Error::other(error));
            assert_eq!(fault(&error), expected.map(Fault::Untrusted), "{error}");
        }
    }
}
