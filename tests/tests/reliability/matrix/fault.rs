//! Faults.

use std::time::Duration;

use runpod_lifecycle::{ApiVersion, ErrorKind};
use runpod_sim::FaultKind;

use super::operation::{Operation, Policy, Row};

/// The time that the client of a cell waits for an answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
/// A window that no call waits for.
const ALL_DAY: Duration = Duration::from_secs(1000);

/// Meaning of a fault to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It may pass; this is what it is called if it does not.
    Passing(ErrorKind),
    /// It does not pass.
    Final(ErrorKind),
    /// The call brought what it was made for.
    Harmless,
    /// A pod without its id.
    Nameless,
    /// A field is missing without which a pod cannot be told from others.
    Unmarked,
}

/// A column of the matrix.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) kind: FaultKind,
    pub(crate) meaning: Meaning,
    /// The time for which one of it holds a call up.
    pub(crate) delay: Duration,
    /// Lag of lists.
    pub(crate) list_lag: Duration,
}

const LAG: Duration = Duration::from_secs(2);
const LONG_LAG: Duration = Duration::from_secs(12);

fn fault(name: &'static str, kind: FaultKind, meaning: Meaning) -> Fault {
    Fault { name, kind, meaning, delay: Duration::ZERO, list_lag: LAG }
}

fn slow(name: &'static str, kind: FaultKind, meaning: Meaning, delay: Duration) -> Fault {
    Fault { delay, ..fault(name, kind, meaning) }
}

fn limited(name: &'static str, retry_after: Option<u64>, exhausted_for: Option<Duration>) -> Fault {
    let retry_after = retry_after.map(Duration::from_secs);
    // The simulator's minute is over after a minute if it does not say when to come back.
    let delay = retry_after.unwrap_or(Duration::from_secs(60)).max(exhausted_for.unwrap_or_default());
    let meaning = match delay {
        ALL_DAY => Meaning::Final(ErrorKind::RateLimited),
        _ => Meaning::Passing(ErrorKind::RateLimited),
    };
    slow(name, FaultKind::RateLimited { retry_after, exhausted_for }, meaning, delay)
}

pub(crate) fn all() -> Vec<Fault> {
    use ErrorKind::{Blocked, Interrupted, Retired, Server, Unreadable};
    use Meaning::{Final, Harmless, Nameless, Passing, Unmarked};
    let field = str::to_owned;
    let hang = |applied| FaultKind::Hang { lasting: TIMEOUT * 2, applied };
    vec![
        fault("connection dropped, not applied", FaultKind::DropBeforeRead, Passing(Interrupted)),
        fault("connection dropped, applied", FaultKind::DropAfterApply, Passing(Interrupted)),
        fault("connection dropped in the answer", FaultKind::DropMidAnswer, Passing(Interrupted)),
        fault("500, not applied", FaultKind::status_before(500), Passing(Server)),
        fault("500, applied", FaultKind::status_after(500), Passing(Server)),
        fault("502, not applied", FaultKind::status_before(502), Passing(Server)),
        fault("502, applied", FaultKind::status_after(502), Passing(Server)),
        fault("503, not applied", FaultKind::status_before(503), Passing(Server)),
        fault("503, applied", FaultKind::status_after(503), Passing(Server)),
        fault("504, not applied", FaultKind::status_before(504), Passing(Server)),
        fault("504, applied", FaultKind::status_after(504), Passing(Server)),
        limited("429, Retry-After 1 s", Some(1), None),
        limited("429, no Retry-After", None, None),
        limited("429, hour exhausted for 5 s more", Some(1), Some(Duration::from_secs(5))),
        limited("429, hour exhausted for long", Some(1), Some(ALL_DAY)),
        fault("403 from the edge", FaultKind::EdgeBlock, Final(Blocked)),
        fault("HTML 200, not applied", FaultKind::Html { status: 200, applied: false }, Passing(Unreadable)),
        fault("HTML 200, applied", FaultKind::Html { status: 200, applied: true }, Passing(Unreadable)),
        fault("HTML 502, not applied", FaultKind::Html { status: 502, applied: false }, Passing(Server)),
        fault("HTML 502, applied", FaultKind::Html { status: 502, applied: true }, Passing(Server)),
        fault("truncated JSON", FaultKind::TruncatedJson, Passing(Interrupted)),
        fault("wrong content type", FaultKind::WrongContentType, Harmless),
        // Each of its ten pauses is rounded up to the clock's steps, and all of it has to fit into the timeout.
        slow("slow body", FaultKind::SlowBody { lasting: TIMEOUT / 4 }, Harmless, TIMEOUT / 2),
        slow("hang, not applied", hang(false), Passing(Interrupted), TIMEOUT),
        slow("hang, applied", hang(true), Passing(Interrupted), TIMEOUT),
        fault("unknown status", FaultKind::UnknownEnum { field: field("status") }, Harmless),
        fault("id missing", FaultKind::MissingField { field: field("id") }, Nameless),
        fault("id null", FaultKind::NullField { field: field("id") }, Nameless),
        fault("name missing", FaultKind::MissingField { field: field("name") }, Harmless),
        fault("name null", FaultKind::NullField { field: field("name") }, Harmless),
        fault("env missing", FaultKind::MissingField { field: field("env") }, Unmarked),
        fault("env null", FaultKind::NullField { field: field("env") }, Unmarked),
        fault("status missing", FaultKind::MissingField { field: field("status") }, Harmless),
        fault("status null", FaultKind::NullField { field: field("status") }, Harmless),
        fault("odd pod in the list", FaultKind::OddPod, Harmless),
        Fault {
            list_lag: LONG_LAG,
            ..fault("answer lost, lists 12 s late", FaultKind::DropAfterApply, Passing(Interrupted))
        },
        fault("create makes two", FaultKind::DuplicateCreate, Harmless),
        Fault {
            list_lag: LONG_LAG,
            ..fault("create makes two, lists 12 s late", FaultKind::DuplicateCreate, Harmless)
        },
        fault("410", FaultKind::Gone, Final(Retired)),
    ]
}

impl Fault {
    /// The fault as it happens to a version of the API: v1 has its own word for the status.
    pub(crate) fn on(&self, version: ApiVersion) -> FaultKind {
        let mut kind = self.kind.clone();
        if let FaultKind::UnknownEnum { field }
        | FaultKind::MissingField { field }
        | FaultKind::NullField { field } = &mut kind
            && field == "status"
            && version == ApiVersion::V1
        {
            "desiredStatus".clone_into(field);
        }
        kind
    }

    /// Returns true if the call takes effect all the same.
    pub(crate) fn applies(&self) -> bool {
        match &self.kind {
            FaultKind::DropBeforeRead
            | FaultKind::RateLimited { .. }
            | FaultKind::EdgeBlock
            | FaultKind::Gone => false,
            FaultKind::Status { applied, .. }
            | FaultKind::Html { applied, .. }
            | FaultKind::Hang { applied, .. } => *applied,
            _ => true,
        }
    }

    /// Returns true if it can happen to the row's call and change anything.
    pub(crate) fn suits(&self, row: &Row) -> bool {
        match &self.kind {
            FaultKind::UnknownEnum { .. } | FaultKind::MissingField { .. } | FaultKind::NullField { .. } => {
                row.answers_pods()
            }
            FaultKind::TruncatedJson | FaultKind::SlowBody { .. } | FaultKind::DropMidAnswer => {
                row.answers_json()
            }
            FaultKind::WrongContentType => !row.is_delete(),
            FaultKind::OddPod => row.makes("listPods"),
            FaultKind::DuplicateCreate => row.policy == Policy::Create,
            _ if self.list_lag == LONG_LAG => {
                row.policy == Policy::Create || row.operation == Operation::WaitRunning
            }
            _ => true,
        }
    }
}
