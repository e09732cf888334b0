//! From a spec and a task to a result: deploy, wait, upload, run, download, end.

use std::{fmt, pin::pin, time::Duration};

use runpod_lifecycle::{
    Aftermath, DeployError, Origin, PodHandle, PodSpec, Ready, RunPod, ScopeError, WaitError,
};
use tokio::time::Instant;

use crate::{Done, JobEnd, Keep, StepError, Task, task::Working};

/// The outcome of a task that came to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The pod's id.
    pub pod_id: String,
    /// The id of the job, by which it can be attached to on a pod that was kept.
    pub job_id: String,
    /// The job's end, good or bad.
    pub end: JobEnd,
    /// Files that were fetched.
    pub fetched: u64,
    /// From the beginning, any wait for stock included, until sshd greeted.
    pub booting: Duration,
    /// Uploads and downloads together.
    pub transferring: Duration,
    /// The job.
    pub running: Duration,
    /// The cost of the pod's time until now in USD, storage included; `None` if RunPod named no price.
    pub usd: Option<f64>,
    /// True if the pod was kept: it bills on.
    pub is_kept: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the job {}; {:.0} s booting, {:.0} s transferring, {:.0} s running",
            self.end,
            self.booting.as_secs_f64(),
            self.transferring.as_secs_f64(),
            self.running.as_secs_f64()
        )?;
        if let Some(usd) = self.usd {
            write!(f, ", ${usd:.4}")?;
        }
        match self.is_kept {
            true => write!(
                f,
                "; pod {} was kept and bills until it is terminated, and what the job printed is in ~/.runpod-jobs/{}/out there",
                self.pod_id, self.job_id
            ),
            false => Ok(()),
        }
    }
}

/// A task that did not come to its end; it says what became of the pod.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// The task can never work as it is. Nothing was sent to RunPod, and nothing bills.
    Refused(StepError),
    /// No pod could be had, a step failed on it, it was interrupted, or the pod could not be terminated.
    Failed(Box<ScopeError<Done, StepError>>),
}

impl RunError {
    /// Returns true if a pod may exist and bill.
    #[must_use]
    pub fn may_bill(&self) -> bool {
        matches!(self, Self::Failed(error) if error.may_bill())
    }

    /// The id of the pod; `None` if RunPod has shown none.
    #[must_use]
    pub fn pod_id(&self) -> Option<&str> {
        match self {
            Self::Refused(_) => None,
            Self::Failed(error) => error.pod_id(),
        }
    }

    /// The step that failed; `None` if none did.
    #[must_use]
    pub fn step(&self) -> Option<&StepError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Failed(error) => match &**error {
                ScopeError::Work { error, .. } => Some(error),
                _ => None,
            },
        }
    }

    fn failed(error: ScopeError<Done, StepError>) -> Self {
        Self::Failed(Box::new(error))
    }

    fn deploy(error: DeployError) -> Self {
        Self::failed(ScopeError::Deploy(error))
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => {
                write!(f, "no pod was deployed, since {} could never work: {}", error.step, error.source)
            }
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(error) => error.source(),
            Self::Failed(error) => error.source(),
        }
    }
}

/// Deploys a pod, brings files to it, runs a job on it, fetches files from it, and ends it unless told to keep it ([`Task::keep`]).
///
/// The pod is the spec's, with its needs, price limit and patience; it must open `22/tcp`. A job that fails is no error: the report has its end.
///
/// # Errors
/// [`RunError`]: `Refused` before anything is sent if the spec cannot be logged in to, or a key, an upload or OpenSSH's client is not there;
/// else `Failed`, which says what became of the pod. [`may_bill`](RunError::may_bill) says whether one is left.
///
/// # Cancellation
/// As [`RunPod::with_pod`]: a task that ends the pod is left to the runtime. Give the spec a lifetime for what a killed program leaves.
/// With [`Keep`] set the pod is left running.
///
/// # Cost
/// The pod bills from RunPod's answer to its create to its answer to the terminate.
pub async fn run(runpod: &RunPod, spec: &PodSpec, task: &Task) -> Result<Report, RunError> {
    run_until(runpod, spec, task, std::future::pending()).await
}

/// Does the same as [`run`] until a future ends, such as one that waits for Ctrl-C: then the pod is terminated at once, or kept if the
/// task says so.
///
/// # Errors
/// As `run`, and [`ScopeError::Interrupted`] within `Failed`.
///
/// # Cancellation
/// As `run`.
///
/// # Cost
/// As `run`. A create that is under way is seen through, since only its answer tells which pod to end.
pub async fn run_until(
    runpod: &RunPod,
    spec: &PodSpec,
    task: &Task,
    interrupt: impl Future<Output = ()> + Send,
) -> Result<Report, RunError> {
    task.check(spec).await.map_err(RunError::Refused)?;
    match task.keeps() {
        Keep::Never => ending(runpod, spec, task, interrupt).await,
        Keep::OnFailure | Keep::Always => keeping(runpod, spec, task, interrupt).await,
    }
}

/// Runs a task on a pod that is ended after it.
async fn ending(
    runpod: &RunPod,
    spec: &PodSpec,
    task: &Task,
    interrupt: impl Future<Output = ()> + Send,
) -> Result<Report, RunError> {
    let began = Instant::now();
    let mut booting = Duration::ZERO;
    let waited = &mut booting;
    // Boxed by hand: the future of an async closure is not known to be Send.
    let work = move |pod: PodHandle| -> Working<'_, Result<Done, StepError>> {
        *waited = began.elapsed();
        Box::pin(async move { task.work(&pod).await })
    };
    let scope = runpod.with_pod(spec, Ready::Ssh, task.longest(), work).until(interrupt);
    let scoped = scope.await.map_err(RunError::failed)?;
    // A pod that was adopted is nobody's to end.
    let is_kept = scoped.pod.origin() != Origin::Created;
    Ok(report(task, &scoped.pod, scoped.value, booting, scoped.usd, is_kept))
}

/// Runs a task on a pod that is kept, or ended if all went well.
async fn keeping(
    runpod: &RunPod,
    spec: &PodSpec,
    task: &Task,
    interrupt: impl Future<Output = ()> + Send,
) -> Result<Report, RunError> {
    let began = Instant::now();
    // Seen through: only its end tells the pod.
    let pod = Box::pin(runpod.deploy(spec)).await.map_err(RunError::deploy)?;
    let created = Instant::now();
    let live = pin!(async {
        let ready = Box::pin(until_ready(&pod, task.longest())).await?;
        let booting = began.elapsed();
        let done = Box::pin(task.work(&ready)).await;
        let kept = |error| work_failed(&ready, error);
        done.map(|done| (ready.clone(), booting, done)).map_err(kept)
    });
    let interrupt = pin!(interrupt);
    let (ready, booting, done) = tokio::select! {
        biased;
        outcome = live => outcome.map_err(RunError::failed)?,
        () = interrupt => {
            let (pod_id, aftermath) = (pod.id.clone(), Aftermath::Kept);
            return Err(RunError::failed(ScopeError::Interrupted { pod_id, aftermath, doubt: None }));
        }
    };
    let hours = created.elapsed().as_secs_f64() / 3600.0;
    let usd = ready.hourly_cost().total_usd().map(|hourly| hourly * hours);
    let is_kept = task.keeps() == Keep::Always || !done.end.is_success() || ready.origin() != Origin::Created;
    if !is_kept && let Err(source) = ready.terminate().await {
        let pod_id = ready.id.clone();
        return Err(RunError::failed(ScopeError::NotTerminated { pod_id, value: done, source }));
    }
    Ok(report(task, &ready, done, booting, usd, is_kept))
}

/// Waits for a pod, which is kept if it does not become ready.
async fn until_ready(pod: &PodHandle, longest: Duration) -> Result<PodHandle, ScopeError<Done, StepError>> {
    pod.wait_until(Ready::Ssh, longest).await.map_err(|error| {
        ScopeError::Deploy(match error {
            WaitError::GaveWay { source, .. } => DeployError::GaveWay(source),
            error => DeployError::NotReady {
                pod_id: error.pod_id().to_owned(),
                origin: pod.origin(),
                aftermath: Aftermath::Kept,
                source: Box::new(error),
            },
        })
    })
}

fn work_failed(pod: &PodHandle, error: StepError) -> ScopeError<Done, StepError> {
    ScopeError::Work { pod_id: pod.id.clone(), error, aftermath: Aftermath::Kept, doubt: None }
}

fn report(
    task: &Task,
    pod: &PodHandle,
    done: Done,
    booting: Duration,
    usd: Option<f64>,
    is_kept: bool,
) -> Report {
    let Done { end, fetched, transferring, running } = done;
    let (pod_id, job_id) = (pod.id.clone(), task.job_id().to_owned());
    Report { pod_id, job_id, end, fetched, booting, transferring, running, usd, is_kept }
}
