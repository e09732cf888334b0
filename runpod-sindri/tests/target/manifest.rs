//! Manifests: what each word becomes, and what is refused before anything is sent.

use serde_json::{Value, json};

use crate::host::{Host, SENTINEL, World, failed, is_ok};

#[test]
fn what_is_wrong_with_a_manifest_is_said_before_anything_is_sent() {
    let mut host = Host::new();
    for (config, says) in [
        (json!([]), "the target: a block of keys and values is wanted here"),
        (json!({"infra": 7}), "infra: a block"),
        (json!({"auth": {"key": "x"}}), "auth: there is no key \"key\"; there is token"),
        (json!({"auth": {"token": 5}}), "auth.token: a text"),
        (json!({"infra": {"gpuKind": "A40"}}), "there is no key \"gpuKind\"; there are gpuType, "),
        (json!({"gpuType": "A40", "infra": {"gpuType": "A40"}}), "\"gpuType\" is there twice"),
        (json!({"infra": {"gpuCount": "many"}}), "infra.gpuCount: a whole number"),
        (json!({"infra": {"gpuCount": 17}}), "infra.gpuCount \"17\": a pod has 1 to 16 GPUs | "),
        (json!({"infra": {"ports": ["80/http"]}}), "infra.ports lacks 22/tcp"),
        (json!({"infra": {"image": ["a"]}}), "infra.image: a text"),
        (json!({"infra": {"env": {"A": [SENTINEL]}}}), "infra.env"),
        (json!({"infra": {"env": {"A=": "x"}}}), "env"),
        (json!({"infra": {"labels": {"": "x"}}}), "label"),
        (json!({"infra": {"spot": true}}), "spot"),
        (json!({"infra": {"sshUser": "-x"}}), "infra.sshUser"),
    ] {
        host.config(&config);
        let answer = host.method("create");
        let (kind, said) = failed(&answer);
        assert!(kind == "invalid-config" && said.contains(says), "{config}: {answer}");
        assert!(!said.contains("(line ") && !said.contains("providers."), "{config}: {answer}");
    }
    for (config, says) in [("", "no JSON"), ("{", "no JSON"), ("\u{1}", "no JSON")] {
        for method in ["create", "destroy", "profile"] {
            host.set("SINDRI_TARGET_CONFIG", config);
            let answer = host.method(method);
            assert!(failed(&answer).0 == "invalid-config" && failed(&answer).1.contains(says), "{answer}");
        }
    }
    for name in ["SINDRI_TARGET_CONFIG", "SINDRI_TARGET_NAME"] {
        let mut host = Host::new();
        host.variables.remove(name);
        let answer = host.method("destroy");
        assert!(failed(&answer).0 == "invalid-config" && failed(&answer).1.contains(name), "{answer}");
    }
}

#[test]
fn a_key_that_is_not_to_be_had_is_a_refused_login_and_says_where_it_was_looked_for() {
    let mut host = Host::new();
    host.variables.remove("RUNPOD_API_KEY");
    let answer = host.method("create");
    assert!(answer["message"].as_str().unwrap().contains("RUNPOD_API_KEY"), "{answer}");
    for (token, says) in [
        ("env:NOT_SET", "the environment variable NOT_SET is not set"),
        ("file:/nowhere/key", "/nowhere/key cannot be read"),
        ("file:~/key", "cannot be read"),
        ("cli:/nowhere/print-key now", "/nowhere/print-key cannot be run"),
        ("cli:false", "false failed (exit status: 1)"),
        ("cli:true", "cli is empty"),
        ("cli:", "cli: names no command"),
        ("secret:vault/runpod/key", "a plugin cannot read Sindri's secret store"),
        ("plain:", "plain is empty"),
    ] {
        host.config(&json!({"auth": {"token": token}}));
        for method in ["create", "destroy", "profile"] {
            let answer = host.method(method);
            let (kind, said) = failed(&answer);
            assert!(kind == "auth-failed" && said.contains(says), "{token}: {answer}");
        }
    }
}

#[test]
fn the_manifest_in_the_guide_is_one() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sindri.md");
    let guide = std::fs::read_to_string(guide).expect("the guide is there");
    let (_, manifest) = guide.split_once("```yaml\ntargets:\n").expect("it shows a manifest");
    let (manifest, _) = manifest.split_once("```").expect("which ends");
    let targets: Value = serde_saphyr::from_str(manifest).expect("it is YAML");
    let mut host = Host::new();
    std::fs::create_dir(host.path(".ssh")).unwrap();
    std::fs::write(host.path(".ssh/id_ed25519"), "").unwrap();
    host.config(&targets["gpu-box"]);
    let answer = host.method("check-prerequisites");
    let checks = answer["checks"].as_array().unwrap();
    let passed: Vec<_> =
        checks.iter().filter(|check| check["passed"] == true).map(|check| &check["name"]).collect();
    assert_eq!(passed, ["OpenSSH client", "target in the manifest", "identity file"], "{answer}");
}

/// Creates a target by a manifest, and returns the pod as RunPod shows it and as its container has it.
async fn created(world: &World) -> Value {
    is_ok(&world.host.method("create"));
    let pods = world.runpod.list().await.expect("it lists");
    let [pod] = pods.as_slice() else { panic!("{pods:?}") };
    let mut seen = world.sim.pod_json(&pod.id).expect("it is there");
    seen["env"] = json!(world.sim.container_env(&pod.id));
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn every_word_of_a_manifest_becomes_part_of_the_pod() {
    let mut world = World::with(|sim| sim.network_volume("vol1", "data", 100, "US-KS-2")).await;
    let runpod = world.runpod.clone();
    runpod.set_account_secret("hf", "hidden").await.expect("it is stored");
    world.host.set("FROM_HERE", SENTINEL);
    std::fs::write(world.host.path(".env"), format!("FROM_FILE={SENTINEL}\n")).unwrap();
    world.infra(&json!({
        "name": "project-gpu", "minVramGb": 40, "maxUsdPerHour": 3.5, "patienceMinutes": 5, "region": "US-KS-2",
        "networkVolume": {"name": "data", "sizeGb": 50}, "volumeMountPath": "/data", "containerDiskGb": 30,
        "ports": ["22/tcp", "8000/http"], "labels": {"team": "vision"}, "env": {"MODE": "it's\n\"on\" é"},
        "accountSecrets": {"HF_TOKEN": "hf"}, "lifetimeHours": 2, "atEnd": "STOP", "sshUser": "root",
        "secrets": [{"name": "FROM_HERE", "source": "env", "required": true},
                    {"name": "FROM_FILE", "source": "env", "required": true}],
    }));
    let pod = created(&world).await;
    for (pointer, expected) in [
        ("/name", json!("project-gpu")),
        ("/image", json!("runpod/pytorch:latest")),
        ("/disk", json!(30)),
        ("/mounts/network/0/volumeId", json!("vol1")),
        ("/mounts/network/0/path", json!("/data")),
        ("/ports", json!(["22/tcp", "8000/http"])),
        ("/env/MODE", json!("it's\n\"on\" é")),
        ("/env/HF_TOKEN", json!("hidden")),
        ("/env/FROM_HERE", json!(SENTINEL)),
        ("/env/FROM_FILE", json!(SENTINEL)),
        ("/env/RUNPOD_LIFECYCLE_LIFETIME_SECONDS", json!("7200")),
        ("/env/RUNPOD_LIFECYCLE_AT_END", json!("stop")),
    ] {
        assert_eq!(pod.pointer(pointer), Some(&expected), "{pointer} of {pod}");
    }
    let labelled = runpod.list_labelled("team", "vision").await.unwrap().pods;
    assert_eq!((labelled.len(), labelled[0].labels()["sindri-target"].as_str()), (1, "project-gpu"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_may_come_from_each_of_sindris_sources_and_words_may_stand_beside_the_kind() {
    let mut world = World::new().await;
    let key = world.sim.api_key().to_owned();
    std::fs::write(world.host.path("api-key"), format!("{key}\n")).unwrap();
    world.host.set("MY_KEY", &key).variables.remove("RUNPOD_API_KEY");
    let cli = format!("cli:cat {}", world.host.path("api-key").display());
    for token in ["env:MY_KEY", "file:~/api-key", "file:api-key", &cli, &format!("plain:{key}"), &key] {
        world.host.config(&json!({"kind": "runpod-pod", "auth": {"token": token}, "provides": [],
            "cpuOnly": true, "image": "ubuntu", "ports": ["22/tcp"]}));
        let answer = world.host.exec("true");
        assert_eq!(failed(&answer).0, "not-provisioned", "{token}: {answer}");
        assert!(!answer.to_string().contains(&key));
    }
    // An empty manifest is one with every default.
    world.host.set("RUNPOD_API_KEY", &key).config(&Value::Null);
    let checks = world.host.method("check-prerequisites");
    let passed = checks["checks"].as_array().unwrap().iter().all(|check| check["passed"] == true);
    assert!(passed, "{checks}");
    // A key that RunPod does not know.
    world.host.config(&json!({"auth": {"token": format!("plain:rpa_{SENTINEL}")}}));
    for method in ["create", "destroy", "profile"] {
        let answer = world.host.method(method);
        assert_eq!(failed(&answer).0, "auth-failed", "{method}: {answer}");
    }
    assert!(world.sim.ledger().is_empty());
}
