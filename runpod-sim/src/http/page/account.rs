//! The account at a glance: time, money, rights and quotas.

use std::time::Duration;

use askama::Template;

use super::figures::{span, usd};
use crate::world::{
    App,
    account::Account,
    pod::{Pod, PodStatus},
};

#[derive(Template)]
#[template(path = "account.html")]
pub(super) struct AccountSection {
    wall: String,
    since: String,
    pace: String,
    balance: String,
    spent: String,
    rate: String,
    denied: String,
    forbidden: String,
    v1_retired: bool,
    violations: usize,
    windows: Vec<Window>,
}

struct Window {
    name: String,
    quota: u32,
    left: u32,
    /// The time until it starts anew; empty if it has not begun.
    anew: String,
}

impl AccountSection {
    pub(super) fn of(app: &App, account: &Account, now: Duration) -> Self {
        let up = account.pods().iter().filter(|pod| pod.status(now) != PodStatus::Terminated);
        let spent = account.spent(now);
        Self {
            // Tenths of seconds would change each time that somebody looks.
            wall: app.clock.date(now),
            since: span(now),
            pace: pace(app.clock.scale()),
            balance: account.balance(now).map_or("unlimited".to_owned(), usd),
            spent: usd(spent),
            rate: usd(up.map(Pod::usd_per_hour).sum()),
            denied: account.denied.iter().map(|area| area.words()).collect::<Vec<_>>().join(", "),
            forbidden: account.forbidden.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
            v1_retired: account.v1_retired,
            violations: account.contract_violations.len(),
            windows: windows(account, now),
        }
    }
}

fn pace(scale: f64) -> String {
    if scale == 0.0 { "stands still".to_owned() } else { format!("{scale} × real time") }
}

fn windows(account: &Account, now: Duration) -> Vec<Window> {
    let window = account.limits.windows(now).map(|(window, left, reset)| Window {
        name: window.name.clone(),
        quota: window.quota,
        left,
        anew: if reset.is_zero() { String::new() } else { span(reset) },
    });
    window.collect()
}
