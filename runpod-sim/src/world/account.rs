//! The account: everything it owns and everything that limits it.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    contract::Area,
    world::{
        capacity::{Capacity, Drift, Place},
        journal::Journal,
        limits::Limits,
        pod::Pod,
        registry::Registry,
        secret::{Secret, Values},
        settings::Settings,
        store::Store,
        template::Template,
        volume::Volume,
    },
};

const ID_LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH: usize = 14;

/// Everything the simulated account owns.
pub(crate) struct Account {
    seed: u64,
    names: StdRng,
    pods: Vec<Pod>,
    by_id: HashMap<String, usize>,
    pub(crate) capacity: Capacity,
    pub(crate) ssh_keys: Vec<String>,
    /// The keys before the last change, and when that was.
    pub(crate) former_keys: Option<(Duration, Vec<String>)>,
    pub(crate) volumes: Store<Volume>,
    pub(crate) templates: Store<Template>,
    pub(crate) registries: Store<Registry>,
    pub(crate) secrets: Store<Secret>,
    pub(crate) secret_values: Values,
    /// Types this account may not use.
    pub(crate) forbidden: BTreeSet<String>,
    /// USD paid in; `None` means unlimited.
    deposit: Option<f64>,
    pub(crate) v1_retired: bool,
    pub(crate) limits: Limits,
    pub(crate) journal: Journal,
    /// Areas the key has no right to.
    pub(crate) denied: BTreeSet<Area>,
    pub(crate) answers_verified: u64,
    pub(crate) contract_violations: Vec<String>,
}

impl Account {
    pub(crate) fn new(settings: &Settings) -> Self {
        let seed = settings.seed;
        let mut account = Self {
            seed,
            // Request ids are drawn apart from pods, so that polling more often changes no pod's fate.
            names: StdRng::seed_from_u64(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)),
            pods: Vec::new(),
            by_id: HashMap::new(),
            capacity: capacity(settings),
            ssh_keys: settings.ssh_keys.clone(),
            former_keys: None,
            volumes: Store::default(),
            templates: Store::default(),
            registries: Store::default(),
            secrets: Store::default(),
            secret_values: Values::default(),
            forbidden: settings.forbidden.iter().cloned().collect(),
            deposit: settings.balance_usd,
            v1_retired: settings.v1_retired,
            limits: Limits::new(settings.rate_windows.clone()),
            journal: Journal::new(settings.request_log),
            denied: settings.denied.iter().copied().collect(),
            answers_verified: 0,
            contract_violations: Vec::new(),
        };
        settings.volumes.iter().for_each(|volume| account.volumes.put(volume.clone()));
        settings.registries.iter().for_each(|registry| account.registries.put(registry.clone()));
        account
    }

    /// Cost of compute so far, in USD.
    pub(crate) fn spent(&self, now: Duration) -> f64 {
        self.pods.iter().map(|pod| pod.cost_usd(now)).sum()
    }

    /// USD left; `None` means unlimited.
    pub(crate) fn balance(&self, now: Duration) -> Option<f64> {
        self.deposit.map(|deposit| deposit - self.spent(now))
    }

    pub(crate) fn set_balance(&mut self, usd: Option<f64>, now: Duration) {
        self.deposit = usd.map(|usd| usd + self.spent(now));
    }

    /// An id for something that is not a pod.
    pub(crate) fn fresh_id(&mut self) -> String {
        draw_id(&mut self.names)
    }

    /// A request id, in the form of a UUID.
    pub(crate) fn request_id(&mut self) -> String {
        let hex = format!("{:032x}", self.names.random::<u128>());
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    /// The number and the random source of the next pod.
    pub(crate) fn next_pod(&self) -> (u64, StdRng) {
        let number = self.pods.len() as u64;
        (number, StdRng::seed_from_u64(self.seed ^ number.wrapping_mul(0xd134_2543_de82_ef95)))
    }

    /// Seed of the lags and draws of a pod's observations.
    pub(crate) fn grain(&self, number: u64) -> u64 {
        StdRng::seed_from_u64(self.seed ^ number.wrapping_mul(0xa076_1d64_78bd_642f)).random()
    }

    /// Removes the pods that were made last, as if they had never been made.
    pub(crate) fn truncate(&mut self, pods: usize) {
        for mut pod in self.pods.split_off(pods) {
            pod.close_endpoints();
            pod.disk.remove();
            self.by_id.remove(&pod.id);
        }
    }

    pub(crate) fn insert(&mut self, pod: Pod) {
        self.by_id.insert(pod.id.clone(), self.pods.len());
        self.pods.push(pod);
    }

    /// Every pod there ever was, oldest first.
    pub(crate) fn pods(&self) -> &[Pod] {
        &self.pods
    }

    /// A pod that can still be seen: one that exists, or was terminated less than `linger` ago.
    pub(crate) fn pod(&self, id: &str, now: Duration, linger: Duration) -> Option<&Pod> {
        let pod = self.pods.get(*self.by_id.get(id)?)?;
        pod.terminated.is_none_or(|at| now < at.saturating_add(linger)).then_some(pod)
    }

    /// A pod that exists.
    pub(crate) fn existing_pod(&mut self, id: &str) -> Option<&mut Pod> {
        let pod = self.pods.get_mut(*self.by_id.get(id)?)?;
        pod.terminated.is_none().then_some(pod)
    }

    /// Closes every port that is open.
    pub(crate) fn close(&mut self) {
        self.pods.iter_mut().for_each(Pod::close_endpoints);
    }

    /// The stock that pods hold now.
    pub(crate) fn used(&self) -> Vec<(&Place, u32)> {
        let holding = self.pods.iter().filter(|pod| pod.holds_compute());
        holding.map(|pod| (&pod.place, pod.compute().units())).collect()
    }
}

/// The stock that settings give.
pub(crate) fn capacity(settings: &Settings) -> Capacity {
    let drift = settings.capacity_drift.map(|period| Drift { seed: settings.seed, period });
    let mut capacity = Capacity::new(settings.capacity_plan.clone(), drift);
    for (scope, units) in &settings.capacity {
        capacity.set(scope.clone(), *units);
    }
    capacity
}

/// An id as RunPod makes them: 14 lower-case letters and digits.
pub(crate) fn draw_id(rng: &mut impl Rng) -> String {
    (0..ID_LENGTH).map(|_| char::from(ID_LETTERS[rng.random_range(0..ID_LETTERS.len())])).collect()
}
