//! The contract's own JSON and the provider's flags.

use std::path::Path;

use runpod_sindri::{
    ActionType, Address, AddressType, ConnectionInfo, CostEstimate, DeployOptions, DeployResult,
    DeploymentPlan, DeploymentState, DeploymentStatus, DeploymentTimestamps, PlannedAction, PlannedResource,
    Provider, ResourceUsage, RunpodProvider,
};
use serde_json::json;

use crate::mock::{FakeSsh, KEY, NOWHERE, provider_with};

#[test]
fn name_and_capabilities() {
    let provider = RunpodProvider::new();
    assert_eq!(provider.name(), "runpod");
    assert!(provider.supports_gpu());
    assert!(provider.supports_auto_suspend());
}

#[test]
fn prerequisites_with_and_without_a_key() {
    let ssh = FakeSsh::new();
    let status = provider_with("http://127.0.0.1:9", KEY, ssh.path(), []).check_prerequisites().unwrap();
    assert!(status.satisfied && status.missing.is_empty());
    assert_eq!(status.available[0].name, "runpod-api-key");
    assert_eq!(status.available[1].version.as_deref(), Some("OpenSSH_9.9p1"));
    assert_eq!(status.available[1].install_hint, None);
    assert_eq!(ssh.arguments(), None);
    assert!(!format!("{status:?}").contains(KEY));

    let status =
        provider_with("http://127.0.0.1:9", "", Path::new(NOWHERE), []).check_prerequisites().unwrap();
    assert!(!status.satisfied);
    assert_eq!(status.missing[0].name, "runpod-api-key");
    let hint = status.missing[0].install_hint.as_deref().unwrap();
    assert!(hint.contains("RUNPOD_API_KEY") && hint.contains("https://console.runpod.io/user/settings"));
    assert_eq!(status.available[0].version, None);
    assert!(status.available[0].description.contains("instructions will be shown"));
}

#[test]
fn states_are_written_in_lower_case() {
    use DeploymentState::*;
    let all = [NotDeployed, Creating, Running, Stopped, Suspended, Paused, Error, Destroying, Unknown];
    assert_eq!(
        json!(all),
        json!([
            "notdeployed",
            "creating",
            "running",
            "stopped",
            "suspended",
            "paused",
            "error",
            "destroying",
            "unknown"
        ])
    );
    assert_eq!(NotDeployed.to_string(), "not deployed");
}

#[test]
fn every_type_has_the_contracts_fields() {
    let result = DeployResult {
        success: true,
        name: "a".into(),
        provider: "runpod".into(),
        instance_id: None,
        connection: Some(ConnectionInfo::default()),
        messages: vec![],
        warnings: vec![],
    };
    assert_eq!(
        json!(result),
        json!({
            "success": true, "name": "a", "provider": "runpod", "instance_id": null,
            "connection": {"ssh_command": null, "http_url": null, "https_url": null, "instructions": null},
            "messages": [], "warnings": [],
        })
    );
    let status = DeploymentStatus {
        name: "a".into(),
        provider: "runpod".into(),
        state: DeploymentState::Running,
        instance_id: None,
        image: None,
        addresses: vec![Address { r#type: AddressType::Https, value: "b".into(), port: Some(1) }],
        resources: Some(ResourceUsage::default()),
        timestamps: DeploymentTimestamps::default(),
        details: [("gpu_type".to_owned(), "c".to_owned())].into(),
    };
    assert_eq!(
        json!(status),
        json!({
            "name": "a", "provider": "runpod", "state": "running", "instance_id": null, "image": null,
            "addresses": [{"type": "https", "value": "b", "port": 1}],
            "resources": {
                "cpu_percent": null, "memory_bytes": null, "memory_limit": null, "disk_bytes": null, "disk_limit": null,
            },
            "timestamps": {"created_at": null, "started_at": null, "stopped_at": null, "updated_at": null},
            "details": {"gpu_type": "c"},
        })
    );
    let plan = DeploymentPlan {
        provider: "runpod".into(),
        actions: vec![PlannedAction {
            action: ActionType::Restart,
            resource: "d".into(),
            description: "e".into(),
        }],
        resources: vec![PlannedResource { resource_type: "pod".into(), name: "f".into(), config: [].into() }],
        estimated_cost: Some(CostEstimate {
            hourly: None,
            monthly: None,
            currency: "USD".into(),
            notes: None,
        }),
    };
    assert_eq!(
        json!(plan),
        json!({
            "provider": "runpod",
            "actions": [{"action": "restart", "resource": "d", "description": "e"}],
            "resources": [{"resource_type": "pod", "name": "f", "config": {}}],
            "estimated_cost": {"hourly": null, "monthly": null, "currency": "USD", "notes": null},
        })
    );
    let types = [
        AddressType::Internal,
        AddressType::External,
        AddressType::Ssh,
        AddressType::Http,
        AddressType::Https,
    ];
    assert_eq!(json!(types), json!(["internal", "external", "ssh", "http", "https"]));
    let actions =
        [ActionType::Create, ActionType::Update, ActionType::Delete, ActionType::Start, ActionType::Stop];
    assert_eq!(json!(actions), json!(["create", "update", "delete", "start", "stop"]));
}

#[test]
fn deploying_does_nothing_special_by_default() {
    let options = DeployOptions::default();
    assert!(!options.force && !options.dry_run && !options.wait && options.timeout.is_none());
    assert!(!options.skip_validation && !options.verbose && !options.skip_build);
}
