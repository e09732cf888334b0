//! The cost of a pod, per hour and so far.

use std::fmt;

use crate::{
    Error, Pod, PodHandle, RunPod, client::call::Call, error::operation::Operation, version::Feature,
};

/// Hours in a month, as cloud prices are usually told.
pub(crate) const HOURS_PER_MONTH: f64 = 730.0;
/// Price of container disk and pod volume while the pod runs, USD per GB and month (RunPod's price list, 2026).
const RUNNING_USD_PER_GB_MONTH: f64 = 0.10;
/// Price of a pod volume while the pod is stopped, USD per GB and month (RunPod's price list, 2026).
const STOPPED_USD_PER_GB_MONTH: f64 = 0.20;

/// The cost of so many GB of container disk and pod volume while the pod runs, in USD per hour.
pub(crate) fn running_storage(gb: f64) -> f64 {
    gb * RUNNING_USD_PER_GB_MONTH / HOURS_PER_MONTH
}

/// The cost of so many GB of pod volume while the pod is stopped, in USD per hour.
pub(crate) fn stopped_storage(gb: f64) -> f64 {
    gb * STOPPED_USD_PER_GB_MONTH / HOURS_PER_MONTH
}

/// The cost of a pod per hour in the state it was seen in. A network volume bills besides.
///
/// Its Display is a phrase for a person.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HourlyCost {
    /// GPUs or vCPUs in USD, as RunPod says; 0 while stopped. `None` if it did not say.
    pub compute_usd: Option<f64>,
    /// Container disk and pod volume in USD, by RunPod's price list; of a stopped pod the volume alone.
    /// `None` if RunPod did not say how large they are.
    pub storage_usd: Option<f64>,
}

impl HourlyCost {
    /// Everything in USD; `None` if RunPod named no price, or did not say how large the disks are.
    #[must_use]
    pub fn total_usd(&self) -> Option<f64> {
        Some(self.compute_usd? + self.storage_usd?)
    }
}

impl fmt::Display for HourlyCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.compute_usd, self.storage_usd) {
            (Some(0.0), Some(storage)) => write!(f, "${storage:.3} per hour, all of it storage"),
            (Some(compute), Some(storage)) => {
                write!(f, "${:.3} per hour, ${storage:.3} of it storage", compute + storage)
            }
            (Some(compute), None) => {
                write!(f, "${compute:.3} per hour, and storage, whose size RunPod has not named")
            }
            (None, Some(storage)) => {
                write!(f, "${storage:.3} per hour for storage, and what RunPod has not named")
            }
            (None, None) => f.write_str("a price per hour that RunPod has not named"),
        }
    }
}

impl Pod {
    /// Returns its cost per hour in the state it was seen in, storage included.
    #[must_use]
    pub fn hourly_cost(&self) -> HourlyCost {
        let gb = |size: i64| size.max(0) as f64;
        let volume = self.volume_gb.or(self.knows_volume.then_some(0)).map(gb);
        let disk = self.container_disk_gb.map(gb);
        match &self.state {
            Some(state) if state.is_gone() => HourlyCost { compute_usd: Some(0.0), storage_usd: Some(0.0) },
            // RunPod may go on naming the price of the running pod.
            Some(state) if state.is_stopped() => {
                HourlyCost { compute_usd: Some(0.0), storage_usd: volume.map(stopped_storage) }
            }
            _ => HourlyCost {
                compute_usd: self.cost_usd_per_hour,
                storage_usd: disk.zip(volume).map(|(disk, volume)| running_storage(disk + volume)),
            },
        }
    }
}

impl RunPod {
    /// Returns the cost of a pod so far by RunPod's billing, in USD: GPU, CPU and disks.
    ///
    /// Billing lags behind the pod; what it costs right now is
    /// [`Pod::hourly_cost`](crate::Pod::hourly_cost). A pod billing does not know yet costs 0.
    ///
    /// # Errors
    /// If billing cannot be read; [`ErrorKind::Unsupported`](crate::ErrorKind) on REST v1.
    pub async fn billed_usd(&self, pod_id: &str) -> Result<f64, Error> {
        let call = Call::read(Operation::ReadBilling, Some(pod_id));
        self.require(Feature::Billing, call)?;
        self.repeatedly(call, || self.backend().billed_usd(pod_id)).await
    }
}

impl PodHandle {
    /// Returns the cost of the pod so far. See [`RunPod::billed_usd`].
    ///
    /// # Errors
    /// As [`RunPod::billed_usd`].
    pub async fn billed_usd(&self) -> Result<f64, Error> {
        self.runpod().billed_usd(&self.id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_that_of_the_state_the_pod_is_in() {
        for (state, said, total, words) in [
            ("RUNNING", Some(5.52), Some(5.5405), "$5.541 per hour, $0.021 of it storage"),
            ("PROVISIONING", Some(5.52), Some(5.5405), "$5.541 per hour, $0.021 of it storage"),
            ("RUNNING", None, None, "$0.021 per hour for storage, and what RunPod has not named"),
            ("EXITED", Some(0.0), Some(0.0274), "$0.027 per hour, all of it storage"),
            ("EXITED", Some(5.52), Some(0.0274), "$0.027 per hour, all of it storage"),
            ("EXITED", None, Some(0.0274), "$0.027 per hour, all of it storage"),
            ("TERMINATED", Some(5.52), Some(0.0), "$0.000 per hour, all of it storage"),
        ] {
            let mut pod = Pod::scripted("a", state, false);
            (pod.container_disk_gb, pod.volume_gb, pod.cost_usd_per_hour) = (Some(50), Some(100), said);
            let cost = pod.hourly_cost();
            assert_eq!(
                cost.total_usd().map(|usd| (usd * 1e4).round()),
                total.map(|usd: f64| (usd * 1e4).round()),
                "{state} {said:?}"
            );
            assert_eq!(cost.to_string(), words, "{state} {said:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_called_nothing() {
        for (state, disk, volume, knows_volume, said, words) in [
            (
                "RUNNING",
                None,
                Some(100),
                true,
                Some(5.52),
                "$5.520 per hour, and storage, whose size RunPod has not named",
            ),
            (
                "RUNNING",
                Some(50),
                None,
                false,
                Some(5.52),
                "$5.520 per hour, and storage, whose size RunPod has not named",
            ),
            ("RUNNING", Some(50), None, true, Some(5.52), "$5.527 per hour, $0.007 of it storage"),
            (
                "EXITED",
                None,
                None,
                false,
                Some(5.52),
                "$0.000 per hour, and storage, whose size RunPod has not named",
            ),
            ("EXITED", None, None, true, Some(5.52), "$0.000 per hour, all of it storage"),
            ("RUNNING", None, None, false, None, "a price per hour that RunPod has not named"),
        ] {
            let mut pod = Pod::scripted("a", state, false);
            (pod.container_disk_gb, pod.volume_gb, pod.knows_volume) = (disk, volume, knows_volume);
            pod.cost_usd_per_hour = said;
            assert_eq!(pod.hourly_cost().to_string(), words, "{state} {disk:?} {volume:?}");
        }
    }
}
