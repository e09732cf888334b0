//! The trait of a provider.

use async_trait::async_trait;

use super::{
    config::SindriConfig,
    types::{DeployOptions, DeployResult, DeploymentPlan, DeploymentStatus, PrerequisiteStatus},
};

#[async_trait]
pub(crate) trait Provider: Send + Sync {
    fn name(&self) -> &'static str;
    fn check_prerequisites(&self) -> anyhow::Result<PrerequisiteStatus>;
    async fn deploy(&self, config: &SindriConfig, opts: DeployOptions) -> anyhow::Result<DeployResult>;
    async fn connect(&self, config: &SindriConfig) -> anyhow::Result<()>;
    async fn status(&self, config: &SindriConfig) -> anyhow::Result<DeploymentStatus>;
    async fn destroy(&self, config: &SindriConfig, force: bool) -> anyhow::Result<()>;
    async fn plan(&self, config: &SindriConfig) -> anyhow::Result<DeploymentPlan>;
    async fn start(&self, config: &SindriConfig) -> anyhow::Result<()>;
    async fn stop(&self, config: &SindriConfig) -> anyhow::Result<()>;
    fn supports_gpu(&self) -> bool {
        false
    }
    fn supports_auto_suspend(&self) -> bool {
        false
    }
}
