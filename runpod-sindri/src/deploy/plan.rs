//! Plan of a deploy: its steps and its cost.

use std::collections::BTreeMap;

use runpod_lifecycle::{Candidate, Hardware, Plan};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    CloudType, DeploymentState, ProviderError, RunpodProvider, SindriConfig, blueprint::Blueprint,
    client::NAME, deploy::volume,
};

/// Plan of a deploy: its steps and its cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeploymentPlan {
    /// `runpod`.
    pub provider: String,
    /// The steps.
    pub actions: Vec<PlannedAction>,
    /// The resources that there would be.
    pub resources: Vec<PlannedResource>,
    /// Their cost; `None` if the catalog names no price.
    pub estimated_cost: Option<CostEstimate>,
}

/// Something that would be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedAction {
    /// The kind of step.
    pub action: ActionType,
    /// The resource it is about: `pod NAME`.
    pub resource: String,
    /// The same for a person, in one line: hardware, price and stock of what would be created, and every warning.
    pub description: String,
}

/// Kind of step.
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

/// Cost by RunPod's catalog.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostEstimate {
    /// Per hour while running, storage included.
    pub hourly: Option<f64>,
    /// Per month of 730 hours without a stop.
    pub monthly: Option<f64>,
    /// `USD`.
    pub currency: String,
    /// Costs that the numbers leave out, and surprises.
    pub notes: Option<String>,
}

impl DeploymentPlan {
    pub(crate) fn of(config: &SindriConfig, blueprint: &Blueprint, plan: &Plan, force: bool) -> Self {
        Self {
            provider: NAME.to_owned(),
            actions: actions(&config.name, blueprint, plan, force),
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
}

impl RunpodProvider {
    /// Plans a deploy and tells its steps and cost, a line each for a person.
    ///
    /// # Errors
    /// As [`Provider::plan`](crate::Provider::plan).
    pub async fn plan_lines(&self, config: &SindriConfig) -> Result<Vec<String>, ProviderError> {
        let (blueprint, plan) = self.planned(config).await?;
        Ok(lines(&config.name, &blueprint, &plan, false))
    }

    pub(crate) async fn planned(&self, config: &SindriConfig) -> Result<(Blueprint, Plan), ProviderError> {
        let runpod = self.watched()?;
        let blueprint = volume::planned(&runpod, &config.name, &self.blueprint(config)?).await?;
        let plan = runpod.plan(&blueprint.spec(false)).await;
        Ok((blueprint.clone(), plan.map_err(ProviderError::deploy(&config.name, blueprint.suggestions()))?))
    }
}

/// Tells the steps of a plan in a few words.
fn steps(name: &str, plan: &Plan, force: bool) -> Vec<(ActionType, String)> {
    let create = || (ActionType::Create, format!("create pod {name:?}"));
    match plan.existing.as_slice() {
        [] => vec![create()],
        [pod] if force => {
            vec![(ActionType::Delete, format!("terminate pod {} of that name", pod.id)), create()]
        }
        [pod] => {
            let state = DeploymentState::of(pod);
            let text = format!("pod {} is {state} and already exists (use --force to recreate)", pod.id);
            vec![(ActionType::Update, text)]
        }
        pods => {
            let ids: Vec<&str> = pods.iter().map(|pod| pod.id.as_str()).collect();
            let text = format!("several pods have this name and a deploy would fail: {}", ids.join(", "));
            vec![(ActionType::Update, text)]
        }
    }
}

/// The steps, with all there is to know of a create in its own line, and the warnings in that of the last one: Sindri's dry run
/// shows nothing else.
fn actions(name: &str, blueprint: &Blueprint, plan: &Plan, force: bool) -> Vec<PlannedAction> {
    let whole = |action, step: String| {
        let mut told = vec![step];
        if action == ActionType::Create {
            told[0] += &format!(" with {}", hardware(plan));
            told.extend(plan.usd_per_hour.map(|usd| format!("about ${usd:.3} per hour, storage included")));
        }
        if action != ActionType::Delete {
            told.extend(warnings(blueprint, plan).map(|warning| format!("warning: {warning}")));
        }
        told.join("; ")
    };
    let resource = format!("pod {name}");
    let action = |(action, step)| PlannedAction {
        action,
        resource: resource.clone(),
        description: whole(action, step),
    };
    steps(name, plan, force).into_iter().map(action).collect()
}

/// Lists the hardware that would be asked for, in that order.
fn hardware(plan: &Plan) -> String {
    let one = |candidate: &Candidate| {
        let cloud = format!("{:?}", candidate.cloud).to_lowercase();
        let price =
            candidate.price_usd_per_hour.map(|usd| format!(", ${usd:.3} per hour")).unwrap_or_default();
        let stock = candidate.stock.map(|stock| format!(", stock {stock}")).unwrap_or_default();
        format!("{} ({cloud} cloud{price}{stock})", candidate.hardware)
    };
    plan.candidates.iter().map(one).collect::<Vec<_>>().join(", else ")
}

fn warnings(blueprint: &Blueprint, plan: &Plan) -> impl Iterator<Item = String> {
    blueprint.warnings.iter().cloned().chain(plan.warnings.iter().map(ToString::to_string))
}

/// A plan for a person: its own text under what would be done, and what it leaves out.
pub(crate) fn lines(name: &str, blueprint: &Blueprint, plan: &Plan, force: bool) -> Vec<String> {
    let mut lines: Vec<String> = steps(name, plan, force).into_iter().map(|(_, step)| step).collect();
    lines.extend(plan.to_string().lines().skip(1).map(str::to_owned));
    lines.extend(blueprint.warnings.iter().map(|warning| format!("warning: {warning}")));
    let spec = &blueprint.spec;
    let image = spec.get_image().unwrap_or("as the template says");
    lines.push(format!("image: {image}"));
    let disk =
        plan.container_disk_gb.map_or("of the template's size".to_owned(), |size| format!("{size} GB"));
    let volume = match (spec.get_network_volume(), spec.get_volume_gb()) {
        (Some(id), _) => format!("network volume {id}"),
        (None, None) => "no volume".to_owned(),
        (None, Some(size)) => format!("{size} GB of pod volume"),
    };
    lines.push(format!("storage: container disk {disk}, {volume}"));
    lines.push(format!("ports: {}", spec.get_ports().join(", ")));
    lines.push(format!("note: {}", costs(plan)));
    lines
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
    let spec = &blueprint.spec;
    let mut settings = BTreeMap::from([
        ("image", json!(spec.get_image())),
        ("container_disk_gb", json!(plan.container_disk_gb)),
        ("volume_gb", json!(spec.get_volume_gb().unwrap_or(0))),
        ("cloud_type", json!(CloudType::from(spec.get_cloud()))),
        ("ports", json!(spec.get_ports())),
        ("data_center_ids", json!(plan.data_centers)),
        ("network_volume_id", json!(spec.get_network_volume())),
        ("spot", json!(spec.get_interruptible())),
    ]);
    match spec.get_vcpus() {
        None => settings.extend([
            ("compute_type", json!("GPU")),
            ("gpu_type_ids", json!(ids)),
            ("gpu_count", json!(spec.get_gpu_count())),
        ]),
        Some(vcpus) => settings.extend([
            ("compute_type", json!("CPU")),
            ("cpu_flavor_ids", json!(ids)),
            ("vcpu_count", json!(vcpus)),
        ]),
    }
    settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn notes(blueprint: &Blueprint, plan: &Plan) -> String {
    std::iter::once(costs(plan)).chain(warnings(blueprint, plan)).collect::<Vec<_>>().join("; ")
}

/// Notes on the prices and on what they leave out.
fn costs(plan: &Plan) -> String {
    let mut costs = "list prices, storage included; a network volume bills besides".to_owned();
    if plan.stopped_usd_per_month > 0.0 {
        let month = plan.stopped_usd_per_month;
        costs += &format!("; while stopped the pod volume bills ${month:.2} per month");
    }
    costs
}
