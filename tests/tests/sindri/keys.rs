//! Every key of `providers.runpod`: its bounds, its old names, and what is not taken.

use runpod_sindri::{ConfigError, GpuTier, Outcome, Provider, ProviderError, SindriConfig};

use crate::mock::{config, provider};

/// The refusal of a config. Nothing listens where the provider is pointed, so nothing can have been sent.
async fn refusal(yaml: &str) -> String {
    let error = provider("http://127.0.0.1:9").plan(&config(yaml)).await.expect_err("it must fail");
    let error: ProviderError = error.downcast().expect("the provider's own error");
    assert_eq!(error.outcome(), Outcome::Misused, "{error}");
    assert!(matches!(error, ProviderError::Config(_)), "{error}");
    error.to_string()
}

fn runpod(settings: &str) -> String {
    format!("{{name: my-env, deployment: {{image: a}}, providers: {{runpod: {{{settings}}}}}}}")
}

#[tokio::test]
async fn every_bound_is_kept_before_anything_is_sent() {
    for (settings, says) in [
        ("gpuType: ''", "providers.runpod.gpuType"),
        ("gpuType: []", "providers.runpod.gpuType"),
        ("gpuCount: 0", "providers.runpod.gpuCount \"0\": a pod has 1 to 16 GPUs"),
        ("gpuCount: 17", "providers.runpod.gpuCount \"17\": a pod has 1 to 16 GPUs"),
        ("cpuOnly: true, vcpuCount: 0", "providers.runpod.vcpuCount \"0\""),
        ("cpuOnly: true, vcpuCount: 1", "a power of two, at least 2"),
        ("cpuOnly: true, vcpuCount: 6", "a power of two, at least 2"),
        ("containerDiskGb: 0", "a container disk has at least 1 GB"),
        ("volumeMountPath: work", "providers.runpod.volumeMountPath \"work\": a mount path is absolute"),
        ("ports: ['22']", "providers.runpod.ports \"22\": a port is written NUMBER/http or NUMBER/tcp"),
        ("ports: [0/tcp]", "providers.runpod.ports \"0/tcp\""),
        ("ports: [65536/tcp]", "providers.runpod.ports \"65536/tcp\""),
        ("ports: [22/udp]", "providers.runpod.ports \"22/udp\""),
        ("ports: [22/tcp, 22/tcp]", "a port is listed once"),
        ("publicIp: true, ports: [8888/http]", "open 22/tcp or another tcp port"),
        ("region: US", "that is a country: RunPod takes a data center, for example US-CA-2"),
        ("volumeSizeGb: 0, volumeMountPath: /data", "nothing would be mounted there"),
        ("registryId: ''", "registry"),
        ("lifetimeHours: 0", "a lifetime is 0.01 to 876000 hours"),
        ("lifetimeHours: -1", "a lifetime is 0.01 to 876000 hours"),
        ("atEnd: STOP", "set lifetimeHours as well"),
        ("job: {command: []}", "providers.runpod.job.command"),
        ("job: {command: ' '}", "a list of words, or a line for sh"),
        (
            "job: {command: [a], timeoutMinutes: 0}",
            "providers.runpod.job.timeoutMinutes \"0\": at least 1 minute",
        ),
        ("networkVolumeId: ''", "network_volume"),
        ("cpuOnly: true, cpuInstanceId: cpu3c-3-4", "for example cpu3c-2-4"),
        ("cpuOnly: true, cpuInstanceId: cpu3c-2-4, vcpuCount: 4", "it contradicts vcpuCount"),
        ("spotBid: 0.2", "RunPod's REST APIs take no bids"),
        ("spotBid: -1", "RunPod's REST APIs take no bids"),
    ] {
        let refusal = refusal(&runpod(settings)).await;
        assert!(refusal.contains(says), "{settings}: {refusal}");
        assert!(refusal.contains("nothing was sent"), "{settings}: {refusal}");
    }
    for (deployment, says) in [
        ("volumes: {workspace: {size: big}}", "deployment.volumes.workspace.size \"big\""),
        ("buildFromSource: {enabled: true}", "only Sindri builds images"),
        ("image_config: {registry: a, version: ^3.0.0}", "only Sindri looks versions up"),
    ] {
        let refusal = refusal(&format!("{{name: a, deployment: {{{deployment}}}}}")).await;
        assert!(refusal.contains(says) && refusal.contains("nothing was sent"), "{deployment}: {refusal}");
    }
    let refusal = refusal("{name: a, deployment: {resources: {gpu: {count: 20}}, provider: fly}}").await;
    assert!(refusal.contains("deployment.resources.gpu.count \"20\""), "{refusal}");
    assert!(refusal.contains("deployment.provider \"fly\""), "every problem at once: {refusal}");
}

#[tokio::test]
async fn a_refusal_names_the_line_of_each_key() {
    let yaml = "name: a\ndeployment:\n  provider: fly\nproviders:\n  runpod:\n    gpu_count: 17\n    region: US\n    vcpuCount: 3\n    sshUser: '-x'\n";
    let refusal = refusal(yaml).await;
    for says in [
        "deployment.provider \"fly\": this provider deploys to runpod only (line 3)",
        "providers.runpod.gpuCount \"17\": a pod has 1 to 16 GPUs (line 6)",
        "leave it out for any (line 7)",
        "at least 2 (line 8)",
        "for example ubuntu (line 9)",
    ] {
        assert!(refusal.contains(says), "{says}: {refusal}");
    }
}

#[tokio::test]
async fn spot_is_refused_with_a_reason_of_its_own() {
    let error = provider("http://127.0.0.1:9").plan(&config(&runpod("spot: true"))).await.unwrap_err();
    let error: ProviderError = error.downcast().unwrap();
    assert!(matches!(error, ProviderError::Config(ConfigError::SpotUnsupported)));
    assert!(error.to_string().contains("REST v2 rents no spot pods"), "{error}");
    assert!(error.to_string().contains("set spot: false"), "{error}");
}

#[test]
fn what_is_no_config_says_where() {
    for (yaml, says) in [
        (runpod("gpuKind: A40"), "gpuKind"),
        (
            runpod("gpuCount: -1"),
            "providers.runpod.gpuCount: a whole number of 0 or more is wanted here (line 1",
        ),
        (runpod("gpuCount: many"), "line 1"),
        (runpod("job: {command: {a: b}}"), "expected a list of words, or a line for sh"),
        (runpod("job: {}"), "the key \"command\" is missing"),
        (runpod("job: {command: a, uploads: {}}"), "there is no key \"uploads\""),
        (runpod("cloudType: ALL"), "ALL"),
        (runpod("gpuType: {a: b}"), "expected a GPU type or pool id, or a list of them"),
        (runpod("gpuType: a, gpuTypeId: b"), "the key \"gpuType\" is there twice"),
        (runpod("exposePorts: [70000]"), "expected a port number"),
        ("{deployment: {image: a}}".to_owned(), "name"),
        ("{name: a, deployment: {resources: {gpu: {tier: gpu-huge}}}}".to_owned(), "gpu-huge"),
        ("name: [".to_owned(), "line"),
        (String::new(), "sindri.yaml cannot be understood"),
    ] {
        let error = SindriConfig::from_yaml(&yaml).unwrap_err();
        assert!(matches!(error, ConfigError::Unreadable { .. }));
        assert!(error.to_string().contains(says), "{yaml}: {error}");
    }
}

#[test]
fn an_unreadable_file_says_which_and_shows_nothing_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sindri.yaml");
    let error = SindriConfig::from_path(&path).unwrap_err();
    assert!(
        matches!(&error, ConfigError::Unread { .. }) && error.to_string().contains("sindri.yaml"),
        "{error}"
    );
    std::fs::write(&path, "name: a\npassword: sentinel_value\nproviders: {runpod: {gpuCount: sentinel}}")
        .unwrap();
    let error = SindriConfig::from_path(&path).unwrap_err().to_string();
    assert!(!error.contains("sentinel_value"), "{error}");
    std::fs::write(&path, "#".repeat(1024 * 1024 + 1)).unwrap();
    assert!(matches!(SindriConfig::from_path(&path).unwrap_err(), ConfigError::TooLarge { .. }));
}

/// What is wrong with the rest of a file must not keep its environment from being found and ended.
#[test]
fn the_name_is_read_of_a_file_that_is_wrong_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sindri.yaml");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        SindriConfig::name_from_path(&path)
    };
    let (config, wrong) = read("name: a\nproviders:\n  runpod: {gpuType: A40}\n").unwrap();
    assert!(wrong.is_none() && config.runpod().gpu_type.is_some(), "all of a file that is fine");
    for (text, says) in [
        ("name: a\nproviders:\n  runpod: {gpuKind: A40}\n", "there is no key \"gpuKind\""),
        ("providers: {runpod: {gpuCount: many}}\nname: a\n", "gpuCount: a whole number"),
        ("name: a\nsecrets: [{name: A}]\n", "the key \"source\" is missing"),
        ("name: a\ndeployment: 7\n", "deployment: "),
    ] {
        let (config, wrong) = read(text).unwrap();
        let wrong = wrong.unwrap().to_string();
        assert!(wrong.contains(says) && wrong.contains("(line "), "{text}: {wrong}");
        assert_eq!((config.name.as_str(), config.providers.runpod.is_none()), ("a", true), "{text}");
    }
    for text in
        ["", "name: [a]\n", "name: a\nname: b\n", "deployment: {}\n", "name: a\nb: [\n", "- name: a\n"]
    {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn a_bomb_does_not_go_off() {
    let mut yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let last = format!("*a{}", level - 1);
        yaml += &format!("a{level}: &a{level} [{}]\n", [last.as_str(); 10].join(", "));
    }
    yaml += "name: a\nextensions: *a11\n";
    assert!(SindriConfig::from_yaml(&yaml).is_err());
    assert!(SindriConfig::from_yaml(&format!("name: a\nextensions: {}", "[".repeat(100_000))).is_err());
}

#[test]
fn other_keys_of_sindri_pass() {
    let config = config(
        "{version: 3.0, name: a, deployment: {volumes: {workspace: {size: 10GB}}, resources: {gpu: {type: nvidia, memory: 8GB}}}, \
         extensions: {profile: minimal}, secrets: [{name: A, source: vault, vaultPath: b}], profile: x, \
         providers: {fly: {region: sjc}, runpod: null}}",
    );
    assert_eq!(config.version.as_deref(), Some("3.0"));
    assert!(config.providers.runpod.is_none() && config.providers.others.contains_key("fly"));
    assert_eq!(config.secrets[0].source.to_string(), "vault");
}

#[test]
fn old_names_are_taken() {
    for (settings, expected) in [
        ("gpuTypeId: a", "gpuType: a"),
        ("gpu_type_id: a", "gpuType: a"),
        ("gpu_type: a, gpu_count: 2", "gpuType: a, gpuCount: 2"),
        ("container_disk_gb: 7, volume_size_gb: 30", "containerDiskGb: 7, volumeSizeGb: 30"),
        ("volume_mount_path: /a, cloud_type: COMMUNITY", "volumeMountPath: /a, cloudType: COMMUNITY"),
        ("cpu_only: true, start_ssh: false", "cpuOnly: true, startSsh: false"),
        ("expose_ports: [80], template_id: t", "exposePorts: [80], templateId: t"),
    ] {
        let json = |settings| serde_json::to_value(config(&runpod(settings)).runpod()).unwrap();
        assert_eq!(json(settings), json(expected), "{settings}");
    }
}

#[test]
fn ports_and_their_old_name() {
    let ports = |settings| config(&runpod(settings)).runpod().open_ports();
    assert_eq!(ports(""), ["8888/http", "22/tcp"]);
    assert_eq!(ports("exposePorts: []"), ["8888/http", "22/tcp"]);
    assert_eq!(
        ports("exposePorts: [8080, '3000', 5432/tcp]"),
        ["22/tcp", "8080/http", "3000/http", "5432/tcp"]
    );
    assert_eq!(ports("ports: [80/http], exposePorts: [80, 81]"), ["80/http", "81/http"]);
    assert_eq!(ports("ports: []"), Vec::<String>::new());
}

#[test]
fn tiers_are_pools() {
    use GpuTier::*;
    assert_eq!(
        [GpuSmall, GpuMedium, GpuLarge, GpuXlarge].map(GpuTier::pool),
        ["ADA_24", "AMPERE_48", "AMPERE_80", "ADA_80_PRO"]
    );
}
