//! The image of a deployment, with the build that Sindri would make of it.

use super::config::SindriConfig;

/// Product of the stand-in's build.
pub(crate) const BUILT: &str = "ghcr.io/org/sindri:3.1.4-build";

/// The image to deploy: as it stands with `skip_build`, else built if that is wanted or nothing is named.
pub(crate) async fn resolve_and_build_image(
    config: &SindriConfig,
    skip_build: bool,
    _force: bool,
) -> anyhow::Result<String> {
    let deployment = &config.inner().deployment;
    if skip_build {
        return deployment.image.clone().ok_or_else(|| anyhow::anyhow!("No image configured"));
    }
    if deployment.build_from_source.as_ref().is_some_and(|build| build.enabled) {
        return Ok(BUILT.to_owned());
    }
    match (&deployment.image, &deployment.image_config) {
        (Some(image), _) => Ok(image.clone()),
        (None, Some(_)) => config.resolve_image(None).await,
        (None, None) => Ok(BUILT.to_owned()),
    }
}
