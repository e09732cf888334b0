//! The adapter that is pasted into Sindri, behind a stand-in for Sindri's CLI: the calls it makes, and what it prints.

use camino::Utf8PathBuf;
use runpod_lifecycle::{RunPod, Secret};
use runpod_sim::{Scope, Sim};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    adapter::RunpodProvider,
    config::{CloudType, SindriConfig},
    mock::{GPU, on, quick_sim},
    stand_in::cli::{self, DeployArgs},
    traits::Provider,
    types::{ActionType, DeployOptions, DeploymentState},
    utils::BUILT,
};

const WAITED: DeployArgs =
    DeployArgs { force: false, dry_run: false, wait: true, skip_build: false, from_source: false };

/// A file as Sindri wants one, with these settings of RunPod's and these lines besides.
fn file(runpod: &str, more: &str) -> String {
    format!(
        "version: '3.0'\nname: embedded\ndeployment: {{provider: runpod, image: 'ghcr.io/org/image:tag'}}\n\
         extensions: {{profile: minimal}}\nproviders: {{runpod: {{{runpod}}}}}\n{more}"
    )
}

/// A folder with a config in it.
struct Folder(TempDir);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = Self(tempfile::tempdir().expect("a directory of its own"));
        folder.write("sindri.yaml", text);
        folder
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).expect("the directory is writable");
    }

    fn config(&self) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.0.path().join("sindri.yaml")).expect("a plain path")
    }
}

fn adapter(sim: &Sim) -> RunpodProvider {
    RunpodProvider::over(on(sim))
}

/// Returns what the one line that begins so says.
#[track_caller]
fn line<'a>(shown: &'a [String], start: &str) -> &'a str {
    let found: Vec<&String> = shown.iter().filter(|line| line.starts_with(start)).collect();
    let [line] = found[..] else { panic!("{} lines begin {start:?}: {shown:?}", found.len()) };
    &line[start.len()..]
}

/// Sindri hands over a parse that lacks most of RunPod's keys and has other defaults; the file has them.
#[test]
fn the_typed_parse_drops_what_the_file_says() {
    let folder = Folder::with(&file("gpuType: AMPERE_80, vcpuCount: 8, networkVolumeId: vol1", ""));
    let config = SindriConfig::load(&folder.config()).unwrap();
    let left = config.inner().providers.runpod.as_ref().unwrap();
    assert_eq!((left.gpu_type_id.as_deref(), left.container_disk_gb, left.volume_size_gb), (None, 20, 50));
    assert_eq!((left.cloud_type, left.gpu_count, left.start_ssh), (CloudType::Community, 1, true));
    assert_eq!((left.cpu_only, left.expose_ports.as_slice(), left.spot_bid), (false, &[][..], None));
    assert_eq!((left.region.as_deref(), left.cpu_instance_id.as_deref()), (None, None));
    assert_eq!((left.volume_mount_path.as_str(), left.template_id.as_deref()), ("/workspace", None));
}

#[tokio::test]
async fn a_whole_life_in_sindri() {
    let sim = quick_sim().await;
    let (provider, folder) =
        (adapter(&sim), Folder::with(&file("gpuType: AMPERE_48, exposePorts: [8080]", "")));
    let path = folder.config();

    let planned = cli::deploy(&provider, &path, DeployArgs { dry_run: true, ..WAITED }).await.unwrap();
    let told = line(&planned, "pod embedded: ");
    for said in ["create pod \"embedded\" with 1x NVIDIA ", "secure cloud, $", " per hour", "stock "] {
        assert!(told.contains(said), "{said}: {told}");
    }
    assert_eq!(sim.pods().len(), 0);

    let shown = cli::deploy(&provider, &path, WAITED).await.unwrap();
    assert_eq!(shown[0], "Deployment complete");
    let id = sim.pods()[0].id.clone();
    assert!(line(&shown, "SSH: ").contains("root@127.0.0.1"), "{shown:?}");
    assert_eq!(line(&shown, "HTTP: "), format!("https://{id}-8080.proxy.runpod.net"));
    assert!(!shown.iter().any(|line| line.starts_with("warning")), "{shown:?}");
    assert!(sim.ledger()[0].type_id != GPU, "the pool of the file, not a default");

    let shown = cli::status(&provider, &path).await.unwrap();
    assert_eq!((line(&shown, "State: "), line(&shown, "Instance ID: ")), ("Running", id.as_str()));
    assert_eq!(line(&shown, "Https: "), format!("https://{id}-8080.proxy.runpod.net"));
    assert_eq!(line(&shown, "CPU: "), "1.0%");
    assert!(line(&shown, "Memory: ").contains(" / "), "{shown:?}");

    let again = cli::deploy(&provider, &path, WAITED).await.unwrap_err().to_string();
    assert!(again.contains("exists already") && again.contains("--force"), "{again}");
    cli::stop(&provider, &path).await.unwrap();
    let shown = cli::status(&provider, &path).await.unwrap();
    assert_eq!(line(&shown, "State: "), "Stopped");
    assert!(!shown.iter().any(|line| line == "Addresses:" || line == "Resources:"), "{shown:?}");
    cli::start(&provider, &path).await.unwrap();
    cli::deploy(&provider, &path, DeployArgs { force: true, ..WAITED }).await.unwrap();
    assert_eq!(sim.pods().len(), 1);
    cli::destroy(&provider, &path).await.unwrap();
    cli::destroy(&provider, &path).await.unwrap();
    assert!(cli::connect(&provider, &path).await.unwrap_err().to_string().contains("not deployed"));
    assert!(sim.ledger().iter().all(|entry| !entry.is_billing()));
    assert_eq!(sim.contract_violations(), Vec::<String>::new());
}

/// `sindri deploy --dry-run` prints the actions and nothing else.
#[tokio::test]
async fn no_stock_is_seen_in_a_dry_run_and_named_by_a_deploy() {
    let sim = Sim::builder().capacity_in(Scope::default(), 0).start().await.unwrap();
    let (provider, folder) = (adapter(&sim), Folder::with(&file("", "")));
    let planned =
        cli::deploy(&provider, &folder.config(), DeployArgs { dry_run: true, ..WAITED }).await.unwrap();
    let told = line(&planned, "pod embedded: ");
    assert!(told.contains("stock none") && told.contains("warning: the catalog shows no stock"), "{told}");
    let error = cli::deploy(&provider, &folder.config(), WAITED).await.unwrap_err().to_string();
    assert!(error.contains("no machine for this right now"), "{error}");
}

#[tokio::test]
async fn a_dry_run_has_every_warning_also_where_a_pod_is_left() {
    let sim = quick_sim().await;
    let (provider, folder) = (adapter(&sim), Folder::with(&file("volumeSizeGb: 5", "")));
    let path = folder.config();
    cli::deploy(&provider, &path, DeployArgs::default()).await.unwrap();
    let planned = cli::deploy(&provider, &path, DeployArgs { dry_run: true, ..WAITED }).await.unwrap();
    let told = line(&planned, "pod embedded: ");
    assert!(
        told.contains("already exists") && told.contains("warning: volumeSizeGb (5) becomes 10"),
        "{told}"
    );
}

#[tokio::test]
async fn secrets_of_every_source_arrive_as_sindri_resolves_them() {
    let secrets = "secrets:\n- {name: IN_DOTENV, source: env, required: true}\n- {name: LOCAL, source: env}\n\
        - {name: AUTHORIZED_KEYS, source: env, fromFile: key.pub}\n- {name: NONE, source: env, fromFile: '~/no/such/file'}\n\
        - {name: KEPT, source: vault, vaultPath: app, vaultKey: token, required: true}\n\
        - {name: A_FILE, source: file, path: key.pub, mountPath: /etc/key}\n- {name: RUNPOD_API_KEY, source: env}\n";
    let sim = quick_sim().await;
    let (provider, folder) = (adapter(&sim), Folder::with(&file("", secrets)));
    folder.write(".env", "IN_DOTENV=\"one\"\nLOCAL=wrong\nRUNPOD_API_KEY=rpa_x\n");
    folder.write(".env.local", "LOCAL=two\n");
    folder.write("key.pub", "ssh-ed25519 AAAA me\n");
    folder.write("vault", "app/token=three\n");
    let shown = cli::deploy(&provider, &folder.config(), WAITED).await.unwrap();
    let runpod = RunPod::builder(sim.api_key()).base_url(sim.url()).build().unwrap();
    let pod = runpod.pod("embedded").await.unwrap();
    let value = |name: &str| pod.env.get(name).map(Secret::expose);
    for (name, expected) in [
        ("IN_DOTENV", "one"),
        ("LOCAL", "two"),
        ("AUTHORIZED_KEYS", "ssh-ed25519 AAAA me"),
        ("KEPT", "three"),
    ] {
        assert_eq!(value(name), Some(expected), "{name}");
    }
    assert!(value("NONE").is_none() && value("A_FILE").is_none());
    let shown = shown.join("\n");
    assert!(shown.contains("secret A_FILE was skipped: RunPod puts no files into a pod"), "{shown}");
    assert!(shown.contains("secret RUNPOD_API_KEY goes into the pod"), "{shown}");
    assert!(!shown.contains("three") && !shown.contains("rpa_x"), "{shown}");
}

#[tokio::test]
async fn a_required_secret_without_a_value_ends_before_anything_is_sent() {
    let sim = quick_sim().await;
    let secrets = "secrets: [{name: KEPT, source: vault, vaultPath: app, required: true}]";
    let (provider, folder) = (adapter(&sim), Folder::with(&file("", secrets)));
    let error = cli::deploy(&provider, &folder.config(), WAITED).await.unwrap_err().to_string();
    assert!(error.contains("KEPT"), "{error}");
    assert_eq!(sim.requests().len(), 0);
}

/// Sindri's own parse says nothing of these.
#[tokio::test]
async fn what_sindri_drops_in_silence_is_refused_before_anything_is_sent() {
    for (runpod, says) in [
        ("gpuKind: A40", "gpuKind"),
        ("region: US", "that is a country"),
        ("ports: ['22']", "providers.runpod.ports"),
        ("spotBid: 0.2", "no bids"),
    ] {
        let sim = quick_sim().await;
        let (provider, folder) = (adapter(&sim), Folder::with(&file(runpod, "")));
        let path = folder.config();
        for dry_run in [false, true] {
            let error = cli::deploy(&provider, &path, DeployArgs { dry_run, ..WAITED }).await.unwrap_err();
            assert!(error.to_string().contains(says), "{runpod}: {error}");
        }
        assert_eq!(sim.requests().len(), 0, "{runpod}");
    }
}

#[tokio::test]
async fn the_image_is_sindris_own_resolution_or_build() {
    let with = |deployment: &str| file("", "").replace("image: 'ghcr.io/org/image:tag'", deployment);
    for (deployment, expected) in [
        ("image: 'ghcr.io/org/image:tag'", "ghcr.io/org/image:tag"),
        ("image_config: {registry: ghcr.io/org/image, tag_override: v2}", "ghcr.io/org/image:v2"),
        ("image_config: {registry: ghcr.io/org/image, digest: 'sha256:0a'}", "ghcr.io/org/image@sha256:0a"),
        ("buildFromSource: {enabled: true}", BUILT),
        ("image: 'ghcr.io/org/image:tag', buildFromSource: {enabled: true}", BUILT),
    ] {
        let sim = quick_sim().await;
        let (provider, folder) = (adapter(&sim), Folder::with(&with(deployment)));
        let planned = DeployArgs { dry_run: true, ..WAITED };
        cli::deploy(&provider, &folder.config(), planned).await.unwrap();
        cli::deploy(&provider, &folder.config(), DeployArgs::default()).await.unwrap();
        let status = provider.status(&SindriConfig::load(&folder.config()).unwrap()).await.unwrap();
        assert_eq!(status.image.as_deref(), Some(expected), "{deployment}");
    }
}

/// Sindri's types, field by field.
#[tokio::test]
async fn results_are_told_in_sindris_types() {
    let sim = quick_sim().await;
    let (provider, folder) = (adapter(&sim), Folder::with(&file("", "")));
    let config = SindriConfig::load(&folder.config()).unwrap();
    assert_eq!((provider.name(), config.name()), ("runpod", "embedded"));
    assert!(provider.supports_gpu() && provider.supports_auto_suspend());
    let ready = provider.check_prerequisites().unwrap();
    let [key, ssh] = ready.available.as_slice() else { panic!("two prerequisites") };
    assert_eq!(
        (key.name.as_str(), key.install_hint.as_ref(), key.version.as_ref()),
        ("runpod-api-key", None, None)
    );
    assert!(ready.satisfied && ssh.description.contains("not found"));

    let plan = provider.plan(&config).await.unwrap();
    assert_eq!((plan.provider.as_str(), plan.actions[0].action), ("runpod", ActionType::Create));
    let resource = &plan.resources[0];
    assert_eq!((resource.resource_type.as_str(), resource.name.as_str()), ("pod", "embedded"));
    assert_eq!(resource.config["gpu_type_ids"], json!([GPU]));
    let cost = plan.estimated_cost.unwrap();
    assert!(cost.hourly.unwrap() > 0.3 && cost.monthly.unwrap() > 200.0 && cost.notes.is_some());
    assert_eq!(cost.currency, "USD");

    let dry = DeployOptions { dry_run: true, wait: true, ..Default::default() };
    assert_eq!(provider.deploy(&config, dry).await.unwrap().instance_id, None);
    assert_eq!(sim.pods().len(), 0, "a dry run that a caller asks the provider for makes none");
    let waited = DeployOptions { wait: true, ..Default::default() };
    let result = provider.deploy(&config, waited).await.unwrap();
    assert!(result.success && result.provider == "runpod" && result.name == "embedded");
    assert!(result.messages.contains(&format!("1x {GPU}")), "{:?}", result.messages);
    let connection = result.connection.unwrap();
    assert!(connection.http_url.is_some() && connection.http_url == connection.https_url);
    assert!(connection.instructions.unwrap().contains("Web terminal"));

    let status = provider.status(&config).await.unwrap();
    assert_eq!((status.name.as_str(), status.provider.as_str()), ("embedded", "runpod"));
    assert_eq!((status.state, status.instance_id), (DeploymentState::Running, result.instance_id));
    assert!(status.resources.unwrap().memory_limit > Some(0));
    let times = status.timestamps;
    assert!(times.created_at.unwrap().ends_with('Z') && times.started_at.is_some());
    assert_eq!((times.stopped_at, times.updated_at), (None, None));
    assert_eq!(status.details["runpod_status"], "RUNNING");
}

#[test]
fn a_provider_needs_neither_key_nor_runtime() {
    assert_eq!(RunpodProvider::new().unwrap().name(), "runpod");
    assert_eq!(RunpodProvider::with_output_dir("out".into()).unwrap().name(), "runpod");
}

#[test]
fn the_guide_shows_the_adapter_as_it_is() {
    let adapter = include_str!("adapter.rs");
    assert!(adapter.lines().count() < 120);
    assert!(include_str!("../../../docs/sindri.md").contains(adapter), "copy adapter.rs into docs/sindri.md");
}
