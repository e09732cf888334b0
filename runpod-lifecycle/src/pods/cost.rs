//! What a pod has cost so far.

use crate::{
    Error, PodHandle, RunPod,
    client::{Call, Feature},
};

impl RunPod {
    /// What RunPod's billing says a pod has cost so far, in USD: GPU, CPU and disks.
    ///
    /// Billing lags behind the pod; what it costs right now is
    /// [`Pod::cost_usd_per_hour`](crate::Pod::cost_usd_per_hour). A pod billing does not know yet costs 0.
    ///
    /// # Errors
    /// If billing cannot be read; [`ErrorKind::Unsupported`](crate::ErrorKind) on REST v1.
    pub async fn billed_usd(&self, pod_id: &str) -> Result<f64, Error> {
        let call = Call::look("read billing of pod", Some(pod_id));
        self.require(Feature::Billing, call)?;
        self.repeatedly(call, || self.backend().billed_usd(pod_id)).await
    }
}

impl PodHandle {
    /// What the pod has cost so far. See [`RunPod::billed_usd`].
    ///
    /// # Errors
    /// As [`RunPod::billed_usd`].
    pub async fn billed_usd(&self) -> Result<f64, Error> {
        self.runpod().billed_usd(&self.id).await
    }
}
