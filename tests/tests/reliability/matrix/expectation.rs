//! What each cell must come to, from what RunPod's answers mean and what the operation may do.

use runpod_lifecycle::ErrorKind;

use super::{
    cell::{Cell, Outcome},
    fault::Meaning,
    operation::{Operation, Policy},
};

/// The one right outcome.
pub(crate) fn of(cell: &Cell) -> Outcome {
    let Cell { row, fault, .. } = cell;
    match (row.policy, fault.meaning) {
        (Policy::Watched, Meaning::Final(ErrorKind::RateLimited)) => Outcome::TimedOut,
        // The search for a twin is all that reads a list.
        (Policy::Twins, _) if cell.outlasts_the_search() => Outcome::Warned,
        (Policy::Twins, _) => Outcome::Done,
        // What is left of the hour is nothing, also for the calls that follow.
        (Policy::Ignored, Meaning::Final(ErrorKind::RateLimited)) if row.operation == Operation::Plan => {
            Outcome::Done
        }
        (Policy::Ignored, Meaning::Final(ErrorKind::RateLimited)) => Outcome::Failed(ErrorKind::RateLimited),
        (Policy::Ignored, _) => Outcome::Done,
        (_, Meaning::Final(kind)) => Outcome::Failed(kind),
        (Policy::Once, Meaning::Passing(kind)) => Outcome::Failed(kind),
        (Policy::Once, Meaning::Nameless) => Outcome::Failed(ErrorKind::Unreadable),
        (_, Meaning::Nameless) if row.makes("listPods") => without_ids(row.operation),
        _ => Outcome::Done,
    }
}

/// A list whose pods have no ids: pods of other names do not matter, the one looked for does.
fn without_ids(operation: Operation) -> Outcome {
    match operation {
        Operation::DeployNew => Outcome::Done,
        Operation::Reap => Outcome::Warned,
        _ => Outcome::Failed(ErrorKind::Unreadable),
    }
}
