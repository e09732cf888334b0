//! Lines of a pod's log, computed from its runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    faults::{BootStage, Cause},
    world::{
        boot::{
            Boot,
            Fate::{self, CannotStart},
        },
        pod::{Pod, Run},
    },
};

/// Image layers, and with them lines of a pull.
const LAYERS: u32 = 6;
/// Simulated time between two lines of a healthy container.
const BEAT: Duration = Duration::from_secs(5);
/// The most lines a log returns at once.
const MOST: u128 = 5000;
/// Beats are told apart from the lines of the boot by these few nanoseconds, so that every line has its own instant.
const BEAT_OFFSET: Duration = Duration::from_nanos(100);
const END_OFFSET: Duration = Duration::from_nanos(200);

/// Lines of one moment are spread over less than this.
pub(crate) const INSTANT: Duration = Duration::from_nanos(999);

/// The writer of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Container,
    System,
}

/// A line of a pod's log. No two lines of a pod have the same instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) at: Duration,
    pub(crate) source: Source,
    pub(crate) text: String,
}

/// The lines of a pod after `after` and up to `until`, oldest first.
pub(crate) fn lines(pod: &Pod, after: Option<Duration>, until: Duration) -> Vec<Line> {
    let wanted = |line: &Line| line.at <= until && after.is_none_or(|after| line.at > after);
    let mut all: Vec<Line> = Vec::new();
    for Run { boot, ended, .. } in &pod.runs {
        let end = ended.unwrap_or(Duration::MAX);
        all.extend(boot_lines(pod, boot).into_iter().filter(|line| line.at < end).filter(wanted));
        all.extend(beats(pod, boot, after, until.min(end)).filter(|line| line.at < end));
        all.extend(ended.map(|at| system(at, END_OFFSET, "stop container".to_owned())).filter(wanted));
    }
    // sshd is up long after the container's first lines, and whoever resumes goes by the last line's instant.
    all.sort_by_key(|line| line.at);
    all
}

/// The instant the next line after `after` is due; `None` when none is.
pub(crate) fn next(pod: &Pod, after: Duration) -> Option<Duration> {
    let boot = &pod.runs.last().filter(|run| run.ended.is_none() && pod.terminated.is_none())?.boot;
    let fixed = boot_lines(pod, boot).into_iter().map(|line| line.at).filter(|at| *at > after).min();
    let beat = beat(boot).and_then(|period| {
        let past = after.saturating_sub(boot.running).as_nanos() / period.as_nanos().max(1);
        let candidates = (past..past + 3).filter_map(|k| beat_at(boot, period, k.max(1)));
        candidates.filter(|at| *at > after).min()
    });
    fixed.into_iter().chain(beat).min().filter(|at| *at < Duration::MAX)
}

fn system(at: Duration, offset: Duration, text: String) -> Line {
    Line { at: at.saturating_add(offset), source: Source::System, text }
}

/// Lines that the machine and the container write once in a boot.
fn boot_lines(pod: &Pod, boot: &Boot) -> Vec<Line> {
    let image = &pod.facts.image;
    let mut lines = vec![(boot.assigned, Source::System, format!("create container {image}"))];
    if pod.runs.first().is_some_and(|first| first.boot.asked == boot.asked) {
        lines.push((boot.assigned, Source::System, format!("pulling image {image}")));
        let layers = if arrives(boot.fate) { LAYERS } else { 0 };
        for layer in 1..=layers {
            let at = boot.assigned.saturating_add(boot.pull * layer / (LAYERS + 1));
            lines.push((at, Source::System, format!("image layer {layer} of {LAYERS} complete")));
        }
    }
    let able = able(boot);
    let ready = if arrives(boot.fate) { boot.running } else { able };
    lines.push((ready, Source::System, format!("image {image} is ready")));
    match boot.fate {
        Fate::Stuck(BootStage::Provisioning | BootStage::Starting) => {}
        Fate::Fails => lines.push((boot.running, Source::System, "cannot start the container".to_owned())),
        _ => {
            lines.push((able, Source::System, "start container".to_owned()));
            lines.push((able, Source::Container, "container started".to_owned()));
            if pod.sshd {
                lines.push((boot.listening, Source::Container, "sshd listens on port 22".to_owned()));
            }
        }
    }
    let numbered = lines.into_iter().zip(0..);
    numbered
        .filter(|((at, _, _), _)| *at < Duration::MAX)
        .map(|((at, source, text), n)| Line { at: at.saturating_add(Duration::from_nanos(n)), source, text })
        .collect()
}

/// True if the image is there by the time the pod is RUNNING.
fn arrives(fate: Fate) -> bool {
    use Cause as C;
    let CannotStart { cause, .. } = fate else { return true };
    !matches!(cause, C::PullDenied | C::ImageMissing | C::LayerMissing | C::NoSpace)
}

/// The instant the container really starts; `Duration::MAX` when it never does.
fn able(boot: &Boot) -> Duration {
    match boot.fate {
        CannotStart { healing, .. } => boot.running.saturating_add(healing.unwrap_or(Duration::MAX)),
        _ => boot.running,
    }
}

/// The time between two repeated lines of a boot; `None` when nothing repeats.
fn beat(boot: &Boot) -> Option<Duration> {
    match boot.fate {
        Fate::ExitLoop { every } => Some(every),
        Fate::Sound | CannotStart { .. } | Fate::Stuck(BootStage::Ports | BootStage::Listening) => Some(BEAT),
        Fate::Fails | Fate::Stuck(_) => None,
    }
}

fn beat_at(boot: &Boot, period: Duration, k: u128) -> Option<Duration> {
    let nanos = u64::try_from(period.as_nanos().checked_mul(k)?).ok()?;
    boot.running.checked_add(Duration::from_nanos(nanos))?.checked_add(BEAT_OFFSET)
}

/// The repeated lines of a boot, the newest 5,000 at most.
fn beats(pod: &Pod, boot: &Boot, after: Option<Duration>, until: Duration) -> impl Iterator<Item = Line> {
    let period = beat(boot).unwrap_or(Duration::MAX);
    let count = |at: Duration| at.saturating_sub(boot.running).as_nanos() / period.as_nanos().max(1);
    let last = count(until) + 1;
    let first = after.map_or(1, count).max(1).max(last.saturating_sub(MOST));
    let boot = *boot;
    let repeats =
        if boot.running == Duration::MAX || beat(&boot).is_none() { first..first } else { first..last + 1 };
    repeats
        .filter_map(move |k| Some((k, beat_at(&boot, period, k)?)))
        .filter(move |(_, at)| *at <= until && after.is_none_or(|after| *at > after))
        .map(move |(k, at)| match boot.fate {
            Fate::ExitLoop { .. } => {
                system(at, Duration::ZERO, "container exited with code 1: restarting".into())
            }
            CannotStart { cause, .. } if at < able(&boot) => {
                system(at, Duration::ZERO, cause.line(&pod.facts.image))
            }
            _ => Line { at, source: Source::Container, text: format!("still working, step {k}") },
        })
}
