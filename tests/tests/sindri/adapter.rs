//! RunPod: the provider of `runpod-sindri` behind Sindri's own types.

use anyhow::Result;
use async_trait::async_trait;
use runpod_sindri::{Provider as _, RunpodProvider as Inner};
use serde::{Serialize, de::DeserializeOwned};
use sindri_core::config::SindriConfig;
use sindri_core::types::{DeployOptions, DeployResult, DeploymentPlan, DeploymentStatus};
use sindri_core::types::{Prerequisite, PrerequisiteStatus};

use crate::traits::Provider;

pub struct RunpodProvider(pub Inner);

impl RunpodProvider {
    pub fn new() -> Result<Self> {
        Ok(Self(Inner::new()))
    }

    pub fn with_output_dir(output_dir: std::path::PathBuf) -> Result<Self> {
        Ok(Self(Inner::with_output_dir(output_dir)))
    }
}

/// Both sides have the same JSON, field by field.
fn same<A: Serialize, B: DeserializeOwned>(value: &A) -> Result<B> {
    Ok(serde_json::from_value(serde_json::to_value(value)?)?)
}

fn prerequisite(p: runpod_sindri::Prerequisite) -> Prerequisite {
    let runpod_sindri::Prerequisite { name, description, install_hint, version } = p;
    Prerequisite { name, description, install_hint, version }
}

#[async_trait]
impl Provider for RunpodProvider {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn check_prerequisites(&self) -> Result<PrerequisiteStatus> {
        let status = self.0.check_prerequisites()?;
        let missing = status.missing.into_iter().map(prerequisite).collect();
        let available = status.available.into_iter().map(prerequisite).collect();
        Ok(PrerequisiteStatus { satisfied: status.satisfied, missing, available })
    }
    async fn deploy(&self, config: &SindriConfig, opts: DeployOptions) -> Result<DeployResult> {
        let DeployOptions { force, dry_run, wait, timeout, .. } = opts;
        let opts = runpod_sindri::DeployOptions { force, dry_run, wait, timeout, ..Default::default() };
        same(&self.0.deploy(&same(config.inner())?, opts).await?)
    }
    async fn connect(&self, config: &SindriConfig) -> Result<()> {
        self.0.connect(&same(config.inner())?).await
    }
    async fn status(&self, config: &SindriConfig) -> Result<DeploymentStatus> {
        same(&self.0.status(&same(config.inner())?).await?)
    }
    async fn destroy(&self, config: &SindriConfig, force: bool) -> Result<()> {
        self.0.destroy(&same(config.inner())?, force).await
    }
    async fn plan(&self, config: &SindriConfig) -> Result<DeploymentPlan> {
        same(&self.0.plan(&same(config.inner())?).await?)
    }
    async fn start(&self, config: &SindriConfig) -> Result<()> {
        self.0.start(&same(config.inner())?).await
    }
    async fn stop(&self, config: &SindriConfig) -> Result<()> {
        self.0.stop(&same(config.inner())?).await
    }
    fn supports_gpu(&self) -> bool {
        self.0.supports_gpu()
    }
    fn supports_auto_suspend(&self) -> bool {
        self.0.supports_auto_suspend()
    }
}
