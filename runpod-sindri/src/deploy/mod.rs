//! Creating an environment.

pub(crate) mod options;
pub(crate) mod plan;
mod record;
mod volume;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use runpod_lifecycle::{Event, PodHandle, PodSpec, RunPod, printable};
use serde::{Deserialize, Serialize};

use crate::{
    ConnectionInfo, DeployOptions, ProviderError, RunpodProvider, SindriConfig,
    blueprint::Blueprint,
    client::NAME,
    deploy::plan::lines,
    environment::wait::DEFAULT_TIMEOUT,
    secrets::{Resolved, Resolver},
};

/// Outcome of a deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployResult {
    /// Always true: a deploy that fails is an error.
    pub success: bool,
    /// The environment's name.
    pub name: String,
    /// `runpod`.
    pub provider: String,
    /// The pod's id; `None` after a dry run.
    pub instance_id: Option<String>,
    /// Addresses to reach it at, as last polled; `None` after a dry run.
    pub connection: Option<ConnectionInfo>,
    /// The steps that were done.
    pub messages: Vec<String>,
    /// Warnings: settings that were dropped or assumed, and surprises to come.
    pub warnings: Vec<String>,
}

impl DeployResult {
    fn new(name: &str, warnings: Vec<String>) -> Self {
        Self {
            success: true,
            name: name.to_owned(),
            provider: NAME.to_owned(),
            instance_id: None,
            connection: None,
            messages: Vec::new(),
            warnings,
        }
    }
}

impl RunpodProvider {
    pub(crate) async fn create(
        &self,
        config: &SindriConfig,
        options: &DeployOptions,
    ) -> Result<DeployResult, ProviderError> {
        self.require_prerequisites()?;
        let blueprint = self.blueprint(config)?;
        if options.dry_run {
            return self.dry_run(config, &blueprint, options.force).await;
        }
        let secrets = self.secrets_of(config)?;
        let warned = Arc::new(Mutex::new(Vec::new()));
        let runpod = self.listening(&warned)?;
        let blueprint = volume::mount(&runpod, &config.name, &blueprint, options.force).await?;
        let spec = self.spec_of(&blueprint, &secrets, options.force);
        let pod = Box::pin(runpod.deploy(&spec)).await;
        let pod = pod.map_err(ProviderError::deploy(&config.name, blueprint.suggestions()))?;
        let mut result = DeployResult::new(&config.name, blueprint.warnings.clone());
        result.messages = messages(&pod, &blueprint, secrets.values.len());
        result.warnings.extend(secrets.warnings);
        let pod = if options.wait {
            let longest = Duration::from_secs(options.timeout.unwrap_or(DEFAULT_TIMEOUT));
            let pod = self.wait_until_deployed(&pod, &config.name, &blueprint, longest).await?;
            result.messages.push("it is ready".to_owned());
            pod
        } else {
            result.messages.push("it is coming up; see status".to_owned());
            pod
        };
        result.warnings.append(&mut warned.lock().unwrap_or_else(PoisonError::into_inner));
        for text in result.messages.iter_mut().chain(&mut result.warnings) {
            *text = printable(text).into_owned();
        }
        result.instance_id = Some(pod.id.clone());
        result.connection = Some(ConnectionInfo::of(&pod, config.runpod().ssh_user.as_deref()));
        self.record(&mut result);
        Ok(result)
    }

    /// The pod of a config as the facade deploys it, with its secrets, and what was dropped or assumed. Sends nothing. A network volume that is
    /// named by its name is not in it: see [`mounting`](Self::mounting).
    ///
    /// # Errors
    /// [`ProviderError`]: `Unprepared`, `Config`, `SecretMissing`, `SecretUnread`.
    pub fn pod_spec(&self, config: &SindriConfig) -> Result<(PodSpec, Vec<String>), ProviderError> {
        self.require_prerequisites()?;
        let (blueprint, secrets) = (self.blueprint(config)?, self.secrets_of(config)?);
        let spec = self.spec_of(&blueprint, &secrets, false);
        Ok((spec, blueprint.warnings.into_iter().chain(secrets.warnings).collect()))
    }

    /// The spec with the network volume of the config's name, which is found or made; as it is if the config names none.
    ///
    /// # Errors
    /// [`ProviderError`]: `Config`, `Deploy`, `Volume`, `Exists` and `Several`.
    ///
    /// # Cost
    /// A network volume that is made bills from then on.
    pub async fn mounting(&self, config: &SindriConfig, spec: PodSpec) -> Result<PodSpec, ProviderError> {
        let blueprint = Blueprint { spec, ..self.blueprint(config)? };
        Ok(volume::mount(&self.watched()?, &config.name, &blueprint, false).await?.spec)
    }

    /// The spec of a blueprint with the labels of this provider's pods and the secrets.
    fn spec_of(&self, blueprint: &Blueprint, secrets: &Resolved, force: bool) -> PodSpec {
        let spec = blueprint.spec(force);
        let spec = self.label().into_iter().fold(spec, |spec, (key, value)| spec.label(key, value));
        secrets.values.iter().fold(spec, |spec, (name, value)| spec.env(name, value.clone()))
    }

    fn secrets_of(&self, config: &SindriConfig) -> Result<Resolved, ProviderError> {
        let resolver = Resolver {
            resolved: self.resolved(),
            variables: self.variables(),
            folder: config.folder.as_deref(),
        };
        resolver.resolve(&config.secrets)
    }

    async fn dry_run(
        &self,
        config: &SindriConfig,
        blueprint: &Blueprint,
        force: bool,
    ) -> Result<DeployResult, ProviderError> {
        let runpod = self.watched()?;
        let blueprint = &volume::planned(&runpod, &config.name, blueprint).await?;
        let plan = runpod
            .plan(&blueprint.spec(force))
            .await
            .map_err(ProviderError::deploy(&config.name, blueprint.suggestions()))?;
        let mut result = DeployResult::new(&config.name, blueprint.warnings.clone());
        result.warnings.extend(plan.warnings.iter().map(ToString::to_string));
        result.messages.push("dry run: nothing was changed".to_owned());
        // Warnings have a place of their own.
        let lines = lines(&config.name, blueprint, &plan, force);
        result.messages.extend(lines.into_iter().filter(|line| !line.starts_with("warning: ")));
        Ok(result)
    }

    /// A handle that collects warnings besides telling the observer everything.
    fn listening(&self, warned: &Arc<Mutex<Vec<String>>>) -> Result<RunPod, ProviderError> {
        let (warned, observer) = (Arc::clone(warned), self.observer());
        Ok(self.client()?.on_event(move |event| {
            if let Some(warning) = warning(event) {
                warned.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
            }
            if let Some(observe) = &observer {
                observe(event);
            }
        }))
    }
}

fn messages(pod: &PodHandle, blueprint: &Blueprint, secrets: usize) -> Vec<String> {
    let mut messages = vec![format!("pod {} was created", pod.id)];
    messages.push(match (&pod.gpu, &pod.cpu, blueprint.spec.get_vcpus()) {
        (Some(gpu), _, _) => format!("{}x {}", gpu.count, gpu.id),
        (_, Some(cpu), _) => format!("{} vCPUs of {}", cpu.vcpus, cpu.flavor),
        (_, _, None) => format!("{} GPUs", blueprint.spec.get_gpu_count()),
        (_, _, Some(vcpus)) => format!("{vcpus} vCPUs"),
    });
    messages.push(format!("{}, until it is stopped or destroyed", pod.hourly_cost()));
    match secrets {
        0 => {}
        1 => messages.push("1 secret was injected".to_owned()),
        count => messages.push(format!("{count} secrets were injected")),
    }
    messages
}

fn warning(event: &Event) -> Option<String> {
    match event {
        Event::Warned { warning } => Some(warning.to_string()),
        Event::CatalogUnread { .. }
        | Event::OutcomeUnclear { .. }
        | Event::DuplicateTerminated { .. }
        | Event::VolumeMade { .. }
        | Event::CandidateRefused { .. } => Some(event.to_string()),
        _ => None,
    }
}
