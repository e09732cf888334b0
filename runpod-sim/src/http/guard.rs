//! Protection of the control interface from web pages.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    middleware::Next,
    response::Response,
};

use crate::{
    contract::{Api, Problem},
    world::App,
};

/// Keeps web pages away from the control interface: they reach loopback too, under another host's name or from an
/// origin of their own.
pub(super) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match flaw(request.headers(), app.address.ip().is_loopback()) {
        Some(flaw) => Problem::new(StatusCode::FORBIDDEN, flaw).into_response(Api::V2),
        None => next.run(request).await,
    }
}

/// Says why a request may not control the simulator; `None` when it may.
fn flaw(headers: &HeaderMap, on_loopback: bool) -> Option<&'static str> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(header::HOST).unwrap_or_default();
    if on_loopback && !is_loopback(host) {
        return Some(
            "on loopback the simulator is controlled under a loopback host only: ask for 127.0.0.1 or localhost",
        );
    }
    let origin = text(header::ORIGIN).is_none_or(|origin| origin == format!("http://{host}"));
    let fetched = text(HeaderName::from_static("sec-fetch-site"));
    if !origin || fetched.is_some_and(|site| !["same-origin", "none"].contains(&site)) {
        return Some(
            "the simulator is not controlled by web pages of another origin: open its own address yourself",
        );
    }
    None
}

/// Returns true if a host, with or without a port, names this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_its_own_origin_may_control_it() {
        let own = "127.0.0.1:8080";
        for (host, origin, site, on_loopback, allowed) in [
            (own, None, None, true, true),
            ("localhost:8080", None, None, true, true),
            ("[::1]:8080", None, None, true, true),
            ("localhost", None, None, true, true),
            (own, Some("http://127.0.0.1:8080"), Some("same-origin"), true, true),
            (own, None, Some("none"), true, true),
            ("", None, None, true, false),
            ("evil.example", None, None, true, false),
            ("evil.example:8080", Some("http://evil.example:8080"), None, true, false),
            ("127.0.0.1.evil.example", None, None, true, false),
            (own, Some("http://evil.example"), None, true, false),
            (own, Some("http://localhost:3000"), None, true, false),
            (own, Some("null"), None, true, false),
            (own, None, Some("cross-site"), true, false),
            ("sim.example", None, None, false, true),
            ("sim.example", Some("http://evil.example"), None, false, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            origin.map(|origin| headers.insert(header::ORIGIN, origin.parse().unwrap()));
            site.map(|site: &str| headers.insert("sec-fetch-site", site.parse().unwrap()));
            assert_eq!(flaw(&headers, on_loopback).is_none(), allowed, "{host} {origin:?} {site:?}");
        }
    }
}
