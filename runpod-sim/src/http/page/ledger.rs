//! The ledger and its totals.

use std::time::Duration;

use askama::Template;

use super::figures::{span, usd};
use crate::world::{account::Account, pod::Pod};

/// The most entries shown, newest first.
const ENTRIES: usize = 20;

#[derive(Template)]
#[template(path = "ledger.html")]
pub(super) struct LedgerSection {
    total: String,
    pods: usize,
    billing: usize,
    rows: Vec<Row>,
    more: usize,
}

struct Row {
    id: String,
    name: String,
    type_id: &'static str,
    billed: String,
    cost: String,
    status: &'static str,
}

impl LedgerSection {
    pub(super) fn of(account: &Account, now: Duration) -> Self {
        let pods = account.pods();
        let total = account.spent(now);
        let billing =
            pods.iter().filter(|pod| pod.billed.last().is_some_and(|span| span.to.is_none())).count();
        let rows = pods.iter().rev().take(ENTRIES).map(|pod| Row::of(pod, now)).collect();
        let more = pods.len().saturating_sub(ENTRIES);
        Self { total: usd(total), pods: pods.len(), billing, rows, more }
    }
}

impl Row {
    fn of(pod: &Pod, now: Duration) -> Self {
        let billed: Duration = pod.billed.iter().map(|span| span.within(Duration::ZERO, now)).sum();
        Self {
            id: pod.id.clone(),
            name: pod.facts.name.clone(),
            type_id: pod.compute.type_id(),
            billed: span(billed),
            cost: usd(pod.cost_usd(now)),
            status: pod.status(now).name(),
        }
    }
}
