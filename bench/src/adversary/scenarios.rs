//! The stories that are searched.

use std::time::Duration;

use runpod_lifecycle::{IfExists, OnFailure};
use serde_json::json;

use super::{
    actors::{Actor, DATA, Fate, Op, Until},
    stored::{self, Kind},
    stranger::{self, Deed},
    world::{Budgets, World},
};

/// A story: who is there before, and who does what.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) foreign: Vec<Foreign>,
    pub(super) actors: Vec<Actor>,
    /// True if processes that share nothing are held to one pod per name.
    pub(super) is_one_per_name: bool,
    /// Acts of which a stranger does one.
    pub(super) deeds: &'static [Deed],
}

/// Somebody else's pod.
#[derive(Clone, Debug)]
pub(super) struct Foreign {
    name: &'static str,
    /// When its lifetime is over, RFC 3339; `None` if it has none.
    expires_at: Option<&'static str>,
    has_marker: bool,
}

impl Foreign {
    fn named(name: &'static str) -> Self {
        Self { name, expires_at: None, has_marker: false }
    }
}

/// Age of other people's pods when a run begins.
pub(super) const BEFORE: Duration = Duration::from_secs(60);

use Op::{
    DeleteSecret, DeleteVolume, Deploy, DeployAll, DeployAndWait, EnsureVolume, Find, FindVolume, Get,
    GrowVolume, List, Pause, Plan, Reap, Restart, SetSecret, Start, Stop, Terminate, TerminateAll, Wait,
};

/// The stories by name, in the order in which they are searched.
pub(super) const NAMES: [&str; 27] = [
    "deploy",
    "ready",
    "http",
    "stop",
    "start",
    "restart",
    "terminate",
    "replace",
    "adopt",
    "adopt-and-start",
    "reap",
    "handle",
    "fleet",
    "namesake",
    "race",
    "race-of-three",
    "races",
    "death",
    "sleep",
    "mixed",
    "mixed-starts",
    "weather",
    "patience",
    "many",
    "volume",
    "secret",
    "stored",
];

/// The number of choices at the beginning of a tape that make the story rather than its accidents, at least.
pub(super) fn choices_of(name: &str) -> usize {
    match name {
        "mixed" | "mixed-starts" => 30,
        "weather" => 32,
        "races" => 8,
        "adopt-and-start" | "patience" => 1,
        "stored" => 12,
        _ => 0,
    }
}

/// The story of a name; one of them is drawn from the tape.
pub(super) fn named(name: &str, world: &mut World) -> Option<Scenario> {
    let deploy = Deploy(IfExists::Fail);
    let waited = |until, longest| DeployAndWait(IfExists::Fail, until, longest, OnFailure::Terminate);
    let adopting = DeployAndWait(IfExists::Adopt, Until::Ssh, 20, OnFailure::Terminate);
    let one = |ops: &[Op]| vec![Actor::new(0, ops)];
    let name = *NAMES.iter().find(|own| **own == name)?;
    let (foreign, actors) = match name {
        "namesake" => (vec![], one(&[deploy, Wait(Until::Running, 40), Find])),
        "deploy" => (vec![Foreign::named("other")], one(&[deploy, Find])),
        "ready" => (vec![Foreign::named("other")], one(&[waited(Until::Ssh, 30), List])),
        "http" => (vec![], one(&[waited(Until::Http, 30), Restart, Wait(Until::Http, 30)])),
        "stop" => (vec![], one(&[deploy, Wait(Until::Running, 30), Stop, Wait(Until::Stopped, 30)])),
        "start" => {
            let ops = [waited(Until::Ssh, 30), Stop, Wait(Until::Stopped, 20), Start, Wait(Until::Ssh, 40)];
            (vec![], one(&ops))
        }
        "restart" => (vec![], one(&[waited(Until::Ssh, 30), Restart, Wait(Until::Ssh, 40)])),
        "terminate" => {
            (vec![Foreign::named("other")], one(&[deploy, Terminate, Wait(Until::Gone, 30), Find]))
        }
        "replace" => {
            (vec![Foreign::named("trainer")], one(&[Deploy(IfExists::Replace), Wait(Until::Running, 30)]))
        }
        "adopt" => {
            let ops = [adopting, Stop, Wait(Until::Stopped, 20)];
            (vec![Foreign::named("trainer"), Foreign::named("other")], one(&ops))
        }
        "adopt-and-start" => {
            let maker = [waited(Until::Ssh, 30), Stop, Wait(Until::Stopped, 20)];
            let starting = DeployAndWait(IfExists::AdoptAndStart, Until::Ssh, 40, OnFailure::Terminate);
            // Once the stop shows everywhere, while it shows somewhere, and before it.
            let begins_after = [60, 40, 30, 15][world.tape.choose(4)];
            let starter = Actor { begins_after, ..Actor::new(1, [starting, Get, Find]) };
            (vec![], vec![Actor::new(0, maker), starter])
        }
        "reap" => {
            let overdue = Foreign { expires_at: Some("2020-01-01T00:00:00Z"), ..Foreign::named("other") };
            let mortal = Actor { lifetime: Some(30), ..Actor::new(0, [deploy, Reap, Pause(40), Reap]) };
            (vec![overdue], vec![mortal])
        }
        "handle" => {
            let second = Actor { begins_after: 1, ..Actor::new(0, [deploy, Find]) };
            (vec![], vec![Actor::new(0, [deploy, Wait(Until::Running, 20)]), second])
        }
        "race" | "race-of-three" => {
            let actor = |process| Actor::new(process, [deploy, Wait(Until::Running, 40)]);
            (vec![], (0..if name == "race" { 2 } else { 3 }).map(actor).collect())
        }
        "races" => (vec![], races(world)),
        "death" => {
            let dying = [deploy, Wait(Until::Running, 20), Find];
            let heir = Actor { begins_after: 25, ..Actor::new(1, [adopting, Find]) };
            (vec![], vec![Actor { fate: Fate::Dies, ..Actor::new(0, dying) }, heir])
        }
        "sleep" => {
            let ops = [deploy, Wait(Until::Ssh, 30), Restart, Wait(Until::Ssh, 30), Stop, Terminate, Find];
            (vec![], vec![Actor { fate: Fate::Sleeps, ..Actor::new(0, ops) }])
        }
        "many" => (vec![Foreign::named("other")], one(&[DeployAll, List, TerminateAll, Find, List])),
        "volume" => {
            let ops = [EnsureVolume, GrowVolume(30), EnsureVolume, DeleteVolume, FindVolume, EnsureVolume];
            (vec![], one(&ops))
        }
        "secret" => (vec![], one(&[SetSecret, SetSecret, DeleteSecret, SetSecret])),
        "stored" => (vec![], storing(world)),
        "patience" => {
            let stock_after = Duration::from_secs([90, 20, 300, 700][world.tape.choose(4)]);
            world.stock_from = Some(world.truth.now() + BEFORE + stock_after);
            let actor = |process, name| Actor {
                name,
                patience: 600,
                ..Actor::new(process, [deploy, Wait(Until::Running, 30), Find])
            };
            (vec![Foreign::named("other")], vec![actor(0, "one"), actor(0, "two"), actor(1, "three")])
        }
        "fleet" => {
            let actor = |name| Actor { name, ..Actor::new(0, [waited(Until::Ssh, 30)]) };
            (vec![Foreign::named("other")], vec![actor("one"), actor("two"), actor("three")])
        }
        name => {
            if name == "weather" {
                weather(world);
            }
            mixed(world, name != "mixed")
        }
    };
    let deeds = match name {
        "namesake" => stranger::WITH_NAMESAKES,
        "weather" => stranger::WITH_LOCKS,
        _ => stranger::USUAL,
    };
    Some(Scenario { foreign, actors, is_one_per_name: name.starts_with("race"), deeds })
}

/// Two or three processes that deploy one name, each with a policy of its own.
fn races(world: &mut World) -> Vec<Actor> {
    let tape = &mut world.tape;
    let count = 2 + tape.choose(2);
    let mut actors = Vec::new();
    for process in 0..count {
        // One that replaces may end what another was given, which is what it was asked to.
        let if_exists = [IfExists::Adopt, IfExists::Fail][tape.choose(2)];
        let first = match tape.choose(2) {
            0 => vec![DeployAndWait(if_exists, Until::Running, 40, OnFailure::Keep)],
            _ => vec![Deploy(if_exists), Wait(Until::Running, 40)],
        };
        let begins_after = [0, 2, 7, 14, 20][tape.choose(5)];
        actors.push(Actor { begins_after, ..Actor::new(process, first) });
    }
    actors
}

/// One or two who keep volumes and secrets, in one process or two, beside somebody else's of the name.
fn storing(world: &mut World) -> Vec<Actor> {
    const OPS: [Op; 8] = [
        EnsureVolume,
        FindVolume,
        GrowVolume(30),
        DeleteVolume,
        SetSecret,
        DeleteSecret,
        GrowVolume(25),
        Pause(20),
    ];
    let theirs = [None, Some(Kind::Volume), Some(Kind::Secret)][world.tape.choose(3)];
    let now = world.truth.now();
    world.stored.extend(theirs.map(|kind| stored::foreign(kind, DATA, 0, now)));
    let tape = &mut world.tape;
    let mut actors = Vec::new();
    for number in 0..=tape.choose(2) {
        let process = if tape.choose(2) == 0 { 0 } else { number };
        let ops: Vec<Op> = (0..=tape.choose(4)).map(|_| OPS[tape.choose(OPS.len())]).collect();
        let begins_after = [0, 3, 20][tape.choose(3)];
        actors.push(Actor { begins_after, ..Actor::new(process, ops) });
    }
    actors
}

/// Limits that close, and answers without a date.
fn weather(world: &mut World) {
    world.undated = [(0, 1), (1, 1), (1, 2), (3, 4)][world.tape.choose(4)];
    let budgets = [(3, 20, true), (12, 40, true), (30, 60, false), (2, 5, true)];
    world.budgets = world.tape.choose(5).checked_sub(1).map(|choice| {
        let (limit, window, tells_end) = budgets[choice];
        Budgets::new(limit, window, tells_end)
    });
}

/// Anybody doing anything, or anything but starting pods again.
fn mixed(world: &mut World, has_starts: bool) -> (Vec<Foreign>, Vec<Actor>) {
    const IF_EXISTS: [IfExists; 3] = [IfExists::Fail, IfExists::Adopt, IfExists::Replace];
    const UNTIL: [Until; 6] =
        [Until::Ssh, Until::Running, Until::Ports, Until::Stopped, Until::Gone, Until::Http];
    const LONGEST: [u64; 4] = [30, 5, 60, 0];
    let tape = &mut world.tape;
    let foreign = match tape.choose(4) {
        0 => vec![],
        1 => vec![Foreign::named("trainer")],
        2 => vec![Foreign::named("other"), Foreign { has_marker: true, ..Foreign::named("trainer") }],
        _ => vec![Foreign { expires_at: Some("2020-01-01T00:00:00Z"), ..Foreign::named("trainer") }],
    };
    let mut actors = Vec::new();
    for number in 0..=tape.choose(3) {
        // Two processes that deploy one name are a story of their own.
        let process = if tape.choose(2) == 0 { 0 } else { number };
        let name = ["trainer", "one", "two", "three"][if process == 0 { 0 } else { process }];
        let mut ops = Vec::new();
        let if_exists = IF_EXISTS[tape.choose(3)];
        for position in 0..=tape.choose(4) {
            let (until, longest) = (UNTIL[tape.choose(6)], LONGEST[tape.choose(4)]);
            let op = match tape.choose(if position == 0 { 3 } else { 12 }) {
                0 if position == 0 => Deploy(if_exists),
                1 if position == 0 => DeployAndWait(if_exists, until, longest, OnFailure::Terminate),
                2 if position == 0 => Find,
                0 | 1 => Wait(until, longest),
                2 => Stop,
                3 if has_starts => Start,
                4 if has_starts => Restart,
                3 | 4 => Get,
                5 => Terminate,
                6 => Find,
                7 => List,
                8 => Plan,
                9 => Reap,
                10 => Get,
                _ => Pause(20),
            };
            ops.push(op);
        }
        let lifetime = [None, Some(20)][tape.choose(2)];
        let volume = tape.choose(2) == 1;
        let begins_after = [0, 3, 20][tape.choose(3)];
        actors.push(Actor { begins_after, name, lifetime, volume, ..Actor::new(process, ops) });
    }
    (foreign, actors)
}

impl Scenario {
    /// Makes the pods that are there before.
    pub(super) fn settle(&self, world: &mut World) {
        for Foreign { name, expires_at, has_marker } in &self.foreign {
            let mut env = json!({});
            if let Some(expires_at) = expires_at {
                env["RUNPOD_LIFECYCLE_EXPIRES_AT"] = json!(expires_at);
            }
            if *has_marker {
                env["RUNPOD_LIFECYCLE_DEPLOYMENT"] = json!("0123456789abcdef0123456789abcdef");
            }
            let body = json!({"name": name, "env": env, "ports": ["22/tcp"]});
            let id = world.truth.create(None, &body, super::truth::Boot::Quick);
            world.tell(format!("somebody else has a pod {id} ({name}) {env}"));
        }
    }
}
