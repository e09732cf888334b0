//! Faults: what goes wrong, in which calls, how often.

mod kind;
mod queue;
mod script;

pub use kind::{BootStage, Cause, FaultKind};
pub(crate) use kind::{NAMES, SSH_CALLS};
#[cfg(feature = "ssh")]
pub(crate) use kind::{SSH_CONNECT, SSH_EXEC, SSH_SFTP};
#[cfg(feature = "page")]
pub(crate) use kind::{names, takes};
pub use queue::FaultReport;
pub(crate) use queue::Faults;
pub(crate) use script::FaultScript;

/// A fault and the calls it happens to.
///
/// ```
/// use runpod_sim::{Fault, FaultKind};
///
/// // The second create is applied, but its answer never arrives.
/// let lost = Fault::new(FaultKind::DropAfterApply).on("createPod").nth(2);
/// // One list in ten answers 503, whatever the client does about it.
/// let flaky = Fault::new(FaultKind::status_before(503)).on("listPods").probability(0.1);
/// # let _ = (lost, flaky);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a fault does nothing until it is injected"]
pub struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) operations: Vec<String>,
    pub(crate) probability: f64,
    pub(crate) times: Option<u64>,
    pub(crate) nth: Option<u64>,
}

impl Fault {
    /// A fault that happens to every call of every operation it can happen to.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, operations: Vec::new(), probability: 1.0, times: None, nth: None }
    }

    /// Narrows it to an operation of the contract: `createPod` (v2), `CreatePod` (v1), or one action, such as
    /// `podAction:start`. Faults of SSH servers are for `ssh:connect`, `ssh:exec` or `ssh:sftp`. May be called more than
    /// once.
    pub fn on(mut self, operation: impl Into<String>) -> Self {
        self.operations.push(operation.into());
        self
    }

    /// The chance, 0 to 1, that it happens to a call it is due for; drawn from the simulator's seed. Default: 1.
    pub fn probability(mut self, chance: f64) -> Self {
        self.probability = chance;
        self
    }

    /// Limits the number of calls it happens to, at least 1. Default: no limit, or once after [`nth`](Self::nth).
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// The first matching call it is due for, counted from 1. Default: 1.
    pub fn nth(mut self, call: u64) -> Self {
        self.nth = Some(call);
        self
    }

    /// Says why it cannot be injected; `None` when it can. `known` returns true for an operation that exists.
    pub(crate) fn flaw(&self, known: impl Fn(&str) -> bool) -> Option<String> {
        let operation = |name: &&String| {
            let (operation, action) = name.split_once(':').unwrap_or((name, "start"));
            let actions = ["start", "stop", "restart", "terminate"];
            !known(operation)
                || !actions.contains(&action)
                || (name.contains(':') && operation != "podAction")
        };
        let mut operations = self.operations.iter().filter(|name| !SSH_CALLS.contains(&name.as_str()));
        if let Some(name) = operations.find(operation) {
            return Some(format!("`{name}` is not an operation of the contract, such as `createPod`"));
        }
        if !(0.0..=1.0).contains(&self.probability) {
            return Some("`probability` must be 0 to 1".to_owned());
        }
        if self.times == Some(0) {
            return Some("`times` must be at least 1; without it, it happens without end".to_owned());
        }
        if self.nth == Some(0) {
            return Some("`nth` counts calls from 1".to_owned());
        }
        self.kind.flaw().map(str::to_owned)
    }
}
