//! Somebody else with the same account, who copies and ends pods.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    server::{SharedWorld, lock},
    truth::{Boot, TruePod},
    world::World,
};

/// Act of a stranger, once, on the first pod that an actor's deploy made.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// Copies it, environment and all, under another name.
    Clone,
    /// Makes a copy under its own name. Within 15 s of its create nobody could tell that one from a second pod of
    /// that create, so it comes later.
    Namesake,
    Terminates,
    Stops,
}

const DEEDS: [Option<Deed>; 5] =
    [None, Some(Deed::Clone), Some(Deed::Terminates), Some(Deed::Stops), Some(Deed::Namesake)];
/// The time after the pod's create.
const AFTER: [u64; 4] = [5, 1, 12, 18];
/// After the longest that a request is on its way, and what its pod may be late.
const NAMESAKE_AFTER: [u64; 3] = [28, 30, 36];

/// Does what the tape chooses; a copy under the same name only where there may be one.
pub(super) async fn meddle(world: SharedWorld, has_namesakes: bool) {
    let (deed, after) = {
        let tape = &mut lock(&world).tape;
        let deeds = if has_namesakes { &DEEDS[..] } else { &DEEDS[..4] };
        let Some(deed) = deeds[tape.choose(deeds.len())] else { return };
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
    let now = Instant::now();
    world.tell(
        format!("somebody else {deed:?} {}", pod.id).replace("Clone", "clones").replace("Namesake", "copies"),
    );
    match deed {
        Deed::Clone => drop(world.truth.create(None, &copy(pod, "copy"), Boot::Quick)),
        Deed::Namesake => drop(world.truth.create(None, &copy(pod, &pod.name), Boot::Quick)),
        Deed::Terminates => {
            if let Some(pod) = world.truth.pod_mut(&pod.id) {
                pod.terminate(now);
            }
        }
        Deed::Stops => {
            if let Some(pod) = world.truth.pod_mut(&pod.id) {
                pod.stop(now);
            }
        }
    }
}

fn copy(pod: &TruePod, name: &str) -> Value {
    json!({"name": name, "env": pod.env, "ports": ["22/tcp"]})
}
