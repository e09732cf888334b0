//! Sindri's contract for providers.

use async_trait::async_trait;

use crate::{
    DeployOptions, DeployResult, DeploymentPlan, DeploymentStatus, PrerequisiteStatus, SindriConfig,
};

/// A provider as Sindri calls it. The methods, their order and their types are Sindri v3's.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The provider's name in `sindri.yaml`.
    fn name(&self) -> &'static str;

    /// Checks what is there and what is missing before anything can be deployed. Sends nothing.
    ///
    /// # Errors
    /// If that cannot be found out.
    fn check_prerequisites(&self) -> anyhow::Result<PrerequisiteStatus>;

    /// Creates the environment.
    ///
    /// # Errors
    /// If it could not be created, or is not usable within the timeout.
    async fn deploy(&self, config: &SindriConfig, options: DeployOptions) -> anyhow::Result<DeployResult>;

    /// Opens a shell in the environment on this terminal, starting it first if it is stopped.
    ///
    /// # Errors
    /// If there is no such environment, its state does not allow it, or no connection comes about.
    async fn connect(&self, config: &SindriConfig) -> anyhow::Result<()>;

    /// Looks at the environment.
    ///
    /// # Errors
    /// If that cannot be found out. A failed lookup never looks like an environment that is not there.
    async fn status(&self, config: &SindriConfig) -> anyhow::Result<DeploymentStatus>;

    /// Deletes the environment. Deleting what is not there succeeds with a warning.
    ///
    /// # Errors
    /// If it may still be there.
    async fn destroy(&self, config: &SindriConfig, force: bool) -> anyhow::Result<()>;

    /// Plans a deploy: its steps and its cost. Sends reads only.
    ///
    /// # Errors
    /// If the config cannot be deployed, or RunPod cannot be asked.
    async fn plan(&self, config: &SindriConfig) -> anyhow::Result<DeploymentPlan>;

    /// Starts the environment if it is stopped.
    ///
    /// # Errors
    /// If there is no such environment, its state does not allow it, or its host has no GPU free.
    async fn start(&self, config: &SindriConfig) -> anyhow::Result<()>;

    /// Stops the environment if it runs.
    ///
    /// # Errors
    /// If there is no such environment, or its state does not allow it.
    async fn stop(&self, config: &SindriConfig) -> anyhow::Result<()>;

    /// Returns true if it can deploy GPUs. Default: no.
    fn supports_gpu(&self) -> bool {
        false
    }

    /// Returns true if environments can be stopped and started. Default: no.
    fn supports_auto_suspend(&self) -> bool {
        false
    }
}
