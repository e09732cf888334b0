//! Deploying against the simulator: what is there already, dry runs, secrets, waits, the file that is left.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use runpod_sim::{PodStatus, Sim};
use runpod_sindri::{
    DeployOptions, DeploymentState, Outcome, Provider, ProviderError, RunpodProvider, SindriConfig,
};
use serde_json::json;

use crate::mock::{NOWHERE, config, on, provider_with, quick_sim};

const WAITED: DeployOptions = DeployOptions {
    force: false,
    dry_run: false,
    wait: true,
    timeout: Some(60),
    skip_validation: false,
    verbose: false,
    skip_build: false,
};

/// Counts the requests that changed something.
fn mutations(sim: &Sim) -> usize {
    sim.requests().iter().filter(|request| request.method != "GET").count()
}

#[tokio::test]
async fn an_existing_environment_is_left_or_replaced() {
    let sim = quick_sim().await;
    let (provider, config) = (on(&sim), config("{name: a, deployment: {image: b}}"));
    let first = provider.deploy(&config, WAITED).await.unwrap().instance_id.unwrap();
    let before = mutations(&sim);

    let error: ProviderError = provider.deploy(&config, WAITED).await.unwrap_err().downcast().unwrap();
    assert!(
        matches!(&error, ProviderError::Exists { state: DeploymentState::Running, pod_id, .. } if *pod_id == first)
    );
    assert_eq!(
        error.to_string(),
        format!("environment \"a\" exists already: pod {first} is running (use --force to recreate)")
    );
    let plan = provider.plan(&config).await.unwrap();
    assert_eq!(json!(plan.actions[0].action), "update");
    let description = &plan.actions[0].description;
    assert!(description.contains("already exists (use --force to recreate)"), "{description}");
    assert_eq!(mutations(&sim), before);

    let second = provider.deploy(&config, DeployOptions { force: true, ..WAITED }).await.unwrap();
    assert_ne!(second.instance_id.as_ref(), Some(&first));
    let alive: Vec<String> = sim.pods().into_iter().map(|pod| pod.id).collect();
    assert_eq!(alive, [second.instance_id.unwrap()]);
}

/// RunPod's lists show neither pod for 8 s.
#[tokio::test]
async fn clones_of_a_provider_that_was_never_used_know_of_each_others_deploys() {
    let sim = Sim::builder().time_scale(1.0).list_lag(Duration::from_secs(8)).start().await.unwrap();
    let (provider, config) = (on(&sim), config("{name: a, deployment: {image: b}}"));
    let clone = provider.clone();
    let options = DeployOptions::default;
    let (one, other) = tokio::join!(provider.deploy(&config, options()), clone.deploy(&config, options()));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(sim.ledger().len(), 1);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let sim = quick_sim().await;
    let provider = on(&sim);
    let config =
        config("{name: a, deployment: {image: b}, secrets: [{name: NOT_SET, source: env, required: true}]}");
    let options = DeployOptions { dry_run: true, force: true, ..WAITED };
    let result = provider.deploy(&config, options).await.unwrap();
    assert_eq!((result.success, result.instance_id, result.connection), (true, None, None));
    assert_eq!(result.messages[..2], ["dry run: nothing was changed", "create pod \"a\""]);
    assert!(
        result.messages.iter().any(|message| message.starts_with("  1x NVIDIA GeForce RTX 4090 (Secure), $"))
    );
    assert!(result.messages.iter().any(|message| message.starts_with("about $0.700 per hour")));
    assert_eq!(mutations(&sim), 0);
    assert!(sim.requests().len() >= 2);
}

#[tokio::test]
async fn secrets_become_variables_and_are_never_told() {
    let sim = quick_sim().await;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("token"), "sentinel_file\n").unwrap();
    let variables = [("FROM_ENV", "sentinel_env"), ("FROM_VAULT", "sentinel_vault")];
    let told = Arc::new(Mutex::new(String::new()));
    let teller = Arc::clone(&told);
    let provider = provider_with(sim.url(), sim.api_key(), Path::new(NOWHERE), variables)
        .on_event(move |event| *teller.lock().unwrap() += &format!("{event} {event:?}"));
    let config = config(&format!(
        "{{name: a, deployment: {{image: b}}, secrets: [\
            {{name: FROM_ENV, source: env, required: true}}, {{name: ABSENT, source: env}}, \
            {{name: FROM_FILE, source: env, fromFile: {}/token}}, {{name: AS_FILE, source: file, required: true}}, \
            {{name: FROM_VAULT, source: vault, required: true}}, {{name: NO_VAULT, source: vault}}]}}",
        directory.path().display()
    ));
    let result = provider.deploy(&config, DeployOptions::default()).await.unwrap();
    let id = result.instance_id.clone().unwrap();
    let env = sim.pod_json(&id).unwrap()["env"].clone();
    assert_eq!(
        [&env["FROM_ENV"], &env["FROM_FILE"], &env["FROM_VAULT"]],
        ["sentinel_env", "sentinel_file", "sentinel_vault"]
    );
    assert!(env.get("AS_FILE").is_none());
    assert!(result.messages.contains(&"3 secrets were injected".to_owned()), "{:?}", result.messages);
    let warned = result.warnings.join("\n");
    for name in ["ABSENT", "AS_FILE", "NO_VAULT"] {
        assert!(warned.contains(&format!("secret {name} was skipped")), "{warned}");
    }
    let status = provider.status(&config).await.unwrap();
    let all = format!("{result:?} {status:?} {provider:?} {config:?} {}", told.lock().unwrap());
    assert!(!all.contains("sentinel") && !all.contains(sim.api_key()), "{all}");
}

/// The order is Sindri's: the environment, `.env.local`, `.env`, the secret's own file.
#[tokio::test]
async fn secrets_are_read_from_dotenv_files_beside_the_config_in_sindris_order() {
    let sim = quick_sim().await;
    let folder = tempfile::tempdir().unwrap();
    let names = ["SET", "LOCAL", "SHARED", "QUOTED", "DOLLAR", "EMPTY", "FROM_FILE", "VAULT"];
    let secret = |name: &&str| match *name {
        "VAULT" => "{name: VAULT, source: vault}".to_owned(),
        name => format!("{{name: {name}, source: env, fromFile: token}}"),
    };
    let secrets: Vec<String> = names.iter().map(secret).collect();
    for (file, text) in [
        ("token", "of a file\n".to_owned()),
        (".env.local", "SET=no\nLOCAL = first\n".to_owned()),
        (
            ".env",
            "# SHARED=no\nSET=no\nLOCAL=no\nSHARED=no\nSHARED=one two=3\nQUOTED='a \"b\"'\nDOLLAR=\"a$SET\"\nEMPTY=\nno line\nVAULT=kept\n"
                .to_owned(),
        ),
        ("sindri.yaml", format!("{{name: a, deployment: {{image: b}}, secrets: [{}]}}", secrets.join(", "))),
    ] {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    let provider =
        provider_with(sim.url(), sim.api_key(), Path::new(NOWHERE), [("SET", "of the environment")]);
    let config = SindriConfig::from_path(folder.path().join("sindri.yaml")).unwrap();
    let result = provider.deploy(&config, DeployOptions::default()).await.unwrap();
    let env = sim.pod_json(&result.instance_id.unwrap()).unwrap()["env"].clone();
    let values = names.map(|name| env[name].as_str().unwrap_or("none"));
    let expected =
        ["of the environment", "first", "one two=3", "a \"b\"", "a$SET", "of a file", "of a file", "kept"];
    assert_eq!(values, expected);
}

#[tokio::test]
async fn a_secret_without_end_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, "a".repeat(1024 * 1024)).unwrap();
    let config = config(&format!(
        "{{name: a, deployment: {{image: b}}, secrets: [{{name: TOKEN, source: env, fromFile: {}}}]}}",
        path.display()
    ));
    let provider = crate::mock::provider("http://127.0.0.1:9");
    let error: ProviderError = provider.deploy(&config, WAITED).await.unwrap_err().downcast().unwrap();
    assert!(matches!(error, ProviderError::SecretUnread { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_required_secret_is_named_before_anything_is_sent() {
    for source in ["env", "vault"] {
        let provider = crate::mock::provider("http://127.0.0.1:9");
        let config = config(&format!(
            "{{name: a, deployment: {{image: b}}, secrets: [{{name: TOKEN, source: {source}, required: true}}]}}"
        ));
        let error: ProviderError = provider.deploy(&config, WAITED).await.unwrap_err().downcast().unwrap();
        assert_eq!(error.outcome(), Outcome::Misused);
        assert!(error.to_string().starts_with("secret TOKEN is required"), "{error}");
    }
}

#[tokio::test]
async fn a_wait_that_is_over_leaves_the_pod_and_says_so() {
    let sim = Sim::builder().time_scale(0.0).list_lag(Duration::ZERO).start().await.unwrap();
    let provider = on(&sim);
    let config = config("{name: a, deployment: {image: b}}");
    let error = provider.deploy(&config, DeployOptions { timeout: Some(0), ..WAITED }).await.unwrap_err();
    let error: ProviderError = error.downcast().unwrap();
    assert_eq!(error.outcome(), Outcome::TimedOut);
    let pod = &sim.pods()[0];
    let chain = format!("{:#}", anyhow::Error::from(error));
    assert!(chain.contains(&pod.id) && chain.contains("the pod was left as it is"), "{chain}");
    assert_eq!(pod.status, PodStatus::Provisioning);
}

#[tokio::test]
async fn a_public_address_is_waited_for_on_every_tcp_port() {
    let sim = quick_sim().await;
    let provider = on(&sim);
    let config = config(
        "{name: a, deployment: {image: b}, providers: {runpod: {publicIp: true, ports: [22/tcp, 5432/tcp]}}}",
    );
    let result = provider.deploy(&config, WAITED).await.unwrap();
    assert!(result.connection.unwrap().instructions.unwrap().contains("TCP port 5432: 127.0.0.1:"));
}

#[tokio::test]
async fn without_ssh_running_is_enough() {
    let sim = quick_sim().await;
    let config = config("{name: a, deployment: {image: b}, providers: {runpod: {ports: [8888/http]}}}");
    let result = on(&sim).deploy(&config, WAITED).await.unwrap();
    assert_eq!(sim.pods()[0].status, PodStatus::Running);
    assert!(result.messages.contains(&"it is ready".to_owned()));
}

#[tokio::test]
async fn the_result_is_left_in_a_private_file() {
    use std::os::unix::fs::PermissionsExt;
    let sim = quick_sim().await;
    let directory = tempfile::tempdir().unwrap();
    let provider = RunpodProvider::with_output_dir(directory.path().join("out"))
        .environment_variables([("RUNPOD_API_KEY", sim.api_key())])
        .api_url(sim.url());
    let config = config("{name: ../../a, deployment: {image: b}}");
    let result = provider.deploy(&config, DeployOptions::default()).await.unwrap();
    let file = directory.path().join(format!("out/runpod-{}.json", result.instance_id.as_ref().unwrap()));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(file).unwrap(), serde_json::to_string_pretty(&result).unwrap() + "\n");
}

#[tokio::test]
async fn an_environment_lives_on_v1_too() {
    let sim = quick_sim().await;
    let variables = [("RUNPOD_API_VERSION", "v1")];
    let provider = provider_with(sim.v1_url(), sim.api_key(), Path::new(NOWHERE), variables);
    let config = SindriConfig::from_path("../examples/sindri/spot.yaml").unwrap();
    let plan = provider.plan(&config).await.unwrap();
    assert_eq!(plan.resources[0].config["spot"], true);
    let result = provider.deploy(&config, WAITED).await.unwrap();
    assert!(result.connection.unwrap().ssh_command.unwrap().contains("root@127.0.0.1"));
    assert_eq!(provider.status(&config).await.unwrap().state, DeploymentState::Running);
    provider.stop_environment(&config, Some(Duration::from_secs(60))).await.unwrap();
    provider.destroy_environment(&config, false, Some(Duration::from_secs(60))).await.unwrap();
    assert!(sim.ledger().iter().all(|entry| !entry.is_billing()));
}
