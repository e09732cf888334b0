//! Expected outcome of each cell, from what RunPod's answers mean and what the operation may do.

use std::time::Duration;

use runpod_lifecycle::ErrorKind;

use super::{
    cell::{Cell, Outcome},
    fault::Meaning,
    operation::{Operation, Policy},
};

/// The longest that the past of a log is waited for.
const LONGEST_HISTORY: Duration = Duration::from_secs(10);
/// The time for which a twin is searched for.
const TWIN_SEARCH: Duration = Duration::from_secs(15);

/// The one right outcome.
pub(crate) fn of(cell: &Cell) -> Outcome {
    let Cell { row, fault, .. } = cell;
    // A pod that shows no mounts, and that its id does not show, may mount it.
    if row.operation == Operation::DeleteVolume
        && fault.name == "odd pod in the list"
        && row.makes("listPods")
    {
        return Outcome::Failed(ErrorKind::InUse);
    }
    match (row.policy, fault.meaning) {
        (Policy::Watched, Meaning::Final(ErrorKind::RateLimited)) => Outcome::TimedOut,
        // The old pod was terminated, and nothing can be read that shows it.
        (Policy::Ending, Meaning::Final(ErrorKind::RateLimited))
            if row.operation == Operation::DeployReplace =>
        {
            Outcome::TimedOut
        }
        (Policy::Ending, Meaning::Final(ErrorKind::RateLimited))
        | (Policy::Catalog, Meaning::Final(ErrorKind::Blocked)) => Outcome::Done,
        // Nothing else can be sent either.
        (Policy::Stock, Meaning::Final(ErrorKind::RateLimited)) => Outcome::Failed(ErrorKind::RateLimited),
        (Policy::Stock, Meaning::Final(ErrorKind::Retired)) => Outcome::Failed(ErrorKind::Retired),
        (Policy::Stock, _) => Outcome::Done,
        // The past of a log has so long to be opened.
        _ if row.operation == Operation::Logs && cell.is_limited_for(LONGEST_HISTORY) => {
            Outcome::Failed(ErrorKind::RateLimited)
        }
        // The search for a twin is all that reads a list.
        (Policy::Twins, _) if cell.is_limited_for(TWIN_SEARCH) => Outcome::Warned,
        (Policy::Twins, _) => Outcome::Done,
        // What is left of the hour is nothing, also for the calls that follow.
        (Policy::Ignored, Meaning::Final(ErrorKind::RateLimited)) if row.operation == Operation::Plan => {
            Outcome::Done
        }
        (Policy::Ignored, Meaning::Final(ErrorKind::RateLimited)) => Outcome::Failed(ErrorKind::RateLimited),
        (Policy::Ignored, _) => Outcome::Done,
        // The answer shows nothing that the pod can be told by later.
        (Policy::Create, _) if matches!(fault.name, "env missing" | "env null") => Outcome::Warned,
        (Policy::Optional, Meaning::Final(ErrorKind::Blocked)) => Outcome::Warned,
        (_, Meaning::Final(kind)) => Outcome::Failed(kind),
        (Policy::Make, Meaning::Passing(kind)) if kind != ErrorKind::RateLimited => match fault.applies() {
            true => Outcome::Warned,
            false => Outcome::Failed(kind),
        },
        (Policy::Once, Meaning::Passing(kind)) => Outcome::Failed(kind),
        (Policy::Once, Meaning::Nameless) => Outcome::Failed(ErrorKind::Unreadable),
        (_, Meaning::Nameless) if row.makes("listPods") => without_ids(row.operation),
        _ => Outcome::Done,
    }
}

/// A list whose pods have no ids: pods of other names do not matter, the one looked for does.
fn without_ids(operation: Operation) -> Outcome {
    match operation {
        Operation::DeployNew | Operation::DeployAll => Outcome::Done,
        Operation::Reap => Outcome::Warned,
        _ => Outcome::Failed(ErrorKind::Unreadable),
    }
}
