//! Everything that a create needs.

use runpod_lifecycle::ErrorKind;
use runpod_sindri::RunpodProvider;

use crate::plugin::{
    log::Log,
    manifest::Manifest,
    protocol::{Check, Failure},
    target::{Target, has_client},
};

/// Checks it, as far as each thing can be told without the one before.
pub(crate) async fn check(log: &Log) -> Vec<Check> {
    let client = has_client(&RunpodProvider::new());
    let client = (!client).then(|| "install OpenSSH's client".to_owned());
    let mut checks = vec![outcome("OpenSSH client", client)];
    let described = Manifest::from_env().and_then(|manifest| Ok((manifest.config()?, manifest)));
    let (config, manifest) = match described {
        Ok(described) => described,
        Err(failure) => {
            checks.push(outcome("target in the manifest", Some(told(&failure))));
            return checks;
        }
    };
    match Target::new(&manifest, config, log) {
        Ok(target) => checks.extend(of(&target).await),
        Err(failure) => checks.push(outcome("RunPod API key", Some(told(&failure)))),
    }
    checks
}

async fn of(target: &Target) -> Vec<Check> {
    let (provider, config) = (target.provider(), target.config());
    let wrong = provider.check(config).err().map(|error| told(&error.into()));
    let mut checks = vec![outcome("target in the manifest", wrong)];
    if config.identity_file().is_some() {
        checks.push(outcome("identity file", target.unread_identity()));
    }
    let (key, keys) = account(target).await;
    checks.push(outcome("RunPod API key", key));
    checks.extend(keys);
    checks
}

fn outcome(name: &'static str, fix: Option<String>) -> Check {
    Check { name, passed: fix.is_none(), fix }
}

/// Tells what is wrong and what to do about it in one text: a check has room for no more.
fn told(failure: &Failure) -> String {
    match &failure.suggested_fix {
        Some(fix) => format!("{} ({fix})", failure.message),
        None => failure.message.clone(),
    }
}

/// Asks RunPod whether it takes the key, and whether a login to a pod could work.
async fn account(target: &Target) -> (Option<String>, Option<Check>) {
    let runpod = match target.provider().account() {
        Ok(runpod) => runpod,
        Err(error) => return (Some(told(&error.into())), None),
    };
    let given = target.config().runpod().env.contains_key("PUBLIC_KEY");
    match runpod.ssh_keys().await {
        Ok(keys) => {
            let missing = (keys.is_empty() && !given).then(|| {
                "add your public key at https://console.runpod.io/user/settings: a pod gets those the account has when it is created".to_owned()
            });
            (None, Some(outcome("SSH key of the RunPod account", missing)))
        }
        // The key may not look at them, and may create pods all the same.
        Err(error) if error.kind() == ErrorKind::Forbidden => (None, None),
        Err(error) => (Some(error.to_string()), None),
    }
}
