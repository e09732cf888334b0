//! Sindri's commands: which calls they make in which order, and what they print of the answers.

use anyhow::anyhow;
use camino::Utf8Path;

use super::{
    config::SindriConfig,
    traits::Provider,
    types::{DeployOptions, DeploymentStatus},
};

/// Arguments after `sindri deploy`.
#[derive(Clone, Copy, Default)]
pub(crate) struct DeployArgs {
    pub(crate) force: bool,
    pub(crate) dry_run: bool,
    pub(crate) wait: bool,
    pub(crate) skip_build: bool,
    pub(crate) from_source: bool,
}

/// The longest wait in seconds when nothing is said.
const TIMEOUT: u64 = 300;

pub(crate) async fn deploy(
    provider: &dyn Provider,
    path: &Utf8Path,
    args: DeployArgs,
) -> anyhow::Result<Vec<String>> {
    let config = SindriConfig::load(path)?;
    let build = config.inner().deployment.build_from_source.as_ref();
    if !args.from_source && !build.is_some_and(|build| build.enabled) {
        // A registry tells it a version.
        config.resolve_image(Some("v3.1.4")).await?;
    }
    require(provider)?;
    if args.dry_run {
        let plan = provider.plan(&config).await?;
        return Ok(plan.actions.iter().map(|action| pair(&action.resource, &action.description)).collect());
    }
    let opts = DeployOptions {
        force: args.force,
        dry_run: false,
        wait: args.wait,
        timeout: Some(TIMEOUT),
        skip_build: args.skip_build,
        ..Default::default()
    };
    let result = provider.deploy(&config, opts).await?;
    let mut shown = vec![if result.success { "Deployment complete" } else { "Deployment failed" }.to_owned()];
    if result.success {
        let connection = result.connection.as_ref();
        shown.extend(connection.and_then(|it| it.ssh_command.as_ref()).map(|ssh| pair("SSH", ssh)));
        shown.extend(connection.and_then(|it| it.http_url.as_ref()).map(|http| pair("HTTP", http)));
    } else {
        shown.extend(result.messages);
    }
    shown.extend(result.warnings.iter().map(|warning| format!("warning: {warning}")));
    Ok(shown)
}

pub(crate) async fn status(provider: &dyn Provider, path: &Utf8Path) -> anyhow::Result<Vec<String>> {
    let config = SindriConfig::load(path)?;
    require(provider)?;
    Ok(told(&provider.status(&config).await?))
}

fn told(status: &DeploymentStatus) -> Vec<String> {
    let mut shown = vec![pair("Provider", &status.provider), pair("State", &format!("{:?}", status.state))];
    shown.extend(status.instance_id.as_ref().map(|id| pair("Instance ID", id)));
    shown.push(pair("Image", status.image.as_deref().unwrap_or("none")));
    if !status.addresses.is_empty() {
        shown.push("Addresses:".to_owned());
    }
    for address in &status.addresses {
        let port = address.port.map(|port| format!(":{port}")).unwrap_or_default();
        shown.push(pair(&format!("{:?}", address.r#type), &format!("{}{port}", address.value)));
    }
    if let Some(resources) = &status.resources {
        shown.push("Resources:".to_owned());
        shown.extend(resources.cpu_percent.map(|percent| pair("CPU", &format!("{percent:.1}%"))));
        if let (Some(used), Some(limit)) = (resources.memory_bytes, resources.memory_limit) {
            shown.push(pair("Memory", &format!("{used} / {limit}")));
        }
    }
    shown
}

pub(crate) async fn connect(provider: &dyn Provider, path: &Utf8Path) -> anyhow::Result<()> {
    let config = SindriConfig::load(path)?;
    require(provider)?;
    provider.connect(&config).await
}

pub(crate) async fn start(provider: &dyn Provider, path: &Utf8Path) -> anyhow::Result<()> {
    let config = SindriConfig::load(path)?;
    require(provider)?;
    provider.start(&config).await
}

pub(crate) async fn stop(provider: &dyn Provider, path: &Utf8Path) -> anyhow::Result<()> {
    let config = SindriConfig::load(path)?;
    require(provider)?;
    provider.stop(&config).await
}

/// `sindri destroy --force`, which asks nobody.
pub(crate) async fn destroy(provider: &dyn Provider, path: &Utf8Path) -> anyhow::Result<()> {
    let config = SindriConfig::load(path)?;
    require(provider)?;
    provider.destroy(&config, true).await
}

fn require(provider: &dyn Provider) -> anyhow::Result<()> {
    let prerequisites = provider.check_prerequisites()?;
    if prerequisites.satisfied { Ok(()) } else { Err(anyhow!("Prerequisites not satisfied")) }
}

fn pair(key: &str, value: &str) -> String {
    format!("{key}: {value}")
}
