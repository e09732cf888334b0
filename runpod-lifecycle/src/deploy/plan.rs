//! A deploy's plan, without the deploy.

use std::fmt;

use crate::{
    Candidate, Cloud, DeployError, Difference, Found, Hardware, IfExists, LeftOut, PodHandle, PodSpec,
    RunPod, Stock, Warning,
    observe::doing::Doing,
    pods::cost::{HOURS_PER_MONTH, stopped_storage},
    spec::HardwareSpec,
    word::words,
};

/// The action that a deploy would take about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlannedAction {
    /// Create a pod.
    Create,
    /// Take the pod that has the name.
    Adopt,
    /// Take the pod that has the name, and start it: it is stopped.
    AdoptAndStart,
    /// Terminate the pod that has the name, then create one.
    Replace,
    /// Fail: the name is taken.
    Refuse,
}

words!(
    PlannedAction,
    "action",
    Create => "create",
    Adopt => "adopt",
    AdoptAndStart => "adopt_and_start",
    Replace => "replace",
    Refuse => "refuse",
);

/// The actions [`RunPod::deploy`] would take for a spec right now, and their cost.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Plan {
    /// The action.
    pub action: PlannedAction,
    /// The pods that have the name already.
    pub existing: Vec<PodHandle>,
    /// Differences between the pod that would be adopted and the spec, as far as RunPod shows; empty without one.
    pub differences: Vec<Difference>,
    /// The candidates that would be tried, in that order.
    pub candidates: Vec<Candidate>,
    /// Hardware that would not be tried although the spec allows it by name or by need, and why.
    pub left_out: Vec<LeftOut>,
    /// The data centers allowed, a network volume's own included; empty for any.
    pub data_centers: Vec<String>,
    /// The container disk that would be sent for the candidate priced below, in GB; `None` if a template has it.
    pub container_disk_gb: Option<u32>,
    /// USD per hour while running, storage included, for the first candidate that is in stock and
    /// has a list price; `None` if there is none.
    pub usd_per_hour: Option<f64>,
    /// USD per month of running without a pause (730 hours).
    pub usd_per_month: Option<f64>,
    /// USD per month while stopped: the pod volume goes on billing. 0 without one.
    pub stopped_usd_per_month: f64,
    /// Anything that may surprise.
    pub warnings: Vec<Warning>,
}

impl RunPod {
    /// Plans what [`deploy`](Self::deploy) would do with this spec right now. Only reads are sent.
    ///
    /// Prices are list prices; what is really billed is in [`Pod::cost_usd_per_hour`](crate::Pod).
    ///
    /// # Errors
    /// As `deploy`, for everything that happens before its first create.
    pub async fn plan(&self, spec: &PodSpec) -> Result<Plan, DeployError> {
        self.operation(Doing::new("plan pod", spec.name.as_str()), self.planned_for(spec)).await
    }

    async fn planned_for(&self, spec: &PodSpec) -> Result<Plan, DeployError> {
        let placement = self.placement(spec).await?;
        let existing = match self.find(&spec.name).await.map_err(DeployError::Lookup)? {
            Found::None => Vec::new(),
            Found::One(pod) => vec![pod],
            Found::Many(pods) => pods,
        };
        let action = planned(spec.if_exists, &existing);
        let adopted = existing.first().filter(|_| action.adopts());
        let differences = adopted.map(|pod| spec.differences(pod)).unwrap_or_default();
        let volume_gb = f64::from(spec.volume_gb.unwrap_or(0));
        let expected = expected(&placement.candidates);
        let container_disk_gb = expected.and_then(|candidate| spec.disk_gb(&candidate.hardware));
        let usd_per_hour = expected.and_then(|candidate| spec.usd_per_hour(candidate));
        let mut warnings = warnings(spec, &placement.candidates);
        warnings.extend(placement.warnings);
        warnings.extend(self.ssh_warning(spec).await);
        Ok(Plan {
            action,
            existing,
            differences,
            candidates: placement.candidates,
            left_out: placement.left_out,
            data_centers: placement.data_centers,
            container_disk_gb,
            usd_per_hour,
            usd_per_month: usd_per_hour.map(|price| price * HOURS_PER_MONTH),
            stopped_usd_per_month: stopped_storage(volume_gb) * HOURS_PER_MONTH,
            warnings,
        })
    }
}

impl PlannedAction {
    /// Returns true if the pod that has the name would be taken.
    #[must_use]
    pub fn adopts(self) -> bool {
        matches!(self, Self::Adopt | Self::AdoptAndStart)
    }
}

/// The action about the pods that have a name.
fn planned(if_exists: IfExists, existing: &[PodHandle]) -> PlannedAction {
    let [pod] = existing else {
        return if existing.is_empty() { PlannedAction::Create } else { PlannedAction::Refuse };
    };
    match if_exists {
        IfExists::Fail => PlannedAction::Refuse,
        IfExists::Replace => PlannedAction::Replace,
        IfExists::AdoptAndStart if pod.is_stopped() => PlannedAction::AdoptAndStart,
        IfExists::Adopt | IfExists::AdoptAndStart => PlannedAction::Adopt,
    }
}

/// The candidate most likely to be taken.
fn expected(candidates: &[Candidate]) -> Option<&Candidate> {
    let priced = || candidates.iter().filter(|candidate| candidate.price_usd_per_hour.is_some());
    let in_stock = priced().find(|candidate| candidate.stock.is_none_or(|stock| stock > Stock::None));
    // A price without stock still tells the cost better than none.
    in_stock.or_else(|| priced().next()).or(candidates.first())
}

fn warnings(spec: &PodSpec, candidates: &[Candidate]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if candidates.iter().all(|candidate| candidate.stock == Some(Stock::None)) {
        warnings.push(Warning::OutOfStock);
    }
    for candidate in candidates {
        if let (Hardware::Gpu { .. }, None) = (&candidate.hardware, candidate.price_usd_per_hour) {
            let (hardware, cloud) = (candidate.hardware.to_string(), candidate.cloud);
            warnings.push(Warning::NotOffered { hardware, cloud });
        }
    }
    if spec.volume_gb.is_some() {
        warnings.push(Warning::VolumeStays);
    }
    if spec.has_template() && (spec.container_disk_gb.is_none() || spec.volume_gb.is_none()) {
        warnings.push(Warning::PriceWithoutTemplate);
    }
    if let Some(id) = spec.get_network_volume() {
        warnings.push(Warning::PriceWithoutNetworkVolume { network_volume: id.to_owned() });
    }
    if spec.network_volume.is_some() && spec.cloud == Cloud::Either {
        warnings.push(Warning::SecureCloudOnly { subject: "network volumes" });
    }
    if let (HardwareSpec::Cpu(_), Cloud::Community | Cloud::Either) = (&spec.hardware, spec.cloud) {
        warnings.push(Warning::SecureCloudOnly { subject: "CPU pods" });
    }
    warnings
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.action {
            PlannedAction::Create => f.write_str("create a pod")?,
            PlannedAction::Adopt => f.write_str("adopt the pod that has the name")?,
            PlannedAction::AdoptAndStart => {
                f.write_str("adopt the pod that has the name, and start it: it is stopped")?;
            }
            PlannedAction::Replace => f.write_str("terminate the pod that has the name, then create one")?,
            PlannedAction::Refuse => f.write_str("refuse: the name is taken")?,
        }
        for difference in &self.differences {
            write!(f, "\n  {difference}")?;
        }
        for candidate in &self.candidates {
            write!(f, "\n  {} ({:?})", candidate.hardware, candidate.cloud)?;
            if let Some(price) = candidate.price_usd_per_hour {
                write!(f, ", ${price:.3}/h")?;
            }
            if let Some(stock) = candidate.stock {
                write!(f, ", stock {stock}")?;
            }
        }
        for left_out in &self.left_out {
            write!(f, "\n  not {left_out}")?;
        }
        if let (Some(hour), Some(month)) = (self.usd_per_hour, self.usd_per_month) {
            write!(f, "\nabout ${hour:.3} per hour, ${month:.2} per month, storage included")?;
        }
        for warning in &self.warnings {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}
