//! A deploy that brought no pod, and what may bill on account of it.

use std::{fmt, time::Duration};

use humantime::format_duration;

use crate::{Candidate, Cloud, Error, ErrorKind, GaveWay, Hardware, Origin, PodHandle, SpecError, WaitError};

/// The fate of a pod after a wait or work that failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Aftermath {
    /// It was left running and bills.
    Kept,
    /// It was gone already, by the last poll.
    Gone,
    /// It was terminated.
    Terminated,
    /// It could not be terminated, and may bill.
    NotTerminated(Error),
}

impl fmt::Display for Aftermath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept => f.write_str("it was kept and bills until it is terminated"),
            Self::Gone => f.write_str("nothing of it was left to end"),
            Self::Terminated => f.write_str("it was terminated"),
            Self::NotTerminated(error) => write!(f, "it may bill, since terminating it failed: {error}"),
        }
    }
}

/// A candidate that RunPod refused.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The hardware it was.
    pub hardware: Hardware,
    /// The cloud it was asked for in.
    pub cloud: Cloud,
    /// RunPod's answer.
    pub error: Error,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?}): {}", self.hardware, self.cloud, self.words())
    }
}

impl Attempt {
    /// Returns true if it was an attempt at this candidate.
    pub(crate) fn is_of(&self, candidate: &Candidate) -> bool {
        (&self.hardware, self.cloud) == (&candidate.hardware, candidate.cloud)
    }

    /// RunPod's words.
    fn words(&self) -> String {
        match (self.error.message(), self.error.status()) {
            ("", Some(status)) => format!("RunPod answered {status}"),
            (message, _) => message.trim_end_matches('.').to_owned(),
        }
    }
}

/// A wait for stock that brought none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waited {
    /// From the deploy's first create to its end.
    pub duration: Duration,
    /// Times that creates were sent, the first included, each for one candidate or several.
    pub rounds: u32,
}

impl fmt::Display for Waited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = if self.rounds == 1 { "round" } else { "rounds" };
        let waited = format_duration(Duration::from_secs(self.duration.as_secs()));
        write!(f, "after {waited} of waiting for stock and {} {rounds} of creates", self.rounds)
    }
}

/// All attempts in the order tried, those that got the same words together.
pub(crate) fn grouped(attempts: &[Attempt]) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for attempt in attempts {
        let (words, what) = (attempt.words(), format!("{} ({:?})", attempt.hardware, attempt.cloud));
        match groups.iter_mut().find(|(known, _)| *known == words) {
            Some((_, group)) => group.push(what),
            None => groups.push((words, vec![what])),
        }
    }
    list(groups.into_iter().map(|(words, group)| format!("{}: {words}", group.join(", "))))
}

/// A deploy that brought no pod.
///
/// Its text says the whole: what was being done, what RunPod said, what to do. What the text has said is
/// not in its source again, which is what lies below it, such as a refused connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum DeployError {
    /// The spec is wrong. Nothing was sent but reads; no pod was created.
    Spec(SpecError),
    /// The name is in use: by one pod and [`IfExists::Fail`](crate::IfExists::Fail), or by several. This deploy has no pod.
    NameTaken {
        /// The name.
        name: String,
        /// The pods that have it.
        pods: Vec<PodHandle>,
        /// Deeds of this deploy until then, as clauses, such as that a pod which was to be replaced is gone. Usually empty.
        notes: Vec<String>,
    },
    /// The deploy was called off ([`WithPod::until`](crate::WithPod::until)) before its first create. No pod was created.
    CalledOff {
        /// The name of the pod that was to be.
        name: String,
        /// Deeds of this deploy until then, as clauses, such as that a pod which was to be replaced is gone. Usually empty.
        notes: Vec<String>,
    },
    /// Another deploy of this name through the same handle, or a clone of it, has not come to an end. This
    /// one created nothing.
    NameBusy {
        /// The name.
        name: String,
        /// The time for which the other one was waited for.
        waited: Duration,
    },
    /// RunPod could not be asked what is there, so no pod was deployed.
    Lookup(Error),
    /// The pod to be replaced is not proven gone, so no pod was deployed. It may still bill.
    NotReplaced(WaitError),
    /// The pod that has the name was to be started ([`IfExists::AdoptAndStart`](crate::IfExists)), and that failed. No pod was
    /// deployed.
    ///
    /// # Cost
    /// The pod is as it was, unless the source [may have been applied](Error::may_have_been_applied): then it may run.
    NotStarted {
        /// The pod's id.
        pod_id: String,
        /// The failure to start it.
        source: Error,
    },
    /// RunPod refused for a reason that no other candidate changes. No pod is left of this deploy.
    Refused(Error),
    /// Every candidate was refused, by RunPod or for its price ([`ErrorKind::OverPrice`]): a pod that cost too much is
    /// terminated. No pod is left of this deploy.
    AllRefused {
        /// The name of the pod that was to be.
        name: String,
        /// Each candidate with RunPod's last answer, in the order tried.
        attempts: Vec<Attempt>,
        /// Changes that would widen the search.
        suggestions: Vec<&'static str>,
        /// The wait for stock before the last of them; `None` without [`patience`](crate::PodSpec::patience), or if
        /// waiting would have changed nothing.
        waited: Option<Waited>,
        /// The ids of the pods that were to be replaced ([`IfExists::Replace`](crate::IfExists)): they are
        /// terminated and gone. Usually empty, or one.
        replaced: Vec<String>,
    },
    /// The pod was created or adopted and did not become ready; `aftermath` says what became of it.
    NotReady {
        /// The pod's id.
        pod_id: String,
        /// Its origin. Only a pod that this deploy created is ever terminated.
        origin: Origin,
        /// Its fate.
        aftermath: Aftermath,
        /// Why it is not ready.
        source: Box<WaitError>,
    },
    /// The pod was created and then given up during its first wait, since another deploy had made an earlier one
    /// of its name ([`IfExists::Fail`](crate::IfExists) and `Replace`), or could not be terminated
    /// after that.
    GaveWay(Box<GaveWay>),
    /// A create was sent, its answer was lost, and the search for the pod brought no certainty; or no list
    /// showed the pod for 15 s and no other create succeeded; or a pod cost too much and is terminated, and its create may
    /// have made a second one.
    ///
    /// # Cost
    /// A pod of this name may exist and bill. Search for it ([`find`](crate::RunPod::find)) before deploying again.
    Unclear {
        /// The name of the pod that may exist.
        name: String,
        /// Its id, if anything showed it.
        pod_id: Option<String>,
        /// The failure of the create.
        reason: String,
        /// The failure of the last search for it.
        source: Option<Error>,
    },
    /// The pod that RunPod made costs more than the spec allows
    /// ([`max_usd_per_hour`](crate::PodSpec::max_usd_per_hour)), and could not be terminated.
    ///
    /// # Cost
    /// It bills until it is terminated.
    OverPrice {
        /// The pod's name.
        name: String,
        /// Its id.
        pod_id: String,
        /// Its cost by RunPod's answer, with its storage.
        usd_per_hour: f64,
        /// The limit of the spec.
        max_usd_per_hour: f64,
        /// The failure to terminate it.
        source: Error,
    },
    /// RunPod made several pods out of one create whose answer was lost, and not all but one could be
    /// terminated.
    ///
    /// # Cost
    /// All of them bill. [`pod_ids`](Self::pod_ids) has them.
    Duplicated {
        /// The name of the pods.
        name: String,
        /// The pod that would have been kept.
        pod_id: String,
        /// The others.
        duplicates: Vec<String>,
        /// The failure to terminate the first of them.
        source: Error,
    },
}

impl fmt::Display for DeployError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec(error) => error.fmt(f),
            Self::NameTaken { name, pods, notes } => {
                let end = if pods.len() == 1 { "it" } else { "all but one" };
                let pods = list(pods.iter().map(|pod| &pod.id));
                write!(
                    f,
                    "pod name {name:?} is taken by {pods}; adopt or replace it, choose another name, or terminate {end}"
                )?;
                notes.iter().try_for_each(|note| write!(f, "; {note}"))
            }
            Self::CalledOff { name, notes } => {
                write!(f, "pod {name:?} was called off before its first create, so no pod was created")?;
                notes.iter().try_for_each(|note| write!(f, "; {note}"))
            }
            Self::NameBusy { name, waited } => write!(
                f,
                "no pod was created, since another deploy of pod name {name:?} through this handle has not come to an end within {} s; let it end or drop it, then deploy again",
                waited.as_secs()
            ),
            Self::Lookup(error) => {
                write!(f, "no pod was deployed, since what is there could not be found out: {error}")
            }
            Self::NotReplaced(error) => {
                write!(f, "no pod was deployed, since the one to be replaced is not proven gone: {error}")
            }
            Self::NotStarted { source, .. } => {
                write!(f, "no pod was deployed, and starting the one that has the name failed: {source}")
            }
            Self::Refused(error) => error.fmt(f),
            Self::AllRefused { name, attempts, suggestions, waited, replaced } => {
                tell_all_refused(f, name, attempts, suggestions, *waited, replaced)
            }
            Self::NotReady { pod_id, origin, aftermath, source } => {
                let made = if *origin == Origin::Adopted { "adopted" } else { "deployed" };
                write!(
                    f,
                    "pod {pod_id} was {made} but did not become ready: {}; {aftermath}",
                    source.what().trim_end_matches('.')
                )
            }
            Self::GaveWay(gave_way) => gave_way.fmt(f),
            Self::Unclear { name, pod_id, reason, source } => {
                tell_unclear(f, name, pod_id.as_deref(), reason, source.as_ref())
            }
            Self::OverPrice { name, pod_id, usd_per_hour, max_usd_per_hour, source } => write!(
                f,
                "pod {pod_id} of the name {name:?} costs ${usd_per_hour:.3} per hour, more than ${max_usd_per_hour:.3}, and may bill, since terminating it failed; terminate it: {source}"
            ),
            Self::Duplicated { name, pod_id, duplicates, source } => write!(
                f,
                "pod {name:?} was created more than once: {pod_id} and {} bill; terminate all but one ({source})",
                list(duplicates)
            ),
        }
    }
}

/// Writes that a pod may have been created, and where to look for it.
fn tell_unclear(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    pod_id: Option<&str>,
    reason: &str,
    source: Option<&Error>,
) -> fmt::Result {
    let id = pod_id.map(|id| format!(" as {id}")).unwrap_or_default();
    let failed = source.map(|error| format!("; the last search: {error}")).unwrap_or_default();
    write!(
        f,
        "it is unclear whether pod {name:?} was created{id}, and it may bill: look for it before deploying again ({reason}{failed})"
    )
}

/// Writes that no candidate was accepted, and what to try instead.
fn tell_all_refused(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    attempts: &[Attempt],
    suggestions: &[&str],
    waited: Option<Waited>,
    replaced: &[String],
) -> fmt::Result {
    let cause = match looks_like_rule(attempts) {
        _ if are_over_price(attempts) => "Each cost more than the spec allows.",
        true => "RunPod named no lack of stock: this looks like a rule the spec breaks.",
        false => "This looks like a lack of stock.",
    };
    write!(
        f,
        "no candidate for pod {name:?} was accepted and {}{}{}: {}. {cause}",
        if attempts.iter().any(is_over_price) { "none is left" } else { "none was created" },
        waited.map(|waited| format!(", {waited}")).unwrap_or_default(),
        replaced.iter().map(|id| format!(", though {}", is_gone(id))).collect::<String>(),
        grouped(attempts)
    )?;
    if suggestions.is_empty() { Ok(()) } else { write!(f, " Try {}", suggestions.join(", ")) }
}

impl std::error::Error for DeployError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Spec(_)
            | Self::NameTaken { .. }
            | Self::CalledOff { .. }
            | Self::NameBusy { .. }
            | Self::AllRefused { .. } => None,
            Self::Lookup(error) | Self::Refused(error) => error.source(),
            Self::NotReplaced(error) => error.source(),
            Self::NotReady { source, .. } => source.source(),
            Self::GaveWay(gave_way) => gave_way.source(),
            Self::Unclear { source, .. } => source.as_ref()?.source(),
            Self::OverPrice { source, .. }
            | Self::Duplicated { source, .. }
            | Self::NotStarted { source, .. } => source.source(),
        }
    }
}

impl DeployError {
    /// The same end, saying also that pods to be replaced are gone.
    pub(crate) fn after_removing(self, ids: Vec<String>) -> Self {
        match self {
            Self::AllRefused { name, attempts, suggestions, waited, .. } => {
                Self::AllRefused { name, attempts, suggestions, waited, replaced: ids }
            }
            end => ids.iter().fold(end, |end, id| end.with_note(&is_gone(id))),
        }
    }

    /// The same end, saying also what was done before it. Those that name a pod of their own and refusals of every candidate have no place for it.
    pub(crate) fn with_note(self, note: &str) -> Self {
        let added = |mut notes: Vec<String>| {
            notes.push(note.to_owned());
            notes
        };
        match self {
            Self::Spec(error) => Self::Spec(error.with_note(note)),
            Self::Lookup(error) => Self::Lookup(error.with_note(note)),
            Self::Refused(error) => Self::Refused(error.with_note(note)),
            Self::NotReplaced(error) => Self::NotReplaced(error.with_note(note)),
            Self::NotStarted { pod_id, source } => {
                Self::NotStarted { pod_id, source: source.with_note(note) }
            }
            Self::NameTaken { name, pods, notes } => Self::NameTaken { name, pods, notes: added(notes) },
            Self::CalledOff { name, notes } => Self::CalledOff { name, notes: added(notes) },
            Self::Unclear { name, pod_id, reason, source } => {
                Self::Unclear { name, pod_id, reason: format!("{reason}; {note}"), source }
            }
            Self::OverPrice { name, pod_id, usd_per_hour, max_usd_per_hour, source } => {
                let source = source.with_note(note);
                Self::OverPrice { name, pod_id, usd_per_hour, max_usd_per_hour, source }
            }
            Self::Duplicated { name, pod_id, duplicates, source } => {
                Self::Duplicated { name, pod_id, duplicates, source: source.with_note(note) }
            }
            end @ (Self::NameBusy { .. }
            | Self::AllRefused { .. }
            | Self::NotReady { .. }
            | Self::GaveWay(_)) => end,
        }
    }

    /// Returns true if RunPod had no machine for any candidate, as far as its words tell.
    #[must_use]
    pub fn is_no_capacity(&self) -> bool {
        matches!(self, Self::AllRefused { attempts, .. } if !looks_like_rule(attempts))
    }

    /// Returns true if a pod may exist and bill although the deploy failed.
    #[must_use]
    pub fn may_bill(&self) -> bool {
        match self {
            Self::Unclear { .. }
            | Self::Duplicated { .. }
            | Self::NotReplaced(_)
            | Self::OverPrice { .. } => true,
            Self::NotReady { aftermath, source, .. } => {
                !matches!(aftermath, Aftermath::Terminated | Aftermath::Gone)
                    || source.report().doubt.is_some()
            }
            Self::GaveWay(gave_way) => gave_way.may_bill(),
            Self::NotStarted { source, .. } => source.may_have_been_applied(),
            _ => false,
        }
    }

    /// The id of a pod that exists or may exist on account of this deploy. There may be more of them:
    /// see [`pod_ids`](Self::pod_ids).
    #[must_use]
    pub fn pod_id(&self) -> Option<&str> {
        match self {
            Self::Unclear { pod_id, .. } => pod_id.as_deref(),
            Self::NotReady { pod_id, .. }
            | Self::NotStarted { pod_id, .. }
            | Self::Duplicated { pod_id, .. }
            | Self::OverPrice { pod_id, .. } => Some(pod_id),
            Self::NotReplaced(error) => Some(error.pod_id()),
            Self::GaveWay(gave_way) => gave_way.may_bill().then_some(gave_way.pod_id.as_str()),
            _ => None,
        }
    }

    /// The ids of all pods that exist or may exist on account of this deploy, as far as they are known.
    #[must_use]
    pub fn pod_ids(&self) -> Vec<&str> {
        let duplicates: &[String] = match self {
            Self::Duplicated { duplicates, .. } => duplicates,
            _ => &[],
        };
        self.pod_id().into_iter().chain(duplicates.iter().map(String::as_str)).collect()
    }
}

fn is_gone(replaced: &str) -> String {
    format!("pod {replaced}, which was to be replaced, is terminated and gone")
}

fn are_over_price(attempts: &[Attempt]) -> bool {
    !attempts.is_empty() && attempts.iter().all(is_over_price)
}

/// Returns true if the candidate was accepted, and its pod terminated for its price.
pub(crate) fn is_over_price(attempt: &Attempt) -> bool {
    attempt.error.kind() == ErrorKind::OverPrice
}

fn looks_like_rule(attempts: &[Attempt]) -> bool {
    attempts.iter().all(|attempt| attempt.error.kind() != ErrorKind::NoCapacity)
}

pub(crate) fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join("; ")
}
