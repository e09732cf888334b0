//! The request log.

use std::time::Duration;

use askama::Template;

use super::figures::since;
use crate::world::journal::{Journal, RequestRecord};

#[derive(Template)]
#[template(path = "requests.html")]
pub(super) struct RequestsSection {
    pub(super) count: u64,
    pub(super) forgotten: u64,
    pub(super) rows: Vec<RequestRow>,
}

/// A request as a row shows it.
#[derive(Clone)]
pub(super) struct RequestRow {
    pub(super) number: u64,
    pub(super) instant: Duration,
    /// True if it asks for a change.
    pub(super) changes: bool,
    pub(super) at: String,
    pub(super) class: &'static str,
    pub(super) status: String,
    pub(super) operation: String,
    pub(super) fault: &'static str,
    pub(super) line: String,
}

impl RequestRow {
    pub(super) fn of(record: &RequestRecord) -> Self {
        let class = match record.status {
            0 => "cut",
            400.. => "refused",
            _ => "answered",
        };
        let operation = record.operation.as_deref().unwrap_or("no operation");
        let action = record.action.as_deref().map(|action| format!(":{action}"));
        Self {
            number: record.number,
            instant: record.at,
            changes: record.method != "GET",
            at: since(record.at),
            class,
            status: if record.status == 0 { "cut off".to_owned() } else { record.status.to_string() },
            operation: format!("{operation}{}", action.unwrap_or_default()),
            fault: record.fault.unwrap_or_default(),
            line: line(record),
        }
    }
}

/// The method and the address, shortened: both are as the client sent them.
fn line(record: &RequestRecord) -> String {
    const LONGEST: usize = 120;
    let query = record.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
    let whole = format!("{} {}{query}", record.method, record.path);
    match whole.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

/// The newest requests that someone cares for, newest first.
pub(super) struct Recent {
    most: usize,
    rows: Vec<RequestRow>,
}

impl Recent {
    pub(super) fn new(most: usize) -> Self {
        Self { most, rows: Vec::new() }
    }

    /// Takes in what came after a number.
    pub(super) fn read(&mut self, journal: &Journal, after: u64, covers: impl Fn(&RequestRecord) -> bool) {
        let new = journal.since(after).rev().filter(|record| covers(record)).take(self.most);
        let mut rows: Vec<RequestRow> = new.map(RequestRow::of).collect();
        rows.append(&mut self.rows);
        rows.truncate(self.most);
        self.rows = rows;
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
    }

    pub(super) fn rows(&self) -> &[RequestRow] {
        &self.rows
    }
}
