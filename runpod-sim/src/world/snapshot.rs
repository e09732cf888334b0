//! A pod as the simulator's owner sees it.

use std::{net::SocketAddr, time::Duration};

use crate::world::{
    pod::{Pod, PodStatus},
    port::Port,
};

/// A pod as the simulator sees it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PodSnapshot {
    /// The pod's id.
    pub id: String,
    /// The pod's name.
    pub name: String,
    /// Its status now.
    pub status: PodStatus,
    /// GPU type or CPU flavor id.
    pub type_id: String,
    /// GPUs or vCPUs.
    pub count: u32,
    /// Data center of its machine.
    pub data_center: String,
    /// Public address of port 22; `None` until it is published, or without `22/tcp`.
    pub ssh: Option<SocketAddr>,
    /// Cost now, in USD per hour.
    pub usd_per_hour: f64,
}

impl PodSnapshot {
    pub(crate) fn of(pod: &Pod, now: Duration) -> Self {
        Self {
            id: pod.id.clone(),
            name: pod.facts.name.clone(),
            status: pod.status(now),
            type_id: pod.compute.type_id().to_owned(),
            count: pod.compute.units(),
            data_center: pod.place.data_center.clone(),
            ssh: pod.reachable(now).and_then(|run| run.endpoints.of(Port::SSH)).map(|end| end.public),
            usd_per_hour: pod.usd_per_hour(),
        }
    }
}
