//! Waits for an environment.

use std::time::Duration;

use runpod_lifecycle::{Condition, PodHandle};

use crate::{
    ProviderError, RunpodProvider, SindriConfig,
    blueprint::Blueprint,
    environment::{
        present::Present,
        usable::{Settled, Usable},
    },
};

/// The longest wait in seconds when nothing is said.
pub(crate) const DEFAULT_TIMEOUT: u64 = 600;

impl RunpodProvider {
    /// Waits for an environment; what did not come about leaves the pod as it is.
    pub(crate) async fn wait(
        &self,
        pod: &PodHandle,
        name: &str,
        condition: impl Condition + 'static,
        longest: Duration,
    ) -> Result<PodHandle, ProviderError> {
        let waited = pod.wait_until(condition, longest).fail_early(self.fails_early()).await;
        waited.map_err(|source| ProviderError::Wait { name: name.to_owned(), source }.told_once())
    }

    /// Waits until a pod can be used. What the config says about ssh counts if it can be deployed at all. What `present`
    /// leaves in doubt is waited out.
    pub(crate) async fn wait_until_usable(
        &self,
        config: &SindriConfig,
        pod: &PodHandle,
        present: Option<&Present>,
        longest: Duration,
    ) -> Result<PodHandle, ProviderError> {
        let fallback = Usable { ssh: true, public: false, tells_inside: true };
        let usable = self.blueprint(config).map_or(fallback, |plan| Usable::of(&plan));
        self.wait(pod, &config.name, Settled::new(usable, present), longest).await
    }

    /// Waits until a pod can be used that was deployed by this blueprint.
    pub(crate) async fn wait_until_deployed(
        &self,
        pod: &PodHandle,
        name: &str,
        blueprint: &Blueprint,
        longest: Duration,
    ) -> Result<PodHandle, ProviderError> {
        self.wait(pod, name, Usable::of(blueprint), longest).await
    }
}
