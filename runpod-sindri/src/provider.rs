//! Sindri's contract for providers, and RunPod's side of it.

use async_trait::async_trait;

use crate::{
    DeployOptions, DeployResult, DeploymentPlan, DeploymentStatus, PrerequisiteStatus, RunpodProvider,
    SindriConfig, client::NAME,
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

#[async_trait]
impl Provider for RunpodProvider {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_prerequisites(&self) -> anyhow::Result<PrerequisiteStatus> {
        Ok(self.prerequisites())
    }

    async fn deploy(&self, config: &SindriConfig, options: DeployOptions) -> anyhow::Result<DeployResult> {
        Ok(self.create(config, &options).await?)
    }

    async fn connect(&self, config: &SindriConfig) -> anyhow::Result<()> {
        Ok(self.open_shell(config).await?)
    }

    async fn status(&self, config: &SindriConfig) -> anyhow::Result<DeploymentStatus> {
        let present = self.find(&self.watched()?, &config.name).await?;
        Ok(DeploymentStatus::of(&config.name, present.as_ref()))
    }

    async fn destroy(&self, config: &SindriConfig, force: bool) -> anyhow::Result<()> {
        self.destroy_environment(config, force, None).await?.log();
        Ok(())
    }

    async fn plan(&self, config: &SindriConfig) -> anyhow::Result<DeploymentPlan> {
        let (blueprint, plan) = self.planned(config).await?;
        Ok(DeploymentPlan::of(config, &blueprint, &plan, false))
    }

    async fn start(&self, config: &SindriConfig) -> anyhow::Result<()> {
        self.start_environment(config, None).await?.log();
        Ok(())
    }

    async fn stop(&self, config: &SindriConfig) -> anyhow::Result<()> {
        self.stop_environment(config, None).await?.log();
        Ok(())
    }

    fn supports_gpu(&self) -> bool {
        true
    }

    fn supports_auto_suspend(&self) -> bool {
        true
    }
}
