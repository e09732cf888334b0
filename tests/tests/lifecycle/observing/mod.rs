//! Observers, requests and operations as events, and the rest of the rate limit.

mod metrics;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use runpod_bench::clock::run_fast;
use runpod_lifecycle::{ErrorKind, Event, OperationReport, Outcome, PodSpec, RequestReport, RunPod, Running};
use runpod_sim::{BootProfile, Fault, FaultKind, Sim, SimBuilder};
use tokio::time::timeout;

use crate::{
    mock::{GPU, KEY, fresh_pod},
    scripted::{Scripted, account, answer},
};

const POD: &str = "k3x9q2m7v1b8z5";
const MINUTE: Duration = Duration::from_secs(60);
/// The windows of the scripted answers.
const POLICY: (&str, &str) = ("RateLimit-Policy", "\"minute\";q=60;w=60, \"hour\";q=1000;w=3600");

/// Everything that somebody was told, in order.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Event>>>);

impl Heard {
    fn ear(&self) -> impl Fn(&Event) + Send + Sync + 'static {
        let sink = Arc::clone(&self.0);
        move |event| sink.lock().expect("no test panics with it").push(event.clone())
    }

    fn events(&self) -> Vec<Event> {
        self.0.lock().expect("no test panics with it").clone()
    }

    fn lines(&self) -> Vec<String> {
        self.events().iter().map(ToString::to_string).collect()
    }

    fn requests(&self) -> Vec<RequestReport> {
        let request = |event| if let Event::RequestEnded(report) = event { Some(report) } else { None };
        self.events().into_iter().filter_map(request).collect()
    }

    fn operations(&self) -> Vec<OperationReport> {
        let operation = |event| if let Event::OperationEnded(report) = event { Some(report) } else { None };
        self.events().into_iter().filter_map(operation).collect()
    }
}

/// A simulated account that is quick about everything.
fn quick() -> SimBuilder {
    let boot = BootProfile::fixed(Duration::from_millis(100));
    Sim::builder().api_key(KEY).boot(boot).list_lag(Duration::ZERO).real_endpoints(false)
}

fn handle(sim: &Sim) -> RunPod {
    RunPod::builder(KEY).base_url(sim.url()).timeout(MINUTE).build().expect("loopback is a fine base URL")
}

fn spec(name: &str) -> PodSpec {
    PodSpec::gpu(name, "runpod/pytorch:latest", [GPU])
}

#[test]
fn observers_add_up_and_none_takes_the_place_of_another() {
    let (first, second, third, wait, all) =
        (Heard::default(), Heard::default(), Heard::default(), Heard::default(), Heard::default());
    run_fast(100, async {
        let sim = quick().start().await.expect("loopback is free");
        let builder = RunPod::builder(KEY).base_url(sim.url());
        let builder = builder.on_event(first.ear()).on_event(second.ear()).on_any_event(all.ear());
        let quiet = builder.build().expect("loopback is a fine base URL");
        let runpod = quiet.on_event(third.ear());
        let pod = runpod.deploy(&spec("heard")).await.expect("it is accepted");
        let pod = pod.wait_until(Running, MINUTE).on_event(wait.ear()).await.expect("it comes up");
        pod.terminate().await.expect("it ends");
        quiet.list().await.expect("the list is there");
    })
    .expect("a runtime can be had");
    assert!(first.lines().len() >= 3, "{:?}", first.lines());
    assert!(first.lines() == second.lines() && first.lines() == third.lines(), "{:?}", third.lines());
    let polls: Vec<Event> = first.events();
    let polls = polls.iter().filter(|event| matches!(event, Event::Polled { .. })).count();
    assert!(
        polls > 0 && wait.events().len() == polls,
        "a wait's own observer hears the wait: {:?}",
        wait.lines()
    );
    let calm: Vec<String> = all
        .events()
        .iter()
        .filter(|event| {
            !matches!(event, Event::RequestEnded(_) | Event::OperationEnded(_) | Event::PodTerminated { .. })
        })
        .map(ToString::to_string)
        .collect();
    assert_eq!(calm, first.lines(), "who hears everything hears what the others hear");
    assert_eq!(all.operations().last().map(|last| last.operation), Some("list pods"));
}

#[test]
fn each_request_is_an_event_as_the_server_wrote_it_down() {
    let heard = Heard::default();
    let written = run_fast(100, async {
        let sim = quick().start().await.expect("loopback is free");
        let limited =
            FaultKind::RateLimited { retry_after: Some(Duration::from_secs(1)), exhausted_for: None };
        sim.inject(Fault::new(FaultKind::status_before(503)).on("listPods").times(2)).expect("a sound fault");
        sim.inject(Fault::new(limited).on("getPod").times(1)).expect("a sound fault");
        sim.inject(Fault::new(FaultKind::DropBeforeRead).on("createPod").times(1)).expect("a sound fault");
        let runpod = handle(&sim).on_any_event(heard.ear());
        let pod = runpod.deploy(&spec("busy")).await.expect("it is accepted");
        runpod.get(&pod.id).await.expect("it is there");
        pod.stop().await.expect("it stops");
        pod.start().await.expect("it starts");
        pod.terminate().await.expect("it ends");
        sim.requests()
    })
    .expect("a runtime can be had");
    let told = heard.requests();
    let ids = |ids: Vec<Option<String>>| ids.into_iter().flatten().collect::<Vec<String>>();
    let told_ids = ids(told.iter().map(|request| request.request_id.clone()).collect());
    let written_ids =
        written.iter().filter(|request| request.status != 0).map(|request| request.request_id.clone());
    assert_eq!(told_ids, written_ids.collect::<Vec<_>>());
    assert_eq!(told.len(), written.len());
    for (told, written) in told.iter().zip(&written) {
        assert_eq!(told.status.unwrap_or(0), written.status, "{told}");
        assert_eq!(told.outcome == Outcome::Succeeded, written.status / 100 == 2, "{told}");
        assert_eq!(told.error.is_none(), told.outcome == Outcome::Succeeded, "{told}");
        let named = |name: &str| told.rate_budget.iter().any(|window| window.name == name);
        assert!(named("minute") && named("day"), "{told:?}");
    }
    let attempts = |operation: &str| -> Vec<(u32, Option<u16>)> {
        let of = told.iter().filter(|request| request.operation == operation);
        of.map(|request| (request.attempt, request.status)).collect()
    };
    assert_eq!(attempts("list pods")[..3], [(1, Some(503)), (2, Some(503)), (3, Some(200))]);
    assert_eq!(attempts("get pod")[..2], [(1, Some(429)), (2, Some(200))]);
    // The pod that may have been made is searched for before the second.
    assert_eq!(attempts("create pod"), [(1, None), (2, Some(201))]);
    let pauses = |of: fn(&Event) -> bool| heard.events().iter().filter(|event| of(event)).count();
    assert_eq!(pauses(|event| matches!(event, Event::RetryAwaited { .. })), 3, "{:?}", heard.lines());
    assert_eq!(pauses(|event| matches!(event, Event::Paused { .. })), 1, "each pause is told once");
}

#[test]
fn verbs_on_pods_and_whole_operations_are_events() {
    let heard = Heard::default();
    let id = run_fast(100, async {
        let sim = quick().start().await.expect("loopback is free");
        let runpod = handle(&sim).on_any_event(heard.ear());
        let pod = runpod.deploy(&spec("acted-on")).await.expect("it is accepted");
        let pod = pod.wait_until(Running, MINUTE).await.expect("it comes up");
        pod.stop().await.expect("it stops");
        pod.start().await.expect("it starts");
        pod.terminate().await.expect("it ends");
        runpod.get("nosuchpod12345").await.expect_err("there is none");
        pod.id.clone()
    })
    .expect("a runtime can be had");
    let lines = heard.lines();
    for line in [format!("stopped pod {id}"), format!("terminated pod {id}")] {
        assert!(lines.contains(&line), "{line:?} is not in {lines:#?}");
    }
    let started = heard.events().into_iter().find_map(|event| match event {
        Event::PodStarted { pod_id, cost_usd_per_hour } => Some((pod_id, cost_usd_per_hour)),
        _ => None,
    });
    let (started, cost) = started.expect("it was started");
    assert!(started == id && cost.is_some_and(|cost| cost > 0.0), "{started} {cost:?}");
    let operations: Vec<(&str, String, Outcome)> = heard
        .operations()
        .into_iter()
        .map(|report| (report.operation, report.target.unwrap_or_default(), report.outcome))
        .collect();
    let done = |operation, target: &str| (operation, target.to_owned(), Outcome::Succeeded);
    assert_eq!(
        operations,
        [
            done("try candidate", ""),
            done("deploy pod", "acted-on"),
            done("wait for pod", &id),
            done("stop pod", &id),
            done("start pod", &id),
            done("terminate pod", &id),
            ("get pod", "nosuchpod12345".to_owned(), Outcome::Failed),
        ]
    );
}

#[test]
fn events_of_a_fleet_name_the_pod_whose_request_it_was() {
    let heard = Heard::default();
    run_fast(100, async {
        let sim = quick().start().await.expect("loopback is free");
        let runpod = handle(&sim).on_any_event(heard.ear());
        let pods = runpod.deploy_all([spec("one"), spec("two")]).await.expect("the names differ");
        assert!(pods.iter().all(Result::is_ok));
    })
    .expect("a runtime can be had");
    for name in ["one", "two"] {
        let of_name = |event: &Event| match event {
            Event::OfFleet { name: of, event, .. } if of == name => {
                matches!(&**event, Event::RequestEnded(report) if report.operation == "create pod")
            }
            _ => false,
        };
        assert_eq!(heard.events().iter().filter(|event| of_name(event)).count(), 1, "{:?}", heard.lines());
    }
}

#[test]
fn what_is_dropped_on_its_way_is_told_as_dropped_and_what_is_not_sent_is_no_request() {
    let heard = Heard::default();
    run_fast(100, async {
        let sim = quick().start().await.expect("loopback is free");
        let hang = FaultKind::Hang { lasting: MINUTE, applied: false };
        sim.inject(Fault::new(hang).on("getPod").times(1)).expect("a sound fault");
        let runpod = handle(&sim).on_any_event(heard.ear());
        timeout(Duration::from_secs(10), runpod.get(POD)).await.expect_err("nobody answers");
    })
    .expect("a runtime can be had");
    let (requests, operations) = (heard.requests(), heard.operations());
    assert!(requests.len() == 1 && operations.len() == 1, "{:?}", heard.lines());
    assert_eq!((requests[0].outcome, operations[0].outcome), (Outcome::Dropped, Outcome::Dropped));
    assert!(requests[0].elapsed >= Duration::from_secs(9), "{}", requests[0]);

    let heard = Heard::default();
    run_fast(100, async {
        let server = Scripted::start(|_, _| {
            answer(200, fresh_pod()).header(POLICY.0, POLICY.1).header("RateLimit", "\"hour\";r=0;t=1800")
        })
        .await;
        let runpod = server.runpod().on_any_event(heard.ear());
        runpod.get(POD).await.expect("it is there");
        let error = runpod.get(POD).await.expect_err("half an hour is too long");
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        let outcomes = heard.operations().into_iter().map(|report| report.outcome);
        assert_eq!(outcomes.collect::<Vec<_>>(), [Outcome::Succeeded, Outcome::Failed]);
        assert_eq!(heard.requests().len(), 1, "{:?}", heard.lines());
    })
    .expect("a runtime can be had");
}

#[test]
fn a_request_says_for_how_long_the_rate_limit_held_it_back() {
    let heard = Heard::default();
    run_fast(100, async {
        let server = Scripted::start(|_, earlier| match earlier {
            0 => {
                answer(200, fresh_pod()).header(POLICY.0, POLICY.1).header("RateLimit", "\"minute\";r=0;t=20")
            }
            _ => answer(200, fresh_pod()),
        })
        .await;
        let runpod = server.runpod().on_any_event(heard.ear());
        runpod.get(POD).await.expect("it is there");
        runpod.get(POD).await.expect("it is there");
    })
    .expect("a runtime can be had");
    let waited: Vec<Duration> = heard.requests().iter().map(|request| request.waited).collect();
    let (short, long) = (Duration::from_secs(1), Duration::from_secs(19)..Duration::from_secs(25));
    assert!(waited.len() == 2 && waited[0] < short && long.contains(&waited[1]), "{waited:?}");
    assert!(heard.requests()[1].to_string().contains(", held back for "), "{:?}", heard.lines());
}

#[test]
fn the_rate_budget_is_what_is_left_of_each_window_and_asking_for_it_changes_nothing() {
    run_fast(100, async {
        let server = Scripted::start(|_, _| {
            let limit = "\"minute\";r=50;t=30, \"hour\";r=0;t=40";
            answer(200, fresh_pod()).header(POLICY.0, POLICY.1).header("RateLimit", limit)
        })
        .await;
        let runpod = server.runpod();
        assert!(runpod.rate_budget().is_empty(), "nobody has said anything yet");
        runpod.get(POD).await.expect("it is there");
        let budget = runpod.clone().rate_budget();
        let told = |name: &str| budget.iter().find(|window| window.name == name).expect("it was named");
        let (minute, hour) = (told("minute"), told("hour"));
        assert_eq!((budget.len(), minute.left, minute.limit, hour.left), (2, 50, Some(60), 0));
        assert_eq!((minute.length, hour.length), (Some(MINUTE), Some(60 * MINUTE)));
        let about = |seconds| Duration::from_secs(seconds - 5)..=Duration::from_secs(seconds);
        assert!(about(30).contains(&minute.resets_in) && about(40).contains(&hour.resets_in), "{budget:?}");
        assert!(minute.to_string().starts_with("minute: 50 of 60 left, anew in "), "{minute}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let left: Vec<u64> = runpod.rate_budget().iter().map(|window| window.left).collect();
        assert_eq!(left, [1000, 60], "both windows have begun anew");
        assert_eq!(server.heard().len(), 1, "asking sends nothing");
    })
    .expect("a runtime can be had");
    // Where RunPod names no limit there is none.
    run_fast(100, async {
        let server = Scripted::start(|request, _| account(request)).await;
        let runpod = server.runpod();
        runpod.list().await.expect("the list is there");
        assert!(runpod.rate_budget().is_empty());
    })
    .expect("a runtime can be had");
}

#[test]
fn requests_and_operations_are_json_like_any_event() {
    let heard = Heard::default();
    run_fast(100, async {
        let sim = quick().start().await.expect("loopback is free");
        handle(&sim).on_any_event(heard.ear()).list().await.expect("the list is there");
    })
    .expect("a runtime can be had");
    let json: Vec<serde_json::Value> =
        heard.events().iter().map(|event| serde_json::to_value(event).expect("it is plain data")).collect();
    let [request, operation] = json.as_slice() else { panic!("{json:#?}") };
    assert_eq!(request["type"], "request_ended");
    assert_eq!((&request["outcome"], &request["status"]), (&"succeeded".into(), &200.into()));
    assert!(request["elapsed_seconds"].is_f64() && request["rate_budget"][0]["resets_in_seconds"].is_f64());
    assert_eq!(
        (&operation["type"], &operation["operation"]),
        (&"operation_ended".into(), &"list pods".into())
    );
}
