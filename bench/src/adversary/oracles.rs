//! Promises that hold whatever the server did: judged from the truth and from what each actor was told.

use std::time::Duration;

use runpod_lifecycle::{
    AccountSecret, DeployError, Error, ErrorKind, Found, GaveWay, Origin, Plan, PlannedAction, PodHandle,
    Reaped, Terminated, Volume, VolumeError, WaitError,
};
use tokio::time::Instant;

use super::{
    actors::{KEY, Op, SECRET, TIMEOUT, Until, doubts, said},
    stored_oracles,
    truth::{LAG, Phase, TruePod},
    world::{AppliedChange, Change, Told, World},
};

/// Outcome of an operation.
#[derive(Debug)]
pub(super) enum Outcome {
    Deploy(Result<PodHandle, DeployError>),
    Wait(Result<PodHandle, WaitError>),
    Act(Result<(), Error>),
    Get(Result<PodHandle, Error>),
    Find(Result<Found, Error>),
    List(Result<Vec<PodHandle>, Error>),
    Plan(Result<Plan, DeployError>),
    Reap(Result<Vec<Reaped>, Error>),
    /// Of each spec; each is judged like a deploy.
    Fleet(Vec<Result<PodHandle, DeployError>>),
    /// Of each pod; each is judged like a terminate.
    Ended(Vec<Terminated>),
    Volume(Result<Volume, VolumeError>),
    FoundVolume(Result<Option<Volume>, Error>),
    /// Of the volume of this id.
    VolumeEnded(String, Result<(), VolumeError>),
    Secret(Result<AccountSecret, Error>),
    SecretEnded(Result<(), Error>),
    Nothing,
}

impl Outcome {
    /// The text that a person would read, and whether it says that a pod without a known id may bill.
    pub(super) fn told(&self) -> (String, bool) {
        let pods = |pods: &[PodHandle]| pods.iter().map(|pod| pod.id.as_str()).collect::<Vec<_>>().join(", ");
        match self {
            Self::Deploy(Ok(pod)) => (format!("pod {} ({:?})", pod.id, pod.origin()), false),
            Self::Wait(Ok(pod)) | Self::Get(Ok(pod)) => {
                let host = pod.connection().direct_ssh().map(|endpoint| endpoint.host);
                (format!("pod {} is {:?}, ssh at {host:?}", pod.id, pod.state), false)
            }
            Self::Act(Ok(())) => ("accepted".to_owned(), false),
            Self::Find(Ok(Found::None)) => ("there is none".to_owned(), false),
            Self::Find(Ok(Found::One(pod))) => (format!("found {}", pod.id), false),
            Self::Find(Ok(Found::Many(many))) => (format!("found {}", pods(many)), false),
            Self::Find(Ok(_)) | Self::Fleet(_) | Self::Ended(_) | Self::Nothing => (String::new(), false),
            Self::List(Ok(list)) => (format!("list [{}]", pods(list)), false),
            Self::Plan(Ok(plan)) => (format!("{:?} [{}]", plan.action, pods(&plan.existing)), false),
            Self::Reap(Ok(reaped)) => {
                let ends = reaped.iter().map(|one| format!("{} {:?} {:?}", one.pod.id, one.end, one.outcome));
                (format!("reaped [{}]", ends.collect::<Vec<_>>().join("; ")), false)
            }
            Self::Deploy(Err(error)) | Self::Plan(Err(error)) => (error.to_string(), doubts(error)),
            Self::Wait(Err(error)) => (error.to_string(), false),
            Self::Act(Err(error)) | Self::Get(Err(error)) | Self::Find(Err(error)) => (said(error), false),
            Self::List(Err(error)) | Self::Reap(Err(error)) => (said(error), false),
            Self::Volume(Ok(volume)) | Self::FoundVolume(Ok(Some(volume))) => {
                (format!("volume {} of {:?} GB", volume.id, volume.size_gb), false)
            }
            Self::FoundVolume(Ok(None)) => ("there is no such volume".to_owned(), false),
            Self::VolumeEnded(_, Ok(())) | Self::SecretEnded(Ok(())) => ("deleted".to_owned(), false),
            Self::Secret(Ok(secret)) => (format!("secret {} is set", secret.id), false),
            Self::Volume(Err(error)) => (error.to_string(), error.may_bill()),
            Self::VolumeEnded(_, Err(error)) => (error.to_string(), false),
            Self::FoundVolume(Err(error)) | Self::Secret(Err(error)) | Self::SecretEnded(Err(error)) => {
                (said(error), false)
            }
        }
    }
}

/// An operation that came to its end.
#[derive(Debug)]
pub(super) struct Done<'a> {
    pub(super) process: usize,
    pub(super) name: &'a str,
    /// Seconds for which a deploy waits for stock.
    pub(super) patience: u64,
    pub(super) tag: &'a str,
    pub(super) op: Op,
    pub(super) pod: Option<&'a PodHandle>,
    pub(super) began: Instant,
    pub(super) outcome: &'a Outcome,
    /// True if its future was polled whenever it wanted to be.
    pub(super) is_awaited: bool,
}

/// Judges one operation at its end.
pub(super) fn check(world: &mut World, done: &Done<'_>) {
    let now = world.truth.now();
    let mut broken: Vec<(&str, String)> = Vec::new();
    broken.extend(overdue(world, done, now));
    match done.outcome {
        Outcome::Deploy(Ok(pod)) => broken.extend(deployed(world, done, pod, now)),
        Outcome::Deploy(Err(error)) => broken.extend(not_deployed(world, done, error, now)),
        Outcome::Wait(outcome) => broken.extend(waited(world, done, outcome, now)),
        Outcome::Act(outcome) => broken.extend(acted(world, done, outcome.as_ref(), now)),
        Outcome::Get(outcome) => broken.extend(got(world, done, outcome.as_ref(), now)),
        Outcome::Find(Ok(found)) => broken.extend(found_right(world, done, found, now)),
        Outcome::List(Ok(list)) => {
            let ids: Vec<&str> = list.iter().map(|pod| pod.id.as_str()).collect();
            broken.extend(listed(world, done, &ids, None, now));
        }
        Outcome::Plan(Ok(plan)) if plan.action == PlannedAction::Create => {
            broken.extend(listed(world, done, &[], Some(done.name), now));
        }
        _ => {}
    }
    broken.extend(stored_oracles::check(world, done, now));
    if let Op::DeployAndWait(_, until, ..) = done.op
        && let Outcome::Deploy(Ok(pod)) = done.outcome
    {
        broken.extend(reached(world, done, pod, until, now));
    }
    for (oracle, what) in broken {
        world.breaks(oracle, what);
    }
}

/// The time a call that waits for nothing may take: four tries at each of its requests, and what RunPod asks for.
const LONGEST_CALL: Duration = Duration::from_secs(400);
/// The same for a deploy: every candidate lost and looked for, time and again, after a replacement.
const LONGEST_DEPLOY: Duration = Duration::from_secs(1800);
/// A last look and RunPod's log.
const AFTER_WAIT: Duration = Duration::from_secs(6);
/// The time after its create for which the search for a pod's twin may go on.
const TWIN_SEARCH: Duration = Duration::from_secs(31);
/// The longest that search holds up a wait which begins late.
const LATE_SEARCH: Duration = Duration::from_secs(3);
/// The poll after it.
const LAST_POLL: Duration = Duration::from_secs(4);

fn overdue(world: &World, done: &Done<'_>, now: Instant) -> Option<(&'static str, String)> {
    if !done.is_awaited {
        return None;
    }
    let until = match done.op {
        Op::Deploy(_) => done.began + LONGEST_DEPLOY + Duration::from_secs(done.patience),
        Op::DeployAndWait(_, _, longest, _) => {
            done.began + LONGEST_DEPLOY + Duration::from_secs(longest) + TWIN_SEARCH + LONGEST_CALL
        }
        Op::Wait(_, longest) => {
            let over = done.began + Duration::from_secs(longest) + AFTER_WAIT + LATE_SEARCH + LAST_POLL;
            // Fifteen seconds after its create was answered, which the deploy was told at once.
            let given = done.pod.and_then(|pod| {
                let own = world.truth.pod(&pod.id).filter(|pod| pod.creator == Some(done.process));
                let answered = own.map(|pod| pod.created_at() + TIMEOUT);
                world.given_at(done.process, &pod.id).into_iter().chain(answered).max()
            });
            over.max(given.map_or(over, |given| given + TWIN_SEARCH + LAST_POLL))
        }
        _ => done.began + LONGEST_CALL,
    };
    (now > until).then(|| ("liveness", format!("{} took {:?}", done.op, now - done.began)))
}

fn deployed(
    world: &World,
    done: &Done<'_>,
    handle: &PodHandle,
    now: Instant,
) -> Option<(&'static str, String)> {
    let Some(pod) = world.truth.pod(&handle.id) else {
        return Some(("deploy", format!("{} never was", handle.id)));
    };
    let is_made_here = pod.creator == Some(done.process) && pod.tag() == Some(done.tag);
    if handle.origin() == Origin::Created && !is_made_here {
        return Some(("deploy", format!("{} was not created by this deploy", pod.id)));
    }
    let since = done.began.checked_sub(LAG).unwrap_or(done.began);
    let was_known_to_be_gone =
        pod.terminated_at().is_some_and(|at| at < since) || ended_by(world, done, &pod.id);
    if handle.origin() == Origin::Adopted && (pod.name != done.name || was_known_to_be_gone) {
        return Some(("deploy", format!("{} ({}) was adopted, and is gone or another's", pod.id, pod.name)));
    }
    let is_fresh = handle.origin() == Origin::Created;
    // Somebody else's end of it cannot be known before it shows.
    let ended = pod.terminated_at().filter(|at| *at <= now);
    let by_itself = world.endings.iter().any(|end| end.pod == pod.id && end.process == done.process);
    (is_fresh && ended.is_some() && by_itself && !world.has_actors_beside(done.process))
        .then(|| ("deploy", format!("{} was given, and is terminated", pod.id)))
}

/// Returns true if this process had terminated a pod, and was told so, before an operation began.
fn ended_by(world: &World, done: &Done<'_>, id: &str) -> bool {
    world.ended.iter().any(|end| end.process == done.process && end.pod == id && end.ended <= done.began)
}

/// A deploy that says that nothing bills on its account.
fn not_deployed(
    world: &World,
    done: &Done<'_>,
    error: &DeployError,
    now: Instant,
) -> Option<(&'static str, String)> {
    let is_left = |pod: &&TruePod| {
        pod.creator == Some(done.process) && pod.tag() == Some(done.tag) && !pod.is_terminated_at(now)
    };
    if let DeployError::GaveWay(error) = error
        && let Some(broken) = gave_way(world, error)
    {
        return Some(broken);
    }
    // One that a warning named is known, whatever the error says of the deploy's own pod.
    let is_hidden = |pod: &&TruePod| is_left(pod) && !is_known(world, pod);
    let left = world.truth.pods.iter().find(is_hidden).filter(|_| !error.may_bill())?;
    Some(("unknown pods", format!("{} bills, and the error says that none does", left.id)))
}

/// When this process last began to change a pod.
fn changed_at(world: &World, process: usize, id: &str) -> Option<Instant> {
    let mut changes = world.changes.iter().rev();
    changes.find(|change| change.process == process && change.pod == id).map(|change| change.began)
}

/// Since when a pod's states are evidence for an operation of a process.
fn evidence_since(world: &World, done: &Done<'_>, id: &str) -> Instant {
    let before = done.began.checked_sub(LAG).unwrap_or(done.began);
    changed_at(world, done.process, id).map_or(before, |at| at.max(before))
}

fn waited(
    world: &World,
    done: &Done<'_>,
    outcome: &Result<PodHandle, WaitError>,
    now: Instant,
) -> Option<(&'static str, String)> {
    let Op::Wait(until, _) = done.op else { return None };
    match outcome {
        Ok(handle) => reached(world, done, handle, until, now),
        Err(WaitError::GaveWay { source, .. }) => gave_way(world, source),
        Err(error) => {
            let pod = world.truth.pod(error.pod_id())?;
            if !error.may_bill() && !pod.is_terminated_at(now) {
                return Some(("gone", format!("{} is said to bill nothing, and is there", pod.id)));
            }
            let WaitError::Failed { reason, .. } = error else { return None };
            let since = evidence_since(world, done, &pod.id);
            let was_stopped = pod.was(|phase| phase == Phase::Exited, since, now);
            let is_gone = pod.is_terminated_at(now);
            if reason.contains("is stopped") && !was_stopped {
                return Some((
                    "stopped",
                    format!("{} is said to be stopped, and never was since {since:?}", pod.id),
                ));
            }
            ((reason.contains("no longer exists") || reason.contains("terminated")) && !is_gone)
                .then(|| ("gone", format!("{} is said to be gone, and is there", pod.id)))
        }
    }
}

/// A wait that says that it was fulfilled.
fn reached(
    world: &World,
    done: &Done<'_>,
    handle: &PodHandle,
    until: Until,
    now: Instant,
) -> Option<(&'static str, String)> {
    let pod = world.truth.pod(&handle.id)?;
    let since = evidence_since(world, done, &pod.id);
    let was = |is_it: fn(Phase) -> bool| pod.was(is_it, since, now);
    match until {
        Until::Gone => (!pod.is_terminated_at(now))
            .then(|| ("gone", format!("{} is said to be gone, and is there", pod.id))),
        Until::Stopped => (!was(|phase| phase == Phase::Exited))
            .then(|| ("stopped", format!("{} is said to be stopped, and was not", pod.id))),
        Until::Running => (!was(Phase::is_running))
            .then(|| ("running", format!("{} is said to be running, and was not", pod.id))),
        Until::Ssh | Until::Ports => ready(world, done, handle, pod, now),
        Until::Http => (!pod.was(
            |phase| matches!(phase, Phase::Running { is_reachable: true, .. }),
            done.began.max(since),
            now,
        ))
        .then(|| ("ready", format!("{} is said to answer over HTTP, and was not up", pod.id))),
    }
}

/// Ready is said only of an endpoint of the pod's present run, as far as anybody could know.
fn ready(
    world: &World,
    done: &Done<'_>,
    handle: &PodHandle,
    pod: &TruePod,
    now: Instant,
) -> Option<(&'static str, String)> {
    let Some(endpoint) = handle.connection().direct_ssh() else {
        return Some(("ready", format!("{} is said to be ready, and has no endpoint", pod.id)));
    };
    let Some((owner, run)) = world.truth.at_address(&endpoint.host) else {
        return Some((
            "ready",
            format!("{} is said to be ready at {}, which is nobody's", pod.id, endpoint.host),
        ));
    };
    if owner.id != pod.id {
        return Some((
            "ready",
            format!("{} is said to be ready at {}, which is {}'s", pod.id, endpoint.host, owner.id),
        ));
    }
    let ended = pod.run_ended(run).filter(|at| *at <= now)?;
    let began = pod.began_run(run);
    let ends_it = |change: &Change| {
        change.process == done.process
            && change.pod == pod.id
            && began.is_some_and(|began| began < change.began)
            && change.began <= ended
            && change.ended <= done.began
    };
    // A change that was refused ended nothing: somebody else did, which nobody could know.
    let is_its_own = world.applied.iter().any(|change| {
        let is_it = change.process == done.process && change.pod == pod.id;
        is_it && change.acts <= ended && ended <= change.acts + Duration::from_secs(1)
    });
    let known = is_its_own && world.changes.iter().any(ends_it);
    // An answer on its way may be as old as it took to come and to be probed.
    let is_long_over = done.is_awaited && ended + LAG + 2 * TIMEOUT < now;
    (known || is_long_over).then(|| {
        let what = format!(
            "{} is said to be ready at {}, of run {run}, which ended {:?} ago",
            pod.id,
            endpoint.host,
            now - ended
        );
        ("ready", what)
    })
}

fn acted(
    world: &World,
    done: &Done<'_>,
    outcome: Result<&(), &Error>,
    now: Instant,
) -> Option<(&'static str, String)> {
    let pod = world.truth.pod(&done.pod?.id)?;
    match (done.op, outcome) {
        (Op::Terminate, Ok(())) if !pod.is_terminated_at(now) => {
            Some(("gone", format!("{} is said to be terminated, and is there", pod.id)))
        }
        (Op::Stop, Ok(()))
            if !pod.was(
                |phase| matches!(phase, Phase::Exited | Phase::Terminated),
                done.began,
                now + LAG,
            ) =>
        {
            Some(("stopped", format!("the stop of {} was accepted, and it never stops", pod.id)))
        }
        (Op::Start, Ok(())) if !pod.was(|phase| phase != Phase::Exited, done.began, now + LAG) => {
            Some(("running", format!("the start of {} was accepted, and it never starts", pod.id)))
        }
        (_, Err(error)) if !error.may_have_been_applied() && was_done(world, done, &pod.id, now) => {
            Some(("done", format!("{} of {} was done, and the error says that it was not", done.op, pod.id)))
        }
        _ => None,
    }
}

/// Returns true if a request of this operation changed the pod.
fn was_done(world: &World, done: &Done<'_>, id: &str, now: Instant) -> bool {
    let is_it = |change: &AppliedChange| {
        change.process == done.process && change.pod == id && (done.began..=now).contains(&change.accepted)
    };
    world.applied.iter().any(is_it) && !world.has_actors_beside(done.process)
}

fn got(
    world: &World,
    done: &Done<'_>,
    outcome: Result<&PodHandle, &Error>,
    now: Instant,
) -> Option<(&'static str, String)> {
    let pod = world.truth.pod(&done.pod?.id)?;
    let is_gone = pod.is_terminated_at(now);
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound && !is_gone => {
            Some(("gone", format!("{} is said to be gone, and is there", pod.id)))
        }
        _ => None,
    }
}

fn found_right(
    world: &World,
    done: &Done<'_>,
    found: &Found,
    now: Instant,
) -> Option<(&'static str, String)> {
    let ids: Vec<&str> = match found {
        Found::One(pod) => vec![pod.id.as_str()],
        Found::Many(pods) => pods.iter().map(|pod| pod.id.as_str()).collect(),
        _ => Vec::new(),
    };
    listed(world, done, &ids, Some(done.name), now)
}

/// A list of all pods, or of those of a name, has every one that must be known by now.
fn listed(
    world: &World,
    done: &Done<'_>,
    ids: &[&str],
    name: Option<&str>,
    now: Instant,
) -> Option<(&'static str, String)> {
    let since = done.began.checked_sub(LAG)?;
    // A search by name knows what its own process made, or may have made when it was dropped; a second pod of that
    // create it knows once lists must show it.
    let is_shown = |pod: &&TruePod| ids.contains(&pod.id.as_str());
    let is_second =
        |pod: &TruePod| world.truth.pods.iter().filter(is_shown).any(|shown| shown.marker() == pod.marker());
    let is_own = |pod: &TruePod| {
        let is_dropped = pod.creator == Some(done.process)
            && !is_second(pod)
            && pod.created_at() < done.began
            && pod.tag().is_some_and(|tag| world.dropped.iter().any(|dropped| dropped == tag));
        name.is_some()
            && (is_dropped || world.given_at(done.process, &pod.id).is_some_and(|at| at <= done.began))
    };
    let is_missing = |pod: &&TruePod| {
        name.is_none_or(|name| pod.name == name)
            && (pod.created_at() <= since || is_own(pod))
            && !pod.is_terminated_at(now)
            && !ids.contains(&pod.id.as_str())
    };
    if let Some(pod) = world.truth.pods.iter().find(is_missing) {
        return Some(("none", format!("{} is there, and {} does not show it", pod.id, done.op)));
    }
    // A search by name knows what a list has shown, and a 404 about that proves nothing for as long again.
    let gone_since = if name.is_some() { done.began.checked_sub(2 * LAG)? } else { since };
    let is_long_gone = |id: &&&str| {
        let ended = world.truth.pod(id).and_then(TruePod::terminated_at);
        // What it was given a moment ago counts as new, whenever it was created.
        let given_at = world.given_at(done.process, id).filter(|_| name.is_some());
        let is_given = given_at.is_some_and(|at| at + 2 * LAG > done.began);
        ended.is_some_and(|at| at < gone_since && !is_given) || (name.is_some() && ended_by(world, done, id))
    };
    ids.iter().find(is_long_gone).map(|id| ("gone", format!("{id} is long gone, and {} shows it", done.op)))
}

/// Judges a run at its end.
pub(super) fn audit(world: &mut World) {
    let now = world.truth.now();
    let mut broken: Vec<(&str, String)> = Vec::new();
    for pod in world.truth.pods.iter().filter(|pod| pod.creator.is_some() && !pod.is_terminated_at(now)) {
        if !is_known(world, pod) {
            broken.push((
                "unknown pods",
                format!("{} ({}) bills, and nobody was told of it", pod.id, pod.name),
            ));
        }
    }
    for told in &world.told {
        if told.text.contains(SECRET) || told.text.contains(KEY) {
            broken.push(("secrets", format!("process {} was told a secret: {}", told.process, told.text)));
        }
    }
    broken.extend(second_pods(world, now));
    broken.extend(stored_oracles::audit(world, now));
    for (oracle, what) in broken {
        world.breaks(oracle, what);
    }
}

/// Returns true if an actor was told of a pod: by its id, by its name in doubt, or by having dropped its deploy.
fn is_known(world: &World, pod: &TruePod) -> bool {
    let is_dropped = pod.tag().is_some_and(|tag| world.dropped.iter().any(|dropped| dropped == tag));
    // A deploy without a wait that was not dropped looks for no second pod of its create.
    let is_unwaited_twin = world.given.iter().any(|(process, given)| {
        given != &pod.id
            && world
                .truth
                .pod(given)
                .is_some_and(|given| given.marker() == pod.marker() && given.marker().is_some())
            && !world.waited.contains(&(*process, given.clone()))
    });
    let mut told = world.told.iter().filter(|told| Some(told.process) == pod.creator);
    let is_doubted = |text: &str| {
        let siblings = world.truth.pods.iter().filter(|other| other.name == pod.name);
        text.contains(&format!("{:?}", pod.name))
            || siblings.into_iter().any(|other| text.contains(&other.id))
    };
    is_dropped
        || is_unwaited_twin
        || told.any(|told| told.text.contains(&pod.id) || (told.doubts_name && is_doubted(&told.text)))
}

/// Deploys of one name through one process leave one pod, and so do processes that share nothing once they have waited.
fn second_pods(world: &World, now: Instant) -> Option<(&'static str, String)> {
    let alive = |id: &str| world.truth.pod(id).filter(|pod| !pod.is_terminated_at(now));
    let given: Vec<&TruePod> = world.given.iter().filter_map(|(_, id)| alive(id)).collect();
    for (position, pod) in given.iter().enumerate() {
        let second = given[..position].iter().find(|other| {
            let is_second = || match other.creator == pod.creator {
                true => true,
                false => world.is_one_per_name && has_settled(world, later(other, pod)),
            };
            other.name == pod.name && other.id != pod.id && is_second()
        });
        if let Some(other) = second {
            return Some(("one per name", format!("{} and {} are both {:?}", other.id, pod.id, pod.name)));
        }
    }
    None
}

fn later<'a>(one: &'a TruePod, other: &'a TruePod) -> &'a TruePod {
    let order = |pod: &TruePod| (pod.created_at(), pod.id.clone());
    if order(one) > order(other) { one } else { other }
}

/// Returns true if whoever deployed a pod has waited for it to the end, and was told of no doubt.
fn has_settled(world: &World, pod: &TruePod) -> bool {
    let doubts = [
        format!("may have been created beside {}", pod.id),
        format!("before {}, which could not be terminated", pod.id),
    ];
    let is_told = |told: &Told| doubts.iter().any(|doubt| told.text.contains(doubt));
    pod.creator.is_some_and(|creator| world.waited.contains(&(creator, pod.id.clone())))
        && !world.told.iter().any(|told| Some(told.process) == pod.creator && is_told(told))
}

/// The pod that a deploy gave its own up for is an earlier one of another deploy.
fn gave_way(world: &World, gave_way: &GaveWay) -> Option<(&'static str, String)> {
    let own = world.truth.pod(&gave_way.pod_id)?;
    let winner = world.truth.pod(&gave_way.winner.id);
    let is_right = winner.is_some_and(|winner| {
        winner.name == own.name && winner.marker() != own.marker() && later(winner, own).id == own.id
    });
    (!is_right).then(|| ("one per name", format!("{} gave way to {}", own.id, gave_way.winner.id)))
}
