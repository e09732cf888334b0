//! Plan of a run, all of it drawn from one number.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use runpod_lifecycle::{Cloud, IfExists, PodSpec};
use runpod_sim::{Behavior, BootStage, Fault, FaultKind};

use super::behavior;

/// GPU types and pools that deployments ask for.
const HARDWARE: [&str; 4] =
    ["NVIDIA GeForce RTX 4090", "ADA_24", "NVIDIA H100 80GB HBM3", "NVIDIA RTX A5000"];
const CALLS: [&str; 9] = [
    "createPod",
    "createPod",
    "listPods",
    "listPods",
    "getPod",
    "deletePod",
    "podAction",
    "listGpuTypes",
    "getSshKeys",
];

/// One run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    /// The profile `observed`, with some of its settings drawn.
    pub(super) behavior: Behavior,
    pub(super) page_size: usize,
    /// Length of each step of a boot.
    pub(super) boot: Duration,
    /// A GPU type of which there are only so many.
    pub(super) scarce: Option<u32>,
    pub(super) foreign: usize,
    pub(super) faults: Vec<Fault>,
    /// The time that a 429 of this run asks for.
    pub(super) limit: Limit,
    /// True if the actors share one handle.
    pub(super) one_handle: bool,
    pub(super) actors: Vec<Actor>,
}

/// The words of a 429.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) retry_after: Duration,
    pub(super) exhausted_for: Option<Duration>,
}

impl Limit {
    /// For how long nothing may be sent.
    pub(super) fn hold(&self) -> Duration {
        self.retry_after.max(self.exhausted_for.unwrap_or_default())
    }
}

/// Somebody who deploys and goes on from there.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) spec: PodSpec,
    /// The variable by which the ledger tells whose pod it is.
    pub(super) tag: String,
    pub(super) begins_after: Duration,
    /// When the deploy is dropped; `None` if it is let finish.
    pub(super) patience: Option<Duration>,
    pub(super) steps: Vec<(Step, Option<Duration>)>,
}

/// Something that an actor does with a pod.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    WaitRunning(Duration),
    WaitPorts(Duration),
    WaitStopped(Duration),
    WaitGone(Duration),
    Start,
    Stop,
    Restart,
    Terminate,
    Find,
    Get,
    Plan,
    Logs,
    Reap,
    Keys,
    AddKey,
}

impl Plan {
    /// The settings it was drawn with, for people.
    pub(super) fn settings(&self) -> String {
        let Self { page_size, boot, scarce, one_handle, .. } = self;
        format!(
            "planned: pages of {page_size}, boot steps of {boot:?}, scarce {scarce:?}, one handle {one_handle}, {}",
            behavior::settings(&self.behavior)
        )
    }

    pub(super) fn new(seed: u64, number: u64) -> Self {
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.wrapping_mul(0xd134_2543_de82_ef95);
        let rng = &mut StdRng::seed_from_u64(seed);
        let limit = Limit {
            retry_after: Duration::from_secs(rng.random_range(1..=5)),
            exhausted_for: rng.random_bool(0.5).then(|| Duration::from_secs(rng.random_range(1..=15))),
        };
        let faults: Vec<Fault> = (0..rng.random_range(0..=6)).map(|_| fault(rng, limit)).collect();
        Self {
            seed,
            behavior: behavior::drawn(rng),
            page_size: rng.random_range(1..=4),
            boot: Duration::from_millis(rng.random_range(50..=3000)),
            scarce: rng.random_bool(0.3).then(|| rng.random_range(0..=1)),
            foreign: rng.random_range(1..=3),
            faults,
            limit,
            one_handle: rng.random_bool(0.5),
            actors: (0..rng.random_range(1..=4)).map(|number| actor(rng, number)).collect(),
        }
    }
}

fn actor(rng: &mut StdRng, number: u32) -> Actor {
    let name = ["alpha", "beta"].choose(rng).copied().unwrap_or("alpha");
    let tag = format!("SOAK_{number}");
    let hardware: Vec<&str> = HARDWARE.choose_multiple(rng, 2).copied().collect();
    let mut spec = PodSpec::gpu(name, "runpod/pytorch:latest", hardware)
        .env(&tag, "1")
        .if_exists(
            *[IfExists::Fail, IfExists::Adopt, IfExists::Replace].choose(rng).unwrap_or(&IfExists::Fail),
        )
        .cloud(*[Cloud::Secure, Cloud::Either].choose(rng).unwrap_or(&Cloud::Secure));
    if rng.random_bool(0.7) {
        spec = spec.port("22/tcp");
    }
    if rng.random_bool(0.3) {
        spec = spec.volume_gb(rng.random_range(10..=50));
    }
    if rng.random_bool(0.3) {
        spec = spec.lifetime(Duration::from_millis(if rng.random_bool(0.5) { 1 } else { 3_600_000 }));
    }
    Actor {
        spec,
        tag,
        begins_after: Duration::from_millis(rng.random_range(0..=3000)),
        patience: drawn_patience(rng, 0.25),
        steps: (0..rng.random_range(0..=5)).map(|_| (step(rng), drawn_patience(rng, 0.2))).collect(),
    }
}

fn drawn_patience(rng: &mut StdRng, chance: f64) -> Option<Duration> {
    // Most drops fall into the first moments, where the requests are.
    let longest = if rng.random_bool(0.7) { 400 } else { 20_000 };
    rng.random_bool(chance).then(|| Duration::from_millis(rng.random_range(0..=longest)))
}

fn step(rng: &mut StdRng) -> Step {
    let longest = Duration::from_secs(rng.random_range(1..=40));
    match rng.random_range(0..17) {
        0..=2 => Step::WaitRunning(longest),
        3 => Step::WaitPorts(longest),
        4 => Step::WaitStopped(longest),
        5 => Step::WaitGone(longest),
        6 => Step::Start,
        7 => Step::Stop,
        8 => Step::Restart,
        9 => Step::Terminate,
        10 => Step::Find,
        11 => Step::Get,
        12 => Step::Plan,
        13 => Step::Logs,
        14 => Step::Reap,
        15 => Step::Keys,
        _ => Step::AddKey,
    }
}

fn fault(rng: &mut StdRng, limit: Limit) -> Fault {
    let mut fault = Fault::new(kind(rng, limit)).times(rng.random_range(1..=4));
    if rng.random_bool(0.8) {
        fault = fault.on(*CALLS.choose(rng).unwrap_or(&"createPod"));
    }
    match rng.random_range(0..3) {
        0 => fault,
        1 => fault.probability(rng.random_range(0.1..0.9)),
        _ => fault.nth(rng.random_range(1..=5)),
    }
}

fn kind(rng: &mut StdRng, limit: Limit) -> FaultKind {
    let seconds = Duration::from_secs(rng.random_range(1..=6));
    let applied = rng.random_bool(0.5);
    let status = *[500, 502, 503, 504].choose(rng).unwrap_or(&500);
    let field =
        (*["status", "name", "env", "id", "runtime", "ssh"].choose(rng).unwrap_or(&"status")).to_owned();
    match rng.random_range(0..22) {
        0 => FaultKind::DropBeforeRead,
        1 | 2 => FaultKind::DropAfterApply,
        3 => FaultKind::DropMidAnswer,
        4 | 5 => FaultKind::Status { status, detail: None, applied },
        6 => FaultKind::RateLimited {
            retry_after: Some(limit.retry_after),
            exhausted_for: limit.exhausted_for,
        },
        7 => FaultKind::EdgeBlock,
        8 => FaultKind::Html { status: 200, applied },
        9 => FaultKind::Html { status, applied },
        10 => FaultKind::TruncatedJson,
        11 => FaultKind::WrongContentType,
        12 => FaultKind::SlowBody { lasting: seconds },
        13 => FaultKind::Hang { lasting: seconds, applied },
        // An id or a name that is another's is none at all: nothing could be told by it, here or at RunPod.
        14 if matches!(field.as_str(), "id" | "name") => FaultKind::MissingField { field },
        14 => FaultKind::UnknownEnum { field },
        15 => FaultKind::MissingField { field },
        16 => FaultKind::NullField { field },
        17 => FaultKind::OddPod,
        18 => FaultKind::DuplicateCreate,
        19 => FaultKind::BootFailure,
        20 => FaultKind::Stuck { stage: BootStage::Ports },
        _ => FaultKind::HostFull,
    }
}
