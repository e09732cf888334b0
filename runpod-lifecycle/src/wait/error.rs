//! A wait that ended without its condition.

use std::{fmt, time::Duration};

use runpod_api::printable;

use crate::{Condition, Diagnosis, Error, GaveWay, Pod, Verdict, WaitCause, pod::state::said};

/// Everything a wait knew when it ended without its condition.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WaitReport {
    /// The pod's id. The pod may still be running and billing.
    pub pod_id: String,
    /// The condition that was waited for.
    pub condition: String,
    /// The longest that was to be waited.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "longest_seconds", serialize_with = "crate::serial::seconds")
    )]
    pub longest: Duration,
    /// The last poll that succeeded; `None` if none did or the pod did not exist.
    pub last_pod: Option<Pod>,
    /// Why the wait was not over at the last poll.
    pub last_pending: Option<String>,
    /// The last failed poll.
    pub last_error: Option<Error>,
    /// The number of polls.
    pub attempts: u32,
    /// The number of times the container was seen to have exited and been restarted. It bills all the while.
    pub restarts: u32,
    /// The last lines of RunPod's system log of the pod; empty if they could not be had.
    pub system_log: Vec<String>,
    /// Why the pod does not come up, if the log says so; `None` if it says nothing that is known.
    pub diagnosis: Option<Diagnosis>,
    /// The time the wait took.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "elapsed_seconds", serialize_with = "crate::serial::seconds")
    )]
    pub elapsed: Duration,
    /// The id of the pod that was given up for this one, which another deploy had made earlier
    /// ([`IfExists::Adopt`](crate::IfExists)); `None` if none was.
    pub in_place_of: Option<String>,
    /// Why another pod of the name may exist and bill, with its id if that is known; `None` if none may.
    pub doubt: Option<String>,
    /// Deeds before the wait, as clauses. Usually empty.
    pub notes: Vec<String>,
}

impl fmt::Display for WaitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&said(
            self.last_pod.as_ref().and_then(|pod| pod.state.as_ref()),
            self.last_pending.as_deref(),
        ))?;
        let times = if self.attempts == 1 { "once".to_owned() } else { format!("{} times", self.attempts) };
        write!(f, ", asked {times} in {:.1} s", self.elapsed.as_secs_f64())?;
        if let Some(id) = &self.in_place_of {
            write!(f, ", adopted in place of {id}")?;
        }
        if self.restarts > 0 {
            write!(f, ", the container exited and was restarted {} times", self.restarts)?;
        }
        match (&self.diagnosis, self.system_log.last()) {
            (Some(diagnosis), _) => write!(f, ", {diagnosis}")?,
            (None, Some(line)) => write!(f, ", RunPod's log ends with {line:?}")?,
            (None, None) => {}
        }
        if let Some(error) = &self.last_error {
            write!(f, ", last error: {error}")?;
        }
        self.doubt.iter().chain(&self.notes).try_for_each(|note| write!(f, "; {note}"))
    }
}

/// A time as a person would say it: `10 min`, `90 s`, `0.5 s`.
pub(super) fn span(time: Duration) -> String {
    match time.as_secs() {
        0..=9 if time.subsec_millis() > 0 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds => match (seconds / 60, seconds % 60) {
            (minutes, 0) => format!("{minutes} min"),
            (minutes, seconds) => format!("{minutes} min {seconds} s"),
        },
    }
}

impl WaitReport {
    /// The report of a wait that never began.
    pub(crate) fn unwatched(pod: &Pod, condition: &dyn Condition) -> Self {
        Self { last_pod: Some(pod.clone()), ..Self::new(pod.id.as_str(), condition.name()) }
    }

    /// A report with nothing in it but the pod's id and the condition, for tests of programs that handle one.
    ///
    /// ```
    /// use runpod_lifecycle::{ErrorKind, WaitError, WaitReport};
    ///
    /// let report = Box::new(WaitReport::new("k3x9q2m7v1b8z5", "ready (ssh)"));
    /// assert_eq!(WaitError::TimedOut { report }.kind(), ErrorKind::TimedOut);
    /// ```
    #[must_use]
    pub fn new(pod_id: impl Into<String>, condition: impl Into<String>) -> Self {
        Self {
            pod_id: pod_id.into(),
            condition: condition.into(),
            longest: Duration::ZERO,
            last_pod: None,
            last_pending: None,
            last_error: None,
            attempts: 0,
            restarts: 0,
            system_log: Vec::new(),
            diagnosis: None,
            elapsed: Duration::ZERO,
            in_place_of: None,
            doubt: None,
            notes: Vec::new(),
        }
    }
}

/// A wait that ended without its condition. The pod's id is always in it.
///
/// # Cost
/// The pod was not touched: unless the error says it is gone, it may be running and billing.
/// [`pod_id`](Self::pod_id) is what [`terminate`](crate::RunPod::terminate) takes.
#[derive(Debug)]
#[non_exhaustive]
pub enum WaitError {
    /// The time is up.
    TimedOut {
        /// Everything that was known.
        report: Box<WaitReport>,
    },
    /// The condition can no longer come true.
    Failed {
        /// Why, to match on.
        cause: WaitCause,
        /// Why, in words.
        reason: String,
        /// Everything that was known.
        report: Box<WaitReport>,
    },
    /// A poll failed in a way that polling again cannot mend.
    Call {
        /// The failed poll.
        source: Error,
        /// Everything that was known.
        report: Box<WaitReport>,
    },
    /// The pod was given up during its first wait, since another deploy had made an earlier one of its name.
    GaveWay {
        /// Which, and what became of this one.
        source: Box<GaveWay>,
        /// Everything that was known of this one.
        report: Box<WaitReport>,
    },
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what();
        f.write_str(&printable(&what))?;
        let goes_on = matches!(self, Self::Call { .. }) && self.may_bill();
        if goes_on && !what.ends_with('.') {
            f.write_str(".")?;
        }
        f.write_str(match self {
            _ if !self.may_bill() => "",
            Self::TimedOut { .. } => ". It may be running and billing: wait longer, or terminate it",
            Self::Failed { .. } => ". It may bill until it is terminated",
            Self::Call { .. } => " The pod may bill until it is terminated",
            Self::GaveWay { .. } => "",
        })
    }
}

/// The source is what lies below the text above, which already says the rest.
impl std::error::Error for WaitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Call { source, .. } => source.source(),
            Self::GaveWay { source, .. } => source.source(),
            Self::TimedOut { .. } | Self::Failed { .. } => None,
        }
    }
}

impl WaitError {
    /// The end of a wait whose condition can no longer come true.
    pub(super) fn failed(reason: String, report: Box<WaitReport>) -> Self {
        Self::Failed { cause: WaitCause::seen(report.last_pod.as_ref()), reason, report }
    }

    /// The end of a wait for a pod that does not come up, for a cause that the log names.
    pub(super) fn diagnosed(reason: String, report: Box<WaitReport>) -> Self {
        let cause = report.diagnosis.as_ref().map(|found| WaitCause::Diagnosed(found.cause));
        Self::Failed {
            cause: cause.unwrap_or_else(|| WaitCause::seen(report.last_pod.as_ref())),
            reason,
            report,
        }
    }

    /// The text without what to do about the pod, which may have been seen to.
    pub(crate) fn what(&self) -> String {
        let report = self.report();
        let (id, condition) = (&report.pod_id, &report.condition);
        match self {
            Self::TimedOut { .. } => {
                let longest = span(report.longest);
                format!("pod {id} is not {condition}: timed out after {longest}; last seen: {report}")
            }
            Self::Failed { reason, .. } => {
                let mut report = report.clone();
                // Said already.
                report.last_pending.take_if(|pending| pending == reason);
                format!("pod {id} will not be {condition}: {reason} ({report})")
            }
            Self::GaveWay { source, .. } => source.to_string(),
            Self::Call { source, .. } if report.attempts == 0 => source.to_string(),
            Self::Call { source, .. } => {
                format!("stopped waiting for pod {id} to be {condition} ({report}): {source}")
            }
        }
    }

    /// The same error, of the wait for a pod that was taken in place of another.
    pub(crate) fn in_place_of(mut self, id: &str) -> Self {
        self.report_mut().in_place_of = Some(id.to_owned());
        self
    }

    /// Returns true if the pod, or another of its name, may bill: unless the last poll showed that it is gone.
    #[must_use]
    pub fn may_bill(&self) -> bool {
        match (self, &self.report().last_pod) {
            _ if self.report().doubt.is_some() => true,
            (Self::GaveWay { source, .. }, _) => source.may_bill(),
            (_, Some(pod)) => !pod.is_gone(),
            (Self::Failed { .. }, None) => false,
            _ => true,
        }
    }

    /// The id of the pod that was waited for.
    #[must_use]
    pub fn pod_id(&self) -> &str {
        &self.report().pod_id
    }

    /// The same with a doubt about other pods of the name.
    pub(crate) fn with_doubt(mut self, doubt: Option<String>) -> Self {
        self.report_mut().doubt = doubt;
        self
    }

    /// The same, saying also what was done before it.
    pub(crate) fn with_note(mut self, note: &str) -> Self {
        match &mut self {
            // Its text may be the failed call's alone.
            Self::Call { source, .. } => *source = source.clone().with_note(note),
            other => other.report_mut().notes.push(note.to_owned()),
        }
        self
    }

    /// The same with a later poll of the pod, and what that means.
    pub(crate) fn with_last(mut self, pod: Pod, verdict: Verdict) -> Self {
        let report = self.report_mut();
        report.last_pending = Some(match verdict {
            Verdict::Pending(reason) | Verdict::Failed(reason) => reason,
            Verdict::Done => "which is as wanted, but came after the wait".to_owned(),
        });
        report.last_pod = Some(pod);
        self
    }

    fn report_mut(&mut self) -> &mut WaitReport {
        match self {
            Self::TimedOut { report }
            | Self::Failed { report, .. }
            | Self::Call { report, .. }
            | Self::GaveWay { report, .. } => report,
        }
    }

    /// Everything the wait knew when it ended.
    #[must_use]
    pub fn report(&self) -> &WaitReport {
        match self {
            Self::TimedOut { report }
            | Self::Failed { report, .. }
            | Self::Call { report, .. }
            | Self::GaveWay { report, .. } => report,
        }
    }
}
