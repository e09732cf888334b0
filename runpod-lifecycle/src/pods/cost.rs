//! The cost of a pod, per hour and so far.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

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
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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
        let volume = self.known_volume_gb();
        let disk = self.container_disk_gb.map(gb);
        match &self.state {
            Some(state) if state.is_gone() => HourlyCost { compute_usd: Some(0.0), storage_usd: Some(0.0) },
            // RunPod may go on naming the price of the running pod.
            Some(state) if state.is_stopped() => {
                HourlyCost { compute_usd: Some(0.0), storage_usd: self.stopped_usd_per_hour() }
            }
            _ => HourlyCost {
                compute_usd: self.cost_usd_per_hour,
                storage_usd: disk.zip(volume).map(|(disk, volume)| running_storage(disk + volume)),
            },
        }
    }

    /// The cost of its pod volume while it is stopped, per hour; `None` if RunPod did not say how large it is.
    fn stopped_usd_per_hour(&self) -> Option<f64> {
        self.known_volume_gb().map(stopped_storage)
    }

    fn known_volume_gb(&self) -> Option<f64> {
        self.volume_gb.or(self.knows_volume.then_some(0)).map(gb)
    }
}

fn gb(size: i64) -> f64 {
    size.max(0) as f64
}

/// The cost of a pod since its create, in USD, as far as it is known.
///
/// Its Display is a phrase for a person.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CostSoFar {
    /// By its price and the time of its present run, storage included; of a time before that run, when it may have been
    /// stopped, its pod volume alone. `None` for a pod that is gone or in no state, and if RunPod did not say when it was
    /// created, what it costs or how large its disks are.
    pub estimated_usd: Option<f64>,
    /// By RunPod's billing, which lags, all of the pod's runs included; `None` if that could not be read.
    pub billed_usd: Option<f64>,
    /// Why billing could not be read; `None` if it was.
    pub billing_error: Option<Error>,
}

impl CostSoFar {
    /// The least that it has cost: the larger of both figures, since neither counts what it does not know. `None` if
    /// there is none.
    #[must_use]
    pub fn at_least_usd(&self) -> Option<f64> {
        self.estimated_usd.into_iter().chain(self.billed_usd).max_by(f64::total_cmp)
    }
}

impl fmt::Display for CostSoFar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.at_least_usd(), self.billed_usd) {
            (Some(usd), Some(billed)) => write!(f, "${usd:.2} so far, ${billed:.2} of it billed yet"),
            (Some(usd), None) => write!(f, "${usd:.2} so far by its price; billing could not be read"),
            (None, _) => f.write_str("a cost so far that RunPod has not named"),
        }
    }
}

impl Pod {
    /// The least that it has cost by its price, its size and its times; `None` if any is not known, or if it is gone.
    fn estimated_usd(&self, now: SystemTime) -> Option<f64> {
        let since = |at: SystemTime| now.duration_since(at).unwrap_or_default();
        let lived = since(self.created()?);
        let is_running = match &self.state {
            Some(state) if state.is_gone() => return None,
            Some(state) => !state.is_stopped(),
            None => return None,
        };
        let running =
            if is_running { self.started().map_or(lived, since).min(lived) } else { Duration::ZERO };
        let hours = |time: Duration| time.as_secs_f64() / 3600.0;
        let price = if is_running { self.hourly_cost().total_usd()? } else { 0.0 };
        Some(price * hours(running) + self.stopped_usd_per_hour()? * hours(lived - running))
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

    /// Returns the cost of the pod so far: by its price and its times, and by RunPod's billing as far as that has come. Sends two
    /// requests. A pod that RunPod does not show now is counted as far as this handle has seen it.
    ///
    /// ```no_run
    /// # async fn example(pod: runpod_lifecycle::PodHandle) {
    /// let cost = pod.cost_so_far().await;
    /// println!("{cost}");
    /// # }
    /// ```
    pub async fn cost_so_far(&self) -> CostSoFar {
        let seen = self.refresh().await.unwrap_or_else(|_| self.clone());
        // What it has cost since it was seen is not known.
        let until = seen.seen_at.unwrap_or_else(|| self.runpod().server_now());
        let estimated_usd = seen.estimated_usd(until);
        let (billed_usd, billing_error) = match self.billed_usd().await {
            Ok(usd) => (Some(usd), None),
            Err(error) => (None, Some(error)),
        };
        CostSoFar { estimated_usd, billed_usd, billing_error }
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

    #[test]
    fn the_cost_so_far_counts_what_is_known_of_a_pods_times() {
        let at = |time: &str| humantime::parse_rfc3339(time).unwrap();
        let now = at("2026-11-01T10:00:00Z");
        for (state, created, started, said, expected) in [
            ("RUNNING", Some("2026-11-01T00:00:00Z"), Some("2026-11-01T00:00:00Z"), Some(2.0), Some(20.205)),
            ("RUNNING", Some("2026-11-01T00:00:00Z"), None, Some(2.0), Some(20.205)),
            ("RUNNING", Some("2026-11-01T00:00:00Z"), Some("2026-11-01T08:00:00Z"), Some(2.0), Some(4.260)),
            ("EXITED", Some("2026-11-01T00:00:00Z"), Some("2026-11-01T08:00:00Z"), Some(2.0), Some(0.274)),
            ("RUNNING", Some("2026-11-01T11:00:00Z"), None, Some(2.0), Some(0.0)),
            ("RUNNING", None, Some("2026-11-01T08:00:00Z"), Some(2.0), None),
            ("RUNNING", Some("2026-11-01T00:00:00Z"), None, None, None),
            ("TERMINATED", Some("2026-11-01T00:00:00Z"), None, Some(2.0), None),
        ] {
            let mut pod = Pod::scripted("a", state, false);
            (pod.container_disk_gb, pod.volume_gb, pod.cost_usd_per_hour) = (Some(50), Some(100), said);
            (pod.created_at, pod.started_at) = (created.map(str::to_owned), started.map(str::to_owned));
            let usd = pod.estimated_usd(now);
            let rounded = |usd: Option<f64>| usd.map(|usd| (usd * 1e3).round());
            assert_eq!(rounded(usd), rounded(expected), "{state} {created:?} {started:?}: {usd:?}");
        }
    }

    #[test]
    fn the_least_is_the_larger_of_price_and_billing() {
        for (estimated_usd, billed_usd, words) in [
            (Some(2.5), Some(1.0), "$2.50 so far, $1.00 of it billed yet"),
            (Some(2.5), Some(40.0), "$40.00 so far, $40.00 of it billed yet"),
            (None, Some(1.0), "$1.00 so far, $1.00 of it billed yet"),
            (Some(2.5), None, "$2.50 so far by its price; billing could not be read"),
            (None, None, "a cost so far that RunPod has not named"),
        ] {
            assert_eq!(CostSoFar { estimated_usd, billed_usd, billing_error: None }.to_string(), words);
        }
    }
}
