//! The rules of evidence: what an answer about a pod proves, and until when it proves nothing.
//!
//! RunPod's answers are observations of a system that lags. Presence is proven at the time of the
//! observation only; absence is proven by RunPod's own 404 about a pod that is old enough. Nothing else in
//! the crate decides absence or staleness.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use crate::{
    Pod, PodState,
    pod::{Asked, ShownRun, Withheld, state::word, time::server_time},
};

/// The longest that lists and new pods lag behind what RunPod has accepted (observed).
pub(crate) const LAG: Duration = Duration::from_secs(15);
/// The pause between two questions while an answer proves nothing.
pub(crate) const DOUBT_PAUSE: Duration = Duration::from_secs(3);

/// The pauses before each read of a list that may lag behind a change: [`LAG`] in all.
pub(crate) fn lag_pauses() -> impl Iterator<Item = Duration> {
    [0, 1, 2, 4, 8].map(Duration::from_secs).into_iter()
}

/// The most that the uptimes of one run may differ in two answers: each is late, and refreshed every 15 s only.
const UPTIME_LAG: Duration = Duration::from_secs(30);
/// Uptimes are whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

/// The outcome of a question about one pod.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Came<'a> {
    Pod(&'a Pod),
    /// A whole list without it, or RunPod's own 404 about it.
    Absent,
}

/// An answer about one pod.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) asked: Asked,
    /// When it was asked for: what came later may be in it or not.
    pub(crate) at: Instant,
    pub(crate) came: Came<'a>,
}

/// Something that was done to a pod through this handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    Started,
    Stopped,
    Restarted,
    Terminated,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "start",
            Self::Stopped => "stop",
            Self::Restarted => "restart",
            Self::Terminated => "terminate",
        })
    }
}

/// The last change that was accepted, or may have been made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) action: Changed,
    /// When it was answered.
    pub(crate) at: Instant,
}

/// When each kind of change was last answered, of those that were accepted or may have been made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) last: Option<Change>,
    started_at: Option<Instant>,
    stopped_at: Option<Instant>,
    restarted_at: Option<Instant>,
    terminated_at: Option<Instant>,
}

impl Changes {
    pub(crate) fn add(&mut self, change: Change) {
        self.last = Some(change);
        *match change.action {
            Changed::Started => &mut self.started_at,
            Changed::Stopped => &mut self.stopped_at,
            Changed::Restarted => &mut self.restarted_at,
            Changed::Terminated => &mut self.terminated_at,
        } = Some(change.at);
    }

    fn each(&self) -> impl Iterator<Item = Change> {
        let at = |action, at: Option<Instant>| at.map(|at| Change { action, at });
        let kinds = [
            at(Changed::Started, self.started_at),
            at(Changed::Stopped, self.stopped_at),
            at(Changed::Restarted, self.restarted_at),
            at(Changed::Terminated, self.terminated_at),
        ];
        kinds.into_iter().flatten()
    }

    fn is_last(&self, action: Changed) -> bool {
        self.last.is_some_and(|last| last.action == action)
    }

    pub(crate) fn is_terminated(&self) -> bool {
        self.is_last(Changed::Terminated)
    }
}

/// Everything known of a pod beside the answer that is judged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct History {
    /// When its create was accepted; `None` if that was not through this handle.
    pub(crate) created_at: Option<Instant>,
    /// When a change of it last began or was answered.
    pub(crate) touched_at: Option<Instant>,
    pub(crate) changes: Changes,
    /// When the last list that showed it was asked for.
    pub(crate) listed_at: Option<Instant>,
    /// When it was first asked for by its id and not known, which proved nothing then; `None` if it was known since.
    pub(crate) denied_at: Option<Instant>,
}

impl History {
    /// Returns true if an answer has shown a pod of this id.
    pub(crate) fn is_of_a_pod(&self) -> bool {
        self.created_at.or(self.listed_at).is_some()
    }

    /// The same with one more list that showed the pod.
    pub(crate) fn with_list(self, listed_at: Option<Instant>) -> Self {
        Self { listed_at: self.listed_at.max(listed_at), ..self }
    }
}

/// The conclusion from an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The pod exists, and was as shown when it was asked for, give or take what lags.
    There,
    /// The pod is gone for good.
    Gone,
    /// Nothing.
    Unknown {
        /// When the same answer would prove something; `None` if it never will.
        until: Option<Instant>,
        /// Why, in a few words.
        why: String,
    },
}

/// Says what an answer about a pod proves.
pub(crate) fn judge(seen: &Evidence<'_>, history: &History) -> Finding {
    let unknown = |until, why: &str| Finding::Unknown { until, why: why.to_owned() };
    match seen.came {
        // It never comes back, however late the answer is.
        Came::Pod(pod) if pod.is_gone() => Finding::Gone,
        _ if history.touched_at.is_some_and(|touched_at| seen.at < touched_at) => {
            unknown(None, "RunPod's answer is from before the last change")
        }
        // Either the list is from before its end, or it is too new to be known by its id.
        Came::Pod(_) if seen.asked == Asked::List && is_denied(seen.at, history) => unknown(
            history.denied_at.map(|denied_at| denied_at + LAG),
            "RunPod's list shows it, and yet RunPod does not know it by its id",
        ),
        Came::Pod(pod) => presence(pod, seen.at, &history.changes),
        Came::Absent if seen.asked == Asked::List => unknown(None, "RunPod's list does not show it yet"),
        Came::Absent => absence_by_id(seen.at, history),
    }
}

/// For [`LAG`] after a change an answer may be from before it, also one that agrees with a later change.
fn presence(pod: &Pod, at: Instant, changes: &Changes) -> Finding {
    let may_be_older = |change: &Change| at < change.at + LAG && is_left_by(change.action, pod, changes);
    match changes.each().filter(may_be_older).max_by_key(|change| change.at) {
        None => Finding::There,
        Some(change) => Finding::Unknown {
            until: Some(change.at + LAG),
            why: match changes.is_last(change.action) {
                true => format!(
                    "RunPod has accepted the {} and still says {}",
                    change.action,
                    word(pod.state.as_ref())
                ),
                false => format!(
                    "RunPod says {}, maybe from before the {}",
                    word(pod.state.as_ref()),
                    change.action
                ),
            },
        },
    }
}

/// Returns true if a list that was asked for at a moment may show a pod that was gone when its id was first not
/// known. One that is asked for later contradicts that.
fn is_denied(at: Instant, history: &History) -> bool {
    history.denied_at.is_some_and(|denied_at| at < denied_at + LAG)
}

/// A 404 proves something only once RunPod has had [`LAG`] to know the pod: since its create, since a list
/// last showed it, since it accepted a change of it.
pub(crate) fn absence_by_id(at: Instant, history: &History) -> Finding {
    let change = match history.changes.last {
        Some(Change { action: Changed::Terminated, .. }) => return Finding::Gone,
        change => change.map(|change| change.at),
    };
    match history.created_at.max(history.listed_at).max(change).map(|known_at| known_at + LAG) {
        Some(until) if at < until => {
            Finding::Unknown { until: Some(until), why: "RunPod does not know it yet".to_owned() }
        }
        _ => Finding::Gone,
    }
}

/// Returns true if an answer is one that may be left from before an action: a start leaves a pod that is down, a
/// stop one that is up, a restart and a terminate either. A run that began since is not left from before.
fn is_left_by(action: Changed, pod: &Pod, changes: &Changes) -> bool {
    let Some(state) = &pod.state else { return false };
    let is_down = state.is_stopped() || *state == PodState::Error;
    let (shown, is_up) = (pod.withheld_run(), state.is_up());
    let may_be_old = shown.is_some_and(|shown| shown != ShownRun::New);
    match action {
        Changed::Started => is_down || is_up && shown == Some(ShownRun::Old),
        Changed::Restarted => is_down || is_up && may_be_old,
        // Whatever began since was started on purpose.
        Changed::Stopped => is_up && (changes.is_last(Changed::Stopped) || may_be_old),
        Changed::Terminated => true,
    }
}

/// A run of a container, as far as an answer tells it from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) started_at: Option<String>,
    pub(crate) uptime: Option<Duration>,
}

impl Run {
    pub(crate) fn of(pod: &Pod) -> Self {
        Self { started_at: pod.started_at.clone(), uptime: pod.uptime }
    }

    /// Returns true if an answer that came so long after one that showed this run shows another: by a
    /// later start, or by an uptime that this run had passed by then, even if the answer is as late as answers may be.
    pub(crate) fn is_over_by(&self, later: &Self, between: Duration) -> bool {
        let is_passed = match (self.uptime, later.uptime) {
            // One that stands still says nothing, however long it does.
            (Some(before), Some(after)) => {
                let began_since = after < before && after <= between + ROUNDING;
                after + UPTIME_LAG < before || (began_since && after + UPTIME_LAG < before + between)
            }
            _ => false,
        };
        is_passed || self.is_followed_by_start(later)
    }

    fn is_followed_by_start(&self, later: &Self) -> bool {
        self.started_at.is_some() && is_later(later.started_at.as_deref(), self.started_at.as_deref())
    }

    /// Returns true if an answer seems to show another run: also by an uptime that may have begun in between, which
    /// one from before shows as well. Enough to count restarts by, and not to call a run new.
    fn seems_over_by(&self, later: &Self, between: Duration) -> bool {
        let went_down = match (self.uptime, later.uptime) {
            (Some(before), Some(after)) => {
                after + UPTIME_LAG < before || (after < before && after <= between + ROUNDING)
            }
            _ => false,
        };
        went_down || self.is_followed_by_start(later)
    }
}

/// Returns true if the container of a running pod exited and was restarted between two answers. RunPod
/// refreshes an uptime every 15 s only, so one that stands still or jumps says nothing.
pub(crate) fn is_restarted(before: &Pod, after: &Pod, between: Duration) -> bool {
    let is_running = |pod: &Pod| pod.state == Some(PodState::Running) && pod.withheld.is_none();
    if !is_running(before) || !is_running(after) {
        return false;
    }
    let asked = |pod: &Pod| pod.observed.map(|(asked, _)| asked);
    // Lists lag by themselves, so only answers by id are known to be in order.
    let in_order = asked(before) == asked(after) && asked(after) != Some(Asked::List);
    let went_down = in_order && after.uptime.is_some() && after.uptime < before.uptime;
    went_down || Run::of(before).seems_over_by(&Run::of(after), between)
}

/// Returns true if a start as RunPod writes it is later than another. Texts that are no times are later if they
/// differ.
fn is_later(start: Option<&str>, than: Option<&str>) -> bool {
    match (start, than) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(start), Some(than)) => match (server_time(start), server_time(than)) {
            (Some(start), Some(than)) => start > than,
            _ => start != than,
        },
    }
}

/// Where a pod can be reached, or could: a host and a port.
pub(crate) type Address = (String, u16);

/// The end of a run by a change made through the handle: until another run shows, what an answer says of
/// endpoints belongs to the one that is over.
#[derive(Clone, Debug)]
pub(crate) struct Turnover {
    action: Changed,
    at: Instant,
    /// The same by RunPod's clock.
    began: SystemTime,
    /// The run that is over; `None` if it was never seen.
    ended: Option<Run>,
    /// Another run must show, however long that takes. Else what lags is over after [`LAG`].
    is_strict: bool,
    /// When the first answer that showed another run was asked for.
    confirmed_at: Option<Instant>,
    /// Addresses of runs that are over, as far as an answer may still show them; `None` if the last one's is not
    /// known.
    left: Option<Vec<Address>>,
}

impl Turnover {
    /// The turnover that a change brings to a pod whose last known run is `run`, reached at `addresses`; `now` is by
    /// RunPod's clock.
    pub(crate) fn by(
        change: Change,
        now: SystemTime,
        is_certain: bool,
        was_stopped: bool,
        run: Option<Run>,
        addresses: Vec<Address>,
        previous: Option<Self>,
    ) -> Self {
        let Change { action, at } = change;
        let was_stopped_here =
            previous.as_ref().is_some_and(|last| last.action == Changed::Stopped && !last.is_confirmed());
        let is_strict = is_certain
            && match action {
                Changed::Started => was_stopped || was_stopped_here,
                Changed::Restarted => true,
                Changed::Stopped | Changed::Terminated => false,
            };
        match previous {
            // Starting a pod that is up changes nothing.
            Some(previous) if action == Changed::Started && !is_strict && previous.is_awaited() => previous,
            previous => {
                let left = left(addresses, previous, at);
                Self { action, at, began: now, ended: run, is_strict, confirmed_at: None, left }
            }
        }
    }

    /// Takes in an answer: the first that shows another run, or, if no run was known before, the first that does not.
    pub(crate) fn learn(&mut self, run: &Run, at: Instant) {
        if self.is_followed_by(run, at) {
            self.confirmed_at.get_or_insert(at);
        } else if at >= self.at && self.ended.is_none() && *run != Run::default() {
            self.ended = Some(run.clone());
        }
    }

    /// Returns why what an answer says of endpoints does not count; `None` if it does. An endpoint lags by itself, so
    /// for [`LAG`] after another run has first shown only one that no run before had is that run's.
    pub(crate) fn withholds(&self, run: &Run, addresses: &[Address], at: Instant) -> Option<Withheld> {
        if self.is_over(at) {
            return None;
        }
        if !self.is_followed_by(run, at) {
            return Some(Withheld {
                reason: format!(
                    "RunPod has accepted the {} and shows no new run of the container yet (no later startedAt, no uptime that began anew), so its endpoints may be the old ones",
                    self.action
                ),
                shows: match *run != Run::default() && self.is_over_for(at) {
                    true => ShownRun::Old,
                    false => ShownRun::Untold,
                },
            });
        }
        let may_be_left = match &self.left {
            None => true,
            Some(left) => addresses.iter().any(|address| left.contains(address)),
        };
        may_be_left.then(|| Withheld {
            reason: format!(
                "RunPod has accepted the {} and may still show the address from before it",
                self.action
            ),
            shows: ShownRun::New,
        })
    }

    /// Returns true if nothing that was asked for at a moment may show a run from before.
    pub(crate) fn is_over(&self, at: Instant) -> bool {
        let has_shown = self.confirmed_at.is_some_and(|confirmed_at| at >= confirmed_at + LAG);
        has_shown || (!self.is_strict && at >= self.at + LAG)
    }

    /// Returns true if a pod that runs must be in another run by now: one that was restarted for ever, one that was
    /// started while its state may be from before.
    fn is_over_for(&self, at: Instant) -> bool {
        self.is_strict && (self.action == Changed::Restarted || at < self.at + LAG)
    }

    /// Returns when the pod was started, by RunPod's clock; `None` if it was not.
    pub(crate) fn start(&self) -> Option<SystemTime> {
        (self.action == Changed::Started).then_some(self.began)
    }

    pub(crate) fn is_stop(&self) -> bool {
        self.action == Changed::Stopped
    }

    pub(crate) fn is_confirmed(&self) -> bool {
        self.confirmed_at.is_some()
    }

    /// Returns true if another run must show and has not.
    pub(crate) fn is_awaited(&self) -> bool {
        self.is_strict && !self.is_confirmed()
    }

    /// Returns true if an answer shows a run that began after the change.
    fn is_followed_by(&self, run: &Run, at: Instant) -> bool {
        let Some(since) = at.checked_duration_since(self.at) else { return false };
        let began_since = run.uptime.is_some_and(|uptime| uptime <= since + ROUNDING);
        let Some(ended) = &self.ended else {
            let started_at = run.started_at.as_deref().and_then(server_time);
            return began_since || started_at.is_some_and(|started_at| started_at + ROUNDING >= self.began);
        };
        // An old answer about a run that was short as well would look the same.
        let began_at = ended.started_at.as_deref().and_then(server_time);
        let was_long = match ended.uptime {
            Some(uptime) => uptime >= UPTIME_LAG,
            None => began_at.is_some_and(|began_at| began_at + UPTIME_LAG <= self.began),
        };
        is_later(run.started_at.as_deref(), ended.started_at.as_deref())
            || ended.is_over_by(run, since)
            || (began_since && (was_long || self.is_confirmed()))
    }
}

/// Where runs that are over were reached when a change ends the one that is reached at `addresses`, and where those
/// before it were, if answers may still show them.
fn left(addresses: Vec<Address>, previous: Option<Turnover>, at: Instant) -> Option<Vec<Address>> {
    match previous {
        // No run began after a stop: what it left is what this change leaves.
        Some(stop) if stop.is_stop() && addresses.is_empty() => stop.left,
        Some(stop) if stop.is_stop() => Some([addresses, stop.left.unwrap_or_default()].concat()),
        _ if addresses.is_empty() => None,
        Some(previous) if !previous.is_over(at) => Some([addresses, previous.left?].concat()),
        _ => Some(addresses),
    }
}

#[cfg(test)]
mod tests;
