//! RunPod: the provider of `runpod-sindri` behind Sindri's own types.

use crate::traits::Provider;
use crate::utils::resolve_and_build_image;
use anyhow::Result;
use async_trait::async_trait;
use runpod_sindri::{Provider as _, RunpodProvider as Inner, SindriConfig as RunpodFile};
use serde::{de::DeserializeOwned, Serialize};
use sindri_core::config::SindriConfig;
use sindri_core::types::{
    DeployOptions, DeployResult, DeploymentPlan, DeploymentStatus, Prerequisite, PrerequisiteStatus,
};
use sindri_secrets::{ResolutionContext, SecretResolver};
use std::path::PathBuf;

pub struct RunpodProvider(Inner);

impl RunpodProvider {
    pub fn new() -> Result<Self> {
        Ok(Self::over(Inner::new()))
    }

    pub fn with_output_dir(output_dir: PathBuf) -> Result<Self> {
        Ok(Self::over(Inner::with_output_dir(output_dir)))
    }

    /// Logs everything as it happens.
    pub fn over(inner: Inner) -> Self {
        Self(inner.on_event(|event| tracing::info!("{event}")))
    }
}

/// The file itself: Sindri's own parse drops keys that it does not know and fills in defaults.
fn file(config: &SindriConfig) -> Result<RunpodFile> {
    Ok(RunpodFile::from_path(&config.config_path)?)
}

/// The secrets that become variables of the pod, resolved as for every provider.
async fn secrets(config: &SindriConfig) -> Result<Vec<(String, String)>> {
    let folder = config.config_path.parent().map(PathBuf::from);
    let resolver = SecretResolver::new(ResolutionContext::new(folder.unwrap_or_default()));
    let resolved = resolver.resolve_all(config.secrets()).await?;
    let text = |(name, secret): (String, sindri_secrets::ResolvedSecret)| {
        Some((name, secret.value.as_string()?.to_string()))
    };
    Ok(resolved.into_iter().filter_map(text).collect())
}

/// Both sides have the same JSON, field by field.
fn same<A: Serialize, B: DeserializeOwned>(value: &A) -> Result<B> {
    Ok(serde_json::from_value(serde_json::to_value(value)?)?)
}

fn prerequisites(all: Vec<runpod_sindri::Prerequisite>) -> Vec<Prerequisite> {
    let one = |p: runpod_sindri::Prerequisite| Prerequisite {
        name: p.name,
        description: p.description,
        install_hint: p.install_hint,
        version: p.version,
    };
    all.into_iter().map(one).collect()
}

#[async_trait]
impl Provider for RunpodProvider {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn check_prerequisites(&self) -> Result<PrerequisiteStatus> {
        let status = self.0.check_prerequisites()?;
        Ok(PrerequisiteStatus {
            satisfied: status.satisfied,
            missing: prerequisites(status.missing),
            available: prerequisites(status.available),
        })
    }
    async fn deploy(&self, config: &SindriConfig, opts: DeployOptions) -> Result<DeployResult> {
        let file = file(config)?;
        self.0.check(&file)?;
        let inner = self.0.clone().secrets(secrets(config).await?);
        let image = resolve_and_build_image(config, opts.skip_build, opts.force).await?;
        let opts = runpod_sindri::DeployOptions {
            force: opts.force,
            dry_run: opts.dry_run,
            wait: opts.wait,
            timeout: opts.timeout,
            ..Default::default()
        };
        same(&inner.deploy(&file.with_image(image), opts).await?)
    }
    async fn connect(&self, config: &SindriConfig) -> Result<()> {
        self.0.connect(&file(config)?).await
    }
    async fn status(&self, config: &SindriConfig) -> Result<DeploymentStatus> {
        same(&self.0.status(&RunpodFile::named(config.name())).await?)
    }
    async fn destroy(&self, config: &SindriConfig, force: bool) -> Result<()> {
        let file = RunpodFile::named(config.name());
        self.0.destroy(&file, force).await
    }
    async fn plan(&self, config: &SindriConfig) -> Result<DeploymentPlan> {
        let image = config.resolve_image(None).await;
        let image = image.unwrap_or_else(|_| "built-by-sindri".to_string());
        same(&self.0.plan(&file(config)?.with_image(image)).await?)
    }
    async fn start(&self, config: &SindriConfig) -> Result<()> {
        self.0.start(&RunpodFile::named(config.name())).await
    }
    async fn stop(&self, config: &SindriConfig) -> Result<()> {
        self.0.stop(&RunpodFile::named(config.name())).await
    }
    fn supports_gpu(&self) -> bool {
        true
    }
    fn supports_auto_suspend(&self) -> bool {
        true
    }
}
