//! The account's SSH keys.

use runpod_lifecycle::{ErrorKind, Event};

use crate::world::{build, settings, spec, world};

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
    let warned = |event: Event| matches!(event, Event::Warned { warning } if warning.contains("no SSH key"));
    assert!(events.try_iter().any(warned));
}
