//! Starting and stopping an environment.

pub(crate) mod connect;
pub(crate) mod destroy;

use std::time::Duration;

use runpod_lifecycle::{Accepted, Idle, Pod, PodHandle, Stopped, printable};
use serde::Serialize;
use tokio::time::sleep_until;

use crate::{
    ConnectionInfo, DeploymentState, ProviderError, RunpodProvider, SindriConfig,
    environment::present::Present,
};

/// Outcome of a start, stop or destroy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ActionReport {
    /// The environment's name.
    pub name: String,
    /// The pod's id; `None` if there is none.
    pub instance_id: Option<String>,
    /// Addresses to reach it at; only after a start that was waited for.
    pub connection: Option<ConnectionInfo>,
    /// The steps that were done.
    pub messages: Vec<String>,
    /// Warnings.
    pub warnings: Vec<String>,
}

impl ActionReport {
    pub(crate) fn new(name: &str, pod: Option<&Pod>) -> Self {
        Self {
            name: name.to_owned(),
            instance_id: pod.map(|pod| pod.id.clone()),
            connection: None,
            messages: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(crate) fn say(mut self, message: impl Into<String>) -> Self {
        self.messages.push(printable(&message.into()).into_owned());
        self
    }

    pub(crate) fn warn(mut self, warning: impl Into<String>) -> Self {
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
        let present = self.present(&self.watched()?, &config.name).await?;
        let pod = &present.pod;
        let report = ActionReport::new(&config.name, Some(pod));
        let (report, present) = match DeploymentState::of(pod) {
            DeploymentState::Stopped => {
                let applied = pod.start().await.map_err(ProviderError::call("start", &config.name))?;
                (report.say(accepted("start", pod, &applied)).say("its ports and addresses are new"), None)
            }
            DeploymentState::Running | DeploymentState::Creating => {
                let report = report.say(format!("pod {} is {} already", pod.id, DeploymentState::of(pod)));
                (present.doubt.iter().fold(report, ActionReport::warn), Some(&present))
            }
            _ => return Err(wrong_state(&config.name, pod, "only stopped pods can be started")),
        };
        let Some(longest) = wait_for else {
            return Ok(without_gpu(pod).await.into_iter().fold(report, ActionReport::warn));
        };
        let pod = self.wait_until_usable(config, pod, present, longest).await?;
        let connection = Some(ConnectionInfo::of(&pod, config.runpod().ssh_user.as_deref()));
        Ok(ActionReport { connection, ..report.say("it is ready") })
    }

    /// Stops the environment, and waits until it is stopped if `wait` says how long. The stop is sent whatever RunPod
    /// says of the pod's state, unless that is an error: it may be from before the last start. No rate limit holds it back.
    ///
    /// # Errors
    /// [`ProviderError`]: `NotFound`, `WrongState`, `Call` if RunPod refuses, `Wait` if the wait was in vain.
    pub async fn stop_environment(
        &self,
        config: &SindriConfig,
        wait_for: Option<Duration>,
    ) -> Result<ActionReport, ProviderError> {
        let present = self.present(&self.watched()?.for_ending(), &config.name).await?;
        self.stop_present(config, &present, wait_for).await
    }

    async fn stop_present(
        &self,
        config: &SindriConfig,
        present: &Present,
        wait_for: Option<Duration>,
    ) -> Result<ActionReport, ProviderError> {
        let pod = &present.pod;
        if DeploymentState::of(pod) == DeploymentState::Error && present.doubt.is_none() {
            return Err(wrong_state(&config.name, pod, "only running pods can be stopped"));
        }
        let applied = pod.stop().await.map_err(ProviderError::call("stop", &config.name))?;
        let report = ActionReport::new(&config.name, Some(pod));
        let report = match DeploymentState::of(pod) {
            DeploymentState::Stopped if present.doubt.is_none() => {
                report.say(format!("pod {} is stopped already", pod.id))
            }
            _ => report.say(accepted("stop", pod, &applied)),
        };
        let report = report.say(kept(pod));
        let Some(longest) = wait_for else { return Ok(report) };
        self.wait(pod, &config.name, Stopped, longest).await?;
        Ok(report.say("it is stopped"))
    }

    /// Stops the environment once its CPU and each of its GPUs were used less than 5 % for so long without a break, and
    /// waits until it is stopped if `wait` says how long. Watches for a month at most.
    ///
    /// # Errors
    /// As [`stop_environment`](Self::stop_environment), and `Wait` if it never was idle, is stopped meanwhile or gone.
    ///
    /// # Cancellation
    /// Dropping the future stops watching; the environment runs on, and bills.
    pub async fn stop_when_idle(
        &self,
        config: &SindriConfig,
        idle: Duration,
        wait_for: Option<Duration>,
    ) -> Result<ActionReport, ProviderError> {
        let runpod = self.watched()?;
        let mut present = self.present(&runpod, &config.name).await?;
        // Somebody may have started it a moment ago: whoever works now is not to be stopped.
        while DeploymentState::of(&present.pod) == DeploymentState::Stopped {
            if present.doubt.is_none() {
                let report = ActionReport::new(&config.name, Some(&present.pod));
                return Ok(report.say(format!("pod {} is stopped already", present.pod.id)));
            }
            sleep_until(present.sure_at).await;
            present = self.present(&runpod, &config.name).await?;
        }
        let idle = Idle::below(IDLE_BELOW).during(idle);
        // The pod that was watched is stopped, whatever has its name by then.
        let pod = self.wait(&present.pod, &config.name, idle, IDLE_PATIENCE).await?;
        self.stop_present(config, &Present { pod, ..present }, wait_for).await
    }
}

/// The use of CPU and GPUs in percent below which nobody works.
const IDLE_BELOW: u8 = 5;
/// The longest that an environment is watched for idleness: a month.
const IDLE_PATIENCE: Duration = Duration::from_secs(30 * 24 * 3600);

/// A warning about a pod that has come back without its GPUs, as far as one poll shows.
async fn without_gpu(pod: &PodHandle) -> Option<String> {
    let seen = pod.refresh().await.ok()?;
    let is_up = matches!(DeploymentState::of(&seen), DeploymentState::Running | DeploymentState::Creating);
    let has_none = seen.gpu.as_ref().is_some_and(|gpu| gpu.count == 0);
    (is_up && has_none).then(|| {
        format!(
            "pod {} is up without a GPU, since its host has none free, and bills: stop it and try later, or destroy and deploy anew (a pod volume does not move)",
            pod.id
        )
    })
}

/// Words for RunPod's answer to an action that it took.
fn accepted(action: &str, pod: &Pod, applied: &Accepted) -> String {
    let id = &pod.id;
    match &applied.state {
        Some(state) => format!("RunPod accepted the {action} of pod {id} and says {state}"),
        None => format!("RunPod accepted the {action} of pod {id}; see status"),
    }
}

pub(crate) fn wrong_state(name: &str, pod: &Pod, allowed: &'static str) -> ProviderError {
    ProviderError::WrongState {
        name: name.to_owned(),
        pod_id: pod.id.clone(),
        state: DeploymentState::of(pod),
        word: pod.state.as_ref().map(ToString::to_string).unwrap_or_default(),
        allowed,
    }
}

/// Words for the data that a stop keeps.
fn kept(pod: &Pod) -> String {
    match (pod.volume_gb, &pod.network_volume) {
        (Some(size), _) => format!("the {size} GB pod volume is kept and bills; the container disk is wiped"),
        (None, Some(id)) => format!("network volume {id} is kept; the container disk is wiped"),
        (None, None) if !pod.knows_volume() => {
            "the container disk is wiped; RunPod does not say whether there is a pod volume, which would be kept and bill".to_owned()
        }
        (None, None) => "0 GB are kept: the container disk is wiped and there is no volume".to_owned(),
    }
}
