//! The tape's choices: what becomes of a request, what is heard of it, and how old or late an answer is.

use std::time::Duration;

use super::truth::{Boot, LAG};

/// Fate of a request that changes something: its effect, and what is heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Never,
    Once,
    /// Two pods out of one create.
    Twice,
    /// A few seconds after it was accepted.
    Later,
}

/// The part of an answer that is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Right,
    Lost,
    Cut,
    Late,
    Hung,
    Timeout408,
    TooMany,
    Failed500,
    Html502,
    Busy503,
    NoReason400,
    NoStock400,
    Rule422,
    NotKnown404,
    Route404,
    Locked400,
    Conflict409,
    OddBody,
    /// Only of reads: as it was a while ago.
    Old,
    /// Only of reads: the environment shows no values.
    Masked,
    /// Only of lists: in several pages.
    Pages,
    OldInPages,
}

use Done::{Later, Never, Once, Twice};
use Heard::{
    Busy503, Conflict409, Cut, Failed500, Html502, Hung, Late, Locked400, Lost, Masked, NoReason400,
    NoStock400, NotKnown404, OddBody, Old, OldInPages, Pages, Right, Route404, Rule422, Timeout408, TooMany,
};

pub(super) const CREATE: &[(Done, Heard)] = &[
    (Once, Right),
    (Once, Lost),
    (Never, Lost),
    (Once, Failed500),
    (Never, Failed500),
    (Once, Html502),
    (Never, Busy503),
    (Once, Cut),
    (Once, NoReason400),
    (Never, NoReason400),
    (Never, NoStock400),
    (Never, TooMany),
    (Once, Timeout408),
    (Twice, Right),
    (Twice, Lost),
    (Once, OddBody),
    (Once, Late),
    (Once, Hung),
    (Never, Hung),
    (Never, Rule422),
];
pub(super) const DELETE: &[(Done, Heard)] = &[
    (Once, Right),
    (Once, Lost),
    (Never, Lost),
    (Once, Failed500),
    (Never, Failed500),
    (Once, Html502),
    (Never, Busy503),
    (Once, NoReason400),
    (Never, NoReason400),
    (Never, TooMany),
    (Never, Locked400),
    (Never, NotKnown404),
    (Never, Route404),
    (Once, OddBody),
    (Once, Late),
    (Once, Timeout408),
    (Once, Hung),
    (Never, Hung),
];
pub(super) const ACT: &[(Done, Heard)] = &[
    (Once, Right),
    (Later, Right),
    (Once, Lost),
    (Never, Lost),
    (Once, Failed500),
    (Never, Failed500),
    (Once, Html502),
    (Never, Busy503),
    (Once, NoReason400),
    (Never, NoReason400),
    (Never, TooMany),
    (Never, Locked400),
    (Never, Conflict409),
    (Never, NotKnown404),
    (Never, Route404),
    (Once, OddBody),
    (Once, Late),
    (Once, Timeout408),
    (Once, Hung),
    (Never, Hung),
    (Never, NoStock400),
];
pub(super) const GET: &[Heard] = &[
    Right,
    Old,
    NotKnown404,
    Lost,
    Cut,
    Timeout408,
    TooMany,
    Failed500,
    Html502,
    Busy503,
    NoReason400,
    Route404,
    Masked,
    OddBody,
    Late,
    Hung,
];
pub(super) const LIST: &[Heard] = &[
    Right,
    Old,
    Pages,
    OldInPages,
    Lost,
    Cut,
    Timeout408,
    TooMany,
    Failed500,
    Html502,
    Busy503,
    NoReason400,
    Masked,
    OddBody,
    Late,
    Hung,
];
pub(super) const CATALOG: &[Heard] = &[Right, Failed500, Lost, TooMany];

/// Creates, changes, deletes and reads of what is stored.
pub(super) const STORED_CREATE: &[(Done, Heard)] = &[
    (Once, Right),
    (Once, Lost),
    (Never, Lost),
    (Once, Failed500),
    (Never, Failed500),
    (Once, Html502),
    (Never, Busy503),
    (Once, Cut),
    (Once, NoReason400),
    (Never, NoReason400),
    (Never, TooMany),
    (Once, Timeout408),
    (Twice, Lost),
    (Once, OddBody),
    (Once, Late),
    (Once, Hung),
    (Never, Hung),
    (Never, Rule422),
];
pub(super) const STORED_CHANGE: &[(Done, Heard)] = &[
    (Once, Right),
    (Once, Lost),
    (Never, Lost),
    (Once, Failed500),
    (Never, Failed500),
    (Never, Busy503),
    (Never, TooMany),
    (Never, NotKnown404),
    (Never, Route404),
    (Once, OddBody),
    (Once, Late),
    (Once, Hung),
    (Never, Hung),
];
pub(super) const STORED_DELETE: &[(Done, Heard)] = &[
    (Once, Right),
    (Once, Lost),
    (Never, Lost),
    (Once, Failed500),
    (Never, Failed500),
    (Once, Html502),
    (Never, Busy503),
    (Never, TooMany),
    (Never, NotKnown404),
    (Never, Route404),
    (Once, OddBody),
    (Once, Late),
    (Once, Timeout408),
    (Once, Hung),
    (Never, Hung),
];
pub(super) const STORED_READ: &[Heard] = &[
    Right,
    Old,
    Lost,
    Cut,
    Timeout408,
    TooMany,
    Failed500,
    Html502,
    Busy503,
    NoReason400,
    Route404,
    OddBody,
    Late,
    Hung,
];

/// Ages that a part of an answer may have; the oldest first, so that one choice shows the worst.
pub(super) const AGES: [Duration; 5] =
    [LAG, Duration::from_secs(9), Duration::from_secs(4), Duration::from_secs(1), Duration::ZERO];
/// The time that RunPod wants to be left alone; `None` where it does not say.
pub(super) const RETRY_AFTER: [Option<u64>; 4] = [Some(2), None, Some(20), Some(200)];
pub(super) const LATE: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(8)];
pub(super) const DELAYS: [Duration; 3] =
    [Duration::from_secs(4), Duration::from_secs(1), Duration::from_secs(12)];
pub(super) const BOOTS: [Boot; 4] = [Boot::Quick, Boot::Slow, Boot::Never, Boot::Fails];
