//! Waiting for stock: who is asked how often, how soon a create follows, and what is not waited for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{future::join_all, poll};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{
    ApiVersion, Cloud, DeployError, ErrorKind, Event, Found, IfExists, Origin, PodHandle, PodSpec, Ready,
    RunPod, ScopeError,
};
use runpod_sim::{RateWindow, RequestRecord, Scope, Sim, SimBuilder};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    mock::fresh_pod,
    scripted::{Answer, Request, Scripted, account, answer, refusal},
    world::{GPU, SCARCE, spec},
};

/// Simulated time per real time.
const SPEED: u32 = 200;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// The longest from stock to its create, in 19 cases of 20.
const SOON: Duration = Duration::from_secs(35);
const NO_STOCK: &str = "There are no longer any instances available with the requested specifications.";

/// An account in which nothing of these types is in stock, with a quota that nobody may exceed.
fn sold_out(types: &[&str]) -> SimBuilder {
    let sim = Sim::builder().seed(3).time_scale(1.0).real_endpoints(false);
    let sim = sim.rate_windows([RateWindow::new("minute", 180, MINUTE)]);
    types.iter().fold(sim, |sim, id| sim.capacity(*id, 0))
}

fn handle(sim: &Sim) -> RunPod {
    RunPod::builder(sim.api_key()).base_url(sim.url()).build().expect("the simulator's address is fine")
}

fn of<'a>(requests: &'a [RequestRecord], operation: &str) -> Vec<&'a RequestRecord> {
    requests.iter().filter(|request| request.operation.as_deref() == Some(operation)).collect()
}

/// The requests between two moments.
fn between(sim: &Sim, from: Duration, to: Duration) -> Vec<RequestRecord> {
    sim.requests().into_iter().filter(|request| (from..to).contains(&request.at)).collect()
}

/// Fails if more than two requests a minute were sent between two moments.
fn assert_cheap(sim: &Sim, from: Duration, to: Duration) {
    let sent = between(sim, from, to);
    let minutes = (to - from).as_secs_f64() / 60.0;
    assert!(
        // A list and a create are sent together and paid for by what follows.
        sent.len() as f64 <= 2.0 * minutes + 2.0,
        "{} requests in {minutes:.0} min: {:?}",
        sent.len(),
        sent.iter().map(|sent| (sent.at.as_secs(), sent.path.as_str())).collect::<Vec<_>>()
    );
    assert!(sim.requests().iter().all(|request| request.status != 429));
}

fn fast<F: Future>(future: F) -> F::Output {
    run_fast(SPEED, future).expect("a runtime")
}

#[test]
fn stock_that_comes_after_twenty_minutes_is_taken_at_once_and_costs_two_requests_a_minute() {
    fast(async {
        let stock_at = 20 * MINUTE;
        let sim = sold_out(&[GPU]).capacity_at(stock_at, Scope::of_type(GPU), 1).start().await.unwrap();
        let told: Arc<Mutex<Vec<Event>>> = Arc::default();
        let teller = Arc::clone(&told);
        let runpod = handle(&sim).on_event(move |event| teller.lock().unwrap().push(event.clone()));
        let pod = runpod.deploy(&spec("patient").patience(HOUR)).await.expect("stock comes");
        let delay = sim.ledger()[0].created - stock_at;
        assert!(delay <= SOON, "{delay:?}");
        assert_eq!(pod.origin(), Origin::Created);
        assert_cheap(&sim, Duration::from_secs(5), stock_at);
        let told = told.lock().unwrap();
        let awaited = told.iter().filter(|event| matches!(event, Event::StockAwaited { .. })).count();
        assert!((30..=45).contains(&awaited), "{awaited}");
        let first =
            told.iter().find(|event| matches!(event, Event::StockAwaited { .. })).unwrap().to_string();
        assert!(
            first.starts_with("pod \"patient\" waits for stock of 1x NVIDIA GeForce RTX 4090, for 59m")
                && first.ends_with("RunPod is asked again in 15 s"),
            "{first}"
        );
    });
}

#[test]
fn fifty_waiting_deploys_send_what_one_sends_and_all_are_there_as_soon_as_there_is_stock() {
    fast(async {
        let stock_at = 20 * MINUTE;
        let sim = sold_out(&[GPU]).capacity_at(stock_at, Scope::of_type(GPU), 50).start().await.unwrap();
        let runpod = handle(&sim);
        let specs: Vec<PodSpec> = (0..50).map(|n| spec(&format!("many-{n}")).patience(HOUR)).collect();
        for pod in join_all(specs.iter().map(|spec| runpod.deploy(spec))).await {
            pod.expect("there is enough for all");
        }
        assert_cheap(&sim, MINUTE, stock_at);
        let mut delays: Vec<Duration> = sim.ledger().iter().map(|entry| entry.created - stock_at).collect();
        delays.sort();
        assert!(delays[47] <= SOON, "{delays:?}");
        let lists = of(&between(&sim, stock_at, HOUR), "listPods").len();
        assert!(lists <= 5, "names are searched for in lists that many share: {lists}");
    });
}

#[test]
fn a_create_follows_stock_within_35_s_in_19_cases_of_20_whenever_it_comes() {
    let delays = run_fast(100, async {
        join_all((0..40u32).map(|case| async move {
            let stock_at = 2 * MINUTE + case * Duration::from_millis(35_700);
            let settings = sold_out(&[GPU, SCARCE]).capacity_at(stock_at, Scope::of_type(SCARCE), 1);
            let sim = settings.start().await.unwrap();
            let spec = PodSpec::gpu("soon", "image", [GPU, SCARCE]).patience(HOUR);
            handle(&sim).deploy(&spec).await.expect("stock comes");
            assert_cheap(&sim, Duration::from_secs(10), stock_at);
            sim.ledger()[0].created - stock_at
        }))
        .await
    });
    let mut delays = delays.expect("a runtime");
    delays.sort();
    assert!(delays[37] <= SOON, "{delays:?}");
}

#[test]
fn no_create_is_sent_after_the_end_and_the_error_says_what_was_waited_for() {
    fast(async {
        let settings = sold_out(&[GPU]).capacity_at(5 * MINUTE, Scope::of_type(GPU), 3);
        let sim = settings.start().await.unwrap();
        let runpod = handle(&sim);
        let specs: Vec<PodSpec> = (0..10).map(|n| spec(&format!("few-{n}")).patience(10 * MINUTE)).collect();
        let ended = join_all(specs.iter().map(|spec| runpod.deploy(spec))).await;
        let errors: Vec<DeployError> = ended.into_iter().filter_map(Result::err).collect();
        assert_eq!((errors.len(), sim.ledger().len()), (7, 3));
        let requests = sim.requests();
        let creates = of(&requests, "createPod");
        assert_eq!(creates.len(), 10 + 3 + 1, "the first that is refused spares the others theirs");
        assert!(creates.iter().all(|create| create.at < 10 * MINUTE + Duration::from_secs(1)));
        for error in errors {
            let text = error.to_string();
            assert!(error.is_no_capacity() && !error.may_bill(), "{text}");
            let DeployError::AllRefused { waited: Some(waited), attempts, .. } = error else {
                panic!("{text}")
            };
            assert!(waited.duration >= 10 * MINUTE && waited.duration < 11 * MINUTE, "{waited:?}");
            assert_eq!(attempts.len(), 1);
            assert!(text.contains("after 10m") && text.contains("of waiting for stock and "), "{text}");
            assert!(text.contains("no longer any instances available"), "{text}");
        }
    });
}

#[test]
fn both_clouds_and_several_counts_of_gpus_take_turns_within_the_same_two_requests() {
    fast(async {
        let sim = sold_out(&[GPU, SCARCE]).start().await.unwrap();
        let runpod = handle(&sim);
        let specs = [
            spec("either").cloud(Cloud::Either),
            spec("eight").gpu_count(8),
            PodSpec::gpu("other", "image", [SCARCE]).gpu_count(2).cloud(Cloud::Community),
        ]
        .map(|spec| spec.patience(30 * MINUTE));
        for outcome in join_all(specs.iter().map(|spec| runpod.deploy(spec))).await {
            assert!(outcome.expect_err("there is none").is_no_capacity());
        }
        assert_cheap(&sim, Duration::from_secs(10), 29 * MINUTE);
        let sent = between(&sim, MINUTE, 19 * MINUTE);
        let mut asked = BTreeMap::new();
        for question in of(&sent, "listGpuTypes") {
            *asked.entry(question.query.clone().unwrap_or_default()).or_insert(0) += 1;
        }
        // 36 turns of four.
        assert!(asked.len() == 4 && asked.values().all(|count| (7..=10).contains(count)), "{asked:?}");
    });
}

/// A server whose stock, as it shows and as it is, changes with the minutes since its start; and what it heard, when.
async fn odd(
    says: impl Fn(&Request, f64) -> Answer + Send + Sync + 'static,
) -> (Scripted, Arc<Mutex<Vec<(f64, Request)>>>) {
    let heard: Arc<Mutex<Vec<(f64, Request)>>> = Arc::default();
    let (began, log) = (Instant::now(), Arc::clone(&heard));
    let server = Scripted::start(move |request, _| {
        let minute = began.elapsed().as_secs_f64() / 60.0;
        log.lock().expect("no test panics with it").push((minute, request.clone()));
        says(request, minute)
    });
    (server.await, heard)
}

fn catalog(stock: &str) -> Answer {
    let gpu = |id| json!({"id": id, "secure": true, "price": {"secure": 0.5}, "availability": stock});
    answer(200, json!({"gpus": [gpu(GPU), gpu(SCARCE)]}))
}

fn is_create(request: &Request) -> bool {
    request.is("POST", "/v2/pods")
}

#[test]
fn a_catalog_that_is_wrong_costs_no_more_and_does_not_hide_stock_for_ever() {
    // What the catalog shows, from when on there is stock, and by when it is found.
    for (shown, stock_from, found_by) in
        [(Some("LOW"), 10.0, 13.5), (Some("NONE"), 3.0, 21.5), (None, 10.0, 14.0), (Some("SOME"), 10.0, 13.5)]
    {
        fast(async move {
            let (server, heard) = odd(move |request, minute| match request.is("GET", "/v2/catalog/gpus") {
                true => shown.map_or_else(|| refusal(403, "not this"), catalog),
                false if is_create(request) && minute < stock_from => refusal(400, NO_STOCK),
                false => account(request),
            })
            .await;
            let spec = PodSpec::gpu("lied-to", "image", [GPU]).patience(2 * HOUR);
            server.runpod().deploy(&spec).await.expect("there is some");
            let heard = heard.lock().unwrap();
            let created = heard.iter().rfind(|(_, request)| is_create(request)).unwrap().0;
            assert!(created <= found_by, "{shown:?}: {created}");
            let waiting = heard.iter().filter(|(minute, _)| (0.1..created).contains(minute)).count();
            assert!(waiting as f64 <= 2.0 * created + 2.0, "{shown:?}: {waiting} in {created} min");
        });
    }
}

#[test]
fn what_waiting_does_not_change_ends_at_once() {
    type Says = fn(&Request) -> Option<Answer>;
    let cases: [(&str, PodSpec, Says); 8] = [
        ("a rule", spec("a"), |request| is_create(request).then(|| refusal(422, "$.name: too odd"))),
        ("no money", spec("b"), |request| is_create(request).then(|| refusal(402, "no balance"))),
        ("a rule for every candidate", spec("c"), |request| {
            is_create(request).then(|| refusal(400, "mounts are not allowed on Tuesdays"))
        }),
        ("a type it may not use", spec("d"), |request| {
            is_create(request).then(|| refusal(403, "not this type"))
        }),
        ("an unknown type", PodSpec::gpu("e", "image", ["NVIDIA RTX 9"]), |_| None),
        ("a price", spec("f").max_usd_per_hour(0.01), |_| None),
        ("no name", spec(""), |_| None),
        ("no template", spec("g").template("gone"), |request| {
            is_create(request).then(|| refusal(404, "template not found"))
        }),
    ];
    for (case, spec, says) in cases {
        fast(async move {
            let (server, _) = odd(move |request, _| says(request).unwrap_or_else(|| account(request))).await;
            let began = Instant::now();
            let error = server.runpod().deploy(&spec.patience(HOUR)).await.expect_err(case);
            assert!(began.elapsed() < MINUTE, "{case}: {:?}: {error}", began.elapsed());
            assert!(!error.is_no_capacity(), "{case}: {error}");
        });
    }
}

#[test]
fn an_answer_after_which_nothing_can_be_created_ends_the_wait_for_everybody() {
    for (status, kind) in [(401, ErrorKind::Unauthorized), (410, ErrorKind::Retired)] {
        fast(async move {
            let (server, heard) = odd(move |request, minute| match request.is("GET", "/v2/catalog/gpus") {
                true if minute > 2.0 => refusal(status, "no more"),
                true => catalog("NONE"),
                false if is_create(request) => refusal(400, NO_STOCK),
                false => account(request),
            })
            .await;
            let runpod = server.runpod();
            let specs = ["one", "two", "three"].map(|name| spec(name).patience(HOUR));
            for outcome in join_all(specs.iter().map(|spec| runpod.deploy(spec))).await {
                let Err(DeployError::Lookup(error)) = outcome else { panic!("{outcome:?}") };
                assert_eq!(error.kind(), kind);
            }
            assert!(heard.lock().unwrap().last().unwrap().0 < 3.0);
        });
    }
}

#[test]
fn a_refusal_of_one_that_asks_for_more_keeps_nobody_else_from_trying() {
    fast(async {
        let (server, heard) = odd(|request, minute| match request.is("GET", "/v2/catalog/gpus") {
            true => catalog(if minute < 2.0 { "NONE" } else { "HIGH" }),
            false if is_create(request) && (minute < 2.0 || request.body["gpu"]["minRamPerGpu"] == 900) => {
                refusal(400, NO_STOCK)
            }
            false => account(request),
        })
        .await;
        let (runpod, patient) = (server.runpod(), |name: &str| spec(name).patience(HOUR));
        let greedy = ["a", "b", "c"].map(|name| patient(name).min_ram_gb_per_gpu(900));
        let specs = ["d", "e", "f", "g"].map(patient);
        let mut greedy = join_all(greedy.iter().map(|spec| runpod.deploy(spec)));
        let modest = join_all(specs.iter().map(|spec| runpod.deploy(spec)));
        tokio::select! {
            biased;
            _ = &mut greedy => panic!("there is none for them"),
            pods = modest => assert!(pods.iter().all(Result::is_ok), "{pods:?}"),
        }
        let last = heard.lock().unwrap().iter().rfind(|(_, request)| is_create(request)).unwrap().0;
        assert!(last < 3.1, "{last}");
    });
}

#[test]
fn a_candidate_that_a_rule_forbids_is_left_out_and_the_others_are_waited_for() {
    fast(async {
        let (server, heard) = odd(|request, minute| match request.body["gpu"]["id"].as_str() {
            Some(GPU) => refusal(403, "your account may not use this type"),
            Some(_) if minute < 5.0 => refusal(400, NO_STOCK),
            None if request.is("GET", "/v2/catalog/gpus") => {
                catalog(if minute < 5.0 { "NONE" } else { "HIGH" })
            }
            _ => account(request),
        })
        .await;
        let pod = server.runpod().deploy(&PodSpec::gpu("mixed", "image", [GPU, SCARCE]).patience(HOUR)).await;
        pod.expect("the other comes");
        let creates = server.creates();
        let ids: Vec<&str> = creates.iter().filter_map(|create| create["gpu"]["id"].as_str()).collect();
        assert_eq!(ids, [GPU, SCARCE, SCARCE]);
        assert!(heard.lock().unwrap().last().unwrap().0 < 5.7);
    });
}

#[test]
fn the_name_is_searched_for_again_before_a_create_that_was_waited_for() {
    for (if_exists, is_adopted) in [(IfExists::Fail, false), (IfExists::Adopt, true)] {
        fast(async move {
            let stock_at = 5 * MINUTE;
            let sim = sold_out(&[GPU]).capacity_at(stock_at, Scope::of_type(GPU), 9).start().await.unwrap();
            let (runpod, other) = (handle(&sim), handle(&sim));
            let spec = spec("contested").patience(HOUR).if_exists(if_exists);
            let theirs = async {
                sleep(2 * MINUTE).await;
                other.deploy(&PodSpec::gpu("contested", "image", [SCARCE])).await.expect("it is in stock")
            };
            let (ours, theirs) = tokio::join!(runpod.deploy(&spec), theirs);
            match ours {
                Ok(pod) => {
                    assert!(is_adopted && pod.id == theirs.id && pod.origin() == Origin::Adopted, "{pod:?}");
                }
                Err(DeployError::NameTaken { pods, .. }) => assert!(!is_adopted && pods[0].id == theirs.id),
                Err(error) => panic!("{error}"),
            }
            assert_eq!(sim.ledger().len(), 1);
        });
    }
}

#[test]
fn a_name_is_busy_while_it_waits_and_free_as_soon_as_it_is_dropped() {
    fast(async {
        let sim = sold_out(&[GPU]).start().await.unwrap();
        let runpod = handle(&sim);
        let patient = spec("one").patience(HOUR);
        let mut waiting = Box::pin(runpod.deploy(&patient));
        assert!(timeout(MINUTE, &mut waiting).await.is_err(), "there is no stock");
        let hasty = PodSpec::gpu("one", "image", [SCARCE]);
        let (second, ()) = tokio::join!(runpod.deploy(&hasty), async {
            assert!(timeout(2 * MINUTE, &mut waiting).await.is_err());
        });
        assert!(matches!(second, Err(DeployError::NameBusy { .. })), "{second:?}");
        drop(waiting);
        let began = Instant::now();
        assert!(matches!(runpod.find("one").await, Ok(Found::None)));
        assert!(began.elapsed() < Duration::from_secs(5), "nothing was on its way: {:?}", began.elapsed());
        runpod.deploy(&hasty).await.expect("the name is free");
        let count = sim.request_count();
        sleep(10 * MINUTE).await;
        assert_eq!(sim.request_count(), count, "nobody waits any more");
    });
}

#[test]
fn a_waiting_deploy_that_is_put_aside_holds_nobody_up() {
    fast(async {
        let sim = sold_out(&[GPU]).capacity_at(5 * MINUTE, Scope::of_type(GPU), 2).start().await.unwrap();
        let runpod = handle(&sim);
        let (aside, polled) = (spec("aside").patience(HOUR), spec("polled").patience(HOUR));
        let mut aside = Box::pin(runpod.deploy(&aside));
        assert!(timeout(Duration::from_millis(15_200), &mut aside).await.is_err());
        let _ = poll!(&mut aside);
        runpod.deploy(&polled).await.expect("stock comes");
        let delay = sim.ledger()[0].created - 5 * MINUTE;
        assert!(delay < 2 * MINUTE, "{delay:?}");
    });
}

#[test]
fn an_interrupt_of_a_scope_ends_its_wait_for_stock() {
    fast(async {
        let sim = sold_out(&[GPU]).start().await.unwrap();
        let (runpod, spec, began) = (handle(&sim), spec("scope").patience(HOUR), Instant::now());
        let work = async |_: PodHandle| Ok::<_, std::io::Error>(());
        let scope = runpod.with_pod(&spec, Ready::Ssh, HOUR, work).until(sleep(3 * MINUTE));
        let error = scope.await.expect_err("there is no stock");
        assert!(began.elapsed() < 4 * MINUTE, "{:?}", began.elapsed());
        assert!(matches!(&error, ScopeError::Deploy(DeployError::AllRefused { .. })), "{error}");
        assert!(!error.may_bill() && sim.ledger().is_empty());
    });
}

#[test]
fn cpu_pods_are_waited_for_too() {
    fast(async {
        let (server, heard) = odd(|request, minute| {
            let stock = if minute < 5.0 { "NONE" } else { "HIGH" };
            match request.path.starts_with("/v2/catalog/cpus") {
                true => answer(
                    200,
                    json!({"cpus": [{"id": "cpu3c", "vcpu": {"min": 2, "max": 8}, "availability": stock}]}),
                ),
                false if is_create(request) && minute < 5.0 => refusal(400, NO_STOCK),
                false if is_create(request) => {
                    let mut pod = fresh_pod();
                    (pod["name"], pod["env"]) = (request.body["name"].clone(), request.body["env"].clone());
                    answer(201, pod)
                }
                false => account(request),
            }
        })
        .await;
        server.runpod().deploy(&PodSpec::cpu("small", "image", 2).patience(HOUR)).await.expect("stock comes");
        assert!(heard.lock().unwrap().last().unwrap().0 < 5.7);
    });
}

#[test]
fn a_pod_of_a_lost_create_that_shows_during_the_wait_is_the_deploys_own() {
    fast(async {
        let made: Arc<Mutex<Option<Value>>> = Arc::default();
        let (server, heard) = odd(move |request, minute| {
            let mut made = made.lock().expect("nobody panics with it");
            match (request.method.as_str(), request.path.split('?').next().unwrap_or_default()) {
                ("GET", "/v2/catalog/gpus") => catalog(if minute < 3.0 { "NONE" } else { "LOW" }),
                ("POST", "/v2/pods") if made.is_none() => {
                    let mut pod = fresh_pod();
                    (pod["name"], pod["env"]) = (request.body["name"].clone(), request.body["env"].clone());
                    pod["createdAt"] = Value::Null;
                    *made = Some(pod);
                    refusal(502, "bad gateway")
                }
                ("POST", "/v2/pods") => refusal(400, NO_STOCK),
                ("GET", "/v2/pods") if minute > 2.0 => answer(200, json!({"pods": [made.clone()]})),
                _ => account(request),
            }
        })
        .await;
        let pod = server.runpod().deploy(&spec("lost").patience(HOUR)).await.expect("it is there after all");
        assert_eq!((pod.id.as_str(), pod.origin()), ("k3x9q2m7v1b8z5", Origin::Created));
        let creates = heard.lock().unwrap().iter().filter(|(_, request)| is_create(request)).count();
        assert_eq!(creates, 2);
    });
}

/// An account whose first create is answered with 502 and makes a pod of this cost, which lists show from minute 2 on until it
/// is terminated; later ones find no stock, and the catalog shows some from minute 3 on.
fn late(made: &Mutex<Option<Value>>, request: &Request, minute: f64, usd: f64) -> Answer {
    let mut made = made.lock().expect("nobody panics with it");
    match (request.method.as_str(), request.path.split('?').next().unwrap_or_default()) {
        ("GET", "/v2/catalog/gpus") => {
            let gpu = |id, usd: f64| {
                let stock = if minute < 3.0 { "NONE" } else { "LOW" };
                json!({"id": id, "secure": true, "price": {"secure": usd}, "availability": stock})
            };
            answer(200, json!({"gpus": [gpu(GPU, 0.5), gpu(SCARCE, 0.7)]}))
        }
        ("POST", "/v2/pods") if made.is_none() && minute < 0.5 => {
            let mut pod = fresh_pod();
            (pod["name"], pod["env"]) = (request.body["name"].clone(), request.body["env"].clone());
            (pod["cost"], pod["createdAt"]) = (json!(usd), Value::Null);
            *made = Some(pod);
            refusal(502, "bad gateway")
        }
        ("POST", "/v2/pods") => refusal(400, NO_STOCK),
        ("DELETE", _) => {
            *made = None;
            answer(204, Value::Null)
        }
        ("GET", "/v2/pods") if minute > 2.0 => answer(200, json!({"pods": made.iter().collect::<Vec<_>>()})),
        _ => account(request),
    }
}

#[test]
fn a_pod_that_shows_late_and_costs_too_much_is_ended_like_any_other() {
    fast(async {
        let made = Mutex::default();
        let (server, heard) = odd(move |request, minute| late(&made, request, minute, 5.0)).await;
        let spec = spec("lost").max_usd_per_hour(1.0).patience(HOUR);
        let error = server.runpod().deploy(&spec).await.expect_err("it costs too much");
        let ended = heard.lock().unwrap().iter().filter(|(_, request)| request.method == "DELETE").count();
        assert_eq!((ended, error.may_bill()), (1, false), "{error}");
        assert!(matches!(error, DeployError::AllRefused { .. }), "{error}");
        assert!(error.to_string().contains("k3x9q2m7v1b8z5 cost $5.0"), "{error}");
    });
}

#[test]
fn the_lifetime_of_a_pod_that_shows_late_is_its_own_candidates() {
    fast(async {
        let made = Mutex::default();
        let (server, _) = odd(move |request, minute| late(&made, request, minute, 0.5)).await;
        let told: Arc<Mutex<String>> = Arc::default();
        let teller = Arc::clone(&told);
        let runpod = server.runpod().on_event(move |event| *teller.lock().unwrap() += &format!("{event}\n"));
        let spec = PodSpec::gpu("lost", "image", [GPU, SCARCE]).max_total_usd(9.0).patience(HOUR);
        runpod.deploy(&spec).await.expect("it is there after all");
        let told = told.lock().unwrap();
        assert!(told.contains("bad gateway") && !told.contains("another lifetime of pod"), "{told}");
        assert!(!told.contains("a second pod may"), "its create is unclear no more: {told}");
    });
}

#[test]
fn an_answer_that_lacks_a_type_hides_none_of_the_others() {
    // What the catalog lists from minute 1 on, and by when the other type is found, which is in stock from minute 3 on.
    for (listed, found_by) in [(&[SCARCE][..], 4.5), (&[][..], 6.5)] {
        fast(async move {
            let (server, heard) = odd(move |request, minute| match request.is("GET", "/v2/catalog/gpus") {
                true if minute < 1.0 => catalog("NONE"),
                true => {
                    let stock = if minute < 3.0 { "NONE" } else { "HIGH" };
                    let gpu = |id: &&str| json!({"id": id, "secure": true, "availability": stock});
                    answer(200, json!({"gpus": listed.iter().map(gpu).collect::<Vec<_>>()}))
                }
                false if is_create(request) && (minute < 3.0 || request.body["gpu"]["id"] == GPU) => {
                    refusal(400, NO_STOCK)
                }
                false => account(request),
            })
            .await;
            let spec = PodSpec::gpu("two", "image", [GPU, SCARCE]).patience(HOUR);
            server.runpod().deploy(&spec).await.expect("the other comes");
            let created = heard.lock().unwrap().last().unwrap().0;
            assert!(created <= found_by, "{listed:?}: {created}");
        });
    }
}

#[test]
fn what_a_newer_catalog_rules_out_is_created_no_more() {
    // From minute 1 on there is stock of what costs more, has less memory or fewer GPUs than the spec may have.
    let patient = |spec: PodSpec| spec.patience(HOUR);
    let rows: [(PodSpec, Value, &str); 4] = [
        (spec("price").max_usd_per_hour(1.0), json!({"price": {"secure": 5.0}}), "max_usd_per_hour \"1\""),
        (spec("free").max_usd_per_hour(1.0), json!({"price": {"secure": 0}}), "names no price"),
        (PodSpec::any_gpu("vram", "image").min_vram_gb(24), json!({"memory": 8}), "min_vram_gb \"24\""),
        (spec("count").gpu_count(2), json!({"maxCount": {"secure": 1}}), "gpu_count \"2\""),
    ];
    for (spec, change, told) in rows {
        fast(async move {
            let (server, heard) = odd(move |request, minute| match request.is("GET", "/v2/catalog/gpus") {
                true => {
                    let mut gpu = json!({
                        "id": GPU, "memory": 24, "secure": true, "price": {"secure": 0.5},
                        "maxCount": {"secure": 8}, "availability": "NONE",
                    });
                    if minute >= 1.0 {
                        gpu["availability"] = json!("HIGH");
                        for (name, value) in change.as_object().into_iter().flatten() {
                            gpu[name] = value.clone();
                        }
                    }
                    answer(200, json!({"gpus": [gpu]}))
                }
                false if is_create(request) && minute < 1.0 => refusal(400, NO_STOCK),
                false => account(request),
            })
            .await;
            let error = server.runpod().deploy(&patient(spec)).await.expect_err(told);
            assert!(error.to_string().contains(told), "{error}\n{told}");
            let heard = heard.lock().unwrap();
            assert_eq!(heard.iter().filter(|(_, request)| is_create(request)).count(), 1, "{told}");
            assert!(heard.last().unwrap().0 < 3.0, "{told}");
        });
    }
}

#[test]
fn what_one_answer_lacks_is_waited_for_although_it_rules_out_the_other() {
    fast(async {
        let (server, heard) = odd(|request, minute| match request.is("GET", "/v2/catalog/gpus") {
            true if minute < 1.0 => catalog("NONE"),
            true if minute < 3.0 => {
                answer(200, json!({"gpus": [{"id": GPU, "secure": true, "price": {"secure": 5.0}}]}))
            }
            true => catalog("HIGH"),
            false if is_create(request) && minute < 3.0 => refusal(400, NO_STOCK),
            false => account(request),
        })
        .await;
        let spec = PodSpec::gpu("two", "image", [GPU, SCARCE]).max_usd_per_hour(1.0).patience(HOUR);
        server.runpod().deploy(&spec).await.expect("both come back");
        assert!(heard.lock().unwrap().last().unwrap().0 <= 6.5);
    });
}

#[test]
fn no_pause_that_runpod_asks_for_outlasts_the_patience() {
    // An answer to every create once there is stock, and one to the catalog.
    for seconds in [20, 100, 500] {
        fast(async move {
            let (server, heard) = odd(move |request, minute| match request.is("GET", "/v2/catalog/gpus") {
                true => catalog(if minute < 0.1 { "NONE" } else { "HIGH" }),
                false if is_create(request) && minute < 0.1 => refusal(400, NO_STOCK),
                false if is_create(request) => {
                    refusal(429, "too many requests").header("retry-after", &seconds.to_string())
                }
                false => account(request),
            })
            .await;
            let (runpod, began, end) = (server.runpod(), Instant::now(), Duration::from_secs(60));
            let both = join_all(["one", "two"].map(|name| {
                let (runpod, spec) = (runpod.clone(), spec(name).patience(end));
                async move { runpod.deploy(&spec).await.expect_err("it is never accepted") }
            }));
            for error in both.await {
                assert!(!error.may_bill(), "{error}");
            }
            assert!(began.elapsed() < end + Duration::from_secs(2), "{seconds}: {:?}", began.elapsed());
            assert!(heard.lock().unwrap().iter().all(|(minute, _)| *minute <= 1.01), "{seconds}");
        });
    }
}

/// An account with a pod `old` of the name, whose creates find no stock. From minute 2 on lists show these pods, and the
/// catalog says so.
fn replaced(so_far: &Mutex<(Vec<String>, usize)>, request: &Request, minute: f64, end: &End) -> Answer {
    let (gone, creates) = &mut *so_far.lock().expect("nobody panics with it");
    let path = request.path.split('?').next().unwrap_or_default();
    match (request.method.as_str(), path, path.strip_prefix("/v2/pods/")) {
        ("GET", "/v2/catalog/gpus", _) if minute > 2.0 => (end.catalog)(),
        ("GET", "/v2/catalog/gpus", _) => catalog("NONE"),
        ("DELETE", _, Some(id)) if end.is_locked && id != "old" => refusal(403, "you may not"),
        ("DELETE", _, Some(id)) => {
            gone.push(id.to_owned());
            answer(204, Value::Null)
        }
        ("GET", _, Some(_)) => refusal(404, "pod not found"),
        ("GET", "/v2/pods", _) => {
            let ids = if minute > 2.0 { end.others } else { &["old"] };
            let pod = |id: &&str| {
                let mut pod = fresh_pod();
                (pod["id"], pod["name"]) = (json!(id), json!("contested"));
                pod
            };
            let listed: Vec<Value> =
                ids.iter().filter(|id| !gone.iter().any(|gone| gone == *id)).map(pod).collect();
            answer(200, json!({"pods": listed}))
        }
        ("POST", "/v2/pods", _) => {
            *creates += 1;
            match *creates {
                1 if end.is_first_lost => refusal(502, "bad gateway"),
                _ => refusal(400, NO_STOCK),
            }
        }
        _ => account(request),
    }
}

struct End {
    catalog: fn() -> Answer,
    others: &'static [&'static str],
    is_locked: bool,
    is_first_lost: bool,
    is_it: fn(&DeployError) -> bool,
    told: &'static [&'static str],
}

#[test]
fn whatever_ends_a_deploy_says_which_pods_it_has_replaced_and_what_is_unclear() {
    const OLD: &str = "pod old, which was to be replaced, is terminated and gone";
    const NEW: &str = "pod new, which was to be replaced, is terminated and gone";
    let stock = || catalog("LOW");
    let plain = End {
        catalog: stock,
        others: &[],
        is_locked: false,
        is_first_lost: false,
        is_it: |_| true,
        told: &[OLD],
    };
    for end in [
        End {
            catalog: || refusal(401, "no more"),
            is_it: |error| matches!(error, DeployError::Lookup(_)),
            ..plain
        },
        End {
            others: &["one", "two"],
            is_it: |error| matches!(error, DeployError::NameTaken { .. }),
            ..plain
        },
        End {
            others: &["new"],
            is_locked: true,
            is_it: |error| matches!(error, DeployError::NotReplaced(_)) && error.pod_id() == Some("new"),
            ..plain
        },
        End {
            others: &["new"],
            is_locked: true,
            is_first_lost: true,
            is_it: |error| matches!(error, DeployError::NotReplaced(_)) && error.may_bill(),
            told: &[OLD, "you may not", "an earlier create was unclear", "bad gateway"],
            ..plain
        },
        End {
            others: &["new"],
            is_it: |error| matches!(error, DeployError::AllRefused { replaced, .. } if *replaced == ["old", "new"]),
            told: &[OLD, NEW],
            ..plain
        },
    ] {
        fast(async move {
            let (so_far, is_it, told) = (Mutex::default(), end.is_it, end.told);
            let (server, _) = odd(move |request, minute| replaced(&so_far, request, minute, &end)).await;
            let spec = spec("contested").if_exists(IfExists::Replace).patience(10 * MINUTE);
            let error = server.runpod().deploy(&spec).await.expect_err("there is no stock");
            let text = error.to_string();
            assert!(is_it(&error), "{error:?}");
            for told in told {
                assert_eq!(text.matches(told).count(), 1, "{told}: {text}");
            }
        });
    }
}

#[tokio::test]
async fn without_patience_or_with_none_the_candidates_are_tried_once() {
    for spec in [spec("hasty"), spec("hasty").patience(Duration::ZERO)] {
        assert_eq!(spec.get_patience(), None);
        let sim = sold_out(&[GPU]).start().await.unwrap();
        let error = handle(&sim).deploy(&spec).await.expect_err("there is none");
        assert!(matches!(error, DeployError::AllRefused { waited: None, .. }), "{error}");
        assert_eq!(of(&sim.requests(), "createPod").len(), 1);
    }
    let week = 14 * 24 * HOUR;
    assert_eq!(spec("patient").patience(week).get_patience(), Some(week));
    spec("patient").patience(Duration::MAX).validate().expect("for ever is fine");
}

#[tokio::test]
async fn rest_v1_has_nothing_to_watch() {
    let sim = sold_out(&[]).start().await.unwrap();
    let v1 =
        RunPod::builder(sim.api_key()).api_version(ApiVersion::V1).base_url(sim.v1_url()).build().unwrap();
    let error = v1.deploy(&spec("old").patience(HOUR)).await.expect_err("no catalog");
    assert!(error.to_string().contains("patience \"set\": REST v1 has no catalog"), "{error}");
    assert_eq!(sim.request_count(), 0);
}
