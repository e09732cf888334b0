//! Injected faults, and the one that is due for a call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::Serialize;

use super::{Fault, FaultKind};

/// The faults that were injected, in their order. Clones share them, so that a pod's services draw from the same queue as calls.
#[derive(Debug, Clone)]
pub(crate) struct Faults(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    seed: u64,
    injected: u64,
    armed: Vec<Armed>,
}

#[derive(Debug)]
struct Armed {
    number: u64,
    fault: Fault,
    rng: StdRng,
    calls: u64,
    fired: u64,
}

/// Counts of one injected fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FaultReport {
    /// Its number, counted from 1 since the start.
    pub number: u64,
    /// The fault's name.
    pub fault: &'static str,
    /// The operations it is for; empty means any.
    pub on: Vec<String>,
    /// Matching calls seen, those an earlier fault took excepted.
    pub calls: u64,
    /// Number of calls it happened to.
    pub fired: u64,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Queue { seed, ..Queue::default() })))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn inject(&self, fault: Fault) {
        let mut queue = self.queue();
        // Each fault draws from its own source, so that one more fault changes no other's luck.
        queue.injected += 1;
        let rng = StdRng::seed_from_u64(queue.seed ^ queue.injected.wrapping_mul(0x9e6c_63d0_876a_9a47));
        let number = queue.injected;
        queue.armed.push(Armed { number, fault, rng, calls: 0, fired: 0 });
    }

    /// Removes the fault of this number; `false` when there is none.
    pub(crate) fn remove(&self, number: u64) -> bool {
        let mut queue = self.queue();
        let before = queue.armed.len();
        queue.armed.retain(|armed| armed.number != number);
        queue.armed.len() < before
    }

    pub(crate) fn clear(&self) {
        self.queue().armed.clear();
    }

    /// Begins anew with these, as if none had ever been injected.
    pub(crate) fn reset(&self, faults: &[Fault]) {
        {
            let mut queue = self.queue();
            *queue = Queue { seed: queue.seed, ..Queue::default() };
        }
        for fault in faults {
            self.inject(fault.clone());
        }
    }

    /// The fault that happens to a call, if any: the first one injected that is due. Later ones do not count the call.
    pub(crate) fn draw(&self, call: &str) -> Option<FaultKind> {
        self.queue().armed.iter_mut().find_map(|armed| armed.draw(call))
    }

    pub(crate) fn reports(&self) -> Vec<FaultReport> {
        let report = |armed: &Armed| FaultReport {
            number: armed.number,
            fault: armed.fault.kind.name(),
            on: armed.fault.operations.clone(),
            calls: armed.calls,
            fired: armed.fired,
        };
        self.queue().armed.iter().map(report).collect()
    }
}

impl Armed {
    fn draw(&mut self, call: &str) -> Option<FaultKind> {
        let fault = &self.fault;
        let operation = call.split(':').next().unwrap_or(call);
        let named = |name: &String| name == call || name == operation;
        if !fault.kind.suits(call) || !(fault.operations.is_empty() || fault.operations.iter().any(named)) {
            return None;
        }
        self.calls += 1;
        let most = fault.times.unwrap_or(if fault.nth.is_some() { 1 } else { u64::MAX });
        let due = self.calls >= fault.nth.unwrap_or(1) && self.fired < most;
        if !due || !self.rng.random_bool(fault.probability) {
            return None;
        }
        self.fired += 1;
        Some(fault.kind.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happens(faults: &Faults, calls: &[&str]) -> Vec<bool> {
        calls.iter().map(|call| faults.draw(call).is_some()).collect()
    }

    #[test]
    fn counts_and_positions_select_calls() {
        let kind = FaultKind::DropAfterApply;
        for (fault, fires) in [
            (Fault::new(kind.clone()), [true, true, true, true]),
            (Fault::new(kind.clone()).times(2), [true, true, false, false]),
            (Fault::new(kind.clone()).nth(3), [false, false, true, false]),
            (Fault::new(kind.clone()).nth(2).times(2), [false, true, true, false]),
            (Fault::new(kind).probability(0.0), [false; 4]),
        ] {
            let faults = Faults::new(1);
            faults.inject(fault.clone());
            assert_eq!(happens(&faults, &["getPod"; 4]), fires, "{fault:?}");
        }
    }

    #[test]
    fn operations_and_actions_are_told_apart() {
        let faults = Faults::new(1);
        faults.inject(Fault::new(FaultKind::EdgeBlock).on("podAction:stop").on("getPod"));
        let calls = ["podAction:start", "podAction:stop", "getPod", "listPods"];
        assert_eq!(happens(&faults, &calls), [false, true, true, false]);
        faults.clear();
        faults.inject(Fault::new(FaultKind::HostFull).on("podAction"));
        assert_eq!(happens(&faults, &calls), [true, false, false, false]);
        assert_eq!(faults.reports()[0].calls, 1);
    }

    #[test]
    fn faults_make_a_script_in_the_order_of_injection() {
        let faults = Faults::new(1);
        faults.inject(Fault::new(FaultKind::EdgeBlock).times(1));
        faults.inject(Fault::new(FaultKind::Gone).times(1));
        let drawn: Vec<_> = (0..3).map(|_| faults.draw("getPod")).collect();
        assert_eq!(drawn, [Some(FaultKind::EdgeBlock), Some(FaultKind::Gone), None]);
    }

    #[test]
    fn chance_follows_the_seed() {
        let story = |seed| {
            let faults = Faults::new(seed);
            faults.inject(Fault::new(FaultKind::EdgeBlock).probability(0.3));
            happens(&faults, &["getPod"; 200])
        };
        assert_eq!(story(4), story(4));
        assert_ne!(story(4), story(5));
        let fired = story(4).into_iter().filter(|fired| *fired).count();
        assert!((40..80).contains(&fired), "{fired} of 200");
    }
}
