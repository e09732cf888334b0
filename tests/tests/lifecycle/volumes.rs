//! Network volumes: made once and where the stock is, never shrunk, never deleted under a pod.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{
    Cloud, DeployError, ErrorKind, Event, Place, PodSpec, RunPod, Volume, VolumeError, Warning,
};
use runpod_sim::{Area, Fault, FaultKind};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::{
    scripted::{self, Answer, Request, Scripted, answer, refusal},
    world::{GPU, World, build, settings, spec, world},
};

const HERE: Place<'_> = Place::DataCenter("eu-ro-1");

fn volume(id: &str, size: i64, data_center: &str) -> Value {
    json!({"id": id, "name": "data", "size": size, "dataCenter": data_center, "type": "STANDARD"})
}

/// A create's answer, and what comes of the create.
type Create = fn(&Request) -> (Answer, Vec<Value>);

/// An account with some volumes, whose list is so late after a create and then may be unreadable for good.
struct Account {
    server: Scripted,
}

impl Account {
    async fn new(before: Value, list_lag: Duration, create: Create) -> Self {
        let made = Arc::new(Mutex::new(Vec::<(Instant, Value)>::new()));
        let server = Scripted::start(move |request, _| {
            let mut made = made.lock().expect("nobody panicked with it");
            if request.is("POST", "/v2/network-volumes") {
                let (answer, volumes) = create(request);
                made.extend(volumes.into_iter().map(|volume| (Instant::now(), volume)));
                return answer;
            }
            if request.is("GET", "/v2/network-volumes") {
                let mut all = before.as_array().expect("a list").clone();
                let shown = made.iter().filter(|(at, _)| at.elapsed() >= list_lag);
                all.extend(shown.map(|(_, volume)| volume.clone()));
                return answer(200, json!({"networkVolumes": all}));
            }
            scripted::account(request)
        })
        .await;
        Self { server }
    }

    fn creates(&self) -> usize {
        self.server.heard().iter().filter(|request| request.is("POST", "/v2/network-volumes")).count()
    }
}

/// An action, the lag of lists, and the id that is returned or the error and some of its words.
type Case = (&'static str, Duration, Create, Result<&'static str, &'static str>, &'static str);

fn lost() -> Answer {
    refusal(500, "Something went wrong. Please try again later or contact support.")
}

fn refused(error: &VolumeError) -> String {
    match error {
        VolumeError::Call(error) => format!("{:?}", error.kind()),
        other => format!("{other:?}").split([' ', '{', '(']).next().expect("it has a name").to_owned(),
    }
}

#[test]
fn an_unclear_create_is_searched_for_and_never_sent_again() {
    let late = Duration::from_secs(6);
    let soon = Duration::ZERO;
    let made = |id: &'static str| Ok::<&str, &str>(id);
    let cases: [Case; 12] = [
        ("made", soon, |_| (answer(201, volume("new1", 20, "EU-RO-1")), vec![]), made("new1"), ""),
        ("500, made", late, |_| (lost(), vec![volume("new1", 20, "EU-RO-1")]), made("new1"), ""),
        (
            "400 without a cause, made",
            soon,
            |_| (refusal(400, "Failed to create network volume"), vec![volume("new1", 20, "EU-RO-1")]),
            made("new1"),
            "",
        ),
        ("500, not made", soon, |_| (lost(), vec![]), Err("Unclear"), "look for it with find_volume"),
        (
            "500, somebody else's of that name",
            soon,
            |_| (lost(), vec![volume("new1", 30, "EU-RO-1"), volume("new2", 20, "US-CA-2")]),
            Err("Unclear"),
            "it may bill",
        ),
        (
            "500, made twice",
            soon,
            |_| (lost(), vec![volume("new1", 20, "EU-RO-1"), volume("new2", 20, "EU-RO-1")]),
            Err("Several"),
            "new1 (20 GB in EU-RO-1), new2 (20 GB in EU-RO-1)",
        ),
        (
            "500, one that does not show its size",
            soon,
            |_| (lost(), vec![json!({"id": "new1", "name": "data", "dataCenter": "EU-RO-1"})]),
            Err("Unclear"),
            "as new1",
        ),
        (
            "500, an entry nobody can read",
            soon,
            |_| (lost(), vec![json!({"id": {}, "name": "data"})]),
            Err("Unclear"),
            "the last search",
        ),
        (
            "an answer about another one",
            soon,
            |_| (answer(201, volume("new1", 20, "US-CA-2")), vec![]),
            Err("Unclear"),
            "as new1",
        ),
        (
            "an answer by another name, which the list has too",
            soon,
            |_| {
                let made = json!({"id": "new1", "name": "DATA", "size": 20, "dataCenter": "EU-RO-1"});
                (answer(201, made.clone()), vec![made])
            },
            Err("Unclear"),
            "about another network volume, \"new1\", of the name \"DATA\"",
        ),
        (
            "an answer about one that was there",
            soon,
            |_| (answer(201, json!({"id": "old1", "name": "other", "size": 20})), vec![]),
            Err("Unclear"),
            "look for it with find_volume",
        ),
        (
            "made, listed on two pages",
            soon,
            |_| (lost(), vec![volume("new1", 20, "EU-RO-1"), volume("new1", 20, "EU-RO-1")]),
            made("new1"),
            "",
        ),
    ];
    let checks = cases.into_iter().map(|(name, lag, create, outcome, words)| async move {
        let sent_at = Instant::now();
        let before = json!([{"id": "old1", "name": "other", "size": 20, "dataCenter": "EU-RO-1"}]);
        let account = Account::new(before, lag, create).await;
        let ensured = account.server.runpod().ensure_volume("data", 20, HERE).await;
        match (&ensured, outcome) {
            (Ok(volume), Ok(id)) => assert_eq!(volume.id, id, "{name}"),
            (Err(error), Err(kind)) => {
                assert_eq!(refused(error), kind, "{name}: {error}");
                assert!(error.to_string().contains(words) && error.may_bill(), "{name}: {error}");
            }
            (ensured, _) => panic!("{name}: {ensured:?}"),
        }
        assert_eq!(account.creates(), 1, "{name}");
        assert!(sent_at.elapsed() < Duration::from_secs(30), "{name}");
    });
    run_fast(40, join_all(checks)).expect("a runtime can be had");
}

#[test]
fn lost_answers_of_the_simulator_never_make_two() {
    let cases: [(FaultKind, bool); 6] = [
        (FaultKind::DropAfterApply, true),
        (FaultKind::DropBeforeRead, false),
        (FaultKind::status_after(500), true),
        (FaultKind::status_before(500), false),
        (FaultKind::Html { status: 200, applied: true }, true),
        (FaultKind::TruncatedJson, true),
    ];
    let checks = cases.into_iter().map(|(kind, is_made)| async move {
        let world = world().await;
        let (sender, events) = std::sync::mpsc::channel();
        let runpod = world.runpod.on_event(move |event| sender.send(event.clone()).unwrap());
        world.sim.inject(Fault::new(kind.clone()).on("createNetworkVolume").times(1)).unwrap();
        let ensured = runpod.ensure_volume("data", 20, HERE).await;
        assert_eq!(ensured.is_ok(), is_made, "{kind:?}: {ensured:?}");
        let is_told =
            |event: Event| matches!(event, Event::Warned { warning: Warning::CreateUnclear { .. } });
        assert!(events.try_iter().any(is_told), "{kind:?}");
        assert_eq!(world.sent("createNetworkVolume"), 1, "{kind:?}");
        // Who asks again, knowing that, gets one.
        let again = runpod.ensure_volume("data", 20, HERE).await.expect("nothing fails any more");
        assert_eq!(runpod.list_volumes().await.unwrap(), [again], "{kind:?}");
    });
    run_fast(40, join_all(checks)).expect("a runtime can be had");
}

#[test]
fn a_refusal_that_shows_that_nothing_was_made_is_no_doubt() {
    for (status, detail, kind) in [
        (400, "EU-RO-1 has no more room", ErrorKind::Rejected),
        (402, "The account balance is too low: add credit", ErrorKind::InsufficientBalance),
        (403, "this API key has no permission for network volumes", ErrorKind::Forbidden),
        (422, "$: additional properties 'X' not allowed", ErrorKind::Rejected),
    ] {
        run_fast(20, async move {
            let server = Scripted::start(move |request, _| match request.is("POST", "/v2/network-volumes") {
                true => refusal(status, detail),
                false if request.is("GET", "/v2/network-volumes") => {
                    answer(200, json!({"networkVolumes": []}))
                }
                false => scripted::account(request),
            })
            .await;
            let error = server.runpod().ensure_volume("data", 20, HERE).await.expect_err("it is refused");
            assert!(error.kind() == Some(kind) && !error.may_bill(), "{status}: {error}");
            assert!(error.to_string().starts_with("could not create network volume data: "), "{error}");
        })
        .expect("a runtime can be had");
    }
}

#[tokio::test]
async fn what_is_there_is_taken_as_it_is_or_told_with_both_sides() {
    let nameless = json!({"id": "v2", "size": 20, "dataCenter": "EU-RO-1"});
    let cases: [(Value, Result<&str, &str>, &[&str]); 9] = [
        (json!([volume("v1", 20, "EU-RO-1")]), Ok("v1"), &[]),
        (json!([volume("v1", 500, "EU-RO-1")]), Ok("v1"), &[]),
        (json!([volume("v1", 10, "EU-RO-1")]), Err("TooSmall"), &["10 GB", "20 GB", "grow_volume"]),
        (json!([volume("v1", 20, "US-CA-2")]), Err("Elsewhere"), &["US-CA-2", "eu-ro-1", "v1"]),
        (json!([volume("v1", 20, "EU-RO-1"), volume("v2", 20, "US-CA-2")]), Err("Several"), &["v1", "v2"]),
        (json!([nameless]), Err("Unreadable"), &["v2", "may be this one"]),
        (json!([{"id": null, "name": "data"}]), Err("Unreadable"), &["cannot be read"]),
        (json!([{"id": "vol1", "name": "data", "size": 20}]), Ok("vol1"), &[]),
        (
            json!([{"id": "v9", "name": "data", "size": "big", "dataCenter": "EU-RO-1"}]),
            Err("Unreadable"),
            &["v9"],
        ),
    ];
    for (before, outcome, words) in cases {
        let account = Account::new(before.clone(), Duration::ZERO, |_| (lost(), vec![])).await;
        let ensured = account.server.runpod().ensure_volume("data", 20, HERE).await;
        match (&ensured, outcome) {
            (Ok(volume), Ok(id)) => assert_eq!(volume.id, id),
            (Err(error), Err(kind)) => {
                assert_eq!(refused(error), kind, "{before}: {error}");
                let text = error.to_string();
                assert!(words.iter().all(|word| text.contains(word)) && !error.may_bill(), "{text}");
            }
            (ensured, _) => panic!("{before}: {ensured:?}"),
        }
        assert_eq!(account.creates(), 0, "{before}");
    }
}

#[tokio::test]
async fn an_odd_wish_is_refused_before_anything_is_sent() {
    let world = world().await;
    for (name, size) in [("", 20), (" data", 20), ("da\nta", 20), ("data", 9), ("data", 4097)] {
        let error = world.runpod.ensure_volume(name, size, HERE).await.expect_err("it cannot be made");
        assert_eq!(error.kind(), Some(ErrorKind::Rejected), "{error}");
    }
    assert!(world.sim.requests().is_empty());
    let error = world.runpod.ensure_volume("data", 20, Place::DataCenter("EU-RO-9")).await.expect_err("none");
    assert!(error.to_string().contains("the nearest are \"EU-RO-1\""), "{error}");
    assert_eq!(world.sent("createNetworkVolume"), 0);
}

/// A volume made where the stock of a spec is, in a simulated account.
async fn stocked(world: &World, spec: &PodSpec) -> Result<Volume, VolumeError> {
    world.runpod.ensure_volume("data", 20, Place::WhereInStock(spec)).await
}

#[tokio::test]
async fn a_volume_made_where_the_stock_is_is_mounted_and_outlives_its_pod() {
    let world = world().await;
    let spec = PodSpec::any_gpu("trainer", "image").min_vram_gb(24).cloud(Cloud::Either);
    let data = stocked(&world, &spec).await.expect("something is in stock somewhere");
    assert_eq!((data.name.as_deref(), data.size_gb, data.usd_per_month), (Some("data"), Some(20), None));
    assert_eq!(stocked(&world, &spec).await.unwrap(), data, "it is there already");

    let spec = spec.network_volume(&data);
    let plan = world.runpod.plan(&spec).await.unwrap();
    assert_eq!(plan.data_centers.as_slice(), data.data_center.as_slice());
    let priceless = |warning: &Warning| matches!(warning, Warning::PriceWithoutNetworkVolume { .. });
    assert!(plan.warnings.iter().any(priceless), "{:?}", plan.warnings);
    let pod = world.runpod.deploy(&spec).await.unwrap();
    world.sim.advance(Duration::from_secs(30));
    assert_eq!(pod.network_volume.as_deref(), Some(data.id.as_str()));
    assert_eq!(world.sent("getNetworkVolume"), 0, "the volume says itself where it is");

    let error = world.runpod.delete_volume(&data.id).await.expect_err("it is mounted");
    assert!(
        matches!(&error, VolumeError::Mounted { pod_ids, source: None, .. } if *pod_ids == [pod.id.clone()])
    );
    assert_eq!(world.sent("deleteNetworkVolume"), 0);
    pod.terminate().await.unwrap();
    world.sim.advance(Duration::from_secs(30));
    for _ in 0..2 {
        world.runpod.delete_volume(&data.id).await.expect("nothing mounts it, and gone is gone");
    }
    assert_eq!(world.runpod.find_volume("data").await.unwrap(), None);
}

#[tokio::test]
async fn no_stock_anywhere_the_community_cloud_and_a_volume_elsewhere_are_told_apart() {
    let world = build(settings().capacity(GPU, 0)).await;
    let error = stocked(&world, &spec("trainer")).await.expect_err("nothing is in stock");
    assert!(matches!(error, VolumeError::NowhereInStock { .. }), "{error}");
    let community = spec("trainer").cloud(Cloud::Community);
    let error = stocked(&world, &community).await.expect_err("no volumes there");
    assert!(matches!(&error, VolumeError::Placement(DeployError::Spec(_))), "{error}");
    let error = stocked(&world, &PodSpec::gpu("x", "image", ["RTX 4O90"])).await.expect_err("a typo");
    assert!(error.to_string().contains("NVIDIA GeForce RTX 4090"), "{error}");
    assert_eq!(world.sent("createNetworkVolume"), 0);
}

#[tokio::test]
async fn a_volume_grows_and_never_shrinks() {
    let world = build(settings().network_volume("vol1", "data", 20, "EU-RO-1")).await;
    let grow = |size| world.runpod.grow_volume("vol1", size);
    let error = grow(19).await.expect_err("it never shrinks");
    assert!(matches!(&error, VolumeError::WouldShrink { size_gb: 19, .. }), "{error}");
    assert!(error.to_string().contains("has 20 GB and never shrinks"), "{error}");
    assert_eq!(grow(20).await.unwrap().size_gb, Some(20));
    assert_eq!(world.sent("updateNetworkVolume"), 0);
    world.sim.inject(Fault::new(FaultKind::DropAfterApply).on("updateNetworkVolume").times(1)).unwrap();
    assert_eq!(grow(40).await.unwrap().size_gb, Some(40));
    for (id, size, kind) in [("vol1", 5000, ErrorKind::Rejected), ("vol9", 20, ErrorKind::NotFound)] {
        let error = world.runpod.grow_volume(id, size).await.expect_err("it cannot be");
        assert_eq!(error.kind(), Some(kind), "{error}");
    }
}

#[tokio::test]
async fn a_volume_that_has_just_grown_is_not_called_too_small_by_an_older_list() {
    let server = Scripted::start(|request, _| match request.method.as_str() {
        "PATCH" => answer(200, volume("vol1", 40, "EU-RO-1")),
        _ if request.is("GET", "/v2/network-volumes") => {
            answer(200, json!({"networkVolumes": [volume("vol1", 20, "EU-RO-1")]}))
        }
        _ => answer(200, volume("vol1", 20, "EU-RO-1")),
    })
    .await;
    let runpod = server.runpod();
    let grown = runpod.grow_volume("vol1", 40).await.unwrap();
    assert_eq!(runpod.ensure_volume("data", 40, HERE).await.unwrap(), grown);
    let error = runpod.ensure_volume("data", 41, HERE).await.expect_err("it has 40 GB");
    assert!(error.to_string().contains("has 40 GB, not 41 GB"), "{error}");
    let error = runpod.grow_volume("vol1", 30).await.expect_err("the older answer shows 20 GB");
    assert!(matches!(&error, VolumeError::WouldShrink { .. }), "{error}");
    let grown = server.heard().into_iter().filter(|request| request.method == "PATCH").count();
    assert_eq!(grown, 1);
}

#[tokio::test]
async fn a_delete_is_done_only_on_runpods_own_word() {
    for (status, body, is_done) in [
        (204, Value::Null, true),
        (404, json!({"title": "Not Found", "status": 404, "detail": "network volume not found"}), true),
        (404, json!({"title": "Not Found", "status": 404, "detail": "vol1 does not exist"}), true),
        (404, json!({"title": "Not Found", "status": 404, "detail": "route not found"}), false),
        (404, json!({"title": "Not Found", "status": 404, "detail": "pod not found"}), false),
        (404, json!({"message": "network volume not found"}), false),
        (200, json!({}), false),
        (403, json!({"title": "Forbidden", "status": 403, "detail": "no permission"}), false),
    ] {
        let (sent, runpod) = deleting(move || answer(status, body.clone())).await;
        let deleted = runpod.delete_volume("vol1").await;
        assert_eq!(deleted.is_ok(), is_done, "{status} {deleted:?}");
        drop(sent);
    }
}

/// An account without pods that answers a delete so.
async fn deleting(say: impl Fn() -> Answer + Send + Sync + 'static) -> (Scripted, RunPod) {
    let server = Scripted::start(move |request, _| match request.method.as_str() {
        "DELETE" => say(),
        "GET" if request.is("GET", "/v2/pods") => answer(200, json!({"pods": []})),
        _ => refusal(404, "pod not found"),
    })
    .await;
    let runpod = server.runpod();
    (server, runpod)
}

#[tokio::test]
async fn a_mounted_volume_is_kept_also_where_pods_cannot_be_listed() {
    let world = build(settings().network_volume("vol1", "data", 20, "EU-RO-1")).await;
    let pod = world.runpod.deploy(&spec("trainer").network_volume("vol1")).await.unwrap();
    world.sim.set_denied(Area::Pods, true);
    let error = world.runpod.delete_volume("vol1").await.expect_err("RunPod refuses");
    let VolumeError::Mounted { pod_ids, source: Some(source), .. } = &error else { panic!("{error}") };
    assert!(pod_ids.is_empty() && source.kind() == ErrorKind::InUse, "{error}");
    assert!(error.to_string().contains(&pod.id), "RunPod's own words name it: {error}");
    world.sim.set_denied(Area::Pods, false);
    world.sim.set_denied(Area::Volumes, true);
    pod.terminate().await.unwrap();
    for outcome in
        [world.runpod.list_volumes().await.map(drop), world.runpod.find_volume("data").await.map(drop)]
    {
        assert_eq!(outcome.expect_err("no right").kind(), ErrorKind::Forbidden);
    }
    let error = world.runpod.ensure_volume("data", 20, HERE).await.expect_err("no right");
    assert!(error.kind() == Some(ErrorKind::Forbidden) && !error.may_bill(), "{error}");
    assert_eq!(world.sent("createNetworkVolume"), 0);
}

#[test]
fn a_pod_that_a_list_still_shows_mounts_the_volume_until_its_end_is_proven() {
    let mounts = json!({"network": [{"volumeId": "vol1", "path": "/workspace"}]});
    let pod =
        |status: &str| json!({"id": "k3x9q2m7v1b8z5", "name": "old", "status": status, "mounts": mounts});
    let (stopped, gone) = (pod("EXITED"), pod("TERMINATED"));
    for (by_id, is_kept) in [(Some(stopped), true), (Some(gone), false), (None, true)] {
        let listed = pod("RUNNING");
        run_fast(20, async move {
            let server = Scripted::start(move |request, _| match (request.method.as_str(), &by_id) {
                ("DELETE", _) => answer(204, Value::Null),
                _ if request.is("GET", "/v2/pods") => answer(200, json!({"pods": [listed]})),
                (_, Some(pod)) => answer(200, pod.clone()),
                // A list has just shown it.
                (_, None) => refusal(404, "pod not found"),
            })
            .await;
            let deleted = server.runpod().delete_volume("vol1").await;
            let is_sent = server.heard().iter().any(|request| request.method == "DELETE");
            assert_eq!((deleted.is_err(), is_sent), (is_kept, !is_kept), "{deleted:?}");
        })
        .expect("a runtime can be had");
    }
}

#[test]
fn who_asks_for_one_name_at_a_time_gets_one_volume() {
    run_fast(20, async {
        let account = Account::new(json!([]), Duration::from_secs(10), |_| {
            let made = volume("new1", 20, "EU-RO-1");
            (answer(201, made.clone()), vec![made])
        })
        .await;
        let runpod = account.server.runpod();
        let ensure = || runpod.ensure_volume("data", 20, HERE);
        let (one, two) = tokio::join!(ensure(), ensure());
        assert_eq!(one.unwrap(), two.unwrap());
        assert_eq!(
            runpod.find_volume("data").await.unwrap().map(|volume| volume.id).as_deref(),
            Some("new1")
        );
        assert_eq!(account.creates(), 1, "lists show it 10 s later");
    })
    .expect("a runtime can be had");
}

#[test]
fn a_call_that_was_dropped_with_its_create_on_the_way_is_not_forgotten() {
    run_fast(20, async {
        let world = world().await;
        let hang = FaultKind::Hang { lasting: Duration::from_secs(60), applied: true };
        world.sim.inject(Fault::new(hang).on("createNetworkVolume").times(1)).unwrap();
        let dropped = world.runpod.ensure_volume("data", 20, HERE);
        timeout(Duration::from_secs(5), dropped).await.expect_err("the answer does not come");
        let found = world.runpod.ensure_volume("data", 20, HERE).await.unwrap();
        assert_eq!(world.runpod.list_volumes().await.unwrap(), [found]);
        assert_eq!(world.sent("createNetworkVolume"), 1);
    })
    .expect("a runtime can be had");
}

#[tokio::test]
async fn rest_v1_has_no_volumes_here_and_says_so() {
    let runpod = RunPod::builder("rpa_key")
        .api_version(runpod_lifecycle::ApiVersion::V1)
        .base_url("http://127.0.0.1:9")
        .build()
        .unwrap();
    let error = runpod.ensure_volume("data", 20, HERE).await.expect_err("unsupported");
    assert!(error.kind() == Some(ErrorKind::Unsupported), "{error}");
    assert!(error.to_string().contains("network volumes"), "{error}");
    assert_eq!(runpod.list_volumes().await.expect_err("unsupported").kind(), ErrorKind::Unsupported);
}

#[test]
fn a_404_about_what_an_answer_has_just_shown_is_no_proof_that_it_is_gone() {
    run_fast(20, async {
        let listed_at = Arc::new(Mutex::new(None::<Instant>));
        let server = Scripted::start(move |request, _| {
            let mut listed_at = listed_at.lock().expect("nobody panicked with it");
            match request.method.as_str() {
                "POST" => lost(),
                // It is known by its id 10 s after lists show it.
                "DELETE" if listed_at.is_none_or(|at| at.elapsed() >= Duration::from_secs(10)) => {
                    answer(204, Value::Null)
                }
                "DELETE" => refusal(404, "network volume not found"),
                _ if request.is("GET", "/v2/network-volumes") => {
                    listed_at.get_or_insert_with(Instant::now);
                    answer(200, json!({"networkVolumes": [volume("new1", 30, "EU-RO-1")]}))
                }
                _ => scripted::account(request),
            }
        })
        .await;
        let runpod = server.runpod();
        assert_eq!(runpod.list_volumes().await.expect("it can be read")[0].id, "new1");
        runpod.delete_volume("new1").await.expect("it is deleted in the end");
        let deletes = server.heard().iter().filter(|request| request.method == "DELETE").count();
        assert!((3..=6).contains(&deletes), "{deletes}: until RunPod knows it, and no longer");
    })
    .expect("a runtime can be had");
}

#[test]
fn an_unclear_create_that_made_two_is_found_out_although_lists_show_one_sooner() {
    run_fast(20, async {
        let lost_at = Arc::new(Mutex::new(None::<Instant>));
        let server = Scripted::start(move |request, _| {
            let mut lost_at = lost_at.lock().expect("nobody panicked with it");
            if request.is("POST", "/v2/network-volumes") {
                *lost_at = Some(Instant::now());
                return lost();
            }
            if !request.is("GET", "/v2/network-volumes") {
                return scripted::account(request);
            }
            let shown = [("new1", 0), ("new2", 6)].into_iter().filter(|(_, seconds)| {
                lost_at.is_some_and(|at| at.elapsed() >= Duration::from_secs(*seconds))
            });
            let shown: Vec<Value> = shown.map(|(id, _)| volume(id, 20, "EU-RO-1")).collect();
            answer(200, json!({"networkVolumes": shown}))
        })
        .await;
        let error = server.runpod().ensure_volume("data", 20, HERE).await.expect_err("two were made");
        let VolumeError::Several { volumes, after: Some(_), .. } = &error else { panic!("{error}") };
        assert!(volumes.len() == 2 && error.may_bill(), "{error}");
    })
    .expect("a runtime can be had");
}

/// The pod list, the pod by its id, and whether the delete is sent and what the error says.
type Doubt = (&'static str, fn() -> Answer, fn() -> Answer, Result<(), &'static str>);

#[test]
fn a_delete_is_not_sent_while_it_is_in_doubt_what_a_pod_mounts() {
    const POD: &str = "k3x9q2m7v1b8z5";
    fn pod(mounts: Value) -> Value {
        json!({"id": POD, "name": "old", "status": "EXITED", "mounts": mounts})
    }
    fn mounting(volume: &str) -> Value {
        pod(json!({"network": [{"volumeId": volume, "path": "/workspace"}]}))
    }
    fn two() -> Value {
        let mount = |id: &str| json!({"volumeId": id, "path": "/workspace"});
        pod(json!({"network": [mount("vol2"), mount("vol1")]}))
    }
    fn list(pods: Value) -> Answer {
        answer(200, json!({"pods": pods}))
    }
    let cases: [Doubt; 11] = [
        ("it and another one", || list(json!([two()])), || answer(200, two()), Err(POD)),
        ("another one", || list(json!([mounting("vol2")])), || refusal(500, "no"), Ok(())),
        ("none", || list(json!([pod(json!({}))])), || refusal(500, "no"), Ok(())),
        (
            "no right to list",
            || refusal(403, "no permission for pods"),
            || refusal(403, "no permission"),
            Ok(()),
        ),
        (
            "no right to get",
            || list(json!([mounting("vol1")])),
            || refusal(403, "no permission"),
            Err("no permission"),
        ),
        (
            "untold, then another",
            || list(json!([pod(Value::Null)])),
            || answer(200, mounting("vol2")),
            Ok(()),
        ),
        ("untold, then it", || list(json!([pod(Value::Null)])), || answer(200, mounting("vol1")), Err(POD)),
        (
            "untold",
            || list(json!([pod(Value::Null)])),
            || answer(200, pod(Value::Null)),
            Err("may mount the volume"),
        ),
        (
            "a mount without an id",
            || list(json!([pod(json!({"network": [{"path": "/workspace"}]}))])),
            || answer(200, pod(json!({"network": [{"path": "/workspace"}]}))),
            Err("may mount the volume"),
        ),
        (
            "an entry nobody can read, with an id",
            || list(json!([{"id": POD, "name": {"first": "old"}}])),
            || answer(200, mounting("vol1")),
            Err(POD),
        ),
        (
            "an entry without an id",
            || list(json!([{"id": null}])),
            || refusal(404, "pod not found"),
            Err("may mount"),
        ),
    ];
    let checks = cases.into_iter().map(|(name, list, by_id, outcome)| async move {
        let server = Scripted::start(move |request, _| match request.method.as_str() {
            "DELETE" => answer(204, Value::Null),
            _ if request.is("GET", "/v2/pods") => list(),
            _ => by_id(),
        })
        .await;
        let deleted = server.runpod().delete_volume("vol1").await;
        let is_sent = server.heard().iter().any(|request| request.method == "DELETE");
        assert_eq!((deleted.is_ok(), is_sent), (outcome.is_ok(), outcome.is_ok()), "{name}: {deleted:?}");
        if let (Err(error), Err(words)) = (deleted, outcome) {
            assert!(error.to_string().contains(words), "{name}: {error}");
        }
    });
    run_fast(20, join_all(checks)).expect("a runtime can be had");
}

#[tokio::test]
async fn a_pod_that_was_just_created_and_is_not_listed_yet_keeps_its_volume() {
    let settings =
        settings().list_lag(Duration::from_secs(1500)).network_volume("vol1", "data", 20, "EU-RO-1");
    let world = build(settings).await;
    let pod = world.runpod.deploy(&spec("trainer").network_volume("vol1")).await.unwrap();
    let error = world.runpod.delete_volume("vol1").await.expect_err("it is mounted");
    let VolumeError::Mounted { pod_ids, source: None, .. } = &error else { panic!("{error}") };
    assert_eq!((pod_ids.as_slice(), world.sent("deleteNetworkVolume")), ([pod.id.clone()].as_slice(), 0));
}

#[tokio::test]
async fn an_exhausted_rate_limit_holds_no_delete_of_a_volume_back() {
    let server = Scripted::start(|request, _| {
        let answered = match request.is("GET", "/v2/network-volumes") {
            true => answer(200, json!({"networkVolumes": []})),
            false => scripted::account(request),
        };
        answered
            .header("RateLimit-Policy", "\"hour\";q=1000;w=3600")
            .header("RateLimit", "\"hour\";r=0;t=3000")
    })
    .await;
    let runpod = server.runpod();
    runpod.list_volumes().await.expect("the limit is not known yet");
    runpod.delete_volume("vol1").await.expect("it ends what is billed");
}

/// The stock of the spec's one GPU type in a catalog.
type Catalog = fn() -> Answer;

#[test]
fn nowhere_in_stock_is_said_only_where_the_catalog_shows_it() {
    fn gpus(stock: Value) -> Answer {
        let mut gpu = json!({"id": GPU, "memory": 24, "secure": true, "community": true});
        for (key, value) in stock.as_object().expect("a table") {
            gpu[key] = value.clone();
        }
        answer(200, json!({"gpus": [gpu]}))
    }
    let cases: [(&str, Catalog, Result<&str, &str>); 6] = [
        ("none", || gpus(json!({"availability": "NONE", "dataCenters": []})), Err("NowhereInStock")),
        ("unknown", || gpus(json!({})), Err("StockUntold")),
        ("some, and not where", || gpus(json!({"availability": "HIGH"})), Err("StockUntold")),
        ("no right", || refusal(403, "no permission for the catalog"), Err("StockUntold")),
        ("no catalog", || refusal(500, "Something went wrong"), Err("StockUntold")),
        (
            "some",
            || {
                gpus(
                    json!({"availability": "LOW", "dataCenters": [{"id": "EU-CZ-1", "availability": "LOW"}]}),
                )
            },
            Ok("EU-CZ-1"),
        ),
    ];
    let checks = cases.into_iter().map(|(name, catalog, outcome)| async move {
        let server = Scripted::start(move |request, _| match request.path.split('?').next() {
            Some("/v2/catalog/gpus") => catalog(),
            Some("/v2/network-volumes") if request.method == "GET" => {
                answer(200, json!({"networkVolumes": []}))
            }
            Some("/v2/network-volumes") => {
                answer(201, volume("new1", 20, request.body["dataCenter"].as_str().expect("it is named")))
            }
            _ => scripted::account(request),
        })
        .await;
        let spec = spec("trainer");
        match (server.runpod().ensure_volume("data", 20, Place::WhereInStock(&spec)).await, outcome) {
            (Ok(volume), Ok(place)) => assert_eq!(volume.data_center.as_deref(), Some(place), "{name}"),
            (Err(error), Err(kind)) => {
                assert_eq!(refused(&error), kind, "{name}: {error}");
                assert!(error.to_string().contains("name a data center"), "{name}: {error}");
            }
            (ensured, _) => panic!("{name}: {ensured:?}"),
        }
    });
    run_fast(20, join_all(checks)).expect("a runtime can be had");
}

#[tokio::test]
async fn a_volume_that_is_there_is_taken_wherever_the_spec_may_go_in_stock_or_not() {
    let settings = settings().capacity(GPU, 0).network_volume("vol1", "data", 20, "EU-RO-1");
    let world = build(settings).await;
    for (data_centers, is_taken) in [(&[] as &[&str], true), (&["eu-ro-1"], true), (&["US-CA-2"], false)] {
        let spec = data_centers.iter().fold(spec("trainer"), |spec, id| spec.data_center(*id));
        let ensured = stocked(&world, &spec).await;
        assert_eq!(ensured.is_ok(), is_taken, "{data_centers:?}: {ensured:?}");
        assert!(is_taken || matches!(ensured, Err(VolumeError::Elsewhere { .. })), "{ensured:?}");
    }
}
