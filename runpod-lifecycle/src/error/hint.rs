//! The one table of advice about failed calls: a clause each, with the first word as in the middle of a sentence.

use crate::{ErrorKind, error::operation::Operation};

/// A failed call, as far as advice depends on it.
pub(super) struct Failed {
    pub(super) kind: ErrorKind,
    pub(super) operation: Operation,
    pub(super) has_target: bool,
    pub(super) status: Option<u16>,
    /// It only read, so nothing was changed.
    pub(super) is_read: bool,
    /// A create was refused for the fields that an older REST v2 does not know.
    pub(super) is_about_command: bool,
}

impl Failed {
    /// Says what to do about it.
    pub(super) fn hint(&self) -> &'static str {
        self.special_hint().unwrap_or_else(|| self.general_hint())
    }

    /// Says what the kind alone does not tell; `None` where it does.
    fn special_hint(&self) -> Option<&'static str> {
        Some(match (self.kind, self.operation) {
            (ErrorKind::Rejected, _) if self.is_about_command => {
                "this server takes no entrypoint and cmd: use args in their place, one shell line or a JSON object with both as lists"
            }
            (ErrorKind::Rejected, Operation::StartPod) => {
                "it was not started. If its host has no room for it, try later, or terminate it and deploy anew: a pod volume does not move"
            }
            (ErrorKind::NoCapacity, Operation::StartPod) => {
                "it was not started. A stopped pod is bound to its host: try later, or terminate it and deploy anew; a pod volume does not move"
            }
            (ErrorKind::InsufficientBalance, Operation::CreatePod | Operation::StartPod) => {
                "nothing was started. Add credit at https://console.runpod.io/user/billing"
            }
            (ErrorKind::Forbidden, Operation::CreatePod) => {
                "the key may not create pods, or the account may not use this; check the key's scope at https://console.runpod.io/user/settings"
            }
            (ErrorKind::NotFound, Operation::CreatePod) => {
                "something the spec names (a template, a volume, a registry credential) does not exist; else check the base URL"
            }
            (ErrorKind::NotFound, _) if !self.has_target => {
                "RunPod's API has nothing there: check the base URL"
            }
            (ErrorKind::Server, _) if self.is_read => {
                "RunPod failed; see https://uptime.runpod.io and try again"
            }
            (ErrorKind::Interrupted, _) if self.is_read => "nothing was changed: try again",
            (ErrorKind::Unexpected, _) if matches!(self.status, Some(405 | 501)) => {
                "nothing was done: this server does not offer it. Check the base URL and the API version"
            }
            _ => return None,
        })
    }

    /// Says what to do about any failure of a kind.
    fn general_hint(&self) -> &'static str {
        match self.kind {
            ErrorKind::Rejected => "correct the request; sending it again as it is changes nothing",
            ErrorKind::NoCapacity => {
                "nothing was created. Allow another GPU type, a pool, any data center or the other cloud, or try later"
            }
            ErrorKind::OverPrice => "Nothing of it bills. Raise max_usd_per_hour, or allow other hardware.",
            ErrorKind::Unauthorized => {
                "check RUNPOD_API_KEY, or the key that the program gives; keys are made at https://console.runpod.io/user/settings"
            }
            ErrorKind::InsufficientBalance => "add credit at https://console.runpod.io/user/billing",
            ErrorKind::Forbidden => {
                "the key may not do this; check its scope at https://console.runpod.io/user/settings"
            }
            ErrorKind::Blocked => {
                "the request was stopped in front of RunPod's API, which says nothing about your permissions; check proxies and the base URL"
            }
            ErrorKind::NotFound => "it does not exist or no longer does",
            ErrorKind::Unproven => "RunPod may not know the pod yet: get it again in a few seconds",
            ErrorKind::Conflict => "its present state does not allow this; check that first",
            ErrorKind::InUse => "nothing was deleted: end what uses it first",
            ErrorKind::Locked => "unlock it at https://www.runpod.io/console/pods first",
            ErrorKind::Retired => "REST v1 was retired on 2026-11-15; use v2",
            ErrorKind::TooLarge => "RunPod takes at most 102,400 bytes; shorten the environment",
            ErrorKind::RateLimited => "wait before the next request",
            ErrorKind::Server => {
                "RunPod failed, and may have done it all the same: check before sending it again; see https://uptime.runpod.io"
            }
            ErrorKind::Unreachable => "nothing was sent. Check the network and the base URL (RUNPOD_API_URL)",
            ErrorKind::Untrusted => {
                "nothing was sent. If this network re-signs connections, trust its root certificate (add_root_certificate_pem, or SSL_CERT_FILE); else check the base URL and this machine's clock"
            }
            ErrorKind::ProxyRefused => {
                "nothing was sent. Check the proxy (HTTPS_PROXY, or proxy), its login and what it allows; NO_PROXY goes past it"
            }
            ErrorKind::Interrupted => "RunPod may have done it all the same: check before sending it again",
            ErrorKind::Unreadable => {
                "the answer is not what RunPod's contract describes; check the base URL and proxies"
            }
            ErrorKind::Unsupported => "nothing was sent",
            ErrorKind::TimedOut => "wait longer, or terminate the pod",
            ErrorKind::Failed => "see why, then terminate the pod and deploy anew",
            ErrorKind::CalledOff => "no pod was created",
            ErrorKind::Unclear => "look for the pod by its name before anything else",
            ErrorKind::Unexpected => "this answer is not part of RunPod's contract",
        }
    }
}
