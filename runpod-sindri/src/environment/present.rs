//! An environment's pod as it is now, and what RunPod leaves in doubt about it.

use std::time::Duration;

use runpod_lifecycle::{ApiVersion, Error, ErrorKind, Found, Logs, PodHandle, PodState, RunPod};
use tokio::time::Instant;

use crate::{DeploymentState, ProviderError, RunpodProvider, SindriConfig};

/// The longest that RunPod's answers may be behind: a new pod may be missing in lists for so long, and a pod that was started or
/// stopped may be shown as it was before.
pub(crate) const LAG: Duration = Duration::from_secs(15);

/// An environment's pod by its id, after a list named it.
#[derive(Debug)]
pub(crate) struct Present {
    pub(crate) pod: PodHandle,
    /// Why what is shown may be from before a start or stop; `None` if RunPod's answers agree.
    pub(crate) doubt: Option<String>,
    /// When what is shown now cannot be from before any more.
    pub(crate) sure_at: Instant,
}

impl Present {
    fn new(listed: &PodHandle, pod: PodHandle, version: ApiVersion, asked_at: Instant) -> Self {
        let age = pod
            .run_age()
            .filter(|_| DeploymentState::of(&pod) == DeploymentState::Running)
            .filter(|age| *age < LAG);
        let contradiction = contradiction(listed, &pod);
        // How old the contradiction is nobody knows.
        let known = age.filter(|_| contradiction.is_none()).unwrap_or_default();
        let doubt = contradiction.or_else(|| age.map(young)).or_else(|| unheard(&pod, version));
        Self { pod, doubt, sure_at: asked_at + LAG - known }
    }

    fn unconfirmed(pod: PodHandle, doubt: String, asked_at: Instant) -> Self {
        Self { pod, doubt: Some(doubt), sure_at: asked_at + LAG }
    }
}

impl RunpodProvider {
    /// The log of the environment's pod.
    ///
    /// # Errors
    /// [`ProviderError::NotFound`] if there is no such environment, `Call` if that cannot be found out.
    pub async fn logs(&self, config: &SindriConfig) -> Result<Logs, ProviderError> {
        let runpod = self.watched()?;
        match self.own(&runpod, &config.name).await?.as_slice() {
            [] => Err(ProviderError::NotFound { name: config.name.clone() }),
            [pod] => Ok(runpod.logs(pod.id.as_str())),
            pods => Err(ProviderError::several(&config.name, pods)),
        }
    }

    /// The pod of an environment that must be there, by its id: a list may show it as it was before its last start or
    /// stop. Where RunPod does not answer for it by its id, it is as the list shows it, which is a doubt.
    pub(crate) async fn present(&self, runpod: &RunPod, name: &str) -> Result<Present, ProviderError> {
        match self.find(runpod, name).await? {
            Some(present) => Ok(present),
            None => Err(ProviderError::NotFound { name: name.to_owned() }),
        }
    }

    /// The same; `None` if there is none.
    pub(crate) async fn find(&self, runpod: &RunPod, name: &str) -> Result<Option<Present>, ProviderError> {
        let asked_at = Instant::now();
        let listed = match self.own(runpod, name).await?.as_slice() {
            [] => return Ok(None),
            [pod] => pod.clone(),
            pods => return Err(ProviderError::several(name, pods)),
        };
        match listed.refresh().await {
            Ok(pod) if pod.is_gone() => Ok(None),
            Ok(pod) => Ok(Some(Present::new(&listed, pod, runpod.version(), asked_at))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let doubt = format!("RunPod lists it and does not tell of it by its id: {error}");
                Ok(Some(Present::unconfirmed(listed, doubt, asked_at)))
            }
        }
    }
}

/// The pods of a name, by whose they are.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// The environment's.
    pub(crate) own: Vec<PodHandle>,
    /// Those that may be the environment's: RunPod does not show their labels.
    pub(crate) unclear: Vec<PodHandle>,
}

impl RunpodProvider {
    /// Every pod of an environment; an error if that cannot be told of each of its name.
    async fn own(&self, runpod: &RunPod, name: &str) -> Result<Vec<PodHandle>, ProviderError> {
        let Listed { own, unclear } =
            self.listed(runpod, name).await.map_err(ProviderError::call("look for", name))?;
        if unclear.is_empty() {
            return Ok(own);
        }
        let pod_ids = unclear.iter().map(|pod| pod.id.clone()).collect();
        Err(ProviderError::Unclear { name: name.to_owned(), pod_ids })
    }

    /// The pods of a name, and the failed call where they cannot be read.
    pub(crate) async fn listed(&self, runpod: &RunPod, name: &str) -> Result<Listed, Error> {
        let named = match runpod.find(name).await? {
            Found::One(pod) => vec![pod],
            Found::Many(pods) => pods,
            _ => Vec::new(),
        };
        let Some((key, value)) = self.label().filter(|_| !named.is_empty()) else {
            return Ok(Listed { own: named, unclear: Vec::new() });
        };
        let labelled = runpod.list_labelled(key, value).await?;
        let is_own = |pod: &PodHandle| labelled.pods.iter().any(|own| own.id == pod.id);
        let (own, others): (Vec<_>, Vec<_>) = named.into_iter().partition(is_own);
        let unclear = others.into_iter().filter(|pod| labelled.unreadable.contains(&pod.id)).collect();
        Ok(Listed { own, unclear })
    }
}

/// Tells a list and the answer by id that followed it apart where they differ: one of them is from before the last change.
fn contradiction(listed: &PodHandle, pod: &PodHandle) -> Option<String> {
    let word = |pod: &PodHandle| pod.state.as_ref().map_or("nothing", PodState::as_str).to_owned();
    if DeploymentState::of(listed) != DeploymentState::of(pod) {
        return Some(format!(
            "RunPod's list says {} and its answer about the pod says {}: it was started or stopped within the last {} s or so, and one of them is from before",
            word(listed),
            word(pod),
            LAG.as_secs()
        ));
    }
    let address = |pod: &PodHandle| pod.connection().direct_ssh();
    let differs = listed.started_at != pod.started_at
        || address(listed).zip(address(pod)).is_some_and(|(one, other)| one != other);
    differs.then(|| {
        "RunPod's list and its answer about the pod show two different starts: it was started just now"
            .to_owned()
    })
}

fn young(age: Duration) -> String {
    format!("it was started {} s ago, and RunPod may show the addresses of before", age.as_secs())
}

/// An address in front of a container that has not been heard of may be that of the run before.
fn unheard(pod: &PodHandle, version: ApiVersion) -> Option<String> {
    let is_unheard = version == ApiVersion::V2
        && DeploymentState::of(pod) == DeploymentState::Running
        && !pod.has_runtime
        && pod.connection().direct_ssh().is_some();
    is_unheard.then(|| {
        "RunPod shows an address and nothing from inside the container, so it may be that of before a start".to_owned()
    })
}
