//! Rate-limit windows.

use std::time::Duration;

use crate::world::{behavior::RateLimitForm, clock::Clock};

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
    /// Returns a window with a name of your choice.
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

/// The account's windows and the requests counted in each.
pub(crate) struct Limits {
    windows: Vec<(RateWindow, Fill)>,
}

#[derive(Default)]
struct Fill {
    started: Duration,
    spent: u32,
}

/// The rate-limit headers of one answer.
pub(crate) struct RateLimitStatus {
    windows: Vec<WindowStatus>,
    /// Set when the request exceeds a window: whole real seconds until one of them has room again. Another may be
    /// exhausted for longer, which only `RateLimit` says.
    pub(crate) retry_after: Option<u64>,
}

/// A window after a request.
struct WindowStatus {
    window: RateWindow,
    left: u32,
    reset: u64,
}

impl RateLimitStatus {
    /// The lines of `RateLimit`; none without any window.
    pub(crate) fn limit(&self, form: RateLimitForm) -> Vec<String> {
        let last = self.windows.len().saturating_sub(1);
        let item = |(at, status): (usize, &WindowStatus)| {
            let WindowStatus { window, left, reset } = status;
            match form {
                RateLimitForm::Odd if at == last => format!("\"{}\";r={left}", window.name),
                RateLimitForm::Odd => format!("\"{}\";t={reset}.5;r={left}", window.name),
                _ => format!("\"{}\";r={left};t={reset}", window.name),
            }
        };
        lines(self.windows.iter().enumerate().map(item).collect(), form)
    }

    /// The lines of `RateLimit-Policy`; none without any window.
    pub(crate) fn policy(&self, form: RateLimitForm) -> Vec<String> {
        let item = |WindowStatus { window, .. }: &WindowStatus| {
            format!("\"{}\";q={};w={}", window.name, window.quota, window.length.as_secs())
        };
        lines(self.windows.iter().map(item).collect(), form)
    }
}

fn lines(items: Vec<String>, form: RateLimitForm) -> Vec<String> {
    match form {
        RateLimitForm::Split => items,
        _ if items.is_empty() => items,
        _ => vec![items.join(", ")],
    }
}

impl Limits {
    pub(crate) fn new(windows: Vec<RateWindow>) -> Self {
        Self { windows: windows.into_iter().map(|window| (window, Fill::default())).collect() }
    }

    /// Shows each window, the requests it still takes and how long it takes to start anew, in simulated time.
    #[cfg(feature = "page")]
    pub(crate) fn windows(&self, now: Duration) -> impl Iterator<Item = (&RateWindow, u32, Duration)> {
        self.windows.iter().map(move |(window, fill)| {
            let left = fill.started.saturating_add(window.length).saturating_sub(now);
            match left {
                Duration::ZERO => (window, window.quota, Duration::ZERO),
                _ => (window, window.quota.saturating_sub(fill.spent), left),
            }
        })
    }

    /// Counts one request, unless a window is exhausted.
    pub(crate) fn spend(&mut self, now: Duration, clock: &Clock) -> RateLimitStatus {
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
        let status = |(window, fill): &(RateWindow, Fill)| WindowStatus {
            window: window.clone(),
            left: window.quota.saturating_sub(fill.spent),
            reset: reset(window, fill, now, clock),
        };
        RateLimitStatus { windows: self.windows.iter().map(status).collect(), retry_after }
    }
}

/// Seconds on the client's clock until a window starts anew, rounded up.
fn reset(window: &RateWindow, fill: &Fill, now: Duration, clock: &Clock) -> u64 {
    let left = fill.started.saturating_add(window.length).saturating_sub(now);
    let real = clock.real(left).unwrap_or(left);
    real.as_secs() + u64::from(real.subsec_nanos() > 0)
}
