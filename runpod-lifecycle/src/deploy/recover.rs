//! Finding out what became of a create whose answer was lost.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    DeployError, Error, Event, Pod, RunPod,
    backend::Create,
    client::Tries,
    pods::{evidence::Finding, list::Listing},
};

/// Pauses before each look for a pod whose create has an unknown outcome: 15 s in all, since new
/// pods show up in lists late (observed).
pub(crate) const RECONCILE_PAUSES: [u64; 5] = [0, 1, 2, 4, 8];

impl RunPod {
    /// Finds out whether a create with an unknown outcome made a pod. `None` means that no list shows one,
    /// which is proof enough to send it again.
    pub(crate) async fn reconcile(
        &self,
        create: &Create<'_>,
        marker: &str,
        error: &Error,
    ) -> Result<Option<Pod>, DeployError> {
        self.notify(&Event::OutcomeUnclear { hardware: create.hardware.to_string(), error: error.what() });
        let name = &create.spec.name;
        let unclear = |seen: Option<String>, lookup| DeployError::Unclear {
            name: name.clone(),
            pod_id: seen.or_else(|| error.recovered_id().map(str::to_owned)),
            reason: error.what(),
            source: lookup,
        };
        let mut kept: Option<String> = None;
        let mut doubt = None;
        for pause in RECONCILE_PAUSES {
            sleep(Duration::from_secs(pause)).await;
            match self.look_for(name, marker, error.recovered_id()).await {
                // A list that lacks the pod to be kept proves nothing about it.
                Ok(Sighting::Ours(pods)) if lacks(&pods, kept.as_ref()) => {}
                Ok(Sighting::Ours(pods)) => match self.keep_one(name, pods, &mut kept).await {
                    Ok(pod) => {
                        self.notify(&Event::PodFound { pod_id: pod.id.clone() });
                        return Ok(Some(pod));
                    }
                    Err(error) => doubt = Some(error),
                },
                // What was seen to be there is not forgotten because a later look is worse.
                _ if matches!(doubt, Some(DeployError::Duplicated { .. })) => {}
                Ok(Sighting::Doubtful(id, lookup)) => doubt = Some(unclear(id, lookup)),
                Ok(Sighting::Nothing) => doubt = None,
                Err(lookup) => {
                    let seen = doubt.as_ref().and_then(DeployError::pod_id).map(str::to_owned);
                    doubt = Some(unclear(seen, Some(lookup)));
                }
            }
        }
        doubt.map_or(Ok(None), Err)
    }

    /// Looks through the account for the pods of this deployment. A pod that cannot be told is looked at
    /// by its id.
    async fn look_for(&self, name: &str, marker: &str, recovered: Option<&str>) -> Result<Sighting, Error> {
        let Listing { mut pods, unreadable, .. } = self.read_list(Tries::Several).await?;
        let odd = unreadable.into_iter().find(|odd| odd.may_be(name));
        let mut sighting = odd.map_or(Sighting::Nothing, |odd| Sighting::Doubtful(odd.id, None));
        if let Some(id) = recovered
            && !pods.iter().any(|pod| pod.id == id)
        {
            match self.examine(id, Tries::Several, None).await {
                Ok((Some(_), Finding::Gone)) => {}
                Ok((Some(pod), _)) => pods.push(pod),
                // RunPod may not know it by its id yet.
                Ok((None, _)) => sighting = Sighting::Doubtful(Some(id.to_owned()), None),
                Err(lookup) => sighting = Sighting::Doubtful(Some(id.to_owned()), Some(lookup)),
            }
        }
        let is_unmarked = |pod: &Pod| pod.env.is_empty() && pod.name.as_ref().is_none_or(|own| own == name);
        let mut ours = Vec::new();
        for mut pod in pods {
            if is_unmarked(&pod) {
                let id = pod.id.clone();
                match self.look_closer(pod).await {
                    Ok(Some(closer)) => pod = closer,
                    Ok(None) => continue,
                    Err(lookup) => {
                        sighting = Sighting::Doubtful(Some(id), Some(lookup));
                        continue;
                    }
                }
            }
            if pod.marker() == Some(marker) {
                ours.push(pod);
            } else if is_unmarked(&pod) {
                sighting = Sighting::Doubtful(Some(pod.id), None);
            }
        }
        Ok(if ours.is_empty() { sighting } else { Sighting::Ours(ours) })
    }

    /// Terminates all pods of a deployment but one: the one kept before, or else the first.
    async fn keep_one(
        &self,
        name: &str,
        mut pods: Vec<Pod>,
        kept: &mut Option<String>,
    ) -> Result<Pod, DeployError> {
        let position = pods.iter().position(|pod| Some(&pod.id) == kept.as_ref()).unwrap_or_default();
        let ours = pods.swap_remove(position);
        *kept = Some(ours.id.clone());
        let (mut duplicates, mut failure) = (Vec::new(), None);
        for pod in pods {
            match self.end(&pod).await {
                Ok(()) => self.notify(&Event::DuplicateTerminated { pod_id: pod.id }),
                Err(error) => {
                    duplicates.push(pod.id);
                    failure.get_or_insert(error);
                }
            }
        }
        match failure {
            None => Ok(ours),
            Some(source) => {
                Err(DeployError::Duplicated { name: name.to_owned(), pod_id: ours.id, duplicates, source })
            }
        }
    }
}

fn lacks(pods: &[Pod], id: Option<&String>) -> bool {
    id.is_some_and(|id| pods.iter().all(|pod| &pod.id != id))
}

/// What a look for a pod with an unknown fate came to.
enum Sighting {
    /// The pods of this deployment, at least one.
    Ours(Vec<Pod>),
    /// A pod of that name that does not show whose it is, by its id, and what went wrong with a look at it.
    Doubtful(Option<String>, Option<Error>),
    Nothing,
}
