//! Every recording in a folder: read by the bindings, classified, and played back to the facade.
//!
//! `RUNPOD_RECORDINGS=FOLDER` asks for another folder than `recordings/`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use futures_util::{StreamExt, stream};
use httpmock::{Mock, MockServer};
use runpod_api::{ClientBuilder, Failure, v2};
use runpod_bench::clock::run_fast;
use runpod_conformance::{Recording, recordings};
use runpod_lifecycle::{Cloud, ErrorKind, PodSpec, RunPod};
use serde_json::{Value, json};

use crate::house;

const KEY: &str = "rpa_REPLAY";
const GPU: &str = "NVIDIA GeForce RTX 4090";
const SPEED: u32 = 40;
const SIDE_BY_SIDE: usize = 8;
/// Kinds that the words of a hand-made recording stand for, where its status alone does not say it.
const KINDS: [(&str, ErrorKind); 8] = [
    ("create-no-stock", ErrorKind::NoCapacity),
    ("create-no-resources", ErrorKind::NoCapacity),
    ("create-without-disk", ErrorKind::Rejected),
    ("get-through-a-proxy", ErrorKind::Unreadable),
    ("get-unknown", ErrorKind::NotFound),
    ("stop-locked", ErrorKind::Locked),
    ("delete-locked", ErrorKind::Locked),
    ("edge-block", ErrorKind::Blocked),
];

/// The operation that a recording is of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Operation {
    List,
    Get(String),
    Create,
    Update(String),
    Delete(String),
    Act(String),
    Log(String),
    Gpus,
    Cpus,
    MakeTemplate,
    Template(String),
    DeleteTemplate(String),
    /// REST v1, which the facade asks in another way.
    V1,
}

fn path(recording: &Recording) -> &str {
    recording.path.split('?').next().unwrap_or_default()
}

fn operation(recording: &Recording) -> Operation {
    let segments: Vec<&str> = path(recording).split('/').skip(1).collect();
    let own = |id: &&str| (*id).to_owned();
    match (recording.method.as_str(), segments.as_slice()) {
        ("GET", ["v2", "pods"]) => Operation::List,
        ("POST", ["v2", "pods"]) => Operation::Create,
        ("GET", ["v2", "pods", id]) => Operation::Get(own(id)),
        ("PATCH", ["v2", "pods", id]) => Operation::Update(own(id)),
        ("DELETE", ["v2", "pods", id]) => Operation::Delete(own(id)),
        ("POST", ["v2", "pods", id, "action"]) => Operation::Act(own(id)),
        ("GET", ["v2", "pods", id, "logs"]) => Operation::Log(own(id)),
        ("GET", ["v2", "catalog", "gpus"]) => Operation::Gpus,
        ("GET", ["v2", "catalog", "cpus"]) => Operation::Cpus,
        ("POST", ["v2", "templates"]) => Operation::MakeTemplate,
        ("GET", ["v2", "templates", id]) => Operation::Template(own(id)),
        ("DELETE", ["v2", "templates", id]) => Operation::DeleteTemplate(own(id)),
        ("GET", ["v1", ..]) => Operation::V1,
        other => panic!("{}: nobody plays back {other:?}; add it here", recording.step),
    }
}

/// Serves a recording wherever it was recorded. A page that has a next one is followed by the last one.
fn serve<'a>(server: &'a MockServer, recording: &Recording) -> Mock<'a> {
    if recording.body["pagination"]["hasNextPage"] == true {
        server.mock(|when, then| {
            when.method("GET").path(path(recording)).query_param_exists("cursor");
            then.status(200).json_body(json!({ "pods": [], "pagination": { "hasNextPage": false } }));
        });
    }
    server.mock(|when, mut then| {
        when.method(recording.method.as_str()).path(path(recording));
        then = then.status(recording.status);
        for (name, value) in &recording.headers {
            then = then.header(name, value);
        }
        match &recording.body {
            Value::Null => then,
            Value::String(text) => then.body(text),
            json => then.body(json.to_string()),
        };
    })
}

/// Reads the answer through the bindings, as the operation it is of.
async fn decoded(client: &v2::Client, operation: &Operation) -> Option<Result<(), Failure>> {
    use v2::types::{CreatePodRequest, CreateTemplateRequest, PodActionRequest, UpdatePodRequest};
    let order: CreatePodRequest =
        serde_json::from_value(json!({ "name": "a", "image": "b", "disk": 20 })).expect("an order");
    let template: CreateTemplateRequest =
        serde_json::from_value(json!({ "name": "a", "image": "b" })).expect("a template");
    let change: UpdatePodRequest = serde_json::from_value(json!({ "locked": true })).expect("a change");
    let stop: PodActionRequest = serde_json::from_value(json!({ "action": "stop" })).expect("an action");
    Some(match operation {
        Operation::List => client.list_pods().await.map(drop),
        Operation::Get(id) => client.get_pod(id).await.map(drop),
        Operation::Create => client.create_pod(&order).await.map(drop),
        Operation::Update(id) => client.update_pod(id, &change).await.map(drop),
        Operation::Delete(id) => client.delete_pod(id).await.map(drop),
        Operation::Act(id) => client.pod_action(id, &stop).await.map(drop),
        Operation::Log(id) => client.get_pod_logs(id).await.map(drop),
        Operation::Gpus => client.list_gpu_types().await.map(drop),
        Operation::Cpus => client.list_cpu_types().await.map(drop),
        Operation::MakeTemplate => client.create_template(&template).await.map(drop),
        Operation::Template(id) => client.get_template(id).await.map(drop),
        Operation::DeleteTemplate(id) => client.delete_template(id).await.map(drop),
        Operation::V1 => return None,
    })
}

/// A failure as the facade tells it.
struct Told {
    kind: ErrorKind,
    words: String,
}

/// Plays the answer back to the facade; `None` for what it does not ask.
async fn facade(server: &MockServer, operation: &Operation) -> Option<Result<(), Told>> {
    let runpod =
        RunPod::builder(KEY).base_url(server.base_url()).build().expect("loopback is a fine base URL");
    let told = |error: runpod_lifecycle::Error| Told { kind: error.kind(), words: error.to_string() };
    Some(match operation {
        Operation::List => runpod.list().await.map(drop).map_err(told),
        Operation::Get(id) => runpod.get(id).await.map(drop).map_err(told),
        Operation::Create => {
            let deployed = runpod.deploy(&PodSpec::gpu("name-1", "image", [GPU])).await;
            deployed.map(drop).map_err(|error| Told { kind: error.kind(), words: error.to_string() })
        }
        Operation::Delete(id) => runpod.terminate(id).await.map(drop).map_err(told),
        Operation::Act(id) => runpod.stop(id).await.map(drop).map_err(told),
        Operation::Log(id) => runpod.logs(id.clone()).tail(1).history().await.map(drop).map_err(told),
        Operation::Gpus => runpod.gpu_types(1, Cloud::Secure).await.map(drop).map_err(told),
        Operation::Cpus => runpod.cpu_flavors().await.map(drop).map_err(told),
        _ => return None,
    })
}

/// Everything that a deploy and its searches ask beside the create.
fn empty_account(server: &MockServer) {
    server.mock(|when, then| {
        when.method("GET").path("/v2/catalog/gpus");
        then.status(200).json_body(json!({ "gpus": [{ "id": GPU, "name": "RTX 4090", "pool": "ADA_24" }] }));
    });
    server.mock(|when, then| {
        when.method("GET").path("/v2/pods");
        then.status(200).json_body(json!({ "pods": [] }));
    });
}

/// The kinds that a status may stand for, whatever the words are.
fn kinds(status: u16) -> &'static [ErrorKind] {
    use ErrorKind as E;
    match status {
        400 => &[E::Rejected, E::NoCapacity, E::Locked, E::InUse, E::Server, E::Unclear],
        401 => &[E::Unauthorized],
        402 => &[E::InsufficientBalance],
        403 => &[E::Forbidden, E::Blocked],
        404 => &[E::NotFound, E::Unreadable, E::Unproven],
        409 => &[E::Conflict, E::NoCapacity, E::Locked, E::InUse],
        410 => &[E::Retired],
        413 => &[E::TooLarge],
        422 => &[E::Rejected, E::NoCapacity],
        429 => &[E::RateLimited],
        500..=599 => &[E::Server, E::Unclear, E::NoCapacity],
        _ => &[],
    }
}

/// The flaw of how the bindings read an answer.
fn of_bindings(recording: &Recording, read: Option<Result<(), Failure>>) -> Option<String> {
    match (read?, is_success(recording)) {
        (Ok(()), false) => Some("the bindings take a refusal for an answer".to_owned()),
        (Err(failure), true) => Some(format!("the bindings cannot read it: {failure}")),
        (Err(failure), false) => {
            let fits = failure.status() == Some(recording.status) && !failure.message().is_empty();
            (!fits).then(|| format!("the bindings say {failure}"))
        }
        (Ok(()), true) => None,
    }
}

/// The flaw of what the facade makes of an answer.
fn of_facade(recording: &Recording, made: Option<Result<(), Told>>) -> Option<String> {
    match (made?, is_success(recording)) {
        (Err(told), true) => Some(format!("the facade fails: {}", told.words)),
        (Err(Told { kind, words }), false) => {
            let expected = KINDS.iter().find(|(known, _)| *known == recording.step).map(|(_, kind)| kind);
            let fits = expected.map_or(kinds(recording.status).contains(&kind), |expected| *expected == kind);
            let is_clean = !words.is_empty() && !words.contains(KEY);
            (!fits || !is_clean).then(|| format!("the facade says {kind:?}: {words}"))
        }
        // A pod that is gone is what a delete wanted.
        (Ok(()), false) if recording.method != "DELETE" => {
            Some("the facade takes a refusal for an answer".to_owned())
        }
        _ => None,
    }
}

fn is_success(recording: &Recording) -> bool {
    (200..300).contains(&recording.status)
}

/// The flaws of one recording.
async fn played(recording: Recording) -> Vec<String> {
    let (server, operation) = (MockServer::start_async().await, operation(&recording));
    serve(&server, &recording);
    let client = ClientBuilder::new(KEY).base_url(server.base_url()).v2().expect("a client");
    let bindings = of_bindings(&recording, decoded(&client, &operation).await);
    if operation == Operation::Create {
        empty_account(&server);
    }
    let facade = of_facade(&recording, facade(&server, &operation).await);
    let flaws = bindings.into_iter().chain(facade);
    flaws.map(|flaw| format!("{}: {flaw}", recording.step)).collect()
}

fn play(recordings: Vec<Recording>) -> Vec<String> {
    let all = stream::iter(recordings).map(played).buffer_unordered(SIDE_BY_SIDE);
    run_fast(SPEED, all.concat()).expect("a runtime can be had")
}

/// The recordings of a folder and its folders, by name.
fn read(folder: &Path) -> Vec<Recording> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let (folders, files): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let own = files.map(|path| {
        let text = fs::read_to_string(&path).expect("it can be read");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
    own.chain(folders.iter().flat_map(|folder| read(folder))).collect()
}

#[test]
fn every_recording_is_read_classified_and_played_back() {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings");
    let folder = std::env::var_os("RUNPOD_RECORDINGS").map_or_else(own, PathBuf::from);
    let recordings = read(&folder);
    assert!(recordings.len() >= 30, "{} in {}", recordings.len(), folder.display());
    let flaws = play(recordings);
    assert!(flaws.is_empty(), "{}", flaws.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_records_can_be_played_back() {
    let sim = house::observed().start().await.expect("it starts");
    let (outcome, _) = house::survey(&sim).await;
    let kept = recordings(&outcome);
    let flaws = tokio::task::spawn_blocking(|| play(kept)).await.expect("it ends");
    assert!(flaws.is_empty(), "{}", flaws.join("\n"));
}
