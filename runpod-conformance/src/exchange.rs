//! Requests and their answers, as they were seen.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::Value;

/// One request and its answer.
#[derive(Clone)]
pub struct Exchange {
    /// The step of the survey it belongs to.
    pub step: &'static str,
    /// The number of the list it is a page of, from 0 on within a step; 0 for all else.
    pub round: u32,
    /// The instant of the request, by the server's time since the run began.
    pub at: Duration,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The status; 0 if there was no answer.
    pub status: u16,
    /// The headers of the answer, by lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body, as far as it came.
    pub body: String,
    /// The reason for which there is no whole answer.
    pub failure: Option<String>,
    /// Duration of a stream, by the edge's time; zero for all else.
    pub lasted: Duration,
    /// True if the server ended a stream, or cut it.
    pub ended: bool,
}

impl fmt::Debug for Exchange {
    /// The body may hold the environments of other pods.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("step", &self.step)
            .field("at", &self.at)
            .field("method", &self.method)
            .field("status", &self.status)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

impl Exchange {
    /// Returns the body as JSON, or null.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// Returns a header of the answer; its lines are joined.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let lines = self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let joined: Vec<&str> = lines.collect();
        (!joined.is_empty()).then(|| joined.join(", "))
    }

    /// Returns true for 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns true for a refusal in RunPod's shape: problem+json with a title, the status and a detail.
    #[must_use]
    pub fn is_problem(&self) -> bool {
        let (kind, body) = (self.header("content-type").unwrap_or_default(), self.json());
        kind.starts_with("application/problem+json")
            && body["title"].is_string()
            && body["status"] == self.status
            && body["detail"].is_string()
    }

    /// Returns the server's words about a refusal.
    pub(crate) fn words(&self) -> String {
        let body = self.json();
        let texts = body["errors"].as_array().into_iter().flatten().chain([&body["detail"], &body["error"]]);
        let texts: Vec<&str> = texts.filter_map(Value::as_str).collect();
        match texts.is_empty() {
            false => texts.join("; "),
            // A success may hold what belongs to others.
            true if self.is_success() => format!("{} bytes that are not what was asked for", self.body.len()),
            true => self.body.chars().take(120).collect(),
        }
    }
}

/// Everything that a run has seen.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    exchanges: Vec<Exchange>,
    skipped: BTreeMap<&'static str, String>,
}

impl Evidence {
    /// Returns all exchanges, in the order of their requests.
    #[must_use]
    pub fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    pub(crate) fn note(&mut self, exchange: Exchange) {
        self.exchanges.push(exchange);
    }

    /// Notes why a step was not made.
    pub(crate) fn skip(&mut self, step: &'static str, why: impl Into<String>) {
        self.skipped.entry(step).or_insert_with(|| why.into());
    }

    /// The exchanges of a step.
    pub(crate) fn of(&self, step: &'static str) -> impl DoubleEndedIterator<Item = &Exchange> {
        self.exchanges.iter().filter(move |exchange| exchange.step == step)
    }

    /// The answered exchange of a step, or why there is none.
    pub(crate) fn only(&self, step: &'static str) -> Result<&Exchange, String> {
        match self.of(step).last() {
            Some(exchange) if exchange.status > 0 => Ok(exchange),
            Some(exchange) => {
                Err(format!("no answer: {}", exchange.failure.as_deref().unwrap_or("nothing came")))
            }
            None => Err(self.why(step)),
        }
    }

    /// The reason for which a step was not made.
    pub(crate) fn why(&self, step: &'static str) -> String {
        let known = |step| self.skipped.get(step).cloned();
        let refused = || {
            let refusal =
                self.of("create").last().filter(|create| create.status > 0 && !create.is_success())?;
            Some(format!("no pod was made: {} {}", refusal.status, refusal.words()))
        };
        let why = known(step).or_else(|| known("create")).or_else(refused);
        why.unwrap_or_else(|| "the run ended before".to_owned())
    }

    /// The id of the pod whose life was watched.
    pub(crate) fn pod(&self) -> Option<String> {
        let create = self.of("create").find(|exchange| exchange.status == 201)?;
        create.json()["id"].as_str().map(str::to_owned)
    }

    /// The lists of a step that were read to their end: when, and the ids in each.
    pub(crate) fn lists(&self, step: &'static str) -> Vec<(Duration, Vec<String>)> {
        let mut lists: BTreeMap<u32, (Duration, Vec<String>, bool)> = BTreeMap::new();
        for page in self.of(step) {
            let (_, ids, whole) = lists.entry(page.round).or_insert((page.at, Vec::new(), false));
            let body = page.json();
            let pods = body["pods"].as_array();
            let shown = pods.into_iter().flatten().filter_map(|pod| pod["id"].as_str().map(str::to_owned));
            ids.extend(shown);
            *whole = pods.is_some() && body["pagination"]["hasNextPage"] != true;
        }
        lists.into_values().filter(|(_, _, whole)| *whole).map(|(at, ids, _)| (at, ids)).collect()
    }
}
