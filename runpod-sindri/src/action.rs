//! Starting, stopping and destroying an environment.

use std::{collections::BTreeSet, time::Duration};

use runpod_lifecycle::{Applied, Event, Gone, Pod, PodHandle, Stopped, printable};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::{
    ConnectionInfo, DeploymentState, ProviderError, RunpodProvider, SindriConfig,
    deploy::wait,
    ready::Usable,
    runpod_provider::{call_failed, several},
};

/// How far RunPod's lists may be behind: a pod that another process has just created may be missing for so long.
const LAG: Duration = Duration::from_secs(15);
/// The pause between two looks for such a pod.
const PAUSE: Duration = Duration::from_secs(5);

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
        self.messages.push(printable(&message.into()).into_owned());
        self
    }

    fn warn(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(printable(&warning.into()).into_owned());
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
        let pod = self.present(&config.name).await?;
        let report = ActionReport::new(&config.name, Some(&pod));
        let report = match state(&pod) {
            DeploymentState::Stopped => {
                let applied = pod.start().await.map_err(call_failed("start", &config.name))?;
                report.say(accepted("start", &pod, &applied)).say("its ports and addresses are new")
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
        let pod = self.present(&config.name).await?;
        let report = ActionReport::new(&config.name, Some(&pod));
        let report = match state(&pod) {
            DeploymentState::Running | DeploymentState::Creating => {
                let applied = pod.stop().await.map_err(call_failed("stop", &config.name))?;
                report.say(accepted("stop", &pod, &applied)).say(kept(&pod))
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
        let pods = self.find_surely(&config.name).await?;
        if pods.len() > 1 && !force {
            return Err(several(&config.name, &pods));
        }
        let report = ActionReport::new(&config.name, pods.first().map(|pod| &**pod));
        match pods.as_slice() {
            [] => {
                let none = format!("environment {:?} is not deployed: nothing to destroy", config.name);
                Ok(report.warn(none))
            }
            [pod] => {
                pod.terminate().await.map_err(call_failed("destroy", &config.name))?;
                if let Some(longest) = wait_for {
                    wait(pod, &config.name, Gone, longest).await?;
                }
                Ok(gone(report, &pods))
            }
            pods => self.destroy_all(&config.name, pods, wait_for).await.map(|()| gone(report, pods)),
        }
    }

    /// Tries every pod, whatever becomes of the others.
    async fn destroy_all(
        &self,
        name: &str,
        pods: &[PodHandle],
        wait_for: Option<Duration>,
    ) -> Result<(), ProviderError> {
        let (mut destroyed, mut left) = (Vec::new(), Vec::new());
        for pod in pods {
            match pod.terminate().await {
                Ok(_) => destroyed.push(pod),
                Err(error) => left.push((pod.id.clone(), error.to_string())),
            }
        }
        let end = Instant::now() + wait_for.unwrap_or_default();
        let mut gone = Vec::new();
        for pod in destroyed {
            let remaining = end.saturating_duration_since(Instant::now());
            match wait_for {
                Some(_) => match pod.wait_until(Gone, remaining).await {
                    Ok(_) => gone.push(pod.id.clone()),
                    Err(error) => left.push((pod.id.clone(), error.to_string())),
                },
                None => gone.push(pod.id.clone()),
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(ProviderError::NotDestroyed { name: name.to_owned(), destroyed: gone, left })
    }

    /// Every pod of a name. That there is none is said only by a list in which a pod would be that another process
    /// created before this was asked.
    async fn find_surely(&self, name: &str) -> Result<Vec<PodHandle>, ProviderError> {
        let end = Instant::now() + LAG;
        let mut pods = self.find_all(name).await?;
        if pods.is_empty()
            && let Some(observe) = self.observer()
        {
            let warning = format!(
                "RunPod lists no pod named {name:?}; its lists may be behind, so they are read again for {} s",
                LAG.as_secs()
            );
            observe(&Event::Warned { warning });
        }
        while pods.is_empty() && Instant::now() < end {
            sleep(PAUSE.min(end.saturating_duration_since(Instant::now()))).await;
            pods = self.find_all(name).await?;
        }
        Ok(pods)
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

/// What RunPod answered to an action that it took.
fn accepted(action: &str, pod: &Pod, applied: &Applied) -> String {
    let id = &pod.id;
    match &applied.state {
        Some(state) => format!("RunPod accepted the {action} of pod {id} and says {state}"),
        None => format!("RunPod accepted the {action} of pod {id}; see status"),
    }
}

/// What is said about pods that were destroyed.
fn gone(mut report: ActionReport, pods: &[PodHandle]) -> ActionReport {
    for pod in pods {
        report = report.say(format!("pod {} was destroyed", pod.id));
    }
    let volumes: BTreeSet<&String> = pods.iter().filter_map(|pod| pod.network_volume.as_ref()).collect();
    for volume in volumes {
        report = report.say(format!("network volume {volume} was kept and bills"));
    }
    report
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
