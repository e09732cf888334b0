//! The account's SSH keys.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use runpod_bench::clock::run_fast;
use runpod_lifecycle::{ErrorKind, Event, Warning};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    scripted::{Request, Scripted, answer},
    world::{build, settings, spec, world},
};

const OURS: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOurs laptop";

#[tokio::test]
async fn adding_a_key_keeps_the_others_and_is_idempotent() {
    let world = world().await;
    let before = world.runpod.ssh_keys().await.unwrap();
    assert!(world.runpod.add_ssh_key(OURS).await.unwrap());
    assert!(
        !world.runpod.add_ssh_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOurs another comment").await.unwrap()
    );
    let after = world.runpod.ssh_keys().await.unwrap();
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.iter().all(|key| after.contains(key)));
}

#[tokio::test]
async fn a_private_key_or_garbage_is_refused_unsent_and_unquoted() {
    let world = world().await;
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----";
    for key in [private, "", "hello", "ssh-ed25519", "ssh-rsa AAAA one\nssh-rsa AAAA two"] {
        let error = world.runpod.add_ssh_key(key).await.expect_err("not a public key");
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(!format!("{error} {error:?}").contains("b3BlbnNzaC1rZXk"));
    }
    assert!(world.sim.requests().is_empty());
}

#[tokio::test]
async fn a_deploy_that_asks_for_ssh_warns_when_the_account_has_no_key() {
    let world = build(settings().ssh_keys(Vec::new())).await;
    let (sender, events) = std::sync::mpsc::channel();
    let runpod = world.runpod.on_event(move |event| sender.send(event.clone()).unwrap());
    runpod.deploy(&spec("keyless")).await.unwrap();
    let warned = |event: Event| matches!(event, Event::Warned { warning } if warning == Warning::NoSshKey);
    assert!(events.try_iter().any(warned));
}

const THEIRS: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITheirs desk";

/// An account whose reads lag behind its writes, and everything that was written.
async fn lagging(lag: Duration, before: Value) -> (Scripted, Arc<Mutex<Vec<Value>>>) {
    let written = Arc::new(Mutex::new(Vec::new()));
    let shown = Arc::new(Mutex::new(vec![(Instant::now() - lag, before)]));
    let writes = Arc::clone(&written);
    let server = Scripted::start(move |request: &Request, _| {
        let mut shown = shown.lock().expect("nobody panicked with it");
        if request.method == "PUT" {
            let keys = request.body["keys"].clone();
            writes.lock().expect("nobody panicked with it").push(keys.clone());
            shown.push((Instant::now(), keys.clone()));
            return answer(200, json!({"keys": keys}));
        }
        let old = shown.iter().rev().find(|(at, _)| at.elapsed() >= lag).expect("the first is old enough");
        answer(200, json!({"keys": old.1}))
    })
    .await;
    (server, written)
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_never_deleted_by_adding_a_key() {
    for before in
        [json!(["ssh-ed25519 AAAAone", {"key": "two"}]), json!([null]), json!(null), json!({"a": 1})]
    {
        let (server, written) = lagging(Duration::ZERO, before.clone()).await;
        let error = server.runpod().add_ssh_key(OURS).await.expect_err("writing would delete it");
        assert_eq!(
            (error.kind(), written.lock().unwrap().len()),
            (ErrorKind::Unreadable, 0),
            "{before}: {error}"
        );
    }
    // Nor one that the contract does not let through.
    let (server, written) = lagging(Duration::ZERO, json!(["from=\"10.0.0.1\" ssh-ed25519 AAAAone"])).await;
    server.runpod().add_ssh_key(OURS).await.expect_err("it cannot be sent as it is");
    assert!(written.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_key_is_taken_from_a_file_as_editors_leave_it() {
    for text in [format!("\u{feff}{OURS}\r\n"), format!("# laptop\n\n{OURS}\n\n"), OURS.replace(' ', "\t")] {
        let (server, written) = lagging(Duration::ZERO, json!([THEIRS])).await;
        assert!(server.runpod().add_ssh_key(&text).await.unwrap());
        assert_eq!(*written.lock().unwrap(), [json!([THEIRS, OURS])], "{text:?}");
    }
}

#[tokio::test]
async fn what_is_no_public_key_is_refused_with_a_hint_of_its_own() {
    let (server, _) = lagging(Duration::ZERO, json!([])).await;
    for (text, hint) in [
        ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----", "PuTTY"),
        ("PuTTY-User-Key-File-3: ssh-ed25519", "PuTTY"),
        ("~/.ssh/id_ed25519.pub", "path"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
        ("ssh-rsa AAAAone a\nssh-rsa AAAAtwo b", "one by one"),
    ] {
        let error = server.runpod().add_ssh_key(text).await.expect_err("no public key");
        assert!(error.kind() == ErrorKind::Rejected && error.message().contains(hint), "{error}");
    }
    assert!(server.heard().is_empty());
}

#[test]
fn reads_that_lag_behind_a_write_are_no_conflict_and_cost_no_key() {
    run_fast(20, async {
        let (server, written) = lagging(Duration::from_secs(3), json!([])).await;
        let runpod = server.runpod();
        assert!(runpod.add_ssh_key(OURS).await.expect("it shows after a while"));
        let (one, two) = tokio::join!(runpod.add_ssh_key(THEIRS), runpod.add_ssh_key("ssh-rsa AAAAthird"));
        assert!(one.unwrap() && two.unwrap());
        assert_eq!(written.lock().unwrap().last(), Some(&json!([OURS, THEIRS, "ssh-rsa AAAAthird"])));
    })
    .expect("a runtime can be had");
}

#[test]
fn a_write_that_is_never_shown_is_a_conflict_after_a_while() {
    let took = run_fast(100, async {
        let (server, _) = lagging(Duration::from_secs(600), json!([THEIRS])).await;
        let asked_at = Instant::now();
        let error = server.runpod().add_ssh_key(OURS).await.expect_err("it never shows");
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        asked_at.elapsed()
    });
    assert!(took.expect("a runtime can be had") >= Duration::from_secs(15));
}
