//! Exchanges that can be given away: whatever tells whose they are is left out or replaced.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{exchange::Exchange, run::Outcome};

/// Headers that are kept.
const HEADERS: [&str; 7] =
    ["allow", "content-type", "date", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id"];
/// Segments of paths that are kept; another one is an id.
const SEGMENTS: [&str; 10] =
    ["v1", "v2", "pods", "templates", "catalog", "gpus", "cpus", "action", "logs", "conformancenone"];
/// Fields whose texts are RunPod's own words or ours.
const PUBLIC: [&str; 22] = [
    "actions",
    "args",
    "availability",
    "category",
    "cloud",
    "createdAt",
    "cudaVersion",
    "dataCenterId",
    "group",
    "image",
    "manufacturer",
    "pool",
    "ports",
    "source",
    "startedAt",
    "status",
    "title",
    "ts",
    "type",
    "version",
    "entrypoint",
    "cmd",
];
/// Fields that hold text in which anything may be quoted.
const FREE: [&str; 5] = ["command", "detail", "error", "errors", "line"];
/// Lists of which only what is the run's own is kept.
const OWNED: [&str; 2] = ["pods", "templates"];
/// Variables that the run itself has sent, or RunPod adds.
const VARIABLES: [&str; 4] = ["CONFORMANCE", "SHARED", "OWN", "PUBLIC_KEY"];
/// A host that everybody's proxy has.
const PROXY: &str = "ssh.runpod.io";

/// One exchange, cleaned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// The step of the survey.
    pub step: String,
    /// Seconds of the server's time since the run began.
    pub at_seconds: f64,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The status.
    pub status: u16,
    /// The headers that matter.
    pub headers: BTreeMap<String, String>,
    /// The body: JSON as it is, anything else as a text.
    pub body: Value,
}

/// Returns the exchanges of a run that were answered, cleaned. One whose answer repeats the one before it in its step is
/// left out.
#[must_use]
pub fn recordings(outcome: &Outcome) -> Vec<Recording> {
    let cleaner = Cleaner::of(outcome);
    let mut kept: Vec<Recording> = Vec::new();
    for exchange in outcome.evidence.exchanges().iter().filter(|exchange| exchange.status > 0) {
        let recording = cleaner.recording(exchange);
        let before = kept.iter().rev().find(|before| before.step == recording.step);
        if before.is_none_or(|before| (before.status, &before.body) != (recording.status, &recording.body)) {
            kept.push(recording);
        }
    }
    kept
}

/// The kinds of what is replaced, each numbered by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Pod,
    Template,
    Id,
    Name,
    Cursor,
    Request,
    User,
    Value,
    Text,
    Inside,
    Outside,
}

impl Kind {
    fn stand_in(self, number: usize) -> String {
        match self {
            Self::Pod => format!("pod-{number}"),
            Self::Template => format!("template-{number}"),
            Self::Id => format!("id-{number}"),
            Self::Name => format!("name-{number}"),
            Self::Cursor => format!("cursor-{number}"),
            Self::Request => format!("request-{number}"),
            Self::User => format!("user-{number:08x}"),
            Self::Value => format!("value-{number}"),
            Self::Text => format!("text-{number}"),
            // Addresses for documentation, and RunPod's own inner range.
            Self::Inside => format!("100.64.{}.{}", number / 256, number % 256),
            Self::Outside => format!("192.0.2.{}", number % 256),
        }
    }
}

/// The field that a list which is the whole answer stands for, by its path.
fn root(path: &str) -> &'static str {
    let path = path.split('?').next().unwrap_or_default();
    OWNED.into_iter().find(|owned| path.ends_with(&format!("/{owned}"))).unwrap_or_default()
}

/// Replaces everything that is not known to be harmless, the same by the same.
#[derive(Debug, Default)]
pub(crate) struct Cleaner {
    own_name: String,
    stand_ins: BTreeMap<String, String>,
    counts: BTreeMap<Kind, usize>,
    /// Replaced texts, longest first, so that no part of one is taken for another.
    order: Vec<String>,
}

impl Cleaner {
    /// Learns everything that has to be replaced from all exchanges of a run.
    pub(crate) fn of(outcome: &Outcome) -> Self {
        let mut cleaner = Self { own_name: outcome.name.clone(), ..Self::default() };
        cleaner.stand_ins.insert(outcome.key.expose().to_owned(), "the-key".to_owned());
        cleaner.learn(Kind::Name, &outcome.name);
        for exchange in outcome.evidence.exchanges() {
            cleaner.learn_path(&exchange.path);
            if let Some(id) = exchange.header("x-request-id") {
                cleaner.learn(Kind::Request, &id);
            }
            let catalog = exchange.path.contains("/catalog/");
            cleaner.learn_value(&exchange.json(), root(&exchange.path), is_of(&exchange.path), catalog);
        }
        let known: BTreeSet<&String> = cleaner.stand_ins.keys().filter(|text| text.len() > 3).collect();
        cleaner.order = known.into_iter().cloned().collect();
        cleaner.order.sort_by_key(|text| std::cmp::Reverse(text.len()));
        cleaner
    }

    fn learn(&mut self, kind: Kind, text: &str) {
        if text.is_empty() || self.stand_ins.contains_key(text) {
            return;
        }
        let number = self.counts.entry(kind).or_default();
        *number += 1;
        self.stand_ins.insert(text.to_owned(), kind.stand_in(*number));
    }

    fn learn_path(&mut self, path: &str) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        for segment in path.split('/').filter(|segment| !segment.is_empty() && !SEGMENTS.contains(segment)) {
            self.learn(is_of(path), segment);
        }
        if let Some((_, cursor)) = query.split_once("cursor=").filter(|(_, cursor)| *cursor != "conformance")
        {
            self.learn(Kind::Cursor, cursor);
        }
    }

    /// Learns the texts of an answer. What belongs to others is left out of recordings, and not even learned.
    fn learn_value(&mut self, value: &Value, field: &str, of: Kind, catalog: bool) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let of = if OWNED.contains(&key.as_str()) { is_of(key) } else { of };
                    let key = if field == "env" { "env-value" } else { key.as_str() };
                    self.learn_value(value, key, of, catalog);
                }
            }
            Value::Array(items) => {
                let own: Vec<&Value> =
                    items.iter().filter(|item| catalog || self.is_own(field, item)).collect();
                for item in own {
                    self.learn_value(item, field, of, catalog);
                }
            }
            Value::String(text) => {
                if let Some(kind) = kind(field, text, of, catalog) {
                    self.learn(kind, text);
                }
            }
            _ => {}
        }
    }

    /// Returns false for entries of lists that are not the run's own.
    fn is_own(&self, field: &str, item: &Value) -> bool {
        !(OWNED.contains(&field) && item.is_object()) || item["name"] == *self.own_name
    }

    fn recording(&self, exchange: &Exchange) -> Recording {
        let kept = exchange.headers.iter().filter(|(name, _)| HEADERS.contains(&name.as_str()));
        let headers = kept.map(|(name, value)| (name.clone(), self.text(value))).collect();
        let catalog = exchange.path.contains("/catalog/");
        let body = match serde_json::from_str(&exchange.body) {
            Ok(json) => self.value(&json, root(&exchange.path), catalog),
            // Part of a list, say, in which nobody can tell what belongs to whom.
            Err(_) if exchange.header("content-type").is_some_and(|kind| kind.contains("json")) => {
                Value::String(format!("{} bytes that are no JSON", exchange.body.len()))
            }
            Err(_) => Value::String(self.free(&exchange.body)),
        };
        Recording {
            step: exchange.step.to_owned(),
            at_seconds: (exchange.at.as_secs_f64() * 10.0).round() / 10.0,
            method: exchange.method.clone(),
            path: self.text(&exchange.path),
            status: exchange.status,
            headers,
            body,
        }
    }

    fn value(&self, value: &Value, field: &str, catalog: bool) -> Value {
        match value {
            Value::Object(map) if field == "env" => Value::Object(self.env(map)),
            Value::Object(map) => {
                let cleaned = map.iter().map(|(key, value)| (key.clone(), self.value(value, key, catalog)));
                Value::Object(cleaned.collect())
            }
            Value::Array(items) => {
                let own = items.iter().filter(|item| catalog || self.is_own(field, item));
                own.map(|item| self.value(item, field, catalog)).collect()
            }
            Value::String(text) if FREE.contains(&field) => Value::String(self.free(text)),
            Value::String(text) => Value::String(self.stand_ins.get(text).unwrap_or(text).clone()),
            other => other.clone(),
        }
    }

    /// An environment: the names that the run has sent, stand-ins for all values.
    fn env(&self, map: &Map<String, Value>) -> Map<String, Value> {
        let name = |(number, key): (usize, &String)| match VARIABLES.contains(&key.as_str()) {
            true => key.clone(),
            false => format!("VARIABLE_{number}"),
        };
        let names = map.keys().enumerate().map(name);
        names.zip(map.values().map(|value| self.value(value, "env-value", false))).collect()
    }

    /// A text with all that is known replaced.
    pub(crate) fn text(&self, text: &str) -> String {
        let replace = |text: String, known: &String| match text.contains(known.as_str()) {
            true => text.replace(known.as_str(), &self.stand_ins[known]),
            false => text,
        };
        self.order.iter().fold(text.to_owned(), replace)
    }

    /// A text in which anything may be quoted: what looks like an address or an id is replaced too.
    pub(crate) fn free(&self, text: &str) -> String {
        let text = self.text(text);
        let (mut cleaned, mut word) = (String::new(), String::new());
        for letter in text.chars().chain(['\0']) {
            if letter.is_ascii_alphanumeric() || letter == '.' {
                word.push(letter);
                continue;
            }
            cleaned += &harmless(&std::mem::take(&mut word));
            cleaned.push(letter);
        }
        cleaned.pop();
        cleaned
    }
}

/// A word of a free text, unless it looks like an address or an id.
fn harmless(word: &str) -> String {
    let is_mixed =
        word.bytes().any(|byte| byte.is_ascii_digit()) && word.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_address = word.trim_matches('.').parse::<std::net::Ipv4Addr>().is_ok();
    let is_known = word.starts_with("192.0.2.") || word.starts_with("100.64.");
    match word {
        _ if is_address && !is_known => "192.0.2.0".to_owned(),
        _ if is_mixed && word.len() >= 12 => "token".to_owned(),
        _ => word.to_owned(),
    }
}

/// The kind of ids in a path or a list.
fn is_of(path: &str) -> Kind {
    match path {
        _ if path.contains("templates") => Kind::Template,
        _ if path.contains("pods") => Kind::Pod,
        _ => Kind::Id,
    }
}

/// The kind of a text that has to be replaced; `None` for what everybody may see.
fn kind(field: &str, text: &str, of: Kind, catalog: bool) -> Option<Kind> {
    let address = text.parse::<std::net::Ipv4Addr>().ok().map(|ip| ip.octets());
    match field {
        "env-value" => Some(Kind::Value),
        _ if FREE.contains(&field) => None,
        "host" if text == PROXY => None,
        "username" if text == "root" => None,
        "username" => Some(Kind::User),
        "id" | "name" | "displayName" if catalog => None,
        "id" if text.starts_with("cpu") && text.len() < 8 => None,
        "id" if text.contains(' ') => None,
        "id" => Some(of),
        "name" => Some(Kind::Name),
        "nextCursor" => Some(Kind::Cursor),
        _ if PUBLIC.contains(&field) => None,
        _ => Some(match address {
            Some([100, second, ..]) if second & 0xc0 == 64 => Kind::Inside,
            Some(_) => Kind::Outside,
            None => Kind::Text,
        }),
    }
}
