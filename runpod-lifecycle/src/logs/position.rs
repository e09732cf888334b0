//! The place in a log that a reader has come to, so that a new connection neither loses nor repeats a line.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
    time::SystemTime,
};

use humantime::{format_rfc3339_millis, format_rfc3339_nanos, parse_rfc3339};

use crate::pod::{
    log::Resume,
    time::{server_time, writable},
};

/// Lines that are remembered to tell repetitions from news.
const MOST_TOLD: usize = 5000;

/// The events of a log that were read.
#[derive(Debug, Default)]
pub(crate) struct Position {
    /// The id of the last event that had one.
    id: Option<String>,
    /// The last id that was another one.
    id_before: Option<String>,
    /// Two lines came with one id: going on after it would skip a third.
    shares_ids: bool,
    /// RunPod has forgotten the id: only the time counts.
    is_forgotten: bool,
    /// The time of the last event.
    at: Option<SystemTime>,
    /// The lines that were told lately, as hashes.
    told: VecDeque<u64>,
    /// Those of them that the present connection has not repeated.
    repeatable: Vec<u64>,
}

impl Position {
    /// Returns the place where the next connection begins. It may repeat what was told.
    pub(crate) fn resume(&mut self) -> Resume {
        self.repeatable = self.told.iter().copied().collect();
        let id =
            if self.shares_ids { self.id_before.as_ref().or(self.id.as_ref()) } else { self.id.as_ref() };
        match (id, &self.at) {
            (Some(id), _) if !self.is_forgotten => Resume::After(id.clone()),
            (_, Some(at)) => Resume::Since(written(*at)),
            _ => Resume::Tail,
        }
    }

    /// Goes on by time, since RunPod does not know the id any more. Returns false if there is nothing to go on by.
    pub(crate) fn forget_id(&mut self) -> bool {
        let can = !self.is_forgotten && self.id.is_some() && self.at.is_some();
        self.is_forgotten = true;
        can
    }

    /// Takes in an event that says nothing but where the log is.
    pub(crate) fn pass(&mut self, id: Option<&str>) {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            if self.id.as_deref() != Some(id) {
                self.id_before = self.id.replace(id.to_owned());
            }
            self.at = time_of(id).or(self.at);
        }
    }

    /// Takes in a line, with its own time if it has one. Returns false for one that was told before.
    pub(crate) fn take(&mut self, id: Option<&str>, ts: Option<&str>, data: &str) -> bool {
        let at = ts.and_then(server_time).or(id.and_then(time_of));
        // Without either, a line that looks like another is none the less another.
        let is_known = id.is_some() || at.is_some();
        let hash = hash_of(id, data);
        if let Some(position) = self.repeatable.iter().position(|told| *told == hash) {
            self.repeatable.swap_remove(position);
            return false;
        }
        if self.is_forgotten && at.is_some() && at < self.at {
            return false;
        }
        self.is_forgotten &= id.is_none();
        self.shares_ids |= id.is_some() && self.id.as_deref() == id && !self.told.is_empty();
        self.pass(id);
        self.at = at.or(self.at);
        if is_known {
            self.told.push_back(hash);
            self.told.drain(..self.told.len().saturating_sub(MOST_TOLD));
        }
        true
    }
}

/// The time in an id: `2026-08-20T06:16:19.43Z` or `2026-08-20T06:16:19.43Z/000000000001`.
fn time_of(id: &str) -> Option<SystemTime> {
    server_time(id.split('/').next()?)
}

/// A time as the contract takes it.
fn written(at: SystemTime) -> String {
    let at = writable(at);
    let millis = format_rfc3339_millis(at).to_string();
    match parse_rfc3339(&millis) {
        Ok(same) if same == at => millis,
        _ => format_rfc3339_nanos(at).to_string(),
    }
}

fn hash_of(id: Option<&str>, data: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (id, data).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const T1: &str = "2026-08-20T06:16:19.430Z";
    const T2: &str = "2026-08-20T06:16:20.000000001Z";

    #[test]
    fn a_connection_goes_on_after_the_last_id_also_of_an_event_without_data() {
        let mut position = Position::default();
        assert_eq!(position.resume(), Resume::Tail);
        assert!(position.take(Some("7"), None, "a"));
        assert_eq!(position.resume(), Resume::After("7".into()));
        position.pass(Some("8"));
        position.pass(None);
        position.pass(Some(""));
        assert_eq!(position.resume(), Resume::After("8".into()));
        assert!(position.take(None, None, "no id of its own"));
        assert_eq!(position.resume(), Resume::After("8".into()));
    }

    #[test]
    fn what_a_connection_repeats_is_not_told_again_and_what_looks_alike_is() {
        let mut position = Position::default();
        for data in ["a", "a", "b"] {
            assert!(position.take(Some(T1), None, data), "lines of one moment are all told");
        }
        position.resume();
        for data in ["a", "a", "b"] {
            assert!(!position.take(Some(T1), None, data));
        }
        assert!(position.take(Some(T1), None, "a"), "a third one is new");
        assert!(position.take(None, None, "tick") && position.take(None, None, "tick"));
        position.resume();
        assert!(position.take(None, None, "tick"), "nothing says that it is the same");
    }

    #[test]
    fn where_lines_share_an_id_a_connection_begins_before_it() {
        let mut position = Position::default();
        position.take(Some("6"), None, "a");
        position.take(Some("7"), None, "b");
        assert_eq!(position.resume(), Resume::After("7".into()));
        position.take(Some("7"), None, "c");
        assert_eq!(position.resume(), Resume::After("6".into()));
        assert!(!position.take(Some("7"), None, "b") && !position.take(Some("7"), None, "c"));
        assert!(position.take(Some("7"), None, "d"));
    }

    #[test]
    fn a_forgotten_id_is_replaced_by_its_time_until_there_is_a_new_one() {
        for (id, ts) in [(T1.to_owned(), None), (format!("{T1}/000000000001"), None), ("7".into(), Some(T1))]
        {
            let mut position = Position::default();
            position.take(Some(&id), ts, "a");
            assert!(position.forget_id());
            assert_eq!(position.resume(), Resume::Since(T1.into()));
            assert!(!position.take(Some(&id), ts, "a"), "{id}: repeated");
            assert!(!position.take(Some("0"), Some("2026-08-20T06:16:19Z"), "z"), "{id}: from before");
            assert!(position.take(Some("8"), Some(T1), "b"), "{id}: of the same moment");
            assert!(position.take(Some("9"), Some(T2), "c"));
            assert_eq!(position.resume(), Resume::After("9".into()));
        }
    }

    #[test]
    fn without_a_time_a_forgotten_id_is_the_end_and_so_is_a_refused_time() {
        let mut position = Position::default();
        assert!(!position.forget_id(), "nothing was read yet");
        let mut position = Position::default();
        position.take(Some("7"), Some("yesterday"), "a");
        assert!(!position.forget_id());
        let mut position = Position::default();
        position.take(Some(T1), None, "a");
        assert!(position.forget_id() && !position.forget_id());
    }
}
