//! The events of deploys, waits and requests, for programs that show progress.

pub(crate) mod rate_window;
pub(crate) mod report;

use std::{fmt, time::Duration};

use humantime::format_duration;
use runpod_api::printable;

use crate::{Diagnosis, Difference, OperationReport, PodState, RequestReport, Warning, pod::state::said};

/// Something that happened during a deploy or a wait; for [`RunPod::on_any_event`](crate::RunPod::on_any_event) also each
/// request, each operation, and each start, stop and terminate.
///
/// Its Display is one line for a person. It holds no key, no env value and no raw body.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event {
    /// The catalog could not be read; the deploy went on with the ids as given.
    CatalogUnread {
        /// Why.
        error: String,
    },
    /// Something will not work as the spec seems to expect. The deploy goes on.
    Warned {
        /// What, and what to do about it.
        warning: Warning,
    },
    /// A candidate's turn has come: its create is sent next, and again if need be, unless the rate limit
    /// or the spec forbids even the first.
    CandidateTried {
        /// The hardware that was asked for, for example `1x NVIDIA GeForce RTX 4090`.
        hardware: String,
    },
    /// Nothing is in stock, and the deploy waits for some ([`PodSpec::patience`](crate::PodSpec::patience)).
    StockAwaited {
        /// The name of the pod to be.
        name: String,
        /// Everything that is waited for, for example `1x NVIDIA GeForce RTX 4090`, each once.
        hardware: Vec<String>,
        /// Until a part of the catalog is read next, or a create sent.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "next_try_seconds", serialize_with = "crate::serial::seconds")
        )]
        next_try: Duration,
        /// Until the deploy ends.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "left_seconds", serialize_with = "crate::serial::seconds")
        )]
        left: Duration,
    },
    /// RunPod refused this candidate; the next one follows.
    CandidateRefused {
        /// The hardware that was asked for, for example `1x NVIDIA GeForce RTX 4090`.
        hardware: String,
        /// RunPod's words.
        reason: String,
    },
    /// The answer to a create was lost or unclear; `deploy` searches for the pod.
    OutcomeUnclear {
        /// The hardware that was asked for, for example `1x NVIDIA GeForce RTX 4090`.
        hardware: String,
        /// The failure.
        error: String,
    },
    /// A pod whose create looked failed was found after all, and is used.
    PodFound {
        /// Its id.
        pod_id: String,
    },
    /// The pod that has the name is taken as it is.
    PodAdopted {
        /// Its id.
        pod_id: String,
        /// Its differences from the spec; empty if RunPod shows no difference.
        differences: Vec<Difference>,
        /// USD per hour; `None` if it is stopped, or RunPod does not say.
        cost_usd_per_hour: Option<f64>,
    },
    /// RunPod accepted the start of a pod that was adopted and stopped. Count it as billing from here on.
    AdoptedStarted {
        /// Its id.
        pod_id: String,
    },
    /// A network volume was made. It bills until it is deleted.
    VolumeMade {
        /// Its id.
        volume_id: String,
        /// Its name.
        name: String,
        /// Its size in GB.
        size_gb: u32,
        /// Its data center.
        data_center: String,
    },
    /// RunPod accepted the pod. Count it as billing from here on.
    PodCreated {
        /// Its id.
        pod_id: String,
        /// The hardware that was asked for, for example `1x NVIDIA GeForce RTX 4090`.
        hardware: String,
        /// USD per hour, if RunPod said so.
        cost_usd_per_hour: Option<f64>,
    },
    /// A second pod of the same deployment was found and terminated.
    DuplicateTerminated {
        /// Its id.
        pod_id: String,
    },
    /// A pod was terminated by the deploy that had created it, since it costs more than the spec allows; the next candidate
    /// is tried.
    OverPriceTerminated {
        /// Its id.
        pod_id: String,
        /// Its cost by RunPod's answer, with its storage.
        usd_per_hour: f64,
        /// The limit of the spec.
        max_usd_per_hour: f64,
    },
    /// A pod was terminated by the deploy that had created it, since another deploy's pod of the name is earlier.
    GaveWay {
        /// Its id.
        pod_id: String,
        /// The id of the earlier pod.
        winner: String,
    },
    /// A wait polled the pod.
    Polled {
        /// The pod's id.
        pod_id: String,
        /// The state that RunPod named; `None` if the pod does not exist or no state was given.
        state: Option<PodState>,
        /// Why the wait is not over; `None` as soon as its condition is decided. The first wait after a deploy may go on
        /// for a list that would show a second pod, and says so.
        pending: Option<String>,
        /// The condition, for example `ready (ssh)`.
        condition: String,
        /// Since the wait began.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "elapsed_seconds", serialize_with = "crate::serial::seconds")
        )]
        elapsed: Duration,
    },
    /// The container exited and was restarted by RunPod; it goes on billing.
    ContainerRestarted {
        /// The pod's id.
        pod_id: String,
        /// The number of times that was seen during this wait.
        times: u32,
        /// Since the wait began.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "elapsed_seconds", serialize_with = "crate::serial::seconds")
        )]
        elapsed: Duration,
    },
    /// RunPod's system log names a cause that keeps the pod from coming up. The wait goes on, unless it was to
    /// [`fail_early`](crate::Wait::fail_early) and the cause does not heal.
    CauseFound {
        /// The pod's id.
        pod_id: String,
        /// The cause, and RunPod's words.
        diagnosis: Diagnosis,
        /// Since the wait began.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "elapsed_seconds", serialize_with = "crate::serial::seconds")
        )]
        elapsed: Duration,
    },
    /// Something is held back, mostly by a rate limit, and goes on after the pause.
    Paused {
        /// The call that is held back, for example `get pod`.
        operation: String,
        /// For how long.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "pause_seconds", serialize_with = "crate::serial::seconds")
        )]
        pause: Duration,
        /// Why.
        reason: String,
    },
    /// Something happened to one deploy of [`deploy_all`](crate::RunPod::deploy_all).
    OfFleet {
        /// The place of its spec among those that were given, from 0 on.
        index: usize,
        /// The name of its pod.
        name: String,
        /// The event, never of a fleet itself.
        event: Box<Event>,
    },
    /// A poll failed in a way that may pass; the wait goes on.
    PollFailed {
        /// The pod's id.
        pod_id: String,
        /// The failure.
        error: String,
        /// Since the wait began.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "elapsed_seconds", serialize_with = "crate::serial::seconds")
        )]
        elapsed: Duration,
    },
    /// RunPod accepted the start of a pod, or showed that it runs already. Told to
    /// [`on_any_event`](crate::RunPod::on_any_event) only.
    PodStarted {
        /// Its id.
        pod_id: String,
        /// USD per hour, if RunPod said so.
        cost_usd_per_hour: Option<f64>,
    },
    /// RunPod accepted the stop of a pod, or showed that it is stopped already; a pod volume goes on billing. Told to
    /// [`on_any_event`](crate::RunPod::on_any_event) only.
    PodStopped {
        /// Its id.
        pod_id: String,
    },
    /// RunPod accepted the end of a pod, or knows it no more: nothing of it bills. Told to
    /// [`on_any_event`](crate::RunPod::on_any_event) only.
    PodTerminated {
        /// Its id.
        pod_id: String,
    },
    /// A request to RunPod is over. Told to [`on_any_event`](crate::RunPod::on_any_event) only.
    RequestEnded(RequestReport),
    /// A request failed and is sent again after the pause; one that the rate limit makes is [`Paused`](Self::Paused). Told to
    /// [`on_any_event`](crate::RunPod::on_any_event) only.
    RetryAwaited {
        /// The call that is repeated, for example `get pod`.
        operation: String,
        /// The id or name of what it is about; `None` for a list.
        target: Option<String>,
        /// For how long.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "pause_seconds", serialize_with = "crate::serial::seconds")
        )]
        pause: Duration,
    },
    /// An operation is over. Told to [`on_any_event`](crate::RunPod::on_any_event) only.
    OperationEnded(OperationReport),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::new();
        self.tell(&mut line)?;
        f.write_str(&printable(&line))
    }
}

impl Event {
    /// Returns true if it is told only to those who want to hear of everything.
    pub(crate) fn is_traffic(&self) -> bool {
        matches!(
            self,
            Self::PodStarted { .. }
                | Self::PodStopped { .. }
                | Self::PodTerminated { .. }
                | Self::RequestEnded(_)
                | Self::RetryAwaited { .. }
                | Self::OperationEnded(_)
        )
    }

    fn tell(&self, f: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::CatalogUnread { error } => {
                write!(f, "RunPod's catalog could not be read, going on with the ids as given: {error}")
            }
            Self::Warned { warning } => write!(f, "warning: {warning}"),
            Self::CandidateTried { hardware } => write!(f, "asking for {hardware}"),
            Self::StockAwaited { name, hardware, next_try, left } => write!(
                f,
                "pod {name:?} waits for stock of {}, for {} at most; RunPod is asked again in {} s",
                hardware.join(", "),
                format_duration(Duration::from_secs(left.as_secs())),
                next_try.as_secs_f64().ceil()
            ),
            Self::CandidateRefused { hardware, reason } => write!(f, "{hardware} refused: {reason}"),
            Self::OutcomeUnclear { hardware, error } => {
                write!(f, "unclear whether a pod with {hardware} was created, searching for it: {error}")
            }
            Self::PodFound { pod_id } => write!(f, "found pod {pod_id}: it had been created after all"),
            Self::PodAdopted { pod_id, differences, .. } if differences.is_empty() => {
                write!(f, "adopted pod {pod_id}")
            }
            Self::PodAdopted { pod_id, differences, .. } => {
                let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
                write!(f, "adopted pod {pod_id}, which differs from the spec: {}", differences.join("; "))
            }
            Self::VolumeMade { volume_id, name, size_gb, data_center } => write!(
                f,
                "made network volume {name:?} ({volume_id}) of {size_gb} GB in {data_center}, which bills until it is deleted"
            ),
            Self::AdoptedStarted { pod_id } => write!(f, "started pod {pod_id}, which was stopped"),
            Self::PodCreated { pod_id, hardware, cost_usd_per_hour } => {
                write!(f, "created pod {pod_id} with {hardware}")?;
                cost_usd_per_hour.map_or(Ok(()), |cost| write!(f, " at ${cost:.3}/h and its storage"))
            }
            Self::DuplicateTerminated { pod_id } => write!(f, "terminated duplicate pod {pod_id}"),
            Self::OverPriceTerminated { pod_id, usd_per_hour, max_usd_per_hour } => write!(
                f,
                "terminated pod {pod_id}: it cost ${usd_per_hour:.3} per hour, more than ${max_usd_per_hour:.3}"
            ),
            Self::GaveWay { pod_id, winner } => {
                write!(f, "terminated pod {pod_id}: another deploy had made {winner} of its name before it")
            }
            Self::Polled { .. }
            | Self::ContainerRestarted { .. }
            | Self::CauseFound { .. }
            | Self::Paused { .. }
            | Self::OfFleet { .. }
            | Self::PollFailed { .. } => self.tell_of_wait(f),
            _ => self.tell_of_traffic(f),
        }
    }

    fn tell_of_wait(&self, f: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::Polled { pod_id, state, pending, condition, elapsed } => {
                let said = match pending {
                    Some(_) => said(state.as_ref(), pending.as_deref()),
                    None => condition.clone(),
                };
                write!(f, "{:>5.1}s pod {pod_id}: {said}", elapsed.as_secs_f64())
            }
            Self::ContainerRestarted { pod_id, times, elapsed } => write!(
                f,
                "{:>5.1}s pod {pod_id}: the container exited and was restarted ({times} so far)",
                elapsed.as_secs_f64()
            ),
            Self::CauseFound { pod_id, diagnosis, elapsed } => {
                write!(f, "{:>5.1}s pod {pod_id}: {diagnosis}", elapsed.as_secs_f64())
            }
            Self::Paused { operation, pause, reason } => {
                write!(f, "waiting {} to {operation}: {reason}", span(*pause))
            }
            Self::OfFleet { index, name, event } => {
                write!(f, "[{index}] {name}: ")?;
                event.tell(f)
            }
            Self::PollFailed { pod_id, error, elapsed } => {
                write!(f, "{:>5.1}s pod {pod_id}: {error}", elapsed.as_secs_f64())
            }
            _ => Ok(()),
        }
    }

    fn tell_of_traffic(&self, f: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::PodStarted { pod_id, cost_usd_per_hour } => {
                write!(f, "started pod {pod_id}")?;
                cost_usd_per_hour.map_or(Ok(()), |cost| write!(f, " at ${cost:.3}/h and its storage"))
            }
            Self::PodStopped { pod_id } => write!(f, "stopped pod {pod_id}"),
            Self::PodTerminated { pod_id } => write!(f, "terminated pod {pod_id}"),
            Self::RequestEnded(report) => write!(f, "{report}"),
            Self::RetryAwaited { operation, target, pause } => {
                write!(f, "waiting {} to {operation}", span(*pause))?;
                target.as_ref().map_or(Ok(()), |target| write!(f, " {target}"))?;
                f.write_str(" again")
            }
            Self::OperationEnded(report) => write!(f, "{report}"),
            _ => Ok(()),
        }
    }
}

/// A pause in words. One too short to show in seconds is told all the same, and not as none.
fn span(pause: Duration) -> String {
    match pause.as_secs_f64() {
        seconds if seconds < 0.1 => format!("{} ms", (seconds * 1e3).ceil().max(1.0)),
        seconds => format!("{seconds:.1} s"),
    }
}
