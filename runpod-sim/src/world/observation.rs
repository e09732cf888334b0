//! Observations: a pod as an answer shows it, with the lags of its parts.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::world::{
    behavior::{Behavior, EnvironmentMask},
    delay::Delay,
    pod::{Pod, Run},
};

/// The instants at which an answer shows the parts of one pod.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observation<'a> {
    pub(crate) behavior: &'a Behavior,
    pub(crate) now: Duration,
    /// Its name, its image and what else a caller can change.
    pub(crate) facts: Duration,
    pub(crate) status: Duration,
    pub(crate) endpoints: Duration,
    /// `None` before there was any environment to see.
    pub(crate) environment: Option<Duration>,
    pub(crate) mask: EnvironmentMask,
}

impl<'a> Observation<'a> {
    /// The answer to a change: everything as it is.
    pub(crate) fn exact(behavior: &'a Behavior, now: Duration) -> Self {
        let (environment, mask) = (Some(now), EnvironmentMask::Clear);
        Self { behavior, now, facts: now, status: now, endpoints: now, environment, mask }
    }

    /// The observation of a get; `None` while it does not know the pod.
    pub(crate) fn get(behavior: &'a Behavior, pod: &Pod, now: Duration) -> Option<Self> {
        let known = pod.created.saturating_add(behavior.get_lag.of(pod.grain ^ 1));
        (now >= known).then(|| Self::behind(behavior, pod, (now, now), EnvironmentMask::Clear))
    }

    /// The observation of a list; `None` while the pod is not in it, or no longer.
    pub(crate) fn list(behavior: &'a Behavior, pod: &Pod, now: Duration) -> Option<Self> {
        let lag = match behavior.twin_lag.filter(|_| pod.twin) {
            Some(lag) => lag.of(pod.grain ^ 2),
            None => behavior.list_lag.of(pod.grain ^ 2),
        };
        let at = now.checked_sub(age(behavior.list_age, pod, now))?;
        let listed = now >= pod.created.saturating_add(lag) && at >= pod.created && !pod.is_gone(at);
        listed.then(|| Self::behind(behavior, pod, (now, at), behavior.list_environment))
    }

    /// Lags do not add up: each part is as old as its own lag or as the whole answer, whichever is more.
    fn behind(
        behavior: &'a Behavior,
        pod: &Pod,
        (now, at): (Duration, Duration),
        mask: EnvironmentMask,
    ) -> Self {
        // A pod that can be seen at all is seen as it was at its create, at the earliest.
        let before = |lag: Delay, n| now.saturating_sub(lag.of(pod.grain ^ n)).min(at).max(pod.created);
        let environment =
            now.checked_sub(behavior.environment_lag.of(pod.grain ^ 5)).map(|known| known.min(at));
        Self {
            behavior,
            now,
            facts: at,
            status: before(behavior.status_lag, 3),
            endpoints: before(behavior.endpoint_lag, 4),
            environment: environment.filter(|at| *at >= pod.created),
            mask,
        }
    }

    /// The run whose public ports are shown, which may be over.
    pub(crate) fn run_with_ports<'p>(&self, pod: &'p Pod) -> Option<&'p Run> {
        let at = self.endpoints;
        if pod.is_gone(at) {
            return None;
        }
        let index = pod.run_at(at)?;
        let run = &pod.runs[index];
        if run.is_over(at) {
            return Some(run).filter(|run| self.behavior.exited_endpoints && run.had_ports());
        }
        let before = index.checked_sub(1).map(|before| &pod.runs[before]);
        let stale = self.now < run.boot.asked.saturating_add(self.behavior.stale_endpoints);
        let old = before.filter(|before| stale && before.had_ports());
        old.or(Some(run).filter(|run| run.boot.ports <= at))
    }

    /// The run whose runtime is shown, and the uptime it has.
    pub(crate) fn runtime<'p>(&self, pod: &'p Pod) -> Option<(&'p Run, Duration)> {
        let at = self.endpoints;
        let with_ports = self.run_with_ports(pod);
        let up = pod.up(at).filter(|run| run.boot.runtime <= at);
        let run = with_ports.or(up)?;
        // What was read last may be about the run before.
        let read = self.read(pod).min(at);
        let running = pod.runs.iter().rev().find(|run| run.boot.running <= read && run.boot.asked <= read);
        let uptime =
            running.map_or(Duration::ZERO, |run| run.uptime(read.min(run.ended.unwrap_or(Duration::MAX))));
        Some((run, uptime))
    }

    /// The last instant at which the uptime was read.
    fn read(&self, pod: &Pod) -> Duration {
        let period = self.behavior.uptime_period.as_nanos();
        if period == 0 {
            return self.now;
        }
        let age = self.now.saturating_sub(pod.created).as_nanos();
        self.now.saturating_sub(Duration::from_nanos(u64::try_from(age % period).unwrap_or(0)))
    }
}

/// The lag of a list about one pod: another draw for each second.
fn age(most: Duration, pod: &Pod, now: Duration) -> Duration {
    if most.is_zero() {
        return most;
    }
    let grain = pod.grain ^ now.as_secs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    most.mul_f64(StdRng::seed_from_u64(grain).random())
}
