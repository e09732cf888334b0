//! RunPod's clock, which pods' lives are counted by.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use runpod_api::http::{HeaderMap, header};

/// The difference that whole seconds and a slow answer explain: less is none.
const TOLERANCE: Duration = Duration::from_secs(2);

/// The difference between RunPod's clock, as the `Date` of its last answer says, and this machine's.
#[derive(Debug, Default)]
pub(crate) struct ServerClock(Mutex<Option<Difference>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    None,
    Ahead(Duration),
    Behind(Duration),
}

impl Difference {
    fn between(server: SystemTime, local: SystemTime) -> Self {
        match server.duration_since(local) {
            Ok(ahead) if ahead > TOLERANCE => Self::Ahead(ahead),
            Err(behind) if behind.duration() > TOLERANCE => Self::Behind(behind.duration()),
            _ => Self::None,
        }
    }

    fn apply(self, local: SystemTime) -> SystemTime {
        match self {
            Self::None => Some(local),
            Self::Ahead(by) => local.checked_add(by),
            Self::Behind(by) => local.checked_sub(by),
        }
        .unwrap_or(local)
    }
}

impl ServerClock {
    /// Takes in the `Date` of an answer that has just come.
    pub(crate) fn observe(&self, headers: &HeaderMap) {
        let date = headers.get(header::DATE).and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) {
            *self.difference() = Some(Difference::between(date, SystemTime::now()));
        }
    }

    /// Returns the time by RunPod's clock; `None` if no answer had a date.
    pub(crate) fn now(&self) -> Option<SystemTime> {
        let difference = *self.difference();
        difference.map(|difference| difference.apply(SystemTime::now()))
    }

    fn difference(&self) -> MutexGuard<'_, Option<Difference>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_counts_once_whole_seconds_do_not_explain_it() {
        let local = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let hour = Duration::from_secs(3600);
        let table = [
            (local, local),
            (local + TOLERANCE, local),
            (local - TOLERANCE, local),
            (local - hour, local - hour),
            (local + hour, local + hour),
        ];
        for (server, now) in table {
            assert_eq!(Difference::between(server, local).apply(local), now, "{server:?}");
        }
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
