//! Everything that a server with bounded lag may answer. What it does is chosen by the tape.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    choices::{
        AGES, CATALOG, GET,
        Heard::{
            self, Busy503, Conflict409, Cut, Failed500, Html502, Hung, Late, Locked400, Lost, Masked,
            NoReason400, NoStock400, NotKnown404, OddBody, Old, OldInPages, Pages, Right, Route404, Rule422,
            Timeout408, TooMany,
        },
        LATE, LIST, RETRY_AFTER,
    },
    server::{Delivery, GPU, Reply, Request},
    stored::Kind,
    truth::{Ages, LAG, Phase},
    world::{ClosedWindow, Licence, World},
};

/// Answers a request, and changes what is true accordingly.
pub(super) fn answer(world: &mut World, request: &Request) -> Reply {
    let number = world.count();
    let process = World::process(request);
    check_window(world, request, process);
    // What a pod's own application answers is nobody's budget.
    let is_api = request.path.starts_with("/v2/");
    let budget = if is_api { world.spend(process, number) } else { String::new() };
    let mut ask = Ask { world, request, process, number };
    let segments: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let mut reply = match (request.method.as_str(), &segments[..]) {
        ("GET", ["v2", "catalog", "gpus"]) => ask.catalog(),
        ("GET", ["v2", "pods"]) => ask.list(),
        ("POST", ["v2", "pods"]) => ask.create(),
        ("GET", ["v2", "pods", id]) => ask.get(id),
        ("DELETE", ["v2", "pods", id]) => ask.delete(id),
        ("POST", ["v2", "pods", id, "action"]) => ask.act(id),
        // Nothing comes until there is a line, and there is none.
        ("GET", ["v2", "pods", _, "logs"]) => Reply { delivery: Delivery::Never, ..ask.reply(200, "") },
        (_, ["v2", "network-volumes"]) => ask.stored(Kind::Volume, None),
        (_, ["v2", "network-volumes", id]) => ask.stored(Kind::Volume, Some(id)),
        (_, ["v2", "account", "secrets"]) => ask.stored(Kind::Secret, None),
        (_, ["v2", "account", "secrets", id]) => ask.stored(Kind::Secret, Some(id)),
        ("GET", ["proxy", id, _]) => return ask.through_proxy(id),
        _ => ask.problem(404, "route not found"),
    };
    reply.headers += &budget;
    reply
}

/// Nothing is sent into a closed window but what ends billing, the looks of a reap and before a volume's end included.
fn check_window(world: &mut World, request: &Request, process: usize) {
    let is_of_pods = request.path.starts_with("/v2/pods");
    let is_reaping = |licence: &(usize, u64, Licence)| {
        licence.0 == process && matches!(licence.2, Licence::Overdue | Licence::Volume) && is_of_pods
    };
    let ends_billing = request.method == "DELETE"
        || request.body["action"] == "stop"
        || request.method == "GET" && world.licences.iter().any(is_reaping);
    if ends_billing || world.deaf.contains(&process) || !request.path.starts_with("/v2/") {
        return;
    }
    let now = world.truth.now();
    let is_in = |window: &&ClosedWindow| window.process == process && window.from < now && now < window.to;
    if let Some(left) = world.windows.iter().find(is_in).map(|window| window.to - now) {
        let what = format!("{} {} was sent {left:?} too early", request.method, request.path);
        world.breaks("closed window", what);
    }
}

pub(super) struct Ask<'a> {
    pub(super) world: &'a mut World,
    pub(super) request: &'a Request,
    pub(super) process: usize,
    number: u64,
}

impl Ask<'_> {
    pub(super) fn reply(&self, status: u16, body: impl Into<String>) -> Reply {
        let kind = if status < 400 { "application/json" } else { "application/problem+json" };
        Reply {
            status,
            headers: format!("content-type: {kind}\r\n"),
            body: body.into(),
            delivery: Delivery::Whole,
            after: Duration::ZERO,
            number: self.number,
        }
    }

    pub(super) fn problem(&self, status: u16, detail: &str) -> Reply {
        self.reply(status, json!({"title": "Refused", "status": status, "detail": detail}).to_string())
    }

    pub(super) fn note(&mut self, what: impl AsRef<str>) {
        let Request { method, path, query, .. } = self.request;
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let line = format!("process {} asks {method} {path}{query}: {}", self.process, what.as_ref());
        self.world.tell(line);
    }

    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.world.tape.choose(choices.len())]
    }

    /// Gives the decided answer: `right` is the one that says what is so.
    pub(super) fn say(&mut self, heard: Heard, right: Reply) -> Reply {
        match heard {
            Lost => Reply { delivery: Delivery::Lost, ..right },
            Cut => Reply { delivery: Delivery::Cut, ..right },
            Late => {
                let after = self.pick(&LATE);
                Reply { after, ..right }
            }
            Hung => Reply { delivery: Delivery::Never, ..right },
            Timeout408 => self.problem(408, "Request Timeout"),
            TooMany => self.too_many(),
            Failed500 => self.problem(500, "Internal Server Error"),
            Html502 => Reply {
                headers: "content-type: text/html\r\n".to_owned(),
                ..self.reply(502, "<html><body>Bad gateway</body></html>")
            },
            Busy503 => self.problem(503, "Service Unavailable"),
            NoReason400 => {
                self.problem(400, "Something went wrong. Please try again later or contact support.")
            }
            NoStock400 => {
                let detail = match self.request.path.ends_with("/action") {
                    true => "There are not enough free GPUs on the host machine to start this pod.",
                    false => "There are no longer any instances available with the requested specifications.",
                };
                self.problem(400, detail)
            }
            Rule422 => self.problem(422, "image must not be empty"),
            NotKnown404 => self.problem(404, "pod not found"),
            Route404 => self.problem(404, "route not found"),
            Locked400 => self.problem(400, "Pod is locked"),
            Conflict409 => self.problem(409, "the pod's state does not allow this"),
            OddBody | Right | Old | Masked | Pages | OldInPages => right,
        }
    }

    fn too_many(&mut self) -> Reply {
        let seconds = self.pick(&RETRY_AFTER);
        let mut reply = self.problem(429, "Too Many Requests");
        if let Some(seconds) = seconds {
            reply.headers += &format!("retry-after: {seconds}\r\n");
            self.world.closing.insert(self.number, (self.process, Duration::from_secs(seconds)));
        }
        reply
    }

    /// The application of a pod that is up, or what the proxy says where nothing is.
    fn through_proxy(&mut self, id: &str) -> Reply {
        let now = self.world.truth.now();
        let phase = self.world.truth.pod(id).and_then(|pod| pod.phase_at(now));
        let is_up = matches!(phase, Some(Phase::Running { is_reachable: true, .. }));
        let (ups, downs) = ([200, 0, 502, 500, 404], [502, 0, 404, 503, 520, 524]);
        let status = if is_up { self.pick(&ups) } else { self.pick(&downs) };
        self.world.tell(format!("the proxy of {id} ({phase:?}) answers {status}"));
        match status {
            0 => Reply { delivery: Delivery::Lost, ..self.reply(200, "") },
            404 if is_up => self.reply(404, "{\"detail\":\"no such page\"}"),
            404 | 503 => self.reply(status, ""),
            _ => self.reply(status, "{}"),
        }
    }

    fn catalog(&mut self) -> Reply {
        let heard = self.pick(CATALOG);
        if heard != Right {
            self.note(format!("{heard:?}"));
        }
        let stock = if self.world.is_sold_out() { "NONE" } else { "HIGH" };
        let gpu = |id: &str| {
            json!({
                "id": id, "pool": "ADA_24", "memory": 24, "secure": true, "community": true,
                "price": {"secure": 0.7, "community": 0.3}, "maxCount": {"secure": 8, "community": 4},
                "availability": stock, "dataCenters": [],
            })
        };
        let right = self.reply(200, json!({"gpus": [gpu(GPU), gpu("NVIDIA A40")]}).to_string());
        self.say(heard, right)
    }

    fn ages(&mut self) -> Ages {
        let tape = &mut self.world.tape;
        let presence = tape.choose(AGES.len());
        // Of one age, where the tape says nothing else.
        let mut part = || AGES[(tape.choose(AGES.len()) + presence) % AGES.len()];
        let (status, endpoint, uptime) = (part(), part(), part());
        Ages { presence: AGES[presence], status, endpoint, uptime }
    }

    fn list(&mut self) -> Reply {
        if let Some(cursor) = self.request.query.split('&').find_map(|pair| pair.strip_prefix("cursor=")) {
            return self.next_page(cursor);
        }
        let heard = self.pick(LIST);
        let mut shown = Vec::new();
        let mut ages_told = Vec::new();
        for index in (0..self.world.truth.pods.len()).rev() {
            let ages = if matches!(heard, Old | OldInPages) { self.ages() } else { Ages::default() };
            let truth = &self.world.truth;
            let pod = &truth.pods[index];
            let is_gone = ages.presence.is_zero() && pod.is_terminated_at(truth.now());
            let view = truth.view(pod, ages).filter(|_| !is_gone);
            if matches!(heard, Old | OldInPages) {
                ages_told.push(format!("{} {}", pod.id, told(&ages, view.as_ref())));
            }
            shown.extend(view);
        }
        if heard == Masked {
            let mask = self.world.tape.choose(2);
            shown.iter_mut().for_each(|pod| mask_env(pod, mask));
        }
        let ids: Vec<String> = shown.iter().map(|pod| format!("{} {}", pod["id"], pod["status"])).collect();
        self.note(format!("{heard:?} [{}] {}", ids.join(", "), ages_told.join("; ")));
        if heard == OddBody {
            return self.odd_list(shown);
        }
        let right = match heard {
            Pages | OldInPages => self.page(shown),
            _ => self.reply(
                200,
                json!({"pods": shown, "pagination": {"nextCursor": null, "hasNextPage": false}}).to_string(),
            ),
        };
        self.say(heard, right)
    }

    /// The first part of a list: an empty one where the tape says nothing else.
    fn page(&mut self, mut pods: Vec<Value>) -> Reply {
        let count = self.world.tape.choose(pods.len() + 1);
        let rest = pods.split_off(count);
        let cursor = format!("c{}", self.number);
        self.world.pages.insert(cursor.clone(), rest);
        self.reply(
            200,
            json!({"pods": pods, "pagination": {"nextCursor": cursor, "hasNextPage": true}}).to_string(),
        )
    }

    fn next_page(&mut self, cursor: &str) -> Reply {
        let pods = self.world.pages.get(cursor).cloned().unwrap_or_default();
        let heard = self.pick(&[Right, Failed500, Lost, TooMany]);
        self.note(format!("{heard:?}, {} more", pods.len()));
        let right = self.reply(
            200,
            json!({"pods": pods, "pagination": {"nextCursor": null, "hasNextPage": false}}).to_string(),
        );
        self.say(heard, right)
    }

    fn odd_list(&mut self, mut pods: Vec<Value>) -> Reply {
        match self.world.tape.choose(3) {
            0 => pods.iter_mut().for_each(|pod| pod["name"] = Value::Null),
            1 => pods.iter_mut().for_each(|pod| pod["status"] = Value::Null),
            _ => pods.push(json!("odd")),
        }
        self.reply(200, json!({"pods": pods}).to_string())
    }

    fn get(&mut self, id: &str) -> Reply {
        let heard = self.pick(GET);
        let now = self.world.truth.now();
        let ages = if heard == Old { self.ages() } else { Ages::default() };
        let truth = &self.world.truth;
        let Some(pod) = truth.pod(id) else {
            self.note("there never was such a pod");
            return self.problem(404, "pod not found");
        };
        let is_new = now < pod.created_at() + LAG;
        let is_gone = pod.is_terminated_at(now);
        let view = truth.view(pod, ages);
        let (phase, is_marked) = (pod.phase_at(now), pod.marker().is_some());
        // Only a new pod may be unknown.
        let heard = if heard == NotKnown404 && !is_new && !is_gone { Right } else { heard };
        let details = if heard == Old { told(&ages, view.as_ref()) } else { String::new() };
        self.note(format!("{heard:?} ({phase:?}) {details}"));
        let right = match view {
            Some(mut view) if !is_gone || heard == Old => {
                match heard {
                    Masked => {
                        let mask = self.world.tape.choose(2);
                        mask_env(&mut view, mask);
                    }
                    OddBody => match self.world.tape.choose(4) {
                        // A pod of no deploy that list and id show without a name has none, for all that can be known.
                        1 if !is_marked => odd(&mut view, 0),
                        how => odd(&mut view, how),
                    },
                    _ => {}
                }
                self.reply(200, view.to_string())
            }
            _ => self.problem(404, "pod not found"),
        };
        self.say(heard, right)
    }
}

fn told(ages: &Ages, view: Option<&Value>) -> String {
    let Some(view) = view else { return format!("is not shown, as {:?} ago", ages.presence) };
    let Ages { presence, status, endpoint, uptime } = ages;
    format!(
        "as {presence:?} ago, status {} of {status:?} ago started {}, endpoint {} of {endpoint:?} ago, uptime {} of {uptime:?} ago",
        view["status"], view["startedAt"], view["ssh"]["direct"]["host"], view["runtime"]["uptime"]
    )
}

/// Hides the values of an environment, or all of it.
pub(super) fn mask_env(pod: &mut Value, how: usize) {
    match how {
        0 => pod["env"] = json!({}),
        _ => {
            if let Some(env) = pod["env"].as_object_mut() {
                env.values_mut().for_each(|value| *value = json!("********"));
            }
        }
    }
}

fn odd(pod: &mut Value, how: usize) {
    match how {
        0 => pod["status"] = Value::Null,
        1 => pod["name"] = Value::Null,
        2 => pod["createdAt"] = Value::Null,
        _ => pod["ports"] = Value::Null,
    }
}
