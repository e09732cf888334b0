//! A pod's life: its moments, and the phases between them.

use std::time::Duration;

use crate::world::{
    boot::Fate,
    pod::{Pod, Run},
};

/// A moment of a pod's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: Duration,
    pub(super) kind: MomentKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MomentKind {
    Created,
    Machine,
    Running,
    Failed,
    Endpoints,
    Ready,
    ContainerExit,
    Stopped,
    Started,
    Restarted,
    Ended,
}

impl MomentKind {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Machine => "has a machine, bills",
            Self::Running => "running",
            Self::Failed => "the container cannot run",
            Self::Endpoints => "has endpoints",
            Self::Ready => "ready: all of it answers",
            Self::ContainerExit => "the container exited and started again",
            Self::Stopped => "stopped, bills no more",
            Self::Started => "started again",
            Self::Restarted => "restarted",
            Self::Ended => "ended",
        }
    }

    /// The phase that begins with it.
    pub(super) fn phase(self) -> &'static str {
        match self {
            Self::Created | Self::Started => "waiting",
            Self::Machine | Self::Restarted => "starting",
            Self::Running | Self::Endpoints | Self::ContainerExit => "running",
            Self::Failed => "error",
            Self::Ready => "ready",
            Self::Stopped | Self::Ended => "stopped",
        }
    }
}

/// Every moment of a pod's life, oldest first, those to come included.
pub(super) fn moments(pod: &Pod, now: Duration) -> Vec<Moment> {
    let moment = |at, kind| Moment { at, kind };
    let end = pod.terminated.unwrap_or(Duration::MAX);
    let mut life = vec![moment(pod.created, MomentKind::Created)];
    let mut before: Option<Duration> = None;
    for (index, run) in pod.runs.iter().enumerate() {
        let over = run.ended.unwrap_or(Duration::MAX).min(end);
        if index > 0 {
            let kept_up = before == Some(run.boot.asked);
            let kind = if kept_up { MomentKind::Restarted } else { MomentKind::Started };
            life.push(moment(run.boot.asked, kind));
        }
        life.extend(of_run(run, index == 0, now).into_iter().filter(|moment| moment.at < over));
        let restarts = pod.runs.get(index + 1).is_some_and(|next| run.ended == Some(next.boot.asked));
        if over < end && !restarts {
            life.push(moment(over, MomentKind::Stopped));
        }
        before = run.ended;
    }
    life.extend(pod.terminated.map(|at| moment(at, MomentKind::Ended)));
    life.sort_by_key(|moment| moment.at);
    life
}

/// The moments of one boot.
fn of_run(run: &Run, is_first: bool, now: Duration) -> Vec<Moment> {
    let boot = &run.boot;
    let running = if boot.fate == Fate::Fails { MomentKind::Failed } else { MomentKind::Running };
    // A later run may have the machine of the one before.
    let assigned = is_first || boot.assigned > boot.asked;
    let parts = [
        Some((boot.assigned, MomentKind::Machine)).filter(|_| assigned),
        Some((boot.running, running)),
        Some((boot.ports, MomentKind::Endpoints)),
        boot.usable().map(|at| (at, MomentKind::Ready)),
        run.endpoints.restarted(now).map(|at| (at, MomentKind::ContainerExit)),
    ];
    let reached = parts.into_iter().flatten().filter(|(at, _)| *at < Duration::MAX);
    reached.map(|(at, kind)| Moment { at, kind }).collect()
}

/// A phase of a life as a part of its bar, which is 1000 wide.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) phase: &'static str,
    pub(super) from: u32,
    pub(super) width: u32,
}

/// The phases of a life so far.
pub(super) fn parts(life: &[Moment], now: Duration) -> Vec<Part> {
    let past: Vec<&Moment> = life.iter().filter(|moment| moment.at <= now).collect();
    let Some(first) = past.first().map(|moment| moment.at) else { return Vec::new() };
    let ended = past.last().filter(|last| last.kind == MomentKind::Ended);
    let whole = ended.map_or(now, |last| last.at).saturating_sub(first).as_secs_f64().max(f64::MIN_POSITIVE);
    let place = |at: Duration| (at.saturating_sub(first).as_secs_f64() / whole * 1000.0).clamp(0.0, 1000.0);
    let ends = past.iter().skip(1).map(|moment| moment.at).chain([now]);
    let phases = past.iter().zip(ends).map(|(moment, to)| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        let (from, to) = (place(moment.at).round() as u32, place(to).round() as u32);
        Part { phase: moment.kind.phase(), from, width: to - from }
    });
    phases.filter(|part| part.width > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, kind: MomentKind) -> Moment {
        Moment { at: Duration::from_secs(seconds), kind }
    }

    #[test]
    fn phases_fill_the_bar_up_to_now_or_to_the_end() {
        use MomentKind as K;
        let life = [at(10, K::Created), at(20, K::Machine), at(40, K::Running), at(60, K::Ready)];
        let part = |phase, from, width| Part { phase, from, width };
        assert_eq!(parts(&life, Duration::from_secs(10)), []);
        assert_eq!(
            parts(&life, Duration::from_secs(30)),
            [part("waiting", 0, 500), part("starting", 500, 500)],
            "what is to come is not in it"
        );
        let ended = [at(0, K::Created), at(5, K::Machine), at(10, K::Ended)];
        let whole = [part("waiting", 0, 500), part("starting", 500, 500)];
        assert_eq!(parts(&ended, Duration::from_secs(1000)), whole, "nothing comes after the end");
    }
}
