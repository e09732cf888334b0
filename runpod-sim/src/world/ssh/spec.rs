//! The facts about a pod's container that its SSH server goes by.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::{PodDisk, Shells};
use crate::{
    faults::Faults,
    world::{
        clock::Clock,
        order::{Env, Mounts},
    },
};

/// The facts about one run of a pod's container.
#[cfg_attr(not(feature = "ssh"), expect(dead_code, reason = "the banner tells none of it"))]
pub(crate) struct ContainerSpec {
    pub(crate) pod: String,
    /// Seed of the host keys of this run.
    pub(crate) seed: u64,
    /// The keys that log in, a line each, as in `authorized_keys`.
    pub(crate) keys: String,
    /// The environment of process 1.
    pub(crate) env: Env,
    pub(crate) mounts: Mounts,
    /// The public addresses of its ports, by their numbers inside.
    pub(crate) ports: Vec<(u32, SocketAddr)>,
    /// Simulated time that sshd is away when the container exits and starts again.
    pub(crate) downtime: Duration,
    pub(crate) clock: Arc<Clock>,
    pub(crate) faults: Faults,
    pub(crate) disk: PodDisk,
    pub(crate) shells: Shells,
}
