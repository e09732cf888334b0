//! Answers and knowledge that all clones of a handle share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::{
    AccountSecret, Cloud, CpuFlavor, GpuType, Registry, Template, Volume,
    backend::{DataCenter, Items, SshKeys},
    client::{pace::Pace, single_flight::SingleFlight},
    knowledge::{listing::SHARED_FOR, names::Names, recent::Recent, record::PodRecords},
};

/// A set of keys that was written, and when.
#[derive(Debug)]
pub(crate) struct WrittenKeys {
    pub(crate) at: Instant,
    pub(crate) keys: Vec<String>,
}

/// Answers that deploys need before they create, shared by those that begin together.
#[derive(Debug, Default)]
pub(crate) struct LookupCache {
    /// When a mutation last began or ended: what was looked up before it says little after it.
    mutated_at: Mutex<Option<Instant>>,
    pub(crate) names: Names,
    /// Names of network volumes and of registry credentials that are being made.
    pub(crate) volume_names: Names,
    pub(crate) registry_names: Names,
    pub(crate) volumes: Recent<Volume>,
    pub(crate) registries: Recent<Registry>,
    pub(crate) secrets: Recent<AccountSecret>,
    pub(crate) secret_list: SingleFlight<(), Items<AccountSecret>>,
    pub(crate) template_list: SingleFlight<(), Items<Template>>,
    /// The pods that this handle created or changed, since answers may be from before.
    pub(crate) records: PodRecords,
    pub(crate) ssh_keys: SingleFlight<(), SshKeys>,
    /// The set of SSH keys last written through this handle.
    pub(crate) written_ssh_keys: tokio::sync::Mutex<Option<WrittenKeys>>,
    pub(crate) data_centers: SingleFlight<(), Vec<DataCenter>>,
    /// The secure cloud's and the community cloud's, for so many GPUs a pod.
    gpu_types: [SingleFlight<u32, Vec<GpuType>>; 2],
    pub(crate) cpu_flavors: SingleFlight<(), Vec<CpuFlavor>>,
    /// The requests of all deploys that wait for stock.
    pub(crate) pace: Pace,
}

impl LookupCache {
    /// The GPU types of one cloud.
    pub(crate) fn gpu_types_of(&self, cloud: Cloud) -> &SingleFlight<u32, Vec<GpuType>> {
        &self.gpu_types[usize::from(cloud == Cloud::Community)]
    }

    /// The oldest answer that will do about anything but pods.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        Instant::now().checked_sub(SHARED_FOR)
    }

    /// The oldest answer that will do about pods.
    pub(crate) fn oldest_of_pods(&self) -> Option<Instant> {
        self.oldest().max(self.last_mutation())
    }

    /// When something was last changed through this handle.
    pub(crate) fn last_mutation(&self) -> Option<Instant> {
        *self.mutated_at()
    }

    /// Remembers that a change began or ended.
    pub(super) fn mutated(&self, at: Instant) {
        *self.mutated_at() = Some(at);
    }

    fn mutated_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.mutated_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
