use std::time::Duration;

use axum::http::HeaderValue;

use crate::clock::Clock;

/// A rate-limit window: at most `quota` requests in every `length` of simulated time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateWindow {
    /// The name in the headers, such as `minute`.
    pub name: String,
    /// Requests per window, at least 1.
    pub quota: u32,
    /// Length of the window, at least 1 s.
    pub length: Duration,
}

impl RateWindow {
    /// A window with a name of your choice.
    #[must_use]
    pub fn new(name: impl Into<String>, quota: u32, length: Duration) -> Self {
        Self { name: name.into(), quota, length }
    }

    /// The default windows: 3,000 a minute, 60,000 an hour, 500,000 a day.
    pub(crate) fn defaults() -> Vec<Self> {
        let window = |name, quota, seconds| Self::new(name, quota, Duration::from_secs(seconds));
        vec![window("minute", 3_000, 60), window("hour", 60_000, 3_600), window("day", 500_000, 86_400)]
    }

    pub(crate) fn is_sound(&self) -> bool {
        let printable =
            self.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        self.quota > 0 && self.length >= Duration::from_secs(1) && printable && !self.name.is_empty()
    }
}

/// The account's windows and how full they are.
pub(crate) struct Limits {
    windows: Vec<(RateWindow, Fill)>,
}

#[derive(Default)]
struct Fill {
    started: Duration,
    spent: u32,
}

/// What the headers of one answer say.
pub(crate) struct Standing {
    /// `RateLimit`; `None` without any window.
    pub(crate) limit: Option<HeaderValue>,
    /// `RateLimit-Policy`; `None` without any window.
    pub(crate) policy: Option<HeaderValue>,
    /// Set when the request exceeds a window: whole real seconds until one of them has room again. Another may be
    /// exhausted for longer, which only `RateLimit` says.
    pub(crate) retry_after: Option<u64>,
}

impl Limits {
    pub(crate) fn new(windows: Vec<RateWindow>) -> Self {
        Self { windows: windows.into_iter().map(|window| (window, Fill::default())).collect() }
    }

    /// Counts one request, unless a window is exhausted.
    pub(crate) fn spend(&mut self, now: Duration, clock: &Clock) -> Standing {
        for (window, fill) in &mut self.windows {
            if now >= fill.started.saturating_add(window.length) {
                let past = now.as_nanos() / window.length.as_nanos().max(1);
                let started = u32::try_from(past).ok().and_then(|past| window.length.checked_mul(past));
                *fill = Fill { started: started.unwrap_or(now), spent: 0 };
            }
        }
        let exhausted = self.windows.iter().filter(|(window, fill)| fill.spent >= window.quota);
        let retry_after = exhausted.map(|(window, fill)| reset(window, fill, now, clock)).min();
        if retry_after.is_none() {
            self.windows.iter_mut().for_each(|(_, fill)| fill.spent += 1);
        }
        Standing { limit: self.limit(now, clock), policy: self.policy(), retry_after }
    }

    fn limit(&self, now: Duration, clock: &Clock) -> Option<HeaderValue> {
        let window = |(window, fill): &(RateWindow, Fill)| {
            let left = window.quota.saturating_sub(fill.spent);
            format!("\"{}\";r={left};t={}", window.name, reset(window, fill, now, clock))
        };
        header(self.windows.iter().map(window).collect())
    }

    fn policy(&self) -> Option<HeaderValue> {
        let window = |(window, _): &(RateWindow, Fill)| {
            format!("\"{}\";q={};w={}", window.name, window.quota, window.length.as_secs())
        };
        header(self.windows.iter().map(window).collect())
    }
}

fn header(parts: Vec<String>) -> Option<HeaderValue> {
    if parts.is_empty() { None } else { HeaderValue::try_from(parts.join(", ")).ok() }
}

/// Seconds on the client's clock until a window starts anew, rounded up.
fn reset(window: &RateWindow, fill: &Fill, now: Duration, clock: &Clock) -> u64 {
    let left = fill.started.saturating_add(window.length).saturating_sub(now);
    let real = clock.real(left).unwrap_or(left);
    real.as_secs() + u64::from(real.subsec_nanos() > 0)
}
