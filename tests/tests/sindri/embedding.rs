//! The adapter that is pasted into Sindri, from a released Sindri's config to Sindri's results.

use serde_json::{Value, json};

use crate::{
    adapter::RunpodProvider,
    config::{SindriConfig, SindriConfigFile},
    mock::{GPU, on, quick_sim},
    traits::Provider,
    types::{ActionType, AddressType, DeployOptions, DeploymentState},
};

/// What a released Sindri makes of a file that hardly says anything.
fn released(runpod: Value) -> SindriConfig {
    SindriConfig {
        file: SindriConfigFile {
            version: "3.0".to_owned(),
            name: "embedded".to_owned(),
            deployment: json!({
                "provider": "runpod", "image": "ghcr.io/org/image:tag", "image_config": null, "buildFromSource": null,
                "resources": {"memory": null, "cpus": null, "gpu": null}, "volumes": {"workspace": null},
            }),
            extensions: json!({"profile": "minimal", "active": null, "additional": null, "auto_install": true}),
            secrets: Vec::new(),
            providers: json!({"fly": null, "docker": null, "runpod": runpod}),
        },
    }
}

#[tokio::test]
async fn a_released_config_lives_a_whole_life_in_sindris_types() {
    let sim = quick_sim().await;
    let provider = RunpodProvider(on(&sim));
    let config = released(json!({
        "gpuTypeId": null, "gpuCount": 1, "containerDiskGb": 20, "volumeSizeGb": 50, "volumeMountPath": "/workspace",
        "cloudType": "COMMUNITY", "region": null, "exposePorts": [8080], "spotBid": null, "startSsh": true,
        "cpuOnly": false, "cpuInstanceId": null, "templateId": null,
    }));
    assert_eq!(provider.name(), "runpod");
    assert!(provider.supports_gpu() && provider.supports_auto_suspend());
    let ready = provider.check_prerequisites().unwrap();
    assert!(ready.satisfied && ready.missing.is_empty());
    let [key, ssh] = ready.available.as_slice() else { panic!("two prerequisites") };
    assert_eq!(
        (key.name.as_str(), key.install_hint.as_ref(), key.version.as_ref()),
        ("runpod-api-key", None, None)
    );
    assert_eq!(ssh.description, "ssh client: not found, so instructions will be shown in place of a shell");

    let plan = provider.plan(&config).await.unwrap();
    assert_eq!((plan.provider.as_str(), plan.actions[0].action), ("runpod", ActionType::Create));
    assert_eq!(
        (plan.actions[0].resource.as_str(), plan.actions[0].description.is_empty()),
        ("pod embedded", false)
    );
    assert_eq!(
        (plan.resources[0].resource_type.as_str(), plan.resources[0].name.as_str()),
        ("pod", "embedded")
    );
    assert_eq!(plan.resources[0].config["gpu_type_ids"], json!([GPU]));
    let cost = plan.estimated_cost.unwrap();
    assert!(cost.hourly.unwrap() > 0.3 && cost.monthly.unwrap() > 200.0 && cost.notes.is_some());
    assert_eq!(cost.currency, "USD");

    let result = provider.deploy(&config, DeployOptions { wait: true, ..Default::default() }).await.unwrap();
    assert!(result.success && result.provider == "runpod" && result.name == "embedded");
    assert!(result.warnings.is_empty(), "{:?}", result.warnings);
    assert!(result.messages.contains(&format!("1x {GPU}")), "{:?}", result.messages);
    let id = result.instance_id.unwrap();
    let connection = result.connection.unwrap();
    assert!(connection.ssh_command.unwrap().contains("root@127.0.0.1"));
    assert_eq!(
        (connection.http_url, connection.https_url),
        (None, Some(format!("https://{id}-8080.proxy.runpod.net")))
    );
    assert!(connection.instructions.unwrap().contains("Web terminal"));

    let status = provider.status(&config).await.unwrap();
    assert_eq!((status.name.as_str(), status.provider.as_str()), ("embedded", "runpod"));
    assert_eq!((status.state, status.instance_id), (DeploymentState::Running, Some(id)));
    assert_eq!(status.image.as_deref(), Some("ghcr.io/org/image:tag"));
    let ssh = status.addresses.iter().find(|address| address.r#type == AddressType::Ssh).unwrap();
    assert!(ssh.value == "127.0.0.1" && ssh.port.is_some());
    let resources = status.resources.unwrap();
    assert_eq!((resources.disk_limit, resources.disk_bytes), (Some(20_000_000_000), None));
    assert_eq!((resources.cpu_percent, resources.memory_bytes, resources.memory_limit), (None, None, None));
    let times = status.timestamps;
    assert!(times.created_at.unwrap().ends_with('Z') && times.started_at.is_some());
    assert_eq!((times.stopped_at, times.updated_at), (None, None));
    assert_eq!(status.details["runpod_status"], "RUNNING");

    provider.stop(&config).await.unwrap();
    assert_eq!(provider.status(&config).await.unwrap().state, DeploymentState::Stopped);
    provider.start(&config).await.unwrap();
    provider.destroy(&config, false).await.unwrap();
    assert_eq!(provider.status(&config).await.unwrap().state, DeploymentState::NotDeployed);
    assert!(provider.connect(&config).await.unwrap_err().to_string().contains("not deployed"));
    assert_eq!(sim.contract_violations(), Vec::<String>::new());
}

#[test]
fn a_provider_needs_neither_key_nor_runtime() {
    assert_eq!(RunpodProvider::new().unwrap().name(), "runpod");
    assert_eq!(RunpodProvider::with_output_dir("out".into()).unwrap().name(), "runpod");
}

#[test]
fn the_guide_shows_the_adapter_as_it_is() {
    let adapter = include_str!("adapter.rs");
    assert!(adapter.lines().count() < 80);
    assert!(include_str!("../../../docs/sindri.md").contains(adapter), "copy adapter.rs into docs/sindri.md");
}
