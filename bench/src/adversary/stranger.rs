//! Somebody else with the same account, who copies and ends pods.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    server::{SharedWorld, lock},
    truth::{Boot, TruePod},
    world::World,
};

/// Act of a stranger, once, on the first pod that an actor's deploy made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    /// Copies it, environment and all, under another name.
    Clone,
    /// Makes a copy under its own name. While its create may still make a pod nobody could tell that one from a
    /// second pod of the create, so it comes later.
    Namesake,
    Terminates,
    Stops,
    Locks,
}

/// Acts of strangers where nothing else is said.
pub(super) const USUAL: &[Deed] = &[Deed::Clone, Deed::Terminates, Deed::Stops];
/// Those where a pod may be copied under its own name.
pub(super) const WITH_NAMESAKES: &[Deed] = &[Deed::Clone, Deed::Terminates, Deed::Stops, Deed::Namesake];
/// Those where pods may be locked.
pub(super) const WITH_LOCKS: &[Deed] = &[Deed::Clone, Deed::Terminates, Deed::Stops, Deed::Locks];
/// The time after the pod's create.
const AFTER: [u64; 4] = [5, 1, 12, 18];
/// After the longest that a request is on its way, what its pod may be late, and what RunPod's clocks may differ.
const NAMESAKE_AFTER: [u64; 3] = [32, 35, 40];

/// Does what the tape chooses, or nothing.
pub(super) async fn meddle(world: SharedWorld, deeds: &'static [Deed]) {
    let (deed, after) = {
        let tape = &mut lock(&world).tape;
        let Some(deed) = tape.choose(1 + deeds.len()).checked_sub(1).map(|deed| deeds[deed]) else { return };
        let after = match deed {
            Deed::Namesake => NAMESAKE_AFTER[tape.choose(NAMESAKE_AFTER.len())],
            _ => AFTER[tape.choose(AFTER.len())],
        };
        (deed, Duration::from_secs(after))
    };
    let pod = loop {
        if let Some(pod) = lock(&world).truth.pods.iter().find(|pod| pod.creator.is_some()) {
            break pod.clone();
        }
        sleep(Duration::from_secs(1)).await;
    };
    sleep(after).await;
    act(&mut lock(&world), deed, &pod);
}

fn act(world: &mut World, deed: Deed, pod: &TruePod) {
    let now = world.truth.now();
    world.tell(
        format!("somebody else {deed:?} {}", pod.id).replace("Clone", "clones").replace("Namesake", "copies"),
    );
    match deed {
        Deed::Clone => drop(world.truth.create(None, &copy(pod, "copy"), Boot::Quick)),
        Deed::Namesake => drop(world.truth.create(None, &copy(pod, &pod.name), Boot::Quick)),
        Deed::Terminates => change(world, pod, |pod| pod.terminate(now)),
        Deed::Stops => change(world, pod, |pod| pod.stop(now)),
        Deed::Locks => change(world, pod, |pod| pod.is_locked = true),
    }
}

fn change(world: &mut World, pod: &TruePod, change: impl FnOnce(&mut TruePod)) {
    if let Some(pod) = world.truth.pod_mut(&pod.id) {
        change(pod);
    }
}

fn copy(pod: &TruePod, name: &str) -> Value {
    json!({"name": name, "env": pod.env, "ports": ["22/tcp"]})
}
