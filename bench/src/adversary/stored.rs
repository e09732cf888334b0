//! Network volumes and secrets of an account as they are, and the answers about them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    answers::Ask,
    choices::{
        AGES,
        Done::{self, Never, Once, Twice},
        Heard::{self, Conflict409, NotKnown404, OddBody, Old, Right},
        STORED_CHANGE, STORED_CREATE, STORED_DELETE, STORED_READ,
    },
    server::Reply,
    truth::LAG,
};

/// The data center of every volume.
pub(super) const PLACE: &str = "EU-RO-1";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Volume,
    Secret,
}

impl Kind {
    /// The kind in RunPod's words.
    fn word(self) -> &'static str {
        match self {
            Self::Volume => "network volume",
            Self::Secret => "secret",
        }
    }

    /// The member of a list's answer that holds the items.
    fn list(self) -> &'static str {
        match self {
            Self::Volume => "networkVolumes",
            Self::Secret => "secrets",
        }
    }
}

/// A volume or secret as it is.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) name: String,
    /// The process whose request made it; `None` for somebody else's.
    pub(super) creator: Option<usize>,
    /// True for the second of two that one request made.
    pub(super) is_twin: bool,
    pub(super) made_at: Instant,
    pub(super) deleted_at: Option<Instant>,
    /// Sizes in GB, or values, each from its time on.
    states: Vec<(Instant, Value)>,
}

impl Item {
    fn new(kind: Kind, number: usize, creator: Option<usize>, body: &Value, now: Instant) -> Self {
        let prefix = if kind == Kind::Volume { "vol" } else { "sec" };
        Self {
            kind,
            id: format!("{prefix}{number:04}"),
            name: body["name"].as_str().unwrap_or_default().to_owned(),
            creator,
            is_twin: false,
            made_at: now,
            deleted_at: None,
            states: vec![(now, state(kind, body))],
        }
    }

    pub(super) fn is_there_at(&self, time: Instant) -> bool {
        self.made_at <= time && self.deleted_at.is_none_or(|at| time < at)
    }

    /// Its size or value.
    pub(super) fn state_at(&self, time: Instant) -> &Value {
        let mut states = self.states.iter().rev();
        states.find(|(at, _)| *at <= time).map_or(&Value::Null, |(_, state)| state)
    }

    /// The item as it was at a time; `None` if it was not there.
    fn view_at(&self, time: Instant) -> Option<Value> {
        let created = "2026-08-20T06:16:19.430Z";
        self.is_there_at(time).then(|| match self.kind {
            Kind::Volume => {
                json!({"id": self.id, "name": self.name, "size": self.state_at(time), "dataCenter": PLACE})
            }
            Kind::Secret => json!({"id": self.id, "name": self.name, "createdAt": created}),
        })
    }
}

/// The part of a request that is kept.
fn state(kind: Kind, body: &Value) -> Value {
    match kind {
        Kind::Volume => body["size"].clone(),
        Kind::Secret => body["value"].clone(),
    }
}

impl Ask<'_> {
    /// Answers a request about volumes or secrets; `id` is `None` where it is about all of them.
    pub(super) fn stored(&mut self, kind: Kind, id: Option<&str>) -> Reply {
        match (self.request.method.as_str(), id) {
            ("GET", None) => self.list_stored(kind),
            ("POST", None) => self.make_stored(kind),
            ("GET", Some(id)) => self.get_stored(kind, id),
            ("PATCH", Some(id)) => self.change_stored(kind, id),
            ("DELETE", Some(id)) => self.delete_stored(kind, id),
            _ => self.problem(404, "route not found"),
        }
    }

    fn item(&self, kind: Kind, id: &str) -> Option<&Item> {
        self.world.stored.iter().find(|item| item.kind == kind && item.id == id)
    }

    /// Each item as old as the tape says; the oldest where it says nothing else.
    fn age(&mut self, heard: Heard) -> Duration {
        if heard == Old { self.pick(&AGES) } else { Duration::ZERO }
    }

    fn list_stored(&mut self, kind: Kind) -> Reply {
        let heard = self.pick(STORED_READ);
        let now = self.world.truth.now();
        let only =
            self.request.query.split('&').find_map(|pair| pair.strip_prefix("name=")).map(str::to_owned);
        let mut shown = Vec::new();
        for index in 0..self.world.stored.len() {
            let age = self.age(heard);
            let item = &self.world.stored[index];
            if item.kind == kind && only.as_ref().is_none_or(|name| item.name == *name) {
                shown.extend(now.checked_sub(age).and_then(|at| item.view_at(at)));
            }
        }
        self.note(format!("{heard:?} {}", json!(shown)));
        if heard == OddBody {
            match self.world.tape.choose(4) {
                0 => shown.extend(shown.clone()),
                1 => shown.iter_mut().for_each(|item| item["name"] = Value::Null),
                2 => shown.push(json!({"id": {}})),
                _ => return self.reply(200, "{}"),
            }
        }
        let right = self.reply(200, json!({kind.list(): shown}).to_string());
        self.say(heard, right)
    }

    fn make_stored(&mut self, kind: Kind) -> Reply {
        let now = self.world.truth.now();
        let (done, heard) = self.pick(STORED_CREATE);
        let name = self.request.body["name"].as_str().unwrap_or_default();
        let is_taken = |item: &&Item| item.kind == kind && item.name == name && item.is_there_at(now);
        let is_taken = kind == Kind::Secret && self.world.stored.iter().any(|item| is_taken(&item));
        let (done, heard) = match (done, heard) {
            // Names of secrets are unique.
            (Once | Twice, Right) if is_taken => (Never, Conflict409),
            (Once | Twice, heard) if is_taken => (Never, heard),
            (Twice, heard) if kind == Kind::Secret => (Once, heard),
            other => other,
        };
        let made = match done {
            Never => 0,
            Twice => 2,
            _ => 1,
        };
        let before = self.world.stored.len();
        for place in 0..made {
            let number = self.world.stored.len();
            let item = Item::new(kind, number, Some(self.process), &self.request.body, now);
            self.world.stored.push(Item { is_twin: place > 0, ..item });
        }
        let ids: Vec<&str> = self.world.stored[before..].iter().map(|item| item.id.as_str()).collect();
        self.note(format!("creates [{}], {heard:?}", ids.join(", ")));
        let mut view = self.world.stored.get(before).and_then(|item| item.view_at(now)).unwrap_or_default();
        if heard == OddBody {
            match self.world.tape.choose(4) {
                0 => return self.reply(201, "{}"),
                1 => return self.reply(201, "created"),
                2 => view["name"] = json!("OTHER"),
                _ => view["id"] = json!(""),
            }
        }
        let right = self.reply(201, view.to_string());
        self.say_stored(kind, "", heard, right)
    }

    fn get_stored(&mut self, kind: Kind, id: &str) -> Reply {
        let heard = self.pick(STORED_READ);
        let (now, age) = (self.world.truth.now(), self.age(heard));
        let view = self.item(kind, id).and_then(|item| item.view_at(now.checked_sub(age)?));
        self.note(format!("{heard:?} {view:?}"));
        let right = match view {
            Some(_) if heard == OddBody => self.reply(200, "{}"),
            Some(view) => self.reply(200, view.to_string()),
            None => self.none(kind, id),
        };
        self.say_stored(kind, id, heard, right)
    }

    fn change_stored(&mut self, kind: Kind, id: &str) -> Reply {
        let now = self.world.truth.now();
        let (done, heard) = self.fitting(kind, id, STORED_CHANGE);
        let new = state(kind, &self.request.body);
        let old = self.item(kind, id).map(|item| item.state_at(now).clone()).unwrap_or_default();
        let is_there = self.item(kind, id).is_some_and(|item| item.is_there_at(now));
        self.note(format!("{done:?}, {heard:?}"));
        if is_there && new.as_i64() < old.as_i64() {
            self.world.breaks("shrinks", format!("{id} of {old} GB was to have {new} GB"));
            return self.problem(400, "network volumes can only grow");
        }
        if done != Never
            && let Some(item) = self.world.stored.iter_mut().find(|item| item.kind == kind && item.id == id)
        {
            item.states.push((now, new));
        }
        let view = self.item(kind, id).and_then(|item| item.view_at(now)).unwrap_or_default();
        let right = if heard == OddBody { self.reply(200, "{}") } else { self.reply(200, view.to_string()) };
        self.say_stored(kind, id, heard, right)
    }

    fn delete_stored(&mut self, kind: Kind, id: &str) -> Reply {
        let now = self.world.truth.now();
        let (done, heard) = self.fitting(kind, id, STORED_DELETE);
        self.note(format!("{done:?}, {heard:?}"));
        if done != Never
            && let Some(item) = self.world.stored.iter_mut().find(|item| item.kind == kind && item.id == id)
        {
            item.deleted_at = Some(now);
        }
        let right = if heard == OddBody { self.reply(200, "{}") } else { self.reply(204, "") };
        self.say_stored(kind, id, heard, right)
    }

    /// A choice that fits what is true: nothing is done to what is gone, and only what is new is not known.
    fn fitting(&mut self, kind: Kind, id: &str, choices: &[(Done, Heard)]) -> (Done, Heard) {
        let now = self.world.truth.now();
        let (done, heard) = self.pick(choices);
        match self.item(kind, id) {
            Some(item) if item.is_there_at(now) => {
                let is_new = now < item.made_at + LAG;
                if heard == NotKnown404 && !is_new { (Once, Right) } else { (done, heard) }
            }
            _ => (Never, NotKnown404),
        }
    }

    fn say_stored(&mut self, kind: Kind, id: &str, heard: Heard, right: Reply) -> Reply {
        match heard {
            NotKnown404 => self.none(kind, id),
            Conflict409 => self.problem(409, "a secret with this name already exists"),
            heard => self.say(heard, right),
        }
    }

    fn none(&self, kind: Kind, id: &str) -> Reply {
        self.problem(404, &format!("{} {id} not found", kind.word()))
    }
}

/// Makes what somebody else stores.
pub(super) fn foreign(kind: Kind, name: &str, number: usize, now: Instant) -> Item {
    Item::new(kind, number, None, &json!({"name": name, "size": 10, "value": "theirs"}), now)
}

/// The items of a kind and name that are there.
pub(super) fn there<'a>(
    items: &'a [Item],
    kind: Kind,
    name: &'a str,
    now: Instant,
) -> impl Iterator<Item = &'a Item> {
    let is_it = move |item: &&Item| item.kind == kind && item.name == name && item.is_there_at(now);
    items.iter().filter(is_it)
}
