//! Logins of registries and secrets of the account: stored once, replaced on purpose, shown to nobody.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{DeployError, ErrorKind, Event, PodSpec, RunPod, Running, Warning};
use runpod_sim::{Area, Cause, Fault, FaultKind};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    scripted::{self, Answer, Request, Scripted, answer, refusal},
    world::{LONG, World, build, settings, spec, world},
};

const PASSWORD: &str = "sentinel-password";
const VALUE: &str = "sentinel-value";

/// A handle whose warnings are heard.
fn heard(runpod: &RunPod) -> (RunPod, Arc<Mutex<Vec<Warning>>>) {
    let warnings = Arc::<Mutex<Vec<Warning>>>::default();
    let sink = Arc::clone(&warnings);
    let runpod = runpod.on_event(move |event| {
        if let Event::Warned { warning } = event {
            sink.lock().expect("no test panics with it").push(warning.clone());
        }
    });
    (runpod, warnings)
}

#[tokio::test]
async fn a_login_is_stored_once_and_stays_while_a_pod_pulls_with_it() {
    let world = world().await;
    let (runpod, warnings) = heard(&world.runpod);
    let login = runpod.ensure_registry("ghcr", "me", PASSWORD).await.unwrap();
    assert_eq!(warnings.lock().unwrap().as_slice(), []);
    assert_eq!(runpod.ensure_registry("ghcr", "you", "another").await.unwrap(), login);
    let known = Warning::RegistryNotCompared { name: "ghcr".to_owned(), id: login.id.clone() };
    assert_eq!(warnings.lock().unwrap().as_slice(), [known]);
    assert_eq!(
        (runpod.list_registries().await.unwrap(), world.sent("createRegistry")),
        (vec![login.clone()], 1)
    );

    let pod = runpod.deploy(&spec("private").registry(&login.id)).await.unwrap();
    assert_eq!(pod.registry.as_ref(), Some(&login.id));
    let error = runpod.delete_registry(&login.id).await.expect_err("a pod pulls with it");
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    pod.terminate().await.unwrap();
    for _ in 0..2 {
        runpod.delete_registry(&login.id).await.expect("gone is gone");
    }
    assert_eq!(runpod.list_registries().await.unwrap(), []);
}

#[tokio::test]
async fn a_login_that_cannot_be_stored_is_refused_with_the_reason() {
    let world = world().await;
    for (name, user, password) in [("", "me", "x"), ("ghcr", " ", "x"), ("ghcr", "me", "")] {
        let error = world.runpod.ensure_registry(name, user, password).await.expect_err("empty");
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
    }
    assert!(world.sim.requests().is_empty());
    world.sim.set_denied(Area::Registries, true);
    let error = world.runpod.ensure_registry("ghcr", "me", PASSWORD).await.expect_err("no right");
    assert!(error.kind() == ErrorKind::Forbidden && !error.may_have_been_applied(), "{error}");

    let twice = build(settings().registry("reg1", "ghcr").registry("reg2", "ghcr")).await;
    let error = twice.runpod.ensure_registry("ghcr", "me", PASSWORD).await.expect_err("two have the name");
    assert!(error.kind() == ErrorKind::Conflict && error.message().contains("reg2, reg1"), "{error}");
}

#[test]
fn an_unclear_create_of_a_login_is_searched_for_and_never_sent_again() {
    let cases: [(FaultKind, bool); 6] = [
        (FaultKind::DropAfterApply, true),
        (FaultKind::DropBeforeRead, false),
        (FaultKind::status_after(500), true),
        (FaultKind::status_before(500), false),
        (FaultKind::status_before(503), false),
        (FaultKind::TruncatedJson, true),
    ];
    let checks = cases.into_iter().map(|(kind, is_made)| async move {
        let world = world().await;
        let (runpod, warnings) = heard(&world.runpod);
        world.sim.inject(Fault::new(kind.clone()).on("createRegistry").times(1)).unwrap();
        let ensured = runpod.ensure_registry("ghcr", "me", PASSWORD).await;
        assert_eq!(ensured.is_ok(), is_made, "{kind:?}: {ensured:?}");
        if let Err(error) = &ensured {
            let text = error.to_string();
            assert!(
                error.may_have_been_applied() && text.contains("it may exist (no list showed it for 15 s)"),
                "{text}"
            );
            assert!(!format!("{text}{error:?}").contains("sentinel"), "{text}");
        }
        let is_told = |warning: &Warning| matches!(warning, Warning::CreateUnclear { .. });
        assert!(warnings.lock().unwrap().iter().any(is_told), "{kind:?}");
        assert_eq!(world.sent("createRegistry"), 1, "{kind:?}");
        let again = runpod.ensure_registry("ghcr", "me", PASSWORD).await.expect("nothing fails any more");
        assert_eq!(runpod.list_registries().await.unwrap(), [again], "{kind:?}");
    });
    run_fast(40, join_all(checks)).expect("a runtime can be had");
}

#[tokio::test]
async fn a_secret_reaches_the_container_and_is_shown_nowhere() {
    let world = world().await;
    let runpod = &world.runpod;
    let stored = runpod.set_account_secret("hf", "sentinel-older").await.unwrap();
    assert_eq!((stored.name.as_deref(), &stored.updated_at), (Some("hf"), &None));
    let replaced = runpod.set_account_secret("hf", VALUE).await.unwrap();
    assert!(replaced.id == stored.id && replaced.updated_at.is_some(), "{replaced:?}");
    assert_eq!((world.sent("createSecret"), world.sent("updateSecret")), (1, 1));

    let pod = runpod.deploy(&spec("trainer").account_secret("HF_TOKEN", "hf")).await.unwrap();
    assert_eq!(pod.env["HF_TOKEN"].expose(), "{{ RUNPOD_SECRET_hf }}");
    let pod = pod.wait_until(Running, LONG).await.unwrap();
    let inside = world.sim.container_env(&pod.id).expect("it runs");
    assert_eq!(inside["HF_TOKEN"], VALUE);

    let listed = runpod.list_account_secrets().await.unwrap();
    let seen =
        format!("{stored:?} {listed:?} {:?} {:?} {runpod:?}", *pod, spec("x").account_secret("A", "hf"));
    assert!(!seen.contains("sentinel"), "{seen}");
    runpod.delete_account_secret("hf").await.expect("it is there");
    assert_eq!((runpod.list_account_secrets().await.unwrap(), world.sent("deleteSecret")), (vec![], 1));
}

#[tokio::test]
async fn a_secret_that_no_environment_can_name_is_refused_unsent_and_unquoted() {
    let world = world().await;
    let long = "x".repeat(192);
    for (name, value) in [("", VALUE), ("a b", VALUE), ("a}}", VALUE), (&long, VALUE), ("hf", "")] {
        let error = world.runpod.set_account_secret(name, value).await.expect_err("it cannot be");
        assert!(error.kind() == ErrorKind::Rejected && !error.to_string().contains("sentinel"), "{error}");
    }
    for odd in ["a b", "a}}", "a }}:{{ RUNPOD_SECRET_b"] {
        let error = spec("trainer").account_secret("A", odd).validate().expect_err("no such name");
        let problems: Vec<_> =
            error.problems().iter().map(|problem| (problem.field, problem.value.as_str())).collect();
        assert_eq!(problems, [("account_secret", odd)]);
    }
    assert!(world.sim.requests().is_empty());
    world.sim.set_denied(Area::Secrets, true);
    let error = world.runpod.set_account_secret("hf", VALUE).await.expect_err("no right");
    assert_eq!((error.kind(), world.sent("createSecret")), (ErrorKind::Forbidden, 0));
}

#[test]
fn lost_answers_of_secrets_leave_one_with_the_last_value() {
    let mut cases = Vec::new();
    for kind in [
        FaultKind::DropAfterApply,
        FaultKind::DropBeforeRead,
        FaultKind::status_after(500),
        FaultKind::status_before(502),
        FaultKind::Html { status: 200, applied: true },
    ] {
        cases.extend(
            ["createSecret", "updateSecret", "listSecrets", "deleteSecret"].map(|call| (kind.clone(), call)),
        );
    }
    let checks = cases.into_iter().map(|(kind, call)| async move {
        let world = world().await;
        world.sim.inject(Fault::new(kind.clone()).on(call).times(2)).unwrap();
        for value in ["sentinel-older", VALUE] {
            world
                .runpod
                .set_account_secret("hf", value)
                .await
                .unwrap_or_else(|error| panic!("{kind:?} {call}: {error}"));
        }
        let pod = world.runpod.deploy(&spec("trainer").account_secret("HF", "hf")).await.unwrap();
        world.sim.advance(Duration::from_secs(600));
        assert_eq!(world.sim.container_env(&pod.id).expect("it runs")["HF"], VALUE, "{kind:?} {call}");
        assert_eq!(world.runpod.list_account_secrets().await.unwrap().len(), 1, "{kind:?} {call}");
        world
            .runpod
            .delete_account_secret("hf")
            .await
            .unwrap_or_else(|error| panic!("{kind:?} {call}: {error}"));
        assert_eq!(world.runpod.list_account_secrets().await.unwrap(), [], "{kind:?} {call}");
    });
    run_fast(40, join_all(checks)).expect("a runtime can be had");
}

/// A server that says a secret's name is taken, and whose list shows it so late.
async fn late(lag: Duration) -> Scripted {
    let asked_at = Mutex::new(None);
    let secret = json!({"id": "sec1", "name": "hf", "createdAt": "2026-08-20T06:16:19.430Z"});
    Scripted::start(move |request: &Request, _| match (request.method.as_str(), request.path.as_str()) {
        ("POST", _) => {
            asked_at.lock().expect("no test panics with it").get_or_insert(Instant::now());
            refusal(409, "a secret with this name already exists")
        }
        ("PATCH", "/v2/account/secrets/sec1") => answer(200, secret.clone()),
        _ => {
            let is_shown = asked_at
                .lock()
                .expect("no test panics with it")
                .is_some_and(|at: Instant| at.elapsed() >= lag);
            let secrets: Vec<&Value> = if is_shown { vec![&secret] } else { Vec::new() };
            answer(200, json!({"secrets": secrets}))
        }
    })
    .await
}

#[test]
fn a_name_that_is_taken_by_a_secret_that_no_list_shows_yet_is_waited_for() {
    run_fast(40, async {
        let server = late(Duration::from_secs(5)).await;
        assert_eq!(server.runpod().set_account_secret("hf", VALUE).await.unwrap().id, "sec1");
        let sent: Vec<Request> =
            server.heard().into_iter().filter(|request| request.method == "PATCH").collect();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].body, json!({"value": VALUE}));

        let server = late(Duration::from_secs(600)).await;
        let error = server.runpod().set_account_secret("hf", VALUE).await.expect_err("it never shows");
        assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains("for 15 s"), "{error}");
        assert!(server.heard().iter().all(|request| request.method != "PATCH"));
    })
    .expect("a runtime can be had");
}

type Say = fn() -> Answer;

/// An account with a catalog, whose list of secrets says this.
async fn listing(say: impl Fn() -> Answer + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |request, _| match request.is("GET", "/v2/account/secrets") {
        true => say(),
        false if request.is("POST", "/v2/account/secrets") => {
            answer(201, json!({"id": "sec9", "name": request.body["name"]}))
        }
        false => scripted::account(request),
    })
    .await
}

fn problems(error: &DeployError) -> Vec<String> {
    let DeployError::Spec(error) = error else { panic!("{error}") };
    error.problems().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_secret_that_the_account_lacks_is_told_before_anything_is_created() {
    let server = listing(|| {
        answer(200, json!({"secrets": [{"id": "s1", "name": "hf_token"}, {"id": "s2", "name": "wandb"}]}))
    })
    .await;
    let runpod = server.runpod();
    let wrong =
        spec("trainer").account_secret("HF", "hf-token").env("W", "{{RUNPOD_SECRET_wnb}}").env("C", "plain");
    let told = problems(&runpod.deploy(&wrong.data_center("EU-RO-9")).await.expect_err("neither is there"));
    assert_eq!(told.len(), 3, "{told:?}");
    let nearest = "the account has no such secret; the nearest are \"hf_token\"";
    assert!(told[0].starts_with("account_secret \"hf-token\": ") && told[0].contains(nearest), "{told:?}");
    assert!(told[1].contains("wnb") && told[2].starts_with("data_centers"), "{told:?}");
    // What stands between two references is nobody's to see.
    let url = "https://{{ RUNPOD_SECRET_usr }}:sentinel@{{ RUNPOD_SECRET_wandb }}/";
    let told =
        problems(&runpod.deploy(&spec("trainer").env("URL", url)).await.expect_err("one is not there"));
    assert!(told.len() == 1 && told[0].contains("\"usr\"") && !told[0].contains("sentinel"), "{told:?}");
    assert!(server.creates().is_empty());
    // What was stored a moment ago need not be in the list yet.
    runpod.set_account_secret("fresh", VALUE).await.unwrap();
    runpod.deploy(&spec("trainer").account_secret("A", "fresh").account_secret("B", "wandb")).await.unwrap();
}

#[tokio::test]
async fn a_list_of_secrets_that_cannot_be_read_refuses_nothing_and_says_so() {
    let right = "this API key has no permission for secrets";
    let cases: [(Say, Option<&str>); 5] = [
        (|| refusal(403, "this API key has no permission for secrets"), Some(right)),
        (|| refusal(404, "route not found"), Some("route not found")),
        (
            || answer(200, json!({"secrets": "none"})),
            Some("it is not known if the account has the secrets hf"),
        ),
        (|| answer(200, json!({"secrets": [{"id": "s1"}]})), None),
        (|| answer(200, json!({"secrets": [{"id": 5, "name": null}]})), None),
    ];
    for (say, warned) in cases {
        let server = listing(say).await;
        let (runpod, warnings) = heard(&server.runpod());
        let spec = spec("trainer").account_secret("HF", "hf");
        runpod.deploy(&spec).await.expect("what cannot be read refuses nothing");
        let told: Vec<String> = warnings.lock().unwrap().iter().map(ToString::to_string).collect();
        let told: Vec<&String> = told.iter().filter(|told| told.contains("secrets")).collect();
        assert_eq!(told.len(), usize::from(warned.is_some()), "{told:?}");
        assert!(told.iter().all(|told| told.contains(warned.unwrap_or_default())), "{told:?}");
        assert_eq!(server.creates()[0]["env"]["HF"], "{{ RUNPOD_SECRET_hf }}");
    }
    let server = listing(|| refusal(401, "invalid bearer token")).await;
    let error =
        server.runpod().deploy(&spec("trainer").account_secret("HF", "hf")).await.expect_err("no key");
    assert!(matches!(error, DeployError::Lookup(_)), "{error}");
}

#[tokio::test]
async fn a_denied_pull_names_the_login_or_says_that_there_is_none() {
    for (registry, words) in [(Some("reg1"), "credential reg1"), (None, "shows no credential for it")] {
        let world = build(settings().registry("reg1", "ghcr")).await;
        let fault = FaultKind::CannotStart { cause: Cause::PullDenied, healing: None };
        world.sim.inject(Fault::new(fault).on("createPod")).unwrap();
        let mut spec = PodSpec::gpu("private", "ghcr.io/me/image:1", [crate::world::GPU]).port("22/tcp");
        if let Some(id) = registry {
            spec = spec.registry(id);
        }
        let text = denied(&world, &spec).await;
        assert!(text.contains("ghcr.io/me/image:1") && text.contains(words), "{text}");
    }
}

/// The error of a wait for a pod whose image nobody may pull.
async fn denied(world: &World, spec: &PodSpec) -> String {
    let pod = world.runpod.deploy(spec).await.expect("it is accepted");
    world.sim.advance(Duration::from_secs(300));
    let wait = pod.wait_until(runpod_lifecycle::Ready::Ssh, Duration::from_secs(2));
    wait.await.expect_err("it never comes up").to_string()
}

#[tokio::test]
async fn rest_v1_has_none_of_it_here_and_says_so() {
    let runpod = RunPod::builder("rpa_key").api_version(runpod_lifecycle::ApiVersion::V1);
    let runpod = runpod.base_url("http://127.0.0.1:9").build().unwrap();
    for (error, words) in [
        (runpod.ensure_registry("a", "b", "c").await.map(drop), "registry credentials"),
        (runpod.list_registries().await.map(drop), "registry credentials"),
        (runpod.delete_registry("a").await, "registry credentials"),
        (runpod.set_account_secret("a", "b").await.map(drop), "secrets of the account"),
        (runpod.delete_account_secret("a").await, "secrets of the account"),
        (runpod.find_template("a").await.map(drop), "templates"),
    ] {
        let error = error.expect_err("unsupported");
        assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains(words), "{error}");
    }
    let error = runpod.deploy(&spec("a").template_named("base")).await.expect_err("unsupported");
    assert!(problems(&error).iter().any(|problem| problem.contains("template_named")), "{error}");
}

/// The list, which says what it does by the time since the first request, and the answers to create, replace and delete.
type Store = (&'static str, fn(Duration) -> Value, fn(&Request) -> Answer);

/// An account of such secrets.
async fn store((_, list, say): Store) -> Scripted {
    let first = Mutex::new(None);
    Scripted::start(move |request, _| {
        let since = first.lock().expect("no test panics with it").get_or_insert_with(Instant::now).elapsed();
        match request.is("GET", "/v2/account/secrets") {
            true => answer(200, json!({"secrets": list(since)})),
            false => say(request),
        }
    })
    .await
}

/// The list of an account, by the time since the beginning.
type Listing = fn(Duration) -> Value;

#[test]
fn a_secret_is_gone_only_after_lists_over_15_s_lack_it() {
    run_fast(40, async {
        let late = |since| {
            if since < Duration::from_secs(5) { json!([]) } else { json!([{"id": "sec1", "name": "hf"}]) }
        };
        let server = store(("shown late", late, |_| answer(204, Value::Null))).await;
        server.runpod().delete_account_secret("hf").await.expect("it is deleted");
        let sent = |server: &Scripted, method: &str| {
            server.heard().iter().filter(|request| request.method == method).count()
        };
        assert_eq!(sent(&server, "DELETE"), 1);

        let server = store(("never there", |_| json!([]), |_| refusal(500, "nothing is sent"))).await;
        let asked_at = Instant::now();
        server.runpod().delete_account_secret("hf").await.expect("gone is gone");
        assert!(asked_at.elapsed() >= Duration::from_secs(15) && sent(&server, "DELETE") == 0);

        let listed = |_| json!([{"id": "sec1", "name": "hf"}]);
        let server = store(("404 by its id", listed, |_| refusal(404, "secret sec1 not found"))).await;
        server.runpod().delete_account_secret("hf").await.expect("its own id is not there");
        assert!(sent(&server, "DELETE") > 1, "a list has just shown it");

        let anonymous = |_| json!([{"id": "sec1", "name": null}]);
        let server = store(("no name", anonymous, |_| refusal(500, "nothing is sent"))).await;
        let error = server.runpod().delete_account_secret("hf").await.expect_err("that may be it");
        assert!(error.kind() == ErrorKind::Unreadable && error.to_string().contains("sec1"), "{error}");
        let server = store(("by its id", anonymous, |_| answer(204, Value::Null))).await;
        server.runpod().delete_account_secret("sec1").await.expect("its id is known");

        let nameless = |_| json!([{"id": "", "name": "hf"}]);
        let server = store(("an empty id", nameless, |_| refusal(500, "nothing is sent"))).await;
        let error =
            server.runpod().delete_account_secret("hf").await.expect_err("it is there, and has no id");
        assert!(error.kind() == ErrorKind::Unreadable && error.to_string().contains("empty id"), "{error}");
    })
    .expect("a runtime can be had");
}

/// An account whose list shows secret `old` of the name for 5 s, and `new` in its place from then on, which is all it has.
async fn recreated() -> Scripted {
    let list: Listing = |since| match since < Duration::from_secs(5) {
        true => json!([{"id": "old", "name": "hf"}]),
        false => json!([{"id": "new", "name": "hf"}]),
    };
    let say = |request: &Request| match (request.method.as_str(), request.path.as_str()) {
        ("DELETE", "/v2/account/secrets/new") => answer(204, Value::Null),
        ("PATCH", "/v2/account/secrets/new") => answer(200, json!({"id": "new", "name": "hf"})),
        ("POST", _) => refusal(409, "a secret with this name already exists"),
        (_, path) => {
            refusal(404, &format!("secret {} not found", path.rsplit('/').next().unwrap_or_default()))
        }
    };
    store(("made anew by another program", list, say)).await
}

#[test]
fn a_secret_that_another_program_made_anew_is_replaced_or_deleted_by_its_name() {
    run_fast(40, async {
        let stored = recreated().await.runpod().set_account_secret("hf", VALUE).await.expect("it is there");
        assert_eq!(stored.id, "new");
        let server = recreated().await;
        server.runpod().delete_account_secret("hf").await.expect("it is deleted");
        let last =
            server.heard().into_iter().rfind(|request| request.method == "DELETE").expect("one is sent");
        assert_eq!(last.path, "/v2/account/secrets/new");
    })
    .expect("a runtime can be had");
}

#[test]
fn what_a_list_shows_twice_is_one() {
    run_fast(40, async {
        let entry = json!({"id": "one", "name": "data", "size": 20, "dataCenter": "EU-RO-1"});
        let server = Scripted::start(move |request, _| {
            let both = json!([entry, entry]);
            match request.path.split('?').next().unwrap_or_default() {
                "/v2/network-volumes" => answer(200, json!({"networkVolumes": both})),
                "/v2/registries" => answer(200, json!({"registries": both})),
                "/v2/templates" if request.path.contains("cursor") => {
                    answer(200, json!({"templates": [entry]}))
                }
                "/v2/templates" => answer(
                    200,
                    json!({"templates": [entry], "pagination": {"hasNextPage": true, "nextCursor": "c"}}),
                ),
                "/v2/account/secrets" => answer(200, json!({"secrets": both})),
                _ => refusal(500, "nothing else"),
            }
        })
        .await;
        let runpod = server.runpod();
        assert_eq!(runpod.find_volume("data").await.unwrap().expect("it is there").id, "one");
        assert_eq!(runpod.ensure_registry("data", "me", "password").await.unwrap().id, "one");
        assert_eq!(runpod.find_template("data").await.unwrap().expect("it is there").id, "one");
        assert_eq!(runpod.list_account_secrets().await.unwrap().len(), 1);
    })
    .expect("a runtime can be had");
}

#[tokio::test]
async fn an_answer_about_another_secret_is_none_about_the_one_that_was_set() {
    let (none, one): (Listing, Listing) = (|_| json!([]), |_| json!([{"id": "sec1", "name": "hf"}]));
    let stores: [(Store, bool); 6] = [
        (("made", none, |_| answer(201, json!({"id": "sec9", "name": "hf"}))), true),
        (("made, nameless", none, |_| answer(201, json!({"id": "sec9"}))), true),
        (("made, without an id", none, |_| answer(201, json!({"id": "", "name": "hf"}))), false),
        (("made by another name", none, |_| answer(201, json!({"id": "sec9", "name": "wandb"}))), false),
        (("replaced", one, |_| answer(200, json!({"id": "sec1", "name": "hf"}))), true),
        (("another one replaced", one, |_| answer(200, json!({"id": "sec2", "name": "hf"}))), false),
    ];
    for (account, is_set) in stores {
        let name = account.0;
        let server = store(account).await;
        let set = server.runpod().set_account_secret("hf", VALUE).await;
        let kind = set.as_ref().err().map(runpod_lifecycle::Error::kind);
        assert_eq!(kind, (!is_set).then_some(ErrorKind::Unreadable), "{name}: {set:?}");
    }
}
