//! One run's account, with what was asked, answered and told.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::{
    actors::TIMEOUT,
    server::Request,
    stored::Item,
    tape::Reader,
    truth::{LAG, TruePod, Truth},
};

/// Requests after which a run is taken to go on for ever.
const MOST_REQUESTS: u64 = 2_000;

/// The time ago at which a pod may have been there that a list shows, after what is asked of it by its id.
const RECENTLY: Duration = Duration::from_secs(LAG.as_secs() + 1 + 5 * TIMEOUT.as_secs());

/// Something that an actor was told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) process: usize,
    pub(super) text: String,
    /// True if it says that a pod may bill of which no id is known.
    pub(super) doubts_name: bool,
}

/// A request that wants to be left alone has been answered with.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClosedWindow {
    pub(super) process: usize,
    pub(super) from: Instant,
    pub(super) to: Instant,
}

/// A pod's end or stop that a process asked for.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) process: usize,
    pub(super) pod: String,
}

/// An operation that changes a pod, come to its end.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) process: usize,
    pub(super) pod: String,
    pub(super) began: Instant,
    pub(super) ended: Instant,
}

/// A request that changed a pod.
#[derive(Clone, Debug)]
pub(super) struct AppliedChange {
    pub(super) process: usize,
    pub(super) pod: String,
    pub(super) accepted: Instant,
    /// When it takes effect.
    pub(super) acts: Instant,
}

/// Pods that an operation under way may end, beside those its deploy made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Licence {
    Pod(String),
    Name(String),
    /// Pods whose lifetime is over.
    Overdue,
    /// Pods made by the deploy of this tag.
    Made(String),
    /// Second pods of a deployment.
    Twins,
    /// A network volume.
    Volume,
}

/// Requests that every process may send in a window, and what is left of its present one.
#[derive(Clone, Debug)]
pub(super) struct Budgets {
    pub(super) limit: u64,
    pub(super) window: Duration,
    /// True if RunPod says when a window ends.
    pub(super) tells_end: bool,
    left: BTreeMap<usize, (u64, Instant)>,
}

impl Budgets {
    pub(super) fn new(limit: u64, window: u64, tells_end: bool) -> Self {
        Self { limit, window: Duration::from_secs(window), tells_end, left: BTreeMap::new() }
    }
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) tape: Reader,
    pub(super) truth: Truth,
    pub(super) story: Vec<String>,
    pub(super) told: Vec<Told>,
    /// Outcomes of operations, in words.
    pub(super) results: Vec<String>,
    pub(super) broken: Vec<String>,
    pub(super) requests: u64,
    /// Windows that an answer on its way closes, by its request.
    pub(super) closing: BTreeMap<u64, (usize, Duration)>,
    pub(super) windows: Vec<ClosedWindow>,
    pub(super) endings: Vec<Ending>,
    /// Pods that each process may end now.
    pub(super) licences: Vec<(usize, u64, Licence)>,
    /// Pods that a process was given as its own, in order.
    pub(super) given: Vec<(usize, String)>,
    /// When they were.
    given_at: Vec<Instant>,
    /// Pods that were waited for to the end, by whose process.
    pub(super) waited: BTreeSet<(usize, String)>,
    /// Changes of pods that a process asked for and was answered.
    pub(super) changes: Vec<Change>,
    /// Changes that were made of pods, by whose request.
    pub(super) applied: Vec<AppliedChange>,
    /// Pods that a process was told to have terminated.
    pub(super) ended: Vec<Change>,
    /// Processes that have died.
    pub(super) dead: Vec<usize>,
    /// When there is stock; `None` if there always was.
    pub(super) stock_from: Option<Instant>,
    /// The rest that every process may still send, if that is limited.
    pub(super) budgets: Option<Budgets>,
    /// Counts the answers in a row that have no `Date`, of so many; 0 of 1 where all have.
    pub(super) undated: (u64, u64),
    /// Operations that were dropped, by their tags.
    pub(super) dropped: Vec<String>,
    /// Number of actors of each process.
    pub(super) actors: Vec<usize>,
    /// True if processes that share nothing are held to one pod per name.
    pub(super) is_one_per_name: bool,
    /// Processes some of whose answers nobody may hear.
    pub(super) deaf: Vec<usize>,
    /// Volumes that a process was told to have deleted, and when.
    pub(super) volumes_ended: Vec<(usize, String, Instant)>,
    /// Processes that dropped a call which makes a volume.
    pub(super) volumes_dropped: Vec<usize>,
    /// Network volumes and secrets, in the order in which they were made.
    pub(super) stored: Vec<Item>,
    /// Lists whose pages were cut, by the cursor of the next page.
    pub(super) pages: BTreeMap<String, Vec<serde_json::Value>>,
}

impl World {
    pub(super) fn new(tape: Reader, truth: Truth) -> Self {
        Self {
            tape,
            truth,
            story: Vec::new(),
            told: Vec::new(),
            results: Vec::new(),
            broken: Vec::new(),
            requests: 0,
            closing: BTreeMap::new(),
            windows: Vec::new(),
            endings: Vec::new(),
            licences: Vec::new(),
            given: Vec::new(),
            given_at: Vec::new(),
            waited: BTreeSet::new(),
            changes: Vec::new(),
            applied: Vec::new(),
            ended: Vec::new(),
            dead: Vec::new(),
            stock_from: None,
            budgets: None,
            undated: (0, 1),
            dropped: Vec::new(),
            actors: Vec::new(),
            is_one_per_name: false,
            deaf: Vec::new(),
            volumes_ended: Vec::new(),
            volumes_dropped: Vec::new(),
            stored: Vec::new(),
            pages: BTreeMap::new(),
        }
    }

    pub(super) fn now_by_clock(&self) -> SystemTime {
        self.truth.clock(self.truth.now())
    }

    pub(super) fn tell(&mut self, line: impl AsRef<str>) {
        let at = self.truth.since_began(self.truth.now()).as_secs_f64();
        self.story.push(format!("{at:>7.2}s  {}", line.as_ref()));
    }

    pub(super) fn breaks(&mut self, oracle: &str, what: impl AsRef<str>) {
        let line = format!("{oracle}: {}", what.as_ref());
        self.tell(format!("BROKEN {line}"));
        self.broken.push(line);
    }

    /// Returns true while there is no stock.
    pub(super) fn is_sold_out(&self) -> bool {
        self.stock_from.is_some_and(|from| self.truth.now() < from)
    }

    /// Counts a request. Returns its number; an endless run is broken.
    pub(super) fn count(&mut self) -> u64 {
        self.requests += 1;
        if self.requests == MOST_REQUESTS {
            self.breaks("liveness", format!("{MOST_REQUESTS} requests were sent"));
        }
        self.requests
    }

    /// Counts a request against its process's window. Returns what its answer says of that; an answer that says that
    /// nothing is left closes the window.
    pub(super) fn spend(&mut self, process: usize, number: u64) -> String {
        let now = self.truth.now();
        let Some(Budgets { limit, window, tells_end, left }) = &mut self.budgets else {
            return String::new();
        };
        let (remaining, until) = left.entry(process).or_insert((*limit, now + *window));
        if now >= *until {
            (*remaining, *until) = (*limit, now + *window);
        }
        *remaining = remaining.saturating_sub(1);
        let (seconds, policy) = ((*until - now).as_secs() + 1, window.as_secs());
        let end = if *tells_end { format!(";t={seconds}") } else { String::new() };
        if *remaining == 0 && *tells_end {
            self.closing.insert(number, (process, *until - now));
        }
        format!(
            "ratelimit: \"minute\";r={remaining}{end}\r\nratelimit-policy: \"minute\";q={limit};w={policy}\r\n"
        )
    }

    /// Returns true if an answer has a `Date`.
    pub(super) fn is_dated(&self, number: u64) -> bool {
        let (undated, of) = self.undated;
        number % of >= undated
    }

    /// An answer is on its way whole: what it asks for holds from now on.
    pub(super) fn delivered(&mut self, number: u64) {
        if let Some((process, span)) = self.closing.remove(&number) {
            let from = self.truth.now();
            self.windows.push(ClosedWindow { process, from, to: from + span });
        }
    }

    /// Returns true if something greets at an address like an sshd: the pod's own once it is up, a stranger's where
    /// the tape says so.
    pub(super) fn greets(&mut self, host: &str) -> bool {
        if self.truth.answers(host) {
            return self.tape.choose(2) == 0;
        }
        let is_stranger = self.tape.choose(2) == 1;
        if is_stranger {
            self.tell(format!("a stranger's sshd greets at {host}"));
        }
        is_stranger
    }

    /// Notes that a process was given a pod.
    pub(super) fn give(&mut self, process: usize, id: &str) {
        self.given.push((process, id.to_owned()));
        self.given_at.push(self.truth.now());
    }

    /// Returns true if another deploy made a pod of the same name earlier, which was there a moment ago: the later one
    /// is to be given up.
    pub(super) fn gives_way(&self, pod: &TruePod) -> bool {
        let since = self.truth.now().checked_sub(RECENTLY);
        let order = |pod: &TruePod| (pod.created_at(), pod.id.clone());
        let was_there =
            |other: &TruePod| other.terminated_at().is_none_or(|at| since.is_some_and(|since| at >= since));
        self.truth.pods.iter().any(|other| {
            other.name == pod.name
                && other.marker().is_some()
                && other.marker() != pod.marker()
                && order(other) < order(pod)
                && was_there(other)
        })
    }

    /// When a process was first given a pod; `None` if it was not.
    pub(super) fn given_at(&self, process: usize, id: &str) -> Option<Instant> {
        let mut given = self.given.iter().zip(&self.given_at);
        given.find(|((own, given), _)| *own == process && given == id).map(|(_, at)| *at)
    }

    /// Returns true if a process has more than one actor.
    pub(super) fn has_actors_beside(&self, process: usize) -> bool {
        self.actors.iter().filter(|own| **own == process).count() > 1
    }

    /// The process that a request comes from, by its key.
    pub(super) fn process(request: &Request) -> usize {
        request.key.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or_default()
    }
}
