//! The simulated RunPod behind `--sim`.

use std::collections::BTreeMap;

use runpod_lifecycle::RunPod;
use runpod_sim::{Scope, Sim, SimError};
use runpod_sindri::{RunpodProvider, SecretSource, SindriConfig};

/// Simulated seconds per real second: a boot of a minute takes two seconds.
const PACE: f64 = 30.0;
/// Data center of a config's network volume if it names no region.
const SOMEWHERE: &str = "US-KS-2";
const VOLUME_GB: u32 = 100;

/// A simulated RunPod whose account has the network volume and the registry credential of the config.
pub(crate) async fn start(config: &SindriConfig, out_of_stock: bool) -> Result<Sim, SimError> {
    let runpod = config.runpod();
    let mut sim = Sim::builder().time_scale(PACE);
    if let Some(id) = runpod.network_volume_id {
        let region = runpod.region.unwrap_or_else(|| SOMEWHERE.to_owned());
        sim = sim.network_volume(&id, &id, VOLUME_GB, region);
    }
    if let Some(id) = runpod.registry_id {
        sim = sim.registry(&id, &id);
    }
    if out_of_stock {
        sim = sim.capacity_in(Scope::default(), 0);
    }
    let sim = sim.start().await?;
    store_secrets(&sim, &runpod.account_secrets).await;
    Ok(sim)
}

/// Stores the account's secrets that the config refers to. One that cannot be is told of by the deploy.
async fn store_secrets(sim: &Sim, secrets: &BTreeMap<String, String>) {
    let Ok(runpod) = RunPod::builder(sim.api_key()).base_url(sim.url()).build() else { return };
    for secret in secrets.values() {
        let _ = runpod.set_account_secret(secret, "simulated").await;
    }
}

/// The provider, pointed at the simulator, with what it needs of the process's variables.
pub(crate) fn point(provider: RunpodProvider, sim: &Sim, config: &SindriConfig) -> RunpodProvider {
    let wanted = config.secrets.iter().filter(|secret| secret.source != SecretSource::File);
    let names = wanted.map(|secret| secret.name.as_str()).chain(["PATH"]);
    let given = names.filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
    let key = ("RUNPOD_API_KEY".to_owned(), sim.api_key().to_owned());
    provider.environment_variables(given.chain([key])).api_url(sim.url()).http_proxy(sim.http_proxy())
}
