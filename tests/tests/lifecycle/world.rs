//! A simulated account as unfriendly as the real one: lists lag and come in pages of two, boots take
//! as long as they like.

use std::time::Duration;

use runpod_lifecycle::{PodSpec, RunPod};
use runpod_sim::{Sim, SimBuilder};

pub(crate) const GPU: &str = "NVIDIA GeForce RTX 4090";
pub(crate) const SCARCE: &str = "NVIDIA H100 80GB HBM3";
/// Long enough for any boot on a simulated clock.
pub(crate) const LONG: Duration = Duration::from_secs(120);

pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) runpod: RunPod,
}

pub(crate) fn settings() -> SimBuilder {
    Sim::builder().seed(11).time_scale(100.0).page_size(2).list_lag(Duration::from_secs(2))
}

pub(crate) async fn world() -> World {
    build(settings()).await
}

pub(crate) async fn build(settings: SimBuilder) -> World {
    let sim = settings.start().await.expect("loopback is free");
    let runpod = RunPod::builder(sim.api_key())
        .base_url(sim.url())
        .http_proxy(sim.http_proxy())
        .build()
        .expect("the simulator's address is fine");
    World { sim, runpod }
}

pub(crate) fn spec(name: &str) -> PodSpec {
    PodSpec::gpu(name, "runpod/pytorch:latest", [GPU]).port("22/tcp")
}

impl World {
    /// Number of times that an operation was asked for.
    pub(crate) fn sent(&self, operation: &str) -> usize {
        self.sim.requests().iter().filter(|request| request.operation.as_deref() == Some(operation)).count()
    }

    /// Counts the pods that bill now.
    pub(crate) fn billing(&self) -> usize {
        self.sim.ledger().iter().filter(|entry| entry.is_billing()).count()
    }
}
