//! The network volume that a config names.

use runpod_lifecycle::{DeployError, Found, Place, RunPod};

use crate::{ProviderError, blueprint::Blueprint};

/// Finds the network volume of the config's name, or makes it, and mounts it. Makes none for an environment that a deploy would
/// refuse because it exists: a volume bills.
pub(super) async fn mount(
    runpod: &RunPod,
    name: &str,
    blueprint: &Blueprint,
    force: bool,
) -> Result<Blueprint, ProviderError> {
    let Some(wanted) = &blueprint.volume else { return Ok(blueprint.clone()) };
    let deploy = |error| ProviderError::deploy(name, blueprint.suggestions())(error);
    let existing = match runpod.find(name).await.map_err(|error| deploy(DeployError::Lookup(error)))? {
        Found::One(pod) => vec![pod],
        Found::Many(pods) => pods,
        _ => Vec::new(),
    };
    if existing.len() > 1 || existing.len() == 1 && !force {
        return Err(deploy(DeployError::NameTaken {
            name: name.to_owned(),
            pods: existing,
            notes: Vec::new(),
        }));
    }
    // Everything that a plan can find wrong comes before a volume that bills.
    runpod.plan(&blueprint.spec(force)).await.map_err(deploy)?;
    let place = match blueprint.spec.get_data_centers() {
        [region, ..] => Place::DataCenter(region),
        [] => Place::WhereInStock(&blueprint.spec),
    };
    match runpod.ensure_volume(&wanted.name, wanted.size_gb, place).await {
        Ok(volume) => Ok(blueprint.mounting(&volume)),
        Err(source) => Err(ProviderError::Volume { name: name.to_owned(), source: Box::new(source) }),
    }
}

/// Mounts the network volume of the config's name in a plan, or says that a deploy would make it.
pub(super) async fn planned(
    runpod: &RunPod,
    name: &str,
    blueprint: &Blueprint,
) -> Result<Blueprint, ProviderError> {
    let Some(wanted) = &blueprint.volume else { return Ok(blueprint.clone()) };
    let found = runpod.find_volume(&wanted.name).await.map_err(ProviderError::call("plan", name))?;
    Ok(match found {
        Some(volume) => blueprint.mounting(&volume),
        None => {
            let mut blueprint = blueprint.clone();
            blueprint.warnings.push(format!(
                "network volume {:?} of {} GB would be made, and bills from then on",
                wanted.name, wanted.size_gb
            ));
            blueprint
        }
    })
}
