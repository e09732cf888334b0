//! Spans of `tracing`: each request lies in that of its operation, and none holds a secret.
//!
//! A program of its own, in which every test listens: a place in the code that is reached for the first time where nobody
//! does, at the very moment at which somebody begins to, stays unheard for a while.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use runpod_bench::clock::run_fast;
use runpod_lifecycle::{Cloud, Place, PodSpec, RunPod, Running};
use runpod_sim::{BootProfile, Fault, FaultKind, RequestRecord, Sim};
use tokio::time::timeout;
use tracing::{
    Event, Instrument, Metadata, Subscriber,
    field::{Field, Visit},
    info_span,
    span::{Attributes, Id, Record},
    subscriber,
};

const GPU: &str = "NVIDIA GeForce RTX 4090";
const SCARCE: &str = "NVIDIA H100 80GB HBM3";
const MINUTE: Duration = Duration::from_secs(60);
const KEY: &str = "rpa_sentinel_key";
/// A value that is in requests, and is to be nowhere else.
const VALUE: &str = "env_sentinel_value";
const TARGET: &str = "runpod_lifecycle";

/// A span of the facade, or of the test itself.
#[derive(Clone, Debug, Default)]
struct Seen {
    name: &'static str,
    parent: Option<u64>,
    fields: HashMap<&'static str, String>,
    is_closed: bool,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

/// A subscriber that keeps every span, and everything that lines say.
#[derive(Clone, Default)]
struct Notebook(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    spans: Vec<Seen>,
    entered: Vec<u64>,
    handles: HashMap<u64, usize>,
    lines: String,
}

impl Notebook {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().expect("no test panics with it")
    }

    /// Everything seen while some work was done, with all time of the test in one thread.
    fn during<T>(work: impl Future<Output = T>) -> (T, Self) {
        let notebook = Self::default();
        let done = subscriber::with_default(notebook.clone(), || run_fast(100, work));
        (done.expect("a runtime can be had"), notebook)
    }

    fn all(&self) -> Vec<Seen> {
        self.pages().spans.clone()
    }

    fn requests(&self) -> Vec<Seen> {
        self.all().into_iter().filter(|span| span.name == "request").collect()
    }

    /// The operations that a span lies in, from the inside out, with what each is about.
    fn around(&self, span: &Seen) -> Vec<String> {
        let (spans, mut around, mut next) = (self.all(), Vec::new(), span.parent);
        while let Some(outer) = next.and_then(|id| spans.get(id as usize - 1)) {
            around.push(match outer.name {
                "operation" => ["operation", "pod", "target"]
                    .iter()
                    .filter_map(|field| outer.fields.get(field).map(String::as_str))
                    .collect::<Vec<_>>()
                    .join(" "),
                other => other.to_owned(),
            });
            next = outer.parent;
        }
        around
    }
}

impl Subscriber for Notebook {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        [TARGET, module_path!()].contains(&metadata.target())
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut pages = self.pages();
        let parent = match attributes.parent() {
            Some(parent) => Some(parent.into_u64()),
            None => pages.entered.last().copied().filter(|_| attributes.is_contextual()),
        };
        let mut span = Seen { name: attributes.metadata().name(), parent, ..Seen::default() };
        attributes.record(&mut span);
        pages.spans.push(span);
        let id = pages.spans.len() as u64;
        pages.handles.insert(id, 1);
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        values.record(&mut self.pages().spans[id.into_u64() as usize - 1]);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Seen::default();
        event.record(&mut line);
        self.pages().lines += &format!("{:?}\n", line.fields);
    }

    fn enter(&self, id: &Id) {
        self.pages().entered.push(id.into_u64());
    }

    fn exit(&self, id: &Id) {
        let mut pages = self.pages();
        let last = pages.entered.iter().rposition(|entered| *entered == id.into_u64());
        last.map(|last| pages.entered.remove(last));
    }

    fn clone_span(&self, id: &Id) -> Id {
        *self.pages().handles.entry(id.into_u64()).or_default() += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut pages = self.pages();
        let handles = pages.handles.entry(id.into_u64()).or_default();
        *handles -= 1;
        let is_closed = *handles == 0;
        pages.spans[id.into_u64() as usize - 1].is_closed = is_closed;
        is_closed
    }
}

/// A simulated account that is quick about everything.
async fn quick() -> Sim {
    let boot = BootProfile::fixed(Duration::from_millis(100));
    let sim = Sim::builder().api_key(KEY).boot(boot).list_lag(Duration::ZERO).real_endpoints(false);
    sim.start().await.expect("loopback is free")
}

fn handle(sim: &Sim) -> RunPod {
    RunPod::builder(KEY).base_url(sim.url()).timeout(MINUTE).build().expect("loopback is a fine base URL")
}

/// Every verb of the facade that sends something, on an account with faults.
async fn everything() -> Vec<RequestRecord> {
    let sim = quick().await;
    sim.set_capacity(SCARCE, 0).expect("the catalog has it");
    for (kind, operation) in [
        (FaultKind::status_before(503), "listPods"),
        (FaultKind::status_after(500), "createPod"),
        (FaultKind::RateLimited { retry_after: Some(Duration::from_secs(1)), exhausted_for: None }, "getPod"),
        (FaultKind::DropAfterApply, "createNetworkVolume"),
    ] {
        sim.inject(Fault::new(kind).on(operation).times(1)).expect("a sound fault");
    }
    let runpod = handle(&sim);
    let spec = PodSpec::gpu("trainer", "runpod/pytorch:latest", [SCARCE, GPU])
        .env("HF_TOKEN", VALUE)
        .port("22/tcp")
        .label("job", "7");
    runpod.plan(&spec).await.expect("it can be planned");
    let pod = runpod.deploy(&spec).await.expect("it is accepted");
    let pod = pod.wait_until(Running, MINUTE).await.expect("it comes up");
    pod.settle_name().await.expect("it stays");
    pod.stop().await.expect("it stops");
    pod.start().await.expect("it starts");
    let pod = pod.wait_until(Running, MINUTE).await.expect("it comes up");
    pod.restart().await.expect("it restarts");
    pod.cost_so_far().await;
    runpod.pod("trainer").await.expect("it is there");
    runpod.find("trainer").await.expect("the list is there");
    runpod.list_labelled("job", "7").await.expect("the list is there");
    runpod.gpu_types(1, Cloud::Secure).await.expect("the catalog is there");
    runpod.logs(&pod.id).tail(1).history().await.expect("there is a log");
    runpod
        .add_ssh_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN4k5Y0b5Wf1Cj1Yw0Z0nq3m1Zb1nJrHq1f3m8hR5b6F me")
        .await
        .ok();
    runpod.set_account_secret("hf", VALUE).await.expect("it is stored");
    runpod.ensure_registry("ghcr", "me", VALUE).await.expect("it is stored");
    runpod.list_templates().await.expect("the list is there");
    let volume = runpod.ensure_volume("data", 20, Place::WhereInStock(&spec)).await;
    runpod.grow_volume(&volume.expect("it is made").id, 30).await.expect("it grows");
    runpod.reap().await.expect("nothing is overdue");
    runpod.terminate_all([pod]).await;
    sim.requests()
}

#[test]
fn every_request_lies_in_the_span_of_its_operation() {
    let (written, notebook) = Notebook::during(everything());
    let requests = notebook.requests();
    assert!(written.len() > 40, "{} requests", written.len());
    let told: Vec<&String> = requests.iter().filter_map(|span| span.fields.get("request_id")).collect();
    let answered = written.iter().filter(|request| request.status != 0).map(|request| &request.request_id);
    assert_eq!(told, answered.collect::<Vec<_>>(), "each request has one span, and no span has none");
    for request in &requests {
        let around = notebook.around(request);
        assert!(
            around.iter().all(|outer| outer != "request") && !around.is_empty(),
            "{request:?} in {around:?}"
        );
        for field in ["operation", "attempt", "waited", "outcome"] {
            assert!(request.fields.contains_key(field), "no {field}: {request:?}");
        }
        assert!(request.is_closed, "{request:?}");
    }
    for operation in notebook.all().iter().filter(|span| span.name == "operation") {
        assert!(operation.fields.contains_key("outcome") && operation.is_closed, "{operation:?}");
    }
    let create = requests.iter().filter(|span| span.fields["operation"] == "create pod");
    let places: Vec<Vec<String>> = create.map(|span| notebook.around(span)).collect();
    assert!(places.len() >= 2, "{places:?}");
    assert!(places.iter().all(|place| *place == ["try candidate", "deploy pod trainer"]), "{places:?}");
    let candidates: Vec<String> =
        notebook.all().iter().filter_map(|span| span.fields.get("candidate").cloned()).collect();
    assert_eq!(candidates, [format!("1x {SCARCE}"), format!("1x {GPU}")]);
    let repeated = requests.iter().find(|span| span.fields["attempt"] == "2").expect("one failed once");
    assert!(!notebook.around(repeated).is_empty());
}

#[test]
fn no_span_and_no_line_holds_the_key_or_an_env_value() {
    let (_, notebook) = Notebook::during(everything());
    let text = format!("{:?}\n{}", notebook.all(), notebook.pages().lines);
    assert!(text.contains("terminate pod") && text.contains("asking for 1x"), "{text}");
    for secret in [KEY, VALUE] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[test]
fn operations_of_one_task_keep_their_requests_apart_and_lie_in_their_callers_span() {
    let ((), notebook) = Notebook::during(async {
        let sim = quick().await;
        let runpod = handle(&sim);
        let spec = |name| PodSpec::gpu(name, "runpod/pytorch:latest", [GPU]);
        let (one, two) = (spec("one"), spec("two"));
        let deploy = |spec| {
            let runpod = runpod.clone();
            async move { runpod.deploy(spec).await.map(drop) }
        };
        let (one, two) = tokio::join!(
            deploy(&one).instrument(info_span!("first")),
            deploy(&two).instrument(info_span!("second"))
        );
        one.and(two).expect("both are accepted");
    });
    let creates = notebook.requests().into_iter().filter(|span| span.fields["operation"] == "create pod");
    let mut places: Vec<Vec<String>> = creates.map(|span| notebook.around(&span)).collect();
    places.sort();
    assert_eq!(
        places,
        [["try candidate", "deploy pod one", "first"], ["try candidate", "deploy pod two", "second"]]
    );
}

#[test]
fn what_is_dropped_closes_its_spans_and_says_so() {
    let ((), notebook) = Notebook::during(async {
        let sim = quick().await;
        let hang = FaultKind::Hang { lasting: MINUTE, applied: false };
        sim.inject(Fault::new(hang).on("getPod").times(1)).expect("a sound fault");
        timeout(Duration::from_secs(10), handle(&sim).get("k3x9q2m7v1b8z5"))
            .await
            .expect_err("nobody answers");
    });
    let spans = notebook.all();
    assert_eq!(spans.iter().map(|span| span.name).collect::<Vec<_>>(), ["operation", "request"]);
    for span in spans {
        assert!(span.is_closed && span.fields["outcome"] == "dropped", "{span:?}");
        assert_eq!(span.fields["pod"], "k3x9q2m7v1b8z5");
    }
}
