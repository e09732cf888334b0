//! Destroying an environment.

use std::{collections::BTreeSet, time::Duration};

use runpod_lifecycle::{Error, Event, Gone, PodHandle, RunPod, WaitError};
use tokio::time::{Instant, sleep_until};

use crate::{
    ActionReport, ProviderError, RunpodProvider, SindriConfig,
    environment::present::{LAG, Listed},
};

/// The pause between two searches for a pod that no list shows yet.
const PAUSE: Duration = Duration::from_secs(5);

impl RunpodProvider {
    /// Deletes the environment, and waits until it is gone if `wait` says how long. `force` deletes every pod of its
    /// name where there are several.
    ///
    /// Takes 15 s: RunPod's lists may lack a pod that is younger, so they are read once more when they would show each pod
    /// that was there at the beginning, and what has shown up of that name is deleted as well. No rate limit holds it back.
    ///
    /// # Errors
    /// [`ProviderError`]: `Several` without `force`, `Call` if RunPod refuses, `Wait` if the wait was in vain, `NotSeen` if
    /// the last list cannot be read.
    ///
    /// # Cancellation
    /// A pod whose delete was sent is going; another one of its name may be left.
    ///
    /// # Cost
    /// On any error assume that something still bills.
    pub async fn destroy_environment(
        &self,
        config: &SindriConfig,
        force: bool,
        wait_for: Option<Duration>,
    ) -> Result<ActionReport, ProviderError> {
        let name = &config.name;
        let sure_at = Instant::now() + LAG;
        let runpod = self.watched()?.for_ending();
        let pods = self.listed(&runpod, name).await.map_err(ProviderError::call("look for", name))?;
        if pods.own.len() > 1 && !force {
            return Err(ProviderError::several(name, &pods.own));
        }
        let mut destruction = Destruction::default();
        destruction.end(pods).await;
        if destruction.ended.is_empty() && !destruction.failed.is_empty() {
            return destruction.outcome(name, Ok(()));
        }
        let seen = self.end_late(&runpod, name, &mut destruction, sure_at).await;
        if let Some(longest) = wait_for {
            destruction.wait(longest).await;
        }
        destruction.outcome(name, seen)
    }

    /// Ends what lists show of a name until they would show every pod that was there 15 s before `sure_at`.
    async fn end_late(
        &self,
        runpod: &RunPod,
        name: &str,
        destruction: &mut Destruction,
        sure_at: Instant,
    ) -> Result<(), Error> {
        self.tell_lag(name, sure_at);
        loop {
            let next = if destruction.ended.is_empty() { Instant::now() + PAUSE } else { sure_at };
            sleep_until(next.min(sure_at)).await;
            let is_last = Instant::now() >= sure_at;
            match self.listed(runpod, name).await {
                Ok(pods) => destruction.end(pods).await,
                Err(error) if is_last => return Err(error),
                Err(_) => {}
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn tell_lag(&self, name: &str, sure_at: Instant) {
        if let Some(observe) = self.observer() {
            observe(&Event::Paused {
                operation: format!("read the list once more for pods named {name:?}"),
                pause: sure_at.saturating_duration_since(Instant::now()),
                reason: "RunPod may not list a new pod yet, since its lists may be behind".to_owned(),
            });
        }
    }
}

/// Outcomes for the pods of a name.
#[derive(Debug, Default)]
struct Destruction {
    ended: Vec<PodHandle>,
    failed: Vec<(PodHandle, Failure)>,
}

#[derive(Debug)]
enum Failure {
    Call(Error),
    Wait(WaitError),
    /// RunPod does not show whose it is.
    Unclear,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Wait(error) => error.fmt(f),
            Self::Unclear => f.write_str("RunPod does not show its labels, so it was left"),
        }
    }
}

impl Destruction {
    /// Ends each pod that was not tried yet, whatever becomes of the others. Nobody knows yet whose an unclear one is.
    async fn end(&mut self, pods: Listed) {
        self.failed.retain(|(_, failure)| !matches!(failure, Failure::Unclear));
        for pod in pods.own {
            let failed = self.failed.iter().map(|(pod, _)| pod);
            if self.ended.iter().chain(failed).any(|tried| tried.id == pod.id) {
                continue;
            }
            match pod.terminate().await {
                Ok(_) => self.ended.push(pod),
                Err(error) => self.failed.push((pod, Failure::Call(error))),
            }
        }
        self.failed.extend(pods.unclear.into_iter().map(|pod| (pod, Failure::Unclear)));
    }

    /// Waits until each is gone.
    async fn wait(&mut self, longest: Duration) {
        let end = Instant::now() + longest.min(Duration::from_secs(365 * 24 * 3600));
        for pod in std::mem::take(&mut self.ended) {
            match pod.wait_until(Gone, end.saturating_duration_since(Instant::now())).await {
                Ok(_) => self.ended.push(pod),
                Err(error) => self.failed.push((pod, Failure::Wait(error))),
            }
        }
    }

    /// Reports it. `seen` is the failure of the last search for further pods.
    fn outcome(mut self, name: &str, seen: Result<(), Error>) -> Result<ActionReport, ProviderError> {
        if self.ended.is_empty() && self.failed.len() == 1 && seen.is_ok() {
            let (pod, failure) = self.failed.swap_remove(0);
            return Err(match failure {
                Failure::Call(error) => ProviderError::call("destroy", name)(error),
                Failure::Wait(source) => ProviderError::Wait { name: name.to_owned(), source }.told_once(),
                Failure::Unclear => {
                    ProviderError::Unclear { name: name.to_owned(), pod_ids: vec![pod.id.clone()] }
                }
            });
        }
        let destroyed: Vec<String> = self.ended.iter().map(|pod| pod.id.clone()).collect();
        if !self.failed.is_empty() {
            let left = self.failed.iter().map(|(pod, why)| (pod.id.clone(), why.to_string())).collect();
            return Err(ProviderError::NotDestroyed { name: name.to_owned(), destroyed, left });
        }
        if let Err(source) = seen {
            return Err(ProviderError::NotSeen { name: name.to_owned(), destroyed, source });
        }
        Ok(report(name, &self.ended))
    }
}

fn report(name: &str, pods: &[PodHandle]) -> ActionReport {
    let mut report = ActionReport::new(name, pods.first().map(|pod| &**pod));
    if pods.is_empty() {
        return report.warn(format!("environment {name:?} is not deployed: nothing to destroy"));
    }
    for pod in pods {
        report = report.say(format!("pod {} was destroyed", pod.id));
    }
    let volumes: BTreeSet<&String> = pods.iter().filter_map(|pod| pod.network_volume.as_ref()).collect();
    for volume in volumes {
        report = report.say(format!("network volume {volume} was kept and bills"));
    }
    report
}
