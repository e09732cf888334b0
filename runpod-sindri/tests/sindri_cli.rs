//! The command line as its users see it: output, exit codes, and what goes where.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use runpod_lifecycle::{PodSpec, RunPod};
use runpod_sim::{Cause, Fault, FaultKind, Sim, SimBuilder};
use serde_json::Value;
use tempfile::TempDir;

const NOWHERE: &str = "/nowhere";

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sindri").join(name)
}

/// Runs the command line with no variables but these, and without an ssh client.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sindri-runpod"))
        .args(arguments)
        .env_clear()
        .env("PATH", NOWHERE)
        .envs(variables.iter().copied())
        .output()
        .expect("the command line runs")
}

fn on_example(name: &str, arguments: &[&str]) -> Output {
    let config = example(name);
    let config = ["--config", config.to_str().expect("a plain path")];
    run(&[arguments, &config].concat(), &[])
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

#[test]
fn every_example_is_planned() {
    for (name, kind) in [
        ("gpu.yaml", "GPU"),
        ("pool.yaml", "GPU"),
        ("cpu.yaml", "CPU"),
        ("network-volume.yaml", "GPU"),
        ("gpu-list.yaml", "GPU"),
        ("lifetime.yaml", "GPU"),
        ("need.yaml", "GPU"),
        ("patience.yaml", "GPU"),
        ("volume-by-name.yaml", "GPU"),
        ("account-secret.yaml", "GPU"),
        ("idle.yaml", "GPU"),
        ("job.yaml", "GPU"),
        ("registry.yaml", "GPU"),
    ] {
        let output = on_example(name, &["plan", "--sim", "--json"]);
        assert_eq!(code(&output), 0, "{name}: {}", err(&output));
        let plan: Value = serde_json::from_str(&out(&output)).unwrap();
        assert_eq!(plan["actions"][0]["action"], "create", "{name}");
        assert_eq!(plan["resources"][0]["config"]["compute_type"], kind, "{name}");
        assert!(plan["estimated_cost"]["hourly"].as_f64().unwrap() > 0.0, "{name}");
    }
    let output = on_example("spot.yaml", &["plan", "--sim", "--json"]);
    assert_eq!(code(&output), 2);
    let error: Value = serde_json::from_str(&out(&output)).unwrap();
    assert!(error["error"]["message"].as_str().unwrap().contains("REST v2 rents no spot pods"), "{error}");
    assert!(err(&output).contains("\nerror: providers.runpod.spot"), "{}", err(&output));
    assert!(
        err(&output).starts_with("note: this RunPod is simulated, and everything is forgotten at the end")
    );
}

#[test]
fn every_example_is_deployed_and_waited_for() {
    let config = |name: &str| example(name).to_str().expect("a plain path").to_owned();
    std::thread::scope(|scope| {
        for name in [
            "gpu.yaml",
            "pool.yaml",
            "cpu.yaml",
            "network-volume.yaml",
            "gpu-list.yaml",
            "lifetime.yaml",
            "need.yaml",
            "patience.yaml",
            "volume-by-name.yaml",
            "account-secret.yaml",
            "idle.yaml",
            "registry.yaml",
        ] {
            scope.spawn(move || {
                let path = config(name);
                let variables = [("HF_TOKEN", "sentinel_token")];
                let output = run(&["deploy", "--sim", "--config", &path], &variables);
                assert_eq!(code(&output), 0, "{name}: {}", err(&output));
                assert!(
                    out(&output).contains("it is ready") && out(&output).contains("\nSSH: ssh "),
                    "{name}"
                );
                assert!(!(out(&output) + &err(&output)).contains("sentinel_token"), "{name}");
            });
        }
    });
}

#[tokio::test]
async fn the_accounts_pods_are_listed_and_those_that_others_made_on_demand() {
    let account = Account::new().await;
    let runpod = RunPod::builder(account.sim.api_key()).base_url(account.sim.url()).build().unwrap();
    let body = serde_json::json!({
        "name": "others", "image": "a", "disk": 20, "gpu": {"id": "NVIDIA GeForce RTX 4090", "count": 1},
    });
    runpod.api().unwrap().create_pod(&serde_json::from_value(body).unwrap()).await.unwrap();
    assert_eq!(code(&account.run(&["deploy"], false).await), 0);
    let listed = account.run(&["list"], false).await;
    let lines: Vec<String> = out(&listed).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("NAME") && lines[0].contains("COST"), "{lines:?}");
    for cell in ["cli", "running", "1x NVIDIA GeForce RTX 4090", "$0."] {
        assert!(lines[1].contains(cell), "{cell}: {lines:?}");
    }
    assert!(
        err(&listed).contains("1 pods that do not show that this program made them are left out"),
        "{}",
        err(&listed)
    );
    let all: Value =
        serde_json::from_str(&out(&account.run(&["list", "--all", "--json"], false).await)).unwrap();
    let names: Vec<&str> = all.as_array().unwrap().iter().map(|pod| pod["name"].as_str().unwrap()).collect();
    assert!(names.len() == 2 && names.contains(&"others") && names.contains(&"cli"), "{names:?}");
}

#[tokio::test]
async fn gpus_are_shown_with_price_and_stock_the_cheapest_first() {
    let account = Account::new().await;
    let shown = out(&account.run(&["gpus"], false).await);
    assert!(
        shown.starts_with("GPU ") && shown.contains("NVIDIA GeForce RTX 4090") && shown.contains("ADA_24"),
        "{shown}"
    );
    let json = async |arguments: &[&str]| -> Vec<Value> {
        let output = account.run(&[arguments, &["--json"]].concat(), false).await;
        serde_json::from_str(&out(&output)).unwrap()
    };
    let price = |gpu: &Value| gpu["price_per_hr"].as_f64().unwrap();
    let all = json(&["gpus"]).await;
    assert!(all.windows(2).all(|pair| price(&pair[0]) <= price(&pair[1])), "{all:?}");
    let dear = json(&["gpus", "--min-memory", "80", "--in-stock"]).await;
    assert!(!dear.is_empty() && dear.iter().all(|gpu| gpu["memory_gb"].as_i64().unwrap() >= 80), "{dear:?}");
    let cheap = json(&["gpus", "--max-price", "0.5", "--cloud", "community"]).await;
    assert!(!cheap.is_empty() && cheap.iter().all(|gpu| price(gpu) <= 0.5), "{cheap:?}");
    assert_eq!(json(&["gpus", "rtx 4090"]).await.len(), 1);
    assert!(json(&["gpus", "ampere_80"]).await.iter().all(|gpu| gpu["pool"] == "AMPERE_80"));
}

#[tokio::test]
async fn what_has_outlived_its_lifetime_is_shown_and_reaped() {
    let account = Account::new().await;
    assert!(out(&account.run(&["reap"], false).await).starts_with("no pod has outlived its lifetime"));
    let config =
        "{name: cli, deployment: {image: a}, providers: {runpod: {lifetimeHours: 0.02, volumeSizeGb: 0}}}";
    std::fs::write(account.folder.path().join("sindri.yaml"), config).unwrap();
    assert_eq!(code(&account.run(&["deploy"], false).await), 0);
    account.sim.advance(Duration::from_secs(600));
    let id = account.sim.pods()[0].id.clone();
    let overdue = out(&account.run(&["reap", "--dry-run"], false).await);
    assert!(overdue.contains(&format!("pod {id} (cli): its lifetime is over")), "{overdue}");
    assert_eq!(account.sim.pods().len(), 1);
    let reaped = account.run(&["reap"], false).await;
    assert_eq!(
        (code(&reaped), out(&reaped)),
        (0, format!("pod {id} (cli): terminated\n")),
        "{}",
        err(&reaped)
    );
    assert!(account.sim.ledger().iter().all(|entry| !entry.is_billing()));
}

#[test]
fn a_plan_for_people_has_hardware_price_stock_and_what_is_kept() {
    let shown = out(&on_example("gpu-list.yaml", &["plan", "--sim"]));
    for line in [
        "create pod \"gpu-list\"",
        "  1x NVIDIA GeForce RTX 4090 (Community), $",
        "about $",
        "image: runpod/pytorch:latest",
        "storage: container disk 50 GB, 20 GB of pod volume",
        "ports: 8888/http, 22/tcp",
        "note: list prices, storage included",
    ] {
        assert!(shown.lines().any(|shown| shown.starts_with(line)), "{line}: {shown}");
    }
    assert!(shown.contains("stock ") && !shown.contains('{') && !shown.contains('['), "{shown}");
}

#[test]
fn a_deploy_ends_with_the_connection() {
    let output = on_example("gpu.yaml", &["deploy", "--sim", "--wait"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let (out, err) = (out(&output), err(&output));
    assert!(out.contains("1x NVIDIA GeForce RTX 4090\n$0.7"), "{out}");
    assert!(out.contains("\nSSH: ssh -o ") && out.contains("root@127.0.0.1\n"), "{out}");
    assert!(
        out.lines().last().unwrap().starts_with("Web terminal: https://www.runpod.io/console/pods/"),
        "{out}"
    );
    assert!(
        err.contains("s pod ")
            && err.contains(" is running")
            && !err.contains("RunPod says")
            && !err.contains('\u{1b}')
            && !out.contains('\u{1b}'),
        "plain lines: {err}"
    );
}

#[test]
fn without_stock_it_says_what_would_widen_the_search() {
    let output = on_example("pool.yaml", &["deploy", "--sim", "--sim-out-of-stock", "--json"]);
    assert_eq!(code(&output), 4);
    let error: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!((&error["error"]["kind"], &error["error"]["exit_code"]), (&"no_capacity".into(), &4.into()));
    let hint = err(&output).lines().last().unwrap().to_owned();
    assert!(
        hint.starts_with("hint: ") && hint.contains("another gpuType") && hint.contains("no region"),
        "{hint}"
    );
}

#[test]
fn every_failure_has_its_exit_code() {
    assert_eq!(code(&run(&["deploy", "--bogus"], &[])), 2);
    assert_eq!(code(&run(&["plan", "--sim", "--config", "/nowhere/sindri.yaml"], &[])), 2);
    let keyless = on_example("gpu.yaml", &["status"]);
    assert_eq!(code(&keyless), 2);
    assert!(err(&keyless).contains("RUNPOD_API_KEY is not set; make a key at"), "{}", err(&keyless));
    let secretless = on_example("network-volume.yaml", &["deploy", "--sim"]);
    assert_eq!(code(&secretless), 2);
    assert!(err(&secretless).contains("secret HF_TOKEN is required"), "{}", err(&secretless));
    for command in ["connect", "start", "stop", "logs"] {
        assert_eq!(code(&on_example("gpu.yaml", &[command, "--sim"])), 3, "{command}");
    }
    assert_eq!(code(&on_example("gpu.yaml", &["deploy", "--sim", "--timeout", "0"])), 5);
    let nobody = on_example("job.yaml", &["run", "--sim"]);
    assert!(code(&nobody) == 2 && err(&nobody).contains("nobody can log in"), "{}", err(&nobody));
    let unreachable = ["--api-url", "http://198.51.100.1"];
    let config = example("gpu.yaml");
    let config = ["status", "--config", config.to_str().unwrap()];
    let output = run(&[&config[..], &unreachable].concat(), &[("RUNPOD_API_KEY", "sentinel_key")]);
    assert_eq!(code(&output), 2, "http is for loopback only: {}", err(&output));
    assert!(!err(&output).contains("sentinel_key"));
}

#[test]
fn what_is_not_there_has_a_status_and_can_be_destroyed() {
    let output = on_example("gpu.yaml", &["status", "--sim", "--json"]);
    assert_eq!(code(&output), 0);
    let status: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(status["state"], "notdeployed");
    let output = on_example("gpu.yaml", &["destroy", "--sim"]);
    assert_eq!((code(&output), out(&output).as_str()), (0, ""));
    assert!(err(&output).contains("warning: environment \"gpu\" is not deployed"), "{}", err(&output));
}

/// Another process has just deployed, and RunPod's lists do not show it yet.
#[tokio::test]
async fn a_destroy_waits_for_the_lists_before_it_says_that_there_is_nothing() {
    let account = Account::with(Sim::builder().list_lag(Duration::from_secs(8))).await;
    let deployed = account.run(&["deploy", "--no-wait"], false).await;
    assert_eq!(code(&deployed), 0, "{}", err(&deployed));
    let status = account.run(&["status"], false).await;
    assert!(
        out(&status).contains("not deployed") && err(&status).contains("up to 15 s behind"),
        "{status:?}"
    );
    let destroyed = account.run(&["destroy"], false).await;
    assert_eq!(code(&destroyed), 0, "{}", err(&destroyed));
    assert!(out(&destroyed).contains("was destroyed"), "{destroyed:?}");
    assert!(err(&destroyed).contains("its lists may be behind"), "{destroyed:?}");
    assert!(account.sim.ledger().iter().all(|entry| !entry.is_billing()));
}

/// A pod of the name is listed, and another one that was created just before is not.
#[tokio::test]
async fn a_destroy_also_takes_what_shows_up_once_the_lists_have_caught_up() {
    let account = Account::with(Sim::builder().list_lag(Duration::from_secs(8))).await;
    let runpod = RunPod::builder(account.sim.api_key()).base_url(account.sim.url()).build().unwrap();
    let spec = PodSpec::gpu("cli", "a", ["NVIDIA GeForce RTX 4090"]).container_disk_gb(20);
    runpod.deploy(&spec).await.unwrap();
    let is_listed = async || !runpod.list().await.unwrap().is_empty();
    while !is_listed().await {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let other = RunPod::builder(account.sim.api_key()).base_url(account.sim.url()).build().unwrap();
    let body = serde_json::json!({
        "name": "cli", "image": "a", "disk": 20, "gpu": {"id": "NVIDIA GeForce RTX 4090", "count": 1},
    });
    other.api().unwrap().create_pod(&serde_json::from_value(body).unwrap()).await.unwrap();
    assert_eq!(account.sim.pods().len(), 2);
    let destroyed = account.run(&["destroy"], false).await;
    assert_eq!(code(&destroyed), 0, "{}", err(&destroyed));
    assert_eq!(out(&destroyed).matches("was destroyed").count(), 2, "{destroyed:?}");
    assert!(account.sim.ledger().iter().all(|entry| !entry.is_billing()));
}

#[tokio::test]
async fn a_wait_ends_early_with_a_cause_that_does_not_heal_if_that_is_wanted() {
    let account = Account::new().await;
    let missing = FaultKind::CannotStart { cause: Cause::ImageMissing, healing: None };
    account.sim.inject(Fault::new(missing).on("createPod")).unwrap();
    let output = account.run(&["deploy", "--fail-early", "--timeout", "300"], false).await;
    assert_eq!(code(&output), 1, "{}", err(&output));
    assert!(err(&output).contains("a cause that does not heal by itself"), "{}", err(&output));
    assert!(err(&output).contains("manifest unknown"), "{}", err(&output));
}

#[test]
fn schema_help_and_completions() {
    assert_eq!(out(&run(&["schema"], &[])), runpod_sindri::schema());
    let help = out(&run(&["--help"], &[]));
    for exit in ["0  done", "3  there is no such environment", "5  a wait was over"] {
        assert!(help.contains(exit), "{help}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(out(&run(&["completions", shell], &[])).contains("sindri-runpod"), "{shell}");
    }
}

#[test]
fn colours_only_where_they_are_wanted() {
    let args = ["plan", "--config", "/nowhere/sindri.yaml"];
    assert!(err(&run(&args, &[("CLICOLOR_FORCE", "1")])).contains("\u{1b}["));
    assert!(!err(&run(&args, &[("NO_COLOR", "1")])).contains("\u{1b}["));
    assert!(!err(&run(&args, &[])).contains("\u{1b}["), "standard error is no terminal here");
}

/// A simulator in another thread's runtime, and a config file for it.
struct Account {
    sim: Sim,
    folder: TempDir,
}

impl Account {
    async fn new() -> Self {
        Self::with(Sim::builder().time_scale(1000.0).list_lag(Duration::ZERO)).await
    }

    async fn with(sim: SimBuilder) -> Self {
        let sim = sim.start().await.expect("it starts on loopback");
        let folder = tempfile::tempdir().expect("a directory of its own");
        std::fs::write(folder.path().join("sindri.yaml"), "name: cli\ndeployment: {image: a}\n")
            .expect("the directory is writable");
        Self { sim, folder }
    }

    /// Runs the command line against the simulator, with the fake ssh if asked for.
    async fn run(&self, arguments: &[&str], with_ssh: bool) -> Output {
        let ssh = self.folder.path().join("ssh");
        if with_ssh && !ssh.exists() {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tests/sindri/fake/ssh");
            symlink(script, &ssh).expect("the directory is writable");
        }
        let path = if with_ssh {
            self.folder.path().to_str().expect("a plain path").to_owned()
        } else {
            NOWHERE.to_owned()
        };
        let config = self.folder.path().join("sindri.yaml").to_str().expect("a plain path").to_owned();
        let (key, url) = (self.sim.api_key().to_owned(), self.sim.url());
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let run = move || {
            let mut words: Vec<&str> = arguments.iter().map(String::as_str).collect();
            words.extend(["--config", &config, "--api-url", &url]);
            run(&words, &[("RUNPOD_API_KEY", &key), ("PATH", &path)])
        };
        tokio::task::spawn_blocking(run).await.expect("the command line ran")
    }
}

/// The pod bills, whatever has become of the file since.
#[tokio::test]
async fn a_wrong_key_keeps_nobody_from_looking_stopping_and_destroying() {
    let account = Account::new().await;
    assert_eq!(code(&account.run(&["deploy"], false).await), 0);
    let wrong = "name: cli\ndeployment: {image: a}\nproviders:\n  runpod: {gpuKind: A40}\n";
    std::fs::write(account.folder.path().join("sindri.yaml"), wrong).unwrap();
    let refused = account.run(&["deploy", "--force"], false).await;
    assert_eq!(code(&refused), 2, "{}", err(&refused));
    for words in [&["status"][..], &["logs"], &["stop", "--wait"], &["destroy"]] {
        let output = account.run(words, false).await;
        assert_eq!(code(&output), 0, "{words:?}: {}", err(&output));
        let warned = err(&output);
        assert!(warned.contains("warning: sindri.yaml cannot be understood: providers.runpod"), "{warned}");
        assert!(warned.contains("\"gpuKind\"") && warned.contains("(line 4, column "), "{warned}");
    }
    assert!(account.sim.ledger().iter().all(|entry| !entry.is_billing()));
}

#[tokio::test]
async fn a_whole_life_on_the_command_line() {
    let account = Account::new().await;
    let done = async |arguments: &[&str], with_ssh| {
        let output = account.run(arguments, with_ssh).await;
        assert_eq!(code(&output), 0, "{arguments:?}: {}", err(&output));
        out(&output)
    };
    assert!(done(&["deploy", "--no-wait"], false).await.contains("it is coming up; see status"));
    assert!(done(&["start"], false).await.contains("it is ready"));
    assert!(done(&["status"], false).await.starts_with("cli: running\n"));
    assert!(done(&["plan"], false).await.contains("already exists (use --force to recreate)"));
    assert_eq!(code(&account.run(&["deploy"], false).await), 1);

    assert_eq!(done(&["connect"], true).await, "the shell of the pod\n", "ssh has this terminal");
    let instructions = done(&["connect"], false).await;
    let id = &account.sim.pods()[0].id;
    assert!(
        instructions.contains(&format!("https://www.runpod.io/console/pods/{id}/terminal")),
        "{instructions}"
    );
    let connection: Value = serde_json::from_str(&done(&["connect", "--json"], true).await).unwrap();
    assert!(connection["ssh_command"].as_str().unwrap().contains("root@127.0.0.1"));

    assert!(done(&["stop", "--wait"], false).await.contains("the 20 GB pod volume is kept"));
    let report: Value = serde_json::from_str(&done(&["start", "--json"], false).await).unwrap();
    assert_eq!(report["instance_id"], id.as_str());
    assert!(done(&["deploy", "--force", "--dry-run"], false).await.contains(&format!("terminate pod {id}")));
    assert!(done(&["destroy", "--wait"], false).await.contains("was destroyed"));
    assert!(account.sim.ledger().iter().all(|entry| !entry.is_billing()));
}
