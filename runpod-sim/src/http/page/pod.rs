//! One pod: its life beside its requests, its log and the way in.

use std::time::Duration;

use askama::Template;

use super::{
    card::Card,
    figures::{since, span},
    life::{self, Moment},
    requests::RequestRow,
    view::View,
};
use crate::world::{
    App,
    pod::{Action, Pod, PodStatus},
    port::Port,
};

#[derive(Template)]
#[template(path = "pod.html")]
pub(super) struct PodSection {
    /// The id that was asked for; empty for none.
    pub(super) wanted: String,
    pub(super) chosen: Option<ChosenPod>,
}

pub(super) struct ChosenPod {
    card: Card,
    image: String,
    actions: Vec<&'static str>,
    /// The address of the view without it.
    close: String,
    next: String,
    /// The command that logs in; empty if there is none.
    terminal: String,
    /// The reason for which there is no such command.
    no_terminal: &'static str,
    life: Vec<Entry>,
    log: Vec<String>,
}

/// A line of its life: a moment, or a request.
struct Entry {
    kind: &'static str,
    at: String,
    words: String,
    fault: &'static str,
}

impl ChosenPod {
    /// Returns true if an action cannot be undone.
    #[expect(clippy::unused_self, reason = "a template has no other way to the type")]
    fn ends(&self, action: &str) -> bool {
        action == Action::Terminate.name()
    }

    pub(super) fn of(
        app: &App,
        pod: &Pod,
        view: &View,
        seen: &[RequestRow],
        log: &[String],
        now: Duration,
    ) -> Self {
        let life = life::moments(pod, now);
        let status = pod.status(now);
        let all = [Action::Start, Action::Stop, Action::Restart, Action::Terminate];
        let terminal = if cfg!(feature = "ssh") { terminal(pod, now) } else { None };
        Self {
            card: Card::of(pod, view, now),
            image: pod.facts.image.clone(),
            actions: all.into_iter().filter(|action| action.suits(status)).map(Action::name).collect(),
            close: view.with_pod(""),
            next: next(&life, status, now),
            no_terminal: no_terminal(pod, app),
            terminal: terminal.unwrap_or_default(),
            life: entries(pod, &life, seen, now),
            log: log.iter().rev().cloned().collect(),
        }
    }
}

/// The command that logs in to it, once there is an address.
fn terminal(pod: &Pod, now: Duration) -> Option<String> {
    let run = pod.reachable(now).filter(|run| pod.sshd && run.boot.usable().is_some_and(|at| at <= now))?;
    let end = run.endpoints.of(Port::SSH)?.public;
    // The host key is another one after each start.
    let known = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";
    Some(format!("ssh {known} -p {} root@{}", end.port(), end.ip()))
}

/// The reason for which nobody can log in.
fn no_terminal(pod: &Pod, app: &App) -> &'static str {
    if !cfg!(feature = "ssh") {
        "No terminal: this simulator was built without the feature ssh, so port 22 greets and says nothing more."
    } else if !app.settings.real_endpoints {
        "No terminal: this simulator announces ports without opening them."
    } else if !pod.sshd {
        "No terminal: this pod starts no sshd; create it with startSsh and port 22/tcp."
    } else {
        "No terminal yet: its sshd is not up."
    }
}

/// The next step of its life, if nobody does anything.
fn next(life: &[Moment], status: PodStatus, now: Duration) -> String {
    let coming = life.iter().find(|moment| moment.at > now);
    match coming {
        Some(moment) => format!("Next: {}, in {}.", moment.kind.words(), span(moment.at.saturating_sub(now))),
        None if matches!(status, PodStatus::Provisioning | PodStatus::Starting) => {
            "Next: nothing; it is stuck.".to_owned()
        }
        None => "Next: nothing by itself.".to_owned(),
    }
}

/// Its moments so far and its requests, oldest first. At one instant a request for a change comes before what it brings about,
/// and any other after it.
fn entries(pod: &Pod, life: &[Moment], seen: &[RequestRow], now: Duration) -> Vec<Entry> {
    let requests = seen.iter().rev().map(|row| {
        let words = format!("{} → {} ({})", row.line, row.status, row.operation);
        let rank = if row.changes { 0 } else { 2 };
        ((row.instant, rank), Entry { kind: "request", at: String::new(), words, fault: row.fault })
    });
    let moments = life.iter().filter(|moment| moment.at <= now).map(|moment| {
        let words = moment.kind.words().to_owned();
        ((moment.at, 1), Entry { kind: "event", at: String::new(), words, fault: "" })
    });
    let mut all: Vec<((Duration, u8), Entry)> = requests.chain(moments).collect();
    all.sort_by_key(|(place, _)| *place);
    let dated =
        all.into_iter().map(|((at, _), entry)| Entry { at: since(at.saturating_sub(pod.created)), ..entry });
    dated.collect()
}
