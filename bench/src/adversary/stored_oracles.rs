//! Promises about network volumes and secrets.

use tokio::time::Instant;

use super::{
    actors::{DATA, Op, value},
    oracles::{Done, Outcome},
    stored::{Item, Kind, there},
    truth::LAG,
    world::World,
};

type Broken = Option<(&'static str, String)>;

/// Judges one operation at its end.
pub(super) fn check(world: &World, done: &Done<'_>, now: Instant) -> Broken {
    match done.outcome {
        Outcome::Volume(Ok(volume)) => {
            let wanted = match done.op {
                Op::GrowVolume(size_gb) => size_gb,
                _ => super::actors::VOLUME_GB,
            };
            held(world, done, &volume.id, wanted)
        }
        Outcome::Volume(Err(error)) if !error.may_bill() => unsaid(world, done, now),
        Outcome::FoundVolume(Ok(None)) => missing(world, done, now),
        Outcome::FoundVolume(Ok(Some(volume))) => held(world, done, &volume.id, 0),
        Outcome::VolumeEnded(id, Ok(())) => {
            let left = world.stored.iter().find(|item| item.id == *id && item.is_there_at(now));
            left.map(|item| ("gone", format!("{} is said to be deleted, and is there", item.id)))
        }
        Outcome::Secret(Ok(_)) if world.actors.len() == 1 => {
            let is_set = there(&world.stored, Kind::Secret, DATA, now)
                .any(|item| item.state_at(now).as_str() == Some(&value(done.tag)));
            (!is_set).then(|| ("stored", format!("the value of {} is said to be stored", done.tag)))
        }
        Outcome::SecretEnded(Ok(())) => {
            let mut left = there(&world.stored, Kind::Secret, DATA, now);
            let left = left.find(|item| item.made_at <= done.began)?;
            Some(("gone", format!("{} is said to be deleted, and is there", left.id)))
        }
        _ => None,
    }
}

/// A volume that is handed out is there and large enough, as far as anybody could know.
fn held(world: &World, done: &Done<'_>, id: &str, wanted_gb: u32) -> Broken {
    let Some(item) = world.stored.iter().find(|item| item.kind == Kind::Volume && item.id == id) else {
        return Some(("volume", format!("{id} never was")));
    };
    let since = done.began.checked_sub(2 * LAG).unwrap_or(done.began);
    if item.deleted_at.is_some_and(|at| at < since) || is_ended_here(world, done, id) {
        return Some(("gone", format!("{id} is gone, and {} gives it", done.op)));
    }
    let size = item.state_at(world.truth.now()).as_i64();
    let is_small = size < Some(i64::from(wanted_gb));
    (is_small && item.deleted_at.is_none())
        .then(|| ("volume", format!("{id} has {size:?} GB, not {wanted_gb}")))
}

/// Returns true if this process was told, before the operation began, that it had deleted a volume.
fn is_ended_here(world: &World, done: &Done<'_>, id: &str) -> bool {
    world
        .volumes_ended
        .iter()
        .any(|(process, ended, at)| *process == done.process && ended == id && *at <= done.began)
}

/// No volume of a call is left that says that none is.
fn unsaid(world: &World, done: &Done<'_>, now: Instant) -> Broken {
    let is_left = |item: &&Item| item.creator == Some(done.process) && item.made_at >= done.began;
    let left = there(&world.stored, Kind::Volume, DATA, now).find(is_left)?;
    let is_alone = !world.has_actors_beside(done.process);
    (is_alone && done.op == Op::EnsureVolume)
        .then(|| ("unknown volumes", format!("{} bills, and the error says that none does", left.id)))
}

/// A volume that is not found is not there, as far as lists must show it.
fn missing(world: &World, done: &Done<'_>, now: Instant) -> Broken {
    let since = done.began.checked_sub(LAG)?;
    let mut left = there(&world.stored, Kind::Volume, DATA, now);
    let left = left.find(|item| {
        item.made_at <= since || item.creator == Some(done.process) && item.made_at < done.began
    })?;
    Some(("none", format!("{} is there, and {} does not show it", left.id, done.op)))
}

/// Judges the end of a run: one volume of a name through one process, and none that nobody was told of.
pub(super) fn audit(world: &World, now: Instant) -> Vec<(&'static str, String)> {
    let mut broken = Vec::new();
    let alive: Vec<&Item> =
        there(&world.stored, Kind::Volume, DATA, now).filter(|item| item.creator.is_some()).collect();
    for (place, item) in alive.iter().enumerate() {
        // That the server made two of one request is told, and no fault of the caller's.
        let is_second = |other: &&&Item| other.creator == item.creator && !other.is_twin && !item.is_twin;
        if let Some(other) = alive[..place].iter().find(is_second) {
            broken.push(("one per name", format!("{} and {} are both {DATA:?}", other.id, item.id)));
        }
        if !is_known(world, item) {
            broken.push(("unknown volumes", format!("{} bills, and nobody was told of it", item.id)));
        }
    }
    broken
}

/// Returns true if its process was told of a volume: by its id, by an error after which one of the name may bill, or by having
/// dropped the call that made it.
fn is_known(world: &World, item: &Item) -> bool {
    let mut told = world.told.iter().filter(|told| Some(told.process) == item.creator);
    let is_it = |text: &str| text.contains(&format!("network volume {DATA:?}"));
    item.creator.is_some_and(|creator| world.volumes_dropped.contains(&creator))
        || told.any(|told| told.text.contains(&item.id) || told.doubts_name && is_it(&told.text))
}
