//! Types between a provider and the CLI.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Default)]
#[expect(dead_code, reason = "the adapter leaves out what has no effect on RunPod")]
pub(crate) struct DeployOptions {
    pub(crate) force: bool,
    pub(crate) dry_run: bool,
    pub(crate) wait: bool,
    pub(crate) timeout: Option<u64>,
    pub(crate) skip_validation: bool,
    pub(crate) verbose: bool,
    pub(crate) skip_build: bool,
}

#[expect(dead_code, reason = "fields that Sindri shows nowhere")]
pub(crate) struct PrerequisiteStatus {
    pub(crate) satisfied: bool,
    pub(crate) missing: Vec<Prerequisite>,
    pub(crate) available: Vec<Prerequisite>,
}

pub(crate) struct Prerequisite {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) install_hint: Option<String>,
    pub(crate) version: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeployResult {
    pub(crate) success: bool,
    pub(crate) name: String,
    pub(crate) provider: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) connection: Option<ConnectionInfo>,
    pub(crate) messages: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionInfo {
    pub(crate) ssh_command: Option<String>,
    pub(crate) http_url: Option<String>,
    pub(crate) https_url: Option<String>,
    pub(crate) instructions: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeploymentStatus {
    pub(crate) name: String,
    pub(crate) provider: String,
    pub(crate) state: DeploymentState,
    pub(crate) instance_id: Option<String>,
    pub(crate) image: Option<String>,
    pub(crate) addresses: Vec<Address>,
    pub(crate) resources: Option<ResourceUsage>,
    pub(crate) timestamps: DeploymentTimestamps,
    pub(crate) details: HashMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeploymentState {
    NotDeployed,
    Creating,
    Running,
    Stopped,
    Suspended,
    Paused,
    Error,
    Destroying,
    Unknown,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    pub(crate) r#type: AddressType,
    pub(crate) value: String,
    pub(crate) port: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AddressType {
    Internal,
    External,
    Ssh,
    Http,
    Https,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "fields that Sindri shows nowhere")]
pub(crate) struct ResourceUsage {
    pub(crate) cpu_percent: Option<f64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) disk_bytes: Option<u64>,
    pub(crate) disk_limit: Option<u64>,
}

/// Sindri reads times of RFC 3339.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeploymentTimestamps {
    pub(crate) created_at: Option<String>,
    pub(crate) started_at: Option<String>,
    pub(crate) stopped_at: Option<String>,
    pub(crate) updated_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeploymentPlan {
    pub(crate) provider: String,
    pub(crate) actions: Vec<PlannedAction>,
    pub(crate) resources: Vec<PlannedResource>,
    pub(crate) estimated_cost: Option<CostEstimate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlannedAction {
    pub(crate) action: ActionType,
    pub(crate) resource: String,
    pub(crate) description: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ActionType {
    Create,
    Update,
    Delete,
    Start,
    Stop,
    Restart,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlannedResource {
    pub(crate) resource_type: String,
    pub(crate) name: String,
    pub(crate) config: HashMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CostEstimate {
    pub(crate) hourly: Option<f64>,
    pub(crate) monthly: Option<f64>,
    pub(crate) currency: String,
    pub(crate) notes: Option<String>,
}
