//! What the account may still send, as RunPod's answers say.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use runpod_api::http::HeaderMap;
use tokio::time::Instant;

/// The longest a window is taken to last.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// The window that `Retry-After` closes.
const RETRY_AFTER: &str = "Retry-After";

/// Who wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    /// A create, start, stop or terminate: uses what is there.
    Mutation,
    /// A look: leaves a tenth of each window to mutations.
    Poll,
}

/// One budget per handle, fed by every answer's `RateLimit` and `RateLimit-Policy` headers.
///
/// Quotas differ per account, so nothing is assumed before the first answer.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    windows: Mutex<BTreeMap<String, Window>>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    limit: Option<u64>,
    remaining: u64,
    resets_at: Instant,
}

impl Quota {
    /// Takes in what an answer says about the windows.
    pub(crate) fn observe(&self, headers: &HeaderMap) {
        let now = Instant::now();
        let limits = header(headers, "ratelimit-policy").map(parse).unwrap_or_default();
        let current = header(headers, "ratelimit").map(parse).unwrap_or_default();
        let mut windows = self.windows();
        for (name, values) in current {
            let (Some(&remaining), Some(&seconds)) = (values.get("r"), values.get("t")) else { continue };
            let limit = limits.get(&name).and_then(|policy| policy.get("q")).copied();
            let resets_at = now + Duration::from_secs(seconds).min(LONGEST);
            windows.insert(name, Window { limit, remaining, resets_at });
        }
    }

    /// Takes in for how long RunPod wants to be left alone, whatever its windows say.
    pub(crate) fn hold(&self, span: Duration) {
        let resets_at = Instant::now() + span.min(LONGEST);
        let mut windows = self.windows();
        let hold =
            windows.entry(RETRY_AFTER.to_owned()).or_insert(Window { limit: None, remaining: 0, resets_at });
        hold.resets_at = hold.resets_at.max(resets_at);
    }

    /// Counts one request as sent and says how long to hold it back first; zero if it may go now.
    pub(crate) fn admit(&self, priority: Priority) -> Duration {
        let now = Instant::now();
        let mut windows = self.windows();
        windows.retain(|_, window| window.resets_at > now);
        let hold = windows
            .values()
            .filter(|window| window.remaining <= window.reserve(priority))
            .map(|window| window.resets_at - now)
            .max()
            .unwrap_or_default();
        if hold.is_zero() {
            for window in windows.values_mut() {
                window.remaining = window.remaining.saturating_sub(1);
            }
        }
        hold
    }

    /// How long until every exhausted window is open again; zero if none is exhausted.
    pub(crate) fn exhausted_for(&self) -> Duration {
        let now = Instant::now();
        let exhausted = |window: &&Window| window.remaining == 0 && window.resets_at > now;
        self.windows()
            .values()
            .filter(exhausted)
            .map(|window| window.resets_at - now)
            .max()
            .unwrap_or_default()
    }

    fn windows(&self) -> MutexGuard<'_, BTreeMap<String, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    /// Requests of the window that `priority` must not touch.
    fn reserve(&self, priority: Priority) -> u64 {
        match priority {
            Priority::Mutation => 0,
            Priority::Poll => self.limit.map_or(0, |limit| limit / 10),
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The items of `"minute";r=59;t=12, "hour";r=..` as name to parameters. What does not parse is left out.
fn parse(text: &str) -> BTreeMap<String, BTreeMap<String, u64>> {
    text.split(',')
        .filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next()?.trim_matches('"');
            let values = parts.filter_map(|part| {
                let (key, value) = part.split_once('=')?;
                Some((key.trim().to_owned(), value.trim().parse().ok()?))
            });
            (!name.is_empty()).then(|| (name.to_owned(), values.collect()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(limit: &str, policy: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit", limit.parse().unwrap());
        headers.insert("ratelimit-policy", policy.parse().unwrap());
        headers
    }

    const POLICY: &str = r#""minute";q=60;w=60, "hour";q=1000;w=3600"#;

    #[tokio::test(start_paused = true)]
    async fn the_longest_exhausted_window_decides() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=0;t=12, "hour";r=0;t=1800"#, POLICY));
        assert_eq!(quota.admit(Priority::Mutation), Duration::from_secs(1800));
        assert_eq!(quota.exhausted_for(), Duration::from_secs(1800));
    }

    #[tokio::test(start_paused = true)]
    async fn polls_leave_a_tenth_to_mutations() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=7;t=30"#, POLICY));
        assert_eq!(quota.admit(Priority::Poll), Duration::ZERO);
        assert_eq!(quota.admit(Priority::Poll), Duration::from_secs(30));
        assert_eq!(quota.admit(Priority::Mutation), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_opens_when_it_resets() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=0;t=5"#, POLICY));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(quota.admit(Priority::Poll), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_holds_everybody_and_the_longest_counts() {
        let quota = Quota::default();
        quota.hold(Duration::from_secs(9));
        quota.hold(Duration::from_secs(3));
        quota.observe(&headers(r#""minute";r=7;t=30"#, POLICY));
        assert_eq!(quota.admit(Priority::Mutation), Duration::from_secs(9));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(quota.admit(Priority::Mutation), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn garbage_limits_nothing() {
        let quota = Quota::default();
        for text in ["", ";;;", "minute", r#""minute";r=x;t=-1"#, r#""minute";r=99999999999999999999;t=1"#] {
            quota.observe(&headers(text, text));
        }
        assert_eq!(quota.admit(Priority::Poll), Duration::ZERO);
    }
}
