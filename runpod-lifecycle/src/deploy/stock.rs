//! The data centers where a spec's hardware is in stock, for a network volume that its pod is to mount.

use std::cmp::Reverse;

use crate::{
    Cloud, DeployError, Error, PodSpec, Problem, RunPod, SpecError, Stock,
    client::call::Call,
    deploy::{candidate::Candidate, nearest::unknown},
    spec::offer::same_data_center,
};

impl RunPod {
    /// The data centers that take network volumes and have stock of a spec's hardware: those of the first candidate before
    /// those of the second, and of each the best stock first. None only if the catalog shows that there are none; `None` if it
    /// does not tell.
    pub(crate) async fn stocked_data_centers(
        &self,
        spec: &PodSpec,
    ) -> Result<Option<Vec<String>>, DeployError> {
        let spec = without_volume(spec)?;
        let placement = self.placement(&spec).await?;
        let all = self.or_nothing(self.all_data_centers().await)?.unwrap_or_default();
        let takes_none = |id: &str| {
            all.iter().any(|center| same_data_center(&center.id, id) && center.has_volumes == Some(false))
        };
        let is_told = |one: &Candidate| one.stock == Some(Stock::None) || !one.data_centers.is_empty();
        let are_all_told = placement.candidates.iter().all(is_told);
        let mut places: Vec<String> = Vec::new();
        for mut candidate in placement.candidates {
            candidate.data_centers.sort_by_key(|(_, stock)| Reverse(*stock));
            let here = candidate.data_centers.into_iter().map(|(id, _)| id).filter(|id| !takes_none(id));
            places.extend(here);
        }
        let mut seen = std::collections::BTreeSet::new();
        places.retain(|id| seen.insert(id.clone()));
        Ok((are_all_told || !places.is_empty()).then_some(places))
    }

    /// A data center as the catalog spells it, as it is if the catalog cannot be read.
    pub(crate) async fn spelled(&self, id: &str, call: Call<'_>) -> Result<String, Error> {
        use crate::ErrorKind::Rejected;
        let all = self.all_data_centers().await.unwrap_or_default();
        match all.iter().find(|center| same_data_center(&center.id, id)) {
            Some(center) if center.has_volumes == Some(false) => {
                Err(call.refused(Rejected, format!("not sent: {} takes no network volumes", center.id)))
            }
            Some(center) => Ok(center.id.clone()),
            None if all.is_empty() => Ok(id.to_owned()),
            None => {
                let known = unknown("data center", id, all.iter().map(|center| center.id.as_str()));
                Err(call.refused(Rejected, format!("not sent: {id:?}: {known}")))
            }
        }
    }
}

/// The spec as it may be placed with any network volume: those exist in the secure cloud only.
fn without_volume(spec: &PodSpec) -> Result<PodSpec, DeployError> {
    let mut spec = spec.clone();
    if spec.cloud == Cloud::Community && spec.get_gpu_count() > 0 {
        let allowed = "network volumes exist in the secure cloud only; choose that one or either";
        let problem = Problem::new("cloud", "Community", allowed);
        return Err(DeployError::Spec(SpecError::new(&spec.name, vec![problem])));
    }
    spec.cloud = Cloud::Secure;
    (spec.network_volume, spec.mount_path) = (None, None);
    Ok(spec)
}
