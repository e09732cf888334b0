//! Finding out what became of a create whose answer was lost.

use tokio::time::sleep;

use crate::{
    DeployError, Error, Event, Pod, Warning,
    client::call::Attempts,
    deploy::deployment::Deployment,
    knowledge::{
        evidence::{Finding, lag_pauses},
        identity::Whose,
        listing::Listing,
    },
};

impl Deployment<'_> {
    /// Finds out whether a create with an unknown outcome made a pod. `None` means that no list shows one,
    /// which is proof enough to send it again.
    pub(crate) async fn reconcile(
        &self,
        hardware: String,
        error: &Error,
    ) -> Result<Option<Pod>, DeployError> {
        self.runpod.notify(&Event::OutcomeUnclear { hardware, error: error.what() });
        let mut search = Search { deployment: self, error, kept: None, is_end_told: false };
        let mut doubt = None;
        for pause in lag_pauses() {
            sleep(pause).await;
            match search.poll().await {
                // A list that lacks the pod to be kept proves nothing about it.
                Ok(SearchResult::Ours(pods)) if lacks(&pods, search.kept.as_ref()) => {}
                Ok(SearchResult::Ours(pods)) => match search.keep_one(pods).await {
                    Ok(pod) => {
                        self.runpod.notify(&Event::PodFound { pod_id: pod.id.clone() });
                        return Ok(Some(pod));
                    }
                    Err(error) => doubt = Some(error),
                },
                // What was seen to be there is not forgotten because a later poll is worse.
                _ if matches!(doubt, Some(DeployError::Duplicated { .. })) => {}
                Ok(SearchResult::Doubtful(id, lookup)) => doubt = Some(search.unclear(id, lookup)),
                // A whole list outweighs an earlier one that could not be read.
                Ok(SearchResult::Nothing) => doubt = None,
                Err(lookup) => {
                    let seen = doubt.as_ref().and_then(DeployError::pod_id).map(str::to_owned);
                    doubt = Some(search.unclear(seen, Some(lookup)));
                }
            }
        }
        doubt.map_or(Ok(None), Err)
    }
}

/// A search for what one create of a deployment made.
struct Search<'a> {
    deployment: &'a Deployment<'a>,
    error: &'a Error,
    /// The pod that would be kept if its duplicates could be terminated.
    kept: Option<String>,
    is_end_told: bool,
}

impl Search<'_> {
    fn unclear(&self, seen: Option<String>, source: Option<Error>) -> DeployError {
        DeployError::Unclear {
            name: self.deployment.spec.name.clone(),
            pod_id: seen.or_else(|| self.error.recovered_id().map(str::to_owned)),
            reason: self.error.what(),
            source,
        }
    }

    /// Searches the account for the pods of the deployment. A pod that cannot be told is asked for
    /// by its id.
    async fn poll(&mut self) -> Result<SearchResult, Error> {
        let Deployment { runpod, claim, .. } = self.deployment;
        let Listing { mut pods, unreadable, .. } = runpod.read_list(Attempts::Several).await?;
        let entry = unreadable.into_iter().find(|entry| entry.may_be(&claim.name));
        let mut result = entry.map_or(SearchResult::Nothing, |entry| SearchResult::Doubtful(entry.id, None));
        if let Some(id) = self.error.recovered_id()
            && !pods.iter().any(|pod| pod.id == id)
        {
            match runpod.examine(id, Attempts::Several, None).await {
                Ok((Some(_), Finding::Gone)) => self.tell_end(id),
                Ok((Some(pod), _)) => pods.push(pod),
                // RunPod may not know it by its id yet.
                Ok((None, _)) => result = SearchResult::Doubtful(Some(id.to_owned()), None),
                Err(lookup) => result = SearchResult::Doubtful(Some(id.to_owned()), Some(lookup)),
            }
        }
        let mut ours = Vec::new();
        for pod in pods {
            let id = pod.id.clone();
            match runpod.whose(claim, pod).await {
                Ok((Whose::Ours, pod)) => ours.push(pod),
                Ok((Whose::MayBeOurs, _)) => result = SearchResult::Doubtful(Some(id), None),
                Ok((Whose::SomebodyElses, _)) => {}
                Err(lookup) => result = SearchResult::Doubtful(Some(id), Some(lookup)),
            }
        }
        Ok(if ours.is_empty() { result } else { SearchResult::Ours(ours) })
    }

    /// Says once that the pod of the create is gone already.
    fn tell_end(&mut self, id: &str) {
        if !std::mem::replace(&mut self.is_end_told, true) {
            let warning = Warning::TerminatedAlready { pod_id: id.to_owned() };
            self.deployment.runpod.notify(&Event::Warned { warning });
        }
    }

    /// Terminates all pods of the deployment but one: the one kept before, or else the earliest.
    async fn keep_one(&mut self, mut pods: Vec<Pod>) -> Result<Pod, DeployError> {
        // Where RunPod's times do not tell, its order stays.
        pods.sort_by_key(|pod| (pod.created().is_none(), pod.created()));
        let position = pods.iter().position(|pod| Some(&pod.id) == self.kept.as_ref()).unwrap_or_default();
        let ours = pods.remove(position);
        self.kept = Some(ours.id.clone());
        let runpod = self.deployment.runpod;
        let (mut duplicates, mut failure) = (Vec::new(), None);
        for pod in pods {
            match runpod.end(&pod).await {
                Ok(()) => runpod.notify(&Event::DuplicateTerminated { pod_id: pod.id }),
                Err(error) => {
                    duplicates.push(pod.id);
                    failure.get_or_insert(error);
                }
            }
        }
        let name = self.deployment.spec.name.clone();
        match failure {
            None => Ok(ours),
            Some(source) => Err(DeployError::Duplicated { name, pod_id: ours.id, duplicates, source }),
        }
    }
}

fn lacks(pods: &[Pod], id: Option<&String>) -> bool {
    id.is_some_and(|id| pods.iter().all(|pod| &pod.id != id))
}

/// The outcome of one poll for a pod with an unknown fate.
enum SearchResult {
    /// The pods of this deployment, at least one.
    Ours(Vec<Pod>),
    /// A pod of that name that does not show whose it is, by its id, and the failure of a call for it.
    Doubtful(Option<String>, Option<Error>),
    Nothing,
}
