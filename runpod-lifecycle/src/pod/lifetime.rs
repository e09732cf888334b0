//! The lifetime of a pod, as its environment says.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use humantime::format_rfc3339_millis;
use runpod_api::Secret;

use crate::{Pod, pod::time::writable, word::words};

/// The environment variable that carries the end of a pod's lifetime, RFC 3339.
const EXPIRES_AT: &str = "RUNPOD_LIFECYCLE_EXPIRES_AT";
/// The environment variable that carries its length in seconds, for a pod that is started after its end.
const LENGTH: &str = "RUNPOD_LIFECYCLE_LIFETIME_SECONDS";
/// The environment variable that carries what happens at its end.
const AT_END: &str = "RUNPOD_LIFECYCLE_AT_END";
/// The longest after its lifetime began that a pod may be created by the same create: rate limits hold one back, and
/// clocks differ. A pod that was created later has another one's lifetime.
const LATEST: Duration = Duration::from_secs(600);
/// A century: what no pod outlives, and RFC 3339 can still write.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Policy of [`reap`](crate::RunPod::reap) for a pod whose lifetime is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AtEnd {
    /// Terminates it with its pod volume if it runs. One that is stopped or failed by then and has a pod volume is
    /// reported instead, and kept. The default.
    #[default]
    Terminate,
    /// Stops it: its pod volume is kept, and goes on billing. Without a pod volume nothing of it is left but
    /// its name.
    Stop,
}

words!(
    AtEnd,
    "end of a lifetime",
    Terminate => "terminate",
    Stop => "stop",
);

/// A lifetime as it is written into a pod's environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    end: SystemTime,
    /// `None` if the environment does not say.
    length: Option<Duration>,
    at_end: AtEnd,
}

impl Lifetime {
    /// Begins a lifetime of at most a century.
    pub(crate) fn from(now: SystemTime, length: Duration, at_end: AtEnd) -> Self {
        let length = length.min(LONGEST);
        Self { end: now + length, length: Some(length), at_end }
    }

    /// Writes into an environment that a pod has none, also where a template that was saved from another pod
    /// says otherwise: its variables are kept unless they are set.
    pub(crate) fn write_none(env: &mut BTreeMap<String, Secret>) {
        for name in [EXPIRES_AT, LENGTH, AT_END] {
            env.insert(name.to_owned(), "".into());
        }
    }

    /// Writes it into an environment.
    pub(crate) fn write(self, env: &mut BTreeMap<String, Secret>) {
        env.insert(EXPIRES_AT.to_owned(), format_rfc3339_millis(writable(self.end)).to_string().into());
        if let Some(length) = self.length {
            env.insert(LENGTH.to_owned(), length.as_secs_f64().to_string().into());
        }
        if self.at_end == AtEnd::Stop {
            env.insert(AT_END.to_owned(), "stop".into());
        }
    }

    /// Returns true if another one is as long and ends the same way.
    pub(crate) fn is_like(self, other: Self) -> bool {
        (self.length, self.at_end) == (other.length, other.at_end)
    }

    /// Reads the lifetime of a pod; `None` if it has none.
    pub(crate) fn read(pod: &Pod) -> Option<Self> {
        Self::written(&pod.env, pod.created())
    }

    /// Reads what is written into the environment of a pod that was created then.
    pub(crate) fn written(env: &BTreeMap<String, Secret>, created: Option<SystemTime>) -> Option<Self> {
        let text = |name: &str| env.get(name).map(Secret::expose);
        let end = humantime::parse_rfc3339(text(EXPIRES_AT)?).ok()?;
        let seconds = text(LENGTH).and_then(|text| text.parse().ok());
        let written = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        // Pods of before the length was written: they were created when their lifetime began.
        let length = written.or_else(|| end.duration_since(created?).ok()).map(|it| it.min(LONGEST));
        let at_end = match text(AT_END) {
            Some("stop") => AtEnd::Stop,
            _ => AtEnd::Terminate,
        };
        Some(Self { end, length, at_end })
    }
}

impl Pod {
    /// Returns true if it has a lifetime that its environment, as shown, does not tell.
    pub(crate) fn hides_lifetime(&self) -> bool {
        let is_written = self.env.get(EXPIRES_AT).is_some_and(|end| !end.expose().trim().is_empty());
        is_written && Lifetime::read(self).is_none()
    }

    /// Returns when its [lifetime](crate::PodSpec::lifetime) ends; `None` if it has none.
    ///
    /// A pod that was started after its end has a new one: that start and its lifetime once more.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        let lifetime = Lifetime::read(self)?;
        let started = self.started().filter(|started| *started > lifetime.end);
        Some(started.zip(lifetime.length).map_or(lifetime.end, |(started, length)| started + length))
    }

    /// Returns what happens at the end of its lifetime; `None` if it has none.
    #[must_use]
    pub fn at_end(&self) -> Option<AtEnd> {
        Lifetime::read(self).map(|lifetime| lifetime.at_end)
    }

    /// Returns true if its lifetime began well before it was created: it is another pod's, handed on by a
    /// template or a copy.
    pub(crate) fn has_anothers_lifetime(&self) -> bool {
        let began = Lifetime::read(self).and_then(|lifetime| lifetime.end.checked_sub(lifetime.length?));
        began.zip(self.created()).is_some_and(|(began, created)| created > began + LATEST)
    }

    /// Returns the end it gets by being started at `now`, if its present one is over by then.
    pub(crate) fn renewed_by_start(&self, now: SystemTime) -> Option<SystemTime> {
        let length = Lifetime::read(self)?.length?;
        (self.expires_at()? <= now).then(|| now + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SystemTime {
        humantime::parse_rfc3339(text).expect("it is a time")
    }

    fn pod(env: &[(&str, &str)], created_at: &str, started_at: Option<&str>) -> Pod {
        Pod {
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect(),
            created_at: Some(created_at.to_owned()),
            started_at: started_at.map(str::to_owned),
            ..Pod::scripted("k3x9q2m7v1b8z5", "RUNNING", false)
        }
    }

    #[test]
    fn a_start_after_the_end_begins_a_new_lifetime() {
        const END: (&str, &str) = (EXPIRES_AT, "2026-08-20T07:00:00Z");
        const HOUR: (&str, &str) = (LENGTH, "3600");
        const CREATED: &str = "2026-08-20T06:00:00Z";
        type Env = &'static [(&'static str, &'static str)];
        let table: [(Env, &str, Option<&str>, Option<&str>); 9] = [
            (&[], CREATED, None, None),
            (&[(EXPIRES_AT, "soon")], CREATED, None, None),
            (&[END, HOUR], CREATED, None, Some("2026-08-20T07:00:00Z")),
            (&[END, HOUR], CREATED, Some("2026-08-20T06:01:00Z"), Some("2026-08-20T07:00:00Z")),
            (&[END, HOUR], CREATED, Some("2026-08-20T09:00:00Z"), Some("2026-08-20T10:00:00Z")),
            (&[END], CREATED, Some("2026-08-20T09:00:00Z"), Some("2026-08-20T10:00:00Z")),
            (&[END], "?", Some("2026-08-20T09:00:00Z"), Some("2026-08-20T07:00:00Z")),
            (&[END, (LENGTH, "-1")], CREATED, Some("2026-08-20T09:00:00Z"), Some("2026-08-20T10:00:00Z")),
            (&[END, (LENGTH, "1e300")], "?", Some("2026-08-20T09:00:00Z"), Some("2026-08-20T07:00:00Z")),
        ];
        for (env, created_at, started_at, end) in table {
            let pod = pod(env, created_at, started_at);
            assert_eq!(pod.expires_at(), end.map(at), "{env:?} {created_at} {started_at:?}");
        }
    }

    #[test]
    fn a_lifetime_that_began_well_before_its_pod_is_another_pods() {
        const END: (&str, &str) = (EXPIRES_AT, "2026-08-20T07:00:00Z");
        const HOUR: (&str, &str) = (LENGTH, "3600");
        type Env = &'static [(&'static str, &'static str)];
        let table: [(Env, &str, bool); 10] = [
            (&[END, HOUR], "2026-08-20T06:00:00Z", false),
            (&[END, HOUR], "2026-08-20T05:00:00Z", false),
            (&[END, HOUR], "2026-08-20T06:10:00Z", false),
            (&[END, HOUR], "2026-08-20T06:10:01Z", true),
            (&[END, HOUR], "2026-09-20T06:00:00Z", true),
            (&[END, HOUR], "?", false),
            (&[END], "2026-09-20T06:00:00Z", false),
            (&[END, (LENGTH, "9e9")], "2026-09-20T06:00:00Z", true),
            (&[END, (LENGTH, "1e300")], "2026-09-20T06:00:00Z", false),
            (&[HOUR], "2026-09-20T06:00:00Z", false),
        ];
        for (env, created_at, is_anothers) in table {
            let pod = pod(env, created_at, None);
            assert_eq!(pod.has_anothers_lifetime(), is_anothers, "{env:?} {created_at}");
        }
    }

    #[test]
    fn no_lifetime_is_read_as_none() {
        let mut pod = pod(&[], "2026-08-20T06:00:00Z", None);
        Lifetime::write_none(&mut pod.env);
        assert_eq!((pod.env.len(), Lifetime::read(&pod), pod.at_end()), (3, None, None));
    }

    #[test]
    fn a_lifetime_is_read_as_it_was_written() {
        let now = at("2026-08-20T06:00:00Z");
        for (length, at_end) in
            [(Duration::from_millis(1500), AtEnd::Stop), (Duration::MAX, AtEnd::Terminate)]
        {
            let mut pod = pod(&[], "?", None);
            let lifetime = Lifetime::from(now, length, at_end);
            lifetime.write(&mut pod.env);
            assert_eq!(Lifetime::read(&pod), Some(lifetime));
        }
    }
}
