//! The price of a pod that RunPod has made, against the spec's limit.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    Candidate, DeployError, Error, ErrorKind, Event, Origin, Pod, PodHandle, Warning,
    deploy::{deployment::Deployment, step::CandidateError},
    error::operation::Operation,
    knowledge::{identity::Claim, record::Created},
};

/// Prices are told in tenths of a cent.
pub(crate) const PRICE_ROUNDING_USD: f64 = 0.001;

impl Deployment<'_> {
    /// The pod, unless it costs more than the spec allows: then it is terminated.
    pub(crate) async fn within_price(
        &mut self,
        pod: Pod,
        candidate: &Candidate,
    ) -> Result<Pod, CandidateError> {
        let Some(max_usd_per_hour) = self.spec.max_usd_per_hour else { return Ok(pod) };
        let Some(compute) = pod.cost_usd_per_hour else {
            let warning = Warning::PriceUnknown { pod_id: pod.id.clone() };
            self.runpod.notify(&Event::Warned { warning });
            return Ok(pod);
        };
        // RunPod's own word on the disks where it gives one.
        let storage = pod.hourly_cost().storage_usd;
        let usd_per_hour =
            compute + storage.unwrap_or_else(|| self.spec.storage_usd_per_hour(&candidate.hardware));
        if usd_per_hour <= max_usd_per_hour + PRICE_ROUNDING_USD {
            return Ok(pod);
        }
        // A 404 about a pod as new as that proves nothing.
        let (claim, at) = (Claim { window: Some(self.window(&pod)), ..self.claim.clone() }, Instant::now());
        let created = Created { claim, at, pod: Arc::new(pod.clone()), adopts: false };
        let record = self.runpod.lookups().records.created(created.clone());
        let handle = PodHandle::of_create(self.runpod.clone(), created.pod, record);
        self.over_price = Some(handle.with_origin(Origin::Created));
        let (name, pod_id) = (self.spec.name.clone(), pod.id.clone());
        if let Err(source) = self.runpod.end(&pod).await {
            let over = DeployError::OverPrice { name, pod_id, usd_per_hour, max_usd_per_hour, source };
            return Err(CandidateError::End(over));
        }
        self.runpod.notify(&Event::OverPriceTerminated {
            pod_id: pod_id.clone(),
            usd_per_hour,
            max_usd_per_hour,
        });
        let message = format!("pod {pod_id} cost ${usd_per_hour:.3} per hour and was terminated");
        let error = Error::of_answer(ErrorKind::OverPrice, Operation::CreatePod, Some(&name), message);
        Err(CandidateError::NextCandidate(error))
    }
}
