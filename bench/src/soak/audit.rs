//! Audit after a run: the truth against what its actors know.

use std::{collections::BTreeSet, time::Duration};

use runpod_lifecycle::{Found, Pod, PodHandle, RunPod, Verdict, WaitError};
use runpod_sim::{LedgerEntry, PodStatus, RequestRecord, Sim};
use tokio::time::sleep;

use super::{
    life::{Fate, Known, Remains},
    plan::{Plan, Step},
    report::Tally,
};

/// Long enough for every list to show every pod.
const EVERYTHING_LISTED: Duration = Duration::from_secs(60);
/// Long enough for every handle to forget the last list it read.
const LISTS_FORGOTTEN: Duration = Duration::from_secs(3);
/// A request may have been on its way when the answer came that closed the window.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// Compares the simulator's ledger with what came out of the calls.
pub(super) async fn audit(
    plan: &Plan,
    sim: &Sim,
    foreign: &[String],
    remains: Vec<Remains>,
    known: &Known,
    tally: &mut Tally,
) {
    tally.faults += sim.faults().iter().map(|report| report.fired).sum::<u64>();
    tally.requests += sim.requests().len() as u64;
    check_quota(plan, sim, tally);
    sim.clear_faults();
    sim.advance(EVERYTHING_LISTED);
    sleep(LISTS_FORGOTTEN).await;
    for rest in &remains {
        if let Fate::Accepted(pod) = &rest.fate {
            check_twins(sim, rest, pod, tally).await;
        }
    }
    let ledger = sim.ledger();
    tally.pods += ledger.len() as u64;
    for id in foreign {
        let untouched = |entry: &LedgerEntry| entry.pod_id == *id && entry.status == PodStatus::Running;
        if !ledger.iter().any(untouched) {
            tally.foreign += 1;
            tally.fail(format!("foreign pod {id} was touched"));
        }
    }
    let known = known.ids();
    for entry in ledger.iter().filter(|entry| entry.terminated.is_none()) {
        if !foreign.contains(&entry.pod_id) && !known.contains(&entry.pod_id) {
            check_unknown(sim, entry, &remains, tally).await;
        }
    }
}

/// Nothing may be sent while RunPod wants to be left alone, but what ends billing. Handles do not know of each other's refusals, and
/// nobody hears the answer to a call that was dropped.
fn check_quota(plan: &Plan, sim: &Sim, tally: &mut Tally) {
    let is_shared = plan.one_handle || plan.actors.len() == 1;
    if !is_shared || tally.cancelled > 0 {
        return;
    }
    let requests = sim.requests();
    // A reap may look at any time, and its looks are not told from others.
    let reaps =
        plan.actors.iter().any(|actor| actor.steps.iter().any(|(step, _)| matches!(step, Step::Reap)));
    let is_urgent = |request: &RequestRecord| {
        ends_billing(request)
            || (reaps && matches!(request.operation.as_deref(), Some("listPods" | "getPod")))
    };
    for refused in requests.iter().filter(|request| request.fault == Some("rate-limited")) {
        let (from, to) = (refused.at + ON_ITS_WAY, refused.at + plan.limit.hold());
        let is_hasty = |request: &&RequestRecord| request.at > from && request.at < to && !is_urgent(request);
        for hasty in requests.iter().filter(is_hasty) {
            tally.quota += 1;
            tally.fail(format!("{} was sent {:?} into the wait", hasty.path, hasty.at - refused.at));
        }
    }
}

/// Returns true for what ends billing, which is always sent.
fn ends_billing(request: &RequestRecord) -> bool {
    match request.operation.as_deref() {
        Some("podAction") => request.action.as_deref() == Some("stop"),
        operation => operation == Some("deletePod"),
    }
}

/// The most waits that settle what has a pod's name, once no faults are left.
const SETTLING: usize = 4;

/// After its first wait, a deployment has one pod at most.
async fn check_twins(sim: &Sim, rest: &Remains, pod: &PodHandle, tally: &mut Tally) {
    let at_once = |_: Option<&Pod>| Verdict::Done;
    for time in 1..=SETTLING {
        match pod.wait_until(at_once, Duration::from_secs(30)).await {
            Err(WaitError::GaveWay { source, .. }) if !source.may_bill() => {}
            // It says that the pod may bill, since a 404 is no proof yet; the next one goes on where it stood.
            Err(WaitError::GaveWay { .. }) if time < SETTLING => {
                sleep(EVERYTHING_LISTED).await;
                continue;
            }
            Err(error) => tally.fail(format!("the audit could not look: {error}")),
            Ok(_) => {}
        }
        break;
    }
    let ledger = sim.ledger();
    let of_it =
        ledger.iter().filter(|entry| entry.terminated.is_none() && entry.env_keys.contains(&rest.tag));
    let markers: Vec<_> = of_it.map(|entry| entry.marker.clone()).collect();
    let different: BTreeSet<_> = markers.iter().collect();
    if different.len() < markers.len() {
        tally.duplicates += 1;
        tally.fail(format!("{} has {} pods of one deployment", rest.name, markers.len()));
    }
}

/// A pod whose id nobody has: its deploy said so, or was dropped and a search shows it, or it is lost.
async fn check_unknown(sim: &Sim, entry: &LedgerEntry, remains: &[Remains], tally: &mut Tally) {
    let fate = remains.iter().find(|rest| entry.env_keys.contains(&rest.tag)).map(|rest| &rest.fate);
    match fate {
        Some(Fate::Unclear) => tally.said += 1,
        Some(Fate::Dropped) if is_shown(sim, entry).await => tally.shown += 1,
        fate => {
            let why = match fate {
                Some(Fate::Failed(reason)) => reason,
                Some(Fate::Accepted(pod)) => &format!("the deploy brought {}", pod.id),
                _ => "no search shows it",
            };
            tally.unknown += 1;
            tally.fail(format!("nobody knows of pod {} ({}): {why}", entry.pod_id, entry.name));
        }
    }
}

/// Returns true if a search by its name shows a pod, and a call for it that it is one of ours: lists may hide that.
async fn is_shown(sim: &Sim, entry: &LedgerEntry) -> bool {
    let Ok(runpod) = RunPod::builder(sim.api_key()).base_url(sim.url()).build() else { return false };
    let found = match runpod.find(&entry.name).await {
        Ok(Found::One(pod)) => vec![pod],
        Ok(Found::Many(pods)) => pods,
        _ => return false,
    };
    match found.iter().find(|pod| pod.id == entry.pod_id) {
        Some(pod) => pod.is_ours() || pod.refresh().await.is_ok_and(|pod| pod.is_ours()),
        None => false,
    }
}
