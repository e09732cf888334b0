//! A watch on the account: one view, and what has been read for it so far.

use std::{sync::Arc, time::Duration};

use super::{
    account::AccountSection,
    faults::FaultsSection,
    figures::since,
    ledger::LedgerSection,
    pod::{ChosenPod, PodSection},
    pods::PodsSection,
    requests::{Recent, RequestsSection},
    sections::{Sections, render},
    stock::StockSection,
    view::View,
};
use crate::world::{
    App,
    account::Account,
    log::{self, Line},
};

/// The most requests that the log, and that a pod's life, shows.
const REQUESTS: usize = 30;
/// The most lines of a pod's log.
const LINES: usize = 40;

/// One view of the account, followed: logs are read from where they were left.
pub(super) struct Watch {
    app: Arc<App>,
    view: View,
    /// The instant of the last look, and the number of the last request that was read.
    looked: Duration,
    seen: u64,
    requests: Recent,
    /// The requests that concerned the chosen pod.
    of_pod: Recent,
    log: Vec<String>,
    log_seen: Option<Duration>,
}

impl Watch {
    pub(super) fn new(app: Arc<App>, view: View) -> Self {
        let (requests, of_pod) = (Recent::new(REQUESTS), Recent::new(REQUESTS));
        Self { app, view, looked: Duration::ZERO, seen: 0, requests, of_pod, log: Vec::new(), log_seen: None }
    }

    pub(super) fn view(&self) -> &View {
        &self.view
    }

    /// The sections as they are now. The account is let go before anything is written.
    pub(super) fn look(&mut self) -> Sections {
        let app = self.app.clone();
        let now = app.clock.now();
        let mut account = app.account();
        account.capacity.reach(now);
        self.read(&account, now);
        let overview = AccountSection::of(&app, &account, now);
        let pods = PodsSection::of(&app, &account, &self.view, now);
        let pod = self.chosen(&account, now);
        let (ledger, stock) = (LedgerSection::of(&account, now), StockSection::of(&account));
        let forgotten = account.journal.forgotten();
        drop(account);
        let rows = self.requests.rows().to_vec();
        Sections {
            account: render(&overview),
            pods: render(&pods),
            pod: render(&pod),
            requests: render(&RequestsSection { count: self.seen, forgotten, rows }),
            faults: render(&FaultsSection::of(&app.faults)),
            ledger: render(&ledger),
            stock: render(&stock),
        }
    }

    /// Reads what is new in the request log and in the chosen pod's.
    fn read(&mut self, account: &Account, now: Duration) {
        let journal = &account.journal;
        // Neither ever falls, unless the simulator begins anew.
        if now < self.looked || journal.count() < self.seen {
            (self.seen, self.log_seen) = (0, None);
            self.requests.clear();
            self.of_pod.clear();
            self.log.clear();
        }
        self.looked = now;
        let (choice, id) = (self.view.requests, self.view.pod.as_str());
        self.requests.read(journal, self.seen, |record| choice.covers(record));
        self.of_pod.read(journal, self.seen, |record| record.pod.as_deref() == Some(id));
        self.seen = journal.count();
        let Some(pod) = account.pod(id, now, Duration::MAX) else { return };
        let mut new = log::lines(pod, self.log_seen, now.saturating_add(log::INSTANT));
        new.sort_by_key(|line| line.at);
        self.log_seen = new.last().map(|line| line.at).or(self.log_seen);
        let kept = &new[new.len().saturating_sub(LINES)..];
        self.log.extend(kept.iter().map(|line| written(line, pod.created)));
        self.log.drain(..self.log.len().saturating_sub(LINES));
    }

    fn chosen(&self, account: &Account, now: Duration) -> PodSection {
        let pod = account.pod(&self.view.pod, now, Duration::MAX);
        let (seen, log) = (self.of_pod.rows(), &self.log);
        let chosen = pod.map(|pod| ChosenPod::of(&self.app, pod, &self.view, seen, log, now));
        PodSection { wanted: self.view.pod.clone(), chosen }
    }
}

fn written(line: &Line, created: Duration) -> String {
    let source = match line.source {
        log::Source::Container => "container",
        log::Source::System => "system",
    };
    format!("{} {source}: {}", since(line.at.saturating_sub(created)), line.text)
}
