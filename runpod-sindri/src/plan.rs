//! What a deploy would do and cost.

use std::collections::BTreeMap;

use runpod_lifecycle::{Hardware, Plan};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    SindriConfig,
    blueprint::{Blueprint, Compute},
    runpod_provider::NAME,
};

/// What a deploy would do and cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeploymentPlan {
    /// `runpod`.
    pub provider: String,
    /// What would be done.
    pub actions: Vec<PlannedAction>,
    /// What there would be.
    pub resources: Vec<PlannedResource>,
    /// What that would cost; `None` if the catalog names no price.
    pub estimated_cost: Option<CostEstimate>,
}

/// Something that would be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedAction {
    /// What kind of thing.
    pub action: ActionType,
    /// What to: `pod NAME`.
    pub resource: String,
    /// The same for a person.
    pub description: String,
}

/// What kind of thing would be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionType {
    /// It would be created.
    Create,
    /// It is there, and would be left or replaced.
    Update,
    /// It would be deleted.
    Delete,
    /// It would be started.
    Start,
    /// It would be stopped.
    Stop,
    /// It would be restarted.
    Restart,
}

/// Something there would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedResource {
    /// `pod`.
    pub resource_type: String,
    /// Its name.
    pub name: String,
    /// Its settings: `compute_type`, `image`, `gpu_type_ids` and `gpu_count` or `vcpu_count` and `cpu_flavor_ids`,
    /// `container_disk_gb`, `volume_gb`, `cloud_type`, `ports`, `data_center_ids`, `network_volume_id`,
    /// `spot`.
    pub config: BTreeMap<String, Value>,
}

/// What it would cost, by RunPod's catalog.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostEstimate {
    /// Per hour while running, storage included.
    pub hourly: Option<f64>,
    /// Per month of 730 hours without a stop.
    pub monthly: Option<f64>,
    /// `USD`.
    pub currency: String,
    /// What the numbers leave out, and what surprises.
    pub notes: Option<String>,
}

impl DeploymentPlan {
    pub(crate) fn of(config: &SindriConfig, blueprint: &Blueprint, plan: &Plan, force: bool) -> Self {
        Self {
            provider: NAME.to_owned(),
            actions: actions(&config.name, plan, force),
            resources: vec![PlannedResource {
                resource_type: "pod".to_owned(),
                name: config.name.clone(),
                config: settings(blueprint, plan),
            }],
            estimated_cost: plan.usd_per_hour.map(|hourly| CostEstimate {
                hourly: Some(hourly),
                monthly: plan.usd_per_month,
                currency: "USD".to_owned(),
                notes: Some(notes(blueprint, plan)),
            }),
        }
    }

    /// The plan for a person, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.actions.iter().map(|action| action.description.clone()).collect();
        for (key, value) in self.resources.iter().flat_map(|resource| &resource.config) {
            lines.push(format!("  {key}: {value}"));
        }
        if let Some(CostEstimate { hourly: Some(hourly), monthly: Some(monthly), .. }) = self.estimated_cost {
            lines.push(format!("about ${hourly:.3} per hour, ${monthly:.2} per month, storage included"));
        }
        lines
    }
}

fn actions(name: &str, plan: &Plan, force: bool) -> Vec<PlannedAction> {
    let resource = format!("pod {name}");
    let step = |action, description| PlannedAction { action, resource: resource.clone(), description };
    let create = || step(ActionType::Create, format!("create pod {name:?}"));
    match plan.existing.as_slice() {
        [] => vec![create()],
        [pod] if force => {
            vec![step(ActionType::Delete, format!("terminate pod {} of that name", pod.id)), create()]
        }
        [pod] => vec![step(
            ActionType::Update,
            format!(
                "pod {} is {} and already exists (use --force to recreate)",
                pod.id,
                pod.deployment_state()
            ),
        )],
        pods => {
            let ids: Vec<&str> = pods.iter().map(|pod| pod.id.as_str()).collect();
            let ids = ids.join(", ");
            vec![step(
                ActionType::Update,
                format!("several pods have this name and a deploy would fail: {ids}"),
            )]
        }
    }
}

fn settings(blueprint: &Blueprint, plan: &Plan) -> BTreeMap<String, Value> {
    let ids: Vec<&str> = plan
        .candidates
        .iter()
        .flat_map(|candidate| match &candidate.hardware {
            Hardware::AnyGpu { ids, .. } => ids.iter().map(String::as_str).collect(),
            Hardware::Gpu { id, .. } => vec![id.as_str()],
            Hardware::Cpu { flavor, .. } => vec![flavor.as_str()],
            _ => Vec::new(),
        })
        .collect();
    let mut settings = BTreeMap::from([
        ("image", json!(blueprint.image)),
        ("container_disk_gb", json!(plan.container_disk_gb)),
        ("volume_gb", json!(blueprint.volume_gb)),
        ("cloud_type", json!(blueprint.cloud)),
        ("ports", json!(blueprint.ports)),
        ("data_center_ids", json!(plan.data_centers)),
        ("network_volume_id", json!(blueprint.network_volume)),
        ("spot", json!(blueprint.spot)),
    ]);
    match blueprint.compute {
        Compute::Gpu { count, .. } => settings.extend([
            ("compute_type", json!("GPU")),
            ("gpu_type_ids", json!(ids)),
            ("gpu_count", json!(count)),
        ]),
        Compute::Cpu { vcpus, .. } => settings.extend([
            ("compute_type", json!("CPU")),
            ("cpu_flavor_ids", json!(ids)),
            ("vcpu_count", json!(vcpus)),
        ]),
    }
    settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn notes(blueprint: &Blueprint, plan: &Plan) -> String {
    let mut notes = vec!["list prices, storage included; a network volume bills besides".to_owned()];
    if plan.stopped_usd_per_month > 0.0 {
        notes
            .push(format!("while stopped the pod volume bills ${:.2} per month", plan.stopped_usd_per_month));
    }
    notes.extend(blueprint.warnings.iter().cloned());
    notes.extend(plan.warnings.iter().cloned());
    notes.join("; ")
}
