//! One run's account, with what was asked, answered and told.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use tokio::time::Instant;

use super::{server::Request, tape::Reader, truth::Truth};

/// Requests after which a run is taken to go on for ever.
const MOST_REQUESTS: u64 = 2_000;

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
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) tape: Reader,
    pub(super) truth: Truth,
    pub(super) story: Vec<String>,
    pub(super) told: Vec<Told>,
    pub(super) broken: Vec<String>,
    pub(super) requests: u64,
    /// Windows that an answer on its way closes, by its request.
    pub(super) closing: BTreeMap<u64, (usize, std::time::Duration)>,
    pub(super) windows: Vec<ClosedWindow>,
    pub(super) endings: Vec<Ending>,
    /// Pods that each process may end now.
    pub(super) licences: Vec<(usize, u64, Licence)>,
    /// Pods that a process was given as its own, in order.
    pub(super) given: Vec<(usize, String)>,
    /// When they were.
    given_at: Vec<Instant>,
    /// Pods that were waited for to the end.
    pub(super) waited: BTreeSet<String>,
    /// Changes of pods that a process asked for and was answered.
    pub(super) changes: Vec<Change>,
    /// Changes that were made of pods, by whose request.
    pub(super) applied: Vec<Change>,
    /// Pods that a process was told to have terminated.
    pub(super) ended: Vec<Change>,
    /// Operations that were dropped, by their tags.
    pub(super) dropped: Vec<String>,
    /// Number of actors of each process.
    pub(super) actors: Vec<usize>,
    /// True if processes that share nothing are held to one pod per name.
    pub(super) is_one_per_name: bool,
    /// Processes some of whose answers nobody may hear.
    pub(super) deaf: Vec<usize>,
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
            dropped: Vec::new(),
            actors: Vec::new(),
            is_one_per_name: false,
            deaf: Vec::new(),
            pages: BTreeMap::new(),
        }
    }

    pub(super) fn now_by_clock(&self) -> SystemTime {
        self.truth.clock(Instant::now())
    }

    pub(super) fn tell(&mut self, line: impl AsRef<str>) {
        let at = self.truth.since_began(Instant::now()).as_secs_f64();
        self.story.push(format!("{at:>7.2}s  {}", line.as_ref()));
    }

    pub(super) fn breaks(&mut self, oracle: &str, what: impl AsRef<str>) {
        let line = format!("{oracle}: {}", what.as_ref());
        self.tell(format!("BROKEN {line}"));
        self.broken.push(line);
    }

    /// Counts a request. Returns its number; an endless run is broken.
    pub(super) fn count(&mut self) -> u64 {
        self.requests += 1;
        if self.requests == MOST_REQUESTS {
            self.breaks("liveness", format!("{MOST_REQUESTS} requests were sent"));
        }
        self.requests
    }

    /// An answer is on its way whole: what it asks for holds from now on.
    pub(super) fn delivered(&mut self, number: u64) {
        if let Some((process, span)) = self.closing.remove(&number) {
            let from = Instant::now();
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
        self.given_at.push(Instant::now());
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
