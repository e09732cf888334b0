//! The request log.

use std::{collections::VecDeque, time::Duration};

use serde::Serialize;

/// One request the simulator answered. It holds no header, no body and no key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RequestRecord {
    /// Its number, counted from 1 since the start.
    pub number: u64,
    /// The instant it arrived, in simulated time since the start.
    #[serde(serialize_with = "crate::world::seconds::seconds")]
    pub at: Duration,
    /// HTTP method.
    pub method: String,
    /// Path, as it was sent.
    pub path: String,
    /// Query string, as it was sent; `None` when there was none.
    pub query: Option<String>,
    /// The contract's operation id, such as `createPod` (v2) or `CreatePod` (v1); `None` when the request reached no
    /// operation.
    pub operation: Option<String>,
    /// The action that `podAction` asked for, such as `stop`; `None` for any other operation, or if it named none.
    pub action: Option<String>,
    /// The pod it is about: the one its path names, or the one it created, although the answer may not say so; `None` for any
    /// other.
    pub pod: Option<String>,
    /// Status of the answer; 0 when the connection was closed instead.
    pub status: u16,
    /// The name of the fault that changed this request's fate; `None` for an honest answer.
    pub fault: Option<&'static str>,
    /// The `x-request-id` of the answer.
    pub request_id: String,
}

/// The newest requests, and the count of all there ever were.
pub(crate) struct Journal {
    most: usize,
    count: u64,
    records: VecDeque<RequestRecord>,
}

impl Journal {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, count: 0, records: VecDeque::new() }
    }

    /// Writes a request down under the next number, and forgets the oldest when there are too many.
    pub(crate) fn note(&mut self, mut record: RequestRecord) {
        self.count += 1;
        record.number = self.count;
        if self.records.len() >= self.most {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    /// Requests answered so far, the forgotten ones included.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Those that are remembered and have a higher number, oldest first.
    pub(crate) fn since(&self, number: u64) -> impl DoubleEndedIterator<Item = &RequestRecord> {
        let past = number.saturating_sub(self.forgotten());
        let past = usize::try_from(past).unwrap_or(usize::MAX).min(self.records.len());
        self.records.range(past..)
    }

    /// Those that are remembered, oldest first.
    pub(crate) fn records(&self) -> impl Iterator<Item = &RequestRecord> {
        self.records.iter()
    }

    /// The number of those that are forgotten.
    pub(crate) fn forgotten(&self) -> u64 {
        self.count - self.records.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> RequestRecord {
        RequestRecord {
            number: 0,
            at: Duration::ZERO,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            query: None,
            operation: None,
            action: None,
            pod: None,
            status: 200,
            fault: None,
            request_id: String::new(),
        }
    }

    #[test]
    fn the_oldest_requests_are_forgotten_one_by_one_and_the_count_goes_on() {
        let mut journal = Journal::new(3);
        for count in 1..=10 {
            journal.note(record());
            assert_eq!(journal.count(), count);
            assert_eq!(journal.records().count() as u64, count.min(3));
            assert_eq!(journal.records().last().map(|record| record.number), Some(count));
        }
        for (after, expected) in
            [(0, vec![8, 9, 10]), (7, vec![8, 9, 10]), (9, vec![10]), (10, vec![]), (99, vec![])]
        {
            let numbers: Vec<u64> = journal.since(after).map(|record| record.number).collect();
            assert_eq!(numbers, expected, "after {after}");
        }
        assert_eq!((journal.forgotten(), journal.records().next().map(|record| record.number)), (7, Some(8)));
    }
}
