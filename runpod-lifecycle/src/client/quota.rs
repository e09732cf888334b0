//! The requests that the account may still send, as RunPod's answers say.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use runpod_api::http::HeaderMap;
use tokio::time::{Instant, timeout};

use crate::{
    RateWindow,
    client::ratelimit::{RateLimit, Reported},
};

/// The longest a window is taken to last.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Windows that are kept: a server that names its windows anew in each answer has no more.
const MOST_WINDOWS: usize = 64;
/// The window that `Retry-After` closes.
const RETRY_AFTER: &str = "Retry-After";
/// The window that a header closes which cannot be read.
const UNREADABLE: &str = "unreadable RateLimit";
/// The pause where RunPod does not say how long, or not readably. It doubles while a window stays used up.
const BACKOFF: Duration = Duration::from_secs(1);
/// The longest such pause.
const LONGEST_BACKOFF: Duration = Duration::from_secs(32);

/// The longest the first request is waited for by the others.
const FIRST_PATIENCE: Duration = Duration::from_secs(2);

/// The sender of a request, by how much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    /// A stop or terminate: always sent, since a pod that cannot be ended bills on.
    Ending,
    /// A create, start or restart: uses what is there.
    Mutation,
    /// A poll: leaves a tenth of each window to mutations. Where mutations use all of it, polls get a
    /// tenth of the next one, spread over it.
    Poll,
}

/// One budget per handle, fed by every answer's `RateLimit` and `RateLimit-Policy` headers.
///
/// Quotas differ per account, so nothing is assumed before the first answer: the first request goes
/// alone, since a hundred at once may be more than the account has.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    windows: Mutex<BTreeMap<String, Window>>,
    /// Requests sent whose answers are not here yet.
    in_flight: AtomicU64,
    is_answered: AtomicBool,
    first: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    limit: Option<u64>,
    length: Option<Duration>,
    remaining: u64,
    /// The pause between two requests, where RunPod does not say when it resets.
    blind: Option<Duration>,
    /// Answers to what was sent before say nothing of it.
    began_at: Instant,
    resets_at: Instant,
    /// RunPod said that nothing is left, rather than this side having counted it down.
    is_closed: bool,
    /// Polls sent in this window.
    polls: u64,
    /// A poll had to wait for the next window.
    is_poll_held: bool,
    /// Requests that mutations must leave to polls, which had to wait for this window.
    for_polls: u64,
}

/// A pause before something may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) span: Duration,
    pub(crate) reason: String,
}

/// Leave to send one request.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    quota: &'a Quota,
    given_at: Instant,
    _first: Option<tokio::sync::MutexGuard<'a, ()>>,
}

impl Permit<'_> {
    /// Takes in what the answer says.
    pub(crate) fn answered(self, headers: &HeaderMap) {
        let Self { quota, given_at, .. } = self;
        // This one is counted by the server.
        drop(self);
        quota.is_answered.store(true, Ordering::Relaxed);
        quota.observe(headers, given_at);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.quota.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Quota {
    /// Leave to send one request now, or else how long to hold it back.
    pub(crate) async fn admit(&self, priority: Priority) -> Result<Permit<'_>, Hold> {
        let mut first = None;
        if !self.is_answered.load(Ordering::Relaxed) && priority != Priority::Ending {
            first = timeout(FIRST_PATIENCE, self.first.lock()).await.ok();
        }
        let first = first.filter(|_| !self.is_answered.load(Ordering::Relaxed));
        if let Some(hold) = self.take(priority) {
            return Err(hold);
        }
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Ok(Permit { quota: self, given_at: Instant::now(), _first: first })
    }

    /// Takes in what the answer to something sent then says about the windows.
    fn observe(&self, headers: &HeaderMap, sent_at: Instant) {
        let now = Instant::now();
        let said = RateLimit::of(headers);
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        let mut windows = self.windows(now);
        for reported in said.windows {
            let seen = Window::seen(&reported, in_flight, sent_at, now);
            let has_room = windows.len() < MOST_WINDOWS;
            match windows.get_mut(&reported.name) {
                Some(window) if sent_at < window.began_at && !seen.is_closed => {}
                Some(window) => window.update(seen),
                None if has_room => drop(windows.insert(reported.name, seen)),
                None => {}
            }
        }
        if said.is_unreadable {
            windows.insert(UNREADABLE.to_owned(), Window::closed(BACKOFF, now));
        }
    }

    /// Takes in for how long RunPod wants to be left alone, whatever its windows say; `None` if it does not say.
    pub(crate) fn hold(&self, span: Option<Duration>) {
        let now = Instant::now();
        let closed = Window::closed(span.unwrap_or(BACKOFF), now);
        let mut windows = self.windows(now);
        let hold = windows.entry(RETRY_AFTER.to_owned()).or_insert(closed);
        hold.resets_at = hold.resets_at.max(closed.resets_at);
    }

    /// Counts one request as sent, or says how long to hold it back first.
    fn take(&self, priority: Priority) -> Option<Hold> {
        let now = Instant::now();
        let mut windows = self.windows(now);
        let longest = windows.iter().max_by_key(|(_, window)| window.opens_in(priority, now));
        let hold = longest.and_then(|(name, window)| window.hold(name, priority, now));
        for window in windows.values_mut() {
            if hold.is_none() {
                window.remaining = window.remaining.saturating_sub(1);
                window.polls += u64::from(priority == Priority::Poll);
            } else if priority == Priority::Poll {
                window.is_poll_held |= !window.opens_in(priority, now).is_zero();
            }
        }
        hold
    }

    /// Returns the time until every exhausted window is open again; zero if none is exhausted.
    pub(crate) fn exhausted_for(&self) -> Duration {
        let now = Instant::now();
        let windows = self.windows(now);
        let exhausted = windows.values().filter(|window| window.remaining == 0);
        exhausted.map(|window| window.resets_at - now).max().unwrap_or_default()
    }

    /// The requests that are left in each window. Only looks: no window begins anew by it.
    pub(crate) fn budget(&self) -> Vec<RateWindow> {
        let (now, in_flight) = (Instant::now(), self.in_flight.load(Ordering::Relaxed));
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let left = windows.into_iter().filter_map(|(name, mut window)| {
            let is_there = window.resets_at > now || window.begin_anew(now, in_flight);
            is_there.then(|| window.told(name, now))
        });
        left.collect()
    }

    /// The windows as they are now: what is over has begun anew, or is forgotten.
    fn windows(&self, now: Instant) -> MutexGuard<'_, BTreeMap<String, Window>> {
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.retain(|_, window| window.resets_at > now || window.begin_anew(now, in_flight));
        windows
    }
}

impl Window {
    /// A window as an answer shows it.
    fn seen(reported: &Reported, in_flight: u64, sent_at: Instant, now: Instant) -> Self {
        let blind = reported.resets_in.is_none().then_some(BACKOFF);
        let resets_in = reported.resets_in.unwrap_or(BACKOFF);
        Self {
            limit: reported.limit,
            length: reported.length,
            remaining: reported.remaining.saturating_sub(in_flight),
            blind,
            began_at: sent_at,
            is_closed: reported.remaining == 0,
            ..Self::closed(resets_in, now)
        }
    }

    /// A window without room for so long.
    fn closed(span: Duration, now: Instant) -> Self {
        Self {
            limit: None,
            length: None,
            remaining: 0,
            blind: None,
            began_at: now,
            resets_at: now + span.min(LONGEST),
            is_closed: true,
            polls: 0,
            is_poll_held: false,
            for_polls: 0,
        }
    }

    /// The same, as it is shown.
    fn told(&self, name: String, now: Instant) -> RateWindow {
        RateWindow {
            name,
            left: self.remaining,
            limit: self.limit,
            resets_in: self.resets_at.saturating_duration_since(now),
            length: self.length,
        }
    }

    /// The pause it asks of a request, and why; `None` if it has room.
    fn hold(&self, name: &str, priority: Priority, now: Instant) -> Option<Hold> {
        let span = self.opens_in(priority, now);
        let reason = match name {
            RETRY_AFTER => "RunPod asked for it".to_owned(),
            UNREADABLE => "RunPod's RateLimit header cannot be read".to_owned(),
            name if self.blind.is_some() => {
                format!("the account's limit {name:?} is used up and RunPod does not say for how long")
            }
            name if self.remaining == 0 => format!("the account's limit {name:?} is used up"),
            name => format!("the rest of the account's limit {name:?} is kept for what changes pods"),
        };
        (!span.is_zero()).then_some(Hold { span, reason })
    }

    /// Returns the time until it has room; zero if it has.
    fn opens_in(&self, priority: Priority, now: Instant) -> Duration {
        let reserve = match priority {
            Priority::Ending => return Duration::ZERO,
            // The one request that finds out is for the first caller.
            _ if self.blind.is_some() => 0,
            Priority::Mutation => self.for_polls.saturating_sub(self.polls),
            Priority::Poll => self.tenth(),
        };
        if self.remaining > reserve {
            return Duration::ZERO;
        }
        let share = self.next_share().filter(|_| priority == Priority::Poll && self.remaining > 0);
        share.unwrap_or(self.resets_at).saturating_duration_since(now)
    }

    /// When a poll may use what is kept for polls: they are spread over the window.
    fn next_share(&self) -> Option<Instant> {
        let fraction = self.polls as f64 / self.for_polls as f64;
        (fraction < 1.0)
            .then(|| self.began_at + self.length.unwrap_or_default().min(LONGEST).mul_f64(fraction))
    }

    /// Takes in what an answer says: in the same window its count may lack what others have sent since.
    fn update(&mut self, seen: Self) {
        if let Some(pause) = seen.blind {
            self.update_blindly(seen, pause);
            return;
        }
        // An answer that was on its way when a window was said to be used up does not open it again.
        if self.is_closed && self.blind.is_none() && !seen.is_closed {
            return;
        }
        if self.blind.is_some() {
            *self = seen;
            return;
        }
        // Seconds are rounded and answers come late; the next window ends a whole length later.
        let jump = self.length.map_or(Duration::from_secs(5), |length| length.min(LONGEST) / 2);
        // Another limit is another budget: what was counted against the old one says nothing about it.
        if seen.resets_at > self.resets_at + jump || seen.limit != self.limit {
            *self = Self { for_polls: self.reserved(), ..seen };
            return;
        }
        // An open window may begin anew a moment early, one that is used up must not.
        self.resets_at = match (self.is_closed, seen.is_closed) {
            (true, _) => self.resets_at.max(seen.resets_at),
            (false, true) => seen.resets_at,
            (false, false) => self.resets_at.min(seen.resets_at),
        };
        (self.limit, self.length, self.is_closed) = (seen.limit, seen.length, seen.is_closed);
        self.remaining = self.remaining.min(seen.remaining);
    }

    /// Takes in what an answer says that does not tell when the window resets.
    fn update_blindly(&mut self, seen: Self, pause: Duration) {
        // What was said before, with a time, still counts.
        if self.blind.is_none() {
            self.remaining = self.remaining.min(seen.remaining);
            return;
        }
        let longer = self.blind.filter(|_| seen.is_closed).map_or(pause, |before| before * 2);
        let longer = longer.min(LONGEST_BACKOFF);
        *self = Self { blind: Some(longer), resets_at: seen.resets_at + longer - pause, ..seen };
    }

    /// Begins the next window, with what is under way counted in it; false if nothing is known of it.
    fn begin_anew(&mut self, now: Instant, in_flight: u64) -> bool {
        if let Some(pause) = self.blind {
            // One request finds out.
            *self =
                Self { remaining: self.remaining.max(1), resets_at: now + pause, is_closed: false, ..*self };
            return true;
        }
        let (Some(limit), Some(length)) = (self.limit, self.length) else { return false };
        *self = Self {
            remaining: limit.saturating_sub(in_flight),
            began_at: now,
            resets_at: now + length.min(LONGEST),
            is_closed: false,
            polls: 0,
            is_poll_held: false,
            for_polls: self.reserved(),
            ..*self
        };
        true
    }

    /// The requests that the next window keeps for polls.
    fn reserved(&self) -> u64 {
        if self.is_poll_held { self.tenth() } else { 0 }
    }

    fn tenth(&self) -> u64 {
        self.limit.map_or(0, |limit| limit / 10)
    }
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

    fn held(quota: &Quota, priority: Priority) -> Duration {
        quota.take(priority).map_or(Duration::ZERO, |hold| hold.span)
    }

    const POLICY: &str = r#""minute";q=60;w=60, "hour";q=1000;w=3600"#;

    #[tokio::test(start_paused = true)]
    async fn the_longest_exhausted_window_decides() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=0;t=12, "hour";r=0;t=1800"#, POLICY), Instant::now());
        assert_eq!(held(&quota, Priority::Mutation), Duration::from_secs(1800));
        assert_eq!(quota.exhausted_for(), Duration::from_secs(1800));
    }

    #[tokio::test(start_paused = true)]
    async fn polls_leave_a_tenth_to_mutations() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=7;t=30"#, POLICY), Instant::now());
        assert_eq!(held(&quota, Priority::Poll), Duration::ZERO);
        assert_eq!(held(&quota, Priority::Poll), Duration::from_secs(30));
        assert_eq!(held(&quota, Priority::Mutation), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_begins_anew_with_what_it_had_at_first_and_a_share_for_polls_that_waited() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=0;t=5"#, r#""minute";q=60;w=60"#), Instant::now());
        assert_eq!(held(&quota, Priority::Poll), Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(5)).await;
        let sent = (0..100).take_while(|_| held(&quota, Priority::Mutation).is_zero()).count();
        assert_eq!(sent, 54);
        for _ in 0..6 {
            assert_eq!(held(&quota, Priority::Poll), Duration::ZERO);
            let pause = held(&quota, Priority::Poll);
            assert_eq!(pause, Duration::from_secs(10), "the share is spread over the window");
            tokio::time::advance(pause).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn to_ask_what_is_left_begins_no_window_and_takes_no_share_from_polls() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=0;t=5"#, r#""minute";q=60;w=60"#), Instant::now());
        assert_eq!(held(&quota, Priority::Poll), Duration::from_secs(5));
        for (seconds, left) in [(0, 0), (5, 60), (65, 60)] {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            let budget = quota.budget();
            assert_eq!((budget.len(), budget[0].left), (1, left), "{seconds} s later");
        }
        let sent = (0..100).take_while(|_| held(&quota, Priority::Mutation).is_zero()).count();
        assert_eq!((sent, quota.budget()[0].left), (54, 6));
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_held_by_one_window_takes_nothing_from_another() {
        let quota = Quota::default();
        let policy = r#""minute";q=60;w=60, "hour";q=1000;w=3600"#;
        quota.observe(&headers(r#""minute";r=6;t=60, "hour";r=900;t=60"#, policy), Instant::now());
        assert_eq!(held(&quota, Priority::Poll), Duration::from_secs(60));
        tokio::time::advance(Duration::from_secs(60)).await;
        quota.observe(&headers(r#""hour";r=1;t=3600"#, policy), Instant::now());
        assert_eq!(held(&quota, Priority::Mutation), Duration::ZERO, "the hour keeps nothing for polls");
    }

    #[tokio::test(start_paused = true)]
    async fn a_quota_of_nothing_is_no_quota() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=0;t=60"#, r#""minute";q=0;w=60"#), Instant::now());
        assert_eq!(held(&quota, Priority::Mutation), Duration::from_secs(60));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(held(&quota, Priority::Mutation), Duration::ZERO, "only RunPod can say more");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_does_not_give_back_what_others_have_sent_since() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=3;t=30"#, POLICY), Instant::now());
        let permit = quota.admit(Priority::Mutation).await.unwrap();
        let other = quota.admit(Priority::Mutation).await.unwrap();
        permit.answered(&headers(r#""minute";r=2;t=30"#, POLICY));
        assert_eq!(held(&quota, Priority::Mutation), Duration::ZERO);
        // Two seconds went by while the second waited for the first.
        assert_eq!(held(&quota, Priority::Mutation), Duration::from_secs(28));
        drop(other);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_says_nothing_of_a_window_that_began_since() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=9;t=1"#, POLICY), Instant::now());
        let late = quota.admit(Priority::Mutation).await.unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let sent = (0..100).take_while(|_| held(&quota, Priority::Mutation).is_zero()).count();
        assert_eq!(sent, 59);
        late.answered(&headers(r#""minute";r=8;t=1"#, POLICY));
        assert_eq!(held(&quota, Priority::Mutation), Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_that_is_used_up_stays_so_as_long_as_it_was_said_to() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=9;t=59"#, POLICY), Instant::now());
        quota.observe(&headers(r#""minute";r=0;t=60"#, POLICY), Instant::now());
        assert_eq!(held(&quota, Priority::Mutation), Duration::from_secs(60));
        quota.observe(&headers(r#""minute";r=0;t=61"#, POLICY), Instant::now());
        assert_eq!(held(&quota, Priority::Mutation), Duration::from_secs(61));
    }

    #[tokio::test(start_paused = true)]
    async fn another_limit_is_another_budget() {
        let quota = Quota::default();
        quota.observe(&headers(r#""hour";r=90;t=3000"#, POLICY), Instant::now());
        quota.observe(&headers(r#""hour";r=5000;t=3000"#, r#""hour";q=6000;w=3600"#), Instant::now());
        assert_eq!(held(&quota, Priority::Poll), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_request_goes_alone_but_not_for_ever() {
        let quota = Quota::default();
        let first = quota.admit(Priority::Poll).await.unwrap();
        let started = Instant::now();
        let second = quota.admit(Priority::Poll).await.unwrap();
        assert_eq!(started.elapsed(), FIRST_PATIENCE);
        first.answered(&headers(r#""minute";r=59;t=30"#, POLICY));
        quota.admit(Priority::Poll).await.unwrap();
        assert_eq!(started.elapsed(), FIRST_PATIENCE);
        drop(second);
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_opens_when_it_resets() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=0;t=5"#, POLICY), Instant::now());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(held(&quota, Priority::Poll), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_holds_everybody_and_the_longest_counts() {
        let quota = Quota::default();
        quota.hold(Some(Duration::from_secs(9)));
        quota.hold(Some(Duration::from_secs(3)));
        quota.observe(&headers(r#""minute";r=7;t=30"#, POLICY), Instant::now());
        assert_eq!(held(&quota, Priority::Mutation), Duration::from_secs(9));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(held(&quota, Priority::Mutation), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_was_on_its_way_opens_no_closed_window() {
        let quota = Quota::default();
        quota.observe(&headers(r#""hour";r=0;t=13"#, POLICY), Instant::now());
        quota.observe(&headers(r#""hour";r=900;t=3000"#, POLICY), Instant::now());
        assert_eq!(held(&quota, Priority::Mutation), Duration::from_secs(13));
        tokio::time::advance(Duration::from_secs(13)).await;
        quota.observe(&headers(r#""hour";r=900;t=3000"#, POLICY), Instant::now());
        assert_eq!(held(&quota, Priority::Poll), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_read_costs_a_second_and_no_more() {
        for text in [";;;", r#""minute";t=-1"#, r#""minute";r=99999999999999999999;t=1"#] {
            let quota = Quota::default();
            quota.observe(&headers(text, text), Instant::now());
            assert_eq!(held(&quota, Priority::Mutation), BACKOFF, "{text}");
            tokio::time::advance(BACKOFF).await;
            assert_eq!(held(&quota, Priority::Poll), Duration::ZERO, "{text}");
        }
        let quota = Quota::default();
        quota.observe(&HeaderMap::new(), Instant::now());
        assert_eq!(held(&quota, Priority::Poll), Duration::ZERO, "no headers, no limit");
    }

    #[tokio::test(start_paused = true)]
    async fn a_used_up_window_without_a_time_waits_a_backoff_that_grows() {
        let used_up = headers(r#""minute";r=0"#, r#""minute";q=60;w=60"#);
        for priority in [Priority::Mutation, Priority::Poll] {
            let quota = Quota::default();
            for seconds in [1, 2, 4, 8, 16, 32, 32] {
                quota.observe(&used_up, Instant::now());
                let pause = held(&quota, priority);
                assert_eq!(pause, Duration::from_secs(seconds));
                tokio::time::advance(pause).await;
                assert_eq!(held(&quota, priority), Duration::ZERO, "one finds out");
                assert!(!held(&quota, priority).is_zero(), "and no second one");
                tokio::time::advance(Duration::from_secs(32)).await;
            }
            quota.observe(&headers(r#""minute";r=50;t=30"#, POLICY), Instant::now());
            assert_eq!(
                held(&quota, Priority::Poll),
                Duration::ZERO,
                "an answer with a time is believed again"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_without_a_time_is_counted_down_and_not_up() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=3"#, r#""minute";q=60;w=60"#), Instant::now());
        tokio::time::advance(Duration::from_secs(90)).await;
        let sent = (0..10).take_while(|_| held(&quota, Priority::Poll).is_zero()).count();
        assert_eq!(sent, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_billing_is_held_by_nothing() {
        let quota = Quota::default();
        quota.observe(&headers(r#""minute";r=0;t=999999999"#, POLICY), Instant::now());
        quota.hold(Some(LONGEST));
        assert!(!held(&quota, Priority::Mutation).is_zero());
        assert_eq!(quota.take(Priority::Ending), None);
    }
}
