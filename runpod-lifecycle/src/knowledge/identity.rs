//! The owner of a pod: one answer for deploys, searches by name, twins and reaps.

use std::time::{Duration, SystemTime};

use crate::Pod;

/// The difference that RunPod's own clocks may show between a create and its pod's `createdAt`.
const SLACK: Duration = Duration::from_secs(5);
/// The latest after its answer that a create may still make a pod that counts as its own.
const LATEST: Duration = Duration::from_secs(15);

/// The owner of a pod, as far as what was seen of it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// A pod of this deployment.
    Ours,
    /// Nothing that was seen says otherwise, and something that would prove it was not shown.
    MayBeOurs,
    /// Another deployment's, or not made by a deployment at all.
    SomebodyElses,
}

/// The relation of a pod to the pod of a deployment that is to be the only one of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// Nothing: another name, or created later, so that it is the one to give way.
    None,
    /// A second pod of the same deployment.
    Twin,
    /// Another deployment's pod, created earlier.
    Earlier,
    /// A pod of the name that no deployment made.
    Foreign,
    /// Something that would tell was not shown.
    Unclear,
}

/// The marks by which the pods of one deployment are told.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) name: String,
    pub(crate) marker: String,
    /// When its creates may have made a pod; `None` while they may still, or if RunPod's clock is not known.
    pub(crate) window: Option<Window>,
}

impl Claim {
    /// Tells whose a pod is. The environment can be copied into another pod, so the marker alone is no
    /// proof: a copy has another name, or was made at another time.
    pub(crate) fn whose(&self, pod: &Pod) -> Whose {
        let marker = match pod.marker() {
            Some(marker) => Some(marker == self.marker),
            None if hides_environment(pod) => None,
            None => Some(false),
        };
        let time = self.window.map_or(Some(true), |window| window.holds(pod.created()));
        match (bears(pod, &self.name), marker, time) {
            (Some(false), ..) | (_, Some(false), _) | (.., Some(false)) => Whose::SomebodyElses,
            (Some(true), Some(true), Some(true)) => Whose::Ours,
            // A copy of its environment may hide its name.
            _ => Whose::MayBeOurs,
        }
    }

    /// Tells what another pod is to the deployment's own, created at `created_at` if that was shown. Of two pods
    /// with one `createdAt` the one with the smaller id is the earlier.
    pub(crate) fn relation(&self, pod: &Pod, created_at: Option<SystemTime>, id: &str) -> Relation {
        match (self.whose(pod), bears(pod, &self.name), pod.marker()) {
            (_, Some(false), _) => Relation::None,
            (Whose::Ours, ..) => Relation::Twin,
            (Whose::MayBeOurs, ..) => Relation::Unclear,
            // A copy of the deployment's own environment.
            (_, _, Some(marker)) if marker == self.marker => Relation::None,
            (_, _, None) if !hides_environment(pod) => match bears(pod, &self.name) {
                Some(true) => Relation::Foreign,
                _ => Relation::Unclear,
            },
            (_, name, marker) => match pod.created().zip(created_at) {
                Some((theirs, ours)) if (theirs, pod.id.as_str()) > (ours, id) => Relation::None,
                Some(_) if name.is_some() && marker.is_some() => Relation::Earlier,
                _ => Relation::Unclear,
            },
        }
    }

    /// Tells what the answer to an accepted create is about.
    pub(crate) fn answered(&self, pod: &Pod) -> Answered {
        match (bears(pod, &self.name), pod.marker()) {
            _ if pod.id.is_empty() => Answered::Nobody,
            (Some(false), _) => Answered::AnotherPod,
            (_, Some(marker)) if marker != self.marker => Answered::AnotherPod,
            (_, Some(_)) => Answered::Ours,
            (_, None) => Answered::Unmarked,
        }
    }
}

/// The pod that the answer to an accepted create is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// The pod that was asked for.
    Ours,
    /// The pod that was asked for, without what this crate wrote into its environment.
    Unmarked,
    /// A pod of another name or deployment.
    AnotherPod,
    /// No pod: it has no id.
    Nobody,
}

/// The time in which a deployment's creates may have made pods, by RunPod's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// `None` while the marker alone says that it is not before, since nobody had it.
    from: Option<SystemTime>,
    to: SystemTime,
}

impl Window {
    /// The window of creates of which the last made a pod at `made_at`, and the first was sent `span` before.
    pub(crate) fn around(made_at: SystemTime, span: Duration) -> Self {
        let from = made_at.checked_sub(span + SLACK).unwrap_or(SystemTime::UNIX_EPOCH);
        Self { from: Some(from), to: made_at.checked_add(LATEST).unwrap_or(made_at) }
    }

    /// The window of creates of which the last was over at `ended_at`, and made a pod that is still looked for.
    pub(crate) fn until(ended_at: SystemTime) -> Self {
        Self { from: None, to: ended_at.checked_add(LATEST + SLACK).unwrap_or(ended_at) }
    }

    /// Returns whether a pod was made in it; `None` if it does not show when it was, and that matters.
    fn holds(self, made_at: Option<SystemTime>) -> Option<bool> {
        match made_at {
            Some(made_at) => Some(self.from.is_none_or(|from| from <= made_at) && made_at <= self.to),
            None => self.from.is_none().then_some(true),
        }
    }
}

/// Returns whether a pod has a name; `None` if none was shown.
pub(crate) fn bears(pod: &Pod, name: &str) -> Option<bool> {
    pod.name.as_deref().map(|own| own == name)
}

/// Returns true if no variable of a pod was shown, or only its name where this crate wrote a value, so that
/// nothing of ours could be told.
pub(crate) fn hides_environment(pod: &Pod) -> bool {
    pod.env.is_empty() || (pod.is_ours() && pod.marker().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pod::MARKER;

    const NAME: &str = "trainer";
    const M: &str = "0123456789abcdef0123456789abcdef";
    const N: &str = "fedcba9876543210fedcba9876543210";
    const MADE_AT: &str = "2026-08-20T06:16:19.430Z";

    fn pod(name: Option<&str>, env: &[(&str, &str)], created_at: Option<&str>) -> Pod {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let (name, created_at) = (name.map(str::to_owned), created_at.map(str::to_owned));
        Pod { name, env, created_at, ..Pod::scripted("k3x9q2m7v1b8z5", "RUNNING", false) }
    }

    fn claim(window: Option<Window>) -> Claim {
        Claim { name: NAME.to_owned(), marker: M.to_owned(), window }
    }

    #[test]
    fn a_pod_is_ours_by_name_marker_and_time_and_may_be_while_one_is_hidden() {
        use Whose::{MayBeOurs, Ours, SomebodyElses};
        const OWN: &[(&str, &str)] = &[(MARKER, M)];
        const OTHERS: &[(&str, &str)] = &[(MARKER, N)];
        const STARRED: &[(&str, &str)] = &[(MARKER, "********"), ("A", "********")];
        const WORD: &[(&str, &str)] = &[(MARKER, "<hidden>")];
        const NONE: &[(&str, &str)] = &[];
        const UNMARKED: &[(&str, &str)] = &[("A", "b")];
        let table = [
            (Some(NAME), OWN, Some(MADE_AT), Ours, Ours),
            (None, OWN, Some(MADE_AT), MayBeOurs, MayBeOurs),
            (Some("clone"), OWN, Some(MADE_AT), SomebodyElses, SomebodyElses),
            (Some(NAME), OTHERS, Some(MADE_AT), SomebodyElses, SomebodyElses),
            (Some(NAME), UNMARKED, Some(MADE_AT), SomebodyElses, SomebodyElses),
            (Some(NAME), NONE, Some(MADE_AT), MayBeOurs, MayBeOurs),
            (None, NONE, Some(MADE_AT), MayBeOurs, MayBeOurs),
            (Some(NAME), STARRED, Some(MADE_AT), MayBeOurs, MayBeOurs),
            (Some(NAME), WORD, Some(MADE_AT), MayBeOurs, MayBeOurs),
            (Some("other"), STARRED, Some(MADE_AT), SomebodyElses, SomebodyElses),
            (Some("other"), NONE, Some(MADE_AT), SomebodyElses, SomebodyElses),
            (Some(NAME), OWN, Some("2026-08-20T06:15:59Z"), SomebodyElses, Ours),
            (Some(NAME), OWN, Some("2026-08-20T06:16:05Z"), Ours, Ours),
            (Some(NAME), OWN, Some("2026-08-20T06:16:34Z"), Ours, Ours),
            (Some(NAME), OWN, Some("2026-08-20T06:16:35Z"), SomebodyElses, Ours),
            (Some(NAME), NONE, Some("2026-08-20T09:16:35Z"), SomebodyElses, MayBeOurs),
            (Some(NAME), OWN, None, MayBeOurs, Ours),
            (Some(NAME), OWN, Some("yesterday"), MayBeOurs, Ours),
        ];
        // The same of a create whose pod is looked for: nothing is too early, and one thing is too late.
        let looked_for = [
            (Some("2026-08-20T06:15:59Z"), Ours),
            (Some("2026-08-20T06:16:39.429Z"), Ours),
            (Some("2026-08-20T06:16:39.431Z"), SomebodyElses),
            (None, Ours),
            (Some("yesterday"), Ours),
        ];
        let made_at = pod(None, NONE, Some(MADE_AT)).created().expect("it is a time");
        let window = Window::around(made_at, Duration::from_secs(10));
        for (created_at, expected) in looked_for {
            let claim = claim(Some(Window::until(made_at)));
            assert_eq!(claim.whose(&pod(Some(NAME), OWN, created_at)), expected, "{created_at:?}");
        }
        for (name, env, created_at, in_window, at_any_time) in table {
            let pod = pod(name, env, created_at);
            let row = format!("{name:?} {env:?} {created_at:?}");
            assert_eq!(claim(Some(window)).whose(&pod), in_window, "{row}");
            assert_eq!(claim(None).whose(&pod), at_any_time, "{row}, while creates may still make pods");
        }
    }

    #[test]
    fn of_two_deployments_of_one_name_the_earlier_stays_and_nobody_elses_pod_counts() {
        use Relation::{Earlier, Foreign, None as Nothing, Twin, Unclear};
        const OWN_ID: &str = "k3x9q2m7v1b8z5";
        const BEFORE: &str = "2026-08-20T06:16:19.429Z";
        const AFTER: &str = "2026-08-20T06:16:19.431Z";
        let table = [
            ("a", Some(NAME), Some(N), Some(BEFORE), Earlier, Unclear),
            ("z", Some(NAME), Some(N), Some(BEFORE), Earlier, Unclear),
            ("a", Some(NAME), Some(N), Some(MADE_AT), Earlier, Unclear),
            ("z", Some(NAME), Some(N), Some(MADE_AT), Nothing, Unclear),
            ("a", Some(NAME), Some(N), Some(AFTER), Nothing, Unclear),
            ("a", Some(NAME), Some(N), None, Unclear, Unclear),
            ("a", Some(NAME), Some(N), Some("yesterday"), Unclear, Unclear),
            ("a", Some("other"), Some(N), Some(BEFORE), Nothing, Nothing),
            ("a", Some("other"), Some(M), Some(BEFORE), Nothing, Nothing),
            ("a", None, Some(N), Some(BEFORE), Unclear, Unclear),
            ("a", None, Some(N), Some(AFTER), Nothing, Unclear),
            ("a", Some(NAME), Some(M), Some(BEFORE), Twin, Twin),
            ("a", Some(NAME), Some(M), Some("2026-08-20T09:16:19Z"), Nothing, Nothing),
            ("a", Some(NAME), Some("********"), Some(BEFORE), Unclear, Unclear),
            ("a", Some(NAME), None, Some(BEFORE), Foreign, Foreign),
            ("a", Some(NAME), None, Some(AFTER), Foreign, Foreign),
            ("a", Some(NAME), None, None, Foreign, Foreign),
            ("a", Some("other"), None, Some(BEFORE), Nothing, Nothing),
        ];
        let own = pod(None, &[], Some(MADE_AT)).created();
        let claim = claim(Some(Window::around(own.expect("it is a time"), Duration::from_secs(10))));
        for (id, name, marker, created_at, dated, undated) in table {
            let env: Vec<(&str, &str)> =
                marker.map(|marker| (MARKER, marker)).into_iter().chain([("A", "b")]).collect();
            let other = Pod { id: id.to_owned(), ..pod(name, &env, created_at) };
            let row = format!("{id} {name:?} {marker:?} {created_at:?}");
            assert_eq!(claim.relation(&other, own, OWN_ID), dated, "{row}");
            assert_eq!(claim.relation(&other, None, OWN_ID), undated, "{row}, and its own time is unknown");
        }
        let hidden = |created_at| pod(Some(NAME), &[], Some(created_at));
        assert_eq!(claim.relation(&hidden(BEFORE), own, OWN_ID), Unclear);
        assert_eq!(claim.relation(&hidden("2026-08-20T06:15:00Z"), own, OWN_ID), Unclear);
    }

    #[test]
    fn an_answer_about_another_name_or_marker_is_about_another_pod() {
        let table = [
            (Some(NAME), Some(M), Answered::Ours),
            (None, Some(M), Answered::Ours),
            (Some(NAME), None, Answered::Unmarked),
            (None, None, Answered::Unmarked),
            (Some(NAME), Some("********"), Answered::Unmarked),
            (Some("other"), Some(M), Answered::AnotherPod),
            (Some("other"), None, Answered::AnotherPod),
            (Some(NAME), Some(N), Answered::AnotherPod),
        ];
        for (name, marker, answered) in table {
            let env: Vec<(&str, &str)> = marker.map(|marker| (MARKER, marker)).into_iter().collect();
            assert_eq!(claim(None).answered(&pod(name, &env, None)), answered, "{name:?} {marker:?}");
        }
        let nobody = Pod { id: String::new(), ..pod(Some(NAME), &[(MARKER, M)], None) };
        assert_eq!(claim(None).answered(&nobody), Answered::Nobody);
    }
}
