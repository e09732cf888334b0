//! Lists that show what ids prove gone, lack what is there, or are parts that look like the whole.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use runpod_bench::clock::run_fast;
use runpod_lifecycle::{DeployError, ErrorKind, IfExists, OnFailure, Place, PodSpec, Ready};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    account::pod_with,
    mock::{GPU, spec},
    scripted::{Answer, Scripted, answer, refusal},
};

const OLD: &str = "aaaaaaaaaaaaaa";
const NEW: &str = "bbbbbbbbbbbbbb";
const SPEED: u32 = 40;

/// The catalog; anything else that no test says.
fn catalog() -> Answer {
    answer(200, json!({"gpus": [{"id": GPU}], "pods": [], "keys": []}))
}

/// An account in which the pod of the name was replaced a moment ago: the first list is from before.
async fn replaced_elsewhere() -> Scripted {
    let lists = AtomicUsize::new(0);
    Scripted::start(move |request, _| {
        let pods = |id: &str| answer(200, json!({"pods": [pod_with(json!({"id": id, "env": {}}))]}));
        if request.is("GET", "/v2/pods") {
            let earlier = lists.fetch_add(1, Ordering::Relaxed);
            return pods(if earlier == 0 { OLD } else { NEW });
        }
        match request.path.rsplit('/').next() {
            Some(OLD) => refusal(404, "pod not found"),
            Some(NEW) => answer(200, pod_with(json!({"id": NEW, "env": {}}))),
            _ if request.is("POST", "/v2/pods") => answer(201, pod_with(json!({"id": "cccccccccccccc"}))),
            _ => catalog(),
        }
    })
    .await
}

#[test]
fn what_has_taken_the_place_of_a_pod_that_is_gone_is_adopted_and_no_second_is_made() {
    run_fast(SPEED, async {
        for if_exists in [IfExists::Adopt, IfExists::AdoptAndStart] {
            let server = replaced_elsewhere().await;
            let pod = server.runpod().deploy(&spec().if_exists(if_exists)).await.expect("it is adopted");
            assert_eq!((pod.id.as_str(), server.creates().len()), (NEW, 0), "{if_exists:?}");
        }
    })
    .expect("a runtime can be had");
}

#[test]
fn no_pod_is_made_that_could_never_meet_the_condition_though_another_might_have_been_adopted() {
    run_fast(SPEED, async {
        let server = Scripted::start(|_, _| catalog()).await;
        let spec = PodSpec::gpu("trainer", "image", [GPU]).if_exists(IfExists::Adopt);
        let runpod = server.runpod();
        let ready = Ready::Ssh;
        let error = runpod
            .deploy_and_wait_until(&spec, ready, Duration::from_secs(60), OnFailure::Terminate)
            .await
            .expect_err("it has no port for SSH");
        let DeployError::Spec(error) = error else { panic!("{error}") };
        assert!(error.to_string().contains("22/tcp"), "{error}");
        assert_eq!(server.creates().len(), 0);
    })
    .expect("a runtime can be had");
}

/// Everything is gone by its id, and every list shows it.
async fn shown_for_ever() -> Scripted {
    Scripted::start(|request, _| {
        let is_list = |path: &str| request.is("GET", path);
        let volumes = json!([{"id": "vol1", "name": "data", "size": 30, "dataCenter": "EU-RO-1"}]);
        match request.method.as_str() {
            _ if is_list("/v2/network-volumes") => answer(200, json!({"networkVolumes": volumes})),
            _ if is_list("/v2/registries") => {
                answer(200, json!({"registries": [{"id": "reg1", "name": "ghcr"}]}))
            }
            "DELETE" if request.path.contains("volumes") => refusal(404, "network volume not found"),
            "DELETE" => refusal(404, "registry not found"),
            _ => catalog(),
        }
    })
    .await
}

#[test]
fn a_delete_ends_in_doubt_where_lists_go_on_showing_what_is_not_known() {
    run_fast(SPEED, async {
        let server = shown_for_ever().await;
        let (runpod, other) = (server.runpod(), server.runpod());
        let shown = runpod.clone();
        let lists = async move {
            loop {
                shown.list_volumes().await.expect("it can be read");
                shown.list_registries().await.expect("it can be read");
                sleep(Duration::from_secs(5)).await;
            }
        };
        runpod.list_volumes().await.expect("it can be read");
        runpod.list_registries().await.expect("it can be read");
        let deletes = async {
            let (volume, registry) =
                tokio::join!(runpod.delete_volume("vol1"), runpod.delete_registry("reg1"));
            let volume = volume.expect_err("lists show it");
            assert!(volume.to_string().contains("its list shows it"), "{volume}");
            assert_eq!(registry.expect_err("lists show it").kind(), ErrorKind::Unproven);
        };
        tokio::select! {
            () = lists => {}
            () = deletes => {}
            () = sleep(Duration::from_secs(120)) => panic!("it never ends"),
        }
        other.delete_volume("vol1").await.expect("nobody has shown it here");
    })
    .expect("a runtime can be had");
}

#[test]
fn a_secret_that_was_deleted_elsewhere_is_stored_anew() {
    run_fast(SPEED, async {
        let secret = |id: &str| json!({"id": id, "name": "hf", "createdAt": "2026-08-20T06:16:19Z"});
        let server = Scripted::start(move |request, earlier| match request.method.as_str() {
            // It is deleted after the first list.
            "GET" if earlier == 0 => answer(200, json!({"secrets": [secret("sec1")]})),
            "GET" => answer(200, json!({"secrets": []})),
            "PATCH" => refusal(404, "secret not found"),
            _ => answer(201, secret("sec2")),
        })
        .await;
        let runpod = server.runpod();
        let stored = runpod.set_account_secret("hf", "sentinel").await.expect("it can be stored");
        assert_eq!(stored.id, "sec2");
        let ids: Vec<String> =
            runpod.list_account_secrets().await.expect("a list").into_iter().map(|it| it.id).collect();
        assert_eq!(ids, ["sec2"]);
    })
    .expect("a runtime can be had");
}

#[test]
fn a_name_that_looks_like_an_id_is_no_pod_that_is_gone() {
    run_fast(SPEED, async {
        const NAME: &str = "trainer2026abc";
        let late = Arc::new(Mutex::new(None::<Instant>));
        for (name, lag, is_readable) in
            [(NAME, 0, true), ("my-trainer", 0, true), ("my-trainer", 10, true), ("my-trainer", 0, false)]
        {
            let late = Arc::clone(&late);
            *late.lock().expect("no test panics with it") = None;
            let server = Scripted::start(move |request, _| {
                let since = *late.lock().expect("it").get_or_insert_with(Instant::now);
                let is_shown = since.elapsed() >= Duration::from_secs(lag);
                match request.method.as_str() {
                    "DELETE" => refusal(404, "pod not found"),
                    _ if !is_readable => refusal(403, "no right to list"),
                    _ if is_shown => answer(200, json!({"pods": [pod_with(json!({"name": name}))]})),
                    _ => catalog(),
                }
            })
            .await;
            let error = server.runpod().terminate(name).await.expect_err("the pod of this name bills on");
            assert!(error.to_string().contains("the name of"), "{name} {lag} {is_readable}: {error}");
        }
    })
    .expect("a runtime can be had");
}

/// A text that was once no pod's name may be one by now.
#[test]
fn a_name_is_asked_for_each_time_however_often_it_was_nobodys() {
    run_fast(SPEED, async {
        let taken = Arc::new(AtomicUsize::new(0));
        let is_taken = Arc::clone(&taken);
        let server = Scripted::start(move |request, _| match request.method.as_str() {
            "DELETE" => refusal(404, "pod not found"),
            _ if is_taken.load(Ordering::Relaxed) == 0 => catalog(),
            _ => answer(200, json!({"pods": [pod_with(json!({"name": "worker-1"}))]})),
        })
        .await;
        let runpod = server.runpod();
        runpod.terminate("worker-1").await.expect("nobody is named so");
        taken.store(1, Ordering::Relaxed);
        let error = runpod.terminate("worker-1").await.expect_err("the pod of this name bills on");
        assert!(error.to_string().contains("the name of"), "{error}");
    })
    .expect("a runtime can be had");
}

#[test]
fn what_nobody_is_named_after_is_gone_once_lists_have_had_their_time_to_say_so() {
    run_fast(SPEED, async {
        let server = Scripted::start(|request, _| match request.method.as_str() {
            "DELETE" => refusal(404, "pod not found"),
            _ => catalog(),
        })
        .await;
        let began = Instant::now();
        server.runpod().terminate(OLD).await.expect("it is gone");
        assert!(began.elapsed() < Duration::from_secs(5));
        server.runpod().terminate("nobody").await.expect("it is gone, whatever it was");
        assert!(began.elapsed() >= Duration::from_secs(15));
    })
    .expect("a runtime can be had");
}

#[tokio::test]
async fn a_part_of_a_list_never_passes_for_the_whole() {
    let more: Value = json!({"hasNextPage": true, "nextCursor": "next"});
    let page = json!({"networkVolumes": [], "registries": [], "secrets": [], "pagination": more});
    let server = Scripted::start(move |_, _| answer(200, page.clone())).await;
    let runpod = server.runpod();
    let volume = runpod.ensure_volume("data", 30, Place::DataCenter("EU-RO-1")).await.map(drop);
    let errors = [
        runpod.find_volume("data").await.map(drop).map_err(|error| error.to_string()),
        volume.map_err(|error| error.to_string()),
        runpod.list_volumes().await.map(drop).map_err(|error| error.to_string()),
        runpod.list_registries().await.map(drop).map_err(|error| error.to_string()),
        runpod.ensure_registry("ghcr", "me", "sentinel").await.map(drop).map_err(|error| error.to_string()),
        runpod.set_account_secret("hf", "sentinel").await.map(drop).map_err(|error| error.to_string()),
        runpod.delete_account_secret("hf").await.map_err(|error| error.to_string()),
    ];
    for error in errors {
        let error = error.expect_err("anything may be on the next page");
        assert!(error.contains("it is not whole"), "{error}");
    }
    assert!(server.heard().iter().all(|request| request.method == "GET"));
}
