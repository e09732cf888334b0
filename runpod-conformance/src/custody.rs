//! The pods of a run: made one at a time, and ended on every way out.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{limit::Rented, options::Stop, session::Session, wire::Ask};

/// Time for which lists may be behind, and a second.
const LAG: Duration = Duration::from_secs(16);
/// The most pages that a list is taken to have.
const PAGES: u32 = 1000;
/// The longest that an answer of 429 is heeded while something may bill.
const LONGEST_REST: u64 = 60;
/// Times that everything is ended and looked for again.
const ROUNDS: u32 = 20;
/// Times that a pod is asked to end before lists are looked at again.
const DELETES: u32 = 4;
/// Looks after each delete, and the pause between them.
const LOOKS: u32 = 9;
const PAUSE: Duration = Duration::from_secs(2);

impl Session {
    /// Sends a create, if there is money for its pod and no other one is there.
    pub(crate) async fn create(
        &self,
        step: &'static str,
        body: Value,
        usd_per_hour: f64,
    ) -> Result<Option<String>, Stop> {
        self.clear().await?;
        if !self.ledger().affords(self.clock.now(), usd_per_hour) {
            self.evidence().skip(step, "the money limit allows no pod");
            return Ok(None);
        }
        self.ledger().begin(self.clock.now(), usd_per_hour);
        let answer = self.ask(Ask::post(step, "/v2/pods", body)).await?;
        let pod = answer.json();
        match pod["id"].as_str().filter(|_| answer.is_success()) {
            Some(id) => {
                (self.options.tell)(&format!("made pod {id} at {} USD/h", pod["cost"]));
                self.ledger().made(id, pod["cost"].as_f64());
                Ok(Some(id.to_owned()))
            }
            None => {
                // Only a refusal in RunPod's own words says that nothing was made.
                if (400..500).contains(&answer.status) && answer.is_problem() {
                    self.ledger().nothing_made();
                }
                Ok(None)
            }
        }
    }

    /// Ends what is there before another pod is made.
    pub(crate) async fn clear(&self) -> Result<(), Stop> {
        let is_busy = self.ledger().is_busy();
        if is_busy && !self.end_pods().await { Err(Stop::NotEnded) } else { Ok(()) }
    }

    /// Ends everything that the run has made. Returns what may be left, in words.
    pub(crate) async fn end_all(&self) -> Vec<String> {
        let ended = self.end_pods().await;
        let mut left: Vec<String> =
            self.ledger().open().into_iter().map(|pod| format!("pod {}", pod.id)).collect();
        if !ended && left.is_empty() {
            left.push(format!("a pod named {}, if the lists that could not be read hold one", self.name));
        }
        if !self.end_template().await {
            left.push(format!("the template {}, which costs nothing", self.name));
        }
        left
    }

    /// Ends all pods, until a list that is late enough shows none. Returns true if that is proven.
    async fn end_pods(&self) -> bool {
        if self.ledger().created.is_none() {
            return true;
        }
        // A create without an answer may have made its pod only now.
        self.ledger().doubt_from(self.clock.now());
        for _ in 0..ROUNDS {
            let open = self.ledger().open();
            for pod in open {
                self.end(&pod).await;
            }
            let wait = (self.ledger().changed() + LAG).saturating_sub(self.clock.now());
            self.clock.sleep(wait).await;
            match self.own_pods().await {
                Some(ids) if ids.is_empty() && self.ledger().open().is_empty() => {
                    self.ledger().nothing_made();
                    return true;
                }
                // So long after the last end, what is listed is there.
                Some(ids) => ids.iter().for_each(|id| self.ledger().made(id, None)),
                None => self.clock.sleep(PAUSE).await,
            }
        }
        false
    }

    /// Asks a pod to end until it is proven gone, or a few times.
    async fn end(&self, pod: &Rented) {
        let path = format!("/v2/pods/{}", pod.id);
        for _ in 0..DELETES {
            let answer = self.send_ending(Ask::delete("ending", &path)).await;
            if answer.status == 400 && answer.words().to_lowercase().contains("locked") {
                self.send_ending(Ask::patch("ending", &path, json!({ "locked": false }))).await;
                continue;
            }
            for _ in 0..LOOKS {
                if self.is_gone(pod, &path).await {
                    self.ledger().gone(&pod.id, self.clock.now());
                    (self.options.tell)(&format!("ended pod {}", pod.id));
                    return;
                }
                self.clock.sleep(PAUSE).await;
            }
        }
    }

    /// Returns true if a get proves that a pod is gone. A 404 about a young one proves nothing, nor does a page of HTML, and
    /// lists are read after it in any case.
    async fn is_gone(&self, pod: &Rented, path: &str) -> bool {
        let seen = self.send_ending(Ask::get("ending", path)).await;
        let is_old = self.clock.now() >= pod.since + LAG;
        let is_terminated = seen.status == 200 && seen.json()["status"] == "TERMINATED";
        is_terminated || (seen.status == 404 && seen.json().is_object() && is_old)
    }

    /// The ids of the pods of this run that a whole list shows; `None` when it cannot be read.
    async fn own_pods(&self) -> Option<Vec<String>> {
        self.own("/v2/pods", "pods").await
    }

    async fn own(&self, path: &str, key: &str) -> Option<Vec<String>> {
        let (mut ids, mut next) = (Vec::new(), path.to_owned());
        for _ in 0..PAGES {
            let page = self.send_ending(Ask::get("ending", &next)).await;
            let body = page.json();
            let items = body[key].as_array().filter(|_| page.is_success() && page.failure.is_none())?;
            let is_own = |item: &&Value| item["name"] == *self.name && item["status"] != "TERMINATED";
            let own = items.iter().filter(is_own);
            ids.extend(own.filter_map(|item| item["id"].as_str().map(str::to_owned)));
            if body["pagination"]["hasNextPage"] != true {
                return Some(ids);
            }
            next = format!("{path}?cursor={}", body["pagination"]["nextCursor"].as_str()?);
        }
        None
    }

    /// Deletes the run's template, if there may be one. Returns true if none is left.
    async fn end_template(&self) -> bool {
        let Some(id) = self.template().clone() else { return true };
        for _ in 0..ROUNDS {
            let known = (!id.is_empty()).then(|| vec![id.clone()]);
            let ids = match known {
                Some(ids) => Some(ids),
                None => self.own("/v2/templates", "templates").await,
            };
            let mut all_gone = ids.is_some();
            for id in ids.unwrap_or_default() {
                let answer = self.send_ending(Ask::delete("ending", format!("/v2/templates/{id}"))).await;
                all_gone &= answer.status == 204 || (answer.status == 404 && answer.is_problem());
            }
            if all_gone {
                *self.template() = None;
                return true;
            }
            self.clock.sleep(PAUSE).await;
        }
        false
    }

    /// Sends a request that no money limit holds back. After a 429 it rests for as long as RunPod asks, or a minute.
    async fn send_ending(&self, ask: Ask) -> crate::Exchange {
        let answer = self.send(&ask, self.clock.real_time(self.options.longest)).await;
        if answer.status == 429 {
            let asked = answer.header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
            self.clock
                .sleep(asked.map_or(PAUSE, |asked: u64| Duration::from_secs(asked.min(LONGEST_REST))))
                .await;
        }
        answer
    }
}
