//! Starting, stopping and destroying an environment.

use std::time::Duration;

use runpod_lifecycle::{Gone, Pod, PodHandle, Stopped};
use serde::Serialize;

use crate::{
    ConnectionInfo, DeploymentState, ProviderError, RunpodProvider, SindriConfig, deploy::wait,
    ready::Usable, runpod_provider::call_failed,
};

/// What a start, stop or destroy came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ActionReport {
    /// The environment's name.
    pub name: String,
    /// The pod's id; `None` if there is none.
    pub instance_id: Option<String>,
    /// How to reach it; only after a start that was waited for.
    pub connection: Option<ConnectionInfo>,
    /// What was done.
    pub messages: Vec<String>,
    /// What may surprise.
    pub warnings: Vec<String>,
}

impl ActionReport {
    fn new(name: &str, pod: Option<&Pod>) -> Self {
        Self {
            name: name.to_owned(),
            instance_id: pod.map(|pod| pod.id.clone()),
            connection: None,
            messages: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn say(mut self, message: impl Into<String>) -> Self {
        self.messages.push(message.into());
        self
    }

    fn warn(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }

    /// Tells the log, for callers that have nothing else.
    pub(crate) fn log(self) {
        for message in self.messages {
            tracing::info!(target: "runpod_sindri", "{message}");
        }
        for warning in self.warnings {
            tracing::warn!(target: "runpod_sindri", "{warning}");
        }
    }
}

impl RunpodProvider {
    /// Starts the environment if it is stopped, and waits until it can be used if `wait` says how long.
    ///
    /// # Errors
    /// [`ProviderError`]: `NotFound`, `WrongState`, `Call` if RunPod refuses, `Wait` if the wait was in vain.
    pub async fn start_environment(
        &self,
        config: &SindriConfig,
        wait_for: Option<Duration>,
    ) -> Result<ActionReport, ProviderError> {
        let pod = self.existing(&config.name).await?;
        let report = ActionReport::new(&config.name, Some(&pod));
        let report = match state(&pod) {
            DeploymentState::Stopped => {
                pod.start().await.map_err(call_failed("start", &config.name))?;
                report.say(format!("pod {} is starting; its ports and addresses are new", pod.id))
            }
            DeploymentState::Running | DeploymentState::Creating => {
                report.say(format!("pod {} is {} already", pod.id, state(&pod)))
            }
            _ => return Err(wrong_state(&config.name, &pod, "only stopped pods can be started")),
        };
        let Some(longest) = wait_for else { return Ok(report) };
        let pod = self.wait_until_usable(config, &pod, longest).await?;
        let connection = Some(ConnectionInfo::of(&pod, config.runpod().ssh_user.as_deref()));
        Ok(ActionReport { connection, ..report.say("it is ready") })
    }

    /// Stops the environment if it runs, and waits until it is stopped if `wait` says how long.
    ///
    /// # Errors
    /// [`ProviderError`]: `NotFound`, `WrongState`, `Call` if RunPod refuses, `Wait` if the wait was in vain.
    pub async fn stop_environment(
        &self,
        config: &SindriConfig,
        wait_for: Option<Duration>,
    ) -> Result<ActionReport, ProviderError> {
        let pod = self.existing(&config.name).await?;
        let report = ActionReport::new(&config.name, Some(&pod));
        let report = match state(&pod) {
            DeploymentState::Running | DeploymentState::Creating => {
                pod.stop().await.map_err(call_failed("stop", &config.name))?;
                report.say(format!("pod {} is stopping", pod.id)).say(kept(&pod))
            }
            DeploymentState::Stopped => {
                report.say(format!("pod {} is stopped already", pod.id)).say(kept(&pod))
            }
            _ => return Err(wrong_state(&config.name, &pod, "only running pods can be stopped")),
        };
        let Some(longest) = wait_for else { return Ok(report) };
        wait(&pod, &config.name, Stopped, longest).await?;
        Ok(report.say("it is stopped"))
    }

    /// Deletes the environment, and waits until it is gone if `wait` says how long. `force` deletes every pod of its
    /// name where there are several.
    ///
    /// # Errors
    /// [`ProviderError`]: `Several` without `force`, `Call` if RunPod refuses, `Wait` if the wait was in vain.
    ///
    /// # Cost
    /// On any error assume that something still bills.
    pub async fn destroy_environment(
        &self,
        config: &SindriConfig,
        force: bool,
        wait_for: Option<Duration>,
    ) -> Result<ActionReport, ProviderError> {
        let pods = if force {
            self.find_all(&config.name).await?
        } else {
            Vec::from_iter(self.find(&config.name).await?)
        };
        let mut report = ActionReport::new(&config.name, pods.first().map(|pod| &**pod));
        if pods.is_empty() {
            return Ok(
                report.warn(format!("environment {:?} is not deployed: nothing to destroy", config.name))
            );
        }
        for pod in &pods {
            pod.terminate().await.map_err(call_failed("destroy", &config.name))?;
            report = report.say(format!("pod {} was destroyed", pod.id));
        }
        if let Some(volume) = pods.iter().find_map(|pod| pod.network_volume.as_ref()) {
            report = report.say(format!("network volume {volume} was kept and bills"));
        }
        for pod in pods.iter().filter(|_| wait_for.is_some()) {
            wait(pod, &config.name, Gone, wait_for.unwrap_or_default()).await?;
        }
        Ok(report)
    }

    /// Waits until a pod can be used. What the config says about ssh counts if it can be deployed at all.
    pub(crate) async fn wait_until_usable(
        &self,
        config: &SindriConfig,
        pod: &PodHandle,
        longest: Duration,
    ) -> Result<PodHandle, ProviderError> {
        let fallback = Usable { ssh: true, public: false, tells_inside: true };
        let usable = self.blueprint(config).map_or(fallback, |plan| Usable::of(&plan));
        wait(pod, &config.name, usable, longest).await
    }
}

pub(crate) fn state(pod: &Pod) -> DeploymentState {
    pod.deployment_state().into()
}

pub(crate) fn wrong_state(name: &str, pod: &Pod, allowed: &'static str) -> ProviderError {
    ProviderError::WrongState {
        name: name.to_owned(),
        pod_id: pod.id.clone(),
        state: state(pod),
        word: pod.state.as_ref().map(ToString::to_string).unwrap_or_default(),
        allowed,
    }
}

/// What a stop keeps.
fn kept(pod: &Pod) -> String {
    match (pod.volume_gb, &pod.network_volume) {
        (Some(size), _) => format!("the {size} GB pod volume is kept and bills; the container disk is wiped"),
        (None, Some(id)) => format!("network volume {id} is kept; the container disk is wiped"),
        (None, None) => "0 GB are kept: the container disk is wiped and there is no volume".to_owned(),
    }
}
