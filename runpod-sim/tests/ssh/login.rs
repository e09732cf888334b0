use runpod_sim::{Behavior, ExecAnswer, PublicKey, Sim};
use serde_json::json;

use crate::house::{House, done, key};

#[tokio::test]
async fn a_key_of_the_account_logs_in_and_another_does_not() {
    let house = House::of(Sim::builder()).await;
    let pod = house.pod(json!({})).await;
    let told = house.run(&pod, "true").await;
    assert_eq!((told.status, told.stdout.as_str()), (Some(126), ""));
    assert_eq!(told.stderr, "this simulator runs no commands; see --exec\n");
    key(house.folder.path(), "other").await;
    let told = done(house.ssh_with(&pod, "other").await.arg("true")).await;
    assert_eq!(told.status, Some(255));
    assert!(told.stderr.contains("Permission denied (publickey)"), "{told:?}");
}

#[tokio::test]
async fn nobody_logs_in_without_a_key() {
    let house = House::of(Sim::builder()).await;
    let pod = house.pod(json!({})).await;
    let mut ssh = house.ssh(&pod).await;
    ssh.args([
        "-o",
        "PubkeyAuthentication=no",
        "-o",
        "PreferredAuthentications=none,password,keyboard-interactive",
    ]);
    let told = done(ssh.arg("true")).await;
    assert_eq!(told.status, Some(255));
    assert!(told.stderr.contains("Permission denied (publickey)"), "{told:?}");
}

#[tokio::test]
async fn a_public_key_of_the_pod_wins_and_null_lets_nobody_in() {
    let house = House::of(Sim::builder()).await;
    let other = key(house.folder.path(), "other").await;
    for (variable, opened) in [(other.as_str(), "other"), ("null", "nobody"), ("", "nobody")] {
        let pod = house.pod(json!({ "env": { "PUBLIC_KEY": variable } })).await;
        for key in ["key", "other"] {
            let told = done(house.ssh_with(&pod, key).await.arg("true")).await;
            let status = if key == opened { 126 } else { 255 };
            assert_eq!(told.status, Some(status), "{key} with PUBLIC_KEY={variable}: {told:?}");
        }
    }
}

#[tokio::test]
async fn keys_are_those_of_the_create() {
    let house = House::of(Sim::builder()).await;
    let other = key(house.folder.path(), "other").await;
    let pod = house.pod(json!({})).await;
    let changed = house.caller.put("/v2/account/ssh-keys", json!({ "keys": [other] })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    house.caller.act(&pod, "stop").await;
    house.caller.act(&pod, "start").await;
    for (key, status) in [("key", 126), ("other", 255)] {
        assert_eq!(done(house.ssh_with(&pod, key).await.arg("true")).await.status, Some(status), "{key}");
    }
}

#[tokio::test]
async fn a_pod_without_a_key_has_the_text_null_and_refuses() {
    let behavior = Behavior { public_key: PublicKey::Null, ..Behavior::default() };
    let house = House::of(Sim::builder().behavior(behavior)).await;
    let none: [&str; 0] = [];
    house.caller.put("/v2/account/ssh-keys", json!({ "keys": none })).await;
    let pod = house.pod(json!({})).await;
    assert_eq!(house.run(&pod, "true").await.status, Some(255));
}

#[tokio::test]
async fn a_script_answers_commands_and_shells() {
    let house = House::of(Sim::builder().on_exec(|command| match command {
        "" => ExecAnswer::new(3),
        "nvidia-smi" => ExecAnswer::new(0).stdout("a GPU\n"),
        other => ExecAnswer::new(127).stderr(format!("{other}: not found\n")),
    }))
    .await;
    let pod = house.pod(json!({})).await;
    assert_eq!(house.say(&pod, "nvidia-smi").await, "a GPU");
    let told = house.run(&pod, "make it so").await;
    assert_eq!((told.status, told.stderr.as_str()), (Some(127), "make it so: not found\n"));
    assert_eq!(done(&mut house.ssh(&pod).await).await.status, Some(3));
    let told = done(house.copier("sftp", &pod).await.arg("root@127.0.0.1")).await;
    assert_eq!(told.status, Some(255), "{told:?}");
}

#[tokio::test]
async fn every_start_has_a_host_key_of_its_own() {
    let house = House::of(Sim::builder().on_exec(|_| ExecAnswer::new(0))).await;
    let pod = house.pod(json!({})).await;
    let known = house.path("known_hosts");
    let mut seen = Vec::new();
    for action in ["restart", "stop", "none"] {
        house.say(&pod, "true").await;
        let text = std::fs::read_to_string(&known).unwrap();
        seen.push(text.split_whitespace().nth(2).unwrap().to_owned());
        std::fs::remove_file(&known).unwrap();
        house.caller.act(&pod, action).await;
        if action == "stop" {
            house.caller.act(&pod, "start").await;
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[tokio::test]
async fn what_sshd_may_say_first_is_said() {
    let behavior =
        Behavior { ssh_preamble: vec!["welcome".into(), "to the pod".into()], ..Behavior::default() };
    let house = House::of(Sim::builder().on_exec(|_| ExecAnswer::new(0))).await;
    let pod = house.pod(json!({})).await;
    let mut ssh = house.ssh(&pod).await;
    house.caller.sim.set_behavior(behavior).unwrap();
    assert_eq!(done(ssh.arg("true")).await.status, Some(0));
    let refusal = Behavior { ssh_refusal: Some("Not allowed at this time".into()), ..Behavior::default() };
    house.caller.sim.set_behavior(refusal).unwrap();
    assert_eq!(done(ssh.arg("true")).await.status, Some(255));
}
