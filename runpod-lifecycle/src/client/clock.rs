//! RunPod's clock, which pods' lives are counted by.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use runpod_api::http::{HeaderMap, header};
use tokio::time::Instant;

/// This machine's clock.
pub(crate) type LocalClock = Box<dyn Fn() -> SystemTime + Send + Sync>;

/// RunPod's clock, as the `Date` of its last answer set it.
pub(crate) struct ServerClock {
    reading: Mutex<Option<Reading>>,
    local: LocalClock,
}

/// A date, and when it came by both clocks of this machine.
#[derive(Clone, Copy, Debug)]
struct Reading {
    date: SystemTime,
    came_at: Instant,
    local: SystemTime,
}

impl Reading {
    fn now(self, local: SystemTime) -> SystemTime {
        // One clock stands still while the machine sleeps, the other may be set back.
        let by_wall = local.duration_since(self.local).unwrap_or_default();
        self.after(self.came_at.elapsed().max(by_wall))
    }

    fn after(self, span: Duration) -> SystemTime {
        self.date.checked_add(span).unwrap_or(self.date)
    }
}

impl ServerClock {
    pub(crate) fn new(local: LocalClock) -> Self {
        Self { reading: Mutex::default(), local }
    }

    /// Returns the time by this machine's clock.
    pub(crate) fn local(&self) -> SystemTime {
        (self.local)()
    }

    /// Takes in the `Date` of an answer that has just come.
    pub(crate) fn observe(&self, headers: &HeaderMap) {
        let date = headers.get(header::DATE).and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) {
            let reading = Reading { date, came_at: Instant::now(), local: self.local() };
            *self.reading() = Some(reading);
        }
    }

    /// Returns the time by RunPod's clock; `None` if no answer had a date.
    pub(crate) fn now(&self) -> Option<SystemTime> {
        let reading = *self.reading();
        reading.map(|reading| reading.now(self.local()))
    }

    fn reading(&self) -> MutexGuard<'_, Option<Reading>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ServerClock {
    fn default() -> Self {
        Self::new(Box::new(SystemTime::now))
    }
}

impl fmt::Debug for ServerClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerClock").field("reading", &self.reading).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(clock: &ServerClock, date: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(header::DATE, date.parse().expect("a header's value"));
        clock.observe(&headers);
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_between_answers_however_wrong_this_machines_clock_is() {
        let clock = ServerClock::default();
        for date in ["Thu, 20 Aug 2026 06:16:19 GMT", "Mon, 01 Jan 2001 00:00:00 GMT"] {
            observed(&clock, date);
            tokio::time::advance(Duration::from_secs(3600)).await;
            let passed =
                clock.now().and_then(|now| now.duration_since(httpdate::parse_http_date(date).ok()?).ok());
            let passed = passed.expect("it has a date");
            assert!(passed >= Duration::from_secs(3600) && passed < Duration::from_secs(3660), "{passed:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_this_machine_slept_counts() {
        let hour = Duration::from_secs(3600);
        let now = SystemTime::now();
        let reading = Reading { date: now, came_at: Instant::now(), local: now - hour };
        assert!(reading.now(now) >= now + hour);
        let set_back = Reading { local: now + hour, ..reading };
        assert!(set_back.now(now) < now + hour);
    }

    #[test]
    fn an_answer_without_a_readable_date_says_nothing() {
        let clock = ServerClock::default();
        for date in [None, Some("yesterday"), Some("")] {
            let mut headers = HeaderMap::new();
            headers.extend(date.map(|date| (header::DATE, date.parse().expect("a header's value"))));
            clock.observe(&headers);
            assert_eq!(clock.now(), None, "{date:?}");
        }
    }
}
