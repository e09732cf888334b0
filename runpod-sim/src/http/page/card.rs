//! A pod as a card.

use std::time::Duration;

use askama::Template;

use super::{
    figures::{span, usd},
    life::{self, Moment, MomentKind, Part},
    sections::render,
    view::View,
};
use crate::world::{
    catalog::Cloud,
    endpoints::inner,
    pod::{Pod, PodStatus},
    port::PortKind,
};

/// A pod as its card shows it.
pub(super) struct Card {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) link: String,
    pub(super) chosen: bool,
    /// The phase it is in, which its color stands for.
    pub(super) phase: &'static str,
    pub(super) state: String,
    pub(super) locked: bool,
    pub(super) age: String,
    pub(super) cost: String,
    pub(super) compute: String,
    pub(super) place: String,
    pub(super) endpoints: Vec<String>,
    /// Its life so far, as a bar.
    pub(super) bar: String,
}

impl Card {
    pub(super) fn of(pod: &Pod, view: &View, now: Duration) -> Self {
        let life = life::moments(pod, now);
        let last = life.iter().rfind(|moment| moment.at <= now);
        let until = pod.terminated.unwrap_or(now);
        let (cloud, rate) = (pod.place.cloud, pod.usd_per_hour());
        Self {
            id: pod.id.clone(),
            name: pod.facts.name.clone(),
            link: view.with_pod(&pod.id),
            chosen: view.pod == pod.id,
            phase: last.map_or("waiting", |moment| moment.kind.phase()),
            state: state(pod.status(now), last),
            locked: pod.facts.locked,
            age: span(until.saturating_sub(pod.created)),
            cost: format!("{} at {} an hour", usd(pod.cost_usd(now)), usd(rate)),
            compute: format!("{} × {}", pod.compute().units(), pod.compute.type_id()),
            place: format!(
                "{}, {}",
                pod.place.data_center,
                if cloud == Cloud::Secure { "secure" } else { "community" }
            ),
            endpoints: endpoints(pod, now),
            bar: bar(&life, now),
        }
    }
}

/// The status as the API has it, and what it leaves open.
fn state(status: PodStatus, last: Option<&Moment>) -> String {
    match (status, last.map(|moment| moment.kind)) {
        (PodStatus::Running, Some(MomentKind::Ready)) => "RUNNING, ready".to_owned(),
        (PodStatus::Running, _) => "RUNNING, not ready".to_owned(),
        _ => status.name().to_owned(),
    }
}

fn endpoints(pod: &Pod, now: Duration) -> Vec<String> {
    let ends = pod.reachable(now).into_iter().flat_map(|run| run.endpoints.iter());
    let shown = ends.map(|end| match end.port.kind {
        PortKind::Http => format!("{} http://{}", inner(end), end.public),
        kind => format!("{}/{} {}", inner(end), kind.name(), end.public),
    });
    shown.collect()
}

#[derive(Template)]
#[template(path = "bar.html")]
struct Bar {
    words: String,
    parts: Vec<Part>,
}

fn bar(life: &[Moment], now: Duration) -> String {
    let past = life.iter().filter(|moment| moment.at <= now).map(|moment| moment.kind.words());
    render(&Bar { words: past.collect::<Vec<_>>().join(", "), parts: life::parts(life, now) })
}
