//! The pods of a view, a page at a time.

use std::time::Duration;

use askama::Template;

use super::{card::Card, view::View};
use crate::world::{
    App,
    account::Account,
    pod::{Pod, PodStatus},
};

/// The most cards on one page.
const CARDS: usize = 20;

#[derive(Template)]
#[template(path = "pods.html")]
pub(super) struct PodsSection {
    counts: String,
    cards: Vec<Card>,
    url: String,
    /// Address, words and whether it is the present one; empty if one page shows all.
    pages: Vec<(String, String, bool)>,
}

impl PodsSection {
    pub(super) fn of(app: &App, account: &Account, view: &View, now: Duration) -> Self {
        let with_status = account.pods().iter().map(|pod| (pod, pod.status(now)));
        let chosen: Vec<&Pod> =
            with_status.rev().filter(|(pod, status)| view.covers(pod, *status)).map(|(pod, _)| pod).collect();
        let last = chosen.len().div_ceil(CARDS).max(1);
        let page = view.page.clamp(1, last);
        let shown = chosen.iter().skip((page - 1) * CARDS).take(CARDS);
        Self {
            counts: counts(account, chosen.len(), now),
            cards: shown.map(|pod| Card::of(pod, view, now)).collect(),
            url: format!("http://{}", app.address),
            pages: pages(view, page, last),
        }
    }
}

/// The number of pods in each status, and of those in the view.
fn counts(account: &Account, chosen: usize, now: Duration) -> String {
    use PodStatus as S;
    let all = [S::Provisioning, S::Starting, S::Running, S::Exited, S::Error, S::Terminated];
    let statuses: Vec<S> = account.pods().iter().map(|pod| pod.status(now)).collect();
    let count = |status: &S| statuses.iter().filter(|known| *known == status).count();
    let of_each = all.iter().map(|status| (count(status), status)).filter(|(count, _)| *count > 0);
    let of_each: Vec<String> = of_each.map(|(count, status)| format!("{count} {status}")).collect();
    format!(
        "{chosen} shown; {}",
        if of_each.is_empty() { "none there".to_owned() } else { of_each.join(", ") }
    )
}

/// Links to the first, the neighbouring and the last pages.
fn pages(view: &View, page: usize, last: usize) -> Vec<(String, String, bool)> {
    let mut numbers = vec![1, page.saturating_sub(1).max(1), page, (page + 1).min(last), last];
    numbers.dedup();
    let link = |number: usize| (view.with_page(number), format!("page {number}"), number == page);
    if last == 1 { Vec::new() } else { numbers.into_iter().map(link).collect() }
}
