//! The state that all requests share.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{runtime::Handle, sync::watch};

use crate::{
    contract::Contract,
    faults::{Fault, Faults},
    world::{
        account::Account,
        answer::Answers,
        behavior::{Behavior, CurrentBehavior},
        clock::Clock,
        ledger::LedgerEntry,
        pod::Pod,
        settings::Settings,
        ssh::Shells,
    },
};

/// State that all requests share.
pub(crate) struct App {
    /// The settings it was started with.
    pub(crate) settings: Settings,
    /// The settings that a reset begins with.
    setup: Mutex<Settings>,
    pub(crate) v1: &'static Contract,
    pub(crate) v2: &'static Contract,
    pub(crate) clock: Arc<Clock>,
    pub(crate) runtime: Handle,
    /// The answers of HTTP ports of pods.
    pub(crate) answers: Arc<Answers>,
    /// The address it listens on.
    pub(crate) address: SocketAddr,
    /// Rings whenever a pod may have changed.
    pub(crate) changed: watch::Sender<()>,
    /// Rings whenever a request was answered.
    pub(crate) answered: watch::Sender<()>,
    pub(crate) current: CurrentBehavior,
    pub(crate) faults: Faults,
    /// The folders of all pods, and the settings of commands over SSH.
    pub(crate) shells: Shells,
    account: Mutex<Account>,
}

impl App {
    pub(crate) fn new(
        settings: Settings,
        v1: &'static Contract,
        v2: &'static Contract,
        clock: Arc<Clock>,
        address: SocketAddr,
    ) -> io::Result<Self> {
        let faults = Faults::new(settings.seed);
        faults.reset(&settings.faults);
        Ok(Self {
            v1,
            v2,
            clock,
            runtime: Handle::current(),
            answers: Arc::new(Answers::new(settings.answers.clone())),
            address,
            changed: watch::Sender::new(()),
            answered: watch::Sender::new(()),
            current: CurrentBehavior::new(settings.behavior.clone()),
            faults,
            shells: Shells::new(&settings.shell)?,
            account: Mutex::new(Account::new(&settings)),
            setup: Mutex::new(settings.clone()),
            settings,
        })
    }

    /// The present behavior.
    pub(crate) fn behavior(&self) -> Arc<Behavior> {
        self.current.get()
    }

    /// Changes the behavior from now on.
    pub(crate) fn behave(&self, behavior: Behavior) {
        self.current.set(behavior);
    }

    /// The settings that a reset begins with.
    pub(super) fn setup(&self) -> MutexGuard<'_, Settings> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A panic in one request must not take the account away from the others.
    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes every port that is open, ends every container and removes every folder.
    pub(crate) fn close(&self) {
        self.account().close();
        self.shells.close();
    }

    /// Begins anew: the account as it was set up, at instant zero.
    pub(crate) fn reset(&self) {
        let setup = self.setup().clone();
        let mut account = self.account();
        account.close();
        self.shells.clear();
        *account = Account::new(&setup);
        self.faults.reset(&setup.faults);
        self.behave(setup.behavior);
        self.answers.replace(setup.answers);
        self.clock.reset();
        drop(account);
        self.changed.send_replace(());
    }

    /// Injects a fault, or says what is wrong with it.
    pub(crate) fn inject(&self, fault: Fault) -> Result<(), String> {
        match fault.flaw(|operation| self.v1.has(operation) || self.v2.has(operation)) {
            Some(flaw) => Err(flaw),
            None => {
                self.faults.inject(fault);
                Ok(())
            }
        }
    }

    /// The ledger: an entry for every pod there ever was, oldest first.
    pub(crate) fn ledger(&self) -> Vec<LedgerEntry> {
        let now = self.clock.now();
        let entry = |pod: &Pod| LedgerEntry::of(pod, now, &self.settings.marker_env);
        self.account().pods().iter().map(entry).collect()
    }
}
