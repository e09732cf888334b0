//! Whatever the command line is told to do and whatever comes of it, no secret is in what it prints or writes.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::BTreeSet,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use runpod_lifecycle::RunPod;
use runpod_sim::{Fault, FaultKind, PodStatus, Sim};
use runpod_sindri::{DeployOptions, Provider, RunpodProvider, SindriConfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// In every secret, and in nothing else.
const SENTINEL: &str = "SENTINEL";
const KEY: &str = "rpa_SENTINELkey0000000000000000000000000";
const WRONG_KEY: &str = "rpa_SENTINELwrong00000000000000000000000";
const TOKEN: &str = "SENTINELtoken";
const JUPYTER: &str = "SENTINELjupyterpassword";
const IN_FILE: &str = "SENTINELinfile";
const REGISTRY: &str = "SENTINELregistrypassword";
/// Forms of an escaped value: a secret with quotes and line breaks.
const ODD: &str = "SENTINEL\"odd\\value\nwith ü";

/// A simulated account and a folder with everything the command line finds there.
struct Account {
    sim: Sim,
    folder: TempDir,
    files: BTreeSet<PathBuf>,
}

impl Account {
    async fn new() -> Self {
        let sim =
            Sim::builder().api_key(KEY).time_scale(1000.0).list_lag(Duration::ZERO).start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, IN_FILE).unwrap();
        let secrets = json!([
            {"name": "HF_TOKEN", "source": "env", "required": true},
            {"name": "JUPYTER_PASSWORD", "source": "env"},
            {"name": "ODD", "source": "vault"},
            {"name": "IN_FILE", "source": "env", "fromFile": secret},
        ]);
        let config = json!({"name": "streams", "deployment": {"image": "a"}, "secrets": secrets});
        std::fs::write(folder.path().join("sindri.yaml"), config.to_string()).unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tests/sindri/fake/ssh");
        symlink(script, folder.path().join("bin/ssh")).unwrap();
        let mut account = Self { sim, folder, files: BTreeSet::new() };
        account.files = account.found();
        account
    }

    /// An account with a pod in it, and somebody's registry.
    async fn with_pod() -> Self {
        let account = Self::new().await;
        account.run(&["deploy", "--no-wait"], KEY).await;
        let runpod = RunPod::builder(KEY).base_url(account.sim.url()).build().unwrap();
        let registry = json!({"name": "mine", "username": "me", "password": REGISTRY});
        let registry = serde_json::from_value(registry).unwrap();
        runpod.api().unwrap().create_registry(&registry).await.unwrap();
        let keys = &account.sim.ledger()[0].env_keys;
        for name in ["HF_TOKEN", "JUPYTER_PASSWORD", "ODD", "IN_FILE"] {
            assert!(keys.iter().any(|key| key == name), "{name} was sent");
        }
        account
    }

    fn variables(&self) -> [(&'static str, &str); 3] {
        [("HF_TOKEN", TOKEN), ("JUPYTER_PASSWORD", JUPYTER), ("ODD", ODD)]
    }

    /// Output of the command line, as told and then once more as JSON.
    async fn run(&self, arguments: &[&str], key: &str) -> String {
        self.run_once(arguments, false, key).await + &self.run_once(arguments, true, key).await
    }

    /// Output of the command line on both streams; JSON comes with colours and without an ssh client.
    async fn run_once(&self, arguments: &[&str], json: bool, key: &str) -> String {
        let mut command = self.command(arguments, key);
        if json {
            command.arg("--json").env("CLICOLOR_FORCE", "1").env_remove("PATH");
        }
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
    }

    fn command(&self, arguments: &[&str], key: &str) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sindri-runpod"));
        command.args(arguments).args(["--api-url", &self.sim.url()]).stdin(Stdio::null());
        command.current_dir(folder).env_clear().env("PATH", folder.join("bin")).env("RUNPOD_API_KEY", key);
        command.envs(self.variables()).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
        command.env("HOME", folder).env("TMPDIR", folder);
        command
    }

    /// Every file in the folder.
    fn found(&self) -> BTreeSet<PathBuf> {
        let mut folders = vec![self.folder.path().to_owned()];
        let mut files = BTreeSet::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(path);
                }
            }
        }
        files
    }

    /// Nothing is written but what the fake ssh notes of what it was given.
    fn check_files(&self) {
        for file in self.found().difference(&self.files) {
            let noted = ["bin/ssh.arguments", "bin/ssh.environment"];
            assert!(noted.iter().any(|note| file.ends_with(note)), "{} is written", file.display());
            check("ssh", &std::fs::read_to_string(file).unwrap());
        }
    }
}

#[track_caller]
fn check(what: &str, printed: &str) {
    if let Some(position) = printed.find(SENTINEL) {
        let around = position.saturating_sub(200)..(position + 100).min(printed.len());
        panic!("{what} prints a secret: {}", String::from_utf8_lossy(&printed.as_bytes()[around]));
    }
}

#[tokio::test]
async fn no_secret_is_printed_or_written_when_all_goes_well() {
    let account = Account::with_pod().await;
    for (arguments, word) in [
        (&["plan"] as &[&str], "already exists"),
        (&["deploy"], "exists already"),
        (&["deploy", "--force", "--dry-run"], "terminate pod"),
        (&["deploy", "--force", "--wait"], "it is ready"),
        (&["status"], "running"),
        (&["connect"], "ssh -o"),
        (&["logs"], "still working"),
        (&["stop", "--wait"], "stopped"),
        (&["start"], "it is ready"),
        (&["destroy", "--wait"], "was destroyed"),
        (&["logs", "--follow"], "not deployed"),
        (&["status"], "notdeployed"),
        (&["schema"], "gpuType"),
        (&["completions", "bash"], "complete"),
        (&["--help"], "Exit codes"),
        (&["deploy", "--bogus"], "--bogus"),
        (&["plan", "--config", "secret"], "cannot be understood"),
    ] {
        let printed = account.run(arguments, KEY).await;
        assert!(printed.contains(word), "{arguments:?}: {printed}");
        check(&format!("{arguments:?}"), &printed);
    }
    account.check_files();
    assert!(account.sim.ledger().iter().all(|entry| entry.status == PodStatus::Terminated));
}

/// The faults under which every subcommand is run. A server may quote what it was sent.
fn faults() -> Vec<Fault> {
    let echo = format!("refused: {KEY} {TOKEN} {JUPYTER} {ODD} {IN_FILE}");
    let create = |kind| Fault::new(kind).on("createPod");
    vec![
        Fault::new(FaultKind::refusal(401, KEY)),
        Fault::new(FaultKind::refusal(400, format!("the header was Bearer {KEY}"))),
        Fault::new(FaultKind::refusal(503, KEY)),
        create(FaultKind::refusal(400, &echo)),
        create(FaultKind::refusal(402, &echo)),
        create(FaultKind::refusal(403, &echo)),
        create(FaultKind::refusal(422, &echo)),
        create(FaultKind::refusal(500, &echo)).times(1),
        Fault::new(FaultKind::Html { status: 200, applied: false }),
        Fault::new(FaultKind::Html { status: 404, applied: false }),
        Fault::new(FaultKind::Html { status: 502, applied: true }),
        Fault::new(FaultKind::EdgeBlock),
        Fault::new(FaultKind::Gone),
        Fault::new(FaultKind::TruncatedJson),
        create(FaultKind::DropMidAnswer).times(1),
        Fault::new(FaultKind::MissingField { field: "id".to_owned() }),
        Fault::new(FaultKind::UnknownEnum { field: "status".to_owned() }),
    ]
}

const EVERY: [&[&str]; 11] = [
    &["plan"],
    &["deploy", "--timeout", "1"],
    &["deploy", "--force", "--timeout", "1"],
    &["deploy", "--force", "--dry-run"],
    &["status"],
    &["connect"],
    &["logs", "--tail", "1"],
    &["stop", "--wait", "--timeout", "1"],
    &["start", "--timeout", "1"],
    &["destroy", "--wait", "--timeout", "1"],
    &["destroy", "--force"],
];

/// Runs every subcommand at once, so that their pauses pass together; gives what they print.
async fn everything(account: Account, key: &'static str) -> String {
    let account = Arc::new(account);
    let mut runs = JoinSet::new();
    for (arguments, json) in EVERY.into_iter().flat_map(|arguments| [(arguments, false), (arguments, true)]) {
        let account = Arc::clone(&account);
        runs.spawn(async move { account.run_once(arguments, json, key).await });
    }
    let printed = runs.join_all().await.concat();
    account.check_files();
    printed
}

#[tokio::test]
async fn no_secret_is_printed_or_written_when_things_go_wrong() {
    let mut runs = JoinSet::new();
    for fault in faults() {
        runs.spawn(async move {
            let account = Account::with_pod().await;
            account.sim.inject(fault.clone()).unwrap();
            (format!("{fault:?}"), everything(account, KEY).await)
        });
    }
    runs.spawn(async { ("a wrong key".to_owned(), everything(Account::with_pod().await, WRONG_KEY).await) });
    let mut all = String::new();
    while let Some(run) = runs.join_next().await {
        let (what, printed) = run.unwrap();
        assert!(printed.contains("error:") && printed.contains("\"exit_code\""), "{what}: {printed}");
        check(&what.replace(SENTINEL, "..."), &printed);
        all += &printed;
    }
    assert!(all.matches("[redacted]").count() > 10, "what was quoted is cut out");
}

#[tokio::test]
async fn the_results_file_is_its_owners_whatever_lies_there_and_holds_no_secret() {
    let account = Account::new().await;
    let out = account.folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let provider = RunpodProvider::with_output_dir(&out)
        .environment_variables(account.variables().into_iter().chain([("RUNPOD_API_KEY", KEY)]))
        .api_url(account.sim.url());
    let config = SindriConfig::from_path(account.folder.path().join("sindri.yaml")).unwrap();
    let result = provider.deploy(&config, DeployOptions { wait: true, ..Default::default() }).await.unwrap();
    let file = out.join(format!("runpod-{}.json", result.instance_id.unwrap()));
    assert_eq!(account.found().difference(&account.files).collect::<Vec<_>>(), [&file]);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    check("the result", &text);
    assert!(text.contains("ssh_command"), "it says how to get in: {text}");
}

#[tokio::test]
async fn no_secret_is_in_what_can_be_serialized() {
    let account = Account::new().await;
    let provider = RunpodProvider::new()
        .environment_variables(account.variables().into_iter().chain([("RUNPOD_API_KEY", KEY)]))
        .api_url(account.sim.url());
    let config = SindriConfig::from_path(account.folder.path().join("sindri.yaml")).unwrap();
    let longest = Some(Duration::from_secs(60));
    let mut written: Vec<Value> = Vec::new();
    let mut write = |value: serde_json::Result<Value>| written.push(value.unwrap());
    write(serde_json::to_value(&config));
    write(serde_json::to_value(provider.check_prerequisites().unwrap()));
    write(serde_json::to_value(provider.plan(&config).await.unwrap()));
    let waited = DeployOptions { wait: true, ..Default::default() };
    write(serde_json::to_value(provider.deploy(&config, waited).await.unwrap()));
    write(serde_json::to_value(provider.status(&config).await.unwrap()));
    write(serde_json::to_value(provider.connection(&config, Duration::ZERO).await.unwrap()));
    write(serde_json::to_value(provider.stop_environment(&config, longest).await.unwrap()));
    write(serde_json::to_value(provider.start_environment(&config, longest).await.unwrap()));
    write(serde_json::to_value(provider.destroy_environment(&config, false, longest).await.unwrap()));
    write(serde_json::to_value(account.sim.ledger()));
    write(serde_json::to_value(account.sim.requests()));
    write(serde_json::to_value(account.sim.faults()));
    for value in written {
        assert!(!value.is_null());
        check("serde", &value.to_string());
    }
}
